# SPDX-License-Identifier: Apache-2.0
"""Artwork of cartons that are no food: a light bulb, tablets, and a parcel nobody lists."""

import math
import random

from kiosk.scene import motifs as m
from kiosk.scene.art import Canvas
from kiosk.scene.carton_faces import Design, Faces, Size, faces_of, lid_face


def bulb(size: Size, code: str) -> Faces:
    """Lumen: a glowing bulb on dark green."""
    w, h, d = size
    c = Canvas(w, h, "#12332f")
    for step in range(30):
        c.disc(w / 2, h * 0.47, 4.6 * (1 - step / 31), "#ffe08a0d")
    m.rays(c, w / 2, h * 0.47, 2.5, 3.3, 18, "#ffd75e70", 0.1)
    c.disc(w / 2, h * 0.47, 2.05, "#ffefb8")
    c.disc(w / 2, h * 0.47, 1.75, "#fff9e4")
    c.poly(
        [
            (w / 2 - 1.25, h * 0.58),
            (w / 2 + 1.25, h * 0.58),
            (w / 2 + 0.75, h * 0.70),
            (w / 2 - 0.75, h * 0.70),
        ],
        "#ffefb8",
    )
    for index in range(4):
        c.rect(
            w / 2 - 0.75,
            h * 0.70 + index * 0.27,
            1.5,
            0.21,
            "#b9c4c6" if index % 2 else "#8e9a9d",
            0.1,
        )
    c.line(
        [
            (w / 2 - 0.5, h * 0.58),
            (w / 2 - 0.55, h * 0.45),
            (w / 2 - 0.15, h * 0.5),
            (w / 2 + 0.2, h * 0.44),
            (w / 2 + 0.55, h * 0.46),
            (w / 2 + 0.5, h * 0.58),
        ],
        "#e8a11f",
        0.1,
    )
    c.text(w / 2, h * 0.1, "LUMEN", 1.02, "#ffffff", bold=0.06, tracking=0.12, fit=w * 0.84)
    c.text(w / 2, h * 0.185, "warm white LED", 0.34, "#ffd75e")
    c.rect(0, h * 0.88, w, h * 0.12, "#ffd75e")
    c.text(w * 0.07, h * 0.94, "8 W", 0.62, "#12332f", anchor="l", bold=0.09)
    c.text(w * 0.93, h * 0.94, "806 lm  E27", 0.36, "#12332f", anchor="r", bold=0.04)
    side = Canvas(d, h, "#ffd75e")
    side.rect(0, 0, d, h * 0.3, "#12332f")
    side.text(d / 2, h * 0.15, "LUMEN", 0.8, "#ffffff", bold=0.06, tracking=0.1)
    for index, colour in enumerate(
        ("#1f9d55", "#57b947", "#b4d335", "#f4d21f", "#f39b1d", "#e3342f")
    ):
        y = h * 0.35 + index * 0.42
        tip = 2.2 + index * 0.5
        side.poly(
            [(0.7, y), (tip, y), (tip + 0.2, y + 0.17), (tip, y + 0.34), (0.7, y + 0.34)], colour
        )
        side.text(0.95, y + 0.17, "ABCDEF"[index], 0.22, "#ffffff", bold=0.1)
    m.barcode(side, d * 0.26, h * 0.68, d * 0.48, 2.6, code)
    return faces_of(c, side, lid_face(size, "#12332f", "#ffd75e", "LUMEN"))


def tablets(strength: str) -> Design:
    """Calmoral tablets; the two strengths differ in one word."""

    def design(size: Size, code: str) -> Faces:
        w, h, d = size
        c = Canvas(w, h, "#fbfcfd")
        c.poly([(w * 0.60, 0), (w, 0), (w, h), (w * 0.46, h)], "#d9edf4")
        c.poly([(w * 0.72, 0), (w, 0), (w, h), (w * 0.58, h)], "#7cc0d8")
        c.poly([(w * 0.86, 0), (w, 0), (w, h), (w * 0.72, h)], "#1f7fa6")
        for x, y, t in ((w * 0.78, h * 0.35, 0.5), (w * 0.84, h * 0.66, -0.3)):
            c.disc(x + 0.07, y + 0.1, 0.95, "#00000030", 0.5, t)
            c.disc(x, y, 0.95, "#f2f5f7", 0.5, t)
            c.disc(x - 0.05, y - 0.07, 0.82, "#ffffff", 0.38, t)
            u, v = 0.42 * math.sin(t), 0.42 * math.cos(t)
            c.line([(x + u, y - v), (x - u, y + v)], "#c9d4da", 0.06)
        c.text(w * 0.06, h * 0.27, "Calmoral", 1.12, "#134e68", anchor="l", bold=0.06, fit=w * 0.55)
        c.rect(w * 0.06, h * 0.42, w * 0.44, 0.07, "#1f7fa6")
        c.text(w * 0.06, h * 0.57, strength, 0.74, "#d3432f", anchor="l", bold=0.08)
        c.text(w * 0.06, h * 0.74, "film-coated tablets", 0.34, "#40606e", anchor="l")
        c.text(w * 0.06, h * 0.87, "24 tablets  for oral use", 0.24, "#40606e", anchor="l")
        side = Canvas(d, h, "#1f7fa6")
        side.text(d / 2, h * 0.16, "Calmoral", 0.48, "#ffffff", bold=0.05, fit=d * 0.8)
        m.barcode(side, d * 0.15, h * 0.32, d * 0.7, h * 0.36, code)
        m.small_print(side, d * 0.12, h * 0.8, d * 0.76, 3, "#ffffff", 0.12)
        lid = Canvas(w, d, "#fbfcfd")
        lid.rect(0, 0, w, d * 0.14, "#1f7fa6")
        lid.text(w * 0.06, d * 0.5, "Calmoral", 0.8, "#134e68", anchor="l", bold=0.06)
        lid.text(w * 0.94, d * 0.5, strength, 0.6, "#d3432f", anchor="r", bold=0.08)
        return faces_of(c, side, lid)

    return design


def parcel(size: Size, code: str) -> Faces:
    """A plain brown parcel with tape and a shipping label: nobody's catalog item."""
    w, h, d = size
    rng = random.Random(3)

    def kraft(a: float, b: float) -> Canvas:
        c = Canvas(a, b, "#b98d5c")
        for _ in range(int(a * b * 5)):
            x, y = rng.uniform(0, a), rng.uniform(0, b)
            c.rect(x, y, rng.uniform(0.1, 0.8), 0.025, rng.choice(["#c79d6d60", "#a67b4a60"]))
        return c

    front = kraft(w, h)
    front.rect(w * 0.12, h * 0.16, w * 0.55, h * 0.66, "#f4f3ee", 0.08)
    front.text(w * 0.16, h * 0.26, "TO", 0.3, "#222222", anchor="l", bold=0.06)
    for index in range(3):
        front.rect(w * 0.24, h * (0.235 + 0.07 * index), w * (0.36 - 0.07 * index), 0.14, "#444444")
    m.barcode(front, w * 0.16, h * 0.46, w * 0.47, h * 0.32, code)
    front.frame(w * 0.74, h * 0.55, 2.2, 2.6, "#5d4023", 0.1)
    front.poly(
        [
            (w * 0.74 + 1.1, h * 0.6),
            (w * 0.74 + 0.4, h * 0.6 + 0.9),
            (w * 0.74 + 1.8, h * 0.6 + 0.9),
        ],
        "#5d4023",
    )
    front.rect(w * 0.74 + 0.9, h * 0.6 + 0.8, 0.4, 0.9, "#5d4023")
    lid = kraft(w, d)
    lid.rect(0, d * 0.38, w, d * 0.24, "#d8bd8ecc")
    lid.rect(0, d * 0.495, w, 0.04, "#8d6a40")
    side = kraft(d, h)
    side.rect(d * 0.38, 0, d * 0.24, h * 0.3, "#d8bd8ecc")
    return faces_of(front, side, lid)
