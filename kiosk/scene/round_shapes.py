# SPDX-License-Identifier: Apache-2.0
"""Outlines of cans and bottles, and their skins: colours, lids and labels laid out along the
outline.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np

from kiosk.scene.art import Canvas
from kiosk.scene.can_art import Label
from kiosk.scene.turned import Outline, Zone
from kiosk.scene.view import Pixels

PER_CM = 40.0
METAL = Zone("metal", 0.6, 0.16)
GLASS = Zone("glass", 0.05, 0.02)
PAPER = Zone("print", 0.035, 0.45)
VARNISH = Zone("print", 0.10, 0.12)
PLASTIC = Zone("plastic", 0.06, 0.2)


@dataclass(slots=True)
class Build:
    """A profile under construction, bottom to top: `to` adds a stretch with its zone and RGB
    colour.
    """

    points: list[tuple[float, float]] = field(default_factory=lambda: [(0.0, 0.0)])
    zones: list[Zone] = field(default_factory=list)
    colours: list[str] = field(default_factory=list)
    label: tuple[int, int] = (0, 0)
    ribs: tuple[int, int] = (0, 0)
    lid: bool = False

    def to(self, r: float, h: float, zone: Zone, colour: str) -> None:
        """One straight stretch."""
        self.points.append((r, h))
        self.zones.append(zone)
        self.colours.append(colour)

    def bend(
        self, r: float, h: float, zone: Zone, colour: str, start: bool = True, steps: int = 9
    ) -> None:
        """A quarter curve that starts vertical (`start`) or horizontal."""
        r0, h0 = self.points[-1]
        for k in range(1, steps + 1):
            a = k / steps * math.pi / 2
            u, v = (1 - math.cos(a), math.sin(a)) if start else (math.sin(a), 1 - math.cos(a))
            self.to(r0 + (r - r0) * u, h0 + (h - h0) * v, zone, colour)

    def swell(self, r: float, h: float, zone: Zone, colour: str, steps: int = 14) -> None:
        """An S curve, vertical at both ends."""
        r0, h0 = self.points[-1]
        for k in range(1, steps + 1):
            t = k / steps
            self.to(r0 + (r - r0) * t * t * (3 - 2 * t), h0 + (h - h0) * t, zone, colour)

    def wear(self, h: float, zone: Zone, colour: str) -> None:
        """A straight labelled wall up to a height; ruled into short stretches."""
        first = len(self.points) - 1
        self.to(self.points[-1][0], h, zone, colour)
        self.label = (first, len(self.points) - 1)

    @property
    def outline(self) -> Outline:
        """The finished profile."""
        return Outline(tuple(self.points), tuple(self.zones))

    def skin(self, draw: Label, code: str) -> Pixels:
        """Skin (rows along the outline from the top, columns around), BGR."""
        lengths = self.outline.lengths
        total = float(lengths[-1])
        girth = math.tau * max(r for r, _ in self.points)
        rows, columns = round(total * PER_CM), round(girth * PER_CM)
        skin = np.zeros((rows, columns, 3), np.uint8)
        edge = [round(float(total - s) * PER_CM) for s in lengths]
        for index, colour in enumerate(self.colours):
            skin[edge[index + 1] : max(edge[index], edge[index + 1] + 1)] = _bgr(colour)
        if self.ribs[1]:
            top, bottom = edge[self.ribs[1]], edge[self.ribs[0]]
            wave = np.sin(np.arange(columns) / columns * math.tau * 60)
            light = 1 + 0.22 * np.sign(wave) * np.abs(wave) ** 0.5
            skin[top:bottom] = np.clip(skin[top:bottom] * light[None, :, None], 0, 255)
        if self.lid:
            _stamp_lid(skin, self.points[-2][0], round(float(total - lengths[-2]) * PER_CM))
        first, last = self.label
        canvas = Canvas(girth, float(lengths[last] - lengths[first]), "#ffffff", PER_CM)
        draw(canvas, code)
        art = canvas.pixels()
        top = edge[last]
        skin[top : top + art.shape[0]] = cv2.resize(art, (columns, art.shape[0]))[: rows - top]
        return skin


def _bgr(colour: str) -> tuple[int, int, int]:
    return int(colour[5:7], 16), int(colour[3:5], 16), int(colour[1:3], 16)


def _stamp_lid(skin: Pixels, radius: float, rows: int) -> None:
    """Pull tab and pressed ring of a drink can, drawn as a disc and unrolled to the first `rows`
    rows.
    """
    size = 360
    disc = np.full((size, size), 205, np.uint8)
    c = size // 2
    for r, value, thick in ((168, 150, 5), (162, 235, 4), (120, 175, 3), (116, 228, 3)):
        cv2.circle(disc, (c, c), r, value, thick, cv2.LINE_AA)
    cv2.ellipse(disc, (c, c + 62), (52, 44), 0, 0, 360, 150, 4, cv2.LINE_AA)
    cv2.ellipse(disc, (c, c + 62), (49, 41), 0, 0, 360, 225, 2, cv2.LINE_AA)
    cv2.ellipse(disc, (c, c - 24), (34, 58), 0, 0, 360, 120, -1, cv2.LINE_AA)
    cv2.ellipse(disc, (c, c - 27), (32, 56), 0, 0, 360, 240, -1, cv2.LINE_AA)
    cv2.ellipse(disc, (c, c - 48), (19, 24), 0, 0, 360, 110, -1, cv2.LINE_AA)
    cv2.ellipse(disc, (c, c - 46), (18, 23), 0, 0, 360, 178, -1, cv2.LINE_AA)
    cv2.circle(disc, (c, c + 6), 13, 150, 3, cv2.LINE_AA)
    cv2.circle(disc, (c, c + 6), 9, 250, -1, cv2.LINE_AA)
    columns = skin.shape[1]
    angle = (np.arange(columns) / columns - 0.5) * math.tau
    reach = (np.arange(rows) + 0.5) / rows * (c - 4)
    x = (c + reach[:, None] * np.sin(angle)).astype(np.float32)
    y = (c + reach[:, None] * np.cos(angle)).astype(np.float32)
    skin[:rows] = cv2.remap(disc, x, y, cv2.INTER_LINEAR)[..., None]


def drink_can(r: float, h: float, colour: str) -> Build:
    """Aluminium drink can with a necked top and a pull tab."""
    b = Build(lid=True)
    b.to(r * 0.76, 0.0, METAL, "#c9cdd2")
    b.to(r * 0.86, 0.25, METAL, "#c9cdd2")
    b.bend(r, 0.85, VARNISH, colour, start=False, steps=5)
    b.wear(h - 1.15, VARNISH, colour)
    b.swell(r * 0.83, h - 0.28, VARNISH, colour, 6)
    b.to(r * 0.84, h - 0.2, METAL, "#e8ebee")
    b.to(r * 0.86, h - 0.05, METAL, "#e8ebee")
    b.to(r * 0.84, h, METAL, "#f2f4f6")
    b.to(r * 0.79, h - 0.02, METAL, "#e8ebee")
    b.to(r * 0.75, h - 0.42, METAL, "#b9bec4")
    b.to(0.0, h - 0.42, METAL, "#d5d8dc")
    return b


def food_can(r: float, h: float) -> Build:
    """Steel food can: rolled rims, stepped lid."""
    steel = "#ccd0d4"
    b = Build()
    b.to(r * 1.0, 0.0, METAL, steel)
    b.bend(r * 1.03, 0.12, METAL, steel, steps=3)
    b.to(r * 1.0, 0.34, METAL, steel)
    b.wear(h - 0.36, PAPER, "#ffffff")
    b.to(r * 1.03, h - 0.2, METAL, steel)
    b.to(r * 1.03, h - 0.06, METAL, "#e4e7ea")
    b.to(r * 1.0, h, METAL, "#f0f2f4")
    b.to(r * 0.95, h - 0.03, METAL, steel)
    b.to(r * 0.92, h - 0.36, METAL, "#9ea4aa")
    for k, reach in enumerate((0.84, 0.80, 0.70, 0.66, 0.54, 0.50)):
        b.to(r * reach, h - (0.36 if k % 4 in (0, 3) else 0.27), METAL, steel)
    b.to(0.0, h - 0.27, METAL, steel)
    return b


def spray_can(r: float, h: float) -> Build:
    """Spray can: steel dome and a coloured cap."""
    b = Build()
    b.to(r * 0.97, 0.0, METAL, "#c9cdd2")
    b.to(r, 0.15, METAL, "#c9cdd2")
    b.wear(h * 0.70, VARNISH, "#e8ebee")
    b.to(r * 1.02, h * 0.715, METAL, "#d8dce0")
    b.bend(r * 0.80, h * 0.765, METAL, "#d8dce0", steps=5)
    b.to(r * 0.84, h * 0.77, PLASTIC, "#d6006f")
    b.to(r * 0.80, h * 0.955, PLASTIC, "#e6007e")
    b.bend(r * 0.68, h, PLASTIC, "#e6007e", steps=5)
    b.to(0.0, h, PLASTIC, "#e6007e")
    return b


def _cap(b: Build, r: float, h: float, colour: str, ribbed: bool = True) -> None:
    base = b.points[-1][1]
    b.to(r, base, PLASTIC, colour)
    start = len(b.points) - 1
    b.to(r, h - 0.18, PLASTIC, colour)
    if ribbed:
        b.ribs = (start, len(b.points) - 1)
    b.bend(r - 0.18, h, PLASTIC, colour, steps=4)
    b.to(0.0, h, PLASTIC, colour)


@dataclass(frozen=True, slots=True)
class BottleShape:
    """Measures of a bottle in cm and its RGB colours."""

    radius: float
    shoulder: float
    neck_radius: float
    neck: float
    height: float
    liquid: str
    cap: str
    label: tuple[float, float]
    zone: Zone = GLASS
    paper: Zone = PAPER
    ribbed: bool = True
    waist: float = 0.0


def bottle(shape: BottleShape) -> Build:
    """A bottle or jar: heel, labelled wall, shoulder, neck and cap."""
    s = shape
    b = Build()
    b.to(s.radius * 0.9, 0.0, s.zone, s.liquid)
    b.bend(s.radius, 0.5, s.zone, s.liquid, start=False, steps=5)
    b.to(s.radius, s.label[0], s.zone, s.liquid)
    b.wear(s.label[1], s.paper, "#ffffff")
    if s.waist:
        for k in range(1, 13):
            level = s.label[1] + (s.shoulder - s.label[1]) * k / 12
            b.to(s.radius - s.waist * math.sin(k / 12 * math.pi * 2) ** 2, level, s.zone, s.liquid)
    else:
        b.to(s.radius, s.shoulder, s.zone, s.liquid)
    b.swell(s.neck_radius, s.neck, s.zone, s.liquid)
    _cap(b, s.neck_radius + 0.22, s.height, s.cap, s.ribbed)
    return b


Shape = Callable[[], Build]
