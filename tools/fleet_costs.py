# SPDX-License-Identifier: Apache-2.0
"""What a fleet costs its origin in bytes, measured on what the real publisher makes."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from securesystemslib.signer import CryptoSigner

from kiosk.catalog.manifest import (
    NAME,
    FileEntry,
    Manifest,
    ModelName,
    read_manifest,
    sealed,
    to_json,
)
from kiosk.publish import announce, draft
from kiosk.publish.announce import Office, Wish
from kiosk.publish.memory import MemoryStorage
from kiosk.publish.ring import KeyRing
from kiosk.publish.roles import Roles
from kiosk.publish.trust import verified


@dataclass(frozen=True, slots=True)
class Costs:
    """Bytes that a kiosk fetches, measured on a real repository."""

    poll: int
    rollback: int


def measured() -> Costs:
    """Publish two tiny releases for real, go back, and see what is new for a kiosk each time."""
    names = ("a", "b", "c", "stable", "snapshot", "timestamp")
    signers = {name: CryptoSigner.generate_ed25519() for name in names}
    public = {name: signer.public_key for name, signer in signers.items()}
    roles = Roles(
        tuple(public[name] for name in "abc"),
        2,
        (public["snapshot"],),
        (public["timestamp"],),
        {"stable": (public["stable"],)},
    )
    ring = KeyRing.of(signers.values())
    begun = draft.first(roles, datetime.now(UTC))
    draft.sign(begun, None, ring)
    files = begun.files()
    storage = MemoryStorage()
    trust = verified((files["1.root.json"],), files["1.targets.json"])
    office = Office(storage, trust, ring)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(2):
            release = _tiny_release(Path(folder) / str(number), b"%d" % number)
            announce.publish(office, release, Wish("stable"))
    before = set(storage.files)
    announce.roll_back(office, "stable", 1)
    stamp = len(storage.files["metadata/timestamp.json"])
    new = sum(len(storage.files[name]) for name in set(storage.files) - before)
    return Costs(poll=stamp, rollback=stamp + new)


def _tiny_release(folder: Path, data: bytes) -> Path:
    folder.mkdir()
    (folder / "vectors").write_bytes(data)
    model = ModelName("none", "0", "0" * 64)
    entry = FileEntry("vectors", len(data), hashlib.sha256(data).hexdigest())
    made = Manifest("", "2026-12-01T00:00:00+00:00", 1, 1, 1, 8, model, model, (), (), (entry,))
    (folder / NAME).write_bytes(to_json(sealed(made)))
    return folder


def difference(before: Path, after: Path) -> int:
    """Bytes that a kiosk with one release fetches for the other, its manifest included."""
    there = {entry.sha256 for entry in read_manifest(before).needed}
    wanted = {entry.sha256: entry.bytes for entry in read_manifest(after).needed}
    new = sum(size for sha256, size in wanted.items() if sha256 not in there)
    return new + (after / NAME).stat().st_size
