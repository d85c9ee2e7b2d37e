# SPDX-License-Identifier: Apache-2.0
"""Enrolment at the kiosk, put together: the desk, the enrolment that is going on, and the board."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from kiosk.additions import ADDITIONS_FILE, AdditionDesk, AdditionStore, Describer, Enrolling
from kiosk.additions.probes import GateProbes
from kiosk.additions.shelf import IN_CATALOG
from kiosk.additions.values import AddedView, EnrolState, Stage
from kiosk.board import Board
from kiosk.catalog.snapshot import Snapshot, SnapshotSlot
from kiosk.journal import Recorder
from kiosk.recognise.kept import matches_of
from kiosk.store import STORE_FOLDER, Phase, Store
from kiosk.values import Match
from kiosk.vision.embed import Embedder


class Adding:
    """`start` it before the first release is opened, `beat` about once a second."""

    def __init__(
        self,
        state: Path,
        *,
        slot: SnapshotSlot,
        board: Board,
        journal: Recorder,
        embedder_of: Callable[[str], Embedder],
    ) -> None:
        """`embedder_of`: what looks with a release; additions are composed over it in `slot`."""
        self._store = Store(state / STORE_FOLDER)
        self._slot = slot
        self._board = board
        self.desk = AdditionDesk(
            AdditionStore(state / ADDITIONS_FILE),
            lambda release: Describer(embedder_of(release)),
            journal,
            recompose=self._changed,
            probes_of=GateProbes(),
        )
        self.enrolling = Enrolling(self.desk, slot.borrow, _judged, self._enrolled)

    def start(self) -> None:
        """Read what was added before, and compose it over every release from now on."""
        self.desk.start()
        self._slot.compose(self.desk.over)
        self.post()

    def beat(self) -> None:
        """Write what waits, hear what another process undid, drop what a good release has itself;
        may wait for the disk.
        """
        self.desk.beat()
        self._adopt()
        self.post()

    def post(self) -> None:
        """What the pages show of the additions; also after another release came."""
        self._board.post(added=self.desk.status())

    def undo(self, addition_id: str) -> bool:
        return self.desk.undo(addition_id)

    def close(self) -> None:
        self.desk.close()

    def _adopt(self) -> None:
        """A release on trial may be taken back, and one in a folder may be replaced by its older
        self: only one that the store calls good takes the place of an addition.
        """
        if all(line.trouble != IN_CATALOG for line in self.desk.status().lines):
            return
        try:
            pointer = self._store.pointer()
        except OSError:  # whoever opens releases says it; the kiosk goes on
            return
        with self._slot.borrow_release() as base:
            current = pointer.current.release if pointer.current is not None else ""
            if base is not None and pointer.phase is Phase.GOOD and base.release == current:
                self.desk.adopt(base)

    def _enrolled(self, enrol: EnrolState) -> None:
        if enrol.stage is Stage.DONE:
            self.post()  # first: a disk that did not take it is said with the word that it is added
        self._board.post(enrol=enrol)

    def _changed(self) -> None:
        self._slot.recompose()
        self.post()


def _judged(snapshot: Snapshot, view: AddedView) -> tuple[Match, ...]:
    return matches_of(snapshot, view.vectors[0].astype(np.float32), view.features)
