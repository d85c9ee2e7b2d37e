# SPDX-License-Identifier: Apache-2.0
"""One sync pass from a published repository to an activated release."""

from __future__ import annotations

from pathlib import Path

import pytest

from kiosk.catalog.manifest import verify
from kiosk.values.sync import SyncState
from tests.fault_server import serving
from tests.repositories import HeadOffice
from tests.sync_parts import Kiosk, office_kiosk, publisher, release, snapshot


@pytest.fixture
def office(tmp_path: Path) -> HeadOffice:
    return publisher(tmp_path)


@pytest.fixture
def kiosk(tmp_path: Path, office: HeadOffice) -> Kiosk:
    return office_kiosk(tmp_path, office)


def test_a_published_release_is_fetched_proven_and_current(
    tmp_path: Path,
    office: HeadOffice,
    kiosk: Kiosk,
) -> None:
    announced = office.publish(release(tmp_path / "release"))
    with serving(office.path) as server:
        outcome = kiosk.sync(server.url)
    assert outcome.status.state is SyncState.CURRENT, outcome.status
    assert (outcome.status.seq, outcome.status.release) == (1, announced.release)
    assert outcome.activated == kiosk.current == announced.release
    assert verify(kiosk.store.releases.path(announced.release)).release == announced.release
    assert kiosk.checked == [kiosk.store.releases.path(announced.release)]
    assert kiosk.store.status() == outcome.status


def test_a_folder_such_as_a_stick_gives_the_same(
    tmp_path: Path,
    office: HeadOffice,
    kiosk: Kiosk,
) -> None:
    announced = office.publish(release(tmp_path / "release"))
    assert kiosk.sync(office.path).activated == announced.release


def test_a_hundred_polls_without_a_change_write_nothing(
    tmp_path: Path,
    office: HeadOffice,
    kiosk: Kiosk,
) -> None:
    office.publish(release(tmp_path / "release"))
    with serving(office.path) as server:
        assert kiosk.sync(server.url).error is None
        before = snapshot(kiosk.folder)
        server.asked.clear()
        for _ in range(100):
            assert kiosk.sync(server.url).status.state is SyncState.CURRENT
        assert len(server.asked) == 200
    assert snapshot(kiosk.folder) == before
