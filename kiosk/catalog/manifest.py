# SPDX-License-Identifier: Apache-2.0
"""The manifest of a release: what it holds, what made it, and the size and hash of every file.

`parse` takes bytes and returns a value, no IO: a manifest is refused here before anything it names
is touched. The release id is a hash of the content, so two builds of the same are one release.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import stat
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kiosk.catalog.entries import DERIVED as DERIVED
from kiosk.catalog.entries import NAME as NAME
from kiosk.catalog.entries import FileEntry as FileEntry
from kiosk.catalog.entries import ModelName as ModelName
from kiosk.catalog.entries import SegmentEntry as SegmentEntry
from kiosk.catalog.entries import (
    count,
    entry_body,
    file_entries,
    model_name,
    segment_entry,
    text,
)
from kiosk.durable import sha256_of
from kiosk.errors import CatalogError

FORMAT = 3
SEGMENTS, TOMBSTONES, MODELS = "segments", "tombstones", "models"
"""Folders of a release; a segment is a folder in the first."""
VECTORS, RECORDS, THUMBNAILS = "vectors.npy", "records.sqlite", "thumbnails.bin"
QUERIES = "queries.npy"
"""The files of every segment; the last are camera views of some of its pictures, for the gate."""
FEATURES, PICTURES = "features.bin", "pictures.npy"
"""Two more where there is a second look; see `kiosk.catalog.details`."""
CALIBRATION = "calibration.json"
"""What to believe, and what that is based on; see `kiosk.catalog.calibration`."""
GATE = "gate.npz"
"""What searches must answer; see `kiosk.catalog.gate`."""
PROBES = "probes.npz"
"""What it was measured with; never opened by a kiosk; see `kiosk.catalog.probes`."""
MOST_SEGMENTS = 64
"""More than any builder makes."""
MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything a kiosk must know of a release before it opens its files."""

    release: str
    """16 hex digits that name this content, whenever it was built; see `sealed`."""
    built_at: str
    """UTC, ISO 8601. Not part of the release id."""
    skus: int
    pictures: int
    references: int
    dimension: int
    embedder: ModelName
    detector: ModelName
    augmentation: tuple[str, ...]
    """The recipes that made several references of one picture, in words."""
    segments: tuple[SegmentEntry, ...]
    """The newest last; the counts above are of what is not under a tombstone."""
    files: tuple[FileEntry, ...]
    """By name, without the manifest itself."""
    features: str = ""
    """The method of the local features, and what they were compared with; empty: there are none."""

    @property
    def needed(self) -> tuple[FileEntry, ...]:
        """The files that a kiosk must have, by name; the others stay at head office."""
        return tuple(entry for entry in self.files if not entry.office)

    @property
    def models(self) -> tuple[FileEntry, ...]:
        """The models that the release brings along; none: it needs those that are there."""
        return tuple(entry for entry in self.files if entry.name.startswith(f"{MODELS}/"))

    @property
    def content(self) -> str:
        """sha256 over the segments and the tombstones: all that is searched and shown."""
        return content_of(self.segments, self.files)


def content_of(segments: Iterable[SegmentEntry], files: Iterable[FileEntry]) -> str:
    """`Manifest.content` of these; other files do not count."""
    folders = (f"{SEGMENTS}/", f"{TOMBSTONES}/")
    kept = sorted((each.name, each.sha256) for each in files if each.name.startswith(folders))
    return hashlib.sha256(json.dumps([[each.name for each in segments], kept]).encode()).hexdigest()


def in_segment(segment: SegmentEntry | str, name: str) -> str:
    """The name in a release of the file `name` of a segment."""
    return f"{SEGMENTS}/{segment if isinstance(segment, str) else segment.name}/{name}"


def tombstones_of(segment: SegmentEntry | str) -> str:
    """The name in a release of what says which pictures of a segment are gone, if any are."""
    return f"{TOMBSTONES}/{segment if isinstance(segment, str) else segment.name}.bits"


def sealed(manifest: Manifest) -> Manifest:
    """`manifest` with the release id that its content has, and nothing else changed."""
    body = _body(manifest)
    del body["built_at"], body["release"]
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    identity = hashlib.sha256(canonical.encode()).hexdigest()[:16]
    return dataclasses.replace(manifest, release=identity)


def to_json(manifest: Manifest) -> bytes:
    """The file `manifest.json`, for people too."""
    body = {"format": FORMAT, **_body(manifest)}
    return (json.dumps(body, indent=1, ensure_ascii=False) + "\n").encode()


def parse(data: bytes) -> Manifest:
    """The manifest in `data`. Raises CatalogError for anything but a whole one of this format."""
    try:
        body = json.loads(data.decode("utf-8"), object_pairs_hook=_without_duplicates)
        if not isinstance(body, dict) or "format" not in body:
            raise CatalogError("it is not the manifest of a release")
        if body["format"] != FORMAT:
            older = isinstance(body["format"], int) and body["format"] < FORMAT
            raise CatalogError(
                f"it has format {body['format']!r}, this kiosk reads {FORMAT}: "
                + ("build the catalog again" if older else "update the kiosk")
            )
        manifest = _manifest(body)
    except CatalogError as error:
        raise CatalogError(f"{NAME}: {error}") from None
    except KeyError as error:
        raise CatalogError(f"{NAME}: {error} is missing; restore the release") from None
    except (ValueError, TypeError, RecursionError) as error:
        raise CatalogError(f"{NAME}: is damaged ({error}); restore the release") from error
    if sealed(manifest) != manifest:
        raise CatalogError(
            f"{NAME}: its content is not that of release {manifest.release}; restore the release"
        )
    return manifest


def read_manifest(directory: Path) -> Manifest:
    """The manifest of the release in `directory`. Raises CatalogError."""
    path = directory / NAME
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe would be waited for without end
            raise CatalogError(f"{path}: is not a regular file; restore the release")
        if status.st_size > MAX_BYTES:
            raise CatalogError(f"{path}: is too large to be a manifest; restore the release")
        data = path.read_bytes()
    except FileNotFoundError:
        raise CatalogError(
            f"{directory}: there is no release here ({NAME} is missing); "
            "build one with `kiosk catalog build`"
        ) from None
    except OSError as error:
        raise CatalogError(
            f"{path}: cannot be read ({error.strerror}); check its permissions"
        ) from error
    try:
        return parse(data)
    except CatalogError as error:
        raise CatalogError(f"{directory / str(error)}") from error


def check_files(directory: Path, manifest: Manifest) -> None:
    """The quick check of every start: each file is there with its size. Raises CatalogError.

    A file that only head office needs may be missing.
    """
    for entry in _present(directory, manifest):
        fault = _fault(directory / entry.name, entry.bytes)
        if fault:
            raise CatalogError(
                f"{directory / entry.name}: {fault}; restore the release or build it again"
            )


def _present(directory: Path, manifest: Manifest) -> list[FileEntry]:
    """All that a kiosk needs, and what else is there: as that may be nothing, or be damaged."""
    return [
        entry
        for entry in manifest.files
        if not entry.office or os.path.lexists(directory / entry.name)
    ]


def _fault(path: Path, size: int) -> str:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    if not stat.S_ISREG(status.st_mode):
        return "is not a regular file"
    return "" if status.st_size == size else f"has {status.st_size} bytes instead of {size}"


def verify(directory: Path) -> Manifest:
    """The full check: every byte of every file, and nothing else in the folder.

    What only head office needs may be missing. Raises CatalogError naming the first bad file.
    """
    manifest = read_manifest(directory)
    check_files(directory, manifest)
    for entry in _present(directory, manifest):
        _check_digest(directory, entry)
    expected = {NAME, *(entry.name for entry in manifest.files)}
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory)
        folder = path.is_dir() and not path.is_symlink()
        if name.parts[0] != DERIVED and not folder and name.as_posix() not in expected:
            raise CatalogError(f"{path}: is not part of the release; remove it")
    return manifest


def check_bytes(directory: Path, manifest: Manifest, names: Collection[str]) -> None:
    """Every byte of the named files, such as those a kiosk answers from. Raises CatalogError."""
    for entry in _present(directory, manifest):
        if entry.name in names:
            _check_digest(directory, entry)


def _check_digest(directory: Path, entry: FileEntry) -> None:
    path = directory / entry.name
    try:
        digest = sha256_of(path)
    except OSError as error:
        raise CatalogError(
            f"{path}: cannot be read ({error.strerror}); check the disk and restore the release"
        ) from error
    if digest != entry.sha256:
        raise CatalogError(
            f"{path}: is damaged (sha256 {digest[:12]}… instead of {entry.sha256[:12]}…); "
            "restore the release or build it again"
        )


def _body(manifest: Manifest) -> dict[str, Any]:
    body = dataclasses.asdict(manifest)
    body["augmentation"] = list(manifest.augmentation)
    body["segments"] = [dataclasses.asdict(each) for each in manifest.segments]
    body["files"] = {entry.name: entry_body(entry) for entry in manifest.files}
    return body


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    body = dict(pairs)
    if len(body) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise CatalogError(f"{twice!r} stands in it twice; restore the release")
    return body


def _manifest(body: dict[str, Any]) -> Manifest:
    features = text(body["features"])
    files = file_entries(body["files"])
    segments = tuple(segment_entry(each) for each in body["segments"])
    _check_segments(segments, {entry.name for entry in files}, features)
    return Manifest(
        release=text(body["release"]),
        built_at=text(body["built_at"]),
        skus=count(body["skus"]),
        pictures=count(body["pictures"]),
        references=count(body["references"]),
        dimension=count(body["dimension"]),
        embedder=model_name(body["embedder"]),
        detector=model_name(body["detector"]),
        augmentation=tuple(text(recipe) for recipe in body["augmentation"]),
        segments=segments,
        files=files,
        features=features,
    )


def _check_segments(
    segments: tuple[SegmentEntry, ...], files: Collection[str], features: str
) -> None:
    if len({each.name for each in segments}) != len(segments) or len(segments) > MOST_SEGMENTS:
        raise CatalogError("its segments are too many, or one is named twice; restore the release")
    for each in segments:
        if not {in_segment(each, name) for name in (VECTORS, RECORDS, THUMBNAILS, QUERIES)} <= set(
            files
        ):
            raise CatalogError(f"files of segment {each.name} are missing; restore the release")
        if features and not {in_segment(each, name) for name in (FEATURES, PICTURES)} <= set(files):
            raise CatalogError("it names local features, but not their files; restore the release")
