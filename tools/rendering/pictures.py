# SPDX-License-Identifier: Apache-2.0
"""Pictures on made-up labels: fruit-like things, logos, pictograms, patterns, grounds.

Owns what is drawn beside the words. Everything draws into a BGR uint8 canvas in place; centres and
radii are in pixels. A picture depends on nothing but its seed, its centre and its radius.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from tools.rendering.design import U8, Colour, Rng, colour_of, mixed

NATURAL = (0, 5, 10, 22, 30, 38, 48, 56, 75, 100, 120, 340)
_SHIFT = 4


def fixed(points: npt.ArrayLike) -> npt.NDArray[np.int32]:
    """Points (n, 2) as OpenCV's sixteenths of a pixel."""
    return np.asarray(np.round(np.asarray(points, float) * 2**_SHIFT), np.int32)


def fill(canvas: U8, points: npt.ArrayLike, colour: Colour) -> None:
    """A filled polygon with smooth edges."""
    cv2.fillPoly(canvas, [fixed(points)], colour, cv2.LINE_AA, _SHIFT)


def blob(rng: Rng, centre: tuple[float, float], radius: float, rough: float = 0.12) -> np.ndarray:
    """Outline (48, 2) of a round-ish thing."""
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    reach = np.ones(48)
    for order in range(1, 5):
        reach += rng.normal(0, rough / order) * np.cos(order * angles + rng.uniform(0, 6.3))
    reach = np.clip(reach, 0.4, 1.6) * radius
    return np.column_stack([np.cos(angles), np.sin(angles)]) * reach[:, None] + centre


def _tone(rng: Rng, hue: float) -> tuple[Colour, Colour, Colour]:
    """Shadow, body and light of one natural colour."""
    s, v = rng.uniform(0.55, 0.95), rng.uniform(0.6, 0.98)
    return (
        colour_of((hue - 6, min(1.0, s * 1.1), v * 0.6)),
        colour_of((hue, s, v)),
        colour_of((hue + 8, s * 0.5, min(1.0, v * 1.2))),
    )


def _fruit(canvas: U8, rng: Rng, centre: tuple[float, float], radius: float, hue: float) -> None:
    dark, body, light = _tone(rng, hue)
    outline = blob(rng, centre, radius)
    middle = np.array(centre)
    fill(canvas, outline, dark)
    fill(canvas, (outline - middle) * 0.88 + middle - radius * 0.07, body)
    shine = middle - radius * 0.35
    fill(canvas, (outline - middle) * 0.22 + shine, light)
    top = (middle[0], middle[1] - radius * 0.9)
    leaf = blob(rng, (top[0] + radius * 0.3, top[1]), radius * 0.28, 0.35)
    fill(canvas, leaf, colour_of((rng.uniform(85, 130), 0.7, rng.uniform(0.35, 0.7))))


def _slice(canvas: U8, rng: Rng, centre: tuple[float, float], radius: float, hue: float) -> None:
    dark, body, light = _tone(rng, hue)
    cv2.circle(canvas, (int(centre[0]), int(centre[1])), int(radius), dark, -1, cv2.LINE_AA)
    cv2.circle(canvas, (int(centre[0]), int(centre[1])), int(radius * 0.88), light, -1, cv2.LINE_AA)
    parts, turn = int(rng.integers(5, 11)), rng.uniform(0, 1)
    for k in range(parts):
        angles = (k + turn + np.array([0.08, 0.5, 0.92])) * 2 * np.pi / parts
        rim = np.column_stack([np.cos(angles), np.sin(angles)]) * radius * 0.8
        fill(canvas, np.vstack([rim * 0.1, rim]) + centre, body)


def _grains(canvas: U8, rng: Rng, centre: tuple[float, float], radius: float, hue: float) -> None:
    dark, body, light = _tone(rng, hue)
    length, width = radius * rng.uniform(0.2, 0.45), radius * rng.uniform(0.08, 0.2)
    for _ in range(int(rng.integers(14, 34))):
        away = rng.normal(0, 0.42, 2) * radius
        at = (int(centre[0] + away[0]), int(centre[1] + away[1]))
        tone = (dark, body, body, light)[int(rng.integers(4))]
        axes = (max(2, int(length)), max(1, int(width)))
        cv2.ellipse(canvas, at, axes, rng.uniform(0, 180), 0, 360, tone, -1, cv2.LINE_AA)


def _bowl(canvas: U8, rng: Rng, centre: tuple[float, float], radius: float, hue: float) -> None:
    dish = colour_of((rng.uniform(0, 360), rng.uniform(0, 0.6), rng.uniform(0.6, 1)))
    x, y = int(centre[0]), int(centre[1])
    cv2.ellipse(canvas, (x, y), (int(radius), int(radius * 0.8)), 0, 0, 180, dish, -1, cv2.LINE_AA)
    _, body, _ = _tone(rng, hue)
    cv2.ellipse(canvas, (x, y), (int(radius), int(radius * 0.3)), 0, 0, 360, body, -1, cv2.LINE_AA)
    for _ in range(int(rng.integers(4, 10))):
        away = rng.uniform(-0.6, 0.6, 2) * radius * [1, 0.35]
        _fruit(canvas, rng, (x + away[0], y + away[1]), radius * 0.16, hue + rng.normal(0, 12))


def _leaves(canvas: U8, rng: Rng, centre: tuple[float, float], radius: float, hue: float) -> None:
    for angle in np.arange(int(rng.integers(3, 8))) * 2.4 + rng.uniform(0, 6):
        dark, body, _ = _tone(rng, hue + rng.normal(0, 8))
        along = np.array([np.cos(angle), np.sin(angle)])
        across = np.array([-along[1], along[0]])
        t = np.linspace(0, np.pi, 12)[:, None]
        ridge = along * (1 - np.cos(t)) / 2 * radius
        width = across * np.sin(t) * radius * rng.uniform(0.15, 0.3)
        fill(canvas, np.vstack([ridge + width, (ridge - width)[::-1]]) + centre, body)
        tip = np.array(centre) + along * radius
        cv2.line(canvas, (int(centre[0]), int(centre[1])), (int(tip[0]), int(tip[1])), dark, 1, 16)


_SUBJECTS = (_fruit, _slice, _grains, _bowl, _leaves)


def picture(canvas: U8, seed: int, centre: tuple[float, float], radius: float) -> None:
    """The flavour picture number `seed`: a heap, a slice, a bowl, leaves, alone or together."""
    rng = np.random.default_rng([seed, 5])
    hue = float(rng.choice(NATURAL) + rng.normal(0, 5))
    subject = _SUBJECTS[int(rng.integers(len(_SUBJECTS)))]
    if rng.random() < 0.35:  # something behind it
        other = _SUBJECTS[int(rng.integers(len(_SUBJECTS)))]
        side = float(rng.choice([-1, 1]))
        at = (centre[0] + side * radius * 0.5, centre[1] - radius * 0.25)
        other(canvas, rng, at, radius * 0.6, float(rng.choice(NATURAL)))
    count = int(rng.choice([1, 1, 1, 2, 3]))
    for k in range(count):
        away = (k - (count - 1) / 2) * radius * 0.8
        drop = 0.18 * radius * (k % 2)
        subject(canvas, rng, (centre[0] + away, centre[1] + drop), radius / count**0.4, hue)


def logo(canvas: U8, rng: Rng, centre: tuple[float, float], radius: float, ink: Colour) -> None:
    """A brand sign: a star, a ring, a shield, a drop or a sun."""
    form, points = int(rng.integers(5)), int(rng.integers(4, 11))
    angles = np.arange(2 * points) * np.pi / points - np.pi / 2
    reach = np.where(np.arange(2 * points) % 2, rng.uniform(0.35, 0.8), 1.0)[:, None] * radius
    x, y = int(centre[0]), int(centre[1])
    if form == 0:
        fill(canvas, np.column_stack([np.cos(angles), np.sin(angles)]) * reach + centre, ink)
    elif form == 1:
        cv2.circle(canvas, (x, y), int(radius), ink, max(2, int(radius * 0.25)), cv2.LINE_AA)
        cv2.circle(canvas, (x, y), max(1, int(radius * 0.4)), ink, -1, cv2.LINE_AA)
    elif form == 2:
        shield = np.array([[-1, -1], [1, -1], [1, 0.2], [0, 1], [-1, 0.2]]) * radius
        fill(canvas, shield + centre, ink)
    elif form == 3:
        fill(canvas, blob(rng, centre, radius, 0.45), ink)
    else:
        for k in range(points):
            turn = 2 * np.pi * k / points
            tip = (x + int(np.cos(turn) * radius), y + int(np.sin(turn) * radius))
            cv2.line(canvas, (x, y), tip, ink, max(1, int(radius * 0.15)), cv2.LINE_AA)


def pictogram(
    canvas: U8, rng: Rng, centre: tuple[float, float], radius: float, ink: Colour
) -> None:
    """A small round or square sign with a simple mark inside."""
    x, y, r = int(centre[0]), int(centre[1]), max(3, int(radius))
    if rng.random() < 0.6:
        cv2.circle(canvas, (x, y), r, ink, max(1, r // 6), cv2.LINE_AA)
    else:
        cv2.rectangle(canvas, (x - r, y - r), (x + r, y + r), ink, max(1, r // 6))
    points = rng.uniform(-0.6, 0.6, (int(rng.integers(3, 6)), 2)) * r + centre
    fill(canvas, points, ink)


def ground(canvas: U8, rng: Rng, main: Colour, second: Colour) -> None:
    """Cover the whole canvas: plain, fading, striped, rayed, dotted or waved; `main` prevails."""
    height, width = canvas.shape[:2]
    canvas[:] = main
    form = int(rng.choice(7, p=(0.3, 0.2, 0.14, 0.09, 0.09, 0.09, 0.09)))
    soft = mixed(main, second, 0.28)
    if form == 1:
        fade = np.linspace(0, rng.uniform(0.3, 0.7), height, dtype=np.float32)[:, None, None]
        canvas[:] = (canvas * (1 - fade) + np.array(second, np.float32) * fade).astype(np.uint8)
    elif form == 2:
        step = int(rng.integers(10, 60))
        lean = int(rng.choice([0, 1, 2]))  # upright, level, leaning
        for at in range(-height, width + height, 2 * step):
            start, end = (at, 0), (at if lean == 0 else at + height, height)
            if lean == 1:
                start, end = (0, at), (width, at)
            cv2.line(canvas, start, end, soft, step // 2 + 1, cv2.LINE_AA)
    elif form == 3:
        middle = (rng.uniform(0.2, 0.8) * width, rng.uniform(0.2, 0.8) * height)
        for turn in np.arange(0, 2 * np.pi, np.pi / int(rng.integers(5, 14))):
            rays = np.array([turn, turn + 0.15])
            far = np.column_stack([np.cos(rays), np.sin(rays)]) * 2 * max(height, width)
            fill(canvas, np.vstack([[0, 0], far]) + middle, soft)
    elif form == 4:
        step, size = int(rng.integers(14, 44)), rng.uniform(0.15, 0.4)
        for row, y in enumerate(range(0, height + step, step)):
            for x in range((row % 2) * step // 2, width + step, step):
                cv2.circle(canvas, (x, y), int(step * size), soft, -1, cv2.LINE_AA)
    elif form >= 5:
        xs = np.linspace(0, width, 40)
        waves = 1 if form == 5 else int(rng.integers(3, 7))
        for k in range(waves):
            level = height * (rng.uniform(0.5, 0.8) if waves == 1 else (k + 0.5) / waves)
            ys = level + height * 0.06 * np.sin(xs / width * rng.uniform(3, 12) + rng.uniform(0, 6))
            low = np.full(40, height) if waves == 1 else ys + height * 0.3 / waves
            edge = np.vstack([np.column_stack([xs, ys]), np.column_stack([xs, low])[::-1]])
            fill(canvas, edge, second if waves == 1 else soft)
