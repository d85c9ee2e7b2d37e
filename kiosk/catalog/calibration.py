# SPDX-License-Identifier: Apache-2.0
"""`calibration.json`: what a release states of itself, and what it was measured on.

`parse` takes bytes and returns a value, no IO. Numbers that no measurement gives are refused here:
the file decides what is accepted without anybody looking.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from kiosk.catalog.bounds import CONFIDENCE, at_most
from kiosk.errors import CatalogError
from kiosk.values import NEVER_APART, Claim, Thresholds

FORMAT = 1
MAX_BYTES = 64 * 1024 * 1024
_MOST = NEVER_APART
_MOST_THINGS = 10_000_000
"""More than any release holds."""
_ROUNDING = 1e-9
_LEAST = 1e-4
"""Limits are above scores that count as 0 at least: one that all pass was never measured."""


@dataclass(frozen=True, slots=True)
class Basis:
    """Exactly what was measured; a calibration of anything else says nothing."""

    embedder: str
    """sha256 of the model file."""
    vectors: str
    """sha256 over all that is searched: the release's segments and tombstones."""
    features: str
    """Method of the local features; empty: none."""
    strangers: str
    """sha256 of the shipped strangers; empty: none were used."""
    program: str
    """Version of the program that measured."""


@dataclass(frozen=True, slots=True)
class Count:
    """Things of one sort that came nearest to one category."""

    things: int
    wrong: int
    """Of these, how many are more similar than the release's limit."""
    bound: float
    """Share of such things above that limit, at most."""


@dataclass(frozen=True, slots=True)
class CategoryLine:
    """How one category fares: strangers that came nearest to one of its SKUs, by similarity."""

    category: str
    skus: int
    articles: Count
    """Articles of the catalog, each left out."""
    others: Count
    """Shipped strangers."""
    accept: float | None
    """The category's own limit, where it needs a higher one."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a release says of itself. SKUs by their ids."""

    thresholds: Thresholds
    basis: Basis
    accept: Mapping[str, float] = field(default_factory=dict)
    """Least similarity of SKUs that need more than the release's; NEVER_APART: never accepted."""
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Look-alikes by the name of their group."""
    categories: tuple[CategoryLine, ...] = ()
    articles: int = 0
    """Different articles in the catalog."""
    needed: int = 0
    """Articles that it takes to state the rate that was asked for; 0: there are enough."""
    accepted: tuple[int, int] = (0, 0)
    """Camera views made of the catalog's own pictures: accepted as what they are, of how many."""
    category_risk: float = 0.0
    """Share of wrong category names that is supported; 0: none are named."""
    strangers: str = ""
    """Why the shipped strangers were not used; empty: they were."""


def to_json(calibration: Calibration) -> bytes:
    """The file, for people too. Equal calibrations are equal bytes."""
    body = {"format": FORMAT, "confidence": CONFIDENCE, **asdict(calibration)}
    return (json.dumps(body, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def parse(data: bytes) -> Calibration:
    """The calibration in `data`. Raises CatalogError for anything but a whole, possible one."""
    try:
        body = json.loads(data.decode("utf-8"))
        if body["format"] != FORMAT:
            raise ValueError(f"format {body['format']!r}, this kiosk reads {FORMAT}")
        return _calibration(body)
    except KeyError as error:
        raise CatalogError(f"{error} is missing; measure it again") from None
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise CatalogError(f"is damaged ({error}); measure it again") from error


def _calibration(body: dict[str, Any]) -> Calibration:
    thresholds = _thresholds(body["thresholds"])
    accept = {_text(sku): _within(each, -1, _MOST) for sku, each in body["accept"].items()}
    if any(each < thresholds.accept for each in accept.values()):
        raise ValueError("a SKU's own limit lies below the release's")
    groups = {_text(name): _texts(skus) for name, skus in body["groups"].items()}
    grouped = [sku for skus in groups.values() for sku in skus]
    if len(set(grouped)) != len(grouped) or any(len(skus) < 2 for skus in groups.values()):
        raise ValueError("its groups of look-alikes overlap or hold one SKU")
    accepted, views = (_count(each) for each in body["accepted"])
    return Calibration(
        thresholds=thresholds,
        basis=Basis(**{each.name: _text(body["basis"][each.name]) for each in fields(Basis)}),
        accept=accept,
        groups=groups,
        categories=tuple(_line(each) for each in body["categories"]),
        articles=_count(body["articles"]),
        needed=_count(body["needed"]),
        accepted=(accepted, views),
        category_risk=_within(body["category_risk"], 0, 1),
        strangers=_text(body["strangers"]),
    )


def _thresholds(body: dict[str, Any]) -> Thresholds:
    found = Thresholds(
        accept=_within(body["accept"], _LEAST, _MOST),
        choose=_within(body["choose"], -1, _MOST),
        margin=_within(body["margin"], 0, _MOST),
        method=_text(body["method"]),
        samples=_count(body["samples"]),
        by_print=_within(body["by_print"], -1, _MOST),
        apart=_within(body["apart"], 0, _MOST),
        category=_within(body["category"], -1, _MOST),
        same=_within(body["same"], -1, _MOST),
        differs=_within(body["differs"], -1, _MOST),
        asked=_within(body["asked"], 0, 1),
        claims=tuple(_claim(each) for each in body["claims"]),
    )
    # Similarity and print are two gates: neither limit has to be the higher one.
    least = min(found.accept, found.by_print)
    if not (found.choose <= least and found.differs <= found.same):
        raise ValueError("its thresholds contradict each other")
    return found


def _claim(body: dict[str, Any]) -> Claim:
    claim = Claim(
        about=_text(body["about"]),
        wrong=_count(body["wrong"]),
        things=_count(body["things"]),
        views=_count(body["views"]),
        bound=_within(body["bound"], 0, 1),
        confidence=_within(body["confidence"], 0.5, 1),
    )
    if claim.confidence < CONFIDENCE or not _supported(claim.wrong, claim.things, claim.bound):
        raise ValueError(f"what it claims of {claim.about!r} contradicts its own count")
    return claim


def _supported(wrong: int, things: int, bound: float) -> bool:
    """So few samples allow no lower bound."""
    return wrong <= things <= _MOST_THINGS and bound >= at_most(wrong, things) - _ROUNDING


def _line(body: dict[str, Any]) -> CategoryLine:
    return CategoryLine(
        category=_text(body["category"]),
        skus=_count(body["skus"]),
        articles=_counted(body["articles"]),
        others=_counted(body["others"]),
        accept=None if body["accept"] is None else _within(body["accept"], -1, _MOST),
    )


def _counted(body: dict[str, Any]) -> Count:
    found = Count(_count(body["things"]), _count(body["wrong"]), _within(body["bound"], 0, 1))
    if not _supported(found.wrong, found.things, found.bound):
        raise ValueError(f"{found.wrong} of {found.things} things state no {found.bound!r}")
    return found


def _within(value: object, low: float, high: float) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise TypeError(f"{value!r} should be a number")
    if not low <= value <= high:
        raise ValueError(f"{value!r} should be from {low:g} to {high:g}")
    return float(value)


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{value!r} should be a count")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} should be a text")
    return value


def _texts(values: object) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError(f"{values!r} should be a list")
    return tuple(_text(value) for value in values)
