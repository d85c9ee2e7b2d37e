# SPDX-License-Identifier: Apache-2.0
"""What a decision is to an expected list, and what it adds to the list's counts.

Pure. One visit of an item counts once, however often it is decided; a person's word about a visit
stands against everything the camera says of it later; what the kiosk is not sure of never counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kiosk.barcode import normalised
from kiosk.orders.values import By, Count, Line, Offer, Order, Undone, Verdict
from kiosk.values import Decision, Outcome, Record, Rule


@dataclass(frozen=True, slots=True)
class Reading:
    """The verdict on one item, with the line it belongs to."""

    verdict: Verdict
    by: By
    line: int = 0
    sku: str = ""
    reason: str = ""


def weigh(
    order: Order, decision: Decision, records: Sequence[Record], at: str
) -> tuple[Order, Reading | None]:
    """The order with this decision counted, and the verdict.

    `records`: one for each match of the decision; `at`: UTC, ISO 8601. None when a person has
    already undone this visit: the camera may repeat itself without being heard.
    """
    visit = [count for count in order.counts if count.visit_id == decision.visit_id]
    before = next((count for count in visit if count.stands), None)
    if before is not None and before.by is By.PERSON:
        return order, _reading(before)
    if before is None and any(count.undone is Undone.PERSON for count in visit):
        return order, None
    without = _without(order, before, Undone.REPLACED)
    reading = read(without, decision, records)
    if before is not None and (reading.verdict is Verdict.UNSURE or _same(before, reading)):
        return order, _reading(before)
    return _with(without, reading, decision, at), reading


def tapped(
    order: Order, decision: Decision, sku: str, records: Sequence[Record], at: str
) -> tuple[Order, Reading]:
    """The order with what a person said that this decision's item is, and the verdict."""
    visit = (count for count in order.counts if count.visit_id == decision.visit_id)
    before = next((count for count in visit if count.stands), None)
    without = _without(order, before, Undone.REPLACED)
    barcodes = next((record.barcodes for record in records if record.sku == sku), ())
    reading = held(without, sku, barcodes, By.PERSON)
    if before is not None and _same(before, reading):
        return order, _reading(before)
    return _with(without, reading, decision, at), reading


def refused(order: Order, decision: Decision) -> Order:
    """The order without what this decision's visit counted: a person said it is something else."""
    visit = (count for count in order.counts if count.visit_id == decision.visit_id)
    return _without(order, next((each for each in visit if each.stands), None), Undone.REFUSED)


def read(order: Order, decision: Decision, records: Sequence[Record]) -> Reading:
    """The verdict on a decision, as the list stands now."""
    codes = tuple(code.text for code in decision.codes)
    if decision.outcome is Outcome.MISMATCH:
        looks = decision.matches[0].sku if decision.matches else ""
        reason = decision.rule.value
        return Reading(Verdict.WRONG_ITEM, By.BARCODE, 0, looks, reason)
    if decision.sku is not None:
        barcodes = next((each.barcodes for each in records if each.sku == decision.sku), ())
        by = By.BARCODE if decision.rule is Rule.BARCODE else By.CAMERA
        return held(order, decision.sku, barcodes, by)
    # The list may name a barcode that no catalog knows: then the code itself is what was asked.
    if codes and any(_carries(line, codes) for line in order.lines):
        return held(order, "", codes, By.BARCODE)
    return Reading(Verdict.UNSURE, By.CAMERA, 0, "", decision.rule.value)


def held(order: Order, sku: str, barcodes: Sequence[str], by: By) -> Reading:
    """The verdict on an article that is known: by its SKU (or empty), with its barcodes."""
    mine = [line for line in order.lines if belongs(line, sku, barcodes)]
    wanting = [line for line in mine if order.left(line)]
    expected = order.line(order.expecting)
    if expected is not None:
        if expected not in mine:
            reason = f"expected: {expected.text or expected.sku or expected.barcode}"
            return Reading(Verdict.WRONG_ITEM, by, 0, sku, reason)
        full = Verdict.MATCH if expected in wanting else Verdict.ALREADY_COUNTED
        return Reading(full, by, expected.number, sku)
    if wanting:
        return Reading(Verdict.MATCH, by, wanting[0].number, sku)
    if mine:
        return Reading(Verdict.ALREADY_COUNTED, by, mine[-1].number, sku)
    if len(order.open_lines) == 1:
        last = order.open_lines[0]
        reason = f"expected: {last.text or last.sku or last.barcode}"
        return Reading(Verdict.WRONG_ITEM, by, 0, sku, reason)
    return Reading(Verdict.NOT_ON_LIST, by, 0, sku)


def offers(order: Order, decision: Decision, records: Sequence[Record]) -> tuple[Offer, ...]:
    """The candidates of a decision that asks, those that the list wants first.

    The order among equals is the camera's. Nothing here accepts: a person does, with a tap.
    """
    if decision.outcome is not Outcome.CHOOSE:
        return ()
    expected = order.line(order.expecting)
    wanted = [expected] if expected is not None else list(order.open_lines)
    found = []
    for match, record in zip(decision.matches, records, strict=False):
        listed = any(belongs(line, match.sku, record.barcodes) for line in wanted)
        name = record.name or match.sku
        found.append(Offer(match.sku, name, match.reference, listed, match.added))
    return tuple(sorted(found, key=lambda offer: not offer.listed))


def belongs(line: Line, sku: str, barcodes: Sequence[str]) -> bool:
    """This article is what the line asks for. A line's SKU goes before its barcode."""
    if line.sku and sku:
        return line.sku == sku
    return _carries(line, barcodes)


def _carries(line: Line, barcodes: Sequence[str]) -> bool:
    wanted = normalised(line.barcode)
    return bool(wanted) and any(normalised(code) == wanted for code in barcodes)


def _without(order: Order, count: Count | None, why: Undone) -> Order:
    if count is None:
        return order
    gone = replace(count, undone=why)
    return replace(order, counts=tuple(gone if each is count else each for each in order.counts))


def _with(order: Order, reading: Reading, decision: Decision, at: str) -> Order:
    if reading.verdict is Verdict.UNSURE:
        return order
    count = Count(
        number=len(order.counts) + 1,
        verdict=reading.verdict,
        by=reading.by,
        at=at,
        line=reading.line,
        sku=reading.sku,
        visit_id=decision.visit_id,
        decision_id=decision.decision_id,
        reason=reading.reason,
    )
    return settled(replace(order, counts=(*order.counts, count)))


def settled(order: Order) -> Order:
    """A line that is full is expected no longer."""
    expected = order.line(order.expecting)
    if expected is not None and order.left(expected):
        return order
    return replace(order, expecting=0)


def _same(count: Count, reading: Reading) -> bool:
    return (count.verdict, count.line, count.sku) == (reading.verdict, reading.line, reading.sku)


def _reading(count: Count) -> Reading:
    return Reading(count.verdict, count.by, count.line, count.sku, count.reason)
