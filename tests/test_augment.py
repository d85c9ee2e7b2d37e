# SPDX-License-Identifier: Apache-2.0
"""Views of a catalog picture: what each recipe does to the crop, and that nothing else happens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_models import CROP, open_models, picture, write_models

from kiosk.errors import ImageError
from kiosk.values import Box, Pixels
from kiosk.vision.augment import CAMERA, MIRRORED, PLAIN, VIEWS, View, seen
from kiosk.vision.image import crop, resize

WHOLE = Box(0, 0, 200, 200)


def cut(pixels: Pixels, box: Box) -> Pixels:
    """A plain stand-in for the model's crop that keeps what lies in the box."""
    return resize(crop(pixels, box, 127), 64, 64)


def wedge() -> tuple[Pixels, Box]:
    """A red square with a green right edge on blue, in the middle of a wider picture."""
    pixels = np.zeros((300, 400, 3), np.uint8)
    pixels[:, :, 0] = 200
    pixels[100:200, 150:250] = (0, 0, 200)
    pixels[100:200, 230:250] = (0, 200, 0)
    return pixels, Box(150, 100, 250, 200)


def test_names_and_recipes_are_all_different_and_plain_comes_first() -> None:
    views = VIEWS + MIRRORED + CAMERA
    assert VIEWS[0] == PLAIN and str(PLAIN) == "plain: as it is"
    assert len({view.name for view in views}) == len({str(view) for view in views}) == len(views)
    assert not any(view.mirror for view in VIEWS)


def test_plain_is_exactly_what_the_model_sees_of_a_frame() -> None:
    pixels, box = wedge()
    assert (seen(pixels, box, PLAIN, cut) == cut(pixels, box)).all()


def test_every_view_is_deterministic_leaves_the_picture_alone_and_differs_from_plain() -> None:
    pixels, box = wedge()
    before = pixels.copy()
    plain = cut(pixels, box)
    for view in VIEWS[1:] + MIRRORED + CAMERA:
        first, again = (seen(pixels, box, view, cut) for _ in range(2))
        assert first.dtype == np.uint8 and first.shape == (64, 64, 3)
        assert (first == again).all() and not (first == plain).all(), view
    assert (pixels == before).all()


def test_mirrored_puts_the_right_edge_on_the_left() -> None:
    pixels, box = wedge()
    mirrored = seen(pixels, box, View("m", mirror=True), cut)
    assert (mirrored[:, ::-1] == cut(pixels, box)).all()
    assert mirrored[32, 3, 1] == 200


def test_a_turned_item_shows_its_true_surroundings_in_the_corners() -> None:
    pixels, box = wedge()
    turned = seen(pixels, box, View("t", turn=20), cut)
    # The box of a turned square has corners beside the square: blue counter, not black or grey.
    for corner in (turned[1, 1], turned[1, -2], turned[-2, 1], turned[-2, -2]):
        assert corner[0] > 180 and corner[1:].max() < 20
    assert turned[32, 32, 2] > 180


def test_turning_is_clockwise() -> None:
    pixels, box = wedge()
    turned = seen(pixels, box, View("t", turn=20), cut).astype(int)
    rows, columns = np.nonzero(turned[:, :, 1] > 120)
    # The green right edge leans: its top moves to the right of its bottom when turned clockwise.
    assert columns[rows < 24].mean() > columns[rows > 40].mean() + 4


def test_at_the_edge_of_a_picture_the_last_pixels_are_repeated() -> None:
    white = np.full((200, 200, 3), 255, np.uint8)
    for view in VIEWS[1:]:
        crop_seen = seen(white, WHOLE, View("t", view.turn, zoom=view.zoom), cut)
        assert (crop_seen == 255).all(), view


def test_brightness_and_defocus_do_what_they_say() -> None:
    pixels, box = wedge()
    plain = cut(pixels, box).astype(int)
    dim = seen(pixels, box, View("d", gain=0.75), cut)
    assert np.abs(dim - plain * 0.75).max() <= 1
    bright = seen(pixels, box, View("b", gain=2.0), cut)
    assert bright.max() == 255
    soft = seen(pixels, box, View("s", defocus=0.03), cut).astype(int)
    assert np.abs(np.diff(soft[32, :, 1])).max() < np.abs(np.diff(plain[32, :, 1])).max() / 2


def test_light_and_distance_do_what_they_say() -> None:
    pixels, box = wedge()
    plain = cut(pixels, box).astype(int)
    warm = seen(pixels, box, View("w", tint=(0.5, 1, 1)), cut)
    loose = View("l", zoom=1.3)
    assert np.abs(warm[:, :, 2] - plain[:, :, 2]).max() == 0
    assert seen(pixels, box, View("w", zoom=1.3, tint=(0.5, 1, 1)), cut)[0, 0, 0] == 100
    assert seen(pixels, box, loose, cut)[0, 0, 0] == 200
    dark = seen(pixels, box, View("g", gamma=2), cut)
    assert dark[32, 32, 2] == round(255 * (200 / 255) ** 2)
    noisy = seen(pixels, box, View("n", noise=8), cut).astype(int)[16:48, 8:40, 2]
    assert 2 < np.std(noisy) < 12
    far = seen(pixels, box, View("f", far=12), cut).astype(int)
    assert np.abs(np.diff(far[32, :, 1])).max() < np.abs(np.diff(plain[32, :, 1])).max() / 2


def test_a_squeezed_item_is_narrower_and_its_box_with_it() -> None:
    pixels, box = wedge()
    sizes = []

    def keep(around: Pixels, inner: Box) -> Pixels:
        sizes.append((round(inner.width), round(inner.height)))
        return cut(around, inner)

    narrow = seen(pixels, box, View("s", squeeze=(0.5, 1)), keep)
    assert sizes == [(50, 100)] and narrow[:, :60, 0].max() < 20


def test_a_tight_box_shows_less_and_a_loose_one_shows_the_counter() -> None:
    pixels, box = wedge()
    tight = seen(pixels, box, View("t", zoom=0.8), cut)
    loose = seen(pixels, box, View("l", zoom=1.3), cut)
    assert tight[:, :, 0].max() == 0
    assert loose[0, 0, 0] == 200


def test_a_large_picture_gives_the_same_views_as_a_small_one() -> None:
    pixels, box = wedge()
    large = resize(pixels, 4000, 3000)
    ten = Box(box.x1 * 10, box.y1 * 10, box.x2 * 10, box.y2 * 10)
    for view in VIEWS + MIRRORED:
        small, big = seen(pixels, box, view, cut), seen(large, ten, view, cut)
        assert np.abs(small.astype(int) - big).mean() < 6, view


def test_boxes_of_any_shape_and_place_work_and_an_empty_one_is_refused() -> None:
    pixels, _ = wedge()
    boxes = (Box(0, 0, 400, 300), Box(0.4, 0.6, 9.7, 299), Box(390, 290, 400, 300), Box(3, 3, 5, 5))
    for box in boxes:
        for view in VIEWS + MIRRORED + CAMERA:
            assert seen(pixels, box, view, cut).shape == (64, 64, 3)
    with pytest.raises(ImageError):
        seen(pixels, Box(5, 5, 5, 5), PLAIN, cut)


def test_views_of_an_item_stay_nearer_to_it_than_to_other_items(tmp_path: Path) -> None:
    _, embedder = open_models(write_models(tmp_path))
    vectors = []
    for item in range(4):
        pixels = picture(item)
        bright = np.argwhere(pixels.max(axis=2) > 140)
        (top, left), (bottom, right) = bright.min(axis=0), bright.max(axis=0) + 1
        box = Box(float(left), float(top), float(right), float(bottom))
        crops = [seen(pixels, box, view, embedder.crop) for view in VIEWS]
        assert crops[0].shape == (CROP, CROP, 3)
        vectors.append(embedder.embed(crops))
    table = np.array(vectors)
    for item in range(4):
        own = table[item] @ table[item, 0]
        others = max(float((table[item] @ table[j, 0]).max()) for j in range(4) if j != item)
        assert own.min() > others
