# SPDX-License-Identifier: Apache-2.0
"""The folder that a dump is written to: made under another name, renamed when it is whole."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from kiosk.catalog.manifest import NAME as RELEASE_MANIFEST
from kiosk.catalog.sources import SUFFIXES
from kiosk.durable import sync, sync_tree
from kiosk.errors import StateError, WorkshopError
from kiosk.imports.forms import CATEGORY_LIST
from kiosk.imports.increment import NAME as INCREMENT
from kiosk.imports.lists import SKU_LIST
from kiosk.workshop.changes import Picture

OTHERS = "_pictures"
"""Holds pictures whose names cannot be those of files, by their sha256."""
_LISTS = {INCREMENT, SKU_LIST, CATEGORY_LIST, "pictures.csv", "products.csv"}
_TAKEN = {OTHERS, RELEASE_MANIFEST, "manifest.csv", *_LISTS}
_MOST_BYTES = 200
"""Of one name of a file: file systems allow 255."""


@contextmanager
def dump_folder(out: Path) -> Iterator[DumpFolder]:
    """A folder to write to that is `out`, durable, once the block ends well.

    Raises WorkshopError when there is something already, StateError when the disk refuses; then
    `out` is as it was.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise WorkshopError(f"{out}: is there already; name a new or empty folder")
    scratch = out.parent / f".{out.name}.new"
    try:
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        try:
            with ExitStack() as stack:
                yield DumpFolder(scratch, stack)
            sync_tree(scratch)
            scratch.rename(out)
            sync(out.parent)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
    except OSError as error:
        raise StateError(
            f"{out}: cannot be written ({error.strerror or error}); free space or choose another "
            "folder"
        ) from error


class DumpFolder:
    """Lists and pictures of one dump. Methods raise OSError."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._open: dict[str, TextIO] = {}

    def append(self, name: str, text: str) -> None:
        """Write to the list of that name."""
        self._list(name).write(text)

    def append_row(self, name: str, cells: Sequence[str]) -> None:
        csv.writer(self._list(name), lineterminator="\n").writerow(cells)

    def write_rows(self, name: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        writer = csv.writer(self._list(name), lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)

    def place(self, picture: Picture, data: bytes) -> str:
        """Write a picture; gives its path in the folder, `SKU/NAME` where that can be."""
        parts = (picture.sku, *picture.name.split("/"))
        if all(map(_is_plain, parts)) and _has_suffix(picture.name):
            path = self._folder / picture.sku / picture.name
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("xb") as file:
                    file.write(data)
                return f"{picture.sku}/{picture.name}"
            except (FileExistsError, NotADirectoryError):
                pass  # one name is the beginning of another, or differs in nothing a disk knows
        others = self._folder / OTHERS
        others.mkdir(exist_ok=True)
        path = others / f"{picture.sha256}{_suffix(data)}"
        if not path.exists():
            path.write_bytes(data)
        return f"{OTHERS}/{path.name}"

    def _list(self, name: str) -> TextIO:
        if name not in self._open:
            file = (self._folder / name).open("w", encoding="utf-8", newline="")
            self._open[name] = self._stack.enter_context(file)
        return self._open[name]


def is_plain_place(picture: Picture) -> bool:
    """`SKU/NAME` is a picture in a folder of its SKU."""
    return _is_plain(picture.sku) and _is_plain(picture.name) and _has_suffix(picture.name)


def _has_suffix(name: str) -> bool:
    return Path(name).suffix.lower() in SUFFIXES


def _suffix(data: bytes) -> str:
    """What files of this kind are called; the decoder goes by their contents anyway."""
    for start, suffix in ((b"\xff\xd8", ".jpg"), (b"\x89PNG", ".png"), (b"GIF", ".gif")):
        if data.startswith(start):
            return suffix
    return {b"BM": ".bmp", b"RI": ".webp", b"II": ".tif", b"MM": ".tif"}.get(data[:2], ".ppm")


def _is_plain(part: str) -> bool:
    """Can be the name of a file or folder wherever it is copied to."""
    return (
        part == part.strip()
        and not part.startswith(".")
        and not any(sign in part for sign in "/\\:")
        and 0 < len(part.encode("utf-8", "surrogateescape")) <= _MOST_BYTES
        and part.lower() not in _TAKEN
    )
