# SPDX-License-Identifier: Apache-2.0
"""The training pictures: cut-out items, whole photos with a teacher's box, and photo backgrounds.

Owns which pictures may be used and the split: an item belongs to the validation side when the hash
of its SKU says so, so no SKU is ever on both sides. Test photos of the grocery set and the earrings
are never opened.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from tools.hands import modelled
from tools.heaps import heap_box

U8 = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Cutout:
    """BGRA pixels of one item, trimmed to its mask, and where it came from."""

    pixels: U8
    sku: str


@dataclass(frozen=True, slots=True)
class Photo:
    """A whole BGR photo and which of its pixels are its one item (0/255)."""

    pixels: U8
    mask: U8
    sku: str


@dataclass(frozen=True, slots=True)
class Library:
    """Everything one side of the split may draw from."""

    cutouts: list[Cutout]
    photos: list[Photo]
    backgrounds: list[U8]
    hands: list[U8]
    heaps: list[Photo]


def is_validation(sku: str) -> bool:
    """True for about 15 % of the SKUs, for ever the same ones."""
    return int(hashlib.sha256(sku.encode()).hexdigest(), 16) % 100 < 15


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(newline="") as handle:
        return list(csv.DictReader(handle))


def clean_mask(mask: U8) -> U8 | None:
    """The mask's one solid piece (uint8 0/255), or None where the teacher was unsure."""
    solid = (mask > 127).astype(np.uint8)
    area = int(solid.sum())
    if not 0.02 < area / mask.size < 0.85:
        return None
    unsure = int(((mask > 60) & (mask < 195)).sum())
    count, labels, stats, _ = cv2.connectedComponentsWithStats(solid)
    best = 1 + int(np.argmax(stats[1:count, cv2.CC_STAT_AREA]))
    piece = (labels == best).astype(np.uint8)
    piece_area = int(piece.sum())
    contours, _ = cv2.findContours(piece, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    hull = cv2.contourArea(cv2.convexHull(np.vstack(contours)))
    if unsure > 0.14 * area or piece_area < 0.93 * area or piece_area < 0.5 * hull:
        return None
    return np.asarray(piece * 255, np.uint8)


def edge_contact(mask: U8) -> float:
    """Share of the picture's border that the mask touches."""
    border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    return float((border > 127).mean())


def mask_box(mask: U8) -> Box:
    """Tight box x1, y1, x2, y2 of a 0/255 mask."""
    ys, xs = np.nonzero(mask > 127)
    return float(xs.min()), float(ys.min()), float(xs.max() + 1), float(ys.max() + 1)


def _trim(pixels: U8, side: int = 288) -> U8 | None:
    if not (pixels[..., 3] > 127).any():
        return None
    x1, y1, x2, y2 = (int(v) for v in mask_box(pixels[..., 3]))
    cut = pixels[y1:y2, x1:x2]
    scale = min(1.0, side / max(cut.shape[:2]))
    if scale < 1.0:
        cut = np.asarray(cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    return np.ascontiguousarray(cut, np.uint8) if min(cut.shape[:2]) >= 6 else None


def renders(data: Path, validation: bool) -> list[Cutout]:
    """The 3-D renders of one side of the split."""
    found = []
    for row in _rows(data / "products3d"):
        if is_validation(row["sku"]) == validation:
            pixels = cv2.imread(str(data / "products3d" / row["path"]), cv2.IMREAD_UNCHANGED)
            cut = None if pixels is None else _trim(np.asarray(pixels, np.uint8))
            if cut is not None:
                found.append(Cutout(cut, row["sku"]))
    return found


@dataclass(slots=True)
class Found:
    """What the photos of one side of the split give."""

    cutouts: list[Cutout]
    photos: list[Photo]
    heaps: list[Photo]
    grounds: list[U8]


def _sort(found: Found, row: dict[str, str], folder: str, image: U8, raw: U8) -> None:
    """Use one photo and its teacher's mask for all that they are good for."""
    mask = clean_mask(raw)
    in_shop = folder == "grocery" and row["role"] == "photo"
    produce = in_shop and row["category"] != "Packages"
    if mask is None or (produce and mask.mean() < 0.12 * 255):
        if produce:
            found.heaps.append(Photo(image, _filled(heap_box(image), image), row["sku"]))
        return
    if edge_contact(mask) < 0.03 and not produce:
        soft = np.asarray(cv2.GaussianBlur(cv2.erode(mask, np.ones((3, 3))), (3, 3), 0))
        cut = _trim(np.dstack([image, soft]).astype(np.uint8))
        if cut is not None:
            found.cutouts.append(Cutout(cut, row["sku"]))
    if produce:
        found.heaps.append(Photo(image, mask, row["sku"]))
    elif row["role"] != "reference":
        found.photos.append(Photo(image, mask, row["sku"]))
    if not in_shop and row["role"] != "reference":
        ground = _beside(image, raw)
        if ground is not None:
            found.grounds.append(ground)


def _filled(box: Box, image: U8) -> U8:
    mask = np.zeros(image.shape[:2], np.uint8)
    x1, y1, x2, y2 = (round(v) for v in box)
    mask[y1:y2, x1:x2] = 255
    return mask


def _beside(image: U8, raw: U8) -> U8 | None:
    """The largest part of a photo of one item in which nothing of the item is."""
    height, width = raw.shape
    unsure = np.asarray(cv2.dilate(raw, np.ones((9, 9))), np.uint8)
    if not (unsure > 100).any():
        return None
    x1, y1, x2, y2 = mask_box(np.where(unsure > 40, 255, 0).astype(np.uint8))
    box = ((x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height)
    left, top, right, bottom = _largest_free([box], 200)
    part = image[int(top * height) : int(bottom * height), int(left * width) : int(right * width)]
    return np.ascontiguousarray(part) if min(part.shape[:2]) >= 56 else None


def _masked(data: Path, masks: Path, validation: bool) -> Found:
    found = Found([], [], [], [])
    for folder in ("grocery", "single_items"):
        for row in _rows(data / folder):
            mask_path = (masks / folder / row["path"]).with_suffix(".png")
            if row["split"] == "test" or is_validation(row["sku"]) != validation:
                continue
            produce = row["role"] == "photo" and row["category"] in ("Fruit", "Vegetables")
            if not mask_path.exists() and not produce:
                continue
            image = cv2.imread(str(data / folder / row["path"]), cv2.IMREAD_COLOR)
            raw = cv2.imread(str(mask_path), cv2.IMREAD_GRAYSCALE) if mask_path.exists() else None
            if image is None:
                continue
            if raw is None:
                raw = np.zeros(image.shape[:2], np.uint8)
            _sort(found, row, folder, np.asarray(image, np.uint8), np.asarray(raw, np.uint8))
    return found


def backgrounds(data: Path, validation: bool) -> list[U8]:
    """COCO photos cropped to their largest part without a labelled object."""
    found = []
    for path in sorted((data / "coco" / "images").glob("*.jpg")):
        if is_validation(path.stem) != validation:
            continue
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        label = data / "coco" / "labels" / f"{path.stem}.txt"
        lines = label.read_text().splitlines() if label.exists() else []
        boxes = [tuple(map(float, line.split()[1:5])) for line in lines]
        if image is None:
            continue
        height, width = image.shape[:2]
        free = _largest_free(boxes)
        crop = image[
            int(free[1] * height) : int(free[3] * height),
            int(free[0] * width) : int(free[2] * width),
        ]
        if min(crop.shape[:2]) >= 90:
            found.append(np.ascontiguousarray(crop, np.uint8))
    return found


def _largest_free(boxes: list[tuple[float, ...]], tries: int = 3000) -> Box:
    """Largest rectangle (relative) that meets no box (cx, cy, w, h), among those on box edges."""
    edges = [(cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2) for cx, cy, w, h in boxes]
    best, best_area = (0.0, 0.0, 0.0, 0.0), 0.0
    rng = np.random.default_rng(0)
    xs = np.unique([0.0, 1.0, *(e[0] for e in edges), *(e[2] for e in edges)]).clip(0, 1)
    ys = np.unique([0.0, 1.0, *(e[1] for e in edges), *(e[3] for e in edges)]).clip(0, 1)
    for _ in range(tries):
        x1, x2 = sorted(rng.choice(xs, 2))
        y1, y2 = sorted(rng.choice(ys, 2))
        area = (x2 - x1) * (y2 - y1)
        if area > best_area and all(
            x2 <= e[0] or x1 >= e[2] or y2 <= e[1] or y1 >= e[3] for e in edges
        ):
            best, best_area = (float(x1), float(y1), float(x2), float(y2)), area
    return best


def load(data: Path, work: Path, validation: bool) -> Library:
    """Read one side of the split into memory (about 0.6 GB for training)."""
    found = _masked(data, work / "masks", validation)
    return Library(
        renders(data, validation) + found.cutouts,
        found.photos,
        backgrounds(data, validation) + found.grounds,
        modelled(work / "hands"),
        found.heaps,
    )
