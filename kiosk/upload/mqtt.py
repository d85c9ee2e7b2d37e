# SPDX-License-Identifier: Apache-2.0
"""Events to an MQTT broker, each confirmed by it (QoS 1): what it confirms it has."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence

from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode

from kiosk.errors import Held, Offline
from kiosk.event import Event
from kiosk.mqtt import PARCELS, QOS, Broker, client
from kiosk.upload.sink import Receipt

_UNWELCOME = (133, 134, 135)
"""Reason codes of MQTT: another id, another password, no permission."""


class MqttSink:
    """Connects with the first batch; a connection that was lost is made anew with the next."""

    def __init__(
        self, address: str, kiosk: str, *, password: str = "", timeout_s: float = 20.0
    ) -> None:
        """Raises UsageError unless `address` is one of `kiosk.mqtt.Broker`."""
        self._broker = Broker.of(address)
        self._address = address
        self._kiosk = kiosk
        self._password = password
        self._timeout_s = timeout_s
        self._client: Client | None = None

    def send(self, events: Sequence[Event]) -> Receipt:
        payloads = [
            (self._broker.topic(event.kiosk), json.dumps(event.as_json(), separators=(",", ":")))
            for event in events
        ]
        told = self._published([(topic, text.encode()) for topic, text in payloads])
        taken = [event.event_id for event, done in zip(events, told, strict=True) if done]
        return Receipt(frozenset(taken))

    def deliver(self, kiosk: str, parcel: bytes) -> None:
        if not all(self._published([(self._broker.topic(kiosk, PARCELS), parcel)])):
            raise self._offline("it did not confirm a parcel")

    def _published(self, messages: Sequence[tuple[str, bytes]]) -> list[bool]:
        """Whether the broker has confirmed each of them in time."""
        try:
            connected = self._connected()
            sent = [connected.publish(topic, data, qos=QOS) for topic, data in messages]
            ends_s = time.monotonic() + self._timeout_s
            for told in sent:
                told.wait_for_publish(max(0.0, ends_s - time.monotonic()))
            confirmed = [told.is_published() for told in sent]
        except (OSError, ValueError, RuntimeError) as error:
            self.close()
            reason = error.strerror if isinstance(error, OSError) else None
            raise self._offline(reason or str(error)) from error
        if not all(confirmed):
            self.close()
        return confirmed

    def close(self) -> None:
        used, self._client = self._client, None
        if used is not None:
            used.disconnect()
            used.loop_stop()

    def _connected(self) -> Client:
        if self._client is not None and self._client.is_connected():
            return self._client
        self.close()
        made = client(self._broker, f"kiosk-{self._kiosk}", self._password)
        there = threading.Event()
        refused: list[object] = []

        def connected(*arguments: object) -> None:
            reason = arguments[3]
            if getattr(reason, "is_failure", False):
                refused.append(reason)
            there.set()

        made.on_connect = connected
        made.connect_timeout = self._timeout_s
        code = made.connect(self._broker.host, self._broker.port)
        made.loop_start()
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS or not there.wait(self._timeout_s) or refused:
            made.disconnect()
            made.loop_stop()
            raise self._refused(refused[0]) if refused else self._offline("it does not answer")
        self._client = made
        return made

    def _refused(self, reason: object) -> Offline | Held:
        if getattr(reason, "value", None) not in _UNWELCOME:
            return self._offline(str(reason))
        to_do = "check the user in upload.mqtt, and the password in upload.token_file"
        return Held("broker_refused", f"{self._address} turned this kiosk away ({reason}): {to_do}")

    def _offline(self, reason: str) -> Offline:
        return Offline("broker", f"{self._address}: {reason}: it is tried again")
