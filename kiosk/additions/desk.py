# SPDX-License-Identifier: Apache-2.0
"""The one place where additions are made, undone and listed; what they change is searched at once.

Memory is what counts and no tap waits for the disk (`kiosk.refusals.kept`). The journal is told of
each, also of what another process undid and of what a kill kept from it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from uuid import uuid4

from kiosk.additions.describe import Describer, Kept, thumbnail
from kiosk.additions.shelf import NO_PICTURES, ProbesOf, Shelf, composed, has, shelved
from kiosk.additions.store import MOST_HELD, Store, undone
from kiosk.additions.trying import Standing, tried
from kiosk.additions.values import (
    AddedView,
    Addition,
    AdditionLine,
    AdditionStatus,
    Rival,
)
from kiosk.catalog.details import method
from kiosk.catalog.snapshot import Snapshot
from kiosk.errors import AdditionError, EmbeddingError, ImageError
from kiosk.refusals.rows import in_text, now
from kiosk.refusals.telling import CLOSING_S, Telling
from kiosk.values import Clock, Notebook, Record

log = logging.getLogger(__name__)


class AdditionDesk:
    """Safe to use from several threads. `start` it once; call `beat` about once a second: only
    `start`, `beat`, `keep`, `crops` and `close` wait for the disk.
    """

    def __init__(
        self,
        store: Store,
        describers: Callable[[str], Describer],
        journal: Notebook,
        *,
        recompose: Callable[[], None],
        probes_of: ProbesOf = lambda snapshot: None,
        most: int = MOST_HELD,
    ) -> None:
        """`describers`: with the models of a release; `recompose`: have `over` asked anew and its
        answer searched, called without a lock.
        """
        self._lock = threading.RLock()
        self._adding = threading.Lock()
        """One addition at a time: the next is tried against it, too."""
        self._store = store
        self._describers = describers
        self._telling = Telling(
            store, journal, note_of=Addition.note, marked=lambda row: replace(row, noted=row.kind)
        )
        self._recompose = recompose
        self._probes_of = probes_of
        self._most = most
        self._shelf = self._before = Shelf("", {}, {})
        """Of the release that answers, and of the one before it."""
        self._embedder = ""
        """Of the release that answers."""
        self._unmade: set[str] = set()
        """Additions of another embedder whose pictures are gone."""

    def describer(self, release: str) -> Describer:
        """What makes references to be searched with a release."""
        return self._describers(release)

    def start(self) -> None:
        """Read what was added before. Never raises for the disk's sake: see `status`."""
        self._store.start()
        self._tell()

    def over(self, base: Snapshot) -> Snapshot:
        """What is to be searched: the release, and over it what was added here.

        Another release than before tries every addition anew. That may take seconds beside a large
        one, in which nobody waits: the release before goes on answering. One that is taken back is
        not tried again.
        """
        found: Shelf | None = None
        while True:
            with self._lock:
                held, before = self._held(), self._shelf
                shelves = (found, before, self._before)
            known = next((each for each in shelves if each and each.release == base.release), None)
            found = shelved(base, held, self._probes_of, known)
            with self._lock:
                held = self._held()
                if self._shelf is before and all(map(found.knows, held)):
                    self._follow(found, base)
                    return composed(base, found, held)
                if self._shelf.release != before.release or before.release == base.release:
                    found = None  # what it began with has changed

    def _follow(self, shelf: Shelf, base: Snapshot) -> None:
        if self._shelf.release != base.release:
            self._before = self._shelf
            self._embedder = base.manifest.embedder.sha256
            self._unmade.clear()
        self._shelf = shelf

    def add(
        self, record: Record, pictures: Sequence[Kept], views: Sequence[AddedView], seen: Snapshot
    ) -> Addition | Rival:
        """Try the views against everything that is searched now (`seen`), and add them.

        Searched when this returns. Gives the SKU that stands in the way instead. Raises
        AdditionError when no more can be kept, ImageError.

        The views are of the embedder of `seen`.
        """
        with self._adding:
            if len(self._held()) >= self._most:
                raise AdditionError(
                    "too_many", f"{self._most} additions are the most: undo one, or have the "
                    "catalog built with them"
                )  # fmt: skip
            found = tried(seen, record.sku, views, None, self._probes_of(seen))
            if isinstance(found, Rival):
                return found
            addition = self._made(record, pictures, views, seen, found)
            with self._lock:
                if self._shelf.release == seen.release:
                    held = self._held()
                    limits = seen.thresholds
                    self._shelf = self._shelf.with_one(addition, found.nearest, held, limits)
                self._store.put([addition])
            self._tell()
            self._recompose()
            return addition

    def _made(
        self,
        record: Record,
        pictures: Sequence[Kept],
        views: Sequence[AddedView],
        seen: Snapshot,
        standing: Standing,
    ) -> Addition:
        return Addition(
            addition_id=uuid4().hex,
            at=now(),
            record=record,
            more=has(seen, record.sku),
            release=seen.release,
            embedder=seen.manifest.embedder.sha256,
            method=method(),
            views=tuple(views),
            thumbnail=thumbnail(pictures[0]),
            nearest=standing.nearest,
            crops={picture.sha256: picture.jpeg for picture in pictures},
        )

    def undo(self, addition_id: str) -> bool:
        """It is searched no more. False when there is no such addition, or not any more."""
        with self._lock:
            meant = [each for each in self._held() if each.addition_id == addition_id]
            if not meant:
                return False
            self._store.put([undone(meant[0], now())])
        self._tell()
        self._recompose()
        return True

    def adopt(self, base: Snapshot) -> int:
        """A release has proven good: additions of SKUs that it has itself are dropped."""
        with self._lock:
            taken = [each for each in self._held() if not each.more and has(base, each.sku)]
            clock = Clock()  # the journal keeps them apart by their time
            self._store.put([undone(each, in_text(clock.now()), adopted=True) for each in taken])
        if taken:
            log.info("%d additions are in release %s now: dropped", len(taken), base.release)
            self._tell()
            self._recompose()
        return len(taken)

    def beat(self) -> bool:
        """Write what is new; hear what another process undid; make one addition anew for another
        embedder. True when what is searched has changed by that.
        """
        self._telling.settle()
        changed = self._store.beat()
        changed = self._remade() or changed
        if changed:
            self._tell()
            self._recompose()
        return changed

    def keep(self, timeout_s: float) -> None:
        """Wait until the disk has what was added, or says that it takes nothing; at most that long.
        Nothing else waits for it.
        """
        self._store.keep(timeout_s)

    def picture(self, sku: str) -> bytes | None:
        """JPEG of the newest addition of a SKU."""
        found = [each.thumbnail for each in self._held() if each.sku == sku]
        return found[-1] if found else None

    def crops(self, addition_id: str) -> Mapping[str, bytes]:
        """Its pictures by sha256; may wait for the disk."""
        return self._store.crops(addition_id)

    def status(self) -> AdditionStatus:
        """For the board; cheap."""
        with self._lock:
            held, shelf = self._held(), self._shelf
            lines = [
                AdditionLine(
                    each.addition_id,
                    each.record,
                    each.at,
                    len(each.views),
                    NO_PICTURES
                    if each.addition_id in self._unmade
                    else shelf.trouble.get(each.addition_id, ""),
                )
                for each in reversed(held)
            ]
        trouble = self._store.trouble()
        said = [trouble, self._store.remarks()]
        if trouble and held:
            said.insert(1, "Until then what was added holds until the kiosk stops.")
        return AdditionStatus(not trouble, " ".join(filter(None, said)), tuple(lines))

    def close(self) -> None:
        """Write what still waits, if the disk lets us."""
        self._telling.settle(CLOSING_S)
        self._store.close()

    def _held(self) -> list[Addition]:
        return [each for each in self._store.rows() if each.holds]

    def _remade(self) -> bool:
        """Make the references of one addition anew from its pictures."""
        with self._lock:
            release, embedder = self._shelf.release, self._embedder
        describer = self._describers(release)
        if describer.embedder != embedder:
            return False  # another release comes in this very moment
        for each in self._held():
            if each.embedder == embedder or each.addition_id in self._unmade:
                continue
            crops = self._store.crops(each.addition_id)
            try:
                views = [
                    describer.described(Kept(crops[view.sha256], view.box)) for view in each.views
                ]
            except (KeyError, ImageError, EmbeddingError) as error:
                log.error("addition %s (%s) cannot be made again: %s", each.sku, each.at, error)
                with self._lock:
                    self._unmade.add(each.addition_id)
                return False
            anew = replace(each, embedder=embedder, method=method(), views=tuple(views))
            with self._lock:
                if any(other is each for other in self._held()):  # nobody undid it meanwhile
                    self._store.put([anew])
                self._shelf = self._before = Shelf("", {}, {})
            return True
        return False

    def _tell(self) -> None:
        """The journal is told what it does not know."""
        with self._lock:
            self._telling.tell()
