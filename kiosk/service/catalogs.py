# SPDX-License-Identifier: Apache-2.0
"""Which catalog answers: the configured folder, else what the store names, else the folder
`catalog` in the state directory; opened with its models, and its index folded when that is due.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from kiosk.announcement import Gate
from kiosk.board import Board
from kiosk.catalog.folding import Folding
from kiosk.catalog.manifest import NAME
from kiosk.catalog.snapshot import Snapshot, SnapshotSlot
from kiosk.catalog.watch import CatalogWatch
from kiosk.config import Config, catalog_directory
from kiosk.errors import ConfigError, Held
from kiosk.journal import Recorder
from kiosk.models import HeldModels, Models
from kiosk.service.statuses import catalog_status, model_status, release_status
from kiosk.stamp import stamp
from kiosk.store import Pointer, Store
from kiosk.store.derived import trim
from kiosk.store.notes import IDENTITY, STATUS, TUF
from kiosk.store.opening import Opened, open_release
from kiosk.store.pointer_file import POINTER
from kiosk.store.presence import Presence
from kiosk.store.selftest import self_test
from kiosk.store.watch import StoreWatch
from kiosk.sync.anchor import fingerprint, trusted_root
from kiosk.values import Decision, Record

_log = logging.getLogger(__name__)


class Catalogs:
    """Run `run` in a thread of its own; it is a listener of decisions."""

    def __init__(
        self,
        config: Config,
        store: Store,
        slot: SnapshotSlot,
        *,
        held: HeldModels,
        board: Board,
        journal: Recorder,
        on_models: Callable[[Models], None],
        on_change: Callable[[], None],
    ) -> None:
        """`held` gets the models of what is opened; `on_models` hears which are looked with now,
        `on_change` of everything else.
        """
        self._config = config
        self._store = store
        self._slot = slot
        self._held = held
        self._board = board
        self._on_models = on_models
        self._on_change = on_change
        self._models = held.own
        self._folder = CatalogWatch(
            catalog_directory(config),
            slot,
            open_snapshot=self._open_folder,
            on_change=self._folder_changed,
            poll_s=config.catalog.poll_s,
        )
        self._watch = StoreWatch(
            store,
            slot,
            journal,
            test=self._test,
            open_release=self._open,
            on_swap=self._hold,
            on_change=self._store_changed,
        )
        wanted = store.path, catalog_directory(config) / NAME
        self._presence = Presence(store.folder.parent, wanted)
        self._lost = ""
        """What happened to the state directory while something answered."""
        self.folding = Folding(slot)
        """Runs in a thread of its own."""
        self._engine = ""
        self._said = ("", "")
        self._from_store = False
        self._posted: object = ()
        self._stop = threading.Event()

    def run(self) -> None:
        """Look every `catalog.poll_s` seconds until `stop`."""
        while True:
            self.look()
            if self._stop.wait(self._config.catalog.poll_s):
                return

    def look(self) -> None:
        """Follow what there is once."""
        if self._is_lost():
            return
        from_store = not self._config.catalog.directory and self._watch.active
        if from_store:
            self._watch.look()
        else:
            if self._from_store:
                self._folder.forget()
            self._folder.look()
            self._watch.hear()
        self._from_store = from_store
        with self._slot.borrow_release() as release:
            engine = self._said_engine(release) if release is not None else ""
        if engine not in ("", self._engine):
            self._changed(*self._said)
        self._post()

    def stop(self) -> None:
        """Returns at once; from here on nothing is swapped in any more."""
        self._stop.set()
        self._folder.stop()
        self._watch.stop()

    def decided(self, decision: Decision, records: Sequence[Record]) -> None:
        """For whoever tells of decisions."""
        self._watch.decided(decision, records)

    def confirmed(self, decision: Decision, sku: str) -> None:
        """Says nothing of a catalog."""

    def _said_engine(self, release: Snapshot) -> str:
        """Which search answers, and what its folding has to say."""
        return ", ".join(filter(None, (release.engine, self.folding.said())))

    def _is_lost(self) -> bool:
        """What answers came from the state directory, and that has gone away under it."""
        lost = ""
        if not self._config.catalog.directory:
            with self._slot.borrow_release() as release:
                lost = self._presence.trouble() if release is not None else ""
        if lost != self._lost:
            if lost:
                _log.error("catalog: %s", lost)
            else:
                _log.info("catalog: the state directory is there again")
            self._lost = lost
            self._changed(*self._said)
        return bool(lost)

    def _test(self, path: Path, gate: Gate) -> str:
        return self_test(path, self._config, gate, self._store.derived)

    def _open(self, path: Path) -> Opened:
        with self._slot.borrow_release() as beside:
            opened = open_release(
                path, self._config, self._held.own, derived=self._store.derived, beside=beside
            )
        trim(self._store.derived)
        return opened

    def _open_folder(self, path: Path) -> Snapshot:
        with self._slot.borrow_release() as beside:
            opened = open_release(path, self._config, self._held.own, beside=beside)
        self._hold(opened)
        return opened.snapshot

    def _hold(self, opened: Opened) -> None:
        self._held.put(opened.snapshot.release, opened.models)
        self._models = opened.models

    def _folder_changed(self, snapshot: Snapshot | None, trouble: str) -> None:
        self._changed(trouble, str(catalog_directory(self._config)))

    def _store_changed(self, pointer: Pointer, trouble: str) -> None:
        current = pointer.current
        path = self._store.release(current) if current else self._store.folder
        self._changed(trouble, str(path))

    def _changed(self, trouble: str, path: str) -> None:
        self._said = trouble, path
        with self._slot.borrow_release() as snapshot:
            self._engine = self._said_engine(snapshot) if snapshot is not None else ""
            second_look = self._config.verify.on
            status = catalog_status(
                snapshot, trouble, path, second_look=second_look, lost=self._lost
            )
        cards = (self._models.locator.card, self._models.embedder.card)
        self._board.post(
            catalog=replace(status, search=self._engine), models=tuple(map(model_status, cards))
        )
        self._on_models(self._models)
        self._on_change()

    def _post(self) -> None:
        """How sync and store stand; a sync pass is another process."""
        seen = tuple(stamp(self._store.folder / name) for name in (POINTER, STATUS, IDENTITY, TUF))
        if seen == self._posted:
            return
        try:
            status = release_status(
                self._store.status(),
                self._store.pointer(),
                kiosk_id=self._store.known_id,
                fingerprint=self._fingerprint(),
                source=self._config.sync.source,
            )
        except OSError as error:
            _log.debug("the store cannot be read: %s", error)
            return
        self._posted = seen
        self._board.post(releases=status)

    def _fingerprint(self) -> str:
        try:
            return fingerprint(trusted_root(self._config, self._store))
        except (Held, ConfigError):
            return ""
