# SPDX-License-Identifier: Apache-2.0
"""What an addition is, and what the pages see of one that is being made. Plain values."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kiosk.values import Box, Features, Hint, Note, Record

ADDED, UNDONE, ADOPTED = "addition", "addition-undone", "addition-adopted"
"""Kinds of journal entries."""
FEWEST_VIEWS, MOST_VIEWS = 3, 12

Vectors = NDArray[np.float16]
"""(R, D) unit vectors of one view, the view as it is first."""


@dataclass(frozen=True, slots=True, eq=False)
class AddedView:
    """One view of an added item, as it is searched."""

    sha256: str
    """Of its picture, a JPEG that was taken on purpose."""
    box: Box
    """Where the item is, in pixels of that picture."""
    vectors: Vectors
    features: Features | None


@dataclass(frozen=True, slots=True, eq=False)
class Addition:
    """An item that was enrolled on this kiosk."""

    addition_id: str
    at: str
    """UTC wall time, ISO 8601; for people, and to tell the oldest."""
    record: Record
    more: bool
    """The catalog had this SKU already: more views of it."""
    release: str
    """That was open; an addition outlives it."""
    embedder: str
    """sha256: the vector space of the vectors."""
    method: str
    """How the local features were made."""
    views: tuple[AddedView, ...]
    thumbnail: bytes
    """JPEG of the first view; empty: it was undone."""
    nearest: float
    """Similarity of the nearest other SKU when it was tried."""
    crops: Mapping[str, bytes] = field(default_factory=dict)
    """Pictures by sha256, until they are on the disk; from then on empty."""
    undone_at: str = ""
    """When it was taken back; empty: it holds."""
    noted: str = ""
    """The last kind of entry that the journal got of it; or empty."""
    adopted: bool = False
    """It is undone because a release has it now."""

    @property
    def row_id(self) -> str:
        return self.addition_id

    @property
    def sku(self) -> str:
        return self.record.sku

    @property
    def holds(self) -> bool:
        return not self.undone_at

    @property
    def kind(self) -> str:
        """The kind of journal entry that tells of it as it is now."""
        if not self.undone_at:
            return ADDED
        return ADOPTED if self.adopted else UNDONE

    def note(self) -> Note:
        """What the journal is told of it."""
        return Note(self.kind, self.as_journal(), self.sku, at=self.undone_at or self.at)

    def as_journal(self) -> dict[str, Any]:
        """The whole record for head office, as plain JSON values; pictures go by their sha256."""
        return {
            "addition_id": self.addition_id,
            "at": self.at,
            "undone_at": self.undone_at,
            "sku": self.sku,
            "name": self.record.name,
            "category": self.record.category,
            "barcodes": list(self.record.barcodes),
            "more": self.more,
            "release": self.release,
            "embedder": self.embedder,
            "nearest": float(self.nearest),
            "views": [
                {"sha256": view.sha256, "box": view.box.as_list(), "embedding_f16": _text(view)}
                for view in self.views
            ],
        }


def _text(view: AddedView) -> str:
    """Of the view as it is; empty where there is none."""
    first = np.ascontiguousarray(view.vectors[:1], "<f2")
    return base64.b64encode(first.tobytes()).decode("ascii")


@dataclass(frozen=True, slots=True)
class Rival:
    """An existing SKU that stands in the way of an addition."""

    sku: str
    name: str
    release: str
    reference: int
    """Row of its picture in the catalog that answers."""
    added: bool
    """It is a picture of another addition, not of the release."""
    view: int
    """Number of the new view that comes too near."""
    similarity: float
    already: bool
    """The new item is taken for that SKU; otherwise it would take that SKU's matches."""


class Stage(StrEnum):
    """Where an enrolment stands."""

    IDLE = "idle"
    VIEWS = "views"
    TRYING = "trying"
    REFUSED = "refused"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class EnrolState:
    """The enrolment that is going on, for the page."""

    stage: Stage = Stage.IDLE
    session: str = ""
    """Names this enrolment: its pictures are asked for by it."""
    record: Record = field(default_factory=lambda: Record("", "", ""))
    more: bool = False
    views: tuple[int, ...] = ()
    """Numbers of the views taken so far."""
    good: bool = False
    """What the camera sees now could be taken."""
    hint: Hint | None = None
    """What stands in the way, if anything does."""
    rival: Rival | None = None
    """Why it was refused."""
    took_s: float = 0.0
    """From the last tap to being searchable."""
    addition_id: str = ""


@dataclass(frozen=True, slots=True)
class AdditionLine:
    """One addition in the list of a page."""

    addition_id: str
    record: Record
    at: str
    views: int
    trouble: str
    """Why it is not searched; empty: it is."""


@dataclass(frozen=True, slots=True)
class AdditionStatus:
    """What was added on this kiosk, and whether that is kept."""

    ok: bool = True
    message: str = ""
    lines: tuple[AdditionLine, ...] = ()
    """Those that hold, the newest first."""
