# SPDX-License-Identifier: Apache-2.0
"""What a refusal is: the features of one view that a person said is not a SKU. No picture."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np

from kiosk.errors import RefusalError
from kiosk.refusals.rows import now
from kiosk.values import Decision, Embedding, Features, Note
from kiosk.vision.features import method
from kiosk.vision.packed import pack

REFUSED, UNDONE = "refusal", "refusal-undone"
"""Kinds of journal entries."""


@dataclass(frozen=True, slots=True, eq=False)
class Refusal:
    """One tap on "wrong"."""

    refusal_id: str
    sku: str
    """What the item is not."""
    at: str
    """UTC wall time, ISO 8601; for people, and to tell the oldest."""
    decision_id: str
    visit_id: str
    release: str
    """That was open; a refusal outlives it."""
    embedder: str
    """sha256: the vector space of the embedding."""
    embedding: Embedding
    """(D,) float32, unit length up to float16's rounding."""
    similarity: float
    """Of the refused view to the SKU, when it was refused."""
    features: Features | None
    """Local features of the refused view, where a second look was taken."""
    method: str
    """How these were made: others cannot be compared."""
    undone_at: str = ""
    """When it was taken back; empty: it holds."""
    noted: str = ""
    """The last kind of entry that the journal got of it; or empty."""

    @property
    def row_id(self) -> str:
        return self.refusal_id

    @property
    def holds(self) -> bool:
        return not self.undone_at

    @property
    def kind(self) -> str:
        """The kind of journal entry that tells of it as it is now."""
        return UNDONE if self.undone_at else REFUSED

    def note(self) -> Note:
        """What the journal is told of it."""
        return Note(
            self.kind,
            self.as_journal(),
            self.sku,
            self.decision_id,
            self.visit_id,
            self.undone_at or self.at,
        )

    def as_journal(self) -> dict[str, Any]:
        """Everything head office needs to look into it, as plain JSON values."""
        packed = b"" if self.features is None else pack(self.features)
        return {
            "refusal_id": self.refusal_id,
            "at": self.at,
            "undone_at": self.undone_at,
            "release": self.release,
            "embedder": self.embedder,
            "similarity": float(self.similarity),
            "embedding_f16": base64.b64encode(halves(self.embedding)).decode("ascii"),
            "features": base64.b64encode(packed).decode("ascii"),
            "method": self.method,
        }


class Status(NamedTuple):
    """What the board and the status page show of the refusals."""

    ok: bool
    message: str
    active: int
    """Refusals that hold."""
    unused: int
    """Of these, made with another embedder: kept, and of no effect."""


def refused(decision: Decision, sku: str = "") -> Refusal:
    """The refusal of a decision: its settling look is not `sku`, or not the SKU it named first.

    Raises RefusalError when the decision named nothing, never named `sku`, or has no look.
    """
    shown = {match.sku: match for match in reversed(decision.matches)}
    match = decision.matches[0] if decision.matches and not sku else shown.get(sku)
    if match is None:
        raise RefusalError(
            f"decision {decision.decision_id} does not name {sku or 'any SKU'}: show the item again"
        )
    look = decision.looks[-1] if decision.looks else None
    if look is None or look.embedding is None:
        raise RefusalError(
            f"decision {decision.decision_id} kept nothing of what was seen: show the item again"
        )
    # The settling look's own similarity; the decision's may be the mean of several looks.
    here = [each.similarity for each in look.matches if each.sku == match.sku]
    return Refusal(
        refusal_id=uuid4().hex,
        sku=match.sku,
        at=now(),
        decision_id=decision.decision_id,
        visit_id=decision.visit_id,
        release=decision.hashes.release,
        embedder=decision.hashes.embedder,
        embedding=np.frombuffer(halves(look.embedding), "<f2").astype(np.float32),
        similarity=float(here[0] if here else match.similarity),
        features=look.features,
        method=method() if look.features is not None else "",
    )


def halves(embedding: Embedding) -> bytes:
    """(D,) as little-endian float16: what is kept of a vector."""
    return np.ascontiguousarray(embedding, "<f2").tobytes()
