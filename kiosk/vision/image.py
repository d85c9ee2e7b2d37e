# SPDX-License-Identifier: Apache-2.0
"""Pixels with OpenCV: resize, crop, turn, encode, draw. BGR uint8 (H, W, 3) in and out.

Reading picture files that nobody vouches for is `kiosk.vision.decode`'s job.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from kiosk.errors import ImageError
from kiosk.values import Box, Pixels
from kiosk.vision.boxes import Letterbox

_TURNS = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}


def single_threaded() -> None:
    """Keep OpenCV from starting its own thread pool beside the models' threads."""
    cv2.setNumThreads(1)


def resize(pixels: Pixels, width: int, height: int) -> Pixels:
    """Scaled to `width` x `height`; by area when shrinking, which does not alias."""
    shrinking = width < pixels.shape[1]
    how = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=how), np.uint8)


def fit_within(pixels: Pixels, side: int) -> Pixels:
    """Shrunk so that neither side exceeds `side`; never enlarged."""
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return pixels
    return resize(pixels, max(1, round(width * scale)), max(1, round(height * scale)))


def letterbox(pixels: Pixels, width: int, height: int, pad: int) -> tuple[Pixels, Letterbox]:
    """The whole picture inside `width` x `height`, aspect kept, centred on grey `pad`."""
    fit = Letterbox.fit(pixels.shape[1], pixels.shape[0], width, height)
    inner_width = max(1, round(pixels.shape[1] * fit.scale))
    inner_height = max(1, round(pixels.shape[0] * fit.scale))
    canvas = np.full((height, width, 3), pad, np.uint8)
    left, top = (width - inner_width) // 2, (height - inner_height) // 2
    inner = resize(pixels, inner_width, inner_height)
    canvas[top : top + inner_height, left : left + inner_width] = inner
    return canvas, Letterbox(fit.scale, float(left), float(top))


def crop(pixels: Pixels, box: Box, pad: int) -> Pixels:
    """The pixels inside `box`, rounded to whole pixels; outside the picture it is grey `pad`.

    Raises ImageError when the box is empty or lies wholly outside.
    """
    height, width = pixels.shape[:2]
    x1, y1, x2, y2 = (round(value) for value in (box.x1, box.y1, box.x2, box.y2))
    left, top, right, bottom = max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)
    if right <= left or bottom <= top:
        raise ImageError(
            "InvalidRegion",
            f"the region {box.as_list()} does not lie in the picture of {width}x{height} pixels; "
            "give x1, y1, x2, y2 inside it",
        )
    inside = pixels[top:bottom, left:right]
    if (x1, y1, x2, y2) == (left, top, right, bottom):
        return inside
    canvas = np.full((y2 - y1, x2 - x1, 3), pad, np.uint8)
    canvas[top - y1 : bottom - y1, left - x1 : right - x1] = inside
    return canvas


def turned(pixels: Pixels, degrees: int) -> Pixels:
    """Turned clockwise by 0, 90, 180 or 270 degrees."""
    if degrees == 0:
        return pixels
    return np.asarray(cv2.rotate(pixels, _TURNS[degrees]), np.uint8)


def rotated(pixels: Pixels, degrees: float) -> Pixels:
    """Turned clockwise by any angle about the centre, same size, edges repeated outwards."""
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    turned_pixels = cv2.warpAffine(
        pixels, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(turned_pixels, np.uint8)


def blurred(pixels: Pixels, sigma: float) -> Pixels:
    """Gaussian blur with `sigma` in pixels."""
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), np.uint8)


def brightened(pixels: Pixels, gain: float) -> Pixels:
    """Every value times `gain`, saturated."""
    return np.asarray(cv2.convertScaleAbs(pixels, alpha=gain, beta=0), np.uint8)


def flipped(pixels: Pixels) -> Pixels:
    """Mirrored left to right."""
    return np.asarray(cv2.flip(pixels, 1), np.uint8)


def from_yuv420(planes: NDArray[np.uint8], width: int, height: int) -> Pixels:
    """BGR from planar YUV 4:2:0 as libcamera gives it: (height * 3 / 2, stride) uint8."""
    # With padded rows the chroma rows are padded alike, so the padded picture is whole: cut after.
    bgr = cv2.cvtColor(np.ascontiguousarray(planes), cv2.COLOR_YUV2BGR_I420)
    return np.asarray(bgr[:height, :width], np.uint8)


def to_jpeg(pixels: Pixels, quality: int = 80) -> bytes:
    """JPEG bytes."""
    ok, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise ImageError("EncodeFailed", f"a picture of shape {pixels.shape} cannot be a JPEG")
    return data.tobytes()


def draw_boxes(
    pixels: Pixels, boxes: Iterable[Box], colour: tuple[int, int, int], thickness: int
) -> None:
    """Draw rounded corner brackets around each box, in place; `colour` is BGR."""
    for box in boxes:
        x1, y1, x2, y2 = (round(value) for value in (box.x1, box.y1, box.x2, box.y2))
        arm = max(6, min(x2 - x1, y2 - y1) // 5)
        for x, y, dx, dy in ((x1, y1, 1, 1), (x2, y1, -1, 1), (x1, y2, 1, -1), (x2, y2, -1, -1)):
            for end in ((x + dx * arm, y), (x, y + dy * arm)):
                cv2.line(pixels, (x, y), end, (0, 0, 0), thickness + 2, cv2.LINE_AA)
            for end in ((x + dx * arm, y), (x, y + dy * arm)):
                cv2.line(pixels, (x, y), end, colour, thickness, cv2.LINE_AA)


def regions(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """The number of the connected part each cell of (H, W) `mask` belongs to; 0 where it is False.

    Cells that touch at a corner are connected.
    """
    return np.asarray(cv2.connectedComponents(mask.astype(np.uint8))[1], np.int32)
