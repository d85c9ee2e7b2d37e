# SPDX-License-Identifier: Apache-2.0
"""What every carton shares: the printed side panel and lid, and the faces as one value."""

from collections.abc import Callable

from kiosk.scene import motifs as m
from kiosk.scene.art import Canvas
from kiosk.scene.view import Pixels

Size = tuple[float, float, float]
Faces = dict[str, Pixels]
Design = Callable[[Size, str], Faces]


def side_face(size: Size, code: str, paper: str, ink: str, brand: str, band: str) -> Canvas:
    _, h, d = size
    c = Canvas(d, h, paper)
    c.rect(0, 0, d, h * 0.2, band)
    c.text(
        d / 2, h * 0.1, brand, min(0.5, h * 0.05), "#ffffff", bold=0.06, tracking=0.08, fit=d * 0.84
    )
    m.nutrition(c, d * 0.1, h * 0.25, d * 0.8, h * 0.36, ink, "#fffdf6")
    wide = min(d * 0.8, 3.6)
    m.barcode(c, (d - wide) / 2, h * 0.66, wide, min(h * 0.2, 2.4), code)
    m.small_print(c, d * 0.1, h * 0.91, d * 0.8, 2, ink, 0.12)
    return c


def lid_face(size: Size, paper: str, ink: str, brand: str) -> Canvas:
    w, _, d = size
    c = Canvas(w, d, paper)
    c.text(w / 2, d * 0.45, brand, d * 0.15, ink, bold=0.05, tracking=0.12, fit=w * 0.8)
    c.rect(w * 0.1, d * 0.68, w * 0.8, 0.05, ink)
    return c


def faces_of(front: Canvas, side: Canvas, lid: Canvas) -> Faces:
    return {"front": front.pixels(), "right": side.pixels(), "top": lid.pixels()}
