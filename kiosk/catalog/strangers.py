# SPDX-License-Identifier: Apache-2.0
"""The shipped strangers: vectors of things that are in no catalog, beside the embedder's file.

A catalog's own pictures tell how often an article of the same kind would be taken for another one;
these tell it of anything else a person may put down. They hold for one embedder: with another one,
or when their file is not the one their card speaks of, they are not used, and that is said.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kiosk.errors import ModelError

VECTORS, CARD = "strangers.npy", "strangers.toml"
MAX_BYTES = 64 * 1024 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, eq=False)
class Strangers:
    """Things that are in no catalog."""

    vectors: NDArray[np.float32]
    """(M, D) unit vectors, one of each thing; M may be 0."""
    sha256: str
    """Of the file; empty: there is none."""
    note: str
    """Why there are none; empty: there are."""


def none(reason: str) -> Strangers:
    """No strangers, and why."""
    return Strangers(np.zeros((0, 0), np.float32), "", reason)


def packed(vectors: NDArray[np.float32]) -> NDArray[np.int8]:
    """(M, D) vectors as int8, each scaled to its largest number: only its direction counts."""
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    return np.asarray(np.rint(vectors * (127 / largest)), np.int8)


def unpacked(numbers: NDArray[np.int8]) -> NDArray[np.float32]:
    """(M, D) unit vectors of what `packed` gave."""
    wide = numbers.astype(np.float32)
    return np.asarray(wide / np.linalg.norm(wide, axis=1, keepdims=True), np.float32)


def load_strangers(folder: Path, *, embedder: str) -> Strangers:
    """Those in the models folder, for the embedder with this sha256.

    Raises ModelError when the file is damaged. None at all, or those of another embedder, are no
    damage: then there are none, with the reason.
    """
    card, path = folder / CARD, folder / VECTORS
    if not card.is_file():
        return none(f"there is no {CARD} beside the models")
    try:
        body = tomllib.loads(card.read_text(encoding="utf-8"))
        digest, made_with = str(body["sha256"]), str(body["embedder"])
        if not _SHA256.fullmatch(digest):
            raise ValueError(f"sha256 = {digest!r}")
        if made_with != embedder:
            return none(f"{VECTORS} was made with another embedder ({made_with[:12]}…)")
        numbers = _read(path, digest)
    except KeyError as error:
        raise ModelError(f"{card}: {error} is missing; restore it with {VECTORS}") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be used ({error}); restore it with its card") from error
    return Strangers(unpacked(numbers), digest, "")


def _read(path: Path, digest: str) -> NDArray[np.int8]:
    if path.stat().st_size > MAX_BYTES:
        raise ValueError("it is too large")
    if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        raise ValueError("its sha256 is not the one on its card")
    numbers: NDArray[np.int8] = np.load(path, allow_pickle=False)
    if numbers.dtype != np.int8 or numbers.ndim != 2 or not numbers.any(axis=1).all():
        raise ValueError(f"it holds {numbers.dtype} {numbers.shape}, not int8 vectors")
    return numbers
