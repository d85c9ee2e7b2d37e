# SPDX-License-Identifier: Apache-2.0
"""A running kiosk: its parts, in the order in which they start."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from kiosk import __version__
from kiosk.api.app import add_api
from kiosk.board import Board, JournalStatus
from kiosk.capture.process import CaptureProcess
from kiosk.capture.status import CameraStatus
from kiosk.catalog.snapshot import SnapshotSlot
from kiosk.config import Config, deciding, made_state_directory
from kiosk.decide import Visits
from kiosk.durable import locked
from kiosk.errors import BusyError
from kiosk.journal import JOURNAL_FILE, Journal
from kiosk.models import HeldModels, Models, load_models
from kiosk.notify import Notifier
from kiosk.orders.articles import CatalogArticles
from kiosk.orders.database import ORDERS_FILE
from kiosk.orders.desk import OrderDesk
from kiosk.recognise import Recogniser
from kiosk.refusals import REFUSALS_FILE, RefusalDesk, Refusals, RefusalStore
from kiosk.service.adding import Adding
from kiosk.service.catalogs import Catalogs
from kiosk.service.gallery import Gallery
from kiosk.service.pulse import Pulse
from kiosk.service.statuses import model_status, refusal_status
from kiosk.station import Answers, Station
from kiosk.store import STORE_FOLDER, Store
from kiosk.values import Decision, Hashes, Look
from kiosk.vision.image import single_threaded
from kiosk.web import Server, create_app

_log = logging.getLogger(__name__)

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
        own = Models(*load_models(config.models, config.locate))
        self._held = HeldModels(own)
        self._embedder = own.embedder.card
        self._config = config
        cards = (own.locator.card, own.embedder.card)
        self._board.post(models=tuple(map(model_status, cards)))
        self._notifier = Notifier()
        state = made_state_directory(config)
        self._claim(state)
        self._journal = Journal(
            state / JOURNAL_FILE,
            commit_s=config.journal.commit_s,
            keep_days=config.journal.keep_days,
            keep_features_days=config.journal.keep_features_days,
            keep_mb=config.journal.keep_mb,
        )
        self._camera = CaptureProcess(config.camera, on_status=self._camera_changed)
        self._catalogs = Catalogs(
            config,
            Store(state / STORE_FOLDER),
            self._slot,
            held=self._held,
            board=self._board,
            journal=self._journal,
            on_models=self._models_changed,
            on_change=self._catalog_changed,
        )
        self._articles = CatalogArticles(self._slot)
        held = Refusals(self._embedder.sha256, own.embedder.dimension)
        self._refusals = RefusalDesk(RefusalStore(state / REFUSALS_FILE), held, self._journal)
        self._orders = OrderDesk(
            state / ORDERS_FILE,
            articles=self._articles,
            notes=self._journal,
            post=lambda order: self._board.post(order=order),
        )
        self._adding = Adding(
            state,
            slot=self._slot,
            board=self._board,
            journal=self._journal,
            embedder_of=lambda release: self._held.of(release).embedder,
        )
        self._answers, self._station = self._looking(own, held)
        self._server = self._served()

    def _looking(self, own: Models, held: Refusals) -> tuple[Answers, Station]:
        """What turns frames into answers; `held`: the refusals they are held against."""
        config = self._config
        options = deciding(config)

        def hashes(look: Look) -> Hashes:
            models = self._held.of(look.release)
            detector, embedder = models.locator.card.sha256, models.embedder.card.sha256
            return Hashes(look.release, detector, embedder, options)

        visits = Visits(config.decide, hashes)
        answers = Answers(
            visits=visits,
            board=self._board,
            journal=self._journal,
            refuse=self._refuse,
            listeners=[self._orders, self._catalogs],
        )
        station = Station(
            camera=self._camera,
            recogniser=Recogniser(
                own.locator,
                own.embedder,
                config.verify,
                items=config.decide.items,
                codes=config.barcode.mode,
                refusals=held,
                models_of=self._held.of,
            ),
            slot=self._slot,
            visits=visits,
            answers=answers,
            board=self._board,
            pulse=Pulse(self._notifier, self._board),
            preview_width=config.web.preview_width,
            # A camera of one frame a second is no empty counter twice a second.
            patience_s=max(config.camera.stall_s, SLOW_FRAMES / config.camera.fps),
            onlookers=[self._adding.enrolling],
        )
        return answers, station

    def _served(self) -> Server:
        """The pages and the API, bound to their port."""
        web = self._config.web
        asked = self._config.barcode.mode == "asked"  # otherwise they are read without a button
        app = create_app(
            board=self._board,
            gallery=Gallery(self._slot),
            confirm=self._answers.confirm,
            refuse=self._answers.refuse,
            focus=self._answers.focus,
            read_codes=self._station.read_codes if asked else None,
            undo_refusal=self._undo_refusal,
            enrol=self._adding.enrolling,
            undo_addition=self._adding.undo,
            streams=web.streams,
            host=web.host,
            version=__version__,
        )
        add_api(
            app, board=self._board, desk=self._orders, articles=self._articles, version=__version__
        )
        return Server(app, host=web.host, port=web.port, streams=web.streams)

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
        self._begin(self._refusals.start, self._refusals.close)
        self._begin(self._adding.start, self._adding.close)
        self._begin(self._orders.start, self._orders.close)
        self._begin(self._camera.start, self._camera.close)
        self._stack.callback(self._slot.swap, None)
        self._essential("catalog", self._catalogs.run, self._catalogs.stop, WATCH_STOP_S)
        folding = self._catalogs.folding
        self._essential("folding", folding.run, folding.stop, WATCH_STOP_S)
        self._essential("station", self._station.run, self._station.stop, None)
        self._stack.callback(self._notifier.stopping)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Until `end` is called or an essential thread dies; False when the time is up."""
        while not self._ended.wait(min(JOURNAL_BEAT_S, timeout_s or JOURNAL_BEAT_S)):
            self._board.post(journal=JournalStatus(*self._journal.status()))
            self._refusals.beat()
            self._adding.beat()
            self._refusals_changed()
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

    def _camera_changed(self, status: CameraStatus) -> None:
        self._board.post(camera=status)

    def _models_changed(self, models: Models) -> None:
        """What was refused counts for looks with the same embedder only."""
        if models.embedder.card.sha256 != self._embedder.sha256:
            self._embedder = models.embedder.card
            self._refusals.follow(self._embedder.sha256, models.embedder.dimension)

    def _catalog_changed(self) -> None:
        self._orders.catalog_changed()
        self._adding.post()
        self._refusals_changed()

    def _refusals_changed(self) -> None:
        def name_of(sku: str) -> str:
            record = self._articles.record(sku)
            return record.name if record else ""

        self._board.post(refused=refusal_status(self._refusals, name_of))

    def _refuse(self, decision: Decision) -> bool:
        """A person says that an answer is wrong: kept, and whoever counted it is told."""
        if not self._refusals.refuses(decision):
            return False
        self._orders.refused(decision)
        self._refusals_changed()
        return True

    def _undo_refusal(self, refusal_id: str) -> bool:
        done = self._refusals.undo(refusal_id)
        self._refusals_changed()
        return done
