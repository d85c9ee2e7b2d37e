# SPDX-License-Identifier: Apache-2.0
"""What an expected list is made of, and what readers see of the one that is being checked.

Plain frozen values. Nothing is ever taken out of an order's counts: what was wrong is marked as
undone, so that a signed list tells everything that happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What one item is to the list."""

    MATCH = "match"
    WRONG_ITEM = "wrong_item"
    """Another item than the one that is expected now."""
    NOT_ON_LIST = "not_on_list"
    ALREADY_COUNTED = "already_counted"
    """On the list, but as many as it wants were counted before."""
    UNSURE = "unsure"
    """The kiosk does not know which SKU it is."""


class By(StrEnum):
    """Who said which SKU it is."""

    CAMERA = "camera"
    BARCODE = "barcode"
    PERSON = "person"


class Stage(StrEnum):
    """Where an order stands."""

    WAITING = "waiting"
    OPEN = "open"
    """The one that is being checked."""
    CLOSED = "closed"


class Undone(StrEnum):
    """Why a count does not count any more."""

    NO = ""
    PERSON = "undone by a person"
    REFUSED = "a person said that it is something else"
    REPLACED = "another answer for the same visit came later"


@dataclass(frozen=True, slots=True)
class Line:
    """One position of an expected list: an article by its SKU, its barcode, or both."""

    number: int
    """Counts up from 1 within its order."""
    quantity: int
    sku: str = ""
    barcode: str = ""
    text: str = ""
    """What the list calls it; or empty."""


@dataclass(frozen=True, slots=True)
class Count:
    """One item (or, by hand, several) that was held against the list."""

    number: int
    """Counts up from 1 within its order."""
    verdict: Verdict
    by: By
    at: str
    """UTC, ISO 8601."""
    line: int = 0
    """Number of the line it belongs to; 0: none."""
    sku: str = ""
    """Empty: known by its barcode or its line only."""
    amount: int = 1
    visit_id: str = ""
    """Empty: counted by hand, without the camera."""
    decision_id: str = ""
    reason: str = ""
    undone: Undone = Undone.NO

    @property
    def stands(self) -> bool:
        return self.undone is Undone.NO


@dataclass(frozen=True, slots=True)
class Order:
    """An expected list with everything that was counted against it."""

    order_id: str
    number: str
    """What people call it: an order number, a name."""
    lines: tuple[Line, ...]
    created_at: str
    """UTC, ISO 8601."""
    stage: Stage = Stage.WAITING
    expecting: int = 0
    """Number of the line the operator works on; 0: any."""
    counts: tuple[Count, ...] = ()
    closed_at: str = ""

    def line(self, number: int) -> Line | None:
        return next((line for line in self.lines if line.number == number), None)

    @property
    def tally(self) -> dict[tuple[int, Verdict], int]:
        """Items that stand, by line and verdict; read it once for many lines."""
        found: dict[tuple[int, Verdict], int] = {}
        for each in self.counts:
            if each.stands:
                key = each.line, each.verdict
                found[key] = found.get(key, 0) + each.amount
        return found

    def counted(self, line: int) -> int:
        """Items that match this line."""
        return self.tally.get((line, Verdict.MATCH), 0)

    def left(self, line: Line) -> int:
        return max(line.quantity - self.counted(line.number), 0)

    @property
    def open_lines(self) -> tuple[Line, ...]:
        """Lines that want more."""
        tally = self.tally
        return tuple(
            line
            for line in self.lines
            if tally.get((line.number, Verdict.MATCH), 0) < line.quantity
        )

    @property
    def extras(self) -> tuple[Count, ...]:
        """What was shown beyond the list, unless somebody has put it back."""
        extra = (Verdict.NOT_ON_LIST, Verdict.ALREADY_COUNTED)
        return tuple(count for count in self.counts if count.stands and count.verdict in extra)

    @property
    def complete(self) -> bool:
        """Nothing is missing and nothing is there that does not belong."""
        return not self.open_lines and not self.extras


@dataclass(frozen=True, slots=True)
class LineState:
    """A line as a page shows it."""

    line: Line
    name: str
    """What the list or the catalog calls it, else its SKU or barcode."""
    counted: int
    over: int
    known: bool
    """The catalog has it: the camera can tell. Otherwise only its barcode or a person can."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A candidate of an unsure decision."""

    sku: str
    name: str
    reference: int
    """Row of its reference in the release, for its picture."""
    listed: bool
    """It is on the list, and the list wants more of it."""
    added: bool = False
    """That reference was added on this kiosk, and is no row of the release."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The verdict on the item that was shown last."""

    verdict: Verdict
    sku: str
    name: str
    by: By
    line: int
    """Number of the line it belongs to; 0: none."""
    reason: str
    """Why, in the words of the rule that fired or of the person; or empty."""
    decision_id: str
    release: str
    offers: tuple[Offer, ...] = ()
    """unsure: what it may be, what the list wants first."""


@dataclass(frozen=True, slots=True)
class OrderState:
    """Everything a reader may show of the order that is being checked."""

    order_id: str
    number: str
    lines: tuple[LineState, ...]
    expecting: int
    extras: tuple[tuple[Count, str], ...]
    """Each with its name."""
    last: Checked | None
    complete: bool
    can_undo: bool
    trouble: str = ""
    """Why the newest counts are not on the disk yet; or empty."""


@dataclass(frozen=True, slots=True)
class Signed:
    """The result of an order, as it was signed."""

    order_id: str
    number: str
    outcome: str
    """"complete" or "with differences"."""
    signed_by: str
    closed_at: str
    canonical: str
    """The whole result as one JSON text; its bytes (UTF-8) are what was hashed."""
    sha256: str
