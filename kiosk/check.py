# SPDX-License-Identifier: Apache-2.0
"""Self-check: does every part this kiosk needs work, here and now? Each finding says what to do."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from kiosk.capture.process import CaptureProcess
from kiosk.catalog.details import SWITCHED_OFF
from kiosk.catalog.snapshot import Snapshot
from kiosk.config import Config, made_state_directory, state_directory
from kiosk.errors import CameraError, CatalogError, KioskError, StateError
from kiosk.journal import JOURNAL_FILE
from kiosk.journal.outbox import Outbox
from kiosk.models import Models, load_models
from kiosk.recognise import Recogniser
from kiosk.store.place import open_answering, store_of
from kiosk.store.standing import standing
from kiosk.vision.embed import Embedder
from kiosk.vision.locate import Locator
from kiosk.web.sending import is_well, sending_rows, sending_said
from kiosk.web.server import bound
from kiosk.web.words import SYNC_STATES

CAMERA_PATIENCE_S = 8.0
MIN_FREE_BYTES = 200 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Finding:
    part: str
    ok: bool
    detail: str


def check(config: Config) -> list[Finding]:
    """Look at models, catalog, releases, camera, state, upload and port, in that order."""
    models = cache(lambda: load_models(config.models, config.locate))
    parts: list[tuple[str, Callable[[], str]]] = [
        ("models", lambda: _models(*models())),
        ("catalog", lambda: _catalog(config, Models(*models()))),
        ("releases", lambda: _releases(config)),
        ("camera", lambda: _camera(config, Recogniser(*models(), config.verify))),
        ("state", lambda: _state(config)),
        ("upload", lambda: _upload(config)),
        ("port", lambda: _port(config)),
    ]
    return [_finding(name, part) for name, part in parts]


def _finding(name: str, part: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, part())
    except (KioskError, OSError) as error:
        return Finding(name, False, str(error))


def _models(locator: Locator, embedder: Embedder) -> str:
    cards = [locator.card, embedder.card]
    return ", ".join(f"{card.name} {card.version} ({card.sha256[:8]})" for card in cards)


def _catalog(config: Config, models: Models) -> str:
    snapshot = open_answering(config, models).snapshot
    try:
        manifest = snapshot.manifest
        return (
            f"release {manifest.release}, {manifest.skus} SKUs, {manifest.references} references, "
            f"search: {snapshot.engine}, second look {_second_look(config, snapshot)}"
        )
    finally:
        snapshot.close()


def _second_look(config: Config, snapshot: Snapshot) -> str:
    return snapshot.details.name if config.verify.on else SWITCHED_OFF


def _releases(config: Config) -> str:
    """How the kiosk stands with its channel. Being offline is nothing wrong."""
    store = store_of(config)
    status, pointer = store.status(), store.pointer()
    well, message = standing(status, pointer)
    said = SYNC_STATES[status.state] + (f": {message}" if message else "")
    if not well:
        raise CatalogError(said)
    current = pointer.current
    number = f"; number {current.seq} is current, {pointer.phase}" if current else ""
    return said + number


def _camera(config: Config, recogniser: Recogniser) -> str:
    """One frame within a few seconds, and one pass of the locator over it."""
    said: list[str] = []
    camera = CaptureProcess(config.camera, on_status=lambda status: said.append(status.message))
    deadline = time.monotonic() + CAMERA_PATIENCE_S
    try:
        camera.open()
        while True:
            try:
                with camera.frame(0.5) as frame:
                    items = len(recogniser.look(frame, None).detections)
                    return f"{frame.width}x{frame.height} pixels, {items} items in view"
            except CameraError as error:
                if time.monotonic() > deadline:
                    raise CameraError(said[-1] if said else str(error)) from error
    finally:
        camera.close()


def _state(config: Config) -> str:
    directory = made_state_directory(config)
    try:
        with tempfile.NamedTemporaryFile(dir=directory) as probe:
            probe.write(b"kiosk")
            probe.flush()
    except OSError as error:
        raise StateError(
            f"{directory}: cannot be written ({error.strerror}); free space or fix its permissions"
        ) from error
    free = shutil.disk_usage(directory).free
    if free < MIN_FREE_BYTES:
        raise StateError(f"{directory}: only {free // 2**20} MB free; make room for the journal")
    return f"{directory} is writable, {free // 2**20} MB free"


def _upload(config: Config) -> str:
    """How far head office has the journal. Being offline is nothing wrong."""
    if not (config.upload.url or config.upload.mqtt):
        return sending_said(None, datetime.now(UTC))
    sending, now = Outbox(state_directory(config) / JOURNAL_FILE).look(), datetime.now(UTC)
    told = sending_said(sending, now)
    if not is_well(sending, now):
        raise StateError(told)
    rows = ", ".join(f"{label.lower()}: {value}" for label, value in sending_rows(sending))
    return f"{told} {rows}"


def _port(config: Config) -> str:
    host, port = config.web.host, config.web.port
    with bound(host, port):
        return f"{host}:{port} is free"
