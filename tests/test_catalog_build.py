# SPDX-License-Identifier: Apache-2.0
"""Building releases with real models: what comes out, what is refused, that it is repeatable."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from segments import only
from tiny_models import DIMENSION, open_models, write_models, write_picture

from kiosk.catalog.build import BuildOptions, BuildReport, PictureReport, build
from kiosk.catalog.manifest import read_manifest, verify
from kiosk.catalog.records import Records
from kiosk.catalog.snapshot import Snapshot
from kiosk.config import SearchConfig
from kiosk.errors import BusyError, CatalogError, SourceError
from kiosk.recognise import Recogniser, still
from kiosk.vision.augment import CAMERA, MIRRORED, VIEWS
from kiosk.vision.decode import decode_picture, read_picture
from kiosk.vision.embed import Embedder
from kiosk.vision.locate import Locator

Models = tuple[Locator, Embedder]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return open_models(write_models(tmp_path_factory.mktemp("models")))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Four SKUs with two pictures each."""
    root = tmp_path / "source"
    for item in range(4):
        for shot in range(2):
            write_picture(root / f"SKU-{item}" / f"{shot}.png", item, shot)
    return root


def run(
    models: Models, source: Path, out: Path, options: BuildOptions | None = None
) -> tuple[BuildReport, list[PictureReport]]:
    told: list[PictureReport] = []
    locator, embedder = models
    report = build(
        source,
        out,
        locator=locator,
        embedder=embedder,
        options=options or BuildOptions(),
        progress=lambda each, done, total: told.append(each),
    )
    return report, told


def vectors(out: Path) -> np.ndarray:
    return np.load(only(out, "vectors.npy"), allow_pickle=False)


def test_a_release_holds_every_view_of_every_picture_in_order(
    models: Models, source: Path, tmp_path: Path
) -> None:
    (source / "skus.csv").write_text("sku,name,category,barcode\nSKU-1,One,Things,123\n")
    report, told = run(models, source, tmp_path / "out")
    manifest = verify(tmp_path / "out")
    assert manifest == report.manifest
    assert (manifest.skus, manifest.pictures, manifest.references) == (4, 8, 8 * len(VIEWS))
    assert manifest.embedder.sha256 == models[1].card.sha256
    assert manifest.detector.sha256 == models[0].card.sha256
    assert manifest.augmentation == tuple(map(str, VIEWS))
    assert [(each.name, each.code, each.note) for each in told[:2]] == [
        ("SKU-0/0.png", "", ""),
        ("SKU-0/1.png", "", ""),
    ]
    assert (report.enrolled, report.failed, report.exit_code) == (8, (), os.EX_OK)
    table = vectors(tmp_path / "out")
    assert table.dtype == np.float16 and table.shape == (80, DIMENSION)
    assert np.allclose(np.linalg.norm(table.astype(np.float32), axis=1), 1, atol=2e-3)
    records = Records.open(only(tmp_path / "out", "records.sqlite"))
    assert records.owners.tolist() == [row // 20 for row in range(80)]
    assert records.pictures.tolist() == [row // 10 for row in range(80)]
    assert records.record("SKU-1").barcodes == ("123",)
    places = [records.thumbnail(picture) for picture in range(8)]
    records.close()
    data = only(tmp_path / "out", "thumbnails.bin").read_bytes()
    assert len(set(places)) == 8 and sum(place.bytes for place in places) == len(data)
    for place in places:
        jpeg = data[place.start : place.start + place.bytes]
        thumbnail = decode_picture(jpeg, "thumbnail")
        assert max(thumbnail.shape) <= 256 and thumbnail.max() > 150


def test_the_first_reference_of_a_picture_is_what_a_frame_of_it_gives(
    models: Models, source: Path, tmp_path: Path
) -> None:
    run(models, source, tmp_path / "out")
    snapshot = Snapshot.open(
        tmp_path / "out", embedder=models[1].card.sha256, config=SearchConfig()
    )
    try:
        frame = still(read_picture(source / "SKU-2" / "1.png"))
        best = Recogniser(*models).look(frame, snapshot).matches[0]
    finally:
        snapshot.close()
    assert (best.sku, best.reference) == ("SKU-2", (2 * 2 + 1) * len(VIEWS))
    assert best.similarity > 0.999


def content(out: Path) -> dict[str, bytes]:
    """Every byte of a release but the hour it was built."""
    files = {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }
    text = files["manifest.json"].decode()
    built_at = read_manifest(out).built_at
    assert built_at.endswith("Z")
    files["manifest.json"] = text.replace(built_at, "").encode()
    return files


def test_two_builds_of_the_same_pictures_are_the_same_bytes(
    models: Models, source: Path, tmp_path: Path
) -> None:
    first, _ = run(models, source, tmp_path / "a")
    again, _ = run(models, source, tmp_path / "b")
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert first.manifest.release == again.manifest.release
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "source"]


def test_without_augmentation_there_is_one_reference_per_picture(
    models: Models, source: Path, tmp_path: Path
) -> None:
    report, _ = run(models, source, tmp_path / "out", BuildOptions(augment=False))
    assert report.manifest.references == report.manifest.pictures == 8
    assert report.manifest.augmentation == ("plain: as it is",)


def test_mirrored_views_are_made_only_where_they_are_allowed(
    models: Models, source: Path, tmp_path: Path
) -> None:
    (source / "skus.csv").write_text("sku,flip\nSKU-0,yes\nSKU-1,no\n")
    listed, _ = run(models, source, tmp_path / "listed")
    assert listed.manifest.references == 8 * len(VIEWS) + 2 * len(MIRRORED)
    assert len(listed.manifest.augmentation) == len(VIEWS) + len(MIRRORED)
    most, _ = run(models, source, tmp_path / "all", BuildOptions(mirrored=True))
    assert most.manifest.references == 8 * len(VIEWS) + 6 * len(MIRRORED)


def test_pictures_that_cannot_be_used_are_reported_and_the_rest_is_built(
    models: Models, source: Path, tmp_path: Path
) -> None:
    (source / "SKU-0" / "empty.jpg").touch()
    (source / "SKU-0" / "torn.jpg").write_bytes(b"\xff\xd8\xff\xe0torn")
    (source / "SKU-0" / "text.jpg").write_text("no picture at all, only text")
    os.mkfifo(source / "SKU-1" / "pipe.jpg")
    (source / "SKU-2" / "phone.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    write_picture(source / "LOST" / "x.jpg", 9).write_bytes(b"")
    (source / "VOID").mkdir()
    report, told = run(models, source, tmp_path / "out")
    assert {each.name: each.code for each in told if each.code} == {
        "SKU-0/empty.jpg": "Empty",
        "SKU-0/torn.jpg": "Damaged",
        "SKU-0/text.jpg": "UnsupportedPicFormat",
        "SKU-1/pipe.jpg": "NotAFile",
        "SKU-2/phone.HEIC": "UnsupportedPicFormat",
        "LOST/x.jpg": "Empty",
        "VOID": "NoPictures",
    }
    assert report.exit_code == os.EX_DATAERR and len(report.failed) == 7
    assert report.warnings == ("LOST: has no usable picture, not enrolled",)
    assert verify(tmp_path / "out").skus == 4


def test_a_picture_that_a_list_names_but_nobody_delivered_is_one_failed_line(
    models: Models, source: Path, tmp_path: Path
) -> None:
    (source / "manifest.csv").write_text(
        "path,sku,role\nSKU-0/0.png,A,reference\nSKU-0/none.png,A,reference\nSKU-1/0.png,A,photo\n"
    )
    report, told = run(models, source, tmp_path / "out")
    assert [each.code for each in told] == ["", "Unreadable"]
    assert report.manifest.pictures == 1 and report.exit_code == os.EX_DATAERR


def test_when_no_picture_can_be_used_there_is_no_release(models: Models, tmp_path: Path) -> None:
    (tmp_path / "source" / "A").mkdir(parents=True)
    (tmp_path / "source" / "A" / "1.jpg").touch()
    with pytest.raises(SourceError, match="none of its pictures"):
        run(models, tmp_path / "source", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_zero_skus_is_a_source_error_and_touches_nothing(models: Models, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    with pytest.raises(SourceError, match="no SKU"):
        run(models, tmp_path / "source", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_an_empty_counter_is_enrolled_whole_with_a_note(models: Models, tmp_path: Path) -> None:
    write_picture(tmp_path / "source" / "A" / "1.png", -1)
    report, told = run(models, tmp_path / "source", tmp_path / "out")
    assert told[0].note == "no item found, the whole picture is used" and report.exit_code == 0


def test_equal_pictures_count_once_per_sku_and_are_told_across_skus(
    models: Models, source: Path, tmp_path: Path
) -> None:
    shutil.copy(source / "SKU-0" / "0.png", source / "SKU-0" / "copy.png")
    shutil.copy(source / "SKU-0" / "0.png", source / "SKU-1" / "other.png")
    report, told = run(models, source, tmp_path / "out")
    notes = {each.name: each.note for each in told if each.note}
    assert notes == {
        "SKU-0/copy.png": "the same picture as SKU-0/0.png, counted once",
        "SKU-1/other.png": "the same picture as SKU-0/0.png of SKU SKU-0",
    }
    assert report.manifest.pictures == 9
    # The same item under two names is no stranger; it must not make all others unacceptable.
    assert report.calibration.thresholds.choose < 0.99
    assert verify(tmp_path / "out").release == report.manifest.release


def test_a_release_is_not_overwritten_unless_asked_and_then_swapped_whole(
    models: Models, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first, _ = run(models, source, out)
    with pytest.raises(CatalogError, match="--replace"):
        run(models, source, out)
    (out / "derived").mkdir()
    write_picture(source / "SKU-9" / "0.png", 9)
    second, _ = run(models, source, out, BuildOptions(replace=True))
    assert verify(out).release == second.manifest.release != first.manifest.release
    assert not (out / "derived").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "source"]


def test_a_failed_replacement_leaves_the_old_release(
    models: Models, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first, _ = run(models, source, out)
    for path in source.rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(SourceError):
        run(models, source, out, BuildOptions(replace=True))
    assert verify(out) == first.manifest


def test_folders_that_are_no_release_are_never_replaced(
    models: Models, source: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "precious.txt").write_text("mine")
    for path in (home, home / "precious.txt"):
        with pytest.raises(CatalogError, match="is not a release"):
            run(models, source, path, BuildOptions(replace=True))
    assert (home / "precious.txt").read_text() == "mine"


def test_an_empty_folder_may_become_the_release(
    models: Models, source: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    run(models, source, tmp_path / "out")
    assert verify(tmp_path / "out")


def test_source_and_release_may_not_lie_inside_each_other(
    models: Models, source: Path, tmp_path: Path
) -> None:
    for out in (source, source / "release", source / "SKU-0" / "deep", tmp_path):
        with pytest.raises(CatalogError, match="lies inside"):
            run(models, source, out, BuildOptions(replace=True))
    assert len(list(source.rglob("*.png"))) == 8


def test_a_link_to_a_release_is_replaced_behind_the_link(
    models: Models, source: Path, tmp_path: Path
) -> None:
    run(models, source, tmp_path / "real")
    (tmp_path / "current").symlink_to("real")
    write_picture(source / "SKU-9" / "0.png", 9)
    report, _ = run(models, source, tmp_path / "current", BuildOptions(replace=True))
    assert (tmp_path / "current").is_symlink()
    assert verify(tmp_path / "real").release == report.manifest.release


def test_a_second_build_of_the_same_release_is_told_to_wait(
    models: Models, source: Path, tmp_path: Path
) -> None:
    locator, embedder = models
    refused = []

    def meanwhile(report: PictureReport, done: int, total: int) -> None:
        with pytest.raises(BusyError, match="another build") as caught:
            run(models, source, tmp_path / "out")
        refused.append(caught.value.exit_code)

    build(source, tmp_path / "out", locator=locator, embedder=embedder, progress=meanwhile)
    assert refused == [os.EX_TEMPFAIL] * 8
    assert verify(tmp_path / "out")


class Stopped(Exception):
    """Stands for Ctrl-C."""


def interrupted(models: Models, source: Path, out: Path, after: int) -> None:
    def stop(report: PictureReport, done: int, total: int) -> None:
        if done == after:
            raise Stopped

    with pytest.raises(Stopped):
        build(source, out, locator=models[0], embedder=models[1], progress=stop)


def test_an_interrupted_build_goes_on_where_it_stopped(
    models: Models, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    interrupted(models, source, out, after=5)
    assert not out.exists()
    # A mark on what was kept shows that it is used again and not made again.
    with closing(sqlite3.connect(tmp_path / ".out.building" / "work.sqlite")) as store, store:
        assert store.execute("UPDATE enrolled SET note = 'kept'").rowcount == 5
    _, told = run(models, source, out)
    assert [each.note for each in told] == ["kept"] * 5 + [""] * 3
    run(models, source, tmp_path / "whole")
    assert content(out) == content(tmp_path / "whole")


def test_a_picture_changed_between_two_runs_is_looked_at_again(
    models: Models, source: Path, tmp_path: Path
) -> None:
    interrupted(models, source, tmp_path / "out", after=8)
    write_picture(source / "SKU-0" / "0.png", 77)
    resumed, _ = run(models, source, tmp_path / "out")
    fresh, _ = run(models, source, tmp_path / "fresh")
    assert resumed.manifest.release == fresh.manifest.release


def test_results_of_other_models_or_settings_are_not_resumed(
    models: Models, source: Path, tmp_path: Path
) -> None:
    interrupted(models, source, tmp_path / "out", after=8)
    others = open_models(write_models(tmp_path / "models", shift=60.0))
    resumed, _ = run(others, source, tmp_path / "out", BuildOptions(augment=False))
    fresh, _ = run(others, source, tmp_path / "fresh", BuildOptions(augment=False))
    assert content(tmp_path / "out") == content(tmp_path / "fresh")
    assert resumed.manifest == verify(tmp_path / "out")
    assert resumed.manifest.embedder.sha256 == others[1].card.sha256
    assert fresh.manifest.references == 8


@pytest.mark.parametrize("junk", [b"junk" * 3000, b"", b"SQLite format 3\0" + b"\xff" * 9000])
def test_a_spoiled_work_store_costs_only_work(
    models: Models, source: Path, tmp_path: Path, junk: bytes
) -> None:
    interrupted(models, source, tmp_path / "out", after=3)
    store = tmp_path / ".out.building" / "work.sqlite"
    for path in store.parent.glob("work.sqlite-*"):
        path.unlink()
    store.write_bytes(junk)
    report, _ = run(models, source, tmp_path / "out")
    assert verify(tmp_path / "out") == report.manifest


def test_the_report_names_thresholds_measured_on_this_catalog(
    models: Models, source: Path, tmp_path: Path
) -> None:
    limits = run(models, source, tmp_path / "out")[0].calibration.thresholds
    assert 0 < limits.choose <= limits.accept and 0 < limits.margin < 1
    assert limits.samples == 8 * len(CAMERA) and "without their own SKU" in limits.method
