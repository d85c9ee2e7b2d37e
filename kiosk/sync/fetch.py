# SPDX-License-Identifier: Apache-2.0
"""A blob, from wherever it broke off: what came is kept, and only its hash makes it the blob.

Rule: no answer of a server can shorten what is there. One that begins too early is read past.
"""

from __future__ import annotations

from kiosk.announcement import Blob
from kiosk.catalog.manifest import Manifest
from kiosk.errors import Held, Tampered
from kiosk.store import Store
from kiosk.store.blobs import Blobs, Part
from kiosk.sync.evidence import Unanswered, cut_off
from kiosk.sync.origin import Origin

LEAST_GAIN = 16 * 1024
"""Bytes that a try must bring to count as one that went on."""
MOST_FRUITLESS = 3
"""Tries in a row without that much; then it is left for the next pass."""
BLOBS = "blobs"


def fetch(origin: Origin, blobs: Blobs, blob: Blob) -> None:
    """Have `blob` in the store, fetching what is missing of it.

    Raises Unanswered when it cannot be had now (what came is kept), Tampered when what came is not
    the blob, OSError when it cannot be written.
    """
    if blobs.has(blob):
        return
    if not blob.bytes:
        blobs.put(b"", blob)
        return
    part = blobs.part(blob.sha256)
    pieced = part.size > 0
    pieced = _complete(origin, part, blob) > 1 or pieced
    try:
        blobs.keep(blob)
    except Tampered:
        if not pieced:
            raise
        # A power cut may have torn what was left of an earlier pass, or a server may have lied
        # about where its bytes belong: once more, whole.
        _complete(origin, part, blob)
        blobs.keep(blob)


def fetch_missing(
    origin: Origin, store: Store, manifest: Manifest, sha256: str, at_first: int = 0
) -> None:
    """Have every blob of a release. `sha256` is that of its manifest, `at_first` the bytes that it
    asks for where nothing of it is here yet.

    Raises as `fetch`; Held when it does not fit, also after what nobody needs is gone.
    """
    wanted = {entry.sha256: Blob(entry.sha256, entry.bytes) for entry in manifest.needed}
    missing = [blob for blob in wanted.values() if not store.blobs.has(blob)]
    size = sum(max(0, blob.bytes - store.blobs.part(blob.sha256).size) for blob in missing)
    room = max(size, at_first if len(missing) == len(wanted) else 0)
    try:
        store.room(room)
    except Held:
        store.collect({sha256, *wanted})
        store.room(room)
    for blob in missing:
        fetch(origin, store.blobs, blob)


def path_of(blob: Blob) -> str:
    """Where it lies in a repository."""
    return f"{BLOBS}/{blob.sha256[:2]}/{blob.sha256}"


def _complete(origin: Origin, part: Part, blob: Blob) -> int:
    """Append until `part` has its length; gives in how many tries. Raises Unanswered, OSError."""
    tries = fruitless = 0
    whole = False
    while part.size < blob.bytes:
        before = part.size
        tries += 1
        try:
            _append(origin, part, blob, 0 if whole else before)
        except Unanswered as error:
            fruitless = 0 if part.size - before >= LEAST_GAIN else fruitless + 1
            odd = error.code == "unusable" and before > 0 and not whole
            if not odd and (error.code != "cut" or fruitless >= MOST_FRUITLESS):
                raise
            whole = whole or odd  # a server that cannot go on may still give it from the start
    return tries


def _append(origin: Origin, part: Part, blob: Blob, offset: int) -> None:
    with origin.tail(path_of(blob), blob.bytes, offset) as tail:
        place, have = tail.start, part.size
        for chunk in tail.chunks:
            fresh = chunk[max(0, have - place) :][: blob.bytes - have]
            place += len(chunk)
            if fresh:
                part.append(fresh)
                have += len(fresh)
            if have >= blob.bytes:
                return
    if have < blob.bytes:
        name = f"{origin.name}/{path_of(blob)}"
        raise cut_off(name, f"only {place} of {blob.bytes} bytes came")
