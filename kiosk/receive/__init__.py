# SPDX-License-Identifier: Apache-2.0
"""Head office's end of the journal upload: a small web service over a database, and queries."""

from kiosk.receive.app import create_receiver
from kiosk.receive.database import EventStore, MemoryEvents, Query
from kiosk.receive.tokens import Tokens

__all__ = ["EventStore", "MemoryEvents", "Query", "Tokens", "create_receiver"]
