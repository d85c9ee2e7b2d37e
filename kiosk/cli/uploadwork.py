# SPDX-License-Identifier: Apache-2.0
"""What `kiosk upload` does, loaded when it runs."""

from __future__ import annotations

import argparse
import os
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from kiosk.additions import ADDITIONS_FILE, bundle
from kiosk.cli.options import load_config
from kiosk.config import Config, state_directory
from kiosk.durable import locked
from kiosk.errors import (
    BusyError,
    ConfigError,
    Offline,
    StateError,
    SyncError,
    UsageError,
)
from kiosk.event import Event, of_device
from kiosk.journal import JOURNAL_FILE
from kiosk.journal.entries import instant
from kiosk.store import STORE_FOLDER, Store
from kiosk.upload import HttpSink, MqttSink, Outgoing, Report, Sink, upload
from kiosk.upload.device import device_of

LOCK_FILE = "upload.lock"
_NOWHERE = "set upload.url or upload.mqtt, and only one of them, to send the journal"


def run(arguments: argparse.Namespace) -> int:
    """Raises ConfigError, BusyError, Offline, Held, StateError."""
    config = load_config(arguments)
    if not (config.upload.url or config.upload.mqtt):
        raise ConfigError("upload", [_NOWHERE])
    state = arguments.state or state_directory(config)
    if not state.is_dir():
        raise StateError(f"{state}: there is no state directory; start the kiosk once")
    try:
        lock = locked(state / LOCK_FILE)
    except BlockingIOError:
        raise BusyError(f"{state}: another upload is running; wait until it has ended") from None
    try:
        kiosk = Store(state / STORE_FOLDER).kiosk_id()
        with Outgoing.open(state / JOURNAL_FILE, kiosk) as outgoing:
            print(_said(_sent(config, outgoing, kiosk, state)))
    finally:
        os.close(lock)
    return os.EX_OK


def _sent(config: Config, outgoing: Outgoing, kiosk: str, state: Path) -> Report:
    """One pass; what stops it is noted in the journal, for the status page."""
    try:
        with closing(sink_of(config, kiosk)) as sink:
            return upload(
                outgoing,
                sink,
                deadline_s=config.upload.deadline_s,
                parcel_of=lambda event: _pictures(state / ADDITIONS_FILE, event),
                beside=_device(kiosk),
            )
    except (SyncError, ConfigError, UsageError) as error:
        code = error.code if isinstance(error, SyncError) else "config"
        message = "; ".join(error.mistakes) if isinstance(error, ConfigError) else str(error)
        outgoing.stopped(held=not isinstance(error, Offline), code=code, message=message)
        raise


def _device(kiosk: str) -> list[Event]:
    """Which device this is sent from: the copy of a card has the same kiosk's id."""
    device = device_of(kiosk)
    return [of_device(kiosk, device, instant(datetime.now(UTC)))] if device else []


def sink_of(config: Config, kiosk: str) -> Sink:
    """Where the configuration sends events. Raises ConfigError when it names no place, or two."""
    options = config.upload
    if bool(options.url) == bool(options.mqtt):
        raise ConfigError("upload", [_NOWHERE])
    secret = _secret(options.token_file)
    if options.mqtt:
        return MqttSink(options.mqtt, kiosk, password=secret, timeout_s=options.timeout_s)
    return HttpSink(
        options.url, token=secret, timeout_s=options.timeout_s, whole_s=options.deadline_s
    )


def _pictures(additions: Path, event: Event) -> bytes | None:
    """The bundle of an addition that an event tells of, for `kiosk catalog proposals`."""
    named = event.body.get("addition_id")
    if not event.kind.startswith("addition") or not isinstance(named, str) or not named:
        return None
    if not additions.is_file():  # the journal outlived it
        return None
    return bundle(additions, event.kiosk, only=named)


def _secret(path: str) -> str:
    if not path:
        return ""
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise ConfigError("upload.token_file", [f"{path}: holds no token"]) from None
    except OSError as error:
        raise ConfigError(
            "upload.token_file", [f"{path}: cannot be read ({error.strerror})"]
        ) from error


def _said(report: Report) -> str:
    refused = f", {report.refused} refused by head office" if report.refused else ""
    left = f", {report.left} left for the next pass" if report.left else ""
    owed = f", the pictures of {report.parcels} too large to go along" if report.parcels else ""
    return f"{report.sent} entries sent{refused}{left}{owed}"
