# SPDX-License-Identifier: Apache-2.0
"""One kiosk to a state directory."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

from kiosk.durable import locked
from kiosk.errors import BusyError

_log = logging.getLogger(__name__)

LOCK_FILE = "kiosk.lock"
"""In the state directory, locked while a kiosk runs."""


def claimed(state: Path) -> Callable[[], None]:
    """Keep other kiosks off the state directory until what is returned is called, or this process
    ends. Raises BusyError.
    """
    try:
        lock = locked(state / LOCK_FILE)
    except BlockingIOError:
        raise BusyError(
            f"{state}: another kiosk uses this state directory. Stop it, or give this one its "
            "own with --set state.directory=DIR."
        ) from None
    except OSError as error:  # a full or read-only disk must not keep the counter closed
        _log.warning("%s: cannot be locked (%s)", state / LOCK_FILE, error.strerror)
        return lambda: None
    return lambda: os.close(lock)
