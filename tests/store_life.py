# SPDX-License-Identifier: Apache-2.0
"""A store's life, step by step, what it knows after each, and what may be wrong with its disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from model_files import ModelFiles
from store_parts import NOW, Bundle, bundle, installed

from kiosk.announcement import Gate
from kiosk.durable import Files
from kiosk.store import Pointer, Store
from kiosk.store.pointer_file import parse
from kiosk.values.sync import SyncState, SyncStatus

A, B, C = bundle("a"), bundle("b"), bundle("c")
META = [
    {"root.json": b"root 1", "targets.json": b"t%d" % n, "snapshot.json": b"s%d" % n}
    | {"timestamp.json": b"ts%d" % n}
    for n in (1, 2)
]

Step = Callable[[Store], object]
LIFE: tuple[Step, ...] = (
    lambda store: store.kiosk_id(),
    lambda store: store.publish(META[0]),
    lambda store: store.activate(installed(store, A, 1), Gate(), "shop"),
    lambda store: store.started(),
    lambda store: store.good(A.release),
    lambda store: store.raise_floors(7, datetime(2026, 10, 1, tzinfo=UTC)),
    lambda store: store.publish(META[1]),
    lambda store: store.announce(b"the word of a channel"),
    lambda store: store.activate(installed(store, B, 8), Gate()),
    lambda store: store.started(),
    lambda store: store.failed(B.release, "wrong answers"),
    lambda store: store.say(SyncStatus(SyncState.HELD, "refused", "wrong answers")),
    lambda store: store.collect(),
    lambda store: store.activate(installed(store, C, 9), Gate()),
    lambda store: store.started(),
    lambda store: store.ended(C.release),
    lambda store: store.good(C.release),
    lambda store: store.collect(),
    lambda store: store.refuse(B.installed(10), "wrong again"),
)
BUNDLES = {each.release: each for each in (A, B, C)}


@dataclass(frozen=True)
class Known:
    """What a store says after so many steps of its life."""

    pointer: Pointer
    metadata: dict[str, bytes]
    announced: bytes
    status: SyncStatus


def known(store: Store, files: Files) -> Known:
    path = store.folder / "announced.json"
    announced = files.read(path) if files.size(path) is not None else b""
    return Known(store.pointer(), store.metadata(), announced, store.status())


def lived() -> list[Known]:
    """What is known before the first step, after it, after the second …"""
    files = ModelFiles()
    files.mkdir(Path("/state"))
    store = Store(Path("/state/store"), files, now=lambda: NOW)
    found = [known(store, files)]
    for step in LIFE:
        step(store)
        found.append(known(store, files))
    return found


HISTORY = lived()


def faults(store: Store, disk: Files, before: Known, after: Known, identity: str) -> Iterator[str]:
    """What is wrong with a disk after a cut between two steps of the life."""
    size = disk.size(store.path)
    if size is not None:
        parse(disk.read(store.path))  # never has to be recovered
    pointer = store.pointer()
    if pointer not in (before.pointer, after.pointer):
        yield f"{pointer} instead of {before.pointer} or {after.pointer}"
    for held in (pointer.current, pointer.previous):
        if held is not None:
            fault = fault_of(store, disk, BUNDLES[held.release])
            if fault:
                yield f"{held.release}: {fault}"
    found = known(store, disk)
    for name in {*before.metadata, *after.metadata}:
        if found.metadata.get(name) not in (before.metadata.get(name), after.metadata.get(name)):
            yield f"{name} holds {found.metadata.get(name)!r}"
    if found.metadata.get("timestamp.json") == b"ts2" and found.metadata != META[1]:
        yield "the timestamp is newer than what it names"
    if found.announced not in (before.announced, after.announced):
        yield f"announced: {found.announced!r}"
    if found.status not in (before.status, after.status):
        yield f"status: {found.status}"
    if identity and store.known_id != identity:
        yield "the kiosk has another id"


def fault_of(store: Store, disk: Files, made: Bundle) -> str:
    path = store.releases.path(made.release)
    if disk.size(path / "manifest.json") is None:
        return "its manifest is missing"
    if disk.read(path / "manifest.json") != made.manifest:
        return "its manifest is damaged"
    return store.releases.fault(path, store.releases.manifest(made.release))
