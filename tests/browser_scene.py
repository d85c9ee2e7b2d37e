# SPDX-License-Identifier: Apache-2.0
"""Pictures for the page's tests: a counter, packaged products and their catalog photos, drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from kiosk.values import Box, Pixels, Record

FONT = "DejaVuSans-Bold.ttf"


@dataclass(frozen=True)
class Product:
    record: Record
    brand: str
    line: str
    paper: str
    ink: str


def product(
    sku: str, name: str, category: str, brand: str, line: str, paper: str, ink: str
) -> Product:
    return Product(Record(sku, name, category), brand, line, paper, ink)


PRODUCTS = (
    product("40-1182", "Oat Flakes Fine 500 g", "Breakfast", "HALM", "fine", "#e9b949", "#51300a"),
    product(
        "40-1183", "Oat Flakes Coarse 500 g", "Breakfast", "HALM", "coarse", "#d97f3f", "#4a1c05"
    ),
    product(
        "41-2207", "Jasmine Rice 1 kg", "Rice & Pasta", "LOTU", "jasmine", "#3c8f78", "#fdf6e3"
    ),
    product(
        "41-2210", "Basmati Rice 1 kg", "Rice & Pasta", "LOTU", "basmati", "#2f6fa8", "#f3f7ff"
    ),
    product("52-0031", "Dark Chocolate 70 %", "Sweets", "NOCT", "70 %", "#3a2430", "#f0c987"),
    product("52-0034", "Milk Chocolate", "Sweets", "NOCT", "milk", "#8a5a78", "#fff1dc"),
)


def colour(text: str) -> tuple[int, int, int]:
    red, green, blue = (int(text[at : at + 2], 16) for at in (1, 3, 5))
    return red, green, blue


@cache
def wood() -> Pixels:
    """The empty counter, RGB."""
    y, x = np.mgrid[0:480, 0:640].astype(np.float32)
    light = 1.12 - 0.45 * np.hypot((x - 260) / 640, (y - 150) / 480)
    noise = np.random.default_rng(5).normal(0, 2.2, (480, 640, 1))
    grain = np.sin(y / 9 + np.sin(x / 130) * 2.5) * 2.5 + np.sin(y / 2.3 + x / 300) * 1.5
    base = np.stack([178 + grain * 1.2, 168 + grain * 1.1, 152 + grain], axis=-1)
    return np.clip(base * light[..., None] * 0.86 + noise, 0, 255).astype(np.uint8)


@cache
def pack(item: Product, height: int) -> Image.Image:
    """The front and one side of a carton, RGBA."""
    width = round(height * 0.66)
    front = Image.new("RGBA", (width, height), (*colour(item.paper), 255))
    draw = ImageDraw.Draw(front)
    ink = colour(item.ink)
    big = ImageFont.truetype(FONT, round(height * 0.15))
    small = ImageFont.truetype(FONT, round(height * 0.075))
    draw.rectangle((0, height * 0.1, width, height * 0.34), fill=ink)
    middle = width / 2
    draw.text((middle, height * 0.22), item.brand, font=big, fill=item.paper, anchor="mm")
    draw.ellipse((width * 0.2, height * 0.42, width * 0.8, height * 0.8), fill=(255, 255, 255, 235))
    petal = ink if sum(ink) < 380 else colour(item.paper)
    for turn in range(0, 360, 45):
        radians = np.deg2rad(turn)
        x, y = middle + np.cos(radians) * width * 0.13, height * (0.61 + np.sin(radians) * 0.08)
        draw.ellipse(
            (x - width * 0.07, y - width * 0.07, x + width * 0.07, y + width * 0.07), petal
        )
    draw.text((middle, height * 0.9), item.line, font=small, fill=ink, anchor="mm")
    side = front.resize((width // 5, height)).filter(ImageFilter.GaussianBlur(height / 60))
    side = Image.blend(side, Image.new("RGBA", side.size, (0, 0, 0, 255)), 0.45)
    whole = Image.new("RGBA", (width + side.width, height))
    whole.paste(front, (0, 0))
    whole.paste(side, (width, 0))
    return whole


def photo(item: Product) -> bytes:
    """A catalog photo as JPEG: the pack on white."""
    carton = pack(item, 250)
    white = Image.new("RGB", (320, 320), "#ffffff")
    shadow = Image.new("L", white.size, 0)
    ImageDraw.Draw(shadow).ellipse((60, 262, 270, 298), fill=90)
    white.paste("#000000", (0, 0), shadow.filter(ImageFilter.GaussianBlur(10)))
    white.paste(carton, ((320 - carton.width) // 2, 32), carton)
    file = BytesIO()
    white.save(file, "JPEG", quality=88)
    return file.getvalue()


def counter(items: tuple[Product, ...], turn: float = 0.0) -> tuple[Pixels, tuple[Box, ...]]:
    """A 640 x 480 view of a counter with the packs on it, BGR, and their boxes."""
    picture = Image.fromarray(wood())
    boxes = []
    places = {1: (320,), 2: (215, 470), 3: (150, 335, 520)}[max(1, len(items))]
    for item, place in zip(items, places, strict=False):
        carton = pack(item, 300).rotate(turn, expand=True, resample=Image.Resampling.BICUBIC)
        left, top = place - carton.width // 2, 245 - carton.height // 2
        shadow = Image.new("L", picture.size, 0)
        shadow.paste(150, (left + 16, top + 22), carton.getchannel("A"))
        picture.paste("#1a120a", (0, 0), shadow.filter(ImageFilter.GaussianBlur(14)))
        picture.paste(carton, (left, top), carton)
        boxes.append(Box(left - 6, top - 6, left + carton.width + 6, top + carton.height + 6))
    rgb = np.asarray(picture.filter(ImageFilter.GaussianBlur(0.5)))
    return np.ascontiguousarray(rgb[..., ::-1]), tuple(boxes)
