# SPDX-License-Identifier: Apache-2.0
"""Releases small enough to write down, and ways to put them into a store."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kiosk.announcement import Blob
from kiosk.catalog.manifest import (
    FileEntry,
    Manifest,
    ModelName,
    SegmentEntry,
    parse,
    sealed,
    to_json,
)
from kiosk.store import Installed, Store

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Bundle:
    """The bytes of a release, with nothing in its files that could be opened."""

    manifest: bytes
    release: str
    files: dict[str, bytes]

    def installed(self, seq: int) -> Installed:
        return Installed(self.release, hashlib.sha256(self.manifest).hexdigest(), seq)

    @property
    def blobs(self) -> dict[Blob, bytes]:
        return {blob(data): data for data in self.files.values()}


def blob(data: bytes) -> Blob:
    return Blob(hashlib.sha256(data).hexdigest(), len(data))


def bundle(name: str, built_at: str = "2026-11-01T00:00:00+00:00") -> Bundle:
    """A release with a segment of its own and one that all of them share."""
    old, new = "0" * 16, hashlib.sha256(name.encode()).hexdigest()[:16]
    files = {"calibration.json": f"what to believe of {name}".encode()}
    for segment, of in ((old, "all of them"), (new, name)):
        for file in ("vectors.npy", "records.sqlite", "thumbnails.bin", "queries.npy"):
            files[f"segments/{segment}/{file}"] = f"{file} of {of}".encode()
    model = ModelName("tiny", "1", "0" * 64)
    manifest = sealed(
        Manifest(
            release="",
            built_at=built_at,
            skus=1,
            pictures=2,
            references=2,
            dimension=4,
            embedder=model,
            detector=model,
            augmentation=(),
            segments=(SegmentEntry(old, 1, 1), SegmentEntry(new, 1, 1)),
            files=tuple(
                FileEntry(path, len(data), hashlib.sha256(data).hexdigest())
                for path, data in sorted(files.items())
            ),
        )
    )
    return Bundle(to_json(manifest), manifest.release, files)


def installed(store: Store, made: Bundle, seq: int) -> Installed:
    """`made` fetched and installed as a sync pass does it."""
    for each, data in made.blobs.items():
        if not store.blobs.has(each):
            store.blobs.put(data, each)
    store.install(made.manifest)
    return made.installed(seq)


def fetched(store: Store, folder: Path, seq: int) -> Installed:
    """The real release in `folder`, fetched and installed."""
    data = (folder / "manifest.json").read_bytes()
    manifest = parse(data)
    for entry in manifest.needed:
        each = Blob(entry.sha256, entry.bytes)
        if not store.blobs.has(each):
            store.blobs.put((folder / entry.name).read_bytes(), each)
    store.install(data)
    return Installed(manifest.release, hashlib.sha256(data).hexdigest(), seq)
