# SPDX-License-Identifier: Apache-2.0
"""Limits of the coach are read off rows as they should be, and rows can be taken up again."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from prints import face

from kiosk.values import Box, Quality
from tools.coach_limits import WAYS, main, read_rows, worse
from tools.coach_table import CURVES, Row, limit, picture_of, points, table_of

PHOTOS = 100


def quality(sharpness: float) -> Quality:
    return Quality(300, 0.5, sharpness, 0.5, 0.0, 0.0)


def rows() -> list[Row]:
    """All right when sharp; every photo below 0.3 is wrong."""
    found = []
    for photo in range(PHOTOS):
        name = f"{photo}.jpg"
        found.append(Row(name, "plain", 0.0, True, True, False, quality(0.6)))
        for setting, sharp in ((0.01, 0.5), (0.02, 0.4), (0.03, 0.25), (0.04, 0.2)):
            seen = quality(sharp + photo / 10_000)
            found.append(Row(name, "defocus", setting, sharp > 0.3, False, False, seen))
    return found


def test_a_limit_lies_where_the_loss_begins_for_good() -> None:
    (curve,) = [each for each in CURVES if each.name == "sharpness"]
    found = points(curve, rows())
    assert [point.value for point in found] == sorted((p.value for p in found), reverse=True)
    assert sum(point.rows for point in found) == 5 * PHOTOS
    at = limit(found, 0.10)
    assert at is not None
    assert 0.25 < at < 0.42


def test_no_limit_is_stated_where_nothing_is_lost() -> None:
    (curve,) = [each for each in CURVES if each.name == "clipped"]
    assert limit(points(curve, rows()), 0.05) is None
    assert "never" in table_of(rows())


def test_looks_that_found_nothing_count_as_wrong_and_worst() -> None:
    lost = [Row(f"{n}.jpg", "defocus", 0.05, False, False, False, None) for n in range(PHOTOS)]
    (curve,) = [each for each in CURVES if each.name == "sharpness"]
    found = points(curve, [*rows(), *lost])
    assert found[-1].top1 == 0.0


def test_the_curves_are_drawn_in_one_small_picture(tmp_path: Path) -> None:
    picture_of(rows()).save(tmp_path / "coach.png", optimize=True)
    assert 2_000 < (tmp_path / "coach.png").stat().st_size < 150_000


def test_rows_are_taken_up_again_and_a_line_cut_off_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [json.dumps(asdict(row)) + "\n" for row in rows()]
    (tmp_path / "rows.jsonl").write_text("".join(lines) + lines[0][:40])
    assert read_rows(tmp_path / "rows.jsonl") == rows()
    assert main(["--data", str(tmp_path), "--work", str(tmp_path), "--table"]) == 0
    assert "sharpness" in capsys.readouterr().out


@pytest.mark.parametrize("way", WAYS)
def test_every_way_is_repeatable_and_changes_the_photo(way: str) -> None:
    pixels, box = face(1), Box(40, 40, 260, 260)
    first = worse(pixels, way, WAYS[way][-1], box, "a.jpg")
    assert np.array_equal(first, worse(pixels, way, WAYS[way][-1], box, "a.jpg"))
    assert first.shape != pixels.shape or not np.array_equal(first, pixels)
    assert worse(pixels, "plain", 0, box, "a.jpg") is pixels
