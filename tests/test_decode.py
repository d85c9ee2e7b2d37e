# SPDX-License-Identifier: Apache-2.0
"""Pictures nobody vouches for: right pixels for the odd ones, stable codes for the bad ones."""

from __future__ import annotations

import io
import os
import socket
import struct
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from kiosk.errors import ImageError
from kiosk.vision import decode
from kiosk.vision.decode import decode_picture, read_picture

WIDTH, HEIGHT = 96, 64
RED, GREEN, BLUE, WHITE = (200, 30, 40), (20, 180, 60), (30, 50, 190), (250, 250, 250)


def drawing() -> Image.Image:
    """Four quarters in four colours, so that any turn or swapped channel shows."""
    image = Image.new("RGB", (WIDTH, HEIGHT), WHITE)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, WIDTH // 2 - 1, HEIGHT // 2 - 1), fill=RED)
    draw.rectangle((WIDTH // 2, 0, WIDTH, HEIGHT // 2 - 1), fill=GREEN)
    draw.rectangle((0, HEIGHT // 2, WIDTH // 2 - 1, HEIGHT), fill=BLUE)
    return image


def saved(image: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def quarters(pixels: np.ndarray) -> list[tuple[int, ...]]:
    """RGB at the middle of the four quarters."""
    height, width = pixels.shape[:2]
    spots = ((1, 1), (1, 3), (3, 1), (3, 3))
    return [tuple(int(v) for v in pixels[height * y // 4, width * x // 4, ::-1]) for y, x in spots]


def assert_drawing(pixels: np.ndarray, tolerance: int = 6) -> None:
    assert pixels.dtype == np.uint8 and pixels.flags.c_contiguous and pixels.flags.writeable
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    found = np.array(quarters(pixels), int)
    assert np.abs(found - np.array([RED, GREEN, BLUE, WHITE])).max() <= tolerance


def code_of(data: bytes) -> str:
    with pytest.raises(ImageError) as caught:
        decode_picture(data, "picture")
    assert "picture" in str(caught.value)
    return caught.value.code


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"quality": 95, "subsampling": 0}),
        ("JPEG", {"quality": 95, "subsampling": 0, "progressive": True}),
        ("PNG", {}),
        ("BMP", {}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("PPM", {}),
    ],
)
def test_every_allowed_format_gives_bgr_pixels(kind: str, options: dict) -> None:
    assert_drawing(decode_picture(saved(drawing(), kind, **options), "p"))


def test_a_still_gif_and_a_palette_png_give_their_colours() -> None:
    palette = drawing().quantize(16)
    for kind in ("GIF", "PNG"):
        assert_drawing(decode_picture(saved(palette, kind), "p"))


def test_a_wrong_extension_is_accepted_because_content_rules(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(saved(drawing(), "PNG"))
    assert_drawing(read_picture(path))


def oriented(upright: Image.Image, orientation: int) -> Image.Image:
    """The stored picture that shows `upright` once `orientation` is applied."""
    stored_by = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    how = stored_by[orientation]
    return upright if how is None else upright.transpose(how)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_all_eight_exif_orientations_show_the_same_upright_picture(
    kind: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    data = saved(oriented(drawing(), orientation), kind, exif=exif, **options)
    assert_drawing(decode_picture(data, "p"))


@pytest.mark.parametrize("junk", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff"])
def test_broken_exif_does_not_spoil_a_whole_picture(junk: bytes) -> None:
    data = saved(drawing(), "JPEG", quality=95, subsampling=0, exif=junk)
    assert_drawing(decode_picture(data, "p"))


def ramp16() -> np.ndarray:
    return np.linspace(0, 65535, WIDTH * HEIGHT).astype(np.uint16).reshape(HEIGHT, WIDTH)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_sixteen_bit_grey_is_scaled_and_not_clipped(kind: str) -> None:
    pixels = decode_picture(saved(Image.fromarray(ramp16()), kind), "p")
    expected = np.rint(ramp16() / 257.0)
    assert np.abs(pixels[:, :, 0].astype(int) - expected).max() <= 1
    assert (pixels[:, :, 0] == pixels[:, :, 2]).all()


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG written by hand, for headers that no library will write."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_sixteen_bit_colour_keeps_its_colours() -> None:
    colours = np.asarray(drawing()).astype(">u2") * 257
    rows = b"".join(b"\0" + row.tobytes() for row in colours)
    assert_drawing(decode_picture(png(WIDTH, HEIGHT, 16, 2, rows), "p"), tolerance=1)


def test_big_endian_sixteen_bit_tiff_reads_the_same_as_little_endian() -> None:
    little = saved(Image.fromarray(ramp16()), "TIFF")
    big = saved(Image.frombytes("I;16B", (WIDTH, HEIGHT), ramp16().astype(">u2").tobytes()), "TIFF")
    assert (decode_picture(little, "p") == decode_picture(big, "p")).all()


def test_cmyk_jpeg_from_photoshop_is_not_shown_as_its_negative() -> None:
    data = saved(drawing().convert("CMYK"), "JPEG", quality=98, subsampling=0)
    assert b"Adobe" in data
    assert_drawing(decode_picture(data, "p"))


def test_cmyk_jpeg_without_the_adobe_mark_is_not_shown_as_its_negative() -> None:
    inverted = Image.eval(drawing().convert("CMYK"), lambda value: 255 - value)
    data = saved(inverted, "JPEG", quality=98, subsampling=0)
    at = data.index(b"\xff\xee")
    length = int.from_bytes(data[at + 2 : at + 4], "big")
    without_mark = data[:at] + data[at + 2 + length :]
    assert b"Adobe" not in without_mark
    assert_drawing(decode_picture(without_mark, "p"))


def test_cmyk_tiff_keeps_its_colours() -> None:
    assert_drawing(decode_picture(saved(drawing().convert("CMYK"), "TIFF"), "p"))


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_transparency_is_laid_on_white(kind: str) -> None:
    image = Image.new("RGBA", (WIDTH, HEIGHT), (0, 0, 0, 0))
    image.paste((*RED, 255), (0, 0, WIDTH // 2, HEIGHT))
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    pixels = decode_picture(saved(image, kind, **options), "p")
    assert tuple(pixels[8, 8, ::-1]) == RED
    assert tuple(pixels[8, WIDTH - 8]) == (255, 255, 255)


def test_transparent_colour_of_palette_and_grey_pictures_is_laid_on_white() -> None:
    palette = Image.new("P", (WIDTH, HEIGHT), 0)
    palette.putpalette([0, 0, 0, *RED])
    palette.paste(1, (0, 0, WIDTH // 2, HEIGHT))
    for data in (saved(palette, "PNG", transparency=0), saved(palette, "GIF", transparency=0)):
        pixels = decode_picture(data, "p")
        assert tuple(pixels[8, 8, ::-1]) == RED
        assert tuple(pixels[8, WIDTH - 8]) == (255, 255, 255)
    grey = Image.new("LA", (WIDTH, HEIGHT), (0, 0))
    assert (decode_picture(saved(grey, "PNG"), "p") == 255).all()


def test_grey_and_black_and_white_pictures_become_three_equal_channels() -> None:
    for image in (drawing().convert("L"), drawing().convert("1")):
        pixels = decode_picture(saved(image, "PNG"), "p")
        assert pixels.shape == (HEIGHT, WIDTH, 3)
        assert (pixels[:, :, 0] == pixels[:, :, 2]).all()


def test_the_first_picture_of_a_phones_multi_picture_jpeg_is_read() -> None:
    other = Image.new("RGB", (WIDTH, HEIGHT), BLUE)
    data = saved(drawing(), "MPO", save_all=True, append_images=[other], quality=95, subsampling=0)
    assert_drawing(decode_picture(data, "p"))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_more_than_one_picture_in_a_file_is_refused(kind: str) -> None:
    other = Image.new("RGB", (WIDTH, HEIGHT), BLUE)
    data = saved(drawing(), kind, save_all=True, append_images=[other])
    assert code_of(data) == "Animated"


@pytest.mark.parametrize(
    ("width", "height"), [(20000, 200), (200, 20000), (8193, 64), (31, 64), (64, 31), (8000, 8000)]
)
def test_wrong_sizes_are_refused_by_the_header_with_the_real_size(width: int, height: int) -> None:
    with pytest.raises(ImageError, match=f"{width}x{height}.*32 to 8192") as caught:
        decode_picture(png(width, height, 8, 2, b""), "p")
    assert caught.value.code == "UnsupportedPicPixels"


@pytest.mark.parametrize("side", [10_000, 20_000, 60_000, 2**31 - 1])
def test_a_png_bomb_is_refused_by_its_header_at_any_size(side: int) -> None:
    assert code_of(png(side, side, 8, 2, bytes(1000))) in {"UnsupportedPicPixels", "Damaged"}


def test_a_webp_that_claims_a_huge_canvas_is_refused() -> None:
    edge = (16383).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + edge + edge
    body += saved(drawing(), "WEBP", lossless=True)[12:]
    data = b"RIFF" + struct.pack("<I", len(body)) + body
    assert code_of(data) in {"UnsupportedPicPixels", "Damaged"}


def test_a_gif_whose_frame_outgrows_its_screen_is_refused() -> None:
    data = bytearray(saved(drawing().quantize(16), "GIF"))
    at = data.rindex(b"," + struct.pack("<HHHH", 0, 0, WIDTH, HEIGHT))
    data[at + 5 : at + 9] = struct.pack("<HH", 60000, 60000)
    assert code_of(bytes(data)) == "UnsupportedPicPixels"


def test_a_tiff_that_asks_for_a_huge_tile_is_refused() -> None:
    # The entry "rows per strip" becomes "tile width".
    strips, tiles = struct.pack("<HH", 0x0116, 4), struct.pack("<HHII", 0x0142, 4, 1, 65535)
    data = saved(drawing(), "TIFF", tiffinfo={0x0116: HEIGHT})
    at = data.index(strips)
    assert code_of(data[:at] + tiles + data[at + 12 :]) == "UnsupportedPicPixels"


def test_a_32_bit_tiff_is_refused_because_its_brightness_is_unknown() -> None:
    data = saved(Image.new("F", (WIDTH, HEIGHT), 0.5), "TIFF")
    assert code_of(data) == "UnsupportedPicFormat"


@pytest.mark.parametrize(
    "data",
    [
        b"hello, this is a text file" * 10,
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7 ...",
        bytes(1000),
        saved(drawing(), "ICO"),
        saved(drawing(), "TGA"),
        saved(drawing(), "PCX"),
    ],
)
def test_other_formats_are_refused(data: bytes) -> None:
    assert code_of(data) == "UnsupportedPicFormat"


def test_a_phones_heic_is_called_by_its_name() -> None:
    with pytest.raises(ImageError, match="HEIC"):
        decode_picture(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "IMG_1.HEIC")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM"])
def test_a_picture_cut_anywhere_is_refused_and_never_hangs_or_crashes(kind: str) -> None:
    # Noise does not compress away: every byte of the file carries picture.
    noise = np.random.default_rng(5).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    data = saved(Image.fromarray(noise), kind)
    for length in np.linspace(1, len(data) * 0.9, 40).astype(int):
        assert code_of(data[:length]) in {"Damaged", "UnsupportedPicFormat"}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM"])
def test_flipped_bytes_give_pixels_or_a_stable_code(kind: str) -> None:
    data = saved(drawing(), kind)
    random = np.random.default_rng(7)
    for _ in range(150):
        damaged = bytearray(data)
        damaged[int(random.integers(0, min(len(data), 600)))] = int(random.integers(0, 256))
        try:
            assert decode_picture(bytes(damaged), "p").ndim == 3
        except ImageError as error:
            assert error.code in decode.__doc__


def test_an_empty_file_is_named_empty(tmp_path: Path) -> None:
    path = tmp_path / "empty.jpg"
    path.touch()
    with pytest.raises(ImageError) as caught:
        read_picture(path)
    assert caught.value.code == "Empty"


def test_a_file_over_the_byte_limit_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    path.touch()
    os.truncate(path, decode.MAX_BYTES + 1)
    with pytest.raises(ImageError) as caught:
        read_picture(path)
    assert caught.value.code == "TooManyBytes"


def test_a_folder_a_pipe_a_socket_and_a_device_are_refused_without_blocking(
    tmp_path: Path,
) -> None:
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)
    link = tmp_path / "link.jpg"
    link.symlink_to(pipe)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.jpg"))
        for path in (tmp_path, pipe, link, tmp_path / "socket.jpg", Path("/dev/zero")):
            with pytest.raises(ImageError) as caught:
                read_picture(path)
            assert caught.value.code == "NotAFile"


def test_a_missing_file_a_null_byte_and_a_link_circle_are_unreadable(tmp_path: Path) -> None:
    circle = tmp_path / "circle.jpg"
    circle.symlink_to(circle)
    for path in (tmp_path / "none.jpg", tmp_path / "nu\0ll.jpg", circle):
        with pytest.raises(ImageError) as caught:
            read_picture(path)
        assert caught.value.code == "Unreadable"


def test_several_threads_decode_the_same_pictures_without_leaking_warnings() -> None:
    good = saved(drawing(), "PNG")
    bomb = png(10_000, 10_000, 8, 2, bytes(1000))
    broken = saved(drawing(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff")
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(20):
                assert_drawing(decode_picture(good, "p"))
                decode_picture(broken, "p")
                assert code_of(bomb) == "UnsupportedPicPixels"
        except BaseException as error:  # noqa: BLE001 - told in the main thread
            failures.append(error)

    with warnings.catch_warnings(record=True) as leaked:
        warnings.simplefilter("always")
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures and not leaked
