# SPDX-License-Identifier: Apache-2.0
"""From a broker into the database: a message is confirmed to the broker once it is stored.

Killed in between, the broker sends it again, and its id says that it is there already.
"""

from __future__ import annotations

import json
import logging
import threading

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode

from kiosk.errors import StateError
from kiosk.event import MAX_BYTES, MAX_PARCEL_BYTES, Event, is_kiosk, parse
from kiosk.mqtt import EVENTS, PARCELS, QOS, Broker, client
from kiosk.receive.database import EventStore

_log = logging.getLogger(__name__)

RETRY_S = 5.0


class Listener:
    """Listens to the events of all kiosks at one broker until `stop`."""

    def __init__(
        self,
        address: str,
        store: EventStore,
        *,
        password: str = "",
        name: str = "kiosk-receive",
        retry_s: float = RETRY_S,
    ) -> None:
        """`name` is what the broker keeps waiting messages under. Raises UsageError."""
        self._retry_s = retry_s
        self._broker = Broker.of(address)
        self._store = store
        self._stop = threading.Event()
        self._broken = False
        self._client = client(self._broker, name, password, listens=True)
        self._client.on_connect = self._connected
        self._client.on_message = self._arrived
        self.listening = threading.Event()
        """Set once the broker has confirmed the subscription."""
        self._client.on_subscribe = lambda *_: self.listening.set()

    def run(self) -> None:
        """Until `stop`; a broker that goes away, or a database, is waited for."""
        while not self._stop.is_set():
            self._broken = False
            try:
                self._client.connect(self._broker.host, self._broker.port)
                self._listen()
            except OSError as error:
                _log.warning("%s: %s; tried again", self._broker.host, error)
            self._client.disconnect()
            self.listening.clear()
            self._stop.wait(self._retry_s)

    def stop(self) -> None:
        """Safe in a signal handler."""
        self._stop.set()

    def _listen(self) -> None:
        code = MQTTErrorCode.MQTT_ERR_SUCCESS
        while not (self._stop.is_set() or self._broken or code != MQTTErrorCode.MQTT_ERR_SUCCESS):
            code = self._client.loop(timeout=0.5)

    def _connected(
        self, connected: Client, _: object, __: object, reason: object, ___: object
    ) -> None:
        if getattr(reason, "is_failure", False):
            _log.error("%s: refused (%s); check user and password", self._broker.host, reason)
            self._broken = True
            return
        connected.subscribe([(self._broker.topic("+", what), QOS) for what in (EVENTS, PARCELS)])

    def _arrived(self, connected: Client, _: object, message: MQTTMessage) -> None:
        if self._broken:  # the order of what the broker sends again must not have gaps
            return
        try:
            self._keep(message)
        except (ValueError, RecursionError) as error:
            _log.warning("%s: not an event (%s); left out", message.topic, error)
        except StateError as error:
            # Not confirmed: the broker sends it again after the next connection.
            _log.error("%s", error)
            self._broken = True
            return
        connected.ack(message.mid, message.qos)

    def _keep(self, message: MQTTMessage) -> None:
        kiosk = message.topic.split("/")[-2]
        if message.topic != self._broker.topic(kiosk, PARCELS):
            self._store.put([self._event(message)])
        elif not is_kiosk(kiosk) or len(message.payload) > MAX_PARCEL_BYTES:
            raise ValueError(f"a parcel is a kiosk's and may have {MAX_PARCEL_BYTES} bytes")
        else:
            self._store.keep(kiosk, bytes(message.payload))

    def _event(self, message: MQTTMessage) -> Event:
        if len(message.payload) > MAX_BYTES:
            raise ValueError(f"an event may have {MAX_BYTES} bytes")
        event = parse(json.loads(message.payload))
        if message.topic != self._broker.topic(event.kiosk):
            raise ValueError(f"it says that it is {event.kiosk}'s")
        return event
