# SPDX-License-Identifier: Apache-2.0
"""The Annoy file: built durably, checked before it is mapped, never trusted on its word.

Annoy has no header and no checks of its own: a damaged file loads and then crashes or answers
nonsense, `save()` neither syncs nor replaces safely, and `unload()` under a search is a crash. So
a sidecar of ours pins length, sha256, counts and origin; files change by rename only; and the
owner closes an index only after its last search. Only files that this device built are mapped.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import os
import stat
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from annoy import AnnoyIndex as Annoy
from numpy.typing import NDArray

from kiosk.durable import sha256_of, sync, write_durably
from kiosk.errors import IndexFault
from kiosk.search.rows import Block, Numbers, Rows

SEED = 20_26
FORMAT = 2
METRIC: Final = "angular"
SUFFIXES = (".ann", ".rows.npy", ".json")
"""An index is three files of one name: the Annoy file, which row each of its items is, and the
sidecar, which is written last."""
_CHUNK_ROWS = 512
_MOST = 2**40


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What must be true of an Annoy file before it is mapped."""

    format: int
    key: str
    """Names everything that the file was built from and with."""
    segments: tuple[tuple[str, int], ...]
    """Names and row counts of the segments it was built over."""
    items: int
    dimension: int
    trees: int
    search_k: int
    bytes: int
    sha256: str
    rows_sha256: str


def trees_for(items: int) -> int:
    """More trees for more items: recall per effort, paid in file size (measured, see README)."""
    return 10 if items <= 20_000 else 25


def build(rows: Rows, chosen: Numbers, directory: Path) -> Sidecar:
    """Build the index of these rows of lasting blocks in `directory`, durably; `search_k` is left
    to be tuned, and the sidecar to be written.

    One thread and a fixed seed: the same bytes from the same binary. Raises OSError when the disk
    refuses; nothing half-written is left.
    """
    numbers = _counted(rows)[chosen].astype(np.int32)
    trees = trees_for(len(chosen))
    segments = tuple((block.name, len(block.vectors)) for block in rows.blocks if block.name)
    key = _key(segments, numbers, trees)
    _sweep(directory)
    annoy = Annoy(rows.dimension, METRIC)
    annoy.set_seed(SEED)
    for start in range(0, len(chosen), _CHUNK_ROWS):
        part = rows.take(chosen[start : start + _CHUNK_ROWS]).tolist()
        for item, vector in enumerate(part, start):
            annoy.add_item(item, vector)
    annoy.build(trees, n_jobs=1)
    place = directory / f"{key}.ann"
    scratch = directory / f".{key}.{os.getpid()}.building"
    try:
        annoy.save(str(scratch))
        annoy.unload()
        # A catalog small enough to fit one node makes Annoy count its trees twice when it loads
        # the file: what a load says is what later loads must say.
        annoy.load(str(scratch))
        trees = annoy.get_n_trees()
        annoy.unload()
        sync(scratch)
        size, digest = scratch.stat().st_size, sha256_of(scratch)
        scratch.rename(place)
        with scratch.open("wb") as file:
            np.save(file, numbers, allow_pickle=False)
        sync(scratch)
        rows_digest = sha256_of(scratch)
        scratch.rename(directory / f"{key}.rows.npy")
    except BaseException:
        remove(directory, key)
        raise
    finally:
        scratch.unlink(missing_ok=True)
    return Sidecar(
        FORMAT, key, segments, len(chosen), rows.dimension, trees, 0, size, digest, rows_digest
    )


def _sweep(directory: Path) -> None:
    """Remove what builds that died have left."""
    for path in directory.glob(".*.building"):
        process = path.name.split(".")[-2]
        if not (process.isdecimal() and Path(f"/proc/{process}").exists()):
            path.unlink(missing_ok=True)


def _counted(rows: Rows) -> Numbers:
    """(N,) each row's number among those of lasting blocks."""
    numbers = np.full(len(rows), -1, np.intp)
    lasting = rows.lasting()
    numbers[lasting] = np.arange(len(lasting))
    return numbers


def _key(segments: Sequence[tuple[str, int]], numbers: NDArray[np.int32], trees: int) -> str:
    made_with = [FORMAT, SEED, trees, METRIC, importlib.metadata.version("annoy")]
    head = json.dumps([made_with, segments], sort_keys=True).encode()
    return hashlib.sha256(head + numbers.tobytes()).hexdigest()[:16]


def write_sidecar(sidecar: Sidecar, directory: Path) -> None:
    """Written last: without it the Annoy file does not exist for us."""
    text = json.dumps(dataclasses.asdict(sidecar), indent=1) + "\n"
    write_durably(directory / f"{sidecar.key}.json", text.encode())


def read_sidecar(path: Path) -> Sidecar:
    """Raises IndexFault when it is missing or not ours."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for without end
            raise IndexFault(f"{path.name} is not a regular file")
        body = json.loads(path.read_text())
        body["segments"] = tuple((str(name), int(count)) for name, count in body["segments"])
        found = Sidecar(**{each.name: body[each.name] for each in dataclasses.fields(Sidecar)})
        numbers = (found.items, found.dimension, found.trees, found.search_k, found.bytes)
        counts = (*numbers, *(count for _, count in found.segments))
        if not all(type(each) is int and 0 <= each < _MOST for each in counts):
            raise ValueError("a count in it is none")
    except FileNotFoundError:
        raise IndexFault("there is none yet") from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise IndexFault(f"{path.name} cannot be used ({error})") from error
    if found.format != FORMAT or found.key != path.stem:
        raise IndexFault(f"{path.name} is of another format or another index")
    return found


class AnnoyFile:
    """A mapped Annoy file that has passed every check. Several indexes share it."""

    def __init__(self, directory: Path, sidecar: Sidecar) -> None:
        """Check the files against the sidecar, then map. Raises IndexFault."""
        self.sidecar = sidecar
        self.search_k = sidecar.search_k
        """The effort of a search; more where rows that are gone since make it need more."""
        path = directory / f"{sidecar.key}.ann"
        self._numbers = _checked(path, directory / f"{sidecar.key}.rows.npy", sidecar)
        self._lock = threading.Lock()
        self._users = 1
        self._annoy = Annoy(sidecar.dimension, METRIC)
        try:
            self._annoy.load(str(path))
        except OSError as error:
            raise IndexFault(f"{path.name} cannot be mapped ({error})") from error
        found = self._annoy.get_n_items(), self._annoy.get_n_trees()
        if found != (sidecar.items, sidecar.trees):
            self._annoy.unload()
            raise IndexFault(f"{path.name} holds {found} items and trees, not what was built")

    def placed(self, rows: Rows) -> Numbers:
        """(items,) the row of each item; -1 where its segment is not among them."""
        return placed(self.sidecar, rows)[self._numbers]

    def propose(self, query: Sequence[float], count: int, search_k: int) -> NDArray[np.intp]:
        """Items near `query`, best first."""
        return np.array(self._annoy.get_nns_by_vector(query, count, search_k=search_k), np.intp)

    def shared(self) -> AnnoyFile:
        """The same for one more user. Raises IndexFault when it is closed already."""
        with self._lock:
            if self._users == 0:
                raise IndexFault("it is closed already")
            self._users += 1
        return self

    def close(self) -> None:
        with self._lock:
            self._users -= 1
            last = self._users == 0
        if last:
            self._annoy.unload()


def placed(sidecar: Sidecar, rows: Rows) -> Numbers:
    """(rows of its segments,) where each stands among `rows`; -1: not there."""
    starts = {
        (block.name, len(block.vectors)): int(start)
        for block, start in zip(rows.blocks, rows.starts[:-1], strict=True)
    }
    parts = [
        np.arange(starts[segment], starts[segment] + segment[1])
        if segment in starts
        else np.full(segment[1], -1, np.intp)
        for segment in sidecar.segments
    ]
    return np.concatenate([np.zeros(0, np.intp), *parts])


def remove(directory: Path, key: str) -> None:
    """The files of an index, the sidecar first. Who has it mapped keeps it. Raises OSError."""
    for suffix in reversed(SUFFIXES):
        (directory / f"{key}{suffix}").unlink(missing_ok=True)


def block_of(name: str, path: Path) -> Block:
    """The block in a .npy file, mapped. Raises OSError, ValueError."""
    vectors: NDArray[np.float16] = np.load(path, mmap_mode="r", allow_pickle=False)
    return Block(name, vectors, path)


def _checked(path: Path, numbers: Path, sidecar: Sidecar) -> Numbers:
    try:
        size = path.stat().st_size
        if size != sidecar.bytes:
            raise IndexFault(f"{path.name} has {size} bytes instead of {sidecar.bytes}")
        if not stat.S_ISREG(numbers.stat().st_mode):  # a pipe would be waited for without end
            raise IndexFault(f"{numbers.name} is not a regular file")
        for each, digest in ((path, sidecar.sha256), (numbers, sidecar.rows_sha256)):
            if sha256_of(each) != digest:
                raise IndexFault(f"{each.name} is damaged: its sha256 is not what was built")
        found: Numbers = np.load(numbers, allow_pickle=False).astype(np.intp)
    except (OSError, ValueError) as error:
        raise IndexFault(f"{path.name} cannot be read ({error})") from error
    total = sum(count for _, count in sidecar.segments)
    inside = ((found >= 0) & (found < total)).all()
    if found.shape != (sidecar.items,) or not inside:
        raise IndexFault(f"{numbers.name} does not fit its index")
    return found
