# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from kiosk.errors import ImageError
from kiosk.values import Box
from kiosk.vision import image
from kiosk.vision.boxes import (
    Letterbox,
    clip,
    grown,
    grown_square,
    iou,
    suppress,
    touches_edge,
)


def test_letterbox_maps_a_box_there_and_back() -> None:
    fit = Letterbox.fit(1280, 720, 256, 256)
    box = np.array([[100.0, 50.0, 900.0, 700.0]], np.float32)
    inside = box * fit.scale + np.array([fit.left, fit.top, fit.left, fit.top], np.float32)
    assert inside.min() >= 0
    assert inside.max() <= 256
    assert np.allclose(fit.back(inside), box, atol=1e-3)


def test_iou_of_equal_apart_and_half() -> None:
    box = Box(0, 0, 10, 10)
    assert iou(box, box) == 1.0
    assert iou(box, Box(10, 0, 20, 10)) == 0.0
    assert iou(box, Box(0, 0, 10, 20)) == pytest.approx(0.5)


def test_suppress_keeps_the_best_of_a_heap_and_all_that_stand_apart() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 1, 11, 11], [50, 50, 60, 60], [0, 0, 10, 10]], np.float32)
    scores = np.array([0.5, 0.9, 0.3, 0.5], np.float32)
    assert suppress(boxes, scores, 0.5) == [1, 2]
    assert suppress(boxes[:0], scores[:0], 0.5) == []


def test_clip_and_grow_and_square() -> None:
    assert clip(Box(-5, -5, 50, 200), 40, 100) == Box(0, 0, 40, 100)
    assert grown(Box(10, 10, 20, 30), 0.1) == Box(9, 8, 21, 32)
    square = grown_square(Box(0, 0, 10, 30), 0.0)
    assert (square.width, square.height) == (30, 30)
    assert square.centre == (5, 15)


def test_a_box_at_the_rim_touches_the_edge() -> None:
    assert touches_edge(Box(0, 10, 20, 20), 100, 100)
    assert touches_edge(Box(10, 10, 99.9, 20), 100, 100)
    assert not touches_edge(Box(5, 5, 95, 95), 100, 100)


def test_a_crop_over_the_border_is_filled_with_grey() -> None:
    pixels = np.zeros((10, 10, 3), np.uint8)
    cut = image.crop(pixels, Box(-2, -3, 5, 4), 99)
    assert cut.shape == (7, 7, 3)
    assert (cut[:3] == 99).all()
    assert (cut[:, :2] == 99).all()
    assert (cut[3:, 2:] == 0).all()


@pytest.mark.parametrize("box", [Box(3, 3, 3, 9), Box(20, 20, 30, 30), Box(5, 5, 2, 2)])
def test_a_crop_of_nothing_is_refused(box: Box) -> None:
    with pytest.raises(ImageError, match="does not lie in the picture") as caught:
        image.crop(np.zeros((10, 10, 3), np.uint8), box, 0)
    assert caught.value.code == "InvalidRegion"


def test_letterboxed_pixels_agree_with_the_mapping() -> None:
    pixels = np.zeros((300, 700, 3), np.uint8)
    pixels[100:200, 350:700] = 255
    canvas, fit = image.letterbox(pixels, 256, 256, 114)
    bright = np.argwhere(canvas[:, :, 0] > 200)
    (y1, x1), (y2, x2) = bright.min(axis=0), bright.max(axis=0) + 1
    back = fit.back(np.array([[x1, y1, x2, y2]], np.float32))[0]
    assert np.allclose(back, [350, 100, 700, 200], atol=4)


def test_yuv_planes_with_padded_rows_keep_their_colours() -> None:
    height, width, stride = 8, 8, 16
    planes = np.full((height * 3 // 2, stride), 128, np.uint8)
    planes[:height] = 81  # pure red in BT.601: Y 81, U 90, V 240
    chroma = planes[height:].reshape(-1)
    half = height // 2 * (stride // 2)
    chroma[:half], chroma[half:] = 90, 240
    pixels = image.from_yuv420(planes, width, height)
    assert pixels.shape == (height, width, 3)
    blue, green, red = (int(value) for value in pixels[4, 4])
    assert red > 240
    assert blue < 15
    assert green < 15


def test_turning_four_times_is_no_turn() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (4, 6, 3), np.uint8)
    turned = image.turned(pixels, 90)
    assert turned.shape == (6, 4, 3)
    assert (turned[0, -1] == pixels[0, 0]).all()  # clockwise: top left goes to top right
    assert (image.turned(image.turned(pixels, 270), 90) == pixels).all()
    assert (image.turned(image.turned(pixels, 180), 180) == pixels).all()
