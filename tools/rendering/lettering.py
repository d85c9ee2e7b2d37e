# SPDX-License-Identifier: Apache-2.0
"""Print on a made-up label: words in drawn-out fonts, small print, tables and barcodes.

Owns lettering. Everything draws into a BGR uint8 canvas in place; a box is x, y, width, height in
pixels. OpenCV has few fonts, so weight, width, slant, outline and shadow make the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tools.rendering.design import U8, Colour, Rng

FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX | cv2.FONT_ITALIC, cv2.FONT_HERSHEY_DUPLEX | cv2.FONT_ITALIC,
)  # fmt: skip
Area = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Type:
    """One way to write: an OpenCV font with weight (pixels), slant, case and an outline."""

    font: int
    weight: int
    slant: float
    case: str
    outline: int


def typeface(rng: Rng) -> Type:
    """A type drawn at random."""
    return Type(
        font=int(FONTS[int(rng.integers(len(FONTS)))]),
        weight=int(rng.integers(2, 9)),
        slant=float(rng.choice([0, 0, 0, 0.2, -0.12])),
        case=str(rng.choice(["upper", "title", "lower"])),
        outline=int(rng.choice([0, 0, 3, 5])),
    )


def mask_of(text: str, kind: Type, extra: int = 0) -> U8:
    """Coverage of the written text, uint8, trimmed; letters are about 45 pixels high."""
    text = {"upper": text.upper(), "title": text.title(), "lower": text}[kind.case]
    weight = kind.weight + 2 * extra
    (width, height), base = cv2.getTextSize(text, kind.font, 1.6, weight)
    edge = weight + 6
    lean = abs(kind.slant) * (height + base)
    canvas = np.zeros((height + base + 2 * edge, int(width + 2 * edge + lean)), np.uint8)
    start = (edge + int(lean if kind.slant < 0 else 0), height + edge)
    cv2.putText(canvas, text, start, kind.font, 1.6, 255, weight, cv2.LINE_AA)
    if kind.slant:
        warp = np.array([[1, -kind.slant, kind.slant * start[1]], [0, 1, 0]], np.float32)
        canvas = np.asarray(cv2.warpAffine(canvas, warp, canvas.shape[::-1]), np.uint8)
    x, y, w, h = cv2.boundingRect(canvas)
    return canvas[y : y + h, x : x + w]


def stamp(canvas: U8, mask: U8, area: Area, colour: Colour) -> None:
    """Paint `mask` scaled to the whole of `area` in one colour; outside parts are cut off."""
    x, y, w, h = (round(v) for v in area)
    if w < 2 or h < 2:
        return
    shrink = cv2.INTER_AREA if h < mask.shape[0] else cv2.INTER_LINEAR
    scaled = np.asarray(cv2.resize(mask, (w, h), interpolation=shrink))
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + w, canvas.shape[1]), min(y + h, canvas.shape[0])
    if right <= left or bottom <= top:
        return
    part = scaled[top - y : bottom - y, left - x : right - x, None].astype(np.uint16)
    under = canvas[top:bottom, left:right]
    ink = np.array(colour, np.uint16)
    under[:] = ((under * (255 - part) + ink * part + 127) // 255).astype(np.uint8)


def write(
    canvas: U8, text: str, area: Area, kind: Type, colour: Colour, edge: Colour | None = None
) -> None:
    """Write `text` centred inside `area`, as large as it fits, stretched by at most a third."""
    mask = mask_of(text, kind)
    x, y, w, h = area
    scale = min(w / mask.shape[1], h / mask.shape[0])
    width = min(w, mask.shape[1] * scale * 1.3)
    height = min(h, mask.shape[0] * scale * 1.3)
    place = (x + (w - width) / 2, y + (h - height) / 2, width, height)
    if edge is not None and kind.outline:
        wide = mask_of(text, kind, kind.outline)
        more = 2 * kind.outline * width / mask.shape[1]
        around = (place[0] - more / 2, place[1] - more / 2, width + more, height + more)
        stamp(canvas, wide, around, edge)
    stamp(canvas, mask, place, colour)


def small_print(canvas: U8, area: Area, rng: Rng, colour: Colour, line_px: int = 6) -> None:
    """Lines too small to read, as they are on packages seen from a metre away."""
    x, y, w, h = (int(v) for v in area)
    for line in range(y, y + h - line_px, line_px):
        at, end = x, x + int(w * rng.uniform(0.6, 1.0))
        while at < end - 3:
            step = int(rng.integers(4, 16))
            cv2.rectangle(
                canvas, (at, line), (min(at + step, end), line + line_px // 3), colour, -1
            )
            at += step + 3


def barcode(canvas: U8, area: Area, rng: Rng) -> None:
    """Bars on white with digits below; it encodes nothing."""
    x, y, w, h = (int(v) for v in area)
    cv2.rectangle(canvas, (x, y), (x + w, y + h), (248, 248, 248), -1)
    if w < 12 or h < 10:
        return
    bars = np.repeat(rng.integers(0, 2, max(w // 2, 1)), 2)[: w - 6]
    rows = slice(y + 3, y + int(h * 0.78))
    part = canvas[rows, x + 3 : x + 3 + len(bars)]
    part[:] = np.where(bars[None, : part.shape[1], None] > 0, 20, 248).astype(np.uint8)
    digits = "".join(str(d) for d in rng.integers(0, 10, 13))
    kind = Type(cv2.FONT_HERSHEY_SIMPLEX, 2, 0.0, "lower", 0)
    write(canvas, digits, (x + 3, y + h * 0.8, w - 6, h * 0.18), kind, (20, 20, 20))


def facts(canvas: U8, area: Area, rng: Rng, ink: Colour) -> None:
    """A nutrition table: a frame, ruled lines, words left and numbers right."""
    x, y, w, h = (int(v) for v in area)
    cv2.rectangle(canvas, (x, y), (x + w, y + h), ink, 1)
    for line in range(y + 9, y + h - 5, 9):
        cv2.line(canvas, (x, line), (x + w, line), ink, 1)
        cv2.line(
            canvas, (x + 3, line - 4), (x + 3 + int(w * rng.uniform(0.2, 0.5)), line - 4), ink, 2
        )
        cv2.line(canvas, (x + w - 14, line - 4), (x + w - 4, line - 4), ink, 2)
