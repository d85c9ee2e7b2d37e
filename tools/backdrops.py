# SPDX-License-Identifier: Apache-2.0
"""Drawn scenery for training scenes: counters, mats, belts, trays, tables, and hands.

Owns pixels in which there is no item. Everything is BGR uint8, drawn from the generator that is passed in.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
Rng = np.random.Generator


def colour(rng: Rng, low: float = 20, high: float = 245, saturation: float = 0.5) -> F32:
    """A BGR colour, float 0..255; `saturation` 0 gives greys."""
    grey = rng.uniform(low, high)
    tint = rng.uniform(-1, 1, 3) * 110 * saturation * rng.uniform(0, 1)
    return np.asarray(np.clip(grey + tint, 0, 255), np.float32)


def cloud(rng: Rng, height: int, width: int, cells: int) -> F32:
    """Smooth noise 0..1, H×W, with about `cells` bumps across."""
    rough = rng.random((max(2, cells), max(2, cells)), np.float32)
    return np.asarray(cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def gradient(rng: Rng, height: int, width: int) -> F32:
    """Two colours blended along a random direction, H×W×3 float."""
    angle = rng.uniform(0, 2 * np.pi)
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    along = xs / width * np.cos(angle) + ys / height * np.sin(angle)
    along = (along - along.min()) / max(float(np.ptp(along)), 1e-6)
    first = colour(rng)
    second = np.clip(first + rng.normal(0, 25, 3), 0, 255).astype(np.float32)
    return np.asarray(first + along[..., None] * (second - first), np.float32)


def wood(rng: Rng, height: int, width: int) -> F32:
    """Planks with a grain."""
    base = np.array([rng.uniform(40, 140), rng.uniform(80, 180), rng.uniform(120, 220)])
    grain = cv2.resize(rng.random((height, 6), np.float32), (width, height)) - 0.5
    fine = cv2.resize(rng.random((height, max(2, width // 30)), np.float32), (width, height)) - 0.5
    surface = base + (grain * rng.uniform(15, 60) + fine * rng.uniform(8, 40))[..., None]
    plank = int(rng.integers(18, 90))
    for y in range(int(rng.integers(0, plank)), height, plank):
        surface[y : y + 2] *= rng.uniform(0.4, 0.9)
    if rng.random() < 0.5:
        surface = cv2.rotate(surface.astype(np.float32), cv2.ROTATE_90_CLOCKWISE)
        surface = cv2.resize(surface, (width, height))
    return np.asarray(surface, np.float32)


def stone(rng: Rng, height: int, width: int) -> F32:
    """Speckles, terrazzo or cloth over a plain colour."""
    surface = np.tile(colour(rng), (height, width, 1))
    for cells in (4, 16, 64):
        surface += (cloud(rng, height, width, cells)[..., None] - 0.5) * rng.uniform(0, 45)
    speck = rng.random((height, width)) < rng.uniform(0, 0.08)
    surface[speck] = colour(rng)
    if rng.random() < 0.5:
        surface = cv2.GaussianBlur(surface, (0, 0), rng.uniform(0.5, 1.5))
    return np.asarray(surface, np.float32)


def ruled(rng: Rng, height: int, width: int) -> F32:
    """Tiles, stripes, a conveyor belt, a cutting mat: lines at a fixed pitch, maybe both ways."""
    surface = gradient(rng, height, width)
    ink, pitch = colour(rng), int(rng.integers(8, 80))
    thick = int(rng.integers(1, max(2, pitch // 3)))
    strength = rng.uniform(0.15, 1.0)
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    angle = rng.uniform(0, np.pi)
    for turn in (0.0, np.pi / 2)[: int(rng.integers(1, 3))]:
        along = xs * np.cos(angle + turn) + ys * np.sin(angle + turn)
        line = (np.mod(along, pitch) < thick)[..., None]
        surface = np.where(line, surface * (1 - strength) + ink * strength, surface)
    return np.asarray(surface, np.float32)


def furniture(rng: Rng, surface: F32) -> F32:
    """Add what stands on a counter for ever: tray rims, mat frames, marks, edges, light spots."""
    height, width = surface.shape[:2]
    canvas = np.ascontiguousarray(np.clip(surface, 0, 255).astype(np.uint8))
    if rng.random() < 0.35:  # a tray, mat or scale plate: a large frame, sometimes filled
        inset = rng.uniform(0.0, 0.25, 4) * [width, height, width, height]
        first = (int(inset[0]), int(inset[1]))
        last = (int(width - inset[2]), int(height - inset[3]))
        shade = [float(v) for v in colour(rng)]
        if rng.random() < 0.5:
            cv2.rectangle(canvas, first, last, shade, -1)
        cv2.rectangle(canvas, first, last, [v * 0.6 for v in shade], int(rng.integers(1, 8)))
    if rng.random() < 0.25:  # tape, scratches, cables, printed marks
        for _ in range(int(rng.integers(1, 5))):
            ends = (rng.random((2, 2)) * [width, height]).astype(int)
            cv2.line(
                canvas, tuple(map(int, ends[0])), tuple(map(int, ends[1])),
                [float(v) for v in colour(rng)], int(rng.integers(1, 5)), cv2.LINE_AA,
            )  # fmt: skip
    if rng.random() < 0.15:
        cv2.putText(
            canvas, "".join(rng.choice(list("ABEKLPRSTU0123 "), 7)),
            (int(rng.integers(0, width // 2)), int(rng.integers(20, height))),
            cv2.FONT_HERSHEY_SIMPLEX, rng.uniform(0.3, 1.0), [float(v) for v in colour(rng)], 1,
        )  # fmt: skip
    return np.asarray(canvas, np.float32)


def photo(rng: Rng, photos: list[U8], height: int, width: int, blur: bool) -> F32:
    """A piece of a photo; blurred it is a room out of focus."""
    source = photos[int(rng.integers(len(photos)))]
    tall, wide = source.shape[:2]
    scale = max(height / tall, width / wide) * rng.uniform(1.0, 1.6)
    source = np.asarray(cv2.resize(source, None, fx=scale, fy=scale))
    y = int(rng.integers(0, max(1, source.shape[0] - height)))
    x = int(rng.integers(0, max(1, source.shape[1] - width)))
    piece = cv2.resize(source[y : y + height, x : x + width], (width, height))
    if rng.random() < 0.5:
        piece = cv2.flip(piece, 1)
    if blur:
        piece = cv2.GaussianBlur(piece, (0, 0), rng.uniform(3, 14))
    return np.asarray(piece, np.float32)


def backdrop(rng: Rng, photos: list[U8], height: int, width: int) -> F32:
    """A place without items, H×W×3 float; a third are a counter seen obliquely before a room."""
    drawn = (gradient, wood, stone, ruled)
    choice = rng.random()
    if choice < 0.18 and photos:
        return photo(rng, photos, height, width, blur=False)
    if choice < 0.28 and photos:
        return furniture(rng, photo(rng, photos, height, width, blur=True))
    surface = furniture(rng, drawn[int(rng.integers(4))](rng, height, width))
    if choice < 0.62:
        return surface
    cut = int(height * rng.uniform(0.05, 0.45))  # oblique view: the far edge of the counter
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    lean = width * rng.uniform(-0.6, 0.0)
    goal = np.array(
        [[-lean, cut], [width + lean, cut], [width * 1.5, height], [-width * 0.5, height]],
        np.float32,
    )
    warp = cv2.getPerspectiveTransform(corners, goal)
    counter = cv2.warpPerspective(surface, warp, (width, height), borderMode=cv2.BORDER_REFLECT)
    if photos and rng.random() < 0.7:
        room = photo(rng, photos, height, width, blur=True)
    else:
        room = gradient(rng, height, width)
    room[cut:] = counter[cut:]
    return np.asarray(room, np.float32)


def hand(rng: Rng, height: int, width: int, reach: tuple[float, float]) -> tuple[F32, F32]:
    """A hand (bare or gloved) and forearm reaching to `reach`: BGR float H×W×3, alpha 0..1 H×W."""
    size = rng.uniform(0.10, 0.24) * max(height, width)
    alpha = np.zeros((height, width), np.uint8)
    shade = np.zeros((height, width), np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    out = np.array([np.cos(angle), np.sin(angle)])
    tip = np.array(reach) + out * size * rng.uniform(0.3, 0.9)
    far = tip + out * 3 * max(height, width)
    cv2.line(alpha, _dot(tip), _dot(far), 255, int(size * rng.uniform(0.6, 0.9)), cv2.LINE_AA)
    cv2.circle(alpha, _dot(tip), int(size * 0.55), 255, -1, cv2.LINE_AA)
    cv2.line(shade, _dot(tip), _dot(far), -12.0, int(size * 0.3))
    for spread in np.linspace(-0.75, 0.75, 5) * rng.uniform(0.5, 1.3):
        turn = angle + np.pi + spread + rng.normal(0, 0.12)
        length, thick = size * rng.uniform(0.7, 1.35), int(max(2, size * rng.uniform(0.15, 0.24)))
        knuckle = tip + np.array([np.cos(turn), np.sin(turn)]) * length * 0.6
        bend = turn + rng.normal(0, 0.35)
        end = knuckle + np.array([np.cos(bend), np.sin(bend)]) * length * 0.5
        for first, last in ((tip, knuckle), (knuckle, end)):
            cv2.line(alpha, _dot(first), _dot(last), 255, thick, cv2.LINE_AA)
            cv2.line(shade, _dot(first), _dot(last), float(rng.uniform(6, 22)), max(1, thick // 2))
    if rng.random() < 0.75:  # skin, dark to light
        tone = rng.uniform(0, 1)
        base = np.array([45, 65, 95]) * (1 - tone) + np.array([165, 190, 235]) * tone
        base = base + rng.normal(0, 8, 3)
    else:
        base = colour(rng, saturation=1.0)
    shade = cv2.GaussianBlur(shade, (0, 0), max(1.0, size * 0.05))
    texture = (cloud(rng, height, width, 24) - 0.5) * rng.uniform(5, 25)
    pixels = np.asarray(base, np.float32) + (shade + texture)[..., None]
    if rng.random() < 0.5:  # sleeve
        cuff = np.array(reach) + out * size * rng.uniform(1.2, 2.2)
        cover = np.zeros((height, width), np.uint8)
        cv2.line(cover, _dot(cuff), _dot(far), 255, int(size * rng.uniform(0.9, 1.3)))
        alpha = np.maximum(alpha, cover)
        pixels[cover > 0] = colour(rng) + texture[cover > 0][:, None]
    soft = cv2.GaussianBlur(alpha, (0, 0), 0.8).astype(np.float32) / 255
    return np.asarray(pixels, np.float32), np.asarray(soft, np.float32)


def _dot(point: npt.NDArray[np.float64]) -> tuple[int, int]:
    return int(np.clip(point[0], -9999, 9999)), int(np.clip(point[1], -9999, 9999))
