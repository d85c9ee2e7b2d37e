# SPDX-License-Identifier: Apache-2.0
"""The folder of verified metadata: each file whole, and never one before what it names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kiosk.durable import Files, made_folder, replace_file

_LAST = ("snapshot.json", "timestamp.json")


def read(files: Files, folder: Path) -> dict[str, bytes]:
    """Every file by its name. Raises OSError."""
    names = [name for name in files.names(folder) if _plain(name) and name.endswith(".json")]
    return {name: files.read(folder / name) for name in names}


def publish(files: Files, folder: Path, metadata: Mapping[str, bytes]) -> int:
    """Write what differs, to stay: roots first, what names the rest last. Gives how many files.

    Raises OSError, ValueError for a name that is not one of a plain file.
    """
    odd = [name for name in metadata if not _plain(name)]
    if odd:
        raise ValueError(f"{odd[0]!r} is not a plain file name")
    known = read(files, folder)
    news = sorted((name for name in metadata if known.get(name) != metadata[name]), key=_rank)
    if news:
        made_folder(files, folder)
    elif known:
        # Whoever wrote them may have been killed before this.
        files.sync_folder(folder)
    for name in news:
        replace_file(files, folder / name, metadata[name])
    return len(news)


def _plain(name: str) -> bool:
    return bool(name) and Path(name).name == name and not name.startswith(".")


def _rank(name: str) -> tuple[int, int, str]:
    number = name.split(".")[0]
    if name == "root.json" or name.endswith(".root.json"):
        return 0, int(number) if number.isdigit() else 2**62, name
    return (2 + _LAST.index(name) if name in _LAST else 1), 0, name
