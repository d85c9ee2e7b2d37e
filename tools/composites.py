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

from tools import cutouts as source
from tools.backdrops import F32, U8, Rng, backdrop, bare, photo
from tools.hands import hand
from tools.heaps import heap, shelf
from tools.jewellery import jewel, plated, see_through
from tools.lens import camera, letterbox
from tools.real_photos import whole_photo

MAX_BOXES = 6
SHAPES = ((1.0, 0.75), (1.0, 0.75), (1.0, 0.5625), (0.75, 1.0), (1.0, 1.0))  # width, height


def place(
    rng: Rng, cut: U8, height: int, width: int, solo: bool, close: bool = False
) -> tuple[F32, F32]:
    """Turn, bend and scale a cut-out into a frame: BGR float H×W×3 and alpha 0..1 H×W.

    `close`: it is held before the camera, fills the frame and is mostly cut off by it.
    """
    tall, wide = cut.shape[:2]
    long_side = min(height, width) * float(np.exp(rng.uniform(np.log(0.10), np.log(1.05))))
    if solo and rng.random() < 0.6:
        long_side = min(height, width) * rng.uniform(0.3, 0.95)
    if close:
        long_side = min(height, width) * rng.uniform(0.75, 1.8)
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
    if rng.random() < 0.85 and not close:  # most items are wholly in view
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
    if alpha.max() < 0.51:
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


def material(rng: Rng, pixels: F32, alpha: F32) -> tuple[F32, F32]:
    """Now and then the same thing in metal or in glass: pixels and what they cover."""
    chance = rng.random()
    if chance < 0.05:
        return plated(rng, pixels), alpha
    if chance < 0.09:
        return np.asarray(pixels * 0.5 + 110, np.float32), see_through(rng, alpha)
    return pixels, alpha


def visible(pixels: F32, alpha: F32, scene: F32) -> F32:
    """The item's pixels, lightened or darkened where nobody could tell it from the ground."""
    there = alpha > 0.3
    apart = float(np.abs(pixels - scene)[there].mean()) if there.any() else 255.0
    if apart > 18:
        return pixels
    dark = float(scene[there].mean()) < 110
    return np.asarray(255 - (255 - pixels) * 0.6 if dark else pixels * 0.55, np.float32)


def seen_box(alpha: F32) -> source.Box | None:
    """Tight box of what is seen of an item; None where too little is. Thin things are faint."""
    solid, faint = int((alpha > 0.5).sum()), int((alpha > 0.15).sum())
    if faint < 20 or (solid < 20 and faint < 60):
        return None
    level = 0.5 if solid > 0.6 * faint else 0.15
    return source.mask_box(((alpha > level) * 255).astype(np.uint8))


def drawn_item(rng: Rng, library: source.Library, kind: str) -> U8:
    """A cut-out for one kind of scene."""
    if kind == "thin" or (kind == "counter" and rng.random() < 0.05):
        return jewel(rng)
    return library.cutouts[int(rng.integers(len(library.cutouts)))].pixels


def handled(
    rng: Rng, library: source.Library, scene: F32, seen: list[F32], chance: float
) -> tuple[F32, list[F32]]:
    """Perhaps a hand over the last item: the scene and what is still seen of the items."""
    height, width = scene.shape[:2]
    if rng.random() >= chance:
        return scene, seen
    reach = (rng.uniform(0, width), rng.uniform(0, height))
    if seen:
        ys, xs = np.nonzero(seen[-1] > 0.5)
        pick = int(rng.integers(len(xs))) if len(xs) else 0
        reach = (float(xs[pick]), float(ys[pick])) if len(xs) else (width / 2, height / 2)
    pixels, alpha = hand(rng, height, width, reach, library.hands)
    left = [old * (1 - alpha) for old in seen]
    if all(new.sum() > 0.5 * old.sum() for new, old in zip(left, seen, strict=True)):
        scene = shadow(rng, scene, alpha)
        return scene * (1 - alpha[..., None]) + pixels * alpha[..., None], left
    return scene, seen


def ground(rng: Rng, library: source.Library, kind: str, height: int, width: int) -> F32:
    """What is behind the items of one kind of scene."""
    if kind == "shelf":
        cuts = [library.cutouts[int(k)].pixels for k in rng.integers(len(library.cutouts), size=5)]
        return shelf(rng, cuts, height, width)
    if kind == "photo ground":
        return photo(rng, library.backgrounds, height, width, blur=False)
    return backdrop(rng, library.backgrounds, height, width)


def composite(
    rng: Rng, library: source.Library, side: int, count: int, kind: str = "counter"
) -> tuple[U8, F32]:
    """A drawn scene with up to `count` items; `kind` is one of KINDS."""
    shape = SHAPES[int(rng.integers(len(SHAPES)))]
    width, height = int(side * shape[0]), int(side * shape[1])
    scene = ground(rng, library, kind, height, width)
    seen: list[F32] = []
    if kind == "heap":
        pixels, alpha = heap(rng, drawn_item(rng, library, kind), height, width)
        scene = shadow(rng, scene, alpha) * (1 - alpha[..., None]) + pixels * alpha[..., None]
        count, seen = int(rng.random() < 0.25), [alpha]
        if count:  # the one taken out of the heap is meant
            seen = []
    close = kind == "close" or (kind in ("shelf", "heap") and rng.random() < 0.3)
    for _ in range(count):
        cut = drawn_item(rng, library, kind)
        pixels, alpha = place(rng, cut, height, width, count == 1 or kind == "thin", close)
        if alpha.sum() < 30 or any((alpha * old).sum() > 0.3 * old.sum() for old in seen):
            continue
        scene = shadow(rng, scene, alpha)
        pixels = visible(pixels, alpha, scene)
        pixels, cover = (pixels, alpha) if kind == "thin" else material(rng, pixels, alpha)
        scene = scene * (1 - cover[..., None]) + pixels * cover[..., None]
        seen = [old * (1 - alpha) for old in seen] + [alpha]
    chance = 0.55 if kind in ("close", "shelf") else 0.35
    scene, seen = handled(rng, library, scene, seen, chance)
    boxes = [box for box in map(seen_box, seen) if box is not None]
    found = np.array(boxes, np.float32).reshape(-1, 4)
    return letterbox(camera(rng, np.asarray(scene, np.float32)), found, side)


KINDS = ("counter", "photo ground", "close", "thin", "heap", "shelf", "empty", "photo", "shop")
HELD_KINDS = (*KINDS, "bare")  # only to measure with: nothing, no mark and no hand on a counter
MIX = (0.27, 0.08, 0.13, 0.07, 0.05, 0.07, 0.13, 0.12, 0.08)


def make_scene(
    rng: Rng, library: source.Library, side: int = 256, kind: str = ""
) -> tuple[U8, F32]:
    """One training picture BGR uint8 side×side×3 and its boxes (n, 4); a fifth hold no item."""
    kind = kind or str(rng.choice(KINDS, p=MIX))
    if kind == "photo" and library.photos:
        return whole_photo(rng, library.photos, side)
    if kind == "shop" and library.heaps:
        return whole_photo(rng, library.heaps, side)
    if kind == "bare":
        shown = camera(rng, bare(rng, side * 3 // 4, side))
        return letterbox(shown, np.zeros((0, 4), np.float32), side)
    if kind == "empty":
        return composite(rng, library, side, 0, str(rng.choice(["counter", "photo ground"])))
    if kind == "counter":
        count = int(rng.choice((0, 1, 2, 3, 4), p=(0.22, 0.42, 0.18, 0.11, 0.07)))
        return composite(rng, library, side, count)
    count = (
        1 if kind in ("close", "shelf", "heap") else int(rng.choice((1, 2, 3), p=(0.7, 0.2, 0.1)))
    )
    return composite(rng, library, side, count, kind)


def shard(
    library: source.Library, seed: int, size: int, side: int, kind: str = ""
) -> tuple[U8, F32]:
    """`size` scenes (all of one kind, or the training mix): images (n, side, side, 3)
    uint8, boxes (n, 6, 4) padded with -1.
    """
    rng = np.random.default_rng(seed)
    images = np.empty((size, side, side, 3), np.uint8)
    boxes = np.full((size, MAX_BOXES, 4), -1, np.float32)
    for k in range(size):
        images[k], found = make_scene(rng, library, side, kind)
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
    parser.add_argument(
        "--kind", default="", choices=["", *HELD_KINDS], help="one kind of scene only"
    )
    args = parser.parse_args()
    cv2.setNumThreads(1)
    library = source.load(args.data, args.work, args.validation)
    print(len(library.cutouts), len(library.photos), len(library.backgrounds), flush=True)
    side_name = "validation" if args.validation else "train"
    if args.kind:
        side_name += "-" + args.kind.replace(" ", "-")
    folder = args.work / "scenes" / side_name
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(args.first, args.first + args.shards):
        target = folder / f"{number:04d}.npz"
        if target.exists():
            continue
        began = time.monotonic()
        images, boxes = shard(
            library, 1000 * args.validation + number, args.size, args.side, args.kind
        )
        partial = target.with_suffix(".part.npz")
        np.savez(partial, images=images, boxes=boxes)
        partial.replace(target)
        print(target.name, round(args.size / (time.monotonic() - began), 1), "/s", flush=True)


if __name__ == "__main__":
    main()
