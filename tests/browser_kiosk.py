# SPDX-License-Identifier: Apache-2.0
"""A kiosk for the page's tests: the real app and server over a board that the test feeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from types import TracebackType
from typing import Any

from browser_scene import PRODUCTS, Product, counter, photo

from kiosk.board import (
    Beside,
    Board,
    CameraStatus,
    CatalogStatus,
    JournalStatus,
    Live,
    ModelStatus,
    Phase,
    Preview,
    Shown,
)
from kiosk.values import (
    Box,
    Code,
    Decision,
    Detection,
    Hashes,
    Hint,
    Look,
    Match,
    Outcome,
    Record,
    Rule,
    Thresholds,
    Timings,
)
from kiosk.web import Server, create_app

RELEASE = "2026-11-20-1"
CAMERA = CameraStatus(
    True, "The camera gives pictures.", "v4l2", "/dev/video0 · MJPG 1280×960", 14.9, 0
)
CATALOG = CatalogStatus(
    True,
    "All files are as published.",
    "/var/lib/kiosk/catalog",
    RELEASE,
    "",
    1284,
    5136,
    "annoy (recall 0.998 in the self-test)",
)
MODELS = (
    ModelStatus("item-detector", "1.0.0", "a4f1c09be2d7" + "0" * 52, "int8"),
    ModelStatus("embedder-lite0", "1.0.0", "7be02c4418f3" + "0" * 52, "int8"),
)


@cache
def photos() -> list[bytes]:
    return [photo(item) for item in PRODUCTS]


class DrawnGallery:
    """Row n is the photo of product n; other rows have none."""

    def __init__(self) -> None:
        self.photos = photos()

    def thumbnail(self, release: str, reference: int) -> bytes | None:
        known = release == RELEASE and reference < len(self.photos)
        return self.photos[reference] if known else None


class Kiosk:
    """Feed it states by name; read what was confirmed."""

    def __init__(self, *, port: int = 0, streams: int = 6, version: str = "0.1.0") -> None:
        self.board = Board()
        self.confirmed: list[tuple[str, str]] = []
        self.refused: list[str] = []
        self.focused: list[str] = []
        self.accepts = True
        self._sequence = count()
        self._decisions = count(1)
        app = create_app(
            board=self.board,
            gallery=DrawnGallery(),
            confirm=self.confirm,
            refuse=self.refuse,
            focus=self.focus,
            streams=streams,
            version=version,
        )
        self.server = Server(app, host="127.0.0.1", port=port, streams=streams)

    def __enter__(self) -> Kiosk:
        self.server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.board.close()
        self.server.stop()

    @property
    def url(self) -> str:
        return self.server.url

    def confirm(self, decision_id: str, sku: str) -> bool:
        shown = self.board.state().shown
        if not self.accepts or shown is None or shown.decision.decision_id != decision_id:
            return False
        self.confirmed.append((decision_id, sku))
        self.board.post(shown=dataclasses.replace(shown, confirmed=sku))
        return True

    def refuse(self, decision_id: str) -> bool:
        if not self.accepts:
            return False
        self.refused.append(decision_id)
        self.board.post(shown=None, phase=Phase.LOOKING)
        return True

    def focus(self, visit_id: str) -> bool:
        self.focused.append(visit_id)
        return self.accepts

    def deciding(self) -> str:
        """The id of the decision on show."""
        shown = self.board.state().shown
        assert shown is not None
        return shown.decision.decision_id

    def well(self) -> None:
        """Every part is ok and the counter is empty."""
        built = (datetime.now(UTC) - timedelta(days=2, hours=1)).isoformat(timespec="seconds")
        self.board.post(
            camera=CAMERA,
            catalog=dataclasses.replace(CATALOG, built_at=built),
            journal=JournalStatus(True, "Every decision is written.", 10_482, 0),
            models=MODELS,
            timings=Timings(21.4, 34.8, 0.9, 58.3),
            decisions=312,
        )
        self.see((), Phase.READY)

    def see(
        self,
        items: Sequence[Product],
        phase: Phase,
        *,
        shown: Shown | None = None,
        hint: Hint | None = None,
        turn: float = 4.0,
    ) -> None:
        """One frame with these items; the first is the subject."""
        pixels, boxes = counter(tuple(items), turn)
        sequence = next(self._sequence)
        outcome = shown.decision.outcome.value if shown else ""
        subject, others = (boxes[0], boxes[1:]) if boxes else (None, ())
        self.board.post_preview(Preview(sequence, pixels, subject, others, phase, outcome))
        self.board.post(
            phase=phase,
            hint=hint,
            shown=shown,
            beside=(),
            live=Live(sequence, (640, 480), subject, others),
        )

    def joined_by(self, *outcomes: Outcome | None) -> None:
        """Further items, each with an answer of its own; None: not decided yet."""
        one = self.board.state().shown
        assert one is not None
        said = [
            dataclasses.replace(one, decision=dataclasses.replace(one.decision, outcome=outcome))
            if outcome
            else None
            for outcome in outcomes
        ]
        beside = [
            Beside(f"visit-{at}", Box(20, 20, 90, 90), shown) for at, shown in enumerate(said)
        ]
        self.board.post(beside=tuple(beside))

    def decide(
        self,
        outcome: Outcome,
        rows: Sequence[int],
        *,
        similarity: float = 0.83,
        names: Sequence[str] = (),
        view: Sequence[Product] = (),
        skus: Sequence[str] = (),
        codes: Sequence[str] = (),
        coded: Sequence[str] = (),
        category: str = "",
    ) -> Shown:
        """A decision on the products in these rows; `names` and `skus` replace theirs, if any;
        barcodes that were read, and the SKUs they are filed under.
        """
        records = [PRODUCTS[row].record for row in rows]
        for at, name in enumerate(names):
            if not name:
                continue
            records[at] = dataclasses.replace(records[at], name=name)
        for at, sku in enumerate(skus):
            records[at] = dataclasses.replace(records[at], sku=sku)
        made = decision(next(self._decisions), outcome, records, rows, similarity)
        made = dataclasses.replace(made, category=category, looks=(look(made, codes, coded),))
        shown = Shown(made, tuple(records))
        self.see(view or [PRODUCTS[rows[0]]], Phase.DECIDED, shown=shown)
        return shown


def look(made: Decision, codes: Sequence[str], coded: Sequence[str]) -> Look:
    """The look a decision was made from, with the barcodes that were read in it."""
    return Look(
        sequence=made.sequence,
        captured_ns=0,
        frame_size=made.frame_size,
        detections=(),
        subject=Detection(made.box, 0.9),
        whole=True,
        embedding=None,
        matches=made.matches,
        thresholds=made.thresholds,
        release=made.hashes.release,
        codes=tuple(Code(code, "EAN-13", made.box) for code in codes),
        coded=tuple(coded),
    )


def decision(
    number: int,
    outcome: Outcome,
    records: Sequence[Record],
    rows: Sequence[int],
    similarity: float,
) -> Decision:
    matches = tuple(
        Match(record.sku, similarity - 0.01 * at, row)
        for at, (record, row) in enumerate(zip(records, rows, strict=True))
    )
    gates: dict[Outcome, Any] = {
        Outcome.ACCEPTED: Rule.ACCEPTED,
        Outcome.CHOOSE: Rule.SMALL_MARGIN,
        Outcome.UNKNOWN: Rule.LOW_SIMILARITY,
        Outcome.MISMATCH: Rule.MISMATCH,
    }
    return Decision(
        decision_id=f"decision-{number}",
        visit_id=f"visit-{number}",
        at=datetime.now(UTC).isoformat(),
        outcome=outcome,
        rule=gates[outcome],
        matches=matches,
        box=Box(200, 100, 400, 400),
        frame_size=(640, 480),
        similarity=similarity,
        margin=0.01,
        agreement=(3, 3),
        sequence=1,
        thresholds=Thresholds(0.7, 0.5, 0.05, "leave-one-out", 100),
        hashes=Hashes(RELEASE, "d" * 64, "e" * 64),
        timings=Timings(21.4, 34.8, 0.9, 58.3),
    )
