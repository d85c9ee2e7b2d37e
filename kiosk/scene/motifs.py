# SPDX-License-Identifier: Apache-2.0
"""Small illustrations and printed furniture shared by the artwork: barcodes, nutrition tables,
fruit, hills, waves.
"""

import math
import random

from kiosk.scene.art import Canvas

_LEFT = (
    "0001101",
    "0011001",
    "0010011",
    "0111101",
    "0100011",
    "0110001",
    "0101111",
    "0111011",
    "0110111",
    "0001011",
)
_PARITY = (
    "LLLLLL",
    "LLGLGG",
    "LLGGLG",
    "LLGGGL",
    "LGLLGG",
    "LGGLLG",
    "LGGGLL",
    "LGLGLG",
    "LGLGGL",
    "LGGLGL",
)


def ean13_bars(code: str) -> str:
    """The 95 modules of a 13-digit EAN as ones and zeros."""
    bars = "101"
    for digit, parity in zip(code[1:7], _PARITY[int(code[0])], strict=True):
        left = _LEFT[int(digit)]
        bars += left if parity == "L" else "".join("10"[int(b)] for b in left)[::-1]
    bars += "01010"
    for digit in code[7:]:
        bars += "".join("10"[int(b)] for b in _LEFT[int(digit)])
    return bars + "101"


def barcode(canvas: Canvas, x: float, y: float, w: float, h: float, code: str) -> None:
    """A scannable EAN-13 on a white plate."""
    canvas.rect(x, y, w, h, "#fbfbf8", 0.08)
    bars = ean13_bars(code)
    unit = w * 0.82 / len(bars)
    left = x + w * 0.11
    for index, bar in enumerate(bars):
        if bar == "1":
            guard = index < 3 or index > 91 or 45 <= index < 50
            canvas.rect(
                left + index * unit, y + h * 0.08, unit, h * (0.78 if guard else 0.70), "#111111"
            )
    size = min(h * 0.13, w * 0.06)
    canvas.text(x + w * 0.075, y + h * 0.88, code[0], size, "#111111")
    canvas.text(left + 24 * unit, y + h * 0.88, code[1:7], size, "#111111", tracking=0.35)
    canvas.text(left + 71 * unit, y + h * 0.88, code[7:], size, "#111111", tracking=0.35)


def nutrition(canvas: Canvas, x: float, y: float, w: float, h: float, ink: str, paper: str) -> None:
    """A nutrition table with believable rows."""
    canvas.rect(x, y, w, h, paper, 0.08)
    canvas.frame(x, y, w, h, ink, 0.03, 0.08)
    rows = (
        "Energy 1540 kJ",
        "Fat 4.2 g",
        "of which saturates 0.8 g",
        "Carbohydrate 61 g",
        "Fibre 9.1 g",
        "Protein 11 g",
        "Salt 0.04 g",
    )
    step = h / (len(rows) + 1.6)
    canvas.rect(x, y, w, step * 1.3, ink, 0.05)
    canvas.text(
        x + w / 2,
        y + step * 0.66,
        "NUTRITION per 100 g",
        step * 0.46,
        paper,
        bold=0.05,
        fit=w * 0.9,
    )
    for index, row in enumerate(rows):
        level = y + step * (1.9 + index)
        words = row.rsplit(" ", 2)
        canvas.text(x + 0.1, level, words[0], step * 0.42, ink, anchor="l", fit=w * 0.6)
        canvas.text(
            x + w - 0.1, level, " ".join(words[1:]), step * 0.42, ink, anchor="r", fit=w * 0.34
        )
        canvas.rect(x + 0.06, level + step * 0.48, w - 0.12, 0.015, ink)


def small_print(
    canvas: Canvas, x: float, y: float, w: float, lines: int, ink: str, size: float = 0.12
) -> None:
    """Lines of ingredient text."""
    words = [
        "oats",
        "water",
        "sea",
        "salt",
        "sugar",
        "rapeseed",
        "oil",
        "barley",
        "malt",
        "extract",
        "natural",
        "flavouring",
        "store",
        "cool",
        "and",
        "dry",
        "best",
        "before",
        "see",
        "lid",
    ]
    rng = random.Random(lines * 7919 + int(w * 100))
    for index in range(lines):
        text = ""
        while canvas.measure(text, size) < w * 0.86:
            text += rng.choice(words) + (", " if rng.random() < 0.3 else " ")
        canvas.text(x, y + index * size * 2.0, text.strip(), size, ink, anchor="l", fit=w)


def mountains(
    canvas: Canvas, y: float, peaks: list[tuple[float, float, float]], rock: str, snow: str
) -> None:
    """Peaks (centre x, height, half width) that stand on the level y, shaded and snowy."""
    for x, tall, half in peaks:
        canvas.poly([(x - half, y), (x, y - tall), (x + half, y)], rock)
        canvas.poly(
            [(x, y - tall), (x + half, y), (x + half * 0.12, y), (x + half * 0.1, y - tall * 0.5)],
            "#00000030",
        )
        cut = 0.34
        zig = [
            (x - half * cut, y - tall * (1 - cut)),
            (x - half * 0.16, y - tall * 0.76),
            (x, y - tall * 0.62),
        ]
        zig += [(x + half * 0.14, y - tall * 0.74), (x + half * cut, y - tall * (1 - cut))]
        canvas.poly([(x, y - tall), *zig[::-1]], snow)


def waves(
    canvas: Canvas,
    y: float,
    rise: float,
    length: float,
    colour: str,
    phase: float = 0.0,
    bottom: float = 99.0,
) -> None:
    """A filled swell from y down to `bottom`."""
    count = 90
    points = []
    for index in range(count + 1):
        x = canvas.width * index / count
        a = x / length * math.tau + phase
        points.append((x, y + rise * (math.sin(a) + 0.28 * math.sin(2 * a + 0.6))))
    low = min(bottom, canvas.height)
    canvas.poly([(0, low), *points, (canvas.width, low)], colour)


def citrus(
    canvas: Canvas,
    x: float,
    y: float,
    r: float,
    rind: str,
    flesh: str,
    pith: str = "#fff6dc",
    tilt: float = 0.2,
) -> None:
    """A slice with ten segments."""
    canvas.disc(x, y, r, rind)
    canvas.disc(x, y, r * 0.90, pith)
    for index in range(10):
        a = tilt + index * math.tau / 10
        wedge = [(x + r * 0.09 * math.cos(a), y + r * 0.09 * math.sin(a))]
        for step in range(9):
            b = a - 0.265 + step * 0.53 / 8
            far = r * (0.82 if 0 < step < 8 else 0.76)
            wedge.append((x + far * math.cos(b), y + far * math.sin(b)))
        canvas.poly(wedge, flesh)
        for off, reach in ((-0.09, 0.62), (0.06, 0.5), (0.12, 0.7)):
            c = a + off
            canvas.disc(
                x + r * reach * math.cos(c),
                y + r * reach * math.sin(c),
                r * 0.05,
                "#ffffff38",
                r * 0.014,
                c,
            )


def leaf(
    canvas: Canvas,
    x: float,
    y: float,
    length: float,
    angle: float,
    colour: str,
    vein: str = "#ffffff50",
) -> None:
    """A leaf that grows from (x, y)."""
    c, s = math.cos(angle), math.sin(angle)
    shape = []
    for side in (1, -1):
        steps = range(13) if side == 1 else range(12, -1, -1)
        for step in steps:
            t = step / 12
            out = side * 0.2 * math.sin(math.pi * t**0.8)
            shape.append((x + length * (t * c - out * s), y + length * (t * s + out * c)))
    canvas.poly(shape, colour)
    canvas.line([(x, y), (x + length * 0.92 * c, y + length * 0.92 * s)], vein, length * 0.025)


def fruit(canvas: Canvas, x: float, y: float, r: float, colour: str, dark: str) -> None:
    """A round fruit with soft shading and a highlight."""
    canvas.disc(x, y, r, dark)
    for step in range(14):
        t = step / 14
        canvas.disc(x - r * 0.10 * t, y - r * 0.12 * t, r * (0.98 - 0.7 * t), colour + "26")
    canvas.disc(x - r * 0.36, y - r * 0.4, r * 0.2, "#ffffff80", r * 0.12, -0.7)


def bubbles(canvas: Canvas, seed: int, count: int, colour: str, low: float, high: float) -> None:
    """Rising bubbles between two heights."""
    rng = random.Random(seed)
    for _ in range(count):
        r = rng.uniform(0.05, 0.26) ** 1.1
        canvas.disc(rng.uniform(0, canvas.width), rng.uniform(low, high), r, colour)


def rays(
    canvas: Canvas,
    x: float,
    y: float,
    inner: float,
    outer: float,
    count: int,
    colour: str,
    start: float = 0.0,
) -> None:
    """A burst of wedges around a centre."""
    for index in range(count):
        a = start + index * math.tau / count
        b = a + math.tau / count * 0.5
        canvas.poly(
            [
                (x + inner * math.cos(a), y + inner * math.sin(a)),
                (x + outer * math.cos(a), y + outer * math.sin(a)),
                (x + outer * math.cos(b), y + outer * math.sin(b)),
                (x + inner * math.cos(b), y + inner * math.sin(b)),
            ],
            colour,
        )


def arched(
    canvas: Canvas,
    x: float,
    y: float,
    r: float,
    text: str,
    size: float,
    colour: str,
    bold: float = 0.05,
    spread: float = 1.15,
) -> None:
    """Text on an arc above the centre (x, y)."""
    widths = [canvas.measure(ch, size) * spread for ch in text]
    angle = -sum(widths) / r / 2
    for ch, width in zip(text, widths, strict=True):
        a = angle + width / r / 2
        canvas.text(x + r * math.sin(a), y - r * math.cos(a), ch, size, colour, bold=bold, rise=-a)
        angle += width / r
