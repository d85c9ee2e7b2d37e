# SPDX-License-Identifier: Apache-2.0
"""Decisions and lists for the tests of orders."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from kiosk.orders.values import Line, Order
from kiosk.values import (
    Box,
    Code,
    Decision,
    Detection,
    Hashes,
    Look,
    Match,
    Note,
    Outcome,
    Record,
    Rule,
    Thresholds,
    Timings,
)

EAN = "4006381333931"
RECORDS = {
    "A": Record("A", "Oat flakes", "food", (EAN,)),
    "B": Record("B", "Rice", "food"),
    "C": Record("C", "Tea", "food"),
    "D": Record("D", "", "food"),
}
RULES = {
    Outcome.ACCEPTED: Rule.ACCEPTED,
    Outcome.CHOOSE: Rule.SMALL_MARGIN,
    Outcome.UNKNOWN: Rule.LOW_SIMILARITY,
    Outcome.MISMATCH: Rule.MISMATCH,
}
BOX = Box(10, 10, 90, 90)
LIMITS = Thresholds(0.7, 0.5, 0.05, "leave-one-out", 100)


def decision(
    visit: str,
    outcome: Outcome,
    *skus: str,
    rule: Rule | None = None,
    codes: Sequence[str] = (),
    again: str = "",
) -> Decision:
    """The decision of a visit; `again` tells a further one of the same visit from the first."""
    matches = tuple(Match(sku, 0.9 - 0.01 * at, at) for at, sku in enumerate(skus))
    looks = (
        Look(
            1,
            0,
            (100, 100),
            (),
            Detection(BOX, 0.9),
            True,
            None,
            matches,
            LIMITS,
            "r1",
            codes=tuple(Code(text, "EAN-13", BOX) for text in codes),
        ),
    )
    return Decision(
        decision_id=f"d-{visit}{again}",
        visit_id=visit,
        at="2026-11-22T12:00:00.000+00:00",
        outcome=outcome,
        rule=rule or RULES[outcome],
        matches=matches,
        box=BOX,
        frame_size=(100, 100),
        similarity=0.9,
        margin=0.01,
        agreement=(3, 3),
        sequence=1,
        thresholds=LIMITS,
        hashes=Hashes("r1", "d" * 64, "e" * 64),
        timings=Timings(),
        looks=looks,
    )


def records(made: Decision) -> tuple[Record, ...]:
    return tuple(RECORDS[match.sku] for match in made.matches)


def order(*lines: tuple[str, int], expecting: int = 0) -> Order:
    """An order of SKUs with their quantities; a code of digits is a barcode."""
    made = tuple(
        Line(at, quantity, "" if code.isdigit() else code, code if code.isdigit() else "")
        for at, (code, quantity) in enumerate(lines, 1)
    )
    return Order("o1", "PO-1", made, "2026-11-22T11:00:00.000+00:00", expecting=expecting)


class Shelf:
    """The catalog of RECORDS."""

    def record(self, sku: str) -> Record | None:
        return RECORDS.get(sku)

    def filed(self, barcode: str) -> tuple[str, ...]:
        return tuple(sku for sku, record in RECORDS.items() if barcode in record.barcodes)

    def release(self) -> str:
        return "r1"


class Notebook:
    """A journal that keeps notes; `works` False: what is noted is not safe yet."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, dict[str, Any]]] = []
        self.works = True
        self.noted = threading.Event()

    def note(self, note: Note) -> None:
        self.notes.append((note.kind, dict(note.body)))
        self.noted.set()

    def flush(self, timeout_s: float) -> bool:
        return self.works
