# SPDX-License-Identifier: Apache-2.0
"""Labels of the bottles: drawn flat, front in the middle, wrapped around later."""

import math

from kiosk.scene import motifs as m
from kiosk.scene.art import Canvas


def olive_oil(c: Canvas, code: str) -> None:
    """Colline d'Oro: cream paper with an olive branch."""
    w, h = c.width, c.height
    c.rect(0, 0, w, h, "#f5efdc")
    c.rect(0, 0, w, 0.12, "#b08d3c")
    c.rect(0, h - 0.12, w, 0.12, "#b08d3c")
    x = w / 2
    c.line([(x - 2.3, h * 0.6), (x - 0.3, h * 0.5), (x + 2.4, h * 0.56)], "#6b5a2c", 0.09)
    for k in range(9):
        u = -2.2 + k * 0.55
        y = h * (0.5 + 0.012 * abs(u) ** 1.5)
        m.leaf(c, x + u, y, 1.25, -0.9 + 0.1 * k, "#6d8a3f" if k % 2 else "#55742f")
        m.leaf(c, x + u, y, 1.1, 0.8 - 0.05 * k, "#7c9a4a")
    for u, v in ((-1.2, 0.64), (0.1, 0.63), (1.3, 0.66)):
        m.fruit(c, x + u, h * v, 0.36, "#6e7a2e", "#3b4516")
    c.text(x, h * 0.17, "COLLINE", 0.66, "#3b4516", bold=0.05, tracking=0.16, fit=5)
    c.text(x, h * 0.31, "d'Oro", 0.62, "#b08d3c", bold=0.05, slant=0.25)
    c.text(
        x, h * 0.80, "EXTRA VIRGIN OLIVE OIL", 0.26, "#3b4516", bold=0.05, tracking=0.08, fit=5.2
    )
    c.text(x, h * 0.90, "500 ml", 0.22, "#6b5a2c")
    m.barcode(c, w * 0.06, h * 0.3, 2.8, 2.0, code)


def water(c: Canvas, code: str) -> None:
    """Isfjord: pale blue peaks."""
    w, h = c.width, c.height
    c.fade(0, 0, w, h, "#e9f6fb", "#9fd4ea")
    m.mountains(
        c,
        h,
        [
            (w / 2 - 1.9, h * 0.5, 2.4),
            (w / 2 + 2.0, h * 0.44, 2.2),
            (0, h * 0.5, 2.6),
            (w, h * 0.5, 2.6),
        ],
        "#5aa6cc",
        "#ffffff",
    )
    m.mountains(c, h, [(w / 2, h * 0.62, 2.3)], "#2c7fb0", "#ffffff")
    m.waves(c, h * 0.88, 0.12, 2.2, "#155d8c")
    c.text(w / 2, h * 0.19, "ISFJORD", 0.78, "#0f4c75", bold=0.06, tracking=0.16, fit=5.4)
    c.text(w / 2, h * 0.95, "still glacier water", 0.24, "#ffffff", bold=0.04)
    m.barcode(c, w * 0.09, h * 0.2, 2.6, h * 0.5, code)


def juice(c: Canvas, code: str) -> None:
    """Solana mango juice: coral block letters and a mango."""
    w, h = c.width, c.height
    c.rect(0, 0, w, h, "#fff4dd")
    x = w / 2
    c.disc(x, h * 0.60, 1.95, "#f26b3a", 1.62, -0.5)
    for k in range(10):
        c.disc(x - 0.05 * k, h * 0.6 - 0.05 * k, 1.9 - 0.14 * k, "#ffc43d2e", 1.56 - 0.12 * k, -0.5)
    c.disc(x - 0.75, h * 0.50, 0.5, "#ffffff60", 0.24, -0.7)
    m.leaf(c, x + 0.9, h * 0.42, 1.8, -0.6, "#3f9150")
    m.leaf(c, x + 0.9, h * 0.42, 1.3, 0.1, "#59ab62")
    c.text(x, h * 0.16, "SOLANA", 0.92, "#d6402b", bold=0.1, tracking=0.04, fit=5.4)
    c.text(x, h * 0.30, "mango & lime", 0.36, "#3f9150", bold=0.04)
    c.rect(0, h * 0.86, w, h * 0.14, "#d6402b")
    c.text(x, h * 0.93, "COLD PRESSED  300 ml", 0.24, "#fff4dd", bold=0.04, tracking=0.06)
    m.barcode(c, w * 0.08, h * 0.3, 2.8, 2.0, code)


def hot_sauce(c: Canvas, code: str) -> None:
    """Dragon Field: black label, flames and a chili."""
    w, h = c.width, c.height
    c.rect(0, 0, w, h, "#1b1416")
    for layer, (colour, tall) in enumerate(
        (("#b3201b", 0.62), ("#ee6a1f", 0.47), ("#ffc22e", 0.3))
    ):
        points: list[tuple[float, float]] = [(0.0, h)]
        for k in range(61):
            rise = 0.55 + 0.45 * math.sin(k * 2.4 + layer) if k % 2 else 0.42
            points.append((w * k / 60, h - h * tall * rise))
        c.poly([*points, (w, h)], colour)
    x = w / 2
    c.disc(x, h * 0.36, 2.2, "#1b1416", h * 0.3)
    c.text(x, h * 0.20, "DRAGON", 0.74, "#ffc22e", bold=0.1, tracking=0.03, fit=4.6)
    c.text(x, h * 0.38, "FIELD", 0.56, "#ffffff", bold=0.08, tracking=0.4)
    c.text(x, h * 0.52, "chili sauce", 0.3, "#ee6a1f", bold=0.04)
    chili = [(x - 1.5, h * 0.72), (x - 0.6, h * 0.79), (x + 0.6, h * 0.79), (x + 1.5, h * 0.68)]
    c.line(chili, "#7c0f10", 0.62)
    c.line([(a, b - 0.05) for a, b in chili], "#e3261f", 0.5)
    c.line([(x - 1.5, h * 0.72), (x - 2.0, h * 0.66)], "#5f9a3a", 0.16)
    m.barcode(c, w * 0.06, h * 0.12, 2.6, h * 0.4, code)


def shampoo(c: Canvas, code: str) -> None:
    """Lavanna: lavender stems on white."""
    w, h = c.width, c.height
    c.fade(0, 0, w, h, "#f3eefa", "#d9caef")
    x = w / 2
    for k in range(-4, 5):
        bend = k * 0.16
        top = h * (0.47 + 0.025 * abs(k))
        c.line(
            [(x + k * 0.3, h), (x + k * 0.42, h * 0.75), (x + k * 0.5 + bend, top)], "#6f9a6a", 0.07
        )
        for step in range(8):
            y = top + step * 0.24
            u = x + k * 0.5 + bend * (1 - step / 9)
            for side in (-1, 1):
                c.disc(
                    u + side * 0.13, y, 0.16, "#7d56b8" if step % 2 else "#9a77cf", 0.11, side * 0.6
                )
    c.text(x, h * 0.14, "Lavanna", 0.95, "#4b2d80", bold=0.05, slant=0.12, fit=5)
    c.text(x, h * 0.25, "CALMING SHAMPOO", 0.26, "#7d56b8", bold=0.04, tracking=0.2, fit=5)
    c.text(x, h * 0.33, "lavender & oat milk", 0.26, "#4b2d80")
    c.text(x, h * 0.95, "250 ml", 0.24, "#4b2d80", bold=0.04)
    m.barcode(c, w * 0.06, h * 0.4, 2.8, 2.0, code)


def honey(c: Canvas, code: str) -> None:
    """Wildhive: hexagons and a bee."""
    w, h = c.width, c.height
    c.rect(0, 0, w, h, "#fbe6a8")
    size = 0.52
    for row in range(14):
        for column in range(34):
            u = (column + 0.5 * (row % 2)) * size * 1.74
            v = row * size * 1.5
            hexagon = [
                (
                    u + size * 0.9 * math.sin(k * math.pi / 3),
                    v + size * 0.9 * math.cos(k * math.pi / 3),
                )
                for k in range(6)
            ]
            c.poly(hexagon, "#f4c64f" if (row * 5 + column * 3) % 4 else "#e8ac2f")
    x = w / 2
    c.disc(x, h * 0.5, 2.75, "#5a3510", h * 0.45)
    c.disc(x, h * 0.5, 2.6, "#fff8e3", h * 0.425)
    c.text(x, h * 0.42, "WILDHIVE", 0.62, "#5a3510", bold=0.08, tracking=0.05, fit=4.4)
    c.text(x, h * 0.58, "blossom honey", 0.32, "#b8741a", bold=0.03, slant=0.15)
    c.text(x, h * 0.74, "350 g", 0.24, "#5a3510", bold=0.04)
    c.disc(x + 0.35, h * 0.2, 0.36, "#ffffff", 0.2, -0.9)
    c.disc(x - 0.05, h * 0.2, 0.36, "#e6edf2", 0.2, -0.4)
    c.disc(x, h * 0.26, 0.5, "#f0b323", 0.26)
    for off in (-0.18, 0.06, 0.28):
        c.rect(x + off, h * 0.26 - 0.24, 0.1, 0.48, "#2b1b0a", 0.05)
    m.barcode(c, w * 0.06, h * 0.2, 2.8, h * 0.6, code)
