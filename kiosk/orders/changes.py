# SPDX-License-Identifier: Apache-2.0
"""What people do to an order: choose a line, count by hand, undo, change the list.

Pure: each gives a new order or raises OrderError saying why not. A closed order never changes.
"""

from __future__ import annotations

from dataclasses import replace

from kiosk.errors import OrderError
from kiosk.orders.check import settled
from kiosk.orders.values import By, Count, Line, Order, Stage, Undone, Verdict

UNDOABLE = (Verdict.MATCH, Verdict.ALREADY_COUNTED, Verdict.NOT_ON_LIST)


def expect(order: Order, line: int) -> Order:
    """Work on this line only (0: on any). Raises OrderError: line_full, no_such_line."""
    refuse_closed(order)
    if line == 0:
        return replace(order, expecting=0)
    wanted = _line(order, line)
    if not order.left(wanted):
        raise OrderError("line_full", f"line {line} is complete: choose one that is not")
    return replace(order, expecting=line)


def count_by_hand(order: Order, line: int, amount: int, reason: str, at: str) -> Order:
    """Count `amount` items that the camera cannot, such as ones with a damaged label.

    Raises OrderError: no_such_line, line_full when the line does not want that many.
    """
    refuse_closed(order)
    wanted = _line(order, line)
    if not 1 <= amount <= order.left(wanted):
        raise OrderError(
            "line_full", f"line {line} wants {order.left(wanted)} more, not {amount}: count fewer"
        )
    count = Count(
        number=len(order.counts) + 1,
        verdict=Verdict.MATCH,
        by=By.PERSON,
        at=at,
        line=line,
        sku=wanted.sku,
        amount=amount,
        reason=reason,
    )
    return settled(replace(order, counts=(*order.counts, count)))


def undo(order: Order, number: int = 0) -> Order:
    """Undo one count (0: the last that stands). Raises OrderError: nothing_to_undo."""
    refuse_closed(order)
    standing = [each for each in order.counts if each.stands and each.verdict in UNDOABLE]
    found = [each for each in standing if not number or each.number == number]
    if not found:
        which = f"count {number} is not there or was undone before" if number else "no count yet"
        raise OrderError("nothing_to_undo", f"there is nothing to undo: {which}")
    wrong = found[-1]
    gone = replace(wrong, undone=Undone.PERSON)
    return replace(order, counts=tuple(gone if each is wrong else each for each in order.counts))


def amended(order: Order, lines: tuple[Line, ...]) -> Order:
    """The order with another list. What was counted moves to the same article's new line.

    Raises OrderError: counted_lines when the new list has no room for what was counted.
    """
    refuse_closed(order)
    moved, short = {}, []
    free = list(lines)
    tally = order.tally
    for old in order.lines:
        counted = tally.get((old.number, Verdict.MATCH), 0)
        new = next((each for each in free if _article(each) == _article(old)), None)
        if new is not None:
            free.remove(new)
            moved[old.number] = new.number
        if counted > (new.quantity if new is not None else 0):
            short.append(f"line {old.number} ({_called(old)}): {counted} counted")
    if short:
        raise OrderError(
            "counted_lines",
            f"order {order.number}: the new list has no room for what was counted; undo those "
            "counts first, or keep the lines",
            tuple(short),
        )
    counts = tuple(replace(each, line=moved.get(each.line, 0)) for each in order.counts)
    changed = replace(order, lines=lines, counts=counts, expecting=moved.get(order.expecting, 0))
    return settled(changed)


def refuse_closed(order: Order) -> None:
    """Raises OrderError: order_closed."""
    if order.stage is Stage.CLOSED:
        raise OrderError(
            "order_closed", f"order {order.number} was signed and closed: it changes no more"
        )


def _line(order: Order, number: int) -> Line:
    found = order.line(number)
    if found is None:
        raise OrderError(
            "no_such_line",
            f"order {order.number} has no line {number}: its lines are 1 to {len(order.lines)}",
        )
    return found


def _article(line: Line) -> tuple[str, str]:
    return line.sku, line.barcode


def _called(line: Line) -> str:
    return line.text or line.sku or line.barcode
