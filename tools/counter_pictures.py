# SPDX-License-Identifier: Apache-2.0
"""The picture set that the tests of the shipped models look at: drawn items on drawn counters.

    python -m tools.counter_pictures tests/renders

Owns that set: fronts, colour twins, scenes with one item each, empty counters, and manifest.csv
(path,sku,role,split,category and the box x1,y1,x2,y2). Its seeds start at FIRST, which is far from
those of any training: a model has seen the drawing style but never these items.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from tools import render
from tools.rendering.design import F32, U8, Rng

FIRST = 900_000_000
WIDTH, HEIGHT, FRONT_PX = 320, 240, 200
KINDS = ("box", "carton", "small_box", "can", "bottle", "jar", "pouch", "tube", "blister",
         "earring", "round_fruit", "long_fruit")  # fmt: skip
VIEWS = 2
EMPTY = 8
COUNTERS = ("plain", "wood", "stone", "steel", "mat")
HEADER = ("path", "sku", "role", "split", "category", "x1", "y1", "x2", "y2")
Box = tuple[int, int, int, int]


def _noise(rng: Rng, rows: int, columns: int) -> F32:
    coarse = rng.normal(0, 1, (rows, columns)).astype(np.float32)
    whole = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.asarray(whole, np.float32)[..., None]


def counter(rng: Rng, kind: str) -> F32:
    """An empty counter of one of COUNTERS, float BGR HEIGHT×WIDTH×3, unevenly lit."""
    tone = {
        "plain": (225, 225, 222), "wood": (95, 135, 175), "stone": (140, 145, 150),
        "steel": (178, 172, 168), "mat": (70, 62, 58),
    }[kind]  # fmt: skip
    ground = np.full((HEIGHT, WIDTH, 3), tone, np.float32)
    if kind == "wood":
        ground *= 1 + 0.06 * _noise(rng, 70, 3) + 0.05 * _noise(rng, 14, 2)
    elif kind == "stone":
        ground += 10 * _noise(rng, HEIGHT // 2, WIDTH // 2) + 6 * _noise(rng, 8, 10)
    elif kind == "steel":
        ground *= 1 + 0.025 * _noise(rng, HEIGHT, 4)
    elif kind == "mat":
        ground += 5 * _noise(rng, HEIGHT, WIDTH)
    return ground * (1 + 0.05 * _noise(rng, 2, 3))


def taken(rng: Rng, scene: F32) -> U8:
    """The camera's picture of a scene: a little blur, noise, eight bits."""
    soft = np.asarray(cv2.GaussianBlur(scene, (0, 0), rng.uniform(0.4, 0.8)), np.float32)
    return np.clip(soft + rng.normal(0, 2.0, soft.shape), 0, 255).astype(np.uint8)


def on_counter(rng: Rng, item: U8, kind: str) -> tuple[U8, Box]:
    """A BGRA item lying on a counter: the picture and the box of its pixels."""
    scene = counter(rng, kind)
    scale = HEIGHT * rng.uniform(0.5, 0.8) / max(item.shape[:2])
    flat = item.astype(np.float32)
    flat[..., :3] *= flat[..., 3:] / 255
    flat = np.asarray(cv2.resize(flat, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    rows, columns = flat.shape[:2]
    top = int(rng.integers(8, HEIGHT - rows - 8))
    left = int(rng.integers(WIDTH // 10, WIDTH - columns - WIDTH // 10))
    whole = np.zeros((HEIGHT, WIDTH, 4), np.float32)
    whole[top : top + rows, left : left + columns] = flat
    cover = whole[..., 3:] / 255
    for away, depth in ((3, 0.45), (12, 0.2)):
        shift = np.array([[1, 0, away * 0.7], [0, 1, away]], np.float32)
        dark = cv2.warpAffine(cover[..., 0], shift, (WIDTH, HEIGHT))
        shade = np.asarray(cv2.GaussianBlur(dark, (0, 0), away), np.float32)
        scene = scene * (1 - np.float32(depth) * shade[..., None])
    scene = np.asarray(scene * (1 - cover) + whole[..., :3], np.float32)
    x, y, w, h = cv2.boundingRect((cover[..., 0] > 0.5).astype(np.uint8))
    return taken(rng, scene), (x, y, x + w, y + h)


def on_white(item: U8) -> U8:
    """A catalog picture: the item on white."""
    cover = item[..., 3:].astype(np.float32) / 255
    return np.round(item[..., :3] * cover + 255 * (1 - cover)).astype(np.uint8)


def _box_of(item: U8) -> Box:
    x, y, w, h = cv2.boundingRect((item[..., 3] > 127).astype(np.uint8))
    return x, y, x + w, y + h


def write_set(out: Path, quality: int = 88) -> None:
    """Write pictures and manifest.csv into `out`; the same bytes every time on one build of cv2."""
    out.mkdir(parents=True, exist_ok=True)
    rows: list[tuple[str | int, ...]] = [HEADER]

    def save(name: str, pixels: U8, sku: str, role: str, box: Box | tuple[()] = ()) -> None:
        path = f"{name}.webp"
        if not cv2.imwrite(str(out / path), pixels, [cv2.IMWRITE_WEBP_QUALITY, quality]):
            raise OSError(f"{out / path}: cannot be written")
        rows.append((path, sku, role, "test", "render", *(box or ("", "", "", ""))))

    for number, kind in enumerate(KINDS):
        one = render.identity(FIRST + number, kind)
        rng = np.random.default_rng([FIRST, number])
        sku = f"{kind}_{number:02d}"
        picture = render.front(one, FRONT_PX)
        save(f"{sku}_front", on_white(picture), sku, "reference", _box_of(picture))
        picture = render.front(render.twin(one, "colour", FIRST), FRONT_PX)
        save(f"{sku}_twin", on_white(picture), f"{sku}_twin", "reference", _box_of(picture))
        for look in range(VIEWS):
            ground = COUNTERS[(number + 2 * look) % len(COUNTERS)]
            pixels, box = on_counter(rng, render.view(one, rng), ground)
            save(f"{sku}_{look}", pixels, sku, "photo", box)
    for number in range(EMPTY):
        rng = np.random.default_rng([FIRST, 7, number])
        pixels = taken(rng, counter(rng, COUNTERS[number % len(COUNTERS)]))
        save(f"empty_{number}", pixels, "", "empty")
    with (out / "manifest.csv").open("w", newline="") as handle:
        csv.writer(handle, lineterminator="\n").writerows(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    cv2.setNumThreads(1)
    write_set(parser.parse_args(arguments).out)


if __name__ == "__main__":
    main()
