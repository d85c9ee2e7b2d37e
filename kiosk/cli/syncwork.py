# SPDX-License-Identifier: Apache-2.0
"""What `kiosk sync` and its actions do."""

from __future__ import annotations

import argparse
import os
import random
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from kiosk import __version__
from kiosk.announcement import CHANNEL, Announcement
from kiosk.cli.options import load_config
from kiosk.cli.visible import visible
from kiosk.config import Config, made_state_directory, models_directory, state_directory
from kiosk.durable import locked
from kiosk.errors import BusyError, ConfigError, SyncError, UsageError
from kiosk.store import STORE_FOLDER, Store
from kiosk.store.selftest import self_test
from kiosk.sync.anchor import fingerprint, fingerprint_of, in_groups, trusted_root
from kiosk.sync.enrol import enrol, offered
from kiosk.sync.folder import FolderOrigin
from kiosk.sync.origin import Limits, Origin, folder_of
from kiosk.sync.patience import LIMIT_S, patiently
from kiosk.sync.policy import WAVE, Here
from kiosk.sync.sync_pass import Outcome, Pass
from kiosk.sync.web import WebOrigin
from kiosk.values.sync import SyncStatus

LOCK_FILE = "sync.lock"
_MB = 2**20


def run_sync(arguments: argparse.Namespace) -> int:
    """Raises SyncError, BusyError, ConfigError, StateError."""
    config = _config(arguments)
    store = _store(config)
    with _alone(store), _origin(config, arguments.source) as origin:
        once = arguments.once or not isinstance(origin, WebOrigin)
        outcome = patiently(
            lambda: _pass(config, store, origin, arguments).run(),
            wait=_wait,
            clock=time.monotonic,
            share=random.random,
            limit_s=0.0 if once else LIMIT_S,
        )
        return _said(outcome, origin)


def run_enrol(arguments: argparse.Namespace) -> int:
    """Raises SyncError, UsageError, BusyError, ConfigError."""
    config = _config(arguments)
    wanted = fingerprint_of(arguments.fingerprint) if arguments.fingerprint else ""
    if wanted and config.sync.root:
        raise UsageError("sync.root says whom this kiosk believes; take it out to enrol it")
    store = _store(config)
    with _alone(store), _origin(config, arguments.source) as origin:
        root = offered(origin)
        if not wanted:
            print(f"published at {origin.name}:\n  {in_groups(fingerprint(root))}")
            raise UsageError(
                "nothing was changed: compare this with what `kiosk keys show` prints at head "
                "office, then give it with --fingerprint"
            )
        new = enrol(store, root, wanted, replace=arguments.replace)
    print(f"This kiosk {'now' if new else 'already'} believes {in_groups(wanted)}.")
    return os.EX_OK


def run_show(arguments: argparse.Namespace) -> int:
    config = _config(arguments)
    store = Store(state_directory(config) / STORE_FOLDER)
    try:
        believes = in_groups(fingerprint(trusted_root(config, store)))
    except SyncError as error:
        believes = str(error)
    status, by_hand, pointer = store.status(), store.by_hand(), store.pointer()
    now, before = pointer.current, pointer.previous
    rows = [
        ("state", _stands(status)),
        ("since", status.at or "-"),
        *([("by hand", f"{_stands(by_hand)}, at {by_hand.at}")] if by_hand.at else []),
        ("source", visible(config.sync.source) or "none: set sync.source"),
        ("channel", f"{visible(config.sync.channel)}, number {pointer.floor_seq}"),
        ("current", f"{now.release} ({pointer.phase})" if now else "none"),
        ("before it", before.release if before else "none"),
        ("believes", visible(believes)),
        ("kiosk", store.known_id or "-"),
    ]
    rows += [
        ("put back", f"{each.release} at {each.at}: {visible(each.reason)}")
        for each in pointer.quarantined
    ]
    if pointer.quarantined:
        rows.append(("", "`kiosk sync allow RELEASE` lets one come again, with the next pass"))
    for name, text in rows:
        print(f"{name:<10} {text}")
    return os.EX_OK


def _stands(status: SyncStatus) -> str:
    code = f" ({status.code})" if status.code else ""
    return f"{status.state}{code} {visible(status.message)}".rstrip()


def run_allow(arguments: argparse.Namespace) -> int:
    """Raises UsageError, StateError."""
    store = _store(_config(arguments))
    if arguments.release not in {each.release for each in store.pointer().quarantined}:
        raise UsageError(f"{arguments.release!r} was not put back here; see `kiosk sync show`")
    store.allow(arguments.release)
    print(f"{arguments.release} may come again with the next `kiosk sync`.")
    return os.EX_OK


def run_rollback(arguments: argparse.Namespace) -> int:
    """Raises Held, StateError."""
    store = _store(_config(arguments))
    left = store.pointer().current
    pointer = store.roll_back()
    now, before = (each.release if each else "" for each in (pointer.current, left))
    print(
        f"{now} is current again; {before} does not come again, until `kiosk sync allow {before}` "
        "lets it or head office publishes another."
    )
    return os.EX_OK


def _config(arguments: argparse.Namespace) -> Config:
    first = [f"state.directory={arguments.state}"] if arguments.state else []
    return load_config(arguments, *first)


def _store(config: Config) -> Store:
    folder = made_state_directory(config) / STORE_FOLDER
    return Store(folder, reserve_bytes=config.sync.reserve_mb * _MB)


@contextmanager
def _alone(store: Store) -> Iterator[None]:
    """One sync at a time. Raises BusyError."""
    try:
        lock = locked(store.folder.parent / LOCK_FILE)
    except BlockingIOError:
        raise BusyError(
            f"{store.folder}: another sync is running; wait until it has ended"
        ) from None
    try:
        yield
    finally:
        os.close(lock)


@contextmanager
def _origin(config: Config, given: str | None) -> Iterator[Origin]:
    """Where to read from, as asked or as configured. Raises ConfigError, UsageError."""
    source = given or config.sync.source
    if not source:
        raise UsageError("no address is known: give --from, or set sync.source")
    folder = folder_of(source)
    if folder is not None:
        yield FolderOrigin(folder)
        return
    limits = Limits(
        silence_s=config.sync.silence_s,
        pass_s=config.sync.deadline_s,
        least_bytes_per_s=config.sync.least_bytes_per_s,
    )
    origin = WebOrigin(source, limits)
    try:
        yield origin
    finally:
        origin.close()


def _pass(config: Config, store: Store, origin: Origin, arguments: argparse.Namespace) -> Pass:
    if not CHANNEL.fullmatch(config.sync.channel):
        reason = f'sync.channel = "{config.sync.channel}": must be lower-case letters, digits or -'
        raise ConfigError("the configuration", [reason])

    def check(folder: Path, announced: Announcement) -> str:
        print(f"testing release {announced.release} …", flush=True)
        return self_test(folder, config, announced.gate, store.derived)

    return Pass(
        origin,
        store,
        lambda: trusted_root(config, store),
        config.sync.channel,
        Here(store.kiosk_id(), __version__, _embedder(config), _memory_bytes()),
        check=check,
        now=lambda: datetime.now(UTC),
        accept_expired=arguments.accept_expired,
        by_hand=_by_hand(config.sync.source, arguments.source),
    )


def _by_hand(regular: str, given: str | None) -> bool:
    """Whether `given` is another source than the one this kiosk asks by itself."""
    if not given or not regular or given.rstrip("/") == regular.rstrip("/"):
        return False
    try:
        folder, usual = folder_of(given), folder_of(regular)
    except UsageError:  # of the regular one: `given` was read from
        return True
    return folder is None or usual is None or folder.resolve() != usual.resolve()


def _embedder(config: Config) -> str:
    """sha256 that the card of the kiosk's own embedder states; empty when it cannot be read: the
    self-test finds out then.
    """
    card = models_directory(config.models.directory) / "embedder.toml"
    try:
        return str(tomllib.loads(card.read_text(encoding="utf-8")).get("sha256", ""))
    except (OSError, ValueError):
        return ""


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _wait(seconds: float, outcome: Outcome) -> None:
    print(f"{visible(str(outcome.error))}. Next try in {seconds:.0f} s.", flush=True)
    time.sleep(seconds)


def _said(outcome: Outcome, origin: Origin) -> int:
    """Tell what a pass came to. Raises its SyncError."""
    status, traffic = outcome.status, origin.traffic
    if traffic.requests:
        requests = "1 request" if traffic.requests == 1 else f"{traffic.requests} requests"
        print(
            f"{visible(origin.name)}: {traffic.received:,} bytes in {requests}; "
            f"channel {status.channel}, number {status.seq or '-'}"
        )
    if outcome.error is not None and outcome.error.code != WAVE:
        raise outcome.error
    if outcome.activated:
        print(f"release {status.release} is current, on trial; a running kiosk takes it over now")
    else:
        print(visible(status.message) + (f": {status.release}" if not outcome.error else ""))
    return os.EX_OK
