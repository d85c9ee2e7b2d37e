# SPDX-License-Identifier: Apache-2.0
"""What is kept of each look of a decision: all that a replay needs, and no picture.

A look is a JSON text (what was seen and found; deflated, a third of its size), its embedding as
float16 and, for the look that settled it, its local features. What is read back is held against its
form and its checksums: cards wear out.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kiosk.errors import StateError
from kiosk.values import (
    Box,
    Code,
    Decision,
    Detection,
    Embedding,
    Features,
    Hint,
    Look,
    Match,
    Quality,
    Thresholds,
    Verified,
)
from kiosk.vision.packed import pack, unpack

LOOK_COLUMNS = ("decision_id", "number", "at", "body", "embedding", "features")
_DIGITS = 6
"""Decimals kept of similarities and the like: float32 holds no more of a number near 1."""

_MOST_BYTES = 1024 * 1024
"""Of the text of a look: it has about 2,000."""


@dataclass(frozen=True, slots=True)
class LookRow:
    """One look, ready to be written."""

    decision_id: str
    number: int
    """Counts from 0, the oldest; the last one settled the decision."""
    at: str
    """Of its decision: both are swept together."""
    body: bytes
    """JSON, deflated by zlib, which has a checksum of its own."""
    embedding: bytes | None
    features: bytes | None

    def row(self) -> tuple[Any, ...]:
        """The values of LOOK_COLUMNS."""
        return tuple(getattr(self, column) for column in LOOK_COLUMNS)

    @property
    def bytes(self) -> int:
        """About what it takes in memory and on the disk."""
        return len(self.body) + len(self.embedding or b"") + len(self.features or b"")


def rows(decision: Decision, decision_id: str, at: str, *, features: bool) -> tuple[LookRow, ...]:
    """The rows of a decision's looks; `features`: with the local features of the last one."""
    last = len(decision.looks) - 1
    found = []
    for number, look in enumerate(decision.looks):
        embedding = None if look.embedding is None else packed_embedding(look.embedding)
        kept = look.features if features and number == last else None
        points = None if kept is None else pack(kept)
        body = _body(look)
        body["sums"] = [_sum(embedding), _sum(points)]
        text = zlib.compress(json.dumps(body, separators=(",", ":")).encode())
        found.append(LookRow(decision_id, number, at, text, embedding, points))
    return tuple(found)


def packed_embedding(embedding: Embedding) -> bytes:
    """(D,) float32 as D little-endian float16."""
    return np.asarray(embedding, "<f2").tobytes()


def unpacked_embedding(data: bytes) -> Embedding:
    """The (D,) float32 of `packed_embedding`. Raises ValueError when it cannot be one."""
    embedding = np.frombuffer(data, "<f2").astype(np.float32)
    length = float(np.linalg.norm(embedding))
    if not 0.5 < length < 2.0:
        raise ValueError(f"an embedding of length {length:.3g}")
    return embedding


def as_look(
    row: tuple[int, bytes, bytes | None, bytes | None], thresholds: Thresholds, release: str
) -> Look:
    """The look in a row (number, body, embedding, features). Raises StateError when damaged."""
    number, body, embedding, features = row
    try:
        facts = json.loads(_inflated(body))
        for blob, kept in zip((embedding, features), facts["sums"], strict=True):
            if blob is not None and _sum(blob) != kept:  # features may be gone: they are swept
                raise ValueError("its bytes are not those that were written")
        box = _box(facts["box"])
        return Look(
            sequence=int(facts["sequence"]),
            captured_ns=int(facts["captured_ns"]),
            frame_size=(int(facts["frame_size"][0]), int(facts["frame_size"][1])),
            detections=(),
            subject=None if box is None else Detection(box, float(facts["score"])),
            whole=bool(facts["whole"]),
            embedding=None if embedding is None else unpacked_embedding(embedding),
            matches=tuple(match_of(each) for each in facts["matches"]),
            thresholds=thresholds,
            release=release,
            unverified=int(facts.get("unverified", 0)),
            features=None if features is None else _features(features),
            quality=Quality(**facts["quality"]) if "quality" in facts else None,
            hint=Hint(facts["hint"]) if "hint" in facts else None,
            codes=tuple(_codes(facts.get("codes", ()))),
            coded=tuple(str(sku) for sku in facts.get("coded", ())),
        )
    except (ValueError, TypeError, KeyError, IndexError, zlib.error) as error:
        raise StateError(
            f"look {number + 1} is damaged ({type(error).__name__}: {error}): the rest of the "
            "journal can be used; check the card or disk it lies on"
        ) from error


def facts_of(match: Match) -> dict[str, Any]:
    """A match for JSON: what has no value, or the usual one, is left out."""
    facts: dict[str, Any] = {
        "sku": match.sku,
        "similarity": number(match.similarity),
        "reference": int(match.reference),
        "group": match.group,
        "category": match.category,
        "accept": None if match.accept is None else number(match.accept),
        "refused": match.refused,
        "added": match.added,
        "evidence": None if match.fused is None else number(match.evidence),
        "verified": None if match.verified is None else plain(asdict(match.verified)),
    }
    always = ("sku", "similarity", "reference")
    return {
        name: value
        for name, value in facts.items()
        if name in always or value not in (None, "", False)
    }


def match_of(facts: Mapping[str, Any]) -> Match:
    """The match that `facts_of` wrote. Raises KeyError, TypeError or ValueError when damaged."""
    verified = facts.get("verified")
    return Match(
        str(facts["sku"]),
        float(facts["similarity"]),
        int(facts["reference"]),
        str(facts.get("group", "")),
        Verified(**verified) if verified is not None else None,
        _optional(facts.get("evidence")),
        str(facts.get("category", "")),
        _optional(facts.get("accept")),
        bool(facts.get("refused", False)),
        bool(facts.get("added", False)),
    )


def number(value: float) -> float | None:
    """A plain float for JSON (numpy's float32 is none); None for what JSON cannot say."""
    found = float(value)
    return round(found, _DIGITS) if math.isfinite(found) else None


def plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The same fields with numbers that JSON can say."""
    return {
        name: value if isinstance(value, str | int) else number(value)
        for name, value in fields.items()
    }


def _body(look: Look) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "sequence": int(look.sequence),
        "captured_ns": int(look.captured_ns),
        "frame_size": [int(side) for side in look.frame_size],
        "box": None if look.subject is None else look.subject.box.as_list(),
        "score": None if look.subject is None else number(look.subject.score),
        "whole": bool(look.whole),
        "matches": [facts_of(match) for match in look.matches],
    }
    if look.unverified:
        facts["unverified"] = int(look.unverified)
    if look.quality is not None:
        facts["quality"] = plain(asdict(look.quality))
    if look.hint is not None:
        facts["hint"] = look.hint.value
    if look.codes:
        facts["codes"] = codes_of(look.codes)
    if look.coded:
        facts["coded"] = list(look.coded)
    return facts


def codes_of(codes: tuple[Code, ...]) -> list[dict[str, Any]]:
    """Barcodes for JSON."""
    return [
        {"text": code.text, "symbology": code.symbology, "box": code.box.as_list()}
        for code in codes
    ]


def _codes(facts: Any) -> Iterator[Code]:  # noqa: ANN401 - whatever JSON gives
    for each in facts:
        box = _box(each["box"])
        if box is not None:
            yield Code(str(each["text"]), str(each["symbology"]), box)


def _box(values: Any) -> Box | None:  # noqa: ANN401 - whatever JSON gives
    return None if values is None else Box(*(float(value) for value in values))


def _features(data: bytes) -> Features:
    (found,) = unpack(data)
    return found


def _inflated(body: bytes) -> bytes:
    """Raises ValueError or zlib.error for anything but one whole text of a sane length."""
    reader = zlib.decompressobj()
    text = reader.decompress(body, _MOST_BYTES)
    if not reader.eof:
        raise ValueError("it is cut short or far too long")
    return text


def _sum(blob: bytes | None) -> int | None:
    """SQLite would not notice a bit that a worn card turned over."""
    return None if blob is None else zlib.crc32(blob)


def _optional(value: float | None) -> float | None:
    return None if value is None else float(value)
