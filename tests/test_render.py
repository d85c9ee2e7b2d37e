# SPDX-License-Identifier: Apache-2.0
"""Made-up items: the same from the same seed, whole in the picture, twins differ where they say."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from tools import counter_pictures, golden, render

SIDE = 128


@pytest.mark.parametrize("kind", render.KINDS)
def test_a_view_follows_from_its_seeds_and_shows_the_whole_item(kind: str) -> None:
    for seed in range(4):
        one, again = render.identity(seed, kind), render.identity(seed, kind)
        seen = render.view(one, np.random.default_rng(seed), SIDE)
        assert np.array_equal(seen, render.view(again, np.random.default_rng(seed), SIDE))
        assert seen.shape == (SIDE, SIDE, 4) and seen.dtype == np.uint8
        alpha = seen[..., 3]
        frame = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
        assert frame.max() < 128, "the item leaves the picture"
        _, _, width, height = cv2.boundingRect((alpha > 127).astype(np.uint8))
        assert max(width, height) > 0.8 * SIDE
        assert alpha.max() == 255


@pytest.mark.parametrize("kind", render.KINDS)
def test_a_twin_differs_where_it_says_and_nowhere_else(kind: str) -> None:
    one = render.identity(5, kind)
    plain = render.front(one, SIDE)
    for how in render.ways(one.design):
        other = render.twin(one, how)
        fields = ("kind", "layout", "words", "main", "picture", "size")
        differ = [f for f in fields if getattr(one.design, f) != getattr(other.design, f)]
        assert len(differ) == 1
        assert not np.array_equal(plain, render.front(other, SIDE)), how
    for how in set(render.TWINS) - set(render.ways(one.design)):
        with pytest.raises(ValueError, match="choose one of"):
            render.twin(one, how)


def test_other_seeds_are_other_items() -> None:
    designs = [render.identity(seed).design for seed in range(60)]
    assert len({design.layout for design in designs}) == 60
    assert len({design.kind for design in designs}) >= 10


def test_the_command_writes_pictures_with_alpha_and_a_manifest(tmp_path: Path) -> None:
    render.write_set(tmp_path, identities=2, views=3, seed=4, side=64, form="webp")
    with (tmp_path / "manifest.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["role"] for row in rows] == ["reference", *["render"] * 3] * 2
    for row in rows:
        pixels = cv2.imread(str(tmp_path / row["path"]), cv2.IMREAD_UNCHANGED)
        assert pixels is not None and pixels.shape == (64, 64, 4)


def test_the_committed_pictures_are_what_their_command_draws(tmp_path: Path) -> None:
    committed = Path(__file__).parent / "renders"
    counter_pictures.main([str(tmp_path)])
    names = sorted(path.name for path in committed.iterdir())
    assert names == sorted(path.name for path in tmp_path.iterdir())
    for drawn, kept in zip(golden.shots(tmp_path), golden.shots(committed), strict=True):
        assert (drawn.name, drawn.sku, drawn.role) == (kept.name, kept.sku, kept.role)
        assert np.abs(drawn.pixels.astype(int) - kept.pixels.astype(int)).mean() < 3, kept.name
        if kept.box is not None and drawn.box is not None:
            assert drawn.box.as_list() == pytest.approx(kept.box.as_list(), abs=2)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--identities", "0"), ("--identities", "-3"), ("--views", "-1"), ("--seed", "-1")),
        *(("--side", "0"), ("--side", "1"), ("--side", "1000000")),
    ],
)
def test_numbers_that_make_no_set_are_refused(
    tmp_path: Path, option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        render.main(["--out", str(tmp_path / "set"), option, value])
    assert left.value.code == 2 and not (tmp_path / "set").exists()
    assert f"{option} {value}: give" in capsys.readouterr().err


def test_the_smallest_pictures_show_every_kind() -> None:
    side = render.SIDES_PX[0]
    for kind in render.KINDS:
        one = render.identity(1, kind)
        for seen in (render.front(one, side), render.view(one, np.random.default_rng(2), side)):
            assert seen.shape == (side, side, 4) and seen[..., 3].max() > 240


def test_a_folder_that_cannot_be_made_is_named_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(SystemExit) as left:
        render.main(["--out", str(tmp_path / "file" / "set"), "--identities", "1", "--views", "0"])
    said = capsys.readouterr().err
    assert left.value.code == os.EX_CANTCREAT
    assert said.startswith("render: ") and "file" in said and said.count("\n") == 1


def test_golden_answers_of_models_that_are_not_there_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        golden.main(["--models", str(tmp_path / "none"), "--out", str(tmp_path / "golden")])
    said = capsys.readouterr().err
    assert left.value.code == os.EX_DATAERR
    assert said.startswith("golden: ") and "none" in said and said.count("\n") == 1
