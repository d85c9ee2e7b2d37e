# SPDX-License-Identifier: Apache-2.0
"""The files of a release into a repository, each read back before anything names it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from kiosk.announcement import Blob
from kiosk.catalog.manifest import NAME, FileEntry, Manifest
from kiosk.durable import sha256_of
from kiosk.errors import PublishError
from kiosk.publish.storage import Storage, blob_name

Progress = Callable[[str, int, int], None]
"""What was just done, bytes so far, bytes in all."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What an upload came to."""

    files: int
    new_files: int
    bytes: int
    new_bytes: int


def upload(
    storage: Storage,
    release: Path,
    manifest: Manifest,
    *,
    proven: Collection[str] = (),
    progress: Progress | None = None,
) -> tuple[Blob, Sent]:
    """Put what kiosks need of a release there. Gives the blob of its manifest.

    `proven`: sha256 of blobs that what is announced now needs, so that they were read back before.
    Raises PublishError when the place gives back other bytes than it was given, OSError.
    """
    listed = release / NAME
    whole = FileEntry(NAME, listed.stat().st_size, sha256_of(listed))
    entries = {entry.sha256: entry for entry in (*manifest.needed, whole)}
    total = sum(entry.bytes for entry in entries.values())
    done = new_files = new_bytes = 0
    for entry in entries.values():
        if _put(storage, release / entry.name, entry, entry.sha256 in proven):
            new_files += 1
            new_bytes += entry.bytes
        done += entry.bytes
        if progress is not None:
            progress(entry.name, done, total)
    return Blob(whole.sha256, whole.bytes), Sent(len(entries), new_files, total, new_bytes)


def _put(storage: Storage, path: Path, entry: FileEntry, proven: bool) -> bool:
    """Gives whether it was not there before."""
    name = blob_name(entry.sha256)
    there = storage.size(name)
    if there == entry.bytes and (proven or storage.sha256(name) == entry.sha256):
        return False
    if there is not None:  # a stopped upload to a place that shows half a file
        storage.remove(name)
    storage.create(name, path)
    if storage.size(name) != entry.bytes or storage.sha256(name) != entry.sha256:
        raise PublishError(
            f"{storage.address}: {name} reads differently than {path} was written; check the place "
            "and the disk, then run the command again"
        )
    return True


def named_blobs(listed: bytes) -> set[str]:
    """sha256 of every file a manifest names, whatever its format. Raises PublishError."""
    try:
        files = json.loads(listed)["files"].values()
        return {str(entry["sha256"]) for entry in files}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PublishError(f"a manifest that was published is damaged ({error})") from error


def check_there(storage: Storage, manifest: Manifest, blob: Blob) -> None:
    """A last look before it is announced: nothing was removed meanwhile. Raises PublishError."""
    wanted = [(entry.sha256, entry.bytes) for entry in manifest.needed]
    for sha256, size in (*wanted, (blob.sha256, blob.bytes)):
        if storage.size(blob_name(sha256)) != size:
            raise PublishError(
                f"{storage.address}: {blob_name(sha256)} is not there as a whole; "
                "run the command again, or publish that release again from its folder"
            )
