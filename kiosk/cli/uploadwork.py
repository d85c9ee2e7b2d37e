# SPDX-License-Identifier: Apache-2.0
"""What `kiosk upload` does, loaded when it runs."""

from __future__ import annotations

import argparse
import os
from contextlib import closing
from pathlib import Path

from kiosk.additions import ADDITIONS_FILE, bundle
from kiosk.cli.options import load_config
from kiosk.config import Config, state_directory
from kiosk.durable import locked
from kiosk.errors import BusyError, ConfigError, StateError
from kiosk.event import Event
from kiosk.journal import JOURNAL_FILE
from kiosk.store import STORE_FOLDER, Store
from kiosk.upload import HttpSink, MqttSink, Outgoing, Report, Sink, upload

LOCK_FILE = "upload.lock"


def run(arguments: argparse.Namespace) -> int:
    """Raises ConfigError, BusyError, Offline, Held, StateError."""
    config = load_config(arguments)
    state = arguments.state or state_directory(config)
    if not state.is_dir():
        raise StateError(f"{state}: there is no state directory; start the kiosk once")
    try:
        lock = locked(state / LOCK_FILE)
    except BlockingIOError:
        raise BusyError(f"{state}: another upload is running; wait until it has ended") from None
    try:
        kiosk = Store(state / STORE_FOLDER).kiosk_id()
        with (
            closing(sink_of(config, kiosk)) as sink,
            Outgoing.open(state / JOURNAL_FILE, kiosk) as outgoing,
        ):
            report = upload(
                outgoing,
                sink,
                deadline_s=config.upload.deadline_s,
                parcel_of=lambda event: _pictures(state / ADDITIONS_FILE, event),
            )
            print(_said(report))
    finally:
        os.close(lock)
    return os.EX_OK


def sink_of(config: Config, kiosk: str) -> Sink:
    """Where the configuration sends events. Raises ConfigError when it names no place, or two."""
    options = config.upload
    if bool(options.url) == bool(options.mqtt):
        raise ConfigError(
            "upload", ["set upload.url or upload.mqtt, and only one of them, to send the journal"]
        )
    secret = _secret(options.token_file)
    if options.mqtt:
        return MqttSink(options.mqtt, kiosk, password=secret, timeout_s=options.timeout_s)
    return HttpSink(options.url, token=secret, timeout_s=options.timeout_s)


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
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("upload.token_file", [f"{path}: cannot be read ({error})"]) from error


def _said(report: Report) -> str:
    refused = f", {report.refused} refused by head office" if report.refused else ""
    left = f", {report.left} left for the next pass" if report.left else ""
    return f"{report.sent} entries sent{refused}{left}"
