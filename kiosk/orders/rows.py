# SPDX-License-Identifier: Apache-2.0
"""Orders from what the database holds of them. A disk that fails may have altered any of it: what
cannot be an order is refused, by its id.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from kiosk.errors import StateError
from kiosk.orders.values import By, Count, Line, Order, Stage, Undone, Verdict

COLUMNS = "order_id, number, stage, created_at, expecting, closed_at, lines"
"""Of the row that `order_of` takes."""


class OrderDamaged(StateError):
    """What is stored of an order is none any more."""


def order_of(row: tuple[Any, ...], bodies: Iterable[Any]) -> Order:
    """The order of a row of COLUMNS with these counts. Raises OrderDamaged."""
    order_id, number, stage, created_at, expecting, closed_at, listed = row
    try:
        lines = tuple(Line(**fields) for fields in json.loads(listed))
        if any(not _whole(line.quantity, 1) for line in lines):
            raise ValueError("a line wants no number of items")
        if [line.number for line in lines] != list(range(1, len(lines) + 1)):
            raise ValueError("its lines are not numbered")
        counts = tuple(_count(json.loads(body), len(lines)) for body in bodies)
        return Order(
            order_id, number, lines, created_at, Stage(stage), int(expecting), counts, closed_at
        )
    except (TypeError, ValueError, KeyError) as error:
        raise OrderDamaged(
            f"what is stored of order {number!r} ({order_id}) is damaged ({error}): check it anew"
        ) from error


def _count(fields: dict[str, Any], lines: int) -> Count:
    told = {
        **fields,
        "verdict": Verdict(fields["verdict"]),
        "by": By(fields["by"]),
        "undone": Undone(fields.get("undone", "")),
    }
    count = Count(**told)
    if not _whole(count.amount, 1) or not _whole(count.line, 0) or count.line > lines:
        raise ValueError("a count has no such line")
    return count


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int) and value >= least
