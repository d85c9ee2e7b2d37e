# SPDX-License-Identifier: Apache-2.0
"""A published folder by itself: how much of it is read, and which other folder was meant."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from kiosk.sync.evidence import Unanswered
from kiosk.sync.folder import FolderOrigin
from kiosk.sync.origin import CHUNK
from tests.fault_server import serving
from tests.sync_parts import office_kiosk, publisher, release


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path / "place"
    (place / "metadata").mkdir(parents=True)
    (place / "metadata" / "1.root.json").touch()
    return place


def test_a_small_file_is_read_up_to_what_it_may_have(place: Path) -> None:
    origin = FolderOrigin(place)
    for size in (0, 1, CHUNK, 3 * CHUNK):
        (place / "metadata" / "file").write_bytes(b"x" * size)
        assert origin.small("metadata/file", size) == b"x" * size
        if size:
            with pytest.raises(Unanswered, match=f"more than {size - 1} bytes"):
                origin.small("metadata/file", size - 1)


def test_a_file_without_end_is_left_after_what_it_may_have(place: Path) -> None:
    with (place / "metadata" / "file").open("wb") as file:
        file.truncate(2**40)
    origin = FolderOrigin(place)
    with pytest.raises(Unanswered):
        origin.small("metadata/file", 3 * CHUNK)
    assert origin.traffic.received <= 4 * CHUNK


@pytest.mark.parametrize("named", ["", "metadata"])
def test_whoever_names_a_folder_beside_the_right_one_is_told_which(named: str, place: Path) -> None:
    above = place.parent
    origin = FolderOrigin(above if not named else place / named)
    with pytest.raises(Unanswered) as error:
        origin.small("metadata/timestamp.json", 10)
    assert error.value.code == "no_repository"
    assert f"name {place}," in str(error.value)


def test_nobody_is_sent_to_one_of_several_folders_or_to_a_file(place: Path) -> None:
    (place.parent / "a file").touch()
    (place.parent / "a folder").mkdir()
    origin = FolderOrigin(place.parent)
    with pytest.raises(Unanswered, match=f"name {place},"):
        origin.small("metadata/timestamp.json", 10)
    (place.parent / "second" / "metadata").mkdir(parents=True)
    with pytest.raises(Unanswered, match="name the folder that was published"):
        origin.small("metadata/timestamp.json", 10)


def test_a_folder_beside_a_repository_is_not_taken_for_a_part_of_it(place: Path) -> None:
    for folder in (place / "other", place.parent / "x" / "blobs"):
        (folder / "something").mkdir(parents=True)
        with pytest.raises(Unanswered) as error:
            FolderOrigin(folder).small("metadata/timestamp.json", 10)
        assert "name the folder that was published" in str(error.value)


def test_what_is_past_its_date_is_told_otherwise_of_a_stick_than_of_a_server(
    tmp_path: Path,
) -> None:
    office = publisher(tmp_path)
    kiosk = office_kiosk(tmp_path, office)
    office.publish(release(tmp_path / "release"))
    kiosk.ahead = timedelta(days=400)
    stick = kiosk.sync(office.path).status.message
    with serving(office.path) as server:
        web = kiosk.sync(server.url).status.message
    assert "--accept-expired" in stick
    assert "--accept-expired" not in web
    assert "sign" in web
