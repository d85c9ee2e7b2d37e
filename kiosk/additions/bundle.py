# SPDX-License-Identifier: Apache-2.0
"""Additions on their way to head office: one ZIP file with the records and the pictures.

Rules: the same additions are the same bytes, so that sending twice is seen; a bundle comes from far
away, so nothing in it is believed before it was held against its form and its sha256.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kiosk.additions.values import MOST_VIEWS, Addition
from kiosk.catalog.tables import is_plain, sku_id
from kiosk.errors import AdditionError
from kiosk.values import Box, Record

FORMAT = 1
LISTING, PICTURES = "additions.json", "pictures"
MOST_ADDITIONS = 1000
MAX_LISTING_BYTES, MAX_PICTURE_BYTES = 64 * 1024 * 1024, 1024 * 1024
_EPOCH = (1980, 1, 1, 0, 0, 0)
_ID = re.compile(r"[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MOST_TEXT = 256


@dataclass(frozen=True, slots=True)
class ProposedView:
    sha256: str
    box: Box
    """Where the item is, in pixels of the picture."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """An addition as head office sees it: a proposal."""

    proposal_id: str
    """That of the addition: the same one again is the same proposal."""
    kiosk: str
    record: Record
    more: bool
    """More views of a SKU that the kiosk's catalog had."""
    at: str
    undone_at: str
    """When the kiosk took it back; empty: it holds."""
    body: str
    """All that the kiosk tells of it, as canonical JSON."""
    views: tuple[ProposedView, ...]
    pictures: Mapping[str, bytes]
    """JPEG by sha256; none of what was undone."""


def packed(kiosk: str, additions: Iterable[tuple[Addition, Mapping[str, bytes]]]) -> bytes:
    """A bundle of additions, each with its pictures by sha256."""
    listed = []
    pictures: dict[str, bytes] = {}
    for addition, crops in additions:
        listed.append(addition.as_journal())
        wanted = {view.sha256 for view in addition.views} if addition.holds else set()
        pictures |= {name: jpeg for name, jpeg in crops.items() if name in wanted}
    listing = json.dumps({"format": FORMAT, "kiosk": kiosk, "additions": listed}, sort_keys=True)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as file:
        file.writestr(zipfile.ZipInfo(LISTING, _EPOCH), listing)
        for name in sorted(pictures):
            file.writestr(zipfile.ZipInfo(f"{PICTURES}/{name}.jpg", _EPOCH), pictures[name])
    return out.getvalue()


def unpacked(data: bytes) -> tuple[Proposed, ...]:
    """The proposals in a bundle. Raises AdditionError for anything else: then none is taken."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            told = json.loads(_read(file, LISTING, MAX_LISTING_BYTES))
            if told["format"] != FORMAT:
                raise AdditionError(
                    "newer", f"the bundle has format {told['format']!r}, this program reads "
                    f"{FORMAT}: update it"
                )  # fmt: skip
            kiosk, listed = _text(told["kiosk"]), list(told["additions"])
            if len(listed) > MOST_ADDITIONS:
                raise ValueError(f"it holds more than {MOST_ADDITIONS} additions")
            return tuple(_proposed(file, kiosk, each) for each in listed)
    except AdditionError:
        raise
    except (
        *(zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, OSError, NotImplementedError),
        *(ValueError, TypeError, KeyError, RuntimeError, RecursionError),
    ) as error:
        raise AdditionError(
            "damaged", f"this is no bundle of additions, or a damaged one ({error}): export it "
            "again with `kiosk additions export`"
        ) from error  # fmt: skip


def _proposed(file: zipfile.ZipFile, kiosk: str, told: Mapping[str, Any]) -> Proposed:
    identity, views = str(told["addition_id"]), [_view(each) for each in told["views"]]
    if not _ID.fullmatch(identity) or not 1 <= len(views) <= MOST_VIEWS:
        raise ValueError("an addition has no id, or no views")
    record = Record(
        sku_id(_text(told["sku"])),
        _text(told["name"]),
        _text(told["category"]),
        tuple(_text(code) for code in told["barcodes"]),
    )
    undone_at = _text(told["undone_at"])
    pictures = {}
    for view in views if not undone_at else ():
        jpeg = _read(file, f"{PICTURES}/{view.sha256}.jpg", MAX_PICTURE_BYTES)
        if hashlib.sha256(jpeg).hexdigest() != view.sha256:
            raise ValueError(f"picture {view.sha256[:12]}… is not what its name says")
        pictures[view.sha256] = jpeg
    return Proposed(
        proposal_id=identity,
        kiosk=kiosk,
        record=record,
        more=bool(told["more"]),
        at=_text(told["at"]),
        undone_at=undone_at,
        body=json.dumps(told, sort_keys=True, separators=(",", ":")),
        views=tuple(views),
        pictures=pictures,
    )


def views_of(body: str) -> tuple[ProposedView, ...]:
    """The views in `Proposed.body`. Raises ValueError, TypeError or KeyError when damaged."""
    return tuple(_view(each) for each in json.loads(body)["views"])


def record_of(body: str) -> Record:
    """The record in `Proposed.body`. Raises ValueError, TypeError or KeyError when damaged."""
    told = json.loads(body)
    codes = tuple(_text(code) for code in told["barcodes"])
    return Record(sku_id(_text(told["sku"])), _text(told["name"]), _text(told["category"]), codes)


def _view(told: Mapping[str, Any]) -> ProposedView:
    sha256 = str(told["sha256"])
    box = Box(*(float(edge) for edge in told["box"]))
    if not _SHA256.fullmatch(sha256) or not (0 <= box.x1 < box.x2 and 0 <= box.y1 < box.y2):
        raise ValueError("a view has no picture, or no place in it")
    return ProposedView(sha256, box)


def _read(file: zipfile.ZipFile, name: str, most: int) -> bytes:
    """A member, as far as it is no bomb. Raises ValueError, KeyError, or as zipfile does."""
    with file.open(name) as member:
        data = member.read(most + 1)
    if len(data) > most:
        raise ValueError(f"{name} has more than {most} bytes")
    return data


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > _MOST_TEXT or not is_plain(value):
        raise ValueError(f"{str(value)[:40]!r} is no plain text")
    return value
