# SPDX-License-Identifier: Apache-2.0
"""What `kiosk upload show` says: how far head office has the journal."""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime

from kiosk.cli.options import load_config
from kiosk.cli.visible import visible
from kiosk.config import state_directory
from kiosk.journal import JOURNAL_FILE
from kiosk.journal.outbox import Outbox
from kiosk.store import STORE_FOLDER, Store
from kiosk.upload.device import device_of
from kiosk.web.sending import sending_said


def run(arguments: argparse.Namespace) -> int:
    """Raises ConfigError, StateError."""
    config = load_config(arguments)
    state = arguments.state or state_directory(config)
    sending = Outbox(state / JOURNAL_FILE).look()
    address = config.upload.url or config.upload.mqtt
    rows = [("state", sending_said(sending if address else None, datetime.now(UTC)))]
    if address:
        kiosk = Store(state / STORE_FOLDER).known_id
        rows += [
            ("sent to", address),
            ("waiting", f"{sending.waiting:,} entries"),
            ("oldest", sending.oldest or "-"),
            ("confirmed", sending.confirmed or "never"),
            ("lost", f"{sending.lost:,} entries, for want of space or for their age"),
            *([("parcels", f"{sending.parcels:,} not sent, too large")] if sending.parcels else []),
            ("kiosk", kiosk or "-"),
            ("device", device_of(kiosk) or "-"),
        ]
    if address and sending.code:
        rows.append(("trouble", f"{sending.code} since {sending.since}"))
    for name, text in rows:
        print(f"{name:<10} {visible(text)}")
    return os.EX_OK
