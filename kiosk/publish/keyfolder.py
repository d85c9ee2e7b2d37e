# SPDX-License-Identifier: Apache-2.0
"""One key in one folder of its holder: `private.pem`, which never leaves it, and `public.json`.

`public.json` is what travels: to whoever gathers the keys of a repository. A folder that signs
unattended, such as that of the timestamp, may hold the `passphrase` too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from securesystemslib.exceptions import Error as LibraryError
from securesystemslib.signer import (
    CryptoSigner,
    SSlibKey,
)
from tuf.api.metadata import Key

from kiosk.durable import sync, write_durably
from kiosk.errors import SigningKeyError
from kiosk.publish.guarded import read_guarded, write_guarded
from kiosk.publish.ring import KeyRing
from kiosk.publish.roles import NAME_FIELD
from kiosk.publish.sealed import COST, seal, unseal

PRIVATE, PUBLIC, PASSPHRASE = "private.pem", "public.json", "passphrase"
_NAME_CHARACTERS = 64

Ask = Callable[[Path], bytes]
"""Gives the passphrase of the key in a folder."""


def make(folder: Path, name: str, passphrase: bytes, *, cost: int = COST) -> Key:
    """A new key in `folder`. Raises SigningKeyError when one is there, OSError."""
    if not name.isprintable() or not 1 <= len(name) <= _NAME_CHARACTERS:
        raise SigningKeyError(f"{name!r} cannot be a holder's name: 1 to 64 printable characters")
    if (folder / PRIVATE).exists() and not (folder / PUBLIC).exists():
        raise SigningKeyError(
            f"{folder}: holds half a key, of a command that was stopped ({PUBLIC} is missing); if "
            "nobody was given it, remove what is in there and run the command again"
        )
    if (folder / PRIVATE).exists() or (folder / PUBLIC).exists():
        raise SigningKeyError(f"{folder}: holds a key already; choose another folder")
    if folder.is_dir() and any(folder.iterdir()):  # it becomes a folder that only its owner opens
        raise SigningKeyError(f"{folder}: holds something else; choose a new or empty folder")
    private = Ed25519PrivateKey.generate()
    public = SSlibKey.from_crypto(private.public_key())
    public.unrecognized_fields[NAME_FIELD] = name
    write_guarded(folder / PRIVATE, seal(private, passphrase, cost=cost))
    write_durably(folder / PUBLIC, public_json(public))
    sync(folder.parent)
    return public


def public_json(key: Key) -> bytes:
    """What travels of a key."""
    return (json.dumps({"keyid": key.keyid, **key.to_dict()}, indent=1) + "\n").encode()


def read_public(path: Path) -> SSlibKey:
    """Of a `public.json`, or of the folder that holds one. Raises SigningKeyError."""
    file = path / PUBLIC if path.is_dir() else path
    try:
        body = json.loads(file.read_bytes())
        key = SSlibKey.from_dict(body.pop("keyid"), body)
        point = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.keyval["public"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SigningKeyError(f"{file}: is not the public part of a key ({error})") from error
    made = SSlibKey.from_crypto(point)
    if (made.keyid, made.keytype, made.scheme) != (key.keyid, key.keytype, key.scheme):
        raise SigningKeyError(f"{file}: its key has another id than it says; get it again")
    return key


def ring(places: Iterable[Path], ask: Ask) -> KeyRing:
    """The keys in these folders and in the folders in them. Nothing is opened yet.

    Raises SigningKeyError when a place holds none.
    """
    found: dict[str, Callable[[], CryptoSigner]] = {}
    for place in places:
        folders = list(_folders(place))
        if not folders:
            raise SigningKeyError(f"{place}: holds no key; `kiosk keys make {place}` makes one")
        for folder in folders:
            found[read_public(folder).keyid] = partial(open_key, folder, ask)
    return KeyRing(found)


def open_key(folder: Path, ask: Ask) -> CryptoSigner:
    """Raises SigningKeyError: unsafe permissions, a wrong passphrase, parts that do not match."""
    public = read_public(folder)
    pem = read_guarded(folder / PRIVATE)
    kept = folder / PASSPHRASE
    # Not `exists`: a passphrase that cannot be looked at must not be asked for instead.
    asked = read_guarded(kept).rstrip(b"\r\n") if kept.is_file() or kept.is_symlink() else None
    try:
        private = unseal(pem, asked if asked is not None else ask(folder))
        return CryptoSigner(private, public)
    except SigningKeyError as error:
        raise SigningKeyError(f"{folder / PRIVATE}: {error}") from error
    except (LibraryError, ValueError) as error:
        raise SigningKeyError(f"{folder}: {PRIVATE} and {PUBLIC} are of two keys") from error


def _folders(place: Path) -> Iterator[Path]:
    if (place / PRIVATE).exists():
        yield place
    elif place.is_dir():
        yield from sorted(each for each in place.iterdir() if (each / PRIVATE).exists())
