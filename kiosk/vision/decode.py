# SPDX-License-Identifier: Apache-2.0
"""Reading picture files that nobody vouches for. The one place where such bytes meet a decoder.

Rule: whatever is cheap to refuse is refused before a pixel is decoded (kind of file, bytes, format
by content, width and height in the header), and every refusal is an ImageError with a stable code:

| code | means |
|---|---|
| NotAFile | a folder, pipe, socket or device |
| Unreadable | missing, or the system does not let us read it |
| Empty | no bytes |
| TooManyBytes | larger than MAX_BYTES |
| UnsupportedPicFormat | no allowed format, or one without an agreed brightness (32-bit, Lab) |
| UnsupportedPicPixels | a side or the whole is too small or too large |
| Animated | more than one picture in the file |
| Damaged | the bytes end early or contradict themselves |
"""

from __future__ import annotations

import io
import os
import stat
import threading
import warnings
from pathlib import Path

import numpy as np
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageChops,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from kiosk.errors import ImageError
from kiosk.values import Pixels

MAX_BYTES = 32 * 1024 * 1024
MIN_SIDE, MAX_SIDE = 32, 8192
MAX_PIXELS = 40_000_000

_ALLOWED = "JPEG, PNG, BMP, GIF, WebP, TIFF or PPM"
# Plugin classes, not Image.open: its own size check warns or raises before we can say the size,
# and its JPEG factory reads further pictures out of a phone's multi-picture file.
_FORMATS: tuple[tuple[tuple[bytes, ...], type[ImageFile.ImageFile]], ...] = (
    ((b"\xff\xd8\xff",), JpegImagePlugin.JpegImageFile),
    ((b"\x89PNG\r\n\x1a\n",), PngImagePlugin.PngImageFile),
    ((b"BM",), BmpImagePlugin.BmpImageFile),
    ((b"GIF87a", b"GIF89a"), GifImagePlugin.GifImageFile),
    ((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), TiffImagePlugin.TiffImageFile),
    ((b"P1", b"P2", b"P3", b"P4", b"P5", b"P6"), PpmImagePlugin.PpmImageFile),
)
_REFUSED = ((b"ftyphei", "HEIC"), (b"ftypmif1", "HEIC"), (b"ftypavi", "AVIF"), (b"%PDF", "PDF"))
_ORIENTATION, _TIFF_INVERTED, _TIFF_BITS, _TIFF_TILES = 0x0112, 0x0106, 0x0102, (0x0142, 0x0143)

# warnings.catch_warnings swaps process-wide state. One picture at a time also keeps the memory of
# a small board bounded: a picture at the limit takes some 550 MB while it is decoded.
_lock = threading.Lock()


def read_picture(path: Path) -> Pixels:
    """The picture in a file, upright: BGR uint8 (H, W, 3). Never blocks on a pipe.

    Raises ImageError; see the module's table of codes.
    """
    return decode_picture(read_bytes(path, str(path)), str(path))


def decode_picture(data: bytes, name: str, least_side: int = MIN_SIDE) -> Pixels:
    """The picture in `data`, upright: BGR uint8 (H, W, 3), writable.

    EXIF orientation is applied, 16 bits become 8 by scaling, transparency is laid on white.
    `name` is what messages call it; `least_side` in pixels is for thumbnails, which may be thin.
    Safe from several threads. Raises ImageError.
    """
    _check_bytes(len(data), name)
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            return _decoded(data, name, least_side)
        except ImageError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise ImageError("UnsupportedPicPixels", f"{name}: {error}; {_RANGE}") from error
        except Exception as error:  # a plugin may raise anything on damaged bytes
            raise ImageError(
                "Damaged",
                f"{name}: the picture is damaged ({str(error) or type(error).__name__}); "
                "save or copy it again",
            ) from error


_RANGE = (
    f"allowed are {MIN_SIDE} to {MAX_SIDE} pixels a side and {MAX_PIXELS // 1_000_000} megapixels "
    "in all: resize it"
)


def read_bytes(path: Path, name: str) -> bytes:
    """All bytes of a regular file of allowed size, for `decode_picture`. Raises ImageError."""
    try:
        # Looked at before opened: opening alone can block on a pipe and wake up a device.
        _check_regular(path.stat().st_mode, name)
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(file, "rb") as stream:
            status = os.fstat(file)
            _check_regular(status.st_mode, name)  # swapped in between
            _check_bytes(status.st_size, name)
            return stream.read(MAX_BYTES + 1)  # one more shows a file that grows
    except (OSError, ValueError) as error:
        if isinstance(error, ImageError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageError(
            "Unreadable", f"{name}: cannot be read ({reason}); check its path and permissions"
        ) from error


def _check_regular(mode: int, name: str) -> None:
    if stat.S_ISREG(mode):
        return
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFBLK: "a device",
        stat.S_IFCHR: "a device",
    }
    kind = kinds.get(stat.S_IFMT(mode), "not a regular file")
    raise ImageError("NotAFile", f"{name}: is {kind}; give the path of one picture file")


def _check_bytes(size: int, name: str) -> None:
    if size == 0:
        raise ImageError("Empty", f"{name}: the file is empty; copy the picture again")
    if size > MAX_BYTES:
        raise ImageError(
            "TooManyBytes",
            f"{name}: more than the {MAX_BYTES // 2**20} MB a picture may have; save it smaller",
        )


def _decoded(data: bytes, name: str, least_side: int) -> Pixels:
    with _plugin(data, name)(io.BytesIO(data)) as image:
        _check_header(image, name, least_side)
        image.load()
        # After load: the TIFF plugin has turned the picture itself by then.
        orientation = _orientation(image)
        bgr = np.ascontiguousarray(np.asarray(_eight_bits(image, name))[:, :, ::-1])
    return _upright(bgr, orientation)


def _plugin(data: bytes, name: str) -> type[ImageFile.ImageFile]:
    """The decoder for what the bytes are, whatever the file is called."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WebPImagePlugin.WebPImageFile
    for signatures, plugin in _FORMATS:
        if data.startswith(signatures):
            return plugin
    named = next((f"{kind}, which is" for mark, kind in _REFUSED if mark in data[:16]), "")
    raise ImageError(
        "UnsupportedPicFormat",
        f"{name}: is {named or 'in a format that is'} not supported; save it as {_ALLOWED}",
    )


def _check_header(image: ImageFile.ImageFile, name: str, least_side: int) -> None:
    width, height = image.size
    sides = (width, height, *_tile_sides(image))
    if min(width, height) < least_side or max(sides) > MAX_SIDE or width * height > MAX_PIXELS:
        raise ImageError("UnsupportedPicPixels", f"{name}: is {width}x{height} pixels; {_RANGE}")
    if getattr(image, "is_animated", False):
        raise ImageError(
            "Animated",
            f"{name}: holds more than one picture (animation or pages); save the wanted one alone",
        )


def _tile_sides(image: ImageFile.ImageFile) -> tuple[int, ...]:
    """Sides of a TIFF's tiles: a small picture may ask for a huge tile buffer."""
    tags = getattr(image, "tag_v2", {})
    return tuple(int(tags[tag]) for tag in _TIFF_TILES if tag in tags)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - a broken note about a whole picture does not spoil it
        return 1


def _eight_bits(image: Image.Image, name: str) -> Image.Image:
    """The loaded picture as 8-bit RGB."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        return _from_sixteen(image)
    if image.mode in ("I", "F", "LAB", "HSV"):
        raise ImageError(
            "UnsupportedPicFormat",
            f"{name}: its pixels are {image.mode} values without an agreed brightness; "
            "save it with 8 or 16 bits per channel in RGB or grey",
        )
    if image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info:
        # Pillow takes every CMYK JPEG for Adobe's, whose inks are stored inverted.
        image = ImageChops.invert(image)
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, colours).convert("RGB")
    return image.convert("RGB")


def _from_sixteen(image: Image.Image) -> Image.Image:
    """Scaled, where Pillow's own conversion would clip everything above 255 to white."""
    tags = getattr(image, "tag_v2", {})
    bits = int(tags.get(_TIFF_BITS, (16,))[0])
    values = np.asarray(image).astype(np.float32) * np.float32(255 / (2**bits - 1))
    grey = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    if tags.get(_TIFF_INVERTED) == 0:
        grey = 255 - grey
    return Image.fromarray(grey).convert("RGB")


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    """The picture as it was meant to be looked at; EXIF orientation 1 to 8, others are ignored."""
    turned = {
        2: lambda: pixels[:, ::-1],
        3: lambda: pixels[::-1, ::-1],
        4: lambda: pixels[::-1],
        5: lambda: pixels.transpose(1, 0, 2),
        6: lambda: np.rot90(pixels, -1),
        7: lambda: pixels[::-1, ::-1].transpose(1, 0, 2),
        8: lambda: np.rot90(pixels),
    }.get(orientation, lambda: pixels)()
    return np.ascontiguousarray(turned)
