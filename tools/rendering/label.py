# SPDX-License-Identifier: Apache-2.0
"""The printed faces of a made-up package: front, side and lid.

Owns layout. Faces are BGR uint8; a front is drawn from the design alone, each ingredient (words,
main colour, picture) from its own field, so that a twin differs in that ingredient only.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tools.rendering import lettering, pictures
from tools.rendering.design import U8, Colour, Design, Rng, colour_of

INKS: tuple[Colour, ...] = ((25, 22, 20), (250, 250, 250))


@dataclass(frozen=True, slots=True)
class Palette:
    """A design's colours: main area, second area, accent, and inks that show on them."""

    main: Colour
    second: Colour
    accent: Colour
    on_main: Colour
    on_accent: Colour


def readable(colour: Colour) -> Colour:
    """Black or white, whichever shows on `colour`."""
    blue, green, red = colour
    return INKS[0] if 0.114 * blue + 0.587 * green + 0.299 * red > 140 else INKS[1]


def palette(one: Design) -> Palette:
    """Second and accent colours depend on the layout alone: a colour twin keeps them."""
    rng = np.random.default_rng([one.layout, 1])
    main = colour_of(one.main)
    second = (
        INKS[1] if rng.random() < 0.5
        else colour_of((rng.uniform(0, 360), rng.uniform(0.2, 0.9), rng.uniform(0.4, 1)))
    )  # fmt: skip
    accent = colour_of((rng.uniform(0, 360), rng.uniform(0.5, 1), rng.uniform(0.3, 1)))
    return Palette(main, second, accent, readable(main), readable(accent))


def _plate(canvas: U8, rng: Rng, area: lettering.Area, colour: Colour) -> None:
    """What a brand name stands on: a bar, an ellipse, a leaning block, a ribbon."""
    x, y, w, h = area
    form = int(rng.integers(5))
    if form == 0:
        cv2.rectangle(canvas, (int(x), int(y)), (int(x + w), int(y + h)), colour, -1)
    elif form == 1:
        turn = np.linspace(0, 2 * np.pi, 40)
        round_edge = np.column_stack([np.cos(turn) * w * 0.58, np.sin(turn) * h * 0.68])
        pictures.fill(canvas, round_edge + [x + w / 2, y + h / 2], colour)
    elif form == 2:
        lean = h * rng.uniform(0.2, 0.5)
        corners = [[x + lean, y], [x + w, y], [x + w - lean, y + h], [x, y + h]]
        pictures.fill(canvas, corners, colour)
    elif form == 3:
        fold = h * 0.4
        corners = [[x - fold, y], [x + w + fold, y], [x + w, y + h / 2], [x + w + fold, y + h],
                   [x - fold, y + h], [x, y + h / 2]]  # fmt: skip
        pictures.fill(canvas, corners, colour)
    else:
        cv2.line(canvas, (int(x), int(y + h)), (int(x + w), int(y + h)), colour, 3, cv2.LINE_AA)


_ROWS = (
    # brand, name, picture (centre x, centre y, radius), flavour; fractions of the face
    ((0.12, 0.05, 0.76, 0.17), (0.15, 0.25, 0.7, 0.1), (0.5, 0.58, 0.3), (0.0, 0.84, 1.0, 0.12)),
    ((0.06, 0.06, 0.5, 0.14), (0.06, 0.23, 0.6, 0.1), (0.62, 0.66, 0.38), (0.06, 0.36, 0.5, 0.09)),
    ((0.1, 0.4, 0.8, 0.18), (0.2, 0.61, 0.6, 0.09), (0.5, 0.2, 0.24), (0.1, 0.78, 0.8, 0.1)),
    ((0.08, 0.68, 0.84, 0.16), (0.2, 0.87, 0.6, 0.08), (0.5, 0.33, 0.36), (0.0, 0.56, 1.0, 0.08)),
    ((0.08, 0.08, 0.84, 0.24), (0.08, 0.35, 0.84, 0.13), (0.28, 0.75, 0.2), (0.5, 0.68, 0.45, 0.1)),
    ((0.08, 0.05, 0.6, 0.09), (0.08, 0.42, 0.84, 0.2), (0.75, 0.2, 0.17), (0.08, 0.65, 0.84, 0.1)),
    ((0.2, 0.12, 0.6, 0.12), (0.25, 0.27, 0.5, 0.08), (0.5, 0.52, 0.2), (0.25, 0.74, 0.5, 0.08)),
)  # fmt: skip


def _shapes(canvas: U8, rng: Rng, colours: Palette) -> None:
    """Large areas of the second colour: a band, a corner, a window, a frame or nothing."""
    height, width = canvas.shape[:2]
    form = int(rng.integers(7))
    if form == 0:
        level = rng.uniform(0.3, 0.75)
        tilted = level - rng.uniform(-0.25, 0.25)
        corners = [[0, level], [1, tilted], [1, 1], [0, 1]]
        pictures.fill(canvas, np.array(corners) * [width, height], colours.second)
    elif form == 1:
        centre = (rng.uniform(0.3, 0.7) * width, rng.uniform(0.35, 0.7) * height)
        reach = min(height, width) * rng.uniform(0.3, 0.5)
        pictures.fill(canvas, pictures.blob(rng, centre, reach, 0.06), colours.second)
    elif form == 2:
        edge = int(min(height, width) * rng.uniform(0.03, 0.07))
        cv2.rectangle(
            canvas, (edge, edge), (width - edge, height - edge), colours.accent, edge // 2
        )
    elif form == 3:
        top = int(height * rng.uniform(0.15, 0.35))
        canvas[:top] = colours.accent
    elif form == 4:
        left = int(width * rng.uniform(0.12, 0.3))
        canvas[:, :left] = colours.accent


def _foil(canvas: U8, rng: Rng) -> None:
    """A metallic band across the face."""
    height, width = canvas.shape[:2]
    top, tall = int(height * rng.uniform(0, 0.9)), int(height * rng.uniform(0.02, 0.08)) + 2
    tone = np.array(((150, 190, 215), (205, 205, 205))[int(rng.integers(2))], np.float32)
    glint = 0.65 + 0.35 * np.sin(np.linspace(0, rng.uniform(4, 14), width) + rng.uniform(0, 6))
    part = canvas[top : top + tall]
    part[:] = np.clip(glint[None, :, None] * tone * 1.15, 0, 255).astype(np.uint8)


def front(one: Design, width: int, height: int) -> U8:
    """The face that sells: BGR height×width×3."""
    colours = palette(one)
    rng = np.random.default_rng([one.layout, 2])
    canvas = np.empty((height, width, 3), np.uint8)
    pictures.ground(canvas, rng, colours.main, colours.second)
    _shapes(canvas, rng, colours)
    if rng.random() < 0.3:
        _foil(canvas, rng)
    brand, name, (px, py, reach), flavour = _ROWS[int(rng.integers(len(_ROWS)))]
    faces = [lettering.typeface(rng) for _ in range(3)]
    pictures.picture(canvas, one.picture, (px * width, py * height), reach * min(width, height))

    def area(part: lettering.Area) -> lettering.Area:
        return part[0] * width, part[1] * height, part[2] * width, part[3] * height

    plated = rng.random() < 0.6
    if plated:
        _plate(canvas, rng, area(brand), colours.accent)
    under = canvas[int(area(brand)[1]) : int(area(brand)[1] + area(brand)[3])].mean((0, 1))
    plain = readable((int(under[0]), int(under[1]), int(under[2])))
    ink = colours.on_accent if plated else plain
    x, y, w, h = area(brand)
    lettering.write(canvas, one.words[0], (x + w * 0.06, y + h * 0.12, w * 0.88, h * 0.76),
                    faces[0], ink, None if plated else colours.accent)  # fmt: skip
    at = area(name)
    level = canvas[int(at[1]) : int(at[1] + at[3])].mean((0, 1))
    ink = readable((int(level[0]), int(level[1]), int(level[2])))
    lettering.write(canvas, one.words[1], at, faces[1], ink, None)
    x, y, w, h = area(flavour)
    band = colours.main if rng.random() < 0.5 else colours.second
    cv2.rectangle(canvas, (int(x), int(y)), (int(x + w), int(y + h)), band, -1)
    lettering.write(canvas, one.words[2], (x + w * 0.04, y + h * 0.15, w * 0.92, h * 0.7),
                    faces[2], readable(band))  # fmt: skip
    _extras(canvas, rng, one, ink)
    return canvas


def _extras(canvas: U8, rng: Rng, one: Design, ink: Colour) -> None:
    """Weight, signs, small print, a burst."""
    height, width = canvas.shape[:2]
    short = min(height, width)
    amount = f"{round(one.size[1] * 100) * 5} {('g', 'ml')[int(rng.integers(2))]}"
    plain = lettering.Type(cv2.FONT_HERSHEY_SIMPLEX, 3, 0.0, "lower", 0)
    left = rng.uniform(0.05, 0.7) * width
    lettering.write(
        canvas, amount, (left, 0.955 * height, 0.25 * width, 0.035 * height), plain, ink
    )
    if rng.random() < 0.6:
        at = (rng.uniform(0.1, 0.9) * width, rng.uniform(0.05, 0.9) * height)
        pictures.logo(canvas, rng, at, short * rng.uniform(0.04, 0.1), ink)
    for _ in range(int(rng.integers(0, 4))):
        at = (rng.uniform(0.08, 0.92) * width, rng.uniform(0.5, 0.95) * height)
        pictures.pictogram(canvas, rng, at, short * rng.uniform(0.03, 0.07), ink)
    if rng.random() < 0.5:
        lettering.small_print(
            canvas, (0.05 * width, 0.7 * height, 0.35 * width, 0.12 * height), rng, ink
        )


def side(one: Design, width: int, height: int) -> U8:
    """A narrow side: the brand upright, facts, small print and a barcode."""
    colours = palette(one)
    rng = np.random.default_rng([one.layout, 3])
    canvas = np.empty((height, width, 3), np.uint8)
    canvas[:] = colours.main if rng.random() < 0.75 else colours.second
    ink = readable((int(canvas[0, 0, 0]), int(canvas[0, 0, 1]), int(canvas[0, 0, 2])))
    kind = lettering.typeface(np.random.default_rng([one.layout, 4]))
    if height > 1.3 * width:
        turned = np.ascontiguousarray(np.rot90(canvas[: height // 2]))
        rows, columns = turned.shape[:2]
        area = (columns * 0.05, rows * 0.25, columns * 0.9, rows * 0.5)
        lettering.write(turned, one.words[0], area, kind, ink)
        canvas[: height // 2] = np.rot90(turned, -1)
    else:
        area = (width * 0.1, height * 0.06, width * 0.8, height * 0.2)
        lettering.write(canvas, one.words[0], area, kind, ink)
    lettering.facts(canvas, (width * 0.1, height * 0.52, width * 0.8, height * 0.22), rng, ink)
    lettering.barcode(canvas, (width * 0.12, height * 0.78, width * 0.6, height * 0.16), rng)
    return canvas


def lid(one: Design, width: int, height: int) -> U8:
    """The top face: the brand and the flavour, small."""
    colours = palette(one)
    rng = np.random.default_rng([one.layout, 6])
    canvas = np.empty((height, width, 3), np.uint8)
    canvas[:] = colours.main if rng.random() < 0.7 else colours.accent
    ink = readable((int(canvas[0, 0, 0]), int(canvas[0, 0, 1]), int(canvas[0, 0, 2])))
    kind = lettering.typeface(np.random.default_rng([one.layout, 4]))
    lettering.write(canvas, one.words[0], (width * 0.1, height * 0.2, width * 0.5, height * 0.6),
                    kind, ink)  # fmt: skip
    lettering.write(canvas, one.words[2], (width * 0.65, height * 0.35, width * 0.28, height * 0.3),
                    kind, ink)  # fmt: skip
    return canvas
