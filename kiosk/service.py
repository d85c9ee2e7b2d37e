# SPDX-License-Identifier: Apache-2.0
"""The composition root: every part is built here by hand, started in order, stopped in reverse."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from kiosk import __version__
from kiosk.board import Board, CatalogStatus, JournalStatus, ModelStatus
from kiosk.capture.process import CaptureProcess
from kiosk.capture.status import CameraStatus
from kiosk.catalog.details import SWITCHED_OFF
from kiosk.catalog.snapshot import Snapshot, SnapshotSlot
from kiosk.catalog.watch import CatalogWatch
from kiosk.config import Config, catalog_directory, made_state_directory
from kiosk.decide import Visits
from kiosk.durable import locked
from kiosk.errors import BusyError, CatalogError
from kiosk.journal import JOURNAL_FILE, Journal
from kiosk.models import load_models
from kiosk.notify import Notifier
from kiosk.recognise import Recogniser
from kiosk.station import Answers, Station
from kiosk.values import Hashes, Look
from kiosk.vision.image import single_threaded
from kiosk.vision.session import Card
from kiosk.web import Server, create_app

_log = logging.getLogger(__name__)

PATIENCE_S = 30.0
"""Start-up time asked of systemd again and again while no camera is there."""
LOCK_FILE = "kiosk.lock"
"""In the state directory, locked while a kiosk runs."""
JOURNAL_BEAT_S = 1.0
WATCH_STOP_S = 1.0
"""An index that is being built is not waited for: its thread ends with the process."""
SLOW_FRAMES = 3
"""Frames a camera may be late by before an item counts as no longer watched."""


class Service:
    """A running kiosk: `start`, `wait`, `stop`. `stop` also works after a failed start."""

    def __init__(self, config: Config) -> None:
        """Load the models and bind the port: what is wrong with them is said before anything runs.

        Raises ModelError, BusyError or StateError.
        """
        single_threaded()
        self._stack = ExitStack()
        self._ended = threading.Event()
        self._failure: BaseException | None = None
        self._board = Board()
        self._slot = SnapshotSlot()
        locator, embedder = load_models(config.models, config.locate)
        self._embedder = embedder.card
        self._config = config
        self._board.post(models=(_model(locator.card), _model(embedder.card)))
        self._notifier = Notifier()
        state = made_state_directory(config)
        self._claim(state)
        self._journal = Journal(
            state / JOURNAL_FILE,
            commit_s=config.journal.commit_s,
            keep_days=config.journal.keep_days,
        )
        self._camera = CaptureProcess(config.camera, on_status=self._camera_changed)
        self._watch = CatalogWatch(
            catalog_directory(config),
            self._slot,
            open_snapshot=self._open,
            on_change=self._catalog_changed,
            poll_s=config.catalog.poll_s,
        )

        def hashes(look: Look) -> Hashes:
            return Hashes(look.release, locator.card.sha256, embedder.card.sha256)

        visits = Visits(config.decide, hashes)
        self._answers = Answers(visits=visits, board=self._board, journal=self._journal)
        self._station = Station(
            camera=self._camera,
            recogniser=Recogniser(locator, embedder, config.verify, items=config.decide.items),
            slot=self._slot,
            visits=visits,
            answers=self._answers,
            board=self._board,
            pulse=_Pulse(self._notifier, self._board),
            preview_width=config.web.preview_width,
            # A camera of one frame a second is no empty counter twice a second.
            patience_s=max(config.camera.stall_s, SLOW_FRAMES / config.camera.fps),
        )
        app = create_app(
            board=self._board,
            gallery=_Gallery(self._slot),
            confirm=self._answers.confirm,
            streams=config.web.streams,
            host=config.web.host,
            version=__version__,
        )
        self._server = Server(
            app, host=config.web.host, port=config.web.port, streams=config.web.streams
        )

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def board(self) -> Board:
        return self._board

    def start(self) -> None:
        """Start every part in order; whoever opens the page first sees the rest come up."""
        self._stack.callback(self._notifier.close)
        self._begin(self._server.start, self._server.stop)
        self._stack.callback(self._board.close)
        self._begin(self._journal.start, self._journal.close)
        self._begin(self._camera.start, self._camera.close)
        self._stack.callback(self._slot.swap, None)
        self._essential("catalog", self._watch.run, self._watch.stop, WATCH_STOP_S)
        self._essential("station", self._station.run, self._station.stop, None)
        self._stack.callback(self._notifier.stopping)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Until `end` is called or an essential thread dies; False when the time is up."""
        while not self._ended.wait(min(JOURNAL_BEAT_S, timeout_s or JOURNAL_BEAT_S)):
            self._board.post(journal=JournalStatus(*self._journal.status()))
            if timeout_s is not None:
                timeout_s -= JOURNAL_BEAT_S
                if timeout_s <= 0:
                    return False
        return True

    def end(self) -> None:
        """Ask `wait` to return; safe in a signal handler."""
        self._ended.set()

    def stop(self) -> None:
        """Stop every part in reverse. Raises what killed an essential thread: it must be seen."""
        self._stack.close()
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def _claim(self, state: Path) -> None:
        """Keep other kiosks off the state directory for the life of this process."""
        try:
            self._stack.callback(os.close, locked(state / LOCK_FILE))
        except BlockingIOError:
            raise BusyError(
                f"{state}: another kiosk uses this state directory. Stop it, or give this one its "
                "own with --set state.directory=DIR."
            ) from None
        except OSError as error:  # a full or read-only disk must not keep the counter closed
            _log.warning("%s: cannot be locked (%s)", state / LOCK_FILE, error.strerror)

    def _begin(self, start: Callable[[], object], stop: Callable[[], object]) -> None:
        self._stack.callback(stop)
        start()

    def _essential(
        self,
        name: str,
        run: Callable[[], None],
        stop: Callable[[], None],
        patience_s: float | None,
    ) -> None:
        """Run a part in a thread; when that dies the process must, and systemd starts it anew."""

        def body() -> None:
            try:
                run()
            except BaseException as failure:  # noqa: BLE001 - `stop` raises it in the main thread
                _log.critical("%s died: %r", name, failure)
                self._failure = failure
                self.end()

        thread = threading.Thread(target=body, name=name, daemon=True)
        self._stack.callback(thread.join, patience_s)
        self._stack.callback(stop)
        thread.start()

    def _open(self, path: Path) -> Snapshot:
        return Snapshot.open(path, embedder=self._embedder.sha256, config=self._config.search)

    def _camera_changed(self, status: CameraStatus) -> None:
        self._board.post(camera=status)

    def _catalog_changed(self, snapshot: Snapshot | None, trouble: str) -> None:
        path = str(catalog_directory(self._config))
        if snapshot is None:
            self._board.post(catalog=CatalogStatus(message=trouble, path=path))
            return
        manifest = snapshot.manifest
        message = f"{trouble} The release before it still answers." if trouble else ""
        self._board.post(
            catalog=CatalogStatus(
                ok=not trouble,
                message=message,
                path=path,
                release=manifest.release,
                built_at=manifest.built_at,
                skus=manifest.skus,
                references=manifest.references,
                search=snapshot.engine,
                second_look=snapshot.details.name if self._config.verify.on else SWITCHED_OFF,
            )
        )


class _Pulse:
    """Tells systemd: ready after the first frame, alive with every turn, patient until then."""

    def __init__(self, notifier: Notifier, board: Board) -> None:
        self._notifier = notifier
        self._board = board
        self._ready = False
        self._status = ""

    def turn(self, *, frame: bool) -> None:
        if frame and not self._ready:
            self._ready = self._notifier.ready()
        self._notifier.alive()
        camera = self._board.state().camera
        status = "recognising" if frame else camera.message
        if not self._ready:
            self._notifier.still_starting(PATIENCE_S)
        if status != self._status:
            self._status = status
            self._notifier.status(status)


class _Gallery:
    """Catalog pictures for the page, from the snapshot that is current."""

    def __init__(self, slot: SnapshotSlot) -> None:
        self._slot = slot

    def thumbnail(self, release: str, reference: int) -> bytes | None:
        """None when that release is no longer open or has no such reference."""
        with self._slot.borrow() as snapshot:
            if snapshot is None or snapshot.release != release:
                return None
            try:
                return snapshot.thumbnail(reference)
            except CatalogError as error:
                _log.warning("%s", error)
                return None


def _model(card: Card) -> ModelStatus:
    return ModelStatus(
        card.name, card.version, card.sha256, str(card.body.get("quantisation", "not stated"))
    )
