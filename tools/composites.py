# SPDX-License-Identifier: Apache-2.0
"""The training scene maker: items on counters, hands, shadows, bad light, bad cameras, known boxes.

Owns what a scene may look like. A scene is a letterboxed BGR uint8 side×side×3 picture with the
boxes of its items: the pixels of them that can be seen; shadows and hands belong to no box. Run as
a program it writes shards for training.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from tools import cutouts as source
from tools.backdrops import backdrop, cloud
from tools.hands import hand

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
Rng = np.random.Generator
MAX_BOXES = 6
PAD = 114
SHAPES = ((1.0, 0.75), (1.0, 0.75), (1.0, 0.5625), (0.75, 1.0), (1.0, 1.0))  # width, height


def place(rng: Rng, cut: U8, height: int, width: int, solo: bool) -> tuple[F32, F32]:
    """Turn, bend and scale a cut-out into a frame: BGR float H×W×3 and alpha 0..1 H×W."""
    tall, wide = cut.shape[:2]
    long_side = min(height, width) * float(np.exp(rng.uniform(np.log(0.10), np.log(1.05))))
    if solo and rng.random() < 0.6:
        long_side = min(height, width) * rng.uniform(0.3, 0.95)
    stretch = float(np.exp(rng.normal(0, 0.18)))
    if rng.random() < 0.08:  # long thin things
        stretch *= float(rng.choice([0.35, 2.8]))
    size = np.array([wide * stretch, tall]) * long_side / max(wide * stretch, tall)
    angle = rng.uniform(0, 2 * np.pi) if rng.random() < 0.6 else rng.normal(0, 0.15)
    half = size / 2
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
    corners = corners * (1 + rng.normal(0, 0.05, (4, 2)))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = corners @ turn.T
    spread = 0.12 if solo and rng.random() < 0.6 else 0.30
    centre = np.array([width, height]) * np.clip(rng.normal(0.5, spread, 2), 0.03, 0.97)
    reach = np.ptp(corners, axis=0) / 2
    if rng.random() < 0.85:  # most items are wholly in view
        limit = np.maximum(np.array([width, height]) - reach, np.array([width, height]) / 2)
        centre = np.clip(centre, np.minimum(reach, np.array([width, height]) / 2), limit)
    start = np.array([[0, 0], [wide, 0], [wide, tall], [0, tall]], np.float32)
    shrink = max(1.0, max(tall, wide) / max(float(size.max()), 1.0))
    if shrink > 1.6:  # the warp below does not average: shrink first
        cut = np.asarray(cv2.resize(cut, None, fx=1 / shrink, fy=1 / shrink, interpolation=3))
        start = start * [cut.shape[1] / wide, cut.shape[0] / tall]
    warp = cv2.getPerspectiveTransform(
        start.astype(np.float32), (corners + centre).astype(np.float32)
    )
    # premultiplied alpha, so that no colour from outside the mask bleeds in at the edges
    alpha = cut[..., 3:].astype(np.float32) / 255
    flat = np.dstack([cut[..., :3].astype(np.float32) * alpha, alpha])
    out = cv2.warpPerspective(flat, warp, (width, height), flags=cv2.INTER_LINEAR)
    cover = out[..., 3]
    pixels = out[..., :3] / np.maximum(cover, 1e-3)[..., None]
    gain = np.exp(rng.normal(0, 0.15)) * np.exp(rng.normal(0, 0.06, 3))
    return np.asarray(pixels * gain, np.float32), np.asarray(cover, np.float32)


def shadow(rng: Rng, scene: F32, alpha: F32) -> F32:
    """Darken the ground: up to two contact shadows and, half of the time, a long cast one."""
    height, width = alpha.shape
    if alpha.max() < 0.5:
        return scene
    left, top, right, bottom = source.mask_box((alpha * 255).astype(np.uint8))
    size = max(right - left, bottom - top)
    moves = [(np.eye(2), rng.normal(0, 0.06, 2) * size, rng.uniform(0.6, 9.0))
             for _ in range(int(rng.integers(0, 3)))]  # fmt: skip
    if rng.random() < 0.5:  # the outline, laid down over the counter from where the item stands
        lean, length = rng.normal(0, 1.0), rng.uniform(0.15, 0.9)
        lay = np.array([[1.0, -lean * length], [0.0, rng.choice([-1.0, 1.0]) * length]])
        foot = np.array([(left + right) / 2, bottom - 0.08 * size])
        moves.append((lay, foot - lay @ foot, rng.uniform(0.8, 0.05 * size + 1.5)))
    for turn, shift, blur in moves:
        warp = np.hstack([turn, np.reshape(shift, (2, 1))]).astype(np.float32)
        dark = cv2.GaussianBlur(cv2.warpAffine(alpha, warp, (width, height)), (0, 0), blur)
        scene = scene * (1 - dark * rng.uniform(0.1, 0.7))[..., None]
    return scene


def camera(rng: Rng, scene: F32) -> U8:
    """Light, lens, sensor and JPEG: a clean float scene becomes a photo, uint8."""
    height, width = scene.shape[:2]
    light = np.exp(rng.normal(0, 0.25) + (cloud(rng, height, width, 3) - 0.5) * rng.uniform(0, 0.7))
    scene = scene * light[..., None] * np.exp(rng.normal(0, 0.07, 3))
    if rng.random() < 0.15:
        scene = scene * rng.uniform(0.18, 0.6)  # a dark stockroom
    if rng.random() < 0.08:
        ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
        spot = (xs - rng.uniform(0, width)) ** 2 + (ys - rng.uniform(0, height)) ** 2
        glare = np.exp(-spot / (rng.uniform(0.05, 0.3) * max(height, width)) ** 2)
        scene = scene + glare[..., None] * rng.uniform(40, 160)
    if rng.random() < 0.15:
        length = int(rng.integers(3, 12))
        kernel = np.zeros((length, length), np.float32)
        angle = rng.uniform(0, np.pi)
        reach = np.array([np.cos(angle), np.sin(angle)]) * length / 2
        middle = np.array([length / 2, length / 2])
        first, last = (middle - reach).astype(int), (middle + reach).astype(int)
        cv2.line(kernel, tuple(map(int, first)), tuple(map(int, last)), 1.0, 1)
        smear = kernel / max(float(kernel.sum()), 1.0)
        scene = np.asarray(cv2.filter2D(scene, -1, smear), np.float32)
    elif rng.random() < 0.35:
        scene = np.asarray(cv2.GaussianBlur(scene, (0, 0), rng.uniform(0.4, 1.8)), np.float32)
    noise = rng.normal(0, 1, scene.shape).astype(np.float32) * rng.uniform(0, 9)
    image = np.clip(scene + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.7:
        coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 96))])
        image = np.asarray(cv2.imdecode(coded[1], cv2.IMREAD_COLOR), np.uint8)
    return image


def letterbox(image: U8, boxes: F32, side: int) -> tuple[U8, F32]:
    """Scale to fit side×side, centred, padded with 114; boxes (n, 4) follow."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    new_w, new_h = round(width * scale), round(height * scale)
    if (new_w, new_h) != (width, height):
        image = np.asarray(cv2.resize(image, (new_w, new_h), interpolation=cv2.INTER_AREA))
    left, top = (side - new_w) // 2, (side - new_h) // 2
    canvas = np.full((side, side, 3), PAD, np.uint8)
    canvas[top : top + new_h, left : left + new_w] = image
    moved = boxes * np.array([new_w / width, new_h / height] * 2) + np.array([left, top] * 2)
    return canvas, moved.astype(np.float32)


def composite(rng: Rng, library: source.Library, side: int, count: int) -> tuple[U8, F32]:
    """A drawn scene with up to `count` items."""
    shape = SHAPES[int(rng.integers(len(SHAPES)))]
    width, height = int(side * shape[0]), int(side * shape[1])
    scene = backdrop(rng, library.backgrounds, height, width)
    seen: list[F32] = []
    for _ in range(count):
        cut = library.cutouts[int(rng.integers(len(library.cutouts)))].pixels
        pixels, alpha = place(rng, cut, height, width, count == 1)
        if alpha.sum() < 30 or any((alpha * old).sum() > 0.3 * old.sum() for old in seen):
            continue
        scene = shadow(rng, scene, alpha)
        scene = scene * (1 - alpha[..., None]) + pixels * alpha[..., None]
        seen = [old * (1 - alpha) for old in seen] + [alpha]
    if rng.random() < (0.3 if seen else 0.35):
        if seen:
            ys, xs = np.nonzero(seen[-1] > 0.5)
            pick = int(rng.integers(len(xs))) if len(xs) else 0
            reach = (float(xs[pick]), float(ys[pick])) if len(xs) else (width / 2, height / 2)
        else:
            reach = (rng.uniform(0, width), rng.uniform(0, height))
        pixels, alpha = hand(rng, height, width, reach, library.hands)
        left = [old * (1 - alpha) for old in seen]
        if all(new.sum() > 0.5 * old.sum() for new, old in zip(left, seen, strict=True)):
            scene = shadow(rng, scene, alpha)
            scene = scene * (1 - alpha[..., None]) + pixels * alpha[..., None]
            seen = left
    boxes = [source.mask_box((a * 255).astype(np.uint8)) for a in seen if (a > 0.5).sum() > 20]
    found = np.array(boxes, np.float32).reshape(-1, 4)
    return letterbox(camera(rng, np.asarray(scene, np.float32)), found, side)


def whole_photo(rng: Rng, library: source.Library, side: int) -> tuple[U8, F32]:
    """A real photo with its teacher's box, cropped a little, mirrored, in another light."""
    photo = library.photos[int(rng.integers(len(library.photos)))]
    image, box = photo.pixels, np.array(photo.box)
    height, width = image.shape[:2]
    keep = rng.uniform(0, 1, 4) * (0.0 if rng.random() < 0.3 else 1.0)
    x1, y1 = (box[:2] * keep[:2]).astype(int)
    x2 = int(width - (width - box[2]) * keep[2])
    y2 = int(height - (height - box[3]) * keep[3])
    image = image[y1:y2, x1:x2]
    box = box - [x1, y1, x1, y1]
    if rng.random() < 0.5:
        image = np.ascontiguousarray(image[:, ::-1])
        box = np.array([x2 - x1 - box[2], box[1], x2 - x1 - box[0], box[3]])
    if rng.random() < 0.3:
        image = np.ascontiguousarray(np.rot90(image))
        box = np.array([box[1], x2 - x1 - box[2], box[3], x2 - x1 - box[0]])
    small, moved = letterbox(np.asarray(image, np.uint8), box[None].astype(np.float32), side)
    inside = (small != PAD).any(2, keepdims=True)
    lit = camera(rng, small.astype(np.float32))
    return np.where(inside, lit, small).astype(np.uint8), moved


def make_scene(rng: Rng, library: source.Library, side: int = 256) -> tuple[U8, F32]:
    """One training picture BGR uint8 side×side×3 and its boxes (n, 4); 22 % hold no item."""
    if library.photos and rng.random() < 0.25:
        return whole_photo(rng, library, side)
    counts = (0, 1, 2, 3, 4)
    count = int(rng.choice(counts, p=(0.29, 0.42, 0.14, 0.09, 0.06)))
    return composite(rng, library, side, count)


def shard(library: source.Library, seed: int, size: int, side: int) -> tuple[U8, F32]:
    """`size` scenes: images (n, side, side, 3) uint8, boxes (n, 6, 4) padded with -1."""
    rng = np.random.default_rng(seed)
    images = np.empty((size, side, side, 3), np.uint8)
    boxes = np.full((size, MAX_BOXES, 4), -1, np.float32)
    for k in range(size):
        images[k], found = make_scene(rng, library, side)
        boxes[k, : len(found)] = found[:MAX_BOXES]
    return images, boxes


def main() -> None:
    """Write shards of scenes; those that exist stay."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="holds masks/, gets scenes/")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--shards", type=int, default=24)
    parser.add_argument("--first", type=int, default=0, help="number of the first shard")
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--validation", action="store_true", help="held-out SKUs instead")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    library = source.load(args.data, args.work, args.validation)
    print(len(library.cutouts), len(library.photos), len(library.backgrounds), flush=True)
    side_name = "validation" if args.validation else "train"
    folder = args.work / "scenes" / side_name
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(args.first, args.first + args.shards):
        target = folder / f"{number:04d}.npz"
        if target.exists():
            continue
        began = time.monotonic()
        images, boxes = shard(library, 1000 * args.validation + number, args.size, args.side)
        partial = target.with_suffix(".part.npz")
        np.savez(partial, images=images, boxes=boxes)
        partial.replace(target)
        print(target.name, round(args.size / (time.monotonic() - began), 1), "/s", flush=True)


if __name__ == "__main__":
    main()
