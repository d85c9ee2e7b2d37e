# SPDX-License-Identifier: Apache-2.0
"""Drawing surface for printed artwork, measured in centimetres; the only module that imports
Pillow.

Everything is drawn at twice its size and reduced once, which smooths the edges. Colours are RGB hex
strings, as a print shop writes them; `pixels` hands out BGR.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kiosk.scene.view import Pixels

OVERSAMPLE = 2
Point = tuple[float, float]


@lru_cache(maxsize=96)
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("Pillow was built without FreeType: install a Pillow wheel that has it")
    return font


class Canvas:
    """A printed face of `width` x `height` cm, origin top left."""

    def __init__(self, width: float, height: float, colour: str, per_cm: float = 46.0) -> None:
        self.width = width
        self.height = height
        self._size = (max(2, round(width * per_cm)), max(2, round(height * per_cm)))
        self._scale = per_cm * OVERSAMPLE
        self._image = Image.new(
            "RGB", (self._size[0] * OVERSAMPLE, self._size[1] * OVERSAMPLE), colour
        )
        self._draw = ImageDraw.Draw(self._image, "RGBA")

    def pixels(self) -> Pixels:
        """The finished face, BGR uint8 H×W×3."""
        small = self._image.resize(self._size, Image.Resampling.LANCZOS)
        return np.ascontiguousarray(np.asarray(small, np.uint8)[:, :, ::-1])

    def _points(self, points: Sequence[Point]) -> list[Point]:
        return [(x * self._scale, y * self._scale) for x, y in points]

    def rect(
        self, x: float, y: float, w: float, h: float, colour: str, radius: float = 0.0
    ) -> None:
        """Filled rectangle with optional round corners."""
        s = self._scale
        box = (x * s, y * s, (x + w) * s - 1, (y + h) * s - 1)
        self._draw.rounded_rectangle(box, radius * s, fill=colour)

    def frame(
        self, x: float, y: float, w: float, h: float, colour: str, line: float, radius: float = 0
    ) -> None:
        """Outline of a rectangle, `line` cm thick."""
        s = self._scale
        box = (x * s, y * s, (x + w) * s, (y + h) * s)
        self._draw.rounded_rectangle(box, radius * s, outline=colour, width=max(1, round(line * s)))

    def fade(
        self, x: float, y: float, w: float, h: float, first: str, last: str, across: bool = False
    ) -> None:
        """Rectangle filled with a gradient, top to bottom or left to right (`across`)."""
        s = self._scale
        left, top, columns, rows = round(x * s), round(y * s), round(w * s), round(h * s)
        mask = Image.linear_gradient("L")
        if across:
            mask = mask.transpose(Image.Transpose.ROTATE_90)
        mask = mask.resize((max(1, columns), max(1, rows)))
        size = mask.size
        fill = Image.composite(Image.new("RGB", size, last), Image.new("RGB", size, first), mask)
        self._image.paste(fill, (left, top))

    def poly(self, points: Sequence[Point], colour: str) -> None:
        """Filled polygon."""
        self._draw.polygon(self._points(points), fill=colour)

    def line(self, points: Sequence[Point], colour: str, thick: float) -> None:
        """Polyline `thick` cm wide with round joints."""
        self._draw.line(
            self._points(points), colour, max(1, round(thick * self._scale)), joint="curve"
        )

    def disc(
        self, x: float, y: float, rx: float, colour: str, ry: float | None = None, tilt: float = 0.0
    ) -> None:
        """Filled ellipse about a centre, turned by `tilt` radians."""
        ry = rx if ry is None else ry
        if not tilt:
            s = self._scale
            self._draw.ellipse(
                ((x - rx) * s, (y - ry) * s, (x + rx) * s, (y + ry) * s), fill=colour
            )
            return
        c, n = math.cos(tilt), math.sin(tilt)
        turn = [i * math.tau / 72 for i in range(72)]
        spots = [(rx * math.cos(a), ry * math.sin(a)) for a in turn]
        self.poly([(x + c * u - n * v, y + n * u + c * v) for u, v in spots], colour)

    def ring(self, x: float, y: float, r: float, colour: str, line: float) -> None:
        """Circle outline whose outer radius is `r`."""
        s = self._scale
        box = ((x - r) * s, (y - r) * s, (x + r) * s, (y + r) * s)
        self._draw.ellipse(box, outline=colour, width=max(1, round(line * s)))

    def measure(self, text: str, size: float, tracking: float = 0.0) -> float:
        """Width of a text in cm at a letter height of `size` cm."""
        font = _font(max(4, round(size * self._scale * 1.38)))
        return (
            font.getlength(text) + tracking * size * self._scale * (len(text) - 1)
        ) / self._scale

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        colour: str,
        *,
        anchor: str = "m",
        bold: float = 0.0,
        tracking: float = 0.0,
        squeeze: float = 1.0,
        slant: float = 0.0,
        rise: float = 0.0,
        fit: float = 0.0,
    ) -> None:
        """One line of text centred vertically on y: `size` is the capital height in cm.

        anchor l/m/r; bold thickens strokes (share of size); tracking spaces letters; squeeze scales
        the width; slant leans; rise turns it (radians, anticlockwise); fit shrinks it to a width in
        cm.
        """
        pixel = max(5, round(size * self._scale * 1.38))
        font = _font(pixel)
        stroke = bold * size * self._scale
        # Thick strokes eat the room between letters: give it back.
        tracking += 1.3 * bold if bold > 0.03 else 0.0
        gap = tracking * size * self._scale
        lengths = [font.getlength(ch) + gap for ch in text]
        if not tracking:
            lengths = [font.getlength(text)]
        pad = pixel
        plate = Image.new("L", (int(sum(lengths)) + 2 * pad, 3 * pixel), 0)
        pen = ImageDraw.Draw(plate)
        position = float(pad)
        for part, advance in zip(text if tracking else [text], lengths, strict=True):
            pen.text(
                (position, 1.5 * pixel + 0.36 * pixel), part, 255, font, "ls", stroke_width=stroke
            )
            position += advance
        width = sum(lengths) * squeeze / self._scale
        if fit and width > fit:
            squeeze *= fit / width
        if squeeze != 1.0 or slant:
            w, h = plate.size
            wide = max(2, int(w * squeeze))
            lean = slant * h / 2
            coefficients = (1 / squeeze, slant / squeeze, -lean / squeeze, 0.0, 1.0, 0.0)
            plate = plate.transform(
                (wide, h), Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC
            )
        if rise:
            plate = plate.rotate(math.degrees(rise), Image.Resampling.BICUBIC, expand=True)
        left = {"l": pad * squeeze, "m": plate.width / 2, "r": plate.width - pad * squeeze}[anchor]
        spot = (round(x * self._scale - left), round(y * self._scale - plate.height / 2))
        self._image.paste(Image.new("RGB", plate.size, colour), spot, plate)
