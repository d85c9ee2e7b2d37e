# SPDX-License-Identifier: Apache-2.0
"""The product on degraded queries: accuracy against strength, and what the mild setting costs.

The same photos at every setting, so that each loss has an interval of its own. Strength 0 is the
plain run: its answers are taken over, not measured again.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from kiosk.values import Pixels
from tools.evaluation.answers import Answer, Progress, System, ask
from tools.evaluation.bootstrap import Clusters, Estimate, Floats
from tools.evaluation.degrade import DEGRADATIONS, STRENGTHS, Degradation, degraded
from tools.evaluation.manifests import Picture
from tools.evaluation.measures import TOP

MILD = 1


@dataclass(frozen=True, slots=True)
class Point:
    """One degradation at one strength."""

    strength: int
    setting: float | None
    top1: Estimate
    top5: Estimate
    loss: Estimate
    """Top-1 of the same photos undegraded less top-1 here."""

    def as_dict(self) -> dict[str, object]:
        return {
            "strength": STRENGTHS[self.strength],
            "setting": self.setting,
            "top1": self.top1.as_dict(),
            "top5": self.top5.as_dict(),
            "loss": self.loss.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class Curve:
    """One degradation at strengths 0 to 3."""

    how: Degradation
    points: tuple[Point, ...]

    @property
    def mild_loss(self) -> Estimate:
        return self.points[MILD].loss


@dataclass(frozen=True, slots=True)
class Sweep:
    """All curves, on so many photos."""

    photos: int
    curves: tuple[Curve, ...]

    def as_dict(self) -> dict[str, object]:
        curves: Mapping[str, object] = {
            curve.how.name: {
                "setting_means": curve.how.about,
                "points": [point.as_dict() for point in curve.points],
            }
            for curve in self.curves
        }
        return {"photos": self.photos, "curves": curves}


def swept(
    system: System,
    plain: Sequence[Answer],
    most: int,
    seed: int,
    progress: Progress,
    ways: Sequence[Degradation] = DEGRADATIONS,
) -> Sweep:
    """Ask at most `most` of the plainly answered photos, spread evenly, in every way again."""
    chosen = _evenly(plain, most)
    pictures = [answer.picture for answer in chosen]
    boxes = {answer.picture.path: answer.reply.box for answer in chosen}
    clusters = Clusters([each.sku for each in pictures], (seed,))
    base = _hits(chosen, 1)

    def seen(pixels: Pixels, picture: Picture, how: Degradation, strength: int) -> Pixels:
        mark = (seed, zlib.crc32(picture.name.encode()), zlib.crc32(how.name.encode()))
        return degraded(pixels, how, strength, boxes[picture.path], mark)

    curves = []
    for how in ways:
        points = [_point(0, None, clusters, chosen, base)]
        for strength, setting in enumerate(how.settings, start=1):
            change = partial(seen, how=how, strength=strength)
            what = f"sweep: {how.name}, {STRENGTHS[strength]}"
            answers, _ = ask(system, pictures, progress, change, what)
            points.append(_point(strength, setting, clusters, answers, base))
        curves.append(Curve(how, tuple(points)))
    return Sweep(len(pictures), tuple(curves))


def _evenly(answers: Sequence[Answer], most: int) -> list[Answer]:
    if len(answers) <= most:
        return list(answers)
    return [answers[place] for place in np.linspace(0, len(answers) - 1, most).astype(int)]


def _hits(answers: Sequence[Answer], top: int) -> Floats:
    return np.array([1 <= answer.rank <= top for answer in answers], np.float64)


def _point(
    strength: int,
    setting: float | None,
    clusters: Clusters,
    answers: Sequence[Answer],
    base: Floats,
) -> Point:
    hits = _hits(answers, 1)
    return Point(
        strength=strength,
        setting=setting,
        top1=clusters.share(hits),
        top5=clusters.share(_hits(answers, TOP)),
        loss=clusters.difference(base, hits),
    )
