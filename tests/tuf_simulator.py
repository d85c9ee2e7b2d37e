# SPDX-License-Identifier: Apache-2.0
"""A repository in memory that signs whatever it is told to, and an origin that gives it away.

It can say what no honest publisher says: the attacks of the TUF conformance suite are made of it.
"""

from __future__ import annotations

import copy
import functools
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization.json import JSONSerializer

from kiosk.announcement import Announcement, Blob, Rollout, to_json
from kiosk.sync.evidence import Absent, Unanswered, unusable
from kiosk.sync.origin import Tail, Traffic

TOP = ("root", "timestamp", "snapshot", "targets")


@functools.cache
def signer(number: int) -> CryptoSigner:
    """Real keys by number, made once."""
    return CryptoSigner.generate_ed25519()


def announcement(seq: int, **fields: object) -> Announcement:
    """One that is paused: a kiosk that believes it says so, and needs no files."""
    body: dict[str, object] = {
        "catalog": "catalog",
        "channel": "stable",
        "seq": seq,
        "created": (datetime.now(UTC) - timedelta(minutes=5)).isoformat(timespec="seconds"),
        "release": hashlib.sha256(str(seq).encode()).hexdigest()[:16],
        "manifest": Blob(hashlib.sha256(str(seq).encode()).hexdigest(), 100),
        "rollout": Rollout(pause=True),
    }
    return Announcement(**{**body, **fields})  # type: ignore[arg-type]


class MemoryOrigin:
    """Gives the files of a dictionary."""

    name = "memory"
    carried = False
    doubt = "It is an attack"

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.traffic = Traffic()
        self.asked: list[str] = []

    def odd(self, name: str, data: bytes, reason: str) -> Unanswered:
        return unusable(name, reason)

    def begin(self) -> None:
        pass

    def small(self, path: str, max_bytes: int) -> bytes:
        self.asked.append(path)
        if path not in self.files:
            raise Absent(path)
        if len(self.files[path]) > max_bytes:
            raise unusable(path, "it is too long")
        return self.files[path]

    @contextmanager
    def tail(self, path: str, size: int, offset: int) -> Iterator[Tail]:
        yield Tail(0, iter((self.small(path, size),)))


class Simulator:
    """`files` is what is served; the parts may be changed before they are put there."""

    def __init__(self, *, threshold: int = 1) -> None:
        self.files: dict[str, bytes] = {}
        self.signers = {role: [signer(at)] for at, role in enumerate((*TOP, "stable"))}
        far = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
        self.root = Root(version=1, expires=far)
        self.timestamp = Timestamp(version=1, expires=far)
        self.snapshot = Snapshot(version=1, expires=far, meta={})
        self.targets = Targets(version=1, expires=far)
        self.stable = Targets(version=1, expires=far)
        for each in (self.root, self.timestamp, self.snapshot, self.targets, self.stable):
            each.version = 0  # each is put for the first time below
        for role in TOP:
            self.root.add_key(self.signers[role][0].public_key, role)
        key = self.signers["stable"][0].public_key
        self.targets.delegations = Delegations(
            {key.keyid: key},
            {"stable": DelegatedRole("stable", [key.keyid], 1, True, paths=["stable.json"])},
        )
        self.put_root()
        self.put_targets()
        self.announce(announcement(1))

    @property
    def origin(self) -> MemoryOrigin:
        return MemoryOrigin(self.files)

    @property
    def first_root(self) -> bytes:
        return self.files["metadata/1.root.json"]

    def announce(self, made: Announcement) -> None:
        data = to_json(made)
        target = TargetFile.from_data("stable.json", data, ["sha256"])
        self.files[f"targets/{target.hashes['sha256']}.stable.json"] = data
        self.stable.targets = {"stable.json": target}
        self.put_stable()

    def put_root(self, signing: Sequence[CryptoSigner] = ()) -> None:
        self.root.version += 1
        name = f"metadata/{self.root.version}.root.json"
        self.files[name] = signed(self.root, signing or self.signers["root"])

    def put_targets(self) -> None:
        self.targets.version += 1
        self._put_listed("targets", self.targets)

    def put_stable(self) -> None:
        self.stable.version += 1
        self._put_listed("stable", self.stable)
        self.put_snapshot()

    def _put_listed(self, role: str, payload: Targets) -> None:
        data = signed(payload, self.signers[role])
        self.files[f"metadata/{payload.version}.{role}.json"] = data
        self.snapshot.meta[f"{role}.json"] = MetaFile.from_data(payload.version, data, ["sha256"])

    def put_snapshot(self) -> None:
        self.snapshot.version += 1
        self.put_snapshot_as_it_is()

    def put_snapshot_as_it_is(self) -> None:
        data = signed(self.snapshot, self.signers["snapshot"])
        self.files[f"metadata/{self.snapshot.version}.snapshot.json"] = data
        meta = MetaFile.from_data(self.snapshot.version, data, ["sha256"])
        self.timestamp.snapshot_meta = meta
        self.put_timestamp()

    def put_timestamp(self) -> None:
        self.timestamp.version += 1
        self.put_timestamp_as_it_is()

    def put_timestamp_as_it_is(self) -> None:
        self.files["metadata/timestamp.json"] = signed(self.timestamp, self.signers["timestamp"])

    def rotate(self, role: str, number: int) -> None:
        """Another key for a top-level role, and a root that says so."""
        before = self.signers[role]
        self.root.revoke_key(before[0].public_key.keyid, role)
        self.signers[role] = [signer(number)]
        self.root.add_key(signer(number).public_key, role)
        both = [*before, signer(number)] if role == "root" else self.signers["root"]
        self.put_root(both)

    def copied(self) -> dict[str, bytes]:
        """What is served now, to be served again later."""
        return copy.copy(self.files)


def signed(
    payload: Root | Timestamp | Snapshot | Targets, signers: Sequence[CryptoSigner]
) -> bytes:
    metadata = Metadata(payload)
    for each in signers:
        metadata.sign(each, append=True)
    return metadata.to_bytes(JSONSerializer(compact=True))
