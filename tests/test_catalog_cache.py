# SPDX-License-Identifier: Apache-2.0
"""Results that outlive a build: only what changed is computed, and what nobody uses goes."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from release_bytes import content
from tiny_models import open_models, write_models, write_picture

from kiosk.catalog.build import BuildOptions, BuildReport, PictureReport, build
from kiosk.catalog.cache import KEPT_BUILDS, opened
from kiosk.catalog.enrol import MOST_PROBED
from kiosk.catalog.enrolling import probed_pictures
from kiosk.catalog.sources import Source, SourcePicture, read_source
from kiosk.errors import BusyError, CatalogError, StateError
from kiosk.values import Box
from kiosk.vision.embed import Embedder
from kiosk.vision.locate import Locator

Models = tuple[Locator, Embedder]
Told = list[PictureReport]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return open_models(write_models(tmp_path_factory.mktemp("models")))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Four SKUs of one picture."""
    for item in range(4):
        write_picture(tmp_path / "source" / f"SKU-{item}" / "1.png", item)
    return tmp_path / "source"


def run(
    models: Models,
    source: Path | Source,
    out: Path,
    progress: Callable[[PictureReport, int, int], None] = lambda report, done, total: None,
    **options: object,
) -> BuildReport:
    return build(
        source,
        out,
        locator=models[0],
        embedder=models[1],
        options=BuildOptions(**options),  # type: ignore[arg-type]
        cache=out.parent / "cache.sqlite",
        progress=progress,
    )


def held(cache: Path) -> int:
    with opened(cache) as results:
        return len(results)


def test_a_rebuild_computes_only_what_changed_and_equals_a_build_without_a_cache(
    models: Models, source: Path, tmp_path: Path
) -> None:
    assert run(models, source, tmp_path / "first").kept == 0
    write_picture(source / "SKU-1" / "1.png", 21)
    write_picture(source / "SKU-4" / "1.png", 22)
    told: Told = []
    report = run(models, source, tmp_path / "second", lambda each, *_: told.append(each))
    assert [each.kept for each in told] == [True, False, True, True, False]
    assert report.kept == 3
    build(source, tmp_path / "fresh", locator=models[0], embedder=models[1])
    assert content(tmp_path / "second") == content(tmp_path / "fresh")


def test_one_more_picture_changes_at_most_one_of_those_the_second_look_is_measured_with() -> None:
    pictures = [SourcePicture(f"{n}.png", Path(), "A") for n in range(MOST_PROBED * 5)]
    before = probed_pictures(pictures)
    assert len(before) == MOST_PROBED
    for place in (0, 77, len(pictures)):
        more = [
            *pictures[:place],
            SourcePicture(f"new-{place}.png", Path(), "A"),
            *pictures[place:],
        ]
        assert len(before - probed_pictures(more)) <= 1


class Interrupted(Exception):
    pass


def test_another_model_computes_everything_again_and_goes_on_after_an_interruption(
    models: Models, source: Path, tmp_path: Path
) -> None:
    run(models, source, tmp_path / "old")
    other = open_models(write_models(tmp_path / "other", shift=90.0))

    def stop(report: PictureReport, done: int, total: int) -> None:
        if done == 2:
            raise Interrupted

    with pytest.raises(Interrupted):
        run(other, source, tmp_path / "new", stop)
    report = run(other, source, tmp_path / "new")
    assert report.kept == 2
    assert report.manifest.embedder.sha256 == other[1].card.sha256
    # Back to the model before: its results are still there.
    assert run(models, source, tmp_path / "back").kept == 4


def test_results_that_no_recent_build_used_are_dropped_and_their_space_given_back(
    models: Models, source: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache.sqlite"
    run(models, source, tmp_path / "with-augmentation")
    for number in range(KEPT_BUILDS):
        assert held(cache) == (4 if number == 0 else 8)
        run(models, source, tmp_path / f"plain-{number}", augment=False)
    assert held(cache) == 4
    assert run(models, source, tmp_path / "again", augment=False).kept == 4
    with closing(sqlite3.connect(cache)) as connection:
        assert connection.execute("PRAGMA freelist_count").fetchone() == (0,)


def test_two_builds_with_one_cache_at_once_are_refused(
    models: Models, source: Path, tmp_path: Path
) -> None:
    with (
        opened(tmp_path / "cache.sqlite", exclusive=True),
        pytest.raises(BusyError, match="another build is using it"),
    ):
        run(models, source, tmp_path / "out")
    run(models, source, tmp_path / "out")


def test_a_damaged_cache_is_started_anew_and_one_of_a_newer_kiosk_is_not_touched(
    models: Models, source: Path, tmp_path: Path
) -> None:
    run(models, source, tmp_path / "first")
    cache = tmp_path / "cache.sqlite"
    cache.write_bytes(b"no database at all" * 1000)
    assert run(models, source, tmp_path / "second").kept == 0
    with closing(sqlite3.connect(cache)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StateError, match="newer kiosk"):
        run(models, source, tmp_path / "third")
    with closing(sqlite3.connect(cache)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (99,)


def handed(source: Path, **changes: object) -> Source:
    """The source as a workshop hands it over: with what the bytes of each picture must be."""
    read = read_source(source)
    pictures = tuple(
        replace(each, sha256=hashlib.sha256(each.path.read_bytes()).hexdigest())
        for each in read.pictures
    )
    return replace(read, pictures=pictures, **changes)  # type: ignore[arg-type]


def test_pictures_of_known_content_are_not_read_again(
    models: Models, source: Path, tmp_path: Path
) -> None:
    wanted = handed(source)
    run(models, wanted, tmp_path / "first")
    (source / "SKU-2" / "1.png").unlink()
    assert run(models, wanted, tmp_path / "second").kept == 4
    assert content(tmp_path / "first") == content(tmp_path / "second")


def test_a_picture_whose_bytes_are_not_what_was_said_is_a_failed_line(
    models: Models, source: Path, tmp_path: Path
) -> None:
    wanted = handed(source)
    write_picture(source / "SKU-2" / "1.png", 30)
    report = run(models, wanted, tmp_path / "out")
    assert [(each.name, each.code) for each in report.failed] == [("SKU-2/1.png", "Changed")]
    assert report.exit_code == os.EX_DATAERR


def test_a_region_is_taken_instead_of_what_the_detector_finds(
    models: Models, source: Path, tmp_path: Path
) -> None:
    wanted = handed(source)
    one = tuple(wanted.pictures)[0]
    regions = (Box(40, 30, 160, 150), Box(60, 50, 120, 110), Box(0, 0, 9999, 10))
    pictures = tuple(
        replace(one, name=f"{number}.png", region=region) for number, region in enumerate(regions)
    )
    report = run(models, replace(wanted, pictures=(one, *pictures)), tmp_path / "out")
    # The same file four times is one picture each time that it shows another place.
    assert report.enrolled == 3
    assert [(each.name, each.code) for each in report.failed] == [("2.png", "InvalidRegion")]
    assert run(models, replace(wanted, pictures=(one, *pictures)), tmp_path / "again").kept == 3


def test_a_release_may_lie_beside_the_pictures_that_a_workshop_hands_over(
    models: Models, source: Path, tmp_path: Path
) -> None:
    run(models, handed(source), source / "out")
    with pytest.raises(CatalogError, match="lies inside"):
        run(models, source, source / "other")
