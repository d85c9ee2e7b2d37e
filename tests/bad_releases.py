# SPDX-License-Identifier: Apache-2.0
"""Releases that are rightly signed and wrong: what a publisher's mistake looks like to a kiosk."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np

from kiosk.catalog.manifest import (
    NAME,
    RECORDS,
    VECTORS,
    FileEntry,
    Manifest,
    in_segment,
    read_manifest,
    sealed,
    to_json,
)

Change = Callable[[Path], None]
"""Of the file of one segment."""


def made(release: Path, out: Path, file: str, change: Change) -> Path:
    """A copy of the release folder with `file` of its first segment changed, and sealed anew."""
    shutil.copytree(release, out, ignore=shutil.ignore_patterns("derived"))
    manifest = read_manifest(out)
    name = in_segment(manifest.segments[0], file)
    change(out / name)
    return resealed(out, manifest, name)


def resealed(out: Path, manifest: Manifest, *names: str) -> Path:
    """The manifest of `out` with the bytes that these files have now."""
    files = {entry.name: entry for entry in manifest.files}
    for name in names:
        data = (out / name).read_bytes()
        files[name] = FileEntry(name, len(data), hashlib.sha256(data).hexdigest())
    entries = tuple(files[name] for name in sorted(files))
    again = sealed(dataclasses.replace(manifest, files=entries))
    (out / NAME).write_bytes(to_json(again))
    return out


def nan_rows(release: Path, out: Path) -> Path:
    def change(path: Path) -> None:
        vectors = np.load(path)
        vectors[3] = np.nan
        np.save(path, vectors)

    return made(release, out, VECTORS, change)


def permuted_ids(release: Path, out: Path) -> Path:
    """Every picture belongs to another SKU."""
    return made(release, out, RECORDS, lambda path: _exchanged(path, 2))


def swapped_labels(release: Path, out: Path) -> Path:
    """One of twenty pictures belongs to the SKU of the next one, and that to its."""
    return made(release, out, RECORDS, lambda path: _exchanged(path, 40))


def another_embedder(release: Path, out: Path) -> Path:
    """The manifest names a model that made other vectors."""
    shutil.copytree(release, out, ignore=shutil.ignore_patterns("derived"))
    manifest = read_manifest(out)
    wrong = dataclasses.replace(manifest.embedder, sha256="f" * 64)
    return resealed(out, dataclasses.replace(manifest, embedder=wrong))


def _exchanged(path: Path, step: int) -> None:
    """Every `step` pictures, two change their SKUs."""
    with closing(sqlite3.connect(path)) as database, database:
        pictures = list(database.execute("SELECT id, sku FROM pictures ORDER BY id"))
        for (first, its), (second, other) in zip(pictures[::step], pictures[1::step], strict=False):
            database.execute("UPDATE pictures SET sku = ? WHERE id = ?", (other, first))
            database.execute("UPDATE pictures SET sku = ? WHERE id = ?", (its, second))
