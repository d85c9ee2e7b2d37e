# SPDX-License-Identifier: Apache-2.0
"""Pictures inside the page: small JPEGs as data addresses, so that one file is the whole report."""

from __future__ import annotations

import base64
from html import escape

from kiosk.errors import ImageError
from kiosk.values import Box
from kiosk.vision.boxes import stretched
from kiosk.vision.decode import read_picture
from kiosk.vision.image import draw_boxes, fit_within, to_jpeg
from tools.evaluation.manifests import Picture

SIDE_PX = 180
_QUALITY = 72
_MARK = (60, 220, 250)


def figure(picture: Picture | None, caption: str, box: Box | None = None) -> str:
    """A picture, the item in it marked, with its caption; an empty frame when it cannot be read."""
    image = _image(picture, caption, box)
    return f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>"


def _image(picture: Picture | None, about: str, box: Box | None) -> str:
    if picture is None:
        return '<div class="none"></div>'
    try:
        pixels = read_picture(picture.path)
    except ImageError as error:
        return f'<div class="none" title="{escape(error.code)}"></div>'
    small = fit_within(pixels, SIDE_PX)
    if box is not None:
        scale = small.shape[1] / pixels.shape[1]
        draw_boxes(small, [stretched(box, scale, scale)], _MARK, 2)
    data = base64.b64encode(to_jpeg(small, _QUALITY)).decode("ascii")
    height, width = small.shape[:2]
    return (
        f'<img width="{width}" height="{height}" alt="{escape(about)}" '
        f'title="{escape(picture.name)}" src="data:image/jpeg;base64,{data}">'
    )
