# SPDX-License-Identifier: Apache-2.0
"""The Annoy file: built durably, checked before it is mapped, never trusted on its word.

Annoy has no header and no checks of its own: a damaged file loads and then crashes or answers
nonsense, `save()` neither syncs nor replaces safely, and `unload()` under a search is a crash. So
a sidecar of ours pins length, sha256, counts and origin; files change by rename only; and the
owner closes an index only after its last search.
"""

from __future__ import annotations

import dataclasses
import json
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from annoy import AnnoyIndex as Annoy
from numpy.typing import NDArray

from kiosk.durable import sha256_of, sync, write_durably
from kiosk.errors import IndexFault
from kiosk.search.exact import check_query
from kiosk.values import Embedding, Neighbour

SEED = 20_26
FORMAT = 1
METRIC: Final = "angular"


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What must be true of an Annoy file before it is mapped."""

    format: int
    release: str
    items: int
    dimension: int
    trees: int
    search_k: int
    bytes: int
    sha256: str


def trees_for(items: int) -> int:
    """More trees for more items: recall per effort, paid in file size (measured, see README)."""
    return 10 if items <= 20_000 else 25


def build(vectors: NDArray[np.float16], path: Path, *, release: str) -> Sidecar:
    """Build the index of (N, D) unit vectors at `path`, durably; `search_k` is left to be tuned.

    One thread and a fixed seed: the same bytes from the same binary. Raises OSError when the disk
    refuses; nothing half-written is left at `path`.
    """
    items, dimension = vectors.shape
    annoy = Annoy(dimension, METRIC)
    annoy.set_seed(SEED)
    for row in range(items):
        annoy.add_item(row, vectors[row].astype(np.float32).tolist())
    annoy.build(trees_for(items), n_jobs=1)
    scratch = path.with_suffix(".building")
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
        scratch.rename(path)
    finally:
        scratch.unlink(missing_ok=True)
    return Sidecar(FORMAT, release, items, dimension, trees, 0, size, digest)


def write_sidecar(sidecar: Sidecar, path: Path) -> None:
    """Written last: without it the Annoy file does not exist for us."""
    text = json.dumps(dataclasses.asdict(sidecar), indent=1) + "\n"
    write_durably(path, text.encode())


def read_sidecar(path: Path) -> Sidecar:
    """Raises IndexFault when it is missing or not ours."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for without end
            raise IndexFault(f"{path.name} is not a regular file")
        body = json.loads(path.read_text())
        return Sidecar(**{field.name: body[field.name] for field in dataclasses.fields(Sidecar)})
    except FileNotFoundError:
        raise IndexFault("there is none yet") from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise IndexFault(f"{path.name} cannot be used ({error})") from error


class AnnoyIndex:
    """A mapped Annoy file that has passed every check."""

    def __init__(
        self, path: Path, sidecar: Sidecar, *, release: str, vectors: NDArray[np.float16]
    ) -> None:
        """Check the file against its sidecar and the release, then map it. Raises IndexFault."""
        _check(path, sidecar, release, vectors.shape)
        self.name = "annoy"
        self._search_k = sidecar.search_k
        self._trees = sidecar.trees
        self._dimension = sidecar.dimension
        self._vectors = vectors
        self._annoy = Annoy(sidecar.dimension, METRIC)
        try:
            self._annoy.load(str(path))
        except OSError as error:
            raise IndexFault(f"{path.name} cannot be mapped ({error})") from error
        found = self._annoy.get_n_items(), self._annoy.get_n_trees()
        if found != (sidecar.items, sidecar.trees):
            self._annoy.unload()
            raise IndexFault(f"{path.name} holds {found} items and trees, not what was built")

    def search(self, query: Embedding, count: int) -> list[Neighbour]:
        check_query(query, self._dimension)
        # Asked for more than usual, Annoy looks at no more than search_k candidates of all trees.
        return self.search_with(query, count, max(self._search_k, count * self._trees))

    def search_with(self, query: Embedding, count: int, search_k: int) -> list[Neighbour]:
        """Search at a given effort. Annoy proposes; the release's vectors give the similarity."""
        rows = np.array(
            self._annoy.get_nns_by_vector(query.tolist(), count, search_k=search_k), int
        )
        near = self._vectors[rows].astype(np.float32) @ query
        order = np.lexsort((rows, -near))
        return [Neighbour(int(rows[i]), float(near[i])) for i in order]

    def close(self) -> None:
        self._annoy.unload()


def _check(path: Path, sidecar: Sidecar, release: str, shape: tuple[int, ...]) -> None:
    if sidecar.format != FORMAT or sidecar.release != release:
        raise IndexFault(f"{path.name} was built for another release")
    if (sidecar.items, sidecar.dimension) != shape:
        raise IndexFault(f"{path.name} does not have the shape of the vectors")
    try:
        size = path.stat().st_size
        if size != sidecar.bytes:
            raise IndexFault(f"{path.name} has {size} bytes instead of {sidecar.bytes}")
        if sha256_of(path) != sidecar.sha256:
            raise IndexFault(f"{path.name} is damaged: its sha256 is not what was built")
    except OSError as error:
        raise IndexFault(f"{path.name} cannot be read ({error.strerror})") from error
