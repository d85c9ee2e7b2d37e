# SPDX-License-Identifier: Apache-2.0
"""Pictures inside the page: small JPEGs as data addresses, so that one file is the whole report."""

from __future__ import annotations

import base64
from html import escape

from kiosk.errors import ImageError
from kiosk.vision.decode import read_picture
from kiosk.vision.image import fit_within, to_jpeg
from tools.evaluation.manifests import Picture

SIDE_PX = 180
_QUALITY = 72


def figure(picture: Picture | None, caption: str) -> str:
    """A picture with its caption below; an empty frame when it cannot be read."""
    return f"<figure>{_image(picture, caption)}<figcaption>{escape(caption)}</figcaption></figure>"


def _image(picture: Picture | None, about: str) -> str:
    if picture is None:
        return '<div class="none"></div>'
    try:
        small = fit_within(read_picture(picture.path), SIDE_PX)
    except ImageError as error:
        return f'<div class="none" title="{escape(error.code)}"></div>'
    data = base64.b64encode(to_jpeg(small, _QUALITY)).decode("ascii")
    height, width = small.shape[:2]
    return (
        f'<img width="{width}" height="{height}" alt="{escape(about)}" '
        f'title="{escape(picture.name)}" src="data:image/jpeg;base64,{data}">'
    )
