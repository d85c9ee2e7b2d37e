# SPDX-License-Identifier: Apache-2.0
"""The training scenes: what is drawn is what is labelled, for every kind of scene."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from kiosk.vision.image import letterbox as product_letterbox
from tools import composites, heaps, jewellery, lens, real_photos
from tools.backdrops import backdrop
from tools.cutouts import Cutout, Library, Photo, mask_box

U8 = npt.NDArray[np.uint8]
RED = (30, 30, 220)
SIDE = 128


def round_cut(colour: tuple[int, int, int] = RED, side: int = 60) -> U8:
    cut = np.zeros((side, side, 4), np.uint8)
    cv2.circle(cut, (side // 2, side // 2), side // 2 - 1, (*colour, 255), -1)
    return cut


def photo_of(x1: int, y1: int, x2: int, y2: int) -> Photo:
    pixels = np.full((120, 160, 3), 120, np.uint8)
    mask = np.zeros((120, 160), np.uint8)
    pixels[y1:y2, x1:x2], mask[y1:y2, x1:x2] = RED, 255
    return Photo(pixels, mask, "red")


@pytest.fixture(scope="module")
def library() -> Library:
    rng = np.random.default_rng(0)
    grounds = [rng.integers(90, 130, (120, 140, 3)).astype(np.uint8) for _ in range(3)]
    cuts = [Cutout(round_cut(), "red"), Cutout(round_cut((200, 60, 40), 90), "blue")]
    photo = photo_of(50, 30, 110, 90)
    return Library(cuts, [photo], grounds, [], [photo])


@pytest.mark.parametrize("kind", composites.HELD_KINDS)
def test_every_kind_of_scene_has_its_boxes_inside_the_picture(library: Library, kind: str) -> None:
    rng = np.random.default_rng(1)
    total = 0
    for _ in range(6):
        image, boxes = composites.make_scene(rng, library, SIDE, kind)
        assert image.shape == (SIDE, SIDE, 3) and image.dtype == np.uint8
        assert (boxes[:, 2:] > boxes[:, :2]).all()
        assert (boxes >= 0).all() and (boxes <= SIDE).all()
        total += len(boxes)
    assert (total == 0) == (kind in ("empty", "bare"))


def test_the_same_seed_draws_the_same_scenes(library: Library) -> None:
    first, second = (composites.shard(library, 3, 4, SIDE) for _ in range(2))
    assert (first[0] == second[0]).all() and (first[1] == second[1]).all()


def test_the_letterbox_is_the_product_s() -> None:
    image = np.random.default_rng(0).integers(0, 255, (90, 160, 3)).astype(np.uint8)
    box = np.array([[16.0, 9.0, 80.0, 45.0]], np.float32)
    canvas, moved = lens.letterbox(image, box, SIDE)
    theirs, fit = product_letterbox(image, SIDE, SIDE, lens.PAD)
    assert np.abs(canvas.astype(int) - theirs.astype(int)).max() <= 1
    assert np.abs(fit.back(moved) - box).max() < 1.0


def test_a_part_of_a_photo_keeps_the_box_on_the_item() -> None:
    photo, rng = photo_of(50, 30, 110, 90), np.random.default_rng(2)
    for _ in range(40):
        x1, y1, x2, y2 = real_photos.window(rng, photo.mask)
        assert 0 <= x1 < x2 <= 160 and 0 <= y1 < y2 <= 120
        assert (photo.mask[y1:y2, x1:x2] > 127).any()
    for _ in range(20):
        image, boxes = real_photos.whole_photo(rng, [photo], SIDE)
        left, top, right, bottom = boxes[0]
        middle = image[int((top + bottom) / 2), int((left + right) / 2)].astype(int)
        assert middle[2] > middle[1] and middle[2] > middle[0]


def test_a_heap_is_one_item_and_may_run_out_of_the_frame() -> None:
    rng = np.random.default_rng(4)
    shares = []
    for _ in range(20):
        pixels, alpha = heaps.heap(rng, round_cut(), 96, 128)
        assert pixels.shape == (96, 128, 3) and alpha.min() >= 0 and alpha.max() <= 1.001
        x1, y1, x2, y2 = mask_box((alpha * 255).astype(np.uint8))
        shares.append((x2 - x1) * (y2 - y1) / alpha.size)
    assert max(shares) > 0.98 and min(shares) < 0.7


def test_the_colour_in_the_middle_marks_the_heap() -> None:
    image = np.random.default_rng(0).integers(90, 110, (200, 300, 3)).astype(np.uint8)
    cv2.rectangle(image, (90, 60), (209, 139), RED, -1)
    box = np.array(heaps.heap_box(image))
    assert np.abs(box - [90, 60, 210, 140]).max() < 16
    plain = np.full((200, 300, 3), 128, np.uint8)
    assert heaps.heap_box(plain) == (0.0, 0.0, 300.0, 200.0)


def test_a_thin_chain_is_boxed_by_all_of_it() -> None:
    rng = np.random.default_rng(5)
    for _ in range(30):
        cut = jewellery.jewel(rng)
        assert cut.shape[2] == 4 and 8 <= max(cut.shape[:2]) <= jewellery.SIDE
        alpha = cut[..., 3]
        assert alpha[0].any() and alpha[-1].any() and alpha[:, 0].any() and alpha[:, -1].any()
    faint = np.zeros((100, 100), np.float32)
    cv2.circle(faint, (50, 50), 30, 0.3, 2)
    cv2.circle(faint, (50, 80), 3, 1.0, -1)
    box = composites.seen_box(faint)
    assert box is not None and box[3] - box[1] > 55
    assert composites.seen_box(np.zeros((100, 100), np.float32)) is None


def test_glass_shows_the_ground_in_its_middle_and_is_boxed_whole() -> None:
    alpha = np.zeros((80, 80), np.float32)
    cv2.circle(alpha, (40, 40), 30, 1.0, -1)
    cover = jewellery.see_through(np.random.default_rng(6), alpha)
    assert (cover <= alpha + 1e-6).all()
    assert cover[40, 40] < 0.6 and cover[40, 11:14].max() > 0.8
    assert composites.seen_box(alpha) == mask_box((alpha * 255).astype(np.uint8))


def test_an_item_of_the_ground_s_colour_is_made_visible() -> None:
    scene = np.full((40, 40, 3), 150, np.float32)
    alpha = np.ones((40, 40), np.float32)
    assert np.abs(composites.visible(scene, alpha, scene) - scene).mean() > 18
    other = np.zeros_like(scene)
    assert composites.visible(other, alpha, scene) is other


def test_drawn_scenery_has_the_asked_size_whatever_stands_on_it(library: Library) -> None:
    rng = np.random.default_rng(7)
    for _ in range(30):
        assert backdrop(rng, library.backgrounds, 60, 80).shape == (60, 80, 3)
    cuts = [cut.pixels for cut in library.cutouts]
    assert heaps.shelf(rng, cuts, 60, 80).shape == (60, 80, 3)
