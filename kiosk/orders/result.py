# SPDX-License-Identifier: Apache-2.0
"""The signed result of an order: one canonical text, so that it can be shown unchanged later.

Canonical: JSON with sorted keys, no spaces, no escapes beyond JSON's own, UTF-8. The sha256 of
those bytes goes into the journal: neither can be altered without the other telling.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from kiosk.errors import OrderError
from kiosk.orders.draft import MAX_NUMBER
from kiosk.orders.values import By, Count, Line, Order, Signed, Verdict
from kiosk.values import Note

FORMAT = 1
COMPLETE = "complete"
DIFFERENT = "with differences"


def sign(order: Order, *, name: str, at: str, release: str) -> Signed:
    """The result of `order`, signed with a typed `name` at `at` (UTC, ISO 8601).

    `release`: of the catalog that answered when it was closed; empty when there was none.
    """
    body = {
        "format": FORMAT,
        "order_id": order.order_id,
        "number": order.number,
        "created_at": order.created_at,
        "closed_at": at,
        "signed_by": name,
        "release": release,
        "outcome": COMPLETE if order.complete else DIFFERENT,
        "lines": _lines(order),
        "differences": differences(order),
        "counts": [_plain(count) for count in order.counts],
    }
    canonical = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return Signed(
        order_id=order.order_id,
        number=order.number,
        outcome=str(body["outcome"]),
        signed_by=name,
        closed_at=at,
        canonical=canonical,
        sha256=fingerprint(canonical),
    )


def signer(name: str) -> str:
    """The name under a result, as it is kept. Raises OrderError: bad_name."""
    plain = name.strip()
    if not plain or len(plain) > MAX_NUMBER or not plain.isprintable():
        raise OrderError(
            "bad_name", f"sign with a name: 1 to {MAX_NUMBER} characters of one line of text"
        )
    return plain


def differences(order: Order) -> dict[str, list[dict[str, Any]]]:
    """What is missing, what was shown too often, and what is not on the list."""
    tally = order.tally
    missing = [
        {
            "line": line.number,
            **_article(line),
            "missing": line.quantity - tally.get((line.number, Verdict.MATCH), 0),
        }
        for line in order.open_lines
    ]
    over = [
        {"line": line.number, **_article(line), "over": tally[line.number, Verdict.ALREADY_COUNTED]}
        for line in order.lines
        if (line.number, Verdict.ALREADY_COUNTED) in tally
    ]
    strange: dict[str, int] = {}
    for count in order.extras:
        if count.verdict is Verdict.NOT_ON_LIST:
            strange[count.sku] = strange.get(count.sku, 0) + count.amount
    not_on_list = [{"sku": sku, "shown": shown} for sku, shown in strange.items()]
    return {"missing": missing, "over": over, "not_on_list": not_on_list}


def note(signed: Signed) -> Note:
    """What the journal keeps: the whole result but its single counts, and its fingerprint."""
    body = json.loads(signed.canonical)
    del body["counts"]
    return Note("signed", {**body, "sha256": signed.sha256}, at=signed.closed_at)


def fingerprint(canonical: str) -> str:
    """Hex sha256 of a canonical result."""
    return hashlib.sha256(canonical.encode()).hexdigest()


def unchanged(signed: Signed) -> bool:
    """The text still is what was signed."""
    return fingerprint(signed.canonical) == signed.sha256


def _lines(order: Order) -> list[dict[str, Any]]:
    """Each line with what was counted for it, and by whom."""
    by = {line.number: dict.fromkeys((who.value for who in By), 0) for line in order.lines}
    for count in order.counts:
        if count.stands and count.verdict is Verdict.MATCH:
            by[count.line][count.by.value] += count.amount
    return [
        {**asdict(line), "counted": sum(by[line.number].values()), "by": by[line.number]}
        for line in order.lines
    ]


def _article(line: Line) -> dict[str, str]:
    return {"sku": line.sku, "barcode": line.barcode, "text": line.text}


def _plain(count: Count) -> dict[str, Any]:
    return {
        name: str(value) if isinstance(value, str) else value
        for name, value in asdict(count).items()
    }
