# SPDX-License-Identifier: Apache-2.0
"""A running kiosk: every part built by hand, started in order, stopped in reverse.

What a part is put together from stands in the module beside this one that is named after it.
"""

from __future__ import annotations

from pathlib import Path

from kiosk.board import Board, JournalStatus
from kiosk.capture.process import CaptureProcess
from kiosk.capture.status import CameraStatus
from kiosk.catalog.snapshot import SnapshotSlot
from kiosk.config import Config, made_state_directory
from kiosk.journal import JOURNAL_FILE, Journal
from kiosk.models import HeldModels, Models, load_models
from kiosk.notify import Notifier
from kiosk.orders.articles import CatalogArticles
from kiosk.orders.database import ORDERS_FILE
from kiosk.orders.desk import OrderDesk
from kiosk.orders.values import OrderState
from kiosk.service.adding import Adding
from kiosk.service.catalogs import Catalogs
from kiosk.service.claim import claimed
from kiosk.service.looking import looking
from kiosk.service.pages import pages
from kiosk.service.refusing import Refusing
from kiosk.service.running import Running
from kiosk.service.sending import SendingWatch
from kiosk.service.statuses import model_status
from kiosk.store import STORE_FOLDER, Store
from kiosk.vision.image import single_threaded

BEAT_S = 1.0
WATCH_STOP_S = 1.0
"""An index that is being built is not waited for: its thread ends with the process."""


class Service:
    """A running kiosk: `start`, `wait`, `stop`. `stop` also works after a failed start."""

    def __init__(self, config: Config) -> None:
        """Load the models and bind the port: what is wrong with them is said before anything runs.

        Raises ModelError, BusyError or StateError.
        """
        single_threaded()
        self._running = Running()
        self._board = board = Board()
        self._slot = slot = SnapshotSlot()
        held = HeldModels(Models(*load_models(config.models, config.locate)))
        cards = (held.own.locator.card, held.own.embedder.card)
        board.post(models=tuple(map(model_status, cards)))
        self._notifier = notifier = Notifier()
        state = made_state_directory(config)
        self._running.at_end(claimed(state))
        self._journal = journal = _journal(config, state)
        self._sending = SendingWatch(config.upload, state / JOURNAL_FILE, board)
        articles = CatalogArticles(slot)
        self._orders = orders = OrderDesk(
            state / ORDERS_FILE, articles=articles, notes=journal, post=self._order_changed
        )
        refused = orders.refused
        self._refusing = refusing = Refusing(
            state, held.own, board=board, journal=journal, articles=articles, refused=refused
        )
        self._adding = adding = Adding(
            state,
            slot=slot,
            board=board,
            journal=journal,
            embedder_of=lambda release: held.of(release).embedder,
        )
        self._camera = camera = CaptureProcess(config.camera, on_status=self._camera_changed)
        self._catalogs = Catalogs(
            config,
            Store(state / STORE_FOLDER),
            slot,
            held=held,
            board=board,
            journal=journal,
            on_models=refusing.follow,
            on_change=self._catalog_changed,
        )
        answers, self._station = looking(
            config,
            held=held,
            refusing=refusing,
            camera=camera,
            slot=slot,
            board=board,
            journal=journal,
            notifier=notifier,
            listeners=[orders, self._catalogs],
            onlookers=[adding.enrolling],
        )
        served = answers, self._station, refusing, adding, orders, articles
        self._server = pages(config, board, slot, *served)

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def board(self) -> Board:
        return self._board

    def start(self) -> None:
        """Start every part in order; whoever opens the page first sees the rest come up."""
        running, folding = self._running, self._catalogs.folding
        running.at_end(self._notifier.close)
        running.begin(self._server.start, self._server.stop)
        running.at_end(self._board.close)
        running.begin(self._journal.start, self._journal.close)
        running.begin(self._refusing.start, self._refusing.close)
        running.begin(self._adding.start, self._adding.close)
        running.begin(self._orders.start, self._orders.close)
        running.begin(self._camera.start, self._camera.close)
        running.at_end(lambda: self._slot.swap(None))
        running.essential("catalog", self._catalogs.run, self._catalogs.stop, WATCH_STOP_S)
        running.essential("folding", folding.run, folding.stop, WATCH_STOP_S)
        running.essential("station", self._station.run, self._station.stop, None)
        running.at_end(self._notifier.stopping)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Until `end` is called or an essential thread dies; False when the time is up."""
        while not self._running.wait(min(BEAT_S, timeout_s or BEAT_S)):
            self._board.post(journal=JournalStatus(*self._journal.status()))
            self._refusing.beat()
            self._adding.beat()
            self._sending.beat()
            if timeout_s is not None:
                timeout_s -= BEAT_S
                if timeout_s <= 0:
                    return False
        return True

    def end(self) -> None:
        """Ask `wait` to return; safe in a signal handler."""
        self._running.end()

    def stop(self) -> None:
        """Stop every part in reverse. Raises what killed an essential thread: it must be seen."""
        self._running.stop()

    def _camera_changed(self, status: CameraStatus) -> None:
        self._board.post(camera=status)

    def _order_changed(self, order: OrderState | None) -> None:
        self._board.post(order=order)

    def _catalog_changed(self) -> None:
        self._orders.catalog_changed()
        self._adding.post()
        self._refusing.post()


def _journal(config: Config, state: Path) -> Journal:
    return Journal(
        state / JOURNAL_FILE,
        commit_s=config.journal.commit_s,
        keep_days=config.journal.keep_days,
        keep_features_days=config.journal.keep_features_days,
        keep_mb=config.journal.keep_mb,
    )
