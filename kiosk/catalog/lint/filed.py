# SPDX-License-Identifier: Apache-2.0
"""Pictures that seem to be filed under the wrong SKU: the same one under two, and outliers.

Nobody but the owner can know what a picture shows, so an outlier is a question, with its reason.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from kiosk import verify
from kiosk.catalog.leave_out import SAME_PICTURE, evenly
from kiosk.catalog.lint.alike import pair_of
from kiosk.catalog.lint.content import Content, Floats
from kiosk.catalog.lint.findings import Code, Finding, Severity
from kiosk.catalog.lint.nearest import Nearness
from kiosk.values import Features

COPY_SIMILARITY, COPY_TONES = 0.85, 8.0
"""Least similarity and most mean difference of the coarse colours (grey values) of a picture and
its copy: copies saved again, smaller or lighter, mostly differ by 3 to 8, pictures of twins by 10
and more."""
COPY_COVERAGE, COPY_COLOUR = 0.7, 0.9
"""What the second look finds at least in a copy, where the picture has print."""
_PRINTED = 60
"""Points from which on a picture has print."""
STRAY_LEAD = 0.1
"""An outlier is this much nearer to two pictures of another SKU than to any of its own: with 0.05
three times as many pictures are named that are filed rightly."""
STRAY_FIT = 0.2
"""It is this much farther from them, at most, than they are from each other."""
_TRIED = 3
"""Nearest other SKUs that a picture is held against."""
_MOST_PICTURES = 64


def same_pictures(content: Content, near: Nearness) -> Iterator[Finding]:
    """Pictures that stand under several SKUs: equal files, then copies of other pictures."""
    holders: dict[str, list[int]] = defaultdict(list)
    for picture in content.pictures:
        holders[picture.sha256].append(picture.number)
    equal: set[int] = set()
    for numbers in holders.values():
        skus = sorted({content.pictures[number].sku for number in numbers})
        if len(skus) > 1:
            equal.update(numbers)
            yield Finding(
                Code.SAME_PICTURE,
                Severity.ERROR,
                f"The same picture is filed under {len(skus)} SKUs.",
                "Keep it under the SKU that it shows and remove it from the others. Until then the "
                "kiosk asks each time it sees one of them.",
                skus=tuple(content.records[sku].sku for sku in skus),
                pictures=tuple(content.shown(number) for number in numbers),
            )
    yield from _copies(content, near, equal)


def _copies(content: Content, near: Nearness, equal: set[int]) -> Iterator[Finding]:
    """One finding for two SKUs, with all that they share; `equal` are told already."""
    shared: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    told: set[int] = set(equal)
    for number, value in enumerate(near.near[:, 0]):
        if value < COPY_SIMILARITY or number in told:
            continue
        other = _nearest_picture(content, number, int(near.rivals[number, 0]))
        if other not in told and _is_copy(content, number, other):
            left, right = sorted((number, other))
            shared[content.pictures[left].sku, content.pictures[right].sku].append((left, right))
            told |= {number, other}
    for (sku, twin), couples in shared.items():
        what = "Almost the same picture is" if len(couples) == 1 else "Almost the same pictures are"
        yield Finding(
            Code.SAME_PICTURE,
            Severity.WARNING,
            f"{what} filed under 2 SKUs.",
            "If one is a copy of the other, keep it under the SKU that it shows. If both are "
            "right, add pictures of a side where these SKUs differ.",
            skus=(content.records[sku].sku, content.records[twin].sku),
            pictures=tuple(content.shown(one) for couple in couples for one in couple),
            pairs=tuple(pair_of(content, *couple) for couple in couples),
        )


def _is_copy(content: Content, one: int, other: int) -> bool:
    """They show the same in the same place."""
    left, right = content.details.of(one), content.details.of(other)
    if left is None or right is None:
        return float(content.plain([one])[0] @ content.plain([other])[0]) >= SAME_PICTURE
    if _difference(left, right) > COPY_TONES:
        return False
    if min(len(left.points), len(right.points)) < _PRINTED:
        return _difference(left, right) <= COPY_TONES / 2
    found = verify.compare(left, right)
    return found.coverage >= COPY_COVERAGE and found.colour >= COPY_COLOUR


def _difference(left: Features, right: Features) -> float:
    """Mean difference of their coarse colours, in grey values."""
    return float(np.abs(left.tones.astype(np.int16) - right.tones).mean())


def outliers(content: Content, near: Nearness) -> Iterator[Finding]:
    """Pictures that fit another SKU well and their own clearly worse.

    A SKU with one picture has nothing that it could differ from.
    """
    for number in np.flatnonzero(np.isfinite(near.sisters)).tolist():
        found = _fits_elsewhere(content, near, number)
        if found is not None:
            yield _outlier(content, near, number, *found)


def _fits_elsewhere(content: Content, near: Nearness, number: int) -> tuple[int, float] | None:
    """The other SKU that a picture fits clearly better, and how similar it is to two of its
    pictures.
    """
    least = float(near.sisters[number]) + STRAY_LEAD
    best: tuple[int, float] | None = None
    for sku, value in zip(near.rivals[number, :_TRIED], near.near[number], strict=False):
        if sku < 0 or value < least:  # none of its references is nearer than this
            break
        fit = _second(_similarities(content, number, int(sku)))
        if fit >= least and fit >= _cohesion(content, near, int(sku)) - STRAY_FIT:
            best, least = (int(sku), fit), fit
    return best


def _outlier(content: Content, near: Nearness, number: int, fits: int, fit: float) -> Finding:
    own = int(content.owners[number])
    like = _similarities(content, number, own)
    like[number - content.pictures_of(own).start] = -np.inf
    sister = content.pictures_of(own)[int(like.argmax())]
    other = _nearest_picture(content, number, fits)
    sku, right = (content.records[at].sku for at in (own, fits))
    return Finding(
        Code.OUTLIER,
        Severity.WARNING,
        f"{content.pictures[number].name} looks like {right} (similarity {fit:.2f}) rather than "
        f"like the other pictures of {sku} ({near.sisters[number]:.2f} at most).",
        f"If it shows {right}, move it there. If it is filed rightly, add pictures of {sku} that "
        "look like it.",
        skus=(sku, right),
        pictures=(
            content.shown(number, "this one"),
            content.shown(sister, f"nearest of {sku}"),
            content.shown(other, f"nearest of {right}"),
        ),
    )


def _nearest_picture(content: Content, picture: int, sku: int) -> int:
    """The picture of `sku` that is most like a picture."""
    return content.pictures_of(sku)[int(_similarities(content, picture, sku).argmax())]


def _similarities(content: Content, picture: int, sku: int) -> Floats:
    """Similarity of a picture to each picture of a SKU, all as they are."""
    return np.asarray(content.plain(content.pictures_of(sku)) @ content.plain([picture])[0])


def _second(similarities: Floats) -> float:
    """The second best, so that one odd picture says nothing; of one, that one."""
    return float(np.sort(similarities)[-2:][0])


def _cohesion(content: Content, near: Nearness, sku: int) -> float:
    """How near the pictures of a SKU are to two others of it, the middle one."""
    pictures = evenly(np.array(content.pictures_of(sku)), _MOST_PICTURES)
    if len(pictures) < 2:  # as near as pictures of a SKU are in this catalog
        return float(np.median(near.sisters[np.isfinite(near.sisters)]))
    vectors = content.plain(pictures)
    table = vectors @ vectors.T
    np.fill_diagonal(table, -np.inf)
    nearest = np.sort(table, axis=1)[:, ::-1]
    return float(np.median(nearest[:, min(1, len(pictures) - 2)]))
