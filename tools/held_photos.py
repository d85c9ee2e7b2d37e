# SPDX-License-Identifier: Apache-2.0
"""Real photos no detector was trained on, as scenes with boxes: what the drawn scenes cannot tell.

Owns which photos are held: photos of one item whose SKU is on the validation side, boxed by the
teacher's mask; COCO photos with exactly one labelled thing of a kind that one can put on a counter
(training used only the parts of these photos without labels); shop photos, where only having a box
can be asked for.
"""

from __future__ import annotations

import csv
from collections.abc import Collection
from pathlib import Path

import cv2
import numpy as np

from tools.backdrops import F32, U8
from tools.cutouts import clean_mask, is_validation, mask_box
from tools.lens import letterbox

HOLDABLE = {24, 25, 26, 28, *range(39, 56), *range(63, 68), *range(73, 80)}
"""COCO classes (0..79) of things one can put on a counter."""
NO_BOX = np.zeros((0, 4), np.float32)


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(newline="") as handle:
        return list(csv.DictReader(handle))


def _stacked(scenes: list[tuple[U8, F32]]) -> tuple[U8, F32]:
    boxes = np.full((len(scenes), 1, 4), -1, np.float32)
    for row, (_, found) in enumerate(scenes):
        boxes[row, : len(found)] = found[:1]
    return np.stack([image for image, _ in scenes]), boxes


def single_items(data: Path, masks: Path, side: int = 256) -> tuple[U8, F32]:
    """Held photos of one item: images (n, side, side, 3), teacher's boxes (n, 1, 4)."""
    scenes = []
    for row in _rows(data / "single_items"):
        path = (masks / "single_items" / row["path"]).with_suffix(".png")
        if not is_validation(row["sku"]) or not path.exists():
            continue
        image = cv2.imread(str(data / "single_items" / row["path"]), cv2.IMREAD_COLOR)
        raw = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        mask = None if raw is None else clean_mask(np.asarray(raw, np.uint8))
        if image is not None and mask is not None:
            box = np.array([mask_box(mask)], np.float32)
            scenes.append(letterbox(np.asarray(image, np.uint8), box, side))
    return _stacked(scenes)


def coco(data: Path, side: int = 256) -> tuple[U8, F32]:
    """Photos with one labelled thing of a holdable kind, 4..95 % of the picture, among others."""
    scenes = []
    for path in sorted((data / "coco" / "images").glob("*.jpg")):
        label = data / "coco" / "labels" / f"{path.stem}.txt"
        lines = label.read_text().splitlines() if label.exists() else []
        rows = [[float(word) for word in line.split()[:5]] for line in lines]
        things = [row[1:] for row in rows if int(row[0]) in HOLDABLE and row[3] * row[4] > 0.01]
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None or len(things) != 1 or not 0.04 < things[0][2] * things[0][3] < 0.95:
            continue
        x, y, w, h = things[0]
        height, width = image.shape[:2]
        box = np.array([[x - w / 2, y - h / 2, x + w / 2, y + h / 2]])
        box = box * np.array([width, height, width, height])
        scenes.append(letterbox(np.asarray(image, np.uint8), box.astype(np.float32), side))
    return _stacked(scenes)


def shop(data: Path, splits: Collection[str], side: int = 256) -> tuple[U8, list[dict[str, str]]]:
    """Shop photos of these splits: images (n, side, side, 3) and their rows of the manifest."""
    rows = [row for row in _rows(data / "grocery")
            if row["role"] == "photo" and row["split"] in splits]  # fmt: skip
    images = [cv2.imread(str(data / "grocery" / row["path"]), cv2.IMREAD_COLOR) for row in rows]
    boxed = [letterbox(np.asarray(image, np.uint8), NO_BOX, side)[0] for image in images]
    return np.stack(boxed), rows
