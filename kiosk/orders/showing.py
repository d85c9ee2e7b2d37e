# SPDX-License-Identifier: Apache-2.0
"""From an order to what readers may show of it: every line with its name and its counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kiosk.orders.articles import Articles
from kiosk.orders.changes import UNDOABLE
from kiosk.orders.check import Reading
from kiosk.orders.values import Checked, Line, LineState, Offer, Order, OrderState, Verdict
from kiosk.values import Decision, Record

MOST_NAMES = 4_000


class Names:
    """What the catalog calls SKUs, looked up once for each release. For one thread."""

    def __init__(self, articles: Articles) -> None:
        self._articles = articles
        self._release = ""
        self._names: dict[str, str | None] = {}
        self._filed: dict[str, str | None] = {}
        """By barcode."""

    def refresh(self) -> None:
        """Forget what another release said."""
        release = self._articles.release()
        if release != self._release or len(self._names) > MOST_NAMES:
            self._release, self._names, self._filed = release, {}, {}

    def of_line(self, line: Line) -> str | None:
        """None when the camera cannot tell this line's article."""
        if line.sku:
            return self.of(line.sku)
        if line.barcode not in self._filed:
            skus = self._articles.filed(line.barcode)
            self._filed[line.barcode] = self.of(skus[0]) if skus else None
        return self._filed[line.barcode]

    def of(self, sku: str) -> str | None:
        """None when the catalog has no such SKU."""
        if sku not in self._names:
            record = self._articles.record(sku)
            self._names[sku] = None if record is None else record.name or sku
        return self._names[sku]


def order_state(order: Order, last: Checked | None, names: Names, trouble: str) -> OrderState:
    """`last`: the verdict on the newest item; `trouble`: why it is not on the disk, or empty."""
    names.refresh()
    tally = order.tally
    if last is not None and last.line and last.name == last.sku:
        line = order.line(last.line)
        last = replace(last, name=_name(line, names) if line else last.name)
    return OrderState(
        order_id=order.order_id,
        number=order.number,
        lines=tuple(
            LineState(
                line=line,
                name=_name(line, names),
                counted=tally.get((line.number, Verdict.MATCH), 0),
                over=tally.get((line.number, Verdict.ALREADY_COUNTED), 0),
                known=names.of_line(line) is not None,
            )
            for line in order.lines
        ),
        expecting=order.expecting,
        extras=tuple((count, names.of(count.sku) or count.sku) for count in order.extras),
        last=last,
        complete=order.complete,
        can_undo=any(count.stands and count.verdict in UNDOABLE for count in order.counts),
        trouble=trouble,
    )


def checked(
    reading: Reading, decision: Decision, records: Sequence[Record], offered: tuple[Offer, ...]
) -> Checked:
    """The verdict on a decision with what a page needs to show it."""
    name = next((each.name for each in records if each.sku == reading.sku), "")
    return Checked(
        verdict=reading.verdict,
        sku=reading.sku,
        name=name or reading.sku,
        by=reading.by,
        line=reading.line,
        reason=reading.reason,
        decision_id=decision.decision_id,
        release=decision.hashes.release,
        offers=offered,
    )


def outdated(last: Checked | None, before: Order, after: Order) -> bool:
    """What a person did makes the verdict on show old; an undo leaves a question open."""
    asks = last is not None and last.verdict is Verdict.UNSURE
    undone = len(before.counts) == len(after.counts) and before.lines == after.lines
    changed = before.lines != after.lines or before.counts != after.counts
    return changed and not (asks and undone)


def _name(line: Line, names: Names) -> str:
    return line.text or names.of_line(line) or line.sku or line.barcode
