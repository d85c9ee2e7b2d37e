# SPDX-License-Identifier: Apache-2.0
"""The vocabulary: every value that travels between stages, on one page.

Plain frozen values with no behaviour beyond small derived properties. Pixels are BGR uint8 arrays
(H, W, 3), OpenCV's order, everywhere; boxes are in frame pixels with the origin at the top left.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""BGR image, (H, W, 3) uint8."""

Embedding = NDArray[np.float32]
"""Unit-length vector of a crop, (D,) float32."""


@dataclass(frozen=True, slots=True)
class Box:
    """`x1, y1, x2, y2` in frame pixels, float, origin top left, x2/y2 exclusive."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        return self.y2 - self.y1

    @property
    def area(self) -> float:
        return max(self.width, 0.0) * max(self.height, 0.0)

    @property
    def centre(self) -> tuple[float, float]:
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2

    def as_list(self) -> list[float]:
        """The four numbers, rounded to a tenth of a pixel, for pages, logs and JSON."""
        return [round(float(value), 1) for value in (self.x1, self.y1, self.x2, self.y2)]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One captured image. `pixels` may be borrowed from a camera: copy what outlives the loan."""

    pixels: Pixels
    sequence: int
    """Counts up from 0 for each opened camera; gaps are dropped frames."""
    captured_ns: int
    """Monotonic time of capture in nanoseconds (`time.monotonic_ns`)."""
    lores: Pixels | None = None
    """The same view at a lower resolution, BGR, when the camera gives one for nothing."""

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])


@dataclass(frozen=True, slots=True)
class Detection:
    """An item is here: a class-agnostic box and the locator's score in 0..1."""

    box: Box
    score: float


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One reference found by a search: its row in the release and its cosine similarity."""

    reference: int
    similarity: float


POINT = np.dtype(
    [("at", "<u2", (2,)), ("size", "u1"), ("angle", "u1"), ("descriptor", "i1", (48,))]
)
"""One local feature: where it lies (64ths of a pixel of its crop), its diameter (16 * log2 pixels),
its direction (256ths of a turn) and what it looks like."""
TONES = 24
"""Side of the grid of mean colours that goes with local features."""


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """What a crop shows in detail: its local features and, coarsely, its colours."""

    points: NDArray[np.void]
    """(N,) POINT, the most distinct first; N may be 0."""
    tones: NDArray[np.uint8]
    """(TONES, TONES, 3) mean BGR of the crop's cells."""
    size: tuple[int, int]
    """Width and height of the crop, in the pixels that the points count."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What the second look found: how far a crop shows the very print of a reference."""

    points: int
    """Places of the reference that were found again, in one arrangement."""
    coverage: float
    """Share of the reference's detail, as far as it is in view, that they cover, 0..1."""
    colour: float
    """Agreement of the colours there, whatever the light, 0..1."""
    strength: float
    """All of it as one calibrated number: 0 nothing was found, 1 this is the print."""


@dataclass(frozen=True, slots=True)
class Match:
    """A SKU with the evidence of its best reference for one crop."""

    sku: str
    similarity: float
    """Cosine similarity of the best reference, -1..1."""
    reference: int
    """Row of that reference in the release."""
    contested: bool = False
    """The catalog has look-alikes of this SKU: similarity alone must not accept it."""
    verified: Verified | None = None
    """What the second look found; None: it was not taken."""
    fused: float | None = None
    """Similarity and second look as one number; None: similarity alone."""

    @property
    def evidence(self) -> float:
        """What thresholds and margins are compared with: never less than the similarity."""
        return self.similarity if self.fused is None else self.fused


@dataclass(frozen=True, slots=True)
class Record:
    """What the catalog knows of a SKU."""

    sku: str
    name: str
    category: str
    barcodes: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()


NEVER_APART = 4.0
"""No lead reaches this."""


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
    """How the three numbers were measured, in words."""
    samples: int
    """Left-out queries behind them."""
    by_print: float = NEVER_APART
    """Least evidence to accept a SKU whose print the second look has found."""
    apart: float = NEVER_APART
    """Least lead, with a second look, that tells a SKU from its look-alikes."""


class Outcome(StrEnum):
    """What a decision says."""

    ACCEPTED = "accepted"
    CHOOSE = "choose"
    UNKNOWN = "unknown"


class Rule(StrEnum):
    """Which gate fired: the reason behind an outcome."""

    ACCEPTED = "similar, clear and steady"
    LOW_SIMILARITY = "not similar enough"
    SOME_SIMILARITY = "similar, but below the accept threshold"
    SMALL_MARGIN = "two SKUs too close"
    UNFINISHED = "no time to compare every candidate"
    NO_AGREEMENT = "frames disagree"


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds one frame spent in each stage; 0 where the stage did not run."""

    locate_ms: float = 0.0
    embed_ms: float = 0.0
    search_ms: float = 0.0
    total_ms: float = 0.0
    verify_ms: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """Everything one frame gave: the input of a decision."""

    sequence: int
    captured_ns: int
    frame_size: tuple[int, int]
    """Width, height in pixels."""
    detections: tuple[Detection, ...]
    """All items found, best first."""
    subject: Detection | None
    """The one item the kiosk looks at; None when nothing is there."""
    whole: bool
    """The subject does not touch the edge of the frame."""
    embedding: Embedding | None
    matches: tuple[Match, ...]
    """SKUs by falling evidence."""
    thresholds: Thresholds
    release: str
    timings: Timings = field(default_factory=Timings)
    unverified: int = 0
    """Matches that the second look had no time left for."""


@dataclass(frozen=True, slots=True)
class Hashes:
    """What a decision was made with: short names for the exact files."""

    release: str
    detector: str
    embedder: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer for one visit of an item, with its evidence: page, log and journal show this."""

    decision_id: str
    visit_id: str
    at: str
    """UTC wall time, ISO 8601, for people; never used to reason about order."""
    outcome: Outcome
    rule: Rule
    matches: tuple[Match, ...]
    """accepted: the SKU, then its runners-up; choose: the candidates; unknown: the nearest."""
    box: Box
    frame_size: tuple[int, int]
    similarity: float
    margin: float
    agreement: tuple[int, int]
    """Frames that agree, frames looked at."""
    sequence: int
    """Frame that settled it."""
    thresholds: Thresholds
    hashes: Hashes
    timings: Timings

    @property
    def sku(self) -> str | None:
        """The accepted SKU; None for every other outcome."""
        return self.matches[0].sku if self.outcome is Outcome.ACCEPTED else None
