# SPDX-License-Identifier: Apache-2.0
"""The scenario table: what the kiosk says of items that are seen badly, and of twins.

Known photos are held against a catalog of all SKUs, and against the halves that their SKU is left
out of. Here the hints count: an item of which the kiosk asks to be shown it better is not accepted
from that look. What the rule alone would have accepted wrongly is counted beside it. A shop photo
often ends at the item, so hints about the edge of the frame count only where the row cuts it off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np

from kiosk.config import DecideConfig
from kiosk.decide.coach import poor
from kiosk.values import Hint, Quality, Thresholds
from tools.evaluation.bootstrap import Clusters, Estimate, Floats
from tools.evaluation.cases import Case, Kind, Said, case
from tools.evaluation.exact import clopper_pearson
from tools.evaluation.halves import Workbench, claim_of
from tools.evaluation.held import Held, decided
from tools.evaluation.manifests import Picture
from tools.evaluation.plan import Plan
from tools.evaluation.sights import PRODUCT, Seen, code_of
from tools.evaluation.ways import WAYS, Way, coloured

ALL = "all"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of one table."""

    way: str
    photos: int
    said: Mapping[Said, Estimate]
    wrong: int
    """Accepted wrongly, of the photos in the catalog of all SKUs."""
    wrong_unhinted: int
    """The same when hints hold nothing back."""
    stated: float | None
    """Most that the release states of such things."""
    left_out: int
    """Photos held against the catalogs without their SKU."""
    left_out_wrong: int
    left_out_unhinted: int
    left_out_things: int
    left_out_stated: float | None
    """The least that one of those releases states."""
    things: Estimate
    """Share of the SKUs of which any photo was accepted wrongly in either, exact."""

    @property
    def within(self) -> bool:
        """Both shares are within what is stated."""
        return _within(self.wrong, self.photos, self.stated) and _within(
            self.left_out_wrong, self.left_out, self.left_out_stated
        )

    def as_dict(self) -> dict[str, object]:
        return {
            "way": self.way,
            "photos": self.photos,
            "said": {said.value: share.as_dict() for said, share in self.said.items()},
            "wrong": self.wrong,
            "wrong_without_hints": self.wrong_unhinted,
            "stated": self.stated,
            "left_out_photos": self.left_out,
            "left_out_wrong": self.left_out_wrong,
            "left_out_wrong_without_hints": self.left_out_unhinted,
            "left_out_wrong_things": self.left_out_things,
            "left_out_stated": self.left_out_stated,
            "things_accepted_wrongly": self.things.as_dict(),
            "within": self.within,
        }


@dataclass(frozen=True, slots=True)
class Table:
    """All rows under one asked rate, for one group of SKUs."""

    risk: float
    group: str
    lines: tuple[Line, ...]
    wrong: tuple[tuple[str, Case], ...]
    """What was accepted wrongly, by row; in the table of all SKUs only."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A photo in one way: with hints, and by the rule alone."""

    gated: Case
    alone: Case


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a photo shows in one way, and the hint that it gives."""

    seen: Seen
    hint: Hint | None


Answers = dict[str, list[_Asked]]
"""By row."""


def tables(
    bench: Workbench,
    whole: Plan,
    parts: Sequence[Plan],
    risks: Sequence[float],
    most: int,
) -> list[Table]:
    """Rows for all SKUs and for each category, at every asked rate.

    whole: the plan of all SKUs; parts: those of the halves.
    """
    photos = _evenly(whole.queries, most)
    seen = _seen(bench, photos, 0)
    found = []
    for risk in risks:
        with closing(bench.opened(whole.references, risk)) as held:
            known = _answers(held, -1, photos, seen, listed=True)
            stated = held.thresholds
        strange: Answers = {}
        limits = []
        for number, plan in enumerate(parts):
            bench.progress(f"scenarios, asked {risk:g}", number, len(parts))
            left_out = set(plan.left_out)
            some = [each for each in photos if each.sku in left_out]
            with closing(bench.opened(plan.references, risk)) as held:
                for name, asked in _answers(held, number, some, seen, listed=False).items():
                    strange.setdefault(name, []).extend(asked)
                limits.append(held.thresholds)
        for group in [ALL, *sorted({each.category for each in photos})]:
            found.append(_table(risk, group, known, strange, (stated, limits)))
    return found


def _seen(bench: Workbench, photos: Sequence[Picture], seed: int) -> dict[tuple[str, str], _Shown]:
    """Every photo seen in every way, by row and photo; a twin of a colourless item is none."""
    code = code_of(PRODUCT.parent / "tools" / "evaluation", "degrade", "ways")
    found: dict[tuple[str, str], _Shown] = {}
    for row, way in enumerate(WAYS):
        for done, picture in enumerate(photos):
            bench.progress(f"seen {way.name} ({row + 1} of {len(WAYS)})", done, len(photos))
            plain = bench.sights.of(picture)
            if way.twin and (plain.box is None or not coloured(bench.sights.features(plain))):
                continue
            name = f"{code} {way.name} {way.setting} {seed} {picture.name}"
            change = way.change(picture, plain.box, seed)
            seen = bench.sights.of(picture, change, name)
            quality = bench.sights.quality(seen, picture, change)
            found[way.name, picture.name] = _Shown(seen, _hint(seen, quality, way))
    return found


def _hint(seen: Seen, quality: Quality | None, way: Way) -> Hint | None:
    if quality is None:
        return None
    if way.edges:
        return poor(quality, whole=seen.whole)
    return poor(replace(quality, fill=0.0))


def _answers(
    held: Held,
    number: int,
    photos: Iterable[Picture],
    seen: Mapping[tuple[str, str], _Shown],
    *,
    listed: bool,
) -> Answers:
    return {
        way.name: [
            _asked(held, seen[way.name, each.name], each, number, listed=listed and not way.twin)
            for each in photos
            if (way.name, each.name) in seen
        ]
        for way in WAYS
        if listed or not way.twin  # with its model left out a twin is just another item
    }


def _asked(held: Held, shown: _Shown, picture: Picture, number: int, *, listed: bool) -> _Asked:
    look = held.look(shown.seen)
    if look is None:
        nothing = case(picture, number, None, None, listed=listed)
        return _Asked(nothing, nothing)
    decision = decided(replace(look, whole=True, hint=None), DecideConfig())
    alone = case(picture, number, look, decision, listed=listed)
    return _Asked(alone if shown.hint is None else replace(alone, said=Said.HINT), alone)


def _table(
    risk: float,
    group: str,
    known: Answers,
    strange: Answers,
    stated: tuple[Thresholds, Sequence[Thresholds]],
) -> Table:
    lines = []
    wrong: list[tuple[str, Case]] = []
    for way in WAYS:
        here = [each for each in known[way.name] if group in (ALL, each.gated.picture.category)]
        there = [
            each
            for each in strange.get(way.name, [])
            if group in (ALL, each.gated.picture.category)
        ]
        lines.append(_line(way, here, there, stated))
        if group == ALL:
            mistakes = (each.alone for each in (*here, *there) if each.alone.said is Said.WRONG)
            wrong += [(way.name, each) for each in mistakes]
    return Table(risk, group, tuple(lines), tuple(wrong))


def _line(
    way: Way,
    here: Sequence[_Asked],
    there: Sequence[_Asked],
    stated: tuple[Thresholds, Sequence[Thresholds]],
) -> Line:
    gated = [each.gated for each in here]
    clusters = Clusters([each.picture.sku for each in gated], (0,))
    kind = Kind.LEFT_OUT if way.twin else Kind.KNOWN
    least = [claim_of(each, Kind.LEFT_OUT) for each in stated[1]]
    claim = claim_of(stated[0], kind)
    bounds = [each.bound for each in least if each is not None]
    wrong = {each.gated.picture.sku for each in (*here, *there) if _wrong(each.gated)}
    return Line(
        way=way.name,
        photos=len(gated),
        said={said: clusters.share(_hits(gated, said)) for said in Said},
        wrong=sum(_wrong(each.gated) for each in here),
        wrong_unhinted=sum(_wrong(each.alone) for each in here),
        stated=None if claim is None else claim.bound,
        left_out=len(there),
        left_out_wrong=sum(_wrong(each.gated) for each in there),
        left_out_unhinted=sum(_wrong(each.alone) for each in there),
        left_out_things=len({each.gated.picture.sku for each in there if _wrong(each.gated)}),
        left_out_stated=min(bounds) if bounds and len(bounds) == len(least) else None,
        things=clopper_pearson(len(wrong), clusters.count),
    )


def _wrong(asked: Case) -> bool:
    return asked.said is Said.WRONG


def _within(wrong: int, photos: int, stated: float | None) -> bool:
    return not photos or (stated is not None and wrong <= stated * photos)


def _hits(cases: Sequence[Case], said: Said) -> Floats:
    return np.array([each.said is said for each in cases], np.float64)


def _evenly(photos: Sequence[Picture], most: int) -> list[Picture]:
    if len(photos) <= most:
        return list(photos)
    return [photos[place] for place in np.linspace(0, len(photos) - 1, most).astype(int)]
