# SPDX-License-Identifier: Apache-2.0
"""Artwork of the food cartons: each design returns its printed faces for a size in cm."""

import math
import random

from kiosk.scene import motifs as m
from kiosk.scene.art import Canvas
from kiosk.scene.carton_faces import Faces, Size, faces_of, lid_face, side_face


def granola(size: Size, code: str) -> Faces:
    """Morning Field: sunrise over striped fields and a bowl."""
    w, h, _ = size
    c = Canvas(w, h, "#f6b63c")
    c.fade(0, 0, w, h * 0.62, "#fbe3a4", "#f39a2e")
    m.rays(c, w / 2, h * 0.55, 0.5, w * 1.1, 22, "#ffffff2e")
    c.disc(w / 2, h * 0.55, w * 0.27, "#fff3cf")
    c.disc(w / 2, h * 0.55, w * 0.235, "#ffd564")
    for index, colour in enumerate(("#8d9a3a", "#a8ad3f", "#7d8b34", "#c3b748")):
        m.waves(c, h * (0.57 + 0.055 * index), 0.34, w * 1.3, colour, 0.7 + index * 1.4)
    c.disc(w / 2, h * 0.835, w * 0.35, "#00000030", h * 0.115)
    c.disc(w / 2, h * 0.79, w * 0.34, "#f8f5ee", h * 0.055)
    c.poly(
        [
            (
                w / 2 + w * 0.34 * math.cos(a / 24 * math.pi),
                h * 0.79 + h * 0.14 * math.sin(a / 24 * math.pi),
            )
            for a in range(25)
        ],
        "#3f6d8c",
    )
    c.disc(w / 2, h * 0.79, w * 0.34, "#e9e4d8", h * 0.052)
    c.disc(w / 2, h * 0.792, w * 0.305, "#b97f3a", h * 0.043)
    rng = random.Random(4)
    for _ in range(260):
        a, r = rng.uniform(0, math.tau), math.sqrt(rng.random())
        x, y = w / 2 + r * w * 0.29 * math.cos(a), h * 0.787 + r * h * 0.038 * math.sin(a)
        c.disc(
            x,
            y,
            0.2,
            rng.choice(["#d9a352", "#e8bd73", "#a86b2c", "#f0cf8f"]),
            0.11,
            rng.uniform(0, 3),
        )
    for x, y in ((-1.6, -0.2), (1.3, 0.1), (0.1, -0.35), (2.2, -0.15), (-2.6, 0.12)):
        m.fruit(c, w / 2 + x, h * 0.785 + y, 0.36, "#d8344a", "#8f1830")
    c.text(w / 2, h * 0.115, "MORNING", 1.22, "#7a3b12", bold=0.09, tracking=0.06, fit=w * 0.84)
    c.text(w / 2, h * 0.215, "field", 1.3, "#cf4f1c", bold=0.06, slant=0.22)
    c.rect(w * 0.2, h * 0.285, w * 0.6, 0.72, "#7a3b12", 0.36)
    c.text(w / 2, h * 0.285 + 0.36, "OAT & BERRY CRUNCH", 0.32, "#fff3cf", bold=0.05, tracking=0.1)
    c.text(w * 0.93, h * 0.965, "450 g", 0.34, "#ffffff", anchor="r", bold=0.05)
    return faces_of(
        c,
        side_face(size, code, "#fbe9bd", "#7a3b12", "MORNING FIELD", "#f39a2e"),
        lid_face(size, "#f6b63c", "#7a3b12", "MORNING FIELD"),
    )


def tea(size: Size, code: str) -> Faces:
    """Alpental: a mountain lake at dusk."""
    w, h, _ = size
    c = Canvas(w, h, "#1f4e5a")
    c.fade(0, 0, w, h * 0.66, "#20586b", "#f3c9a0")
    c.disc(w * 0.72, h * 0.4, 0.95, "#fff1d6")
    m.mountains(c, h * 0.68, [(w * 0.2, 3.6, 3.4), (w * 0.83, 3.0, 3.0)], "#6b8794", "#f5efe8")
    m.mountains(c, h * 0.68, [(w * 0.5, 4.6, 4.1)], "#3c6474", "#ffffff")
    c.fade(0, h * 0.68, w, h * 0.32, "#2f6f7c", "#123641")
    for index in range(9):
        y = h * 0.70 + index * 0.24
        c.rect(w * 0.5 - 2.4 + index * 0.2, y, 4.6 - index * 0.4, 0.05, "#ffffff30", 0.025)
    for index in range(26):
        x = index * w / 25
        tall = 0.7 + 0.55 * math.sin(index * 2.3) ** 2
        c.poly([(x - 0.26, h * 0.705), (x, h * 0.705 - tall), (x + 0.26, h * 0.705)], "#16404a")
    c.rect(w * 0.08, h * 0.07, w * 0.84, h * 0.21, "#fff8ea", 0.2)
    c.text(w / 2, h * 0.15, "ALPENTAL", 0.85, "#1c4a57", bold=0.05, tracking=0.16, fit=w * 0.74)
    c.text(w / 2, h * 0.235, "HERB GARDEN TEA", 0.27, "#c06a35", bold=0.05, tracking=0.22)
    for angle in (-0.5, -1.1, -1.7, -2.3):
        m.leaf(c, w * 0.15, h * 0.97, 1.9, angle, "#7fae6b")
    c.text(w * 0.94, h * 0.92, "20 bags  30 g", 0.3, "#eaf3ee", anchor="r")
    lid = lid_face(size, "#1c4a57", "#fff8ea", "ALPENTAL")
    return faces_of(c, side_face(size, code, "#eef1e6", "#1c4a57", "ALPENTAL", "#1c4a57"), lid)


def pasta(size: Size, code: str) -> Faces:
    """Luna & Sole: night blue with a window of penne."""
    w, h, _ = size
    c = Canvas(w, h, "#16265c")
    c.fade(0, 0, w, h, "#1c3380", "#0e1a44")
    c.disc(w / 2, h * 0.6, w * 0.41, "#e7c15a", h * 0.225)
    c.disc(w / 2, h * 0.6, w * 0.39, "#f7ead0", h * 0.215)
    rng = random.Random(8)
    for _ in range(150):
        a, r = rng.uniform(0, math.tau), math.sqrt(rng.random())
        x, y = w / 2 + r * w * 0.31 * math.cos(a), h * 0.6 + r * h * 0.172 * math.sin(a)
        t = rng.uniform(0, math.pi)
        u, v = math.cos(t) * 0.62, math.sin(t) * 0.62
        c.line([(x - u, y - v + 0.06), (x + u, y + v + 0.06)], "#a8722a", 0.48)
        c.line(
            [(x - u, y - v), (x + u, y + v)], rng.choice(["#eec36a", "#e6b455", "#f3cf80"]), 0.42
        )
        c.line([(x - u, y - v - 0.06), (x + u, y + v - 0.06)], "#fff0bd90", 0.09)
        c.disc(x + u, y + v, 0.2, "#c08a3c")
        c.disc(x + u, y + v, 0.12, "#7c4f1c")
    c.disc(w / 2, h * 0.115, 1.2, "#f0c95f")
    c.disc(w / 2 + 0.45, h * 0.1, 1.0, "#1a2f78")
    m.rays(c, w / 2, h * 0.115, 1.35, 1.75, 16, "#f0c95f")
    c.text(w / 2, h * 0.255, "Luna", 1.1, "#ffffff", bold=0.06, slant=0.15, fit=w * 0.8)
    c.text(w / 2, h * 0.335, "& SOLE", 0.62, "#f0c95f", bold=0.05, tracking=0.2)
    c.rect(w * 0.1, h * 0.865, w * 0.8, 0.95, "#b8322f", 0.1)
    c.text(
        w / 2,
        h * 0.865 + 0.48,
        "PENNE RIGATE",
        0.48,
        "#ffffff",
        bold=0.06,
        tracking=0.08,
        fit=w * 0.7,
    )
    c.text(w / 2, h * 0.96, "500 g  durum wheat", 0.26, "#cdd6f2")
    return faces_of(
        c,
        side_face(size, code, "#e9edf8", "#16265c", "LUNA & SOLE", "#16265c"),
        lid_face(size, "#16265c", "#f0c95f", "LUNA & SOLE"),
    )


def oat_drink(size: Size, code: str) -> Faces:
    """Nordhav: white carton with layered waves and a sailing boat."""
    w, h, _ = size

    def sea(c: Canvas, phase: float) -> None:
        for index, colour in enumerate(("#bfe0e6", "#86c3d0", "#4a9db5", "#22708f", "#114a68")):
            m.waves(c, h * (0.55 + 0.085 * index), 0.3, c.width, colour, phase + index * 1.1)

    c = Canvas(w, h, "#f7f7f2")
    c.disc(w * 0.7, h * 0.41, 0.95, "#f2774b")
    c.poly([(w * 0.36, h * 0.54), (w * 0.36, h * 0.40), (w * 0.52, h * 0.53)], "#114a68")
    c.poly([(w * 0.34, h * 0.53), (w * 0.34, h * 0.43), (w * 0.23, h * 0.53)], "#22708f")
    sea(c, 0.0)
    c.text(w / 2, h * 0.10, "NORDHAV", 1.0, "#114a68", bold=0.07, tracking=0.04, fit=w * 0.86)
    c.rect(w * 0.07, h * 0.155, w * 0.86, 0.07, "#f2774b")
    c.text(w / 2, h * 0.205, "oat drink", 0.72, "#114a68", bold=0.02)
    c.text(w / 2, h * 0.27, "BARISTA", 0.4, "#f2774b", bold=0.06, tracking=0.35)
    c.text(w * 0.5, h * 0.95, "1 L", 0.6, "#ffffff", bold=0.08)
    side = Canvas(size[2], h, "#f7f7f2")
    sea(side, 0.0)
    side.text(size[2] / 2, h * 0.08, "NORDHAV", 0.62, "#114a68", bold=0.07, fit=size[2] * 0.8)
    m.nutrition(side, size[2] * 0.12, h * 0.14, size[2] * 0.76, h * 0.32, "#114a68", "#ffffff")
    m.barcode(side, size[2] * 0.24, h * 0.72, size[2] * 0.52, 2.4, code)
    lid = Canvas(w, size[2], "#f2f2ec")
    lid.disc(w * 0.5, size[2] * 0.55, 1.75, "#00000040")
    lid.disc(w * 0.5, size[2] * 0.52, 1.7, "#155b7d")
    m.rays(lid, w * 0.5, size[2] * 0.52, 1.45, 1.7, 40, "#0c3d56")
    lid.disc(w * 0.5, size[2] * 0.51, 1.35, "#2380a8")
    return faces_of(c, side, lid)


def biscuits(size: Size, code: str) -> Faces:
    """Petit Moulin: crimson with a row of chocolate biscuits."""
    w, h, d = size
    c = Canvas(w, h, "#a3182c")
    c.fade(0, 0, w, h, "#b81f35", "#7d0f20")
    c.frame(0.22, 0.22, w - 0.44, h - 0.44, "#e9c27a", 0.06, 0.25)
    for index in range(3):
        x, y = w * (0.64 + 0.115 * index), h * (0.6 - 0.06 * index)
        c.disc(x + 0.1, y + 0.14, 2.0, "#00000050")
        c.disc(x, y, 1.98, "#b8813f")
        c.disc(x, y, 1.9, "#d8a55c")
        c.disc(x, y, 1.5, "#4a2413")
        c.disc(x - 0.1, y - 0.12, 1.38, "#5d2f19")
        for k in range(16):
            a = k * math.tau / 16
            c.disc(x + 1.7 * math.cos(a), y + 1.7 * math.sin(a), 0.09, "#a87433")
        for k in range(4):
            a = 0.5 + k * math.tau / 4
            m.leaf(c, x, y, 1.15, a, "#6d3a20", "#8a5230")
    c.text(w * 0.06, h * 0.3, "Petit", 1.05, "#f6deb0", anchor="l", bold=0.05, slant=0.2)
    c.text(w * 0.06, h * 0.56, "Moulin", 1.35, "#ffffff", anchor="l", bold=0.07, slant=0.2)
    c.text(
        w * 0.065,
        h * 0.80,
        "DARK CHOCOLATE BISCUITS",
        0.3,
        "#f6deb0",
        anchor="l",
        tracking=0.08,
        bold=0.03,
    )
    c.text(w * 0.065, h * 0.9, "175 g", 0.26, "#ffffff", anchor="l")
    side = Canvas(d, h, "#a3182c")
    side.frame(0.2, 0.2, d - 0.4, h - 0.4, "#e9c27a", 0.05, 0.2)
    side.text(d / 2, h * 0.2, "Petit Moulin", 0.55, "#ffffff", bold=0.05, slant=0.15, fit=d * 0.8)
    m.barcode(side, d * 0.2, h * 0.38, d * 0.6, h * 0.4, code)
    lid = Canvas(w, d, "#8f1426")
    lid.frame(0.25, 0.25, w - 0.5, d - 0.5, "#e9c27a", 0.06, 0.25)
    lid.text(w / 2, d * 0.5, "Petit Moulin", d * 0.24, "#f6deb0", bold=0.05, slant=0.2)
    return faces_of(c, side, lid)
