# SPDX-License-Identifier: Apache-2.0
"""The chain the embedder is trained through: repeatable, whole, and it leaves colours apart."""

from __future__ import annotations

import numpy as np
import pytest

from tools.camera_views import PAD, Picture, camera_view, placed, plain_view

SIDE = 96
ROOMS = [np.full((200, 260, 3), 180, np.uint8)]


def item(bgr: tuple[int, int, int], *, cut_out: bool = True) -> Picture:
    """A coloured rectangle with a dark bar, alone on nothing or in a grey photo."""
    pixels = np.zeros((128, 128, 4), np.uint8)
    pixels[..., :3] = 90
    pixels[30:100, 40:90, :3] = bgr
    pixels[50:60, 45:85, :3] = 10
    pixels[..., 3] = 0 if cut_out else 255
    pixels[30:100, 40:90, 3] = 255
    return Picture(pixels, np.array([40, 30, 90, 100], np.float32))


@pytest.mark.parametrize("cut_out", [True, False])
def test_the_same_draw_gives_the_same_view_and_another_gives_another(cut_out: bool) -> None:
    picture = item((40, 60, 200), cut_out=cut_out)
    one, same, other = (
        camera_view(np.random.default_rng(seed), picture, ROOMS, SIDE) for seed in (5, 5, 6)
    )
    assert one.shape == (SIDE, SIDE, 3) and one.dtype == np.uint8
    assert (one == same).all() and (one != other).any()


def test_the_plain_view_is_the_item_alone_on_the_products_grey() -> None:
    view = plain_view(item((40, 60, 200)), SIDE)
    assert (view[:, 0] == PAD).all() and (view[:, -1] == PAD).all()
    assert (view[2, SIDE // 2] == (40, 60, 200)).all()


@pytest.mark.parametrize("cut_out", [True, False])
def test_the_box_follows_the_item_through_turn_and_tilt(cut_out: bool) -> None:
    for seed in range(20):
        canvas, box = placed(np.random.default_rng(seed), item((0, 0, 250), cut_out=cut_out), ROOMS)
        reddish = (canvas[..., 2] > 200) & (canvas[..., 0] < 90) & (canvas[..., 1] < 90)
        rows, columns = np.nonzero(reddish)
        assert len(rows) > 500
        tight = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        slack = 12 if cut_out else 0.3 * (box[2:] - box[:2]).max()
        assert np.abs(tight - box.clip(0, canvas.shape[0])).max() <= slack


def test_twins_in_colour_stay_apart_in_every_light() -> None:
    rng = np.random.default_rng(0)
    hues = []
    for bgr in ((40, 60, 200), (200, 60, 40)):
        views = [camera_view(rng, item(bgr), ROOMS, SIDE).astype(float) for _ in range(25)]
        middles = [view[SIDE // 3 : -SIDE // 3, SIDE // 3 : -SIDE // 3] for view in views]
        hues.append([float((m[..., 2] - m[..., 0]).mean()) for m in middles])
    red, blue = (np.array(each) for each in hues)
    assert (red > 0).mean() > 0.95 and (blue < 0).mean() > 0.95


def test_an_item_turned_edge_on_gives_a_view_all_the_same() -> None:
    thin = item((40, 60, 200))
    thin.pixels[:, :, 3] = 0
    thin.pixels[60:62, 60:62, 3] = 255
    sliver = Picture(thin.pixels, np.array([60, 60, 62, 62], np.float32))
    for seed in range(10):
        view = camera_view(np.random.default_rng(seed), sliver, ROOMS, SIDE)
        assert view.shape == (SIDE, SIDE, 3)
