# SPDX-License-Identifier: Apache-2.0
"""From what one frame shows to what is decided for one visit."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from kiosk.values.catalog import Match, Thresholds
from kiosk.values.details import Features
from kiosk.values.pixels import Box, Detection, Embedding


class Outcome(StrEnum):
    """What a decision says."""

    ACCEPTED = "accepted"
    CHOOSE = "choose"
    UNKNOWN = "unknown"
    MISMATCH = "mismatch"
    """The barcode names another SKU than the one it looks like."""


class Rule(StrEnum):
    """Which gate fired: the reason behind an outcome."""

    ACCEPTED = "similar, clear and steady"
    BARCODE = "its barcode says so"
    LOW_SIMILARITY = "not similar enough"
    SOME_SIMILARITY = "similar, but below the accept threshold"
    SMALL_MARGIN = "two SKUs too close"
    LOOK_ALIKES = "look-alikes that only a print, a barcode or a person tells apart"
    REFUSED = "like something a person said is not this SKU"
    UNFINISHED = "no time to compare every candidate"
    NO_AGREEMENT = "frames disagree"
    POOR_VIEW = "seen too poorly to accept"
    MISMATCH = "barcode and appearance disagree"


class Hint(StrEnum):
    """What a person can do so that the kiosk sees the item better; the most urgent first."""

    CLEAR_COUNTER = "clear_counter"
    """Something lay there before the kiosk ever saw the counter empty."""
    ONE_ITEM = "one_item"
    HAND_AWAY = "hand_away"
    """A hand, or what it holds, covers the item."""
    HOLD_STILL = "hold_still"
    MOVE_INTO_VIEW = "move_into_view"
    """The item reaches over the edge of the frame."""
    MOVE_AWAY = "move_away"
    MOVE_CLOSER = "move_closer"
    MORE_LIGHT = "more_light"
    LESS_LIGHT = "less_light"
    """Blown out, or glare on the item."""
    FOCUS = "focus"
    """Blurred though nothing moves."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How well an item is seen in one frame: plain measurements, no judgement."""

    side_px: float
    """Longer side of its box, in frame pixels."""
    fill: float
    """Longer side of its box, of the frame's side along it, 0..1."""
    sharpness: float
    """Detail of the crop at the embedder's scale; larger is sharper; see `kiosk.vision.quality`."""
    brightness: float
    """Mean luma of the crop, 0..1."""
    dark: float
    """Share of the crop's pixels that are nearly black."""
    clipped: float
    """Share of the crop's pixels that are blown out."""
    moved: float = 0.0
    """How far its box moved since the frame before, of the box's longer side."""
    covered: float = 0.0
    """Share of its box that something reaching in from the frame's edge covers."""


@dataclass(frozen=True, slots=True)
class Code:
    """A barcode that was read in a frame."""

    text: str
    symbology: str
    """Such as "EAN-13", "Code 128", "QR Code"."""
    box: Box
    """In frame pixels."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds one frame spent in each stage; 0 where the stage did not run."""

    locate_ms: float = 0.0
    embed_ms: float = 0.0
    search_ms: float = 0.0
    total_ms: float = 0.0
    verify_ms: float = 0.0
    codes_ms: float = 0.0
    """Reading barcodes."""
    judge_ms: float = 0.0
    """Judging the view, the coach and the decision."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """Everything one frame gave of one item: the input of a decision."""

    sequence: int
    captured_ns: int
    frame_size: tuple[int, int]
    """Width, height in pixels."""
    detections: tuple[Detection, ...]
    """All items found, best first."""
    subject: Detection | None
    """The one item this look is at; None when nothing is there."""
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
    features: Features | None = None
    """Local features of the crop, where the second look was taken."""
    quality: Quality | None = None
    hint: Hint | None = None
    """What stands in the way of a good answer, if something does."""
    codes: tuple[Code, ...] = ()
    """Barcodes read on this item."""
    coded: tuple[str, ...] = ()
    """SKUs that the catalog files under these codes."""


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """Everything one frame gave: a look at each item that is decided about."""

    sequence: int
    captured_ns: int
    frame_size: tuple[int, int]
    """Width, height in pixels."""
    detections: tuple[Detection, ...]
    """All items found, best first."""
    looks: tuple[Look, ...]
    """The most prominent item first; each has a subject."""
    timings: Timings = field(default_factory=Timings)
    """Of the whole frame."""


@dataclass(frozen=True, slots=True)
class Hashes:
    """What a decision was made with: short names for the exact files."""

    release: str
    detector: str
    embedder: str
    config: str = ""
    """Of the options that shape a decision."""


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
    category: str = ""
    """What kind of item it is, where no SKU is named but that much is sure; or empty."""
    looks: tuple[Look, ...] = ()
    """The looks it was made from, the settling one last; what a replay needs is in them."""
    waited_ms: float = 0.0
    """From the first look at the item at rest to the decision."""
    moment: str = "early"
    """Which part of the rule said so; see `kiosk.decide.conclude`."""

    @property
    def sku(self) -> str | None:
        """The accepted SKU; None for every other outcome."""
        return self.matches[0].sku if self.outcome is Outcome.ACCEPTED else None

    @property
    def codes(self) -> tuple[Code, ...]:
        """Barcodes read on the item in any of the looks, each once."""
        return tuple({code.text: code for look in self.looks for code in look.codes}.values())
