# SPDX-License-Identifier: Apache-2.0
"""Drawn thin things: necklaces, chains, rings, pendants, cords, as cut-outs; and metal and glass.

Owns what no training photo shows: items that are almost only outline, of metal or see-through.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from tools.backdrops import F32, F64, U8, Rng, colour, dot

SIDE = 288
METALS = ((70, 165, 215), (190, 195, 200), (215, 215, 220), (130, 150, 215), (60, 75, 90))  # BGR


def metal(rng: Rng) -> F64:
    """A metal's middle tone, BGR: gold, silver, rose gold, dark steel; now and then a cord's."""
    if rng.random() < 0.2:
        return np.asarray(colour(rng, saturation=1.0), np.float64)
    tone = np.array(METALS[int(rng.integers(len(METALS)))], float) * rng.uniform(0.55, 1.15)
    return np.asarray(np.clip(tone + rng.normal(0, 6, 3), 0, 255), np.float64)


def _loop(rng: Rng, points: int) -> F64:
    """A smooth closed or open line as one lays a chain down, (points, 2) in 0..1."""
    turn = np.linspace(0, 2 * np.pi, points, endpoint=False)
    if rng.random() < 0.3:  # open
        turn = turn * rng.uniform(0.5, 0.95)
    line = np.stack([np.cos(turn) * rng.uniform(0.25, 1.0), np.sin(turn)], -1)
    for k in range(2, 2 + int(rng.integers(0, 4))):
        wave = np.cos(k * turn + rng.uniform(0, 2 * np.pi))
        line += rng.normal(0, 0.35 / k, 2) * wave[:, None]
    low, span = line.min(0), np.ptp(line, axis=0)
    return np.asarray((line - low) / float(span.max()), np.float64)


def _chain(rng: Rng, canvas: U8) -> F64:
    """Draw a chain, a string of beads or a cord; returns its points."""
    side = canvas.shape[0]
    line = _loop(rng, 1500) * (side * 0.82) + side * 0.08
    tone, thick = metal(rng), max(2, int(side * np.exp(rng.uniform(np.log(0.009), np.log(0.04)))))
    steps = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    pitch = thick * rng.uniform(0.9, 2.2)
    where = np.searchsorted(steps, np.arange(0, steps[-1], pitch))
    if rng.random() < 0.75:  # the links hang together
        ink = [*map(float, tone * rng.uniform(0.6, 1.0)), 255.0]
        path = line.astype(np.int32)[:, None]
        cv2.polylines(canvas, [path], False, ink, max(1, thick // 2), cv2.LINE_AA)
    for number, at in enumerate(where.clip(0, len(line) - 1)):
        glint = 0.55 + 0.75 * abs(np.sin(number * 1.3 + at * 0.02)) + rng.normal(0, 0.12)
        ink = [*map(float, np.clip(tone * glint, 0, 255)), 255.0]
        cv2.circle(canvas, dot(line[at]), max(1, thick // 2), ink, -1, cv2.LINE_AA)
    return np.asarray(line, np.float64)


def _stone(rng: Rng, canvas: U8, at: F64, size: float) -> None:
    """A pendant, stone or charm with a rim, a sheen and a highlight."""
    corners = int(rng.choice([3, 4, 5, 6, 40]))
    turn = np.linspace(0, 2 * np.pi, corners, endpoint=False) + rng.uniform(0, 2 * np.pi)
    reach = size * np.array([rng.uniform(0.5, 1.0), 1.0])
    outline = (at + np.stack([np.cos(turn), np.sin(turn)], -1) * reach).astype(np.int32)
    tone = metal(rng)
    cv2.fillPoly(canvas, [outline], [*map(float, tone), 255.0], cv2.LINE_AA)
    for share, glint in ((0.7, 1.25), (0.45, 0.75), (0.2, 1.6)):
        inner = (at + (outline - at) * share + size * 0.1 * rng.normal(0, 1, 2)).astype(np.int32)
        ink = [*map(float, np.clip(tone * glint, 0, 255)), 255.0]
        cv2.fillPoly(canvas, [inner], ink, cv2.LINE_AA)


def _ring(rng: Rng, canvas: U8) -> F64:
    """Draw a ring, bangle or hoop; returns its middle."""
    side = canvas.shape[0]
    tone, thick = metal(rng), max(3, int(side * rng.uniform(0.015, 0.11)))
    axes = np.array([rng.uniform(0.12, 0.38), 0.38]) * side
    middle = np.array([side / 2, side / 2])
    for k, glint in enumerate((0.65, 1.0, 1.5)):
        ink = [*map(float, np.clip(tone * glint, 0, 255)), 255.0]
        first = rng.uniform(0, 360)
        span = 360 if k == 0 else rng.uniform(60, 200)
        cv2.ellipse(
            canvas, dot(middle), dot(axes), 0, first, first + span, ink,
            max(1, thick // (1, 2, 5)[k]), cv2.LINE_AA,
        )  # fmt: skip
    return np.asarray(middle - [0, axes[1]], np.float64)


def jewel(rng: Rng) -> U8:
    """A thin thing as a trimmed cut-out, BGRA uint8, at most 288 pixels long."""
    canvas = np.zeros((2 * SIDE, 2 * SIDE, 4), np.uint8)
    if rng.random() < 0.65:
        line = _chain(rng, canvas)
        if rng.random() < 0.6:
            at = line[int(np.argmax(line[:, 1]))]
            _stone(rng, canvas, np.asarray(at), 2 * SIDE * rng.uniform(0.02, 0.09))
    else:
        at = _ring(rng, canvas)
        if rng.random() < 0.5:
            _stone(rng, canvas, at, 2 * SIDE * rng.uniform(0.03, 0.13))
    small = cv2.resize(canvas, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    ys, xs = np.nonzero(small[..., 3] > 60)
    cut = small[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1].astype(np.float32)
    cut[..., :3] *= 255 / np.maximum(cut[..., 3:], 1)  # the rim was mixed with nothing
    return np.ascontiguousarray(np.clip(cut, 0, 255), np.uint8)


def plated(rng: Rng, pixels: F32) -> F32:
    """The same thing in metal: light runs over it in bands, colour is one tone. BGR float."""
    light = pixels.mean(2) / 255
    bands = 0.5 + 0.5 * np.sin(light * rng.uniform(4, 14) + rng.uniform(0, 6))
    tone = metal(rng)
    shine = (0.35 + 0.9 * bands)[..., None] * tone
    return np.asarray(np.clip(shine, 0, 255), np.float32)


def see_through(rng: Rng, alpha: npt.NDArray[np.float32]) -> F32:
    """What glass or clear plastic covers of the ground: its rim, and a little inside."""
    reach = max(1, int(np.sqrt(float(alpha.sum())) * rng.uniform(0.02, 0.08)))
    inside = cv2.erode(alpha, cv2.getStructuringElement(2, (2 * reach + 1, 2 * reach + 1)))
    rim = alpha - cv2.GaussianBlur(inside, (0, 0), 0.5 * reach + 0.5) * rng.uniform(0.5, 0.85)
    return np.asarray(np.clip(rim, 0, alpha), np.float32)
