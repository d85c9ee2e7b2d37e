# SPDX-License-Identifier: Apache-2.0
"""Upload through a real broker: confirmed by it, taken from it, whoever of the three is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from killed_process import python, running
from upload_parts import (
    KIOSK,
    Mosquitto,
    entries,
    event,
    journal,
    needs_broker,
)
from waiting import DEADLINE_S, aside, until

from kiosk.errors import Offline, UsageError
from kiosk.event import of_entry
from kiosk.journal import read
from kiosk.mqtt import Broker
from kiosk.receive import MemoryEvents, Query
from kiosk.receive.mqtt import Listener
from kiosk.receive.sql import sqlite_events
from kiosk.upload import MqttSink, Outgoing, upload

pytestmark = needs_broker


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    (tmp_path / "broker").mkdir()
    made = Mosquitto(tmp_path / "broker")
    try:
        made.start()
        yield made
    finally:
        made.kill()


@contextmanager
def listening(broker: Mosquitto, store: MemoryEvents) -> Iterator[Listener]:
    listener = Listener(broker.address, store, retry_s=0.1)
    with aside(listener.run, over=listener.stop):
        assert listener.listening.wait(DEADLINE_S)
        yield listener


def test_what_a_kiosk_sends_arrives_also_while_nobody_listens(
    broker: Mosquitto, tmp_path: Path
) -> None:
    store = MemoryEvents()
    with listening(broker, store):
        pass  # the broker knows the listener from now on, and keeps for it what comes
    path = journal(tmp_path / "journal.sqlite", 60)
    with Outgoing.open(path, KIOSK) as outgoing, closing(MqttSink(broker.address, KIOSK)) as sink:
        sink.deliver(KIOSK, b"pictures")
        report = upload(outgoing, sink, deadline_s=DEADLINE_S)
    assert (report.sent, report.left) == (120, 0)
    with listening(broker, store):
        until(lambda: sum(store.counts(Query()).values()) == 120)
    assert {each.event_id for each in store.find(Query())} == {
        of_entry(KIOSK, entry).event_id for entry in read(path)
    }
    assert [(kiosk, parcel) for kiosk, _, parcel in store.parcels()] == [(KIOSK, b"pictures")]


def test_a_broker_that_is_away_is_offline_and_found_again(
    broker: Mosquitto, tmp_path: Path
) -> None:
    path = journal(tmp_path / "journal.sqlite", 5)
    with closing(MqttSink(broker.address, KIOSK, timeout_s=DEADLINE_S)) as sink:
        broker.kill()
        with Outgoing.open(path, KIOSK) as outgoing:
            with pytest.raises(Offline):
                upload(outgoing, sink, deadline_s=DEADLINE_S)
            assert outgoing.left() == entries(path)
            broker.start()
            assert upload(outgoing, sink, deadline_s=DEADLINE_S).left == 0


def test_what_is_no_event_or_another_kiosks_is_left_out_and_holds_up_nothing(
    broker: Mosquitto,
) -> None:
    store = MemoryEvents()
    with listening(broker, store), closing(MqttSink(broker.address, KIOSK)) as sink:
        sink.send([event(1)])
        strange = sink._client
        assert strange is not None
        for payload in (b"", b"\xff", b"[" * 100_000, b"{}", b"x" * 300_000):
            strange.publish(f"kiosk/{KIOSK}/events", payload, qos=1)
        sink.send([event(2)])
        with closing(MqttSink(broker.address, KIOSK)) as other:
            other.send([event(3, kiosk="another")])
        until(lambda: sum(store.counts(Query()).values()) == 3)
    assert {each.event_id for each in store.find(Query())} == {
        event(number).event_id for number in (1, 2, 3)
    }


TAKER = """
    import signal, sys
    from pathlib import Path
    from killed_process import kill_before
    from kiosk.receive.mqtt import Listener
    from kiosk.receive.sql import sqlite_events
    store = sqlite_events(Path(sys.argv[1]))
    store.put([])
    store._connection.set_trace_callback(kill_before(int(sys.argv[3])))
    listener = Listener(sys.argv[2], store, retry_s=0.1)
    signal.signal(signal.SIGTERM, lambda *_: listener.stop())
    listener.run()
"""


def test_a_listener_killed_at_any_statement_neither_loses_nor_doubles(
    broker: Mosquitto, tmp_path: Path
) -> None:
    with listening(broker, MemoryEvents()):
        pass
    path = journal(tmp_path / "journal.sqlite", 10)
    with Outgoing.open(path, KIOSK) as outgoing, closing(MqttSink(broker.address, KIOSK)) as sink:
        upload(outgoing, sink, deadline_s=DEADLINE_S)
    office = tmp_path / "office.sqlite"
    for steps in (0, 1, 2, 3, 4, 9, 10, 11):
        with python(TAKER, office, broker.address, steps) as taker:
            assert taker.wait(DEADLINE_S) == -signal.SIGKILL
    command = [sys.executable, "-m", "kiosk", "receive", "mqtt", broker.address]
    with (
        running(*command, "--database", office, stdout=subprocess.DEVNULL) as last,
        closing(sqlite_events(office)) as store,
    ):
        until(lambda: sum(store.counts(Query()).values()) == entries(path))
        last.send_signal(signal.SIGTERM)
        assert last.wait(DEADLINE_S) == os.EX_OK
        assert {each.event_id for each in store.find(Query())} == {
            of_entry(KIOSK, entry).event_id for entry in read(path)
        }


@pytest.mark.parametrize(
    "address", ["", "host", "http://host", "mqtt://", "mqtt://u:p@h", "mqtt://h/#", "mqtt://h:x"]
)
def test_an_address_that_is_none_is_said(address: str) -> None:
    with pytest.raises(UsageError, match="mqtt://"):
        Broker.of(address)


def test_an_address_says_host_port_user_and_prefix() -> None:
    assert Broker.of("mqtt://h") == Broker("h", 1883, "", "kiosk", tls=False)
    assert Broker.of("mqtts://me@h:99/a/b/") == Broker("h", 99, "me", "a/b", tls=True)
    assert Broker.of("mqtt://h/a").topic("k") == "a/k/events"
