# SPDX-License-Identifier: Apache-2.0
"""What a catalog knows, and what a search in it gives."""

from __future__ import annotations

from dataclasses import dataclass

from kiosk.values.details import Verified


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One reference found by a search: its row in the release and its cosine similarity."""

    reference: int
    similarity: float


@dataclass(frozen=True, slots=True)
class Match:
    """A SKU with the evidence of its best reference for one crop."""

    sku: str
    similarity: float
    """Cosine similarity of the best reference, -1..1."""
    reference: int
    """Row of that reference in the release."""
    group: str = ""
    """Name of its group of look-alikes: inside it similarity alone must not accept; or empty."""
    verified: Verified | None = None
    """What the second look found; None: it was not taken."""
    fused: float | None = None
    """Similarity and second look as one number; None: similarity alone."""
    category: str = ""
    accept: float | None = None
    """Least similarity to accept this very SKU, where it differs from the release's."""
    refused: bool = False
    """What this kiosk was told is not this SKU is nearer than any reference of it."""
    added: bool = False
    """Its best reference was added on this kiosk: no release has it."""

    @property
    def evidence(self) -> float:
        """What thresholds and margins are compared with: never less than the similarity."""
        return self.similarity if self.fused is None else self.fused

    @property
    def contested(self) -> bool:
        """The catalog has look-alikes of this SKU."""
        return bool(self.group)


MOST_CUSTOM = 4096
"""Characters of the custom content of a picture."""


@dataclass(frozen=True, slots=True)
class Record:
    """What the catalog knows of a SKU."""

    sku: str
    name: str
    category: str
    barcodes: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()


NEVER_APART = 4.0
"""No lead, and no evidence, reaches this."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A wrong-accept rate that a release states, and what it is based on."""

    about: str
    """What was shown, in words, such as "articles like these that are not in the catalog"."""
    wrong: int
    """Of the things shown, how many were accepted in any of their views."""
    things: int
    """Different things that were shown: what the bound counts."""
    views: int
    """Views of them, all together."""
    bound: float
    """Share of such things that may be accepted wrongly, at most, with this confidence."""
    confidence: float


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When to believe a match; measured for one release, never a constant in code."""

    accept: float
    """Least similarity to accept."""
    choose: float
    """Least evidence to offer a choice; below it the item is unknown."""
    margin: float
    """Least lead over the runner-up SKU to accept."""
    method: str
    """How the numbers were measured, in words."""
    samples: int
    """Left-out queries behind them."""
    by_print: float = NEVER_APART
    """Least evidence to accept a SKU whose print the second look has found."""
    apart: float = NEVER_APART
    """Least lead, with a second look, that tells a SKU from its look-alikes."""
    category: float = NEVER_APART
    """Least similarity to name the category of an item whose SKU is unknown."""
    same: float = NEVER_APART
    """Least evidence to say yes when asked whether an item is one named SKU."""
    differs: float = -1.0
    """Evidence below which the answer to that is no; between the two it is "unsure"."""
    asked: float = 0.0
    """Wrong-accept rate the owner asked for; 0: the release is older than the question."""
    claims: tuple[Claim, ...] = ()
    """What it can state of that, and on which samples; empty: nothing."""
