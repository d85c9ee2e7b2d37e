# SPDX-License-Identifier: Apache-2.0
"""Durable writes, the manifest against every tampering, and the records behind the references."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from kiosk.catalog.manifest import (
    FileEntry,
    Manifest,
    ModelName,
    SegmentEntry,
    check_files,
    parse,
    read_manifest,
    sealed,
    to_json,
    verify,
)
from kiosk.catalog.records import PictureEntry, Place, Records, write_records
from kiosk.catalog.work import writing
from kiosk.durable import exchange, exchange_in_steps, sync, sync_tree, write_durably
from kiosk.errors import CatalogError, StateError
from kiosk.values import Box, Record


def test_write_durably_replaces_the_whole_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "pointer"
    write_durably(path, b"old")
    write_durably(path, b"new bytes")
    assert path.read_bytes() == b"new bytes"
    assert list(tmp_path.iterdir()) == [path]


def test_write_durably_keeps_the_old_file_when_the_new_one_cannot_be_written(
    tmp_path: Path,
) -> None:
    target = tmp_path / "folder"
    (target / "inside").mkdir(parents=True)
    with pytest.raises(OSError):
        write_durably(target, b"data")
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("swap", [exchange, exchange_in_steps])
def test_exchange_swaps_two_folders(tmp_path: Path, swap: Callable[[Path, Path], None]) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "label").write_text(name)
    swap(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "a" / "label").read_text() == "b"
    assert (tmp_path / "b" / "label").read_text() == "a"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("swap", [exchange, exchange_in_steps])
def test_a_failed_exchange_loses_nothing(
    tmp_path: Path, swap: Callable[[Path, Path], None]
) -> None:
    (tmp_path / "b").mkdir()
    with pytest.raises(FileNotFoundError):
        swap(tmp_path / "a", tmp_path / "b")
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_sync_tree_walks_everything(tmp_path: Path) -> None:
    (tmp_path / "x" / "y").mkdir(parents=True)
    (tmp_path / "x" / "y" / "f").write_text("1")
    sync_tree(tmp_path)
    with pytest.raises(OSError):
        sync(tmp_path / "none")


def test_a_refusal_of_the_disk_names_folder_reason_and_free_space(tmp_path: Path) -> None:
    with (
        pytest.raises(StateError, match=r"No space.*MB free.*free space") as caught,
        writing(tmp_path / "not" / "there"),
    ):
        raise OSError(28, "No space left on device")
    assert caught.value.exit_code == os.EX_CANTCREAT


def manifest(entries: dict[str, bytes]) -> Manifest:
    model = ModelName("tiny", "1", "a" * 64)
    return sealed(
        Manifest(
            release="",
            built_at="2026-01-01T00:00:00Z",
            skus=2,
            pictures=2,
            references=4,
            dimension=8,
            embedder=model,
            detector=model,
            augmentation=("plain", "turned 8 degrees"),
            segments=(SegmentEntry(SEGMENT, 2, 4),),
            files=tuple(
                FileEntry(name, len(data), _digest(data)) for name, data in entries.items()
            ),
        )
    )


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


SEGMENT = "0123456789abcdef"
INSIDE = f"segments/{SEGMENT}"
ENTRIES = {
    f"{INSIDE}/queries.npy": b"queries",
    f"{INSIDE}/records.sqlite": b"records",
    f"{INSIDE}/thumbnails.bin": b"picture",
    f"{INSIDE}/vectors.npy": b"vectors",
}


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folder = tmp_path / "release"
    for name, data in ENTRIES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "manifest.json").write_bytes(to_json(manifest(ENTRIES)))
    return folder


def test_a_manifest_survives_the_round_trip() -> None:
    value = manifest(ENTRIES)
    assert parse(to_json(value)) == value


def test_the_release_id_names_the_content_and_not_the_hour() -> None:
    value = manifest(ENTRIES)
    later = sealed(dataclasses.replace(value, built_at="2030-01-01T00:00:00Z"))
    other = sealed(dataclasses.replace(value, references=5))
    assert later.release == value.release != other.release
    assert len(value.release) == 16


def test_verify_accepts_a_whole_release_and_ignores_what_the_device_derived(release: Path) -> None:
    (release / "derived").mkdir()
    (release / "derived" / "index.ann").write_bytes(b"anything")
    assert verify(release).references == 4


def changed(value: bytes, old: str, new: str) -> bytes:
    text = value.decode()
    assert old in text
    return text.replace(old, new, 1).encode()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"format": 3', '"format": 4', "update the kiosk"),
        ('"format": 3', '"format": 2', "build the catalog again"),
        ('"format": 3', '"form": 3', "not the manifest"),
        ('"dimension": 8', '"dimension": 9', "not that of release"),
        ('"dimension": 8', '"dimension": true', "should be a count"),
        ('"dimension": 8,', "", "'dimension' is missing"),
        (f'"{INSIDE}/vectors.npy"', '"../vectors.npy"', "not allowed"),
        (f'"{INSIDE}/vectors.npy"', '"/etc/passwd"', "not allowed"),
        (f'"{INSIDE}/vectors.npy"', '"a/../../b"', "not allowed"),
        (f'"{INSIDE}/vectors.npy"', '"./vectors.npy"', "not allowed"),
        (f'"{INSIDE}/vectors.npy"', '"a//b"', "not allowed"),
        (f'"{INSIDE}/vectors.npy"', '"derived/index.ann"', "not allowed"),
        (f'"{INSIDE}/vectors.npy"', '"manifest.json"', "not allowed"),
        (f'"{INSIDE}/vectors.npy"', '"a\\\\b"', "not allowed"),
        (f'"{INSIDE}/vectors.npy"', '""', "not allowed"),
        (f'"{INSIDE}/vectors.npy"', '"a\\u0000b"', "not allowed"),
        (f'"{INSIDE}/vectors.npy"', '"' + INSIDE + '/records.sqlite"', "twice"),
        ('"skus": 2', '"skus": 2, "skus": 2', "twice"),
        (f'"name": "{SEGMENT}"', '"name": "../../../../etc"', "cannot name a segment"),
        (f'"name": "{SEGMENT}"', '"name": "fedcba9876543210"', "files of segment"),
        (f'{INSIDE}/records.sqlite"', 'segments/records.sqlite"', "files of segment"),
        ('"skus": 2', '"skus": -2', "should be a count"),
        ('"a' + "a" * 63, '"A' + "a" * 63, "should be a sha256"),
        ("{", "[{", "damaged"),
    ],
)
def test_a_tampered_manifest_is_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(CatalogError, match=message):
        parse(changed(to_json(manifest(ENTRIES)), old, new))


@pytest.mark.parametrize(
    "data", [b"", b"null", b"[]", b"\xff\xfe", b"{" * 100_000, b"[" * 100_000, b'{"format": 3}']
)
def test_what_is_no_manifest_at_all_is_refused(data: bytes) -> None:
    with pytest.raises(CatalogError, match=r"manifest\.json"):
        parse(data)


def test_every_cut_of_a_manifest_is_refused() -> None:
    data = to_json(manifest(ENTRIES))
    for length in range(0, len(data) - 2, 7):
        with pytest.raises(CatalogError):
            parse(data[:length])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def shorten(path: Path) -> None:
    os.truncate(path, 3)


def link(path: Path) -> None:
    other = path.with_name("elsewhere")
    path.rename(other)
    path.symlink_to(other)


@pytest.mark.parametrize(
    ("attack", "message"),
    [
        (flip, "is damaged"),
        (shorten, "has 3 bytes instead of 7"),
        (link, "is not a regular file"),
        (lambda path: path.unlink(), "is missing"),
        (lambda path: (path.unlink(), path.mkdir()), "is not a regular file"),
        (lambda path: path.with_name("more.npy").write_bytes(b"x"), "more.npy.*not part of"),
        (lambda path: path.with_name(".hidden").write_bytes(b"x"), "hidden.*not part of"),
        (lambda path: path.with_name("link").symlink_to("/etc"), "link.*not part of"),
    ],
)
def test_verify_names_the_first_bad_file(
    release: Path, attack: Callable[[Path], object], message: str
) -> None:
    attack(release / INSIDE / "vectors.npy")
    with pytest.raises(CatalogError, match=message):
        verify(release)


def test_a_file_for_head_office_only_may_be_missing_but_not_damaged(release: Path) -> None:
    before = read_manifest(release)
    office = FileEntry("probes.npz", 6, _digest(b"probes"), office=True)
    value = sealed(dataclasses.replace(before, files=(*before.files, office)))
    (release / "manifest.json").write_bytes(to_json(value))
    assert [entry.name for entry in value.needed] == list(ENTRIES)
    assert verify(release) == value == parse(to_json(value))
    (release / "probes.npz").write_bytes(b"prob..")
    with pytest.raises(CatalogError, match=r"probes\.npz: is damaged"):
        verify(release)


def test_the_quick_check_sees_sizes_and_missing_files_but_reads_nothing(release: Path) -> None:
    value = read_manifest(release)
    flip(release / INSIDE / "vectors.npy")
    check_files(release, value)
    shorten(release / INSIDE / "vectors.npy")
    with pytest.raises(CatalogError, match=r"vectors\.npy: has 3 bytes"):
        check_files(release, value)
    (release / INSIDE / "thumbnails.bin").unlink()
    (release / INSIDE / "vectors.npy").write_bytes(b"vectors")
    with pytest.raises(CatalogError, match="thumbnails.bin"):
        check_files(release, value)


def test_no_release_here_says_how_to_build_one(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="kiosk catalog build"):
        read_manifest(tmp_path)
    with pytest.raises(CatalogError, match="kiosk catalog build"):
        read_manifest(tmp_path / "none")


def test_what_is_no_file_in_place_of_the_manifest_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "manifest.json")
    with pytest.raises(CatalogError, match="not a regular file"):
        read_manifest(tmp_path)


RECORDS = (
    Record("A", "Äpfel", "Fruit", ("4001", "4002"), (("origin", "Süd"), ("size", "L"))),
    Record("B?#%", "Beans", "Cans"),
)
PICTURES = (
    PictureEntry(
        0, "A/1.jpg", "f" * 64, "f" * 64 + "set", Place(0, 9), Box(1, 2, 3.5, 4), ("plain", "dark")
    ),
    PictureEntry(1, "B/1.jpg", "e" * 64, "else", Place(9, 7), Box(0, 0, 9, 9), ("plain",)),
)


def test_records_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "rec?ords #1.sqlite"
    write_records(path, RECORDS, PICTURES)
    records = Records.open(path)
    try:
        assert records.skus == ("A", "B?#%")
        assert records.owners.tolist() == [0, 0, 1]
        assert records.pictures.tolist() == [0, 0, 1]
        assert tuple(records.records()) == RECORDS == tuple(map(records.record, records.skus))
        assert [records.thumbnail(picture) for picture in range(2)] == [Place(0, 9), Place(9, 7)]
        for strange in (-1, 3, 10**15):  # whatever a page asks for
            with pytest.raises(CatalogError, match="no picture"):
                records.thumbnail(strange)
        found = records.entries()
        assert found[0] == PICTURES[0] and found[1].views == ("plain",)
        with pytest.raises(CatalogError, match="'C'"):
            records.record("C")
    finally:
        records.close()


def test_equal_records_are_equal_bytes_and_leave_no_journal(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_records(tmp_path / name, RECORDS, PICTURES)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_records_answer_several_threads_at_once(tmp_path: Path) -> None:
    write_records(tmp_path / "r", RECORDS, PICTURES)
    records = Records.open(tmp_path / "r")
    wrong: list[object] = []

    def ask() -> None:
        for _ in range(300):
            answer = (records.record("A"), records.thumbnail(1))
            if answer != (RECORDS[0], Place(9, 7)):
                wrong.append(answer)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    records.close()
    assert not wrong


def test_records_that_are_missing_damaged_or_not_in_order_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "r"
    with pytest.raises(CatalogError, match="restore"):
        Records.open(path)
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(CatalogError, match="restore"):
        Records.open(path)
    path.unlink()
    write_records(path, RECORDS, PICTURES)
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM refs WHERE row = 0")
    connection.commit()
    connection.close()
    with pytest.raises(CatalogError, match="not numbered in order"):
        Records.open(path)


def test_manifest_json_is_readable_text(release: Path) -> None:
    body = json.loads((release / "manifest.json").read_text())
    assert body["release"] and list(body)[0] == "format"
