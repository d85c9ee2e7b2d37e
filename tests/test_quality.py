# SPDX-License-Identifier: Apache-2.0
"""How well an item is seen, and what reaches in over it: measured on drawn counters."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from prints import face

from kiosk.errors import ImageError
from kiosk.scene.render import Scene
from kiosk.values import Box, Pixels
from kiosk.vision.background import Background
from kiosk.vision.quality import measure, moved

SIZE = (640, 480)
ITEM = Box(220, 120, 420, 320)
GREY = (120, 130, 140)
SKIN = (120, 150, 205)
GLOVE = (70, 160, 40)


def counter(seed: int = 0) -> Pixels:
    """An empty counter with the light from one side, and a sensor's noise of its own."""
    light = np.linspace(0.85, 1.1, SIZE[0])[None, :, None]
    noise = np.random.default_rng(seed).normal(0, 3, (SIZE[1], SIZE[0], 3))
    return np.clip(np.array(GREY) * light + noise, 0, 255).astype(np.uint8)


def with_item(scene: Pixels, box: Box = ITEM) -> Pixels:
    """A printed carton in `box`."""
    size = (round(box.width), round(box.height))
    shown = scene.copy()
    place = slice(round(box.y1), round(box.y2)), slice(round(box.x1), round(box.x2))
    shown[place] = cv2.resize(face(3), size, interpolation=cv2.INTER_AREA)
    return shown


def with_arm(scene: Pixels, tip: tuple[int, int], colour: tuple[int, int, int] = SKIN) -> Pixels:
    """An arm 60 pixels thick from the right edge to `tip`."""
    return np.asarray(cv2.line(scene.copy(), (SIZE[0] + 40, 260), tip, colour, 60))


def known() -> Background:
    background = Background()
    for seed in range(3):
        background.learn(counter(seed))
    assert background.known
    return background


def covered(shown: Pixels, box: Box = ITEM, *others: Box) -> float:
    surroundings = known().beside(shown)
    assert surroundings is not None
    return surroundings.covered(box, others)


def test_blur_and_streaks_lower_the_sharpness_and_nothing_else() -> None:
    sharp = with_item(counter())
    values = [measure(cv2.GaussianBlur(sharp, (0, 0), s), ITEM) for s in (0.3, 1, 1.7, 2.4)]
    assert [q.sharpness for q in values] == sorted((q.sharpness for q in values), reverse=True)
    assert values[0].sharpness > 1.3 * values[-1].sharpness
    streak = cv2.filter2D(sharp, -1, np.full((1, 9), 1 / 9))
    assert measure(streak, ITEM).sharpness < 0.7 * measure(sharp, ITEM).sharpness
    assert measure(streak, ITEM).brightness == pytest.approx(measure(sharp, ITEM).brightness, 0.02)


def test_a_plain_item_is_not_called_blurred() -> None:
    plain = counter()
    assert measure(plain, ITEM).sharpness > 1.0
    assert measure(np.full((100, 100, 3), 90, np.uint8), Box(10, 10, 60, 60)).sharpness > 1.0


def test_light_is_measured_in_shares() -> None:
    shown = with_item(counter())
    dark, lit = (shown // 12).astype(np.uint8), cv2.convertScaleAbs(shown, alpha=2.6)
    assert measure(dark, ITEM).brightness < 0.1 < measure(shown, ITEM).brightness
    assert measure(dark, ITEM).dark > 0.3
    assert measure(lit, ITEM).clipped > 0.5 > measure(shown, ITEM).clipped
    half = shown.copy()
    half[120:220, 220:420] = 255
    assert measure(half, ITEM).clipped == pytest.approx(0.5, abs=0.05)


def test_sizes_are_those_of_the_box_in_the_frame() -> None:
    quality = measure(counter(), Box(100, 40, 300, 440))
    assert (quality.side_px, quality.fill) == (400, pytest.approx(400 / 480))


def test_a_box_over_the_edge_is_measured_where_it_shows() -> None:
    assert measure(counter(), Box(-50, -50, 80, 90)).brightness > 0.3
    with pytest.raises(ImageError, match="region"):
        measure(counter(), Box(700, 500, 800, 600))


def test_moving_and_growing_count_by_the_size_of_the_item() -> None:
    assert moved(Box(0, 0, 100, 50), Box(10, 0, 110, 50)) == pytest.approx(0.1)
    assert moved(Box(0, 0, 100, 50), Box(-20, 0, 120, 50)) == pytest.approx(20 / 140)
    assert measure(counter(), ITEM, before=ITEM).moved == 0.0


def test_nothing_is_said_before_the_counter_was_seen_empty() -> None:
    background = Background()
    assert background.beside(counter()) is None
    background.learn(counter(1))
    assert not background.known
    background.learn(counter(2))
    assert background.known
    background.forget()
    assert background.beside(counter()) is None


def test_a_counter_on_which_something_moves_is_not_learnt() -> None:
    background = Background()
    background.learn(with_arm(counter(1), (500, 240)))
    background.learn(with_arm(counter(2), (300, 240)))
    assert not background.known


def test_a_passing_hand_does_not_become_a_part_of_the_counter() -> None:
    background = known()
    for step in range(8):
        background.learn(with_arm(counter(step), (600 - 60 * step, 240)))
    surroundings = background.beside(counter(20))
    assert surroundings is not None
    assert surroundings.occupied < 0.01


def test_another_frame_size_starts_anew() -> None:
    background = known()
    assert background.beside(np.zeros((640, 480, 3), np.uint8)) is None


def test_an_item_alone_is_not_covered() -> None:
    assert covered(with_item(counter(9))) == 0.0


@pytest.mark.parametrize("colour", [SKIN, GLOVE, (25, 25, 28), (60, 70, 130)])
def test_a_hand_of_any_colour_over_the_item_covers_it(colour: tuple[int, int, int]) -> None:
    shown = with_item(counter(9))
    little = covered(with_arm(shown, (410, 240), colour))
    much = covered(with_arm(shown, (290, 220), colour))
    assert 0.02 < little < 0.2
    assert little + 0.1 < much < 0.65


def test_an_arm_beside_the_item_does_not_cover_it() -> None:
    shown = with_item(counter(9))
    beside = cv2.line(shown, (SIZE[0] + 40, 440), (200, 440), SKIN, 50)
    assert covered(beside) == 0.0


def test_another_item_beside_it_is_no_hand() -> None:
    other = Box(420, 150, 640, 330)
    shown = with_item(with_item(counter(9)), other)
    assert covered(shown, ITEM, other) == 0.0


def test_an_item_at_the_edge_is_not_said_to_be_covered() -> None:
    box = Box(500, 120, 640, 320)
    assert covered(with_item(counter(9), box), box) == 0.0


@pytest.mark.parametrize("gain", [0.75, 1.25])
def test_another_exposure_of_the_same_counter_is_no_hand(gain: float) -> None:
    lit = cv2.convertScaleAbs(with_item(counter(9)), alpha=gain)
    surroundings = known().beside(lit)
    assert surroundings is not None
    assert surroundings.covered(ITEM) == 0.0
    assert surroundings.occupied == pytest.approx(ITEM.area / (640 * 480), abs=0.04)


def test_a_shadow_is_no_hand() -> None:
    shown = with_item(counter(9)).astype(np.float32)
    shown[180:300, 420:] *= 0.7
    assert covered(shown.astype(np.uint8)) == 0.0


def test_on_the_demo_counter_only_frames_with_a_hand_are_covered() -> None:
    scene = Scene(width=320, height=240, fps=4, seed=1)
    background, hands, free = Background(), [], []
    for index in range(40):
        frame = scene.render(index)
        if not frame.truth:
            background.learn(frame.pixels)
            continue
        surroundings = background.beside(frame.pixels)
        if surroundings is None or len(frame.truth) > 1:
            continue
        (item,) = frame.truth
        (free if item.visible > 0.999 else hands).append(surroundings.covered(item.box))
    assert free
    assert max(free) < 0.12
    assert hands
    assert max(hands) > 0.04
