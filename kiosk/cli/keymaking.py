# SPDX-License-Identifier: Apache-2.0
"""Making keys: one by itself, or all that a trust folder lacks, gone on with after a stop.

While a trust folder is begun, a note beside its new keys says which. Only with that note are keys
taken that lie there already: otherwise two shops could come to share them unseen.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

from kiosk.durable import sync, write_durably
from kiosk.errors import SigningKeyError
from kiosk.publish import keyfolder
from kiosk.publish.guarded import write_guarded
from kiosk.publish.roles import SNAPSHOT, TIMESTAMP, Key, holder

NOTE = ".unfinished"
"""Holds the path of the trust folder that the keys beside it are for."""


def make_key(folder: Path, name: str, passphrase: bytes, kept: bool) -> Key:
    """A new key; `kept`: with its passphrase beside it. Raises SigningKeyError, OSError."""
    key = keyfolder.make(folder, name, passphrase)
    if kept:
        write_guarded(folder / keyfolder.PASSPHRASE, passphrase + b"\n")
    print(f"made the key of {name} ({key.keyid[:12]}) in {folder}")
    return key


def make_all(
    place: Path, trust: Path, missing: Mapping[str, str], passphrase: bytes, unattended: bool
) -> list[tuple[str, Key]]:
    """A key for each name in a folder of its own, with its role.

    Run again after it was stopped, it goes on. Raises SigningKeyError, OSError.
    """
    _begin(place, trust, missing)
    made = []
    for name, role in missing.items():
        folder, kept = place / name, unattended and role in (SNAPSHOT, TIMESTAMP)
        # What is written beside a key must open that key alone, not those of root.
        own = secrets.token_hex(32).encode() if kept else passphrase
        key = _there(folder, passphrase, kept)
        made.append((role, make_key(folder, name, own, kept) if key is None else key))
    return made


def finish(place: Path) -> None:
    """The trust folder is written: what lies here is for it and no other."""
    (place / NOTE).unlink(missing_ok=True)
    sync(place)


def _begin(place: Path, trust: Path, missing: Mapping[str, str]) -> None:
    note, ours = place / NOTE, str(trust.resolve())
    if note.exists():
        theirs = note.read_text(errors="replace")
        if theirs != ours:
            raise SigningKeyError(
                f"{place}: holds keys that were begun for {theirs}; finish that with the same "
                f"command, or choose another folder (or remove {place} if nothing came of it)"
            )
        return
    there = [name for name in missing if (place / name / keyfolder.PRIVATE).exists()]
    if there:
        named = " ".join(f"--public {missing[name]}={place / name}" for name in there)
        raise SigningKeyError(
            f"{place / there[0]}: holds a key already; choose another folder for --make, or say "
            f"that those keys are to be used: {named} --keys {place}"
        )
    place.mkdir(parents=True, exist_ok=True)
    write_durably(note, ours.encode())


def _there(folder: Path, passphrase: bytes, kept: bool) -> Key | None:
    """The whole key that a stopped command left. What it left of half a key goes."""
    parts = [keyfolder.PRIVATE, keyfolder.PUBLIC, *([keyfolder.PASSPHRASE] if kept else [])]
    whole = all((folder / part).exists() for part in parts)
    if whole and (not kept or (folder / keyfolder.PASSPHRASE).read_bytes().endswith(b"\n")):
        return _opened(folder, passphrase)
    # Nobody was told of it: it was to be named in a trust folder that is not there yet.
    for part in (*parts, f".{keyfolder.PUBLIC}.new"):
        (folder / part).unlink(missing_ok=True)
    return None


def _opened(folder: Path, passphrase: bytes) -> Key:
    try:
        key = keyfolder.open_key(folder, lambda _: passphrase).public_key
    except SigningKeyError as error:
        raise SigningKeyError(
            f"{error}; it was made before this command was stopped: give the same passphrase, "
            f"or remove {folder} and run it again"
        ) from error
    print(f"goes on with the key of {holder(key)} ({key.keyid[:12]}) in {folder}")
    return key
