# SPDX-License-Identifier: Apache-2.0
"""Imports killed at any line of code, two at once, on a full disk: complete in the end, once."""

from __future__ import annotations

import json
import os
import random
import shutil
from pathlib import Path

import pytest
from import_parts import add, contents, draw, files, imported, meta, shop
from killed_process import python
from postgres_server import PostgresServer
from small_disk import largest_file, small_disk
from waiting import DEADLINE_S

from kiosk.errors import BusyError, KioskError, StateError
from kiosk.imports.forms import find
from kiosk.workshop.folder import Settings, init
from kiosk.workshop.importing import Importer
from kiosk.workshop.repository import Step

DRIVER = "import import_crash; import_crash.main()"
IMPORT = """
import sys
from pathlib import Path
from import_parts import imported
imported(Path(sys.argv[1]), Path(sys.argv[2]), lines_at_once=2)
"""
AT_ONCE = 4
AFTER = 60
"""Lines of code after the import was noted as finished: the same command is a new import then."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty lines: pictures shared and own, one of several, failures, a deletion, an overwrite."""
    root = tmp_path_factory.mktemp("source")
    rows: list[dict[str, object] | str] = []
    for number in range(15):
        draw(root / f"{number % 11}.png", number % 11)
        rows.append(
            add(f"S{number % 4}", f"p{number}", PicFile=f"{number % 11}.png", IntAttr=number)
        )
    rows.insert(3, add("S1", "gone.png"))
    rows.insert(6, "")  # so that places and line numbers differ
    rows.insert(9, "oops")
    rows.insert(12, {"OperationType": "DELETE", "ProductId": "S2"})
    rows += [{"operator": "ADD", "item_id": "many", "pic_list": ["1.png", "2.png", "3.png"]}]
    rows += [add("S0", "p0", PicFile="9.png", CategoryId="last")]
    return meta(root, *rows)


def crash(source: Path, folder: Path, how: str, *kills: int) -> list[str]:
    """What the driver says: one line for each kill, then how many lines of code a run has."""
    with python(DRIVER, source, folder, AT_ONCE, how, *kills) as driver:
        said, _ = driver.communicate()  # it ends by itself, or is ended in the end
    assert driver.returncode == 0, said
    return said.splitlines()


@pytest.fixture(scope="module")
def whole(source: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A workshop that the source was imported into without a kill; the lines of code it took."""
    folder = tmp_path_factory.mktemp("whole")
    (count,) = crash(source, folder, "one")
    return folder, int(count)


def check_ended_as(folder: Path, whole: Path) -> None:
    """Equal rows and pictures, one finished import in the history with equal figures, a report of
    every line, and nothing left over.
    """
    assert contents(folder / "w") == contents(whole / "w")
    assert files(folder / "w") >= files(whole / "w")
    named = {picture.sha256 for picture in contents(folder / "w")[1]}
    assert named <= files(folder / "w")
    with shop(folder / "w") as one, shop(whole / "w") as other:
        mine, theirs = one.repository.history(), other.repository.history()
    assert [event.note.figures for event in mine] == [event.note.figures for event in theirs]
    rows = [json.loads(line) for line in (folder / "report.jsonl").read_text().splitlines()]
    expected = [json.loads(line) for line in (whole / "report.jsonl").read_text().splitlines()]
    assert [row["n"] for row in rows] == [row["n"] for row in expected]
    assert [row.get("code") for row in rows] == [row.get("code") for row in expected]


def test_killed_at_any_line_of_code_and_started_again_it_ends_as_if_nothing_had_been(
    source: Path, whole: tuple[Path, int], tmp_path: Path
) -> None:
    folder, count = whole
    kills = sorted(random.Random(3).sample(range(1, count - AFTER), 20))
    said = crash(source, tmp_path, "each", *kills)
    assert sum(line.endswith("killed") for line in said) >= len(kills) - 1
    for kill in kills:
        check_ended_as(tmp_path / str(kill), folder)


def test_killed_many_times_in_one_import(
    source: Path, whole: tuple[Path, int], tmp_path: Path
) -> None:
    folder, count = whole
    rng = random.Random(4)
    said = crash(
        source, tmp_path, "one", *(rng.randrange(count // 6, count // 2) for _ in range(25))
    )
    assert sum(line.endswith("killed") for line in said) > 3
    check_ended_as(tmp_path, folder)


def test_killed_many_times_in_one_import_into_postgresql(
    source: Path, whole: tuple[Path, int], tmp_path: Path, postgres: PostgresServer
) -> None:
    folder, _ = whole
    init(tmp_path / "w", Settings(database=postgres.database()))
    rng = random.Random(5)
    said = crash(source, tmp_path, "one", *(rng.randrange(500, 2500) for _ in range(12)))
    assert sum(line.endswith("killed") for line in said) > 3
    check_ended_as(tmp_path, folder)


@pytest.mark.slow
def test_killed_at_every_tenth_line_of_code(
    source: Path, whole: tuple[Path, int], tmp_path: Path
) -> None:
    folder, count = whole
    for start in range(1, count - AFTER, 200):
        kills = range(start, min(start + 200, count - AFTER), 10)
        crash(source, tmp_path, "each", *kills)
        for kill in kills:
            check_ended_as(tmp_path / str(kill), folder)
            shutil.rmtree(tmp_path / str(kill))


def test_two_imports_of_the_same_at_once_end_with_its_rows_once(
    source: Path, whole: tuple[Path, int], tmp_path: Path
) -> None:
    """The one that is behind is told; whoever comes first finishes."""
    with shop(tmp_path / "w") as one, shop(tmp_path / "w") as other:
        first = Importer(one.repository, one.pictures, lines_at_once=AT_ONCE)
        second = Importer(other.repository, other.pictures, lines_at_once=AT_ONCE)
        found = find(source)

        def overtaken(done: int) -> None:
            second.run(found, "second", lambda report: None)

        with pytest.raises(BusyError, match="another process imports the same"):
            first.run(found, "first", lambda report: None, overtaken)
    assert contents(tmp_path / "w") == contents(whole[0] / "w")
    with shop(tmp_path / "w") as one:
        assert [event.note.about for event in one.repository.history()] == ["second"]


def test_two_different_imports_at_once_end_in_both(tmp_path: Path) -> None:
    for side in ("a", "b"):
        for number in range(12):
            draw(tmp_path / side / f"{side}{number % 3}" / f"{number}.png", number)
    with shop(tmp_path / "w"):
        pass
    both = [python(IMPORT, tmp_path / "w", tmp_path / side) for side in ("a", "b")]
    with both[0] as one, both[1] as other:
        assert [each.wait(DEADLINE_S) for each in (one, other)] == [0, 0]
    assert len(contents(tmp_path / "w")[1]) == 24


def test_a_full_disk_is_said_and_the_same_import_goes_on(tmp_path: Path) -> None:
    source = tmp_path / "in"
    for number in range(6):
        draw(source / "A" / f"{number}.png", number)
    draw(source / "A" / "3.png", 77, width=900, height=900)
    noise = (source / "A" / "3.png").read_bytes() + os.urandom(300_000)
    (source / "A" / "3.png").write_bytes(noise)
    with shop(tmp_path / "w"):
        pass
    with pytest.raises(StateError, match="cannot be written"), largest_file(250_000):
        imported(tmp_path / "w", source, lines_at_once=2)
    before = contents(tmp_path / "w")[1]
    assert [picture.name for picture in before] == ["0.png", "1.png"]
    assert files(tmp_path / "w") == {picture.sha256 for picture in before}
    _, summary = imported(tmp_path / "w", source, lines_at_once=2)
    assert summary.went_on_from == 3 and summary.counts["added"] == 6
    assert len(contents(tmp_path / "w")[1]) == 6


def test_a_disk_that_is_full_of_small_files(tmp_path: Path) -> None:
    """A real file system of half a megabyte, with ever more of it left."""
    source = tmp_path / "in"
    for number in range(20):
        draw(source / "A" / f"{number}.png", number)
    with small_disk(tmp_path / "disk", "600k") as disk:
        with shop(disk / "w"):
            pass
        ballast = disk / "ballast"
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize
        failures = 0
        for left in range(0, min(free, 200_000), 12_288):
            ballast.write_bytes(b"x" * (free - left))
            try:
                imported(disk / "w", source, lines_at_once=1)
                break
            except StateError:
                failures += 1
            finally:
                ballast.unlink()
        assert failures > 2
        imported(disk / "w", source, lines_at_once=1)
        assert len(contents(disk / "w")[1]) == 20


def test_a_batch_of_another_process_is_never_counted_twice(source: Path, tmp_path: Path) -> None:
    with shop(tmp_path / "w") as opened:
        job = opened.repository.begin_import(find(source).key(), "x")
        opened.repository.apply((), step=Step(job.job_id, 1, 5))
        with pytest.raises(KioskError, match="line 5, not at line 1"):
            opened.repository.apply((), step=Step(job.job_id, 1, 5))
