# SPDX-License-Identifier: Apache-2.0
"""Which of the four forms an import has, and all its lines. When two fit, nothing is guessed.

Beside any of them, a `skus.csv` is read last and has the last word on SKUs.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from kiosk.catalog.manifest import NAME as RELEASE_MANIFEST
from kiosk.catalog.sources import MANIFEST_LIST
from kiosk.errors import ImportRefused, SourceError
from kiosk.imports import increment
from kiosk.imports.changes import Line
from kiosk.imports.folders import holds_pictures, is_picture, read_folders
from kiosk.imports.lists import SKU_LIST, columns_of, picture_column, read_list, read_skus
from kiosk.imports.product_search import Maps, looks_like_it, read_product_search
from kiosk.imports.rows import first_row

CATEGORY_LIST = "categories.csv"
_BESIDE = frozenset({SKU_LIST, CATEGORY_LIST})
_SPREADSHEETS = frozenset({".xlsx", ".xls", ".ods", ".numbers"})


class Form(Enum):
    """As --format calls it."""

    INCREMENT = "increment"
    CSV = "csv"
    PRODUCT_SEARCH = "product-search"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class Import:
    """An import that was found, with everything that decides what its lines mean."""

    form: Form
    root: Path
    """The folder that paths are relative to, resolved."""
    main: Path
    """The list or manifest; for folders the root."""
    maps: tuple[tuple[str, Path], ...] = ()

    @property
    def roots(self) -> tuple[Path, ...]:
        """Where pictures may lie."""
        return (self.root, *(folder for _, folder in self.maps))

    def lines(self) -> Iterator[Line]:
        """Every line, in an order that does not change. Raises OSError, ImportRefused."""
        if self.form is Form.INCREMENT:
            yield from increment.read_increment(self.main)
        elif self.form is Form.CSV:
            yield from read_list(self.main)
        elif self.form is Form.PRODUCT_SEARCH:
            yield from read_product_search(self.main, dict(self.maps))
        else:
            yield from read_folders(self.root)
        if self._skus.is_file():
            yield from read_skus(self._skus)

    def key(self) -> str:
        """Equal for two imports of the same lines; a run that was interrupted is found by it."""
        digest = hashlib.sha256()
        named = [str(self.root), [(bucket, str(folder)) for bucket, folder in self.maps]]
        digest.update(json.dumps(named, default=str).encode("utf-8", "surrogateescape"))
        for path in [self._skus] if self.form is Form.FOLDER else [self.main, self._skus]:
            if path.is_file():
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
        if self.form is Form.FOLDER:
            for name, size, changed_ns in _contents(self.root):
                digest.update(f"{name!r} {size} {changed_ns}\n".encode("utf-8", "surrogateescape"))
        return f"{self.form.value} {digest.hexdigest()}"

    @property
    def _skus(self) -> Path:
        return self.root / SKU_LIST


def find(source: Path, form: Form | None = None, maps: Maps | None = None) -> Import:
    """The import that `source` (a folder or file) is; `form`: it must be that one.

    Raises ImportRefused with the code MissingManifest, UnknownForm or NothingToImport, and
    SourceError for a path that is none.
    """
    if not source.exists():
        raise SourceError(f"{source}: does not exist; check the path")
    buckets = tuple(sorted((bucket, folder.resolve()) for bucket, folder in (maps or {}).items()))
    root = (source if source.is_dir() else source.parent).resolve()
    if source.is_dir():
        found, main = _in_folder(root, form)
    else:
        found, main = _of_file(source.resolve(), form)
    return Import(found, root, main, buckets)


def _of_file(path: Path, form: Form | None) -> tuple[Form, Path]:
    if not path.is_file():
        raise ImportRefused("UnknownForm", f"{path}: is neither a folder nor a regular file")
    if path.name == increment.NAME and form in (None, Form.INCREMENT):
        return Form.INCREMENT, path
    if form is Form.INCREMENT:
        raise ImportRefused(
            "MissingManifest", f"{path}: the file must be called {increment.NAME}; rename it"
        )
    if form in (Form.CSV, Form.PRODUCT_SEARCH):
        return form, path
    kind = _list_kind(path) if path.suffix.lower() == ".csv" else None
    if kind is None or form is Form.FOLDER:
        raise ImportRefused("UnknownForm", f"{path}: is no form of import that is known")
    return kind, path


def _in_folder(root: Path, form: Form | None) -> tuple[Form, Path]:
    if (root / RELEASE_MANIFEST).exists():
        raise SourceError(f"{root}: is a release already; name the pictures it was built from")
    manifest = root / increment.NAME
    if form is Form.INCREMENT or (form is None and manifest.is_file()):
        if not manifest.is_file():
            raise ImportRefused("MissingManifest", f"{root}: holds no {increment.NAME}")
        return Form.INCREMENT, manifest
    if form is Form.FOLDER:
        return Form.FOLDER, root
    kinds = {path: _list_kind(path) for path in _tables(root)}
    lists = [path for path, kind in kinds.items() if kind and form in (None, kind)]
    if form is not None and not lists and len(kinds) == 1:
        lists = list(kinds)
    if (root / MANIFEST_LIST) in lists:  # of a data set, which has folders it does not name
        return Form.CSV, root / MANIFEST_LIST
    if len(lists) > 1:
        names = ", ".join(path.name for path in lists)
        raise ImportRefused("UnknownForm", f"{root}: holds several lists ({names}); name one")
    if lists:
        kind = form or kinds[lists[0]] or Form.CSV
        _check_alone(root, Import(kind, root, lists[0]))
        return kind, lists[0]
    if form is not None:
        raise ImportRefused("MissingManifest", f"{root}: holds no {form.value} list")
    return _folders(root)


def _folders(root: Path) -> tuple[Form, Path]:
    visible = [path for path in sorted(root.iterdir()) if not path.name.startswith(".")]
    loose = next((path.name for path in visible if is_picture(path)), None)
    unread = _unread(root)
    if unread:
        raise ImportRefused("UnknownForm", f"{root}: {unread}")
    if loose is not None:
        raise ImportRefused(
            "UnknownForm",
            f"{root}: {loose} lies beside the SKU folders; give each SKU a sub-folder, or add a "
            f"CSV list with the columns file,sku or an {increment.NAME}",
        )
    if not any(path.is_dir() for path in visible) and not (root / SKU_LIST).is_file():
        raise ImportRefused("NothingToImport", f"{root}: holds no SKU with a picture")
    return Form.FOLDER, root


def _unread(root: Path) -> str:
    """What looks like a list and is none, so that nobody thinks it was read; empty: nothing."""
    for path in sorted(root.iterdir()):
        name = path.name.lower()
        if name in (increment.NAME, f"{increment.NAME}.txt") and path.name != increment.NAME:
            return f"{path.name} has to be called {increment.NAME}; rename it"
        if name in _BESIDE and path.name not in _BESIDE:
            return f"{path.name} has to be called {name}; rename it"
        if path.suffix.lower() in _SPREADSHEETS:
            return f"{path.name} is a spreadsheet; save it as “CSV UTF-8”, or move it away"
    for path in _tables(root):
        columns = ", ".join(cell or "(no name)" for cell in columns_of(path).names)
        return (
            f"{path.name} is no list of pictures: it needs the columns `sku` and `file` in its "
            f"first line, and has {columns or 'none'}; correct it, call it {SKU_LIST} when it "
            "tells of SKUs alone, or say --format folder to leave it unread"
        )
    return ""


def _tables(root: Path) -> list[Path]:
    return sorted(
        path
        for path in root.iterdir()
        if path.suffix.lower() == ".csv" and path.name not in _BESIDE and path.is_file()
    )


def _list_kind(path: Path) -> Form | None:
    _, cells = first_row(path)
    if looks_like_it(cells):
        return Form.PRODUCT_SEARCH
    return Form.CSV if picture_column(tuple(map(str.lower, cells))) else None


def _check_alone(root: Path, found: Import) -> None:
    """A folder of pictures that a list does not name may be what was really meant."""
    folders = {path.name for path in root.iterdir() if path.name[0] != "." and holds_pictures(path)}
    if not folders:
        return
    for line in found.lines():
        for change in line.changes:
            folders.discard(getattr(change, "file", "").partition("/")[0])
        if not folders:
            return
    raise ImportRefused(
        "UnknownForm",
        f"{root}: holds a list ({found.main.name}) and a folder of pictures that it does not name "
        f"({min(folders)}); name the list itself, or move one of them away",
    )


def _contents(root: Path) -> Iterator[tuple[str, int, int]]:
    for folder, below, names in os.walk(root):
        below.sort()
        for name in sorted(names):
            path = Path(folder) / name
            try:
                status = path.stat()
            except OSError:
                continue  # said when the picture is read
            yield str(path.relative_to(root)), status.st_size, status.st_mtime_ns
