# SPDX-License-Identifier: Apache-2.0
"""A connection to an MQTT broker, for the end that publishes and the end that listens."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from kiosk.errors import UsageError

QOS = 1
"""At least once: ids make twice harmless, and once could be never."""
EVENTS, PARCELS = "events", "parcels"
"""What topics end with."""
_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class Broker:
    """Where a broker is: `mqtt://user@host:port/prefix`, or `mqtts://` with TLS."""

    host: str
    port: int
    user: str
    prefix: str
    """What topics begin with; `kiosk` unless the address has a path."""
    tls: bool

    @classmethod
    def of(cls, address: str) -> Broker:
        """Raises UsageError unless it is such an address."""
        try:
            parts = urlsplit(address)
            port = parts.port or _PORTS[parts.scheme]
            if not parts.hostname or parts.password is not None:
                raise ValueError("give host and user; the password has a file of its own")
            if parts.query or parts.fragment or set(address) & {"+", "#"}:
                raise ValueError("a prefix is a plain name")
        except (ValueError, KeyError) as error:
            raise UsageError(
                f"{address!r}: write it as mqtt://user@host:1883/prefix or mqtts://… ({error})"
            ) from None
        prefix = parts.path.strip("/") or "kiosk"
        user = unquote(parts.username or "")
        return cls(parts.hostname, port, user, prefix, parts.scheme == "mqtts")

    def topic(self, kiosk: str, what: str = EVENTS) -> str:
        return f"{self.prefix}/{kiosk}/{what}"


def client(broker: Broker, name: str, password: str, *, listens: bool = False) -> Client:
    """A client of that name, not connected yet. `listens`: the broker keeps messages for it while
    it is away, and until it has confirmed them itself.
    """
    made = Client(
        CallbackAPIVersion.VERSION2,
        client_id=name,
        clean_session=not listens,
        manual_ack=listens,
    )
    if broker.user:
        made.username_pw_set(broker.user, password or None)
    if broker.tls:
        made.tls_set()
    return made
