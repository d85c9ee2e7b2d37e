# SPDX-License-Identifier: Apache-2.0
"""Labels of the cans: drawn flat, front in the middle, wrapped around later."""

import math
from collections.abc import Callable

from kiosk.scene import motifs as m
from kiosk.scene.art import Canvas

Label = Callable[[Canvas, str], None]


def _back(c: Canvas, code: str, ink: str, paper: str) -> None:
    """Barcode and table at both sides of the front."""
    w, h = c.width, c.height
    wide = min(3.4, w * 0.17)
    m.barcode(c, w * 0.16 - wide / 2, h * 0.52, wide, min(2.2, h * 0.34), code)
    m.small_print(c, w * 0.16 - wide / 2, h * 0.24, wide, 5, ink, 0.11)
    m.nutrition(c, w * 0.84 - wide / 2, h * 0.24, wide, min(h * 0.6, 3.4), ink, paper)


def soda(accent: str, deep: str) -> Label:
    """Zingo orange soda; the two varieties differ in the colour of the band."""

    def draw(c: Canvas, code: str) -> None:
        w, h = c.width, c.height
        c.fade(0, 0, w, h, "#ff9a1f", "#f26a0c")
        m.bubbles(c, 5, 70, "#ffffff38", 0, h)
        x = w / 2
        m.rays(c, x, h * 0.36, 1.2, 5.2, 20, "#ffc24a60")
        m.citrus(c, x + 1.15, h * 0.80, 1.5, "#f7810f", "#ffb43a")
        m.citrus(c, x - 1.5, h * 0.84, 1.1, "#f7810f", "#ffb43a", tilt=0.5)
        m.leaf(c, x - 0.2, h * 0.72, 1.3, -1.0, "#3f9b46")
        m.waves(c, h * 0.30, 0.28, w / 3, deep, 0.4, h * 0.60)
        m.waves(c, h * 0.325, 0.28, w / 3, accent, 0.4, h * 0.575)
        for off in (0.0, 0.36, -0.36):
            c.text(
                x + off * w,
                h * 0.44,
                "ZINGO",
                1.45 if not off else 1.0,
                "#ffffff",
                bold=0.12,
                slant=0.22,
                fit=5.4,
            )
        c.text(x, h * 0.165, "sparkling orange", 0.42, "#7a2c00", bold=0.04)
        c.text(x, h * 0.095, "SINCE SUNRISE", 0.2, "#7a2c00", tracking=0.3, bold=0.04)
        c.text(x, h * 0.965, "330 ml", 0.26, "#ffffff", bold=0.05)

    return draw


def tomatoes(c: Canvas, code: str) -> None:
    """Rosso Vivo: vine tomatoes on cream."""
    w, h = c.width, c.height
    c.rect(0, 0, w, h, "#f7ecd2")
    c.rect(0, 0, w, h * 0.1, "#2f6b3a")
    c.rect(0, h * 0.9, w, h * 0.1, "#c4281f")
    x = w / 2
    for base in (x, x - w * 0.5, x + w * 0.5):
        c.line([(base - 2.2, h * 0.47), (base, h * 0.43), (base + 2.3, h * 0.5)], "#4d7c35", 0.16)
        for u, v, r in (
            (-1.75, 0.66, 0.95),
            (0.05, 0.62, 1.1),
            (1.8, 0.68, 0.98),
            (-0.85, 0.77, 0.85),
            (0.95, 0.79, 0.8),
        ):
            m.fruit(c, base + u, h * v, r, "#e23b27", "#9a1712")
            for k in range(5):
                m.leaf(c, base + u, h * v - r * 0.8, r * 0.62, k * 1.256 + 0.3, "#3f7a33")
    _back(c, code, "#6b1d12", "#fffaf0")
    c.text(x, h * 0.21, "ROSSO", 1.12, "#c4281f", bold=0.1, tracking=0.06)
    c.text(x, h * 0.345, "VIVO", 0.78, "#2f6b3a", bold=0.1, tracking=0.35)
    c.text(x, h * 0.05, "PEELED TOMATOES", 0.3, "#f7ecd2", bold=0.05, tracking=0.12)
    c.text(x, h * 0.95, "400 g  in tomato juice", 0.28, "#f7ecd2", bold=0.03)


def tuna(c: Canvas, code: str) -> None:
    """Maris: a silver fish over blue scales."""
    w, h = c.width, c.height
    c.fade(0, 0, w, h, "#0f4f8f", "#0a2f5e")
    for row in range(7):
        for column in range(48):
            x = (column + 0.5 * (row % 2)) * w / 47
            c.ring(x, row * h / 6, w / 94 * 1.25, "#ffffff1c", 0.03)
    x = w / 2
    c.rect(x - 4.3, h * 0.1, 8.6, h * 0.8, "#f4f7f9", h * 0.2)
    c.text(x - 1.9, h * 0.4, "MARIS", 1.02, "#0f4f8f", bold=0.1, slant=0.15, fit=4)
    c.text(x - 1.9, h * 0.68, "tuna in olive oil", 0.3, "#d08a1d", bold=0.05)
    c.disc(x + 2.1, h * 0.5, 1.45, "#6d8ea8", 0.56, -0.12)
    c.disc(x + 2.05, h * 0.56, 1.3, "#c8d6df", 0.36, -0.12)
    c.poly([(x + 3.3, h * 0.45), (x + 4.0, h * 0.22), (x + 3.85, h * 0.6)], "#6d8ea8")
    c.poly([(x + 1.7, h * 0.4), (x + 2.3, h * 0.2), (x + 2.6, h * 0.4)], "#55768f")
    c.disc(x + 1.1, h * 0.5, 0.12, "#13293a")
    m.barcode(c, w * 0.14, h * 0.14, 3.0, h * 0.72, code)
    c.text(w * 0.86, h * 0.5, "MARIS", 0.8, "#ffffff", bold=0.08, slant=0.15)


def coffee(c: Canvas, code: str) -> None:
    """Black Heron cold brew: black with a white bird and a copper moon."""
    w, h = c.width, c.height
    c.fade(0, 0, w, h, "#26282c", "#121316")
    for base in (w / 2, 0.0, w):
        c.disc(base, h * 0.34, 1.75, "#c7773d")
        c.disc(base, h * 0.34, 1.68, "#dd9150")
        c.line(
            [(base + 0.2, h * 0.60), (base + 0.1, h * 0.47), (base - 0.15, h * 0.42)],
            "#f4f1ea",
            0.12,
        )
        c.line([(base + 0.45, h * 0.60), (base + 0.4, h * 0.48)], "#f4f1ea", 0.08)
        c.disc(base + 0.35, h * 0.42, 0.85, "#f4f1ea", 0.42, 0.35)
        c.line(
            [
                (base - 0.25, h * 0.39),
                (base - 0.55, h * 0.33),
                (base - 0.2, h * 0.28),
                (base - 0.32, h * 0.235),
            ],
            "#f4f1ea",
            0.2,
        )
        c.poly(
            [(base - 0.3, h * 0.225), (base - 1.25, h * 0.25), (base - 0.3, h * 0.25)], "#f4f1ea"
        )
        c.poly([(base + 0.5, h * 0.40), (base + 1.5, h * 0.48), (base + 0.6, h * 0.45)], "#bdb6a8")
        for k in range(3):
            m.waves(c, h * (0.61 + 0.012 * k), 0.05, 1.8, "#dd915022" if k else "#12131600", k)
    c.text(w / 2, h * 0.70, "BLACK", 0.72, "#f4f1ea", bold=0.06, tracking=0.18, fit=4.2)
    c.text(w / 2, h * 0.775, "HERON", 0.72, "#f4f1ea", bold=0.06, tracking=0.18, fit=4.2)
    c.rect(w / 2 - 1.5, h * 0.825, 3.0, 0.05, "#dd9150")
    c.text(w / 2, h * 0.87, "COLD BREW", 0.33, "#dd9150", bold=0.04, tracking=0.25)
    c.text(w / 2, h * 0.93, "250 ml", 0.22, "#bdb6a8")
    m.barcode(c, w * 0.08, h * 0.68, 2.6, 2.0, code)


def chickpeas(c: Canvas, code: str) -> None:
    """Green Acre: kraft paper with a green sprig."""
    w, h = c.width, c.height
    c.rect(0, 0, w, h, "#d9bd8b")
    for k in range(0, 120):
        c.rect((k * 7.13) % w, (k * 3.77) % h, 0.7, 0.03, "#c4a56e90")
    x = w / 2
    for base in (x, x - w / 2, x + w / 2):
        for k in range(7):
            y = h * (0.86 - k * 0.05)
            m.leaf(c, base - 2.6 + k * 0.1, y, 1.2, -0.4 - 0.1 * k, "#4f7f3c")
            m.leaf(c, base - 2.6 + k * 0.1, y, 1.2, math.pi + 0.4 + 0.1 * k, "#5e9147")
        for u, v in ((0.4, 0.78), (1.5, 0.82), (2.4, 0.74), (1.0, 0.68), (2.0, 0.66)):
            m.fruit(c, base + u, h * v, 0.5, "#ecca84", "#b98a44")
            c.line([(base + u, h * v - 0.3), (base + u + 0.08, h * v)], "#b98a44", 0.06)
    _back(c, code, "#44371e", "#f3e4c4")
    c.disc(x, h * 0.3, 2.65, "#2f5a32", h * 0.235)
    c.ring(x, h * 0.3, 2.1, "#d9bd8b00", 0.04)
    c.text(x, h * 0.24, "GREEN ACRE", 0.56, "#fff4d8", bold=0.08, tracking=0.05, fit=4.4)
    c.rect(x - 1.4, h * 0.30, 2.8, 0.05, "#e4b94c")
    c.text(x, h * 0.365, "chickpeas", 0.5, "#e4b94c", bold=0.03, slant=0.15)
    c.text(x + 1.4, h * 0.93, "400 g", 0.26, "#44371e", bold=0.05)


def spray(c: Canvas, code: str) -> None:
    """Glossolux spray paint: not in the catalog."""
    w, h = c.width, c.height
    c.rect(0, 0, w, h, "#e8ebee")
    c.rect(0, h * 0.62, w, h * 0.38, "#23272d")
    x = w / 2
    for k, colour in enumerate(("#e6007e", "#ff7a00", "#ffd500", "#00a88f", "#2d5bd7")):
        c.poly(
            [
                (x - 3.4 + k * 1.2, h * 0.62),
                (x - 2.2 + k * 1.2, h * 0.62),
                (x - 0.9 + k * 1.2, h * 0.30),
                (x - 2.1 + k * 1.2, h * 0.30),
            ],
            colour,
        )
    c.text(x, h * 0.13, "GLOSSO", 1.0, "#23272d", bold=0.08, tracking=0.04, fit=5)
    c.text(x, h * 0.22, "LUX", 0.6, "#e6007e", bold=0.12, tracking=0.6)
    c.text(x, h * 0.71, "ACRYLIC SPRAY", 0.4, "#ffffff", bold=0.06, tracking=0.08)
    c.text(x, h * 0.78, "gloss magenta", 0.34, "#ff9bd0")
    for k in (-1, 1):
        y = h * 0.89
        c.poly(
            [
                (x + k * 0.9, y - 0.55),
                (x + k * 0.9 + 0.55, y),
                (x + k * 0.9, y + 0.55),
                (x + k * 0.9 - 0.55, y),
            ],
            "#d8202a",
        )
        c.poly(
            [
                (x + k * 0.9, y - 0.42),
                (x + k * 0.9 + 0.42, y),
                (x + k * 0.9, y + 0.42),
                (x + k * 0.9 - 0.42, y),
            ],
            "#ffffff",
        )
        c.text(x + k * 0.9, y, "!", 0.42, "#111111", bold=0.1)
    m.barcode(c, w * 0.07, h * 0.66, 3.0, 2.2, code)
