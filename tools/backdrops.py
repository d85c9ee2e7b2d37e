# SPDX-License-Identifier: Apache-2.0
"""Drawn scenery for training scenes: counters, mats, belts, trays, tables, and hands.

Owns pixels in which there is no item, drawn from the generator that is passed in, BGR.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
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
    lines = grain * rng.uniform(15, 60) + fine * rng.uniform(8, 40)
    surface = np.asarray(base + lines[..., None], np.float32)
    plank = int(rng.integers(18, 90))
    for y in range(int(rng.integers(0, plank)), height, plank):
        surface[y : y + 2] *= rng.uniform(0.4, 0.9)
    if rng.random() < 0.5:
        turned = cv2.rotate(surface, cv2.ROTATE_90_CLOCKWISE)
        surface = np.asarray(cv2.resize(turned, (width, height)), np.float32)
    return np.asarray(surface, np.float32)


def stone(rng: Rng, height: int, width: int) -> F32:
    """Speckles, terrazzo or cloth over a plain colour."""
    surface = np.tile(colour(rng), (height, width, 1))
    for cells in (4, 16, 64):
        surface += (cloud(rng, height, width, cells)[..., None] - 0.5) * rng.uniform(0, 45)
    speck = rng.random((height, width)) < rng.uniform(0, 0.08)
    surface[speck] = colour(rng)
    if rng.random() < 0.5:
        surface = np.asarray(cv2.GaussianBlur(surface, (0, 0), rng.uniform(0.5, 1.5)), np.float32)
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
    """Add what stands on a counter for ever: trays, mats with marks, tape, cables, print."""
    height, width = surface.shape[:2]
    canvas = np.ascontiguousarray(np.clip(surface, 0, 255).astype(np.uint8))
    if rng.random() < 0.5:
        canvas = mat(rng, canvas)
    if rng.random() < 0.2:  # tape, scratches, cables
        for _ in range(int(rng.integers(1, 5))):
            ends = (rng.random((2, 2)) * [width, height]).astype(int)
            cv2.line(
                canvas, dot(ends[0]), dot(ends[1]), _ink(rng), int(rng.integers(1, 5)),
                cv2.LINE_AA,
            )  # fmt: skip
    if rng.random() < 0.15:
        _cable(rng, canvas)
    if rng.random() < 0.15:
        at = np.array([rng.integers(0, width // 2), rng.integers(20, height)])
        _print(rng, canvas, at, rng.uniform(0.3, 1.0))
    if rng.random() < 0.10:
        _sign(rng, canvas)
    return np.asarray(canvas, np.float32)


def _cable(rng: Rng, canvas: U8) -> None:
    """A cable that comes from outside the picture and leaves it again, with its shadow."""
    height, width = canvas.shape[:2]
    turn = rng.uniform(0, 2 * np.pi)
    out = np.array([np.cos(turn), np.sin(turn)])
    ends = rng.normal(0, 0.25, (4, 2)) + 0.5 + out * np.array([-1.4, -0.4, 0.4, 1.4])[:, None]
    t = np.linspace(0, 1, 80)[:, None]
    weights = np.hstack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3])
    path = (weights @ ends * [width, height]).astype(np.int32)[:, None]
    thick, ink = int(rng.integers(2, 9)), colour(rng, 15, 235)
    dark = canvas // 2
    cv2.polylines(canvas, [path + thick // 3], False, dark[height // 2, width // 2].tolist(), thick)
    cv2.polylines(canvas, [path], False, [float(v) for v in ink], thick, cv2.LINE_AA)
    light = [float(v) for v in np.clip(ink * 1.3 + 20, 0, 255)]
    cv2.polylines(canvas, [path], False, light, max(1, thick // 4), cv2.LINE_AA)


def _sign(rng: Rng, canvas: U8) -> None:
    """A mark printed on the counter: a code of squares, a ring with a word, an arrow; flat."""
    height, width = canvas.shape[:2]
    size = min(height, width) * rng.uniform(0.06, 0.3)
    at = rng.uniform(0.1, 0.9, 2) * [width, height]
    ink, kind = _ink(rng), int(rng.integers(3))
    if kind == 0:
        cells, first = rng.random((9, 9)) < 0.5, at - size / 2
        for row, column in np.argwhere(cells):
            corner = first + np.array([column, row]) * size / 9
            cv2.rectangle(canvas, dot(corner), dot(corner + size / 9 - 0.5), ink, -1)
    elif kind == 1:
        thick = int(rng.integers(1, 5))
        cv2.circle(canvas, dot(at), int(size / 2), ink, thick, cv2.LINE_AA)
        _print(rng, canvas, at - [size / 3, 0], size / 120)
    else:
        turn = rng.uniform(0, 2 * np.pi)
        tip = at + size * np.array([np.cos(turn), np.sin(turn)])
        cv2.arrowedLine(
            canvas, dot(at), dot(tip), ink, int(rng.integers(1, 6)), cv2.LINE_AA, 0, 0.4
        )


def mat(rng: Rng, canvas: U8) -> U8:
    """A mat, tray or scale plate: large, round corners, a rim and maybe printed marks."""
    height, width = canvas.shape[:2]
    inset = rng.uniform(0.02, 0.3, 4) * [width, height, width, height]
    if rng.random() < 0.15:
        inset[int(rng.integers(4))] *= -1  # runs out of the picture
    x1, y1, x2, y2 = inset[0], inset[1], width - inset[2], height - inset[3]
    radius = rng.uniform(0, 0.15) * min(x2 - x1, y2 - y1)
    cover = np.zeros((height, width), np.uint8)
    first, last = np.array([x1 + radius, y1 + radius]), np.array([x2 - radius, y2 - radius])
    cv2.rectangle(cover, dot(first), dot(last), 255, -1)
    cv2.rectangle(cover, dot(first), dot(last), 255, max(1, int(2 * radius)), cv2.LINE_AA)
    soft = cv2.GaussianBlur(cover, (0, 0), rng.uniform(0.5, 1.2)).astype(np.float32) / 255
    dark = cv2.GaussianBlur(cover, (0, 0), rng.uniform(1, 6)).astype(np.float32) / 255
    plate = np.tile(colour(rng, saturation=float(rng.choice([0.15, 0.8]))), (height, width, 1))
    plate += (cloud(rng, height, width, 40)[..., None] - 0.5) * rng.uniform(0, 30)
    plate += (cloud(rng, height, width, 4)[..., None] - 0.5) * rng.uniform(0, 40)
    if rng.random() < 0.25:
        plate = canvas * rng.uniform(0.5, 0.95)  # only a frame: the counter shows through
    ground = canvas * (1 - dark * rng.uniform(0, 0.5))[..., None]
    mixed = np.clip(ground * (1 - soft[..., None]) + plate * soft[..., None], 0, 255)
    out = np.ascontiguousarray(mixed.astype(np.uint8))
    if rng.random() < 0.5:
        cv2.rectangle(out, dot(first), dot(last), _ink(rng), int(rng.integers(1, 6)), cv2.LINE_AA)
    if rng.random() < 0.5:
        _marks(rng, out, np.array([x1, y1]), np.array([x2, y2]))
    return out


def _marks(rng: Rng, canvas: U8, first: F64, last: F64) -> None:
    """Corner brackets, a cross or a circle in the middle, a line of print."""
    ink, thick = _ink(rng), int(rng.integers(1, 4))
    span, middle = last - first, (first + last) / 2
    half = span * rng.uniform(0.2, 0.45)
    arm = rng.uniform(0.08, 0.3) * min(half)
    if rng.random() < 0.6:
        for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
            corner = middle + half * [sx, sy]
            cv2.line(canvas, dot(corner), dot(corner - [sx * arm, 0]), ink, thick, cv2.LINE_AA)
            cv2.line(canvas, dot(corner), dot(corner - [0, sy * arm]), ink, thick, cv2.LINE_AA)
    if rng.random() < 0.3:
        cv2.circle(canvas, dot(middle), int(min(half)), ink, thick, cv2.LINE_AA)
    if rng.random() < 0.2:
        cv2.line(canvas, dot(middle - [arm, 0]), dot(middle + [arm, 0]), ink, thick)
        cv2.line(canvas, dot(middle - [0, arm]), dot(middle + [0, arm]), ink, thick)
    if rng.random() < 0.5:
        _print(rng, canvas, middle + half * [-0.4, 0.95], rng.uniform(0.25, 0.6))


def _print(rng: Rng, canvas: U8, at: F64, size: float) -> None:
    text = "".join(rng.choice(list("ABEKLPRSTU0123 "), int(rng.integers(3, 14))))
    cv2.putText(canvas, text, dot(at), cv2.FONT_HERSHEY_SIMPLEX, size, _ink(rng), 1, cv2.LINE_AA)


def _ink(rng: Rng) -> list[float]:
    return [float(v) for v in colour(rng)]


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


def bare(rng: Rng, height: int, width: int) -> F32:
    """A counter with nothing on it: the frame a kiosk sees most of the time."""
    return (gradient, wood, stone, ruled)[int(rng.integers(4))](rng, height, width)


def backdrop(rng: Rng, photos: list[U8], height: int, width: int) -> F32:
    """A place without items, H×W×3 float; a third are a counter seen obliquely before a room."""
    choice = rng.random()
    if choice < 0.24 and photos:
        return photo(rng, photos, height, width, blur=False)
    if choice < 0.32 and photos:
        return furniture(rng, photo(rng, photos, height, width, blur=True))
    surface = furniture(rng, bare(rng, height, width))
    if choice < 0.55:
        return surface
    cut = int(height * rng.uniform(0.05, 0.45))  # oblique view: the far edge of the counter
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    lean, flare = width * rng.uniform(-0.25, 0.15), width * rng.uniform(0.0, 0.35)
    goal = np.array(
        [[lean, cut], [width - lean, cut], [width + flare, height], [-flare, height]], np.float32
    )
    warp = cv2.getPerspectiveTransform(corners, goal)
    counter = cv2.warpPerspective(surface, warp, (width, height), borderMode=cv2.BORDER_REFLECT)
    if photos and rng.random() < 0.7:
        room = photo(rng, photos, height, width, blur=True)
    else:
        room = gradient(rng, height, width)
    room[cut:] = counter[cut:]
    return np.asarray(room, np.float32)


def dot(point: npt.NDArray[np.floating] | npt.NDArray[np.integer]) -> tuple[int, int]:
    """A point as OpenCV's drawing wants it."""
    return int(np.clip(point[0], -9999, 9999)), int(np.clip(point[1], -9999, 9999))
