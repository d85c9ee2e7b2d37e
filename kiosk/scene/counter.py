# SPDX-License-Identifier: Apache-2.0
"""The empty counter: wood, rubber mat with a printed scan area, a dim shop behind, and the lens'
vignette.
"""

import cv2
import numpy as np

from kiosk.scene.art import Canvas
from kiosk.scene.light import display
from kiosk.scene.view import Floats, Pixels, View

PLAN = 22.0
LEFT, RIGHT, BACK, FRONT = -44.0, 44.0, -33.0, 38.0
MAT = (-18.5, -13.5, 18.5, 12.5)


def empty_counter(view: View) -> Pixels:
    """The counter without items, BGR uint8 at the view's size."""
    size = (view.width * 2, view.height * 2)
    matrix = np.diag([2.0, 2.0, 1.0]) @ view.ground_matrix(PLAN, LEFT, BACK)
    plan = _plan()
    wide = cv2.warpPerspective(plan, matrix, size, flags=cv2.INTER_LINEAR)
    mask = cv2.warpPerspective(
        np.ones(plan.shape[:2], np.float32), matrix, size, flags=cv2.INTER_LINEAR
    )
    top = np.asarray(
        cv2.resize(wide, (view.width, view.height), interpolation=cv2.INTER_AREA), np.float32
    )
    solid = np.asarray(
        cv2.resize(mask, (view.width, view.height), interpolation=cv2.INTER_AREA), np.float32
    )
    picture = top * solid[..., None] + _shop(view) * (1 - solid[..., None])
    picture = _far_blur(picture, view)
    return display(picture * _vignette(view)[..., None])


def _noise(rng: np.random.Generator, rows: int, columns: int, across: float, down: float) -> Floats:
    """Smooth noise of about unit spread whose grains are `across` x `down` pixels."""
    small = rng.standard_normal((max(4, int(rows / down)), max(4, int(columns / across)))).astype(
        np.float32
    )
    grown = cv2.resize(small, (columns, rows), interpolation=cv2.INTER_CUBIC)
    return np.asarray(grown, np.float32)


def _plan() -> Floats:
    rows, columns = int((FRONT - BACK) * PLAN), int((RIGHT - LEFT) * PLAN)
    wood = _wood(rows, columns)
    mat, cover = _mat(rows, columns)
    edge = cv2.GaussianBlur(cover, (0, 0), PLAN * 0.45)
    shadow = np.roll(edge, (int(PLAN * 0.22), int(PLAN * 0.22)), (0, 1))
    wood *= (1 - 0.55 * shadow)[..., None]
    picture = wood * (1 - cover[..., None]) + mat * cover[..., None]
    rim = cover - np.roll(cover, (-2, -2), (0, 1))
    picture += np.clip(-rim, 0, 1)[..., None] * 0.02 + np.clip(rim, 0, 1)[..., None] * 0.05
    x = np.linspace(LEFT, RIGHT, columns, dtype=np.float32)[None, :]
    z = np.linspace(BACK, FRONT, rows, dtype=np.float32)[:, None]
    pool = 0.60 + 0.72 * np.exp(-(((x + 4) / 27) ** 2) - ((z - 1) / 24) ** 2)
    return np.asarray(picture * pool[..., None], np.float32)


def _wood(rows: int, columns: int) -> Floats:
    rng = np.random.default_rng(20)
    picture = np.zeros((rows, columns, 3), np.float32)
    plank = int(9.5 * PLAN)
    dark = np.array([0.040, 0.092, 0.195], np.float32)
    light = np.array([0.115, 0.225, 0.405], np.float32)
    for start in range(0, rows, plank):
        height = min(plank, rows - start)
        bend = _noise(rng, height, columns, 420, 90) * 16
        y = np.arange(height, dtype=np.float32)[:, None] + bend + rng.uniform(0, 400)
        rings = 0.5 + 0.5 * np.sin(y / 9.5 + _noise(rng, height, columns, 700, 40) * 1.1)
        fine = _noise(rng, height, columns, 95, 2.2)
        pores = np.clip(_noise(rng, height, columns, 46, 1.6) - 1.25, 0, 2)
        tone = 0.46 + 0.24 * (rings - 0.5) + 0.075 * fine - 0.20 * pores
        tone += 0.07 * _noise(rng, height, columns, 500, 60) + rng.uniform(-0.09, 0.09)
        mix = np.clip(tone, 0, 1)[..., None]
        picture[start : start + height] = dark * (1 - mix) + light * mix
        picture[start : start + 2] *= 0.35
        picture[start + 2 : start + 4] *= 1.25
    return picture


def _mat(rows: int, columns: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(21)
    x0, z0, x1, z1 = MAT
    print_ = _print(x1 - x0, z1 - z0)
    left, top = int((x0 - LEFT) * PLAN), int((z0 - BACK) * PLAN)
    mat = np.zeros((rows, columns, 3), np.float32)
    grain = _noise(rng, rows, columns, 2.2, 2.2) * 0.055 + _noise(rng, rows, columns, 7, 7) * 0.02
    wear = _noise(rng, rows, columns, 160, 120) * 0.035 + _noise(rng, rows, columns, 40, 30) * 0.012
    base = np.array([0.118, 0.108, 0.088], np.float32)
    mat[:] = base * (1 + grain + wear)[..., None]
    ink = cv2.resize(
        print_, (int((x1 - x0) * PLAN), int((z1 - z0) * PLAN)), interpolation=cv2.INTER_AREA
    )
    height, width = ink.shape[:2]
    strength = (ink.astype(np.float32) / 255.0)[..., :1] * (
        0.86 + 0.1 * grain[:height, :width, None]
    )
    window = mat[top : top + height, left : left + width]
    window += strength * (np.array([0.42, 0.43, 0.40], np.float32) - window)
    cover = np.zeros((rows, columns), np.uint8)
    radius = int(1.4 * PLAN)
    box = (left, top, left + width, top + height)
    cv2.rectangle(cover, (box[0] + radius, box[1]), (box[2] - radius, box[3]), 255, -1)
    cv2.rectangle(cover, (box[0], box[1] + radius), (box[2], box[3] - radius), 255, -1)
    for cx in (box[0] + radius, box[2] - radius):
        for cy in (box[1] + radius, box[3] - radius):
            cv2.circle(cover, (cx, cy), radius, 255, -1, cv2.LINE_AA)
    return mat, np.asarray(cover, np.float32) / 255.0


def _print(width: float, height: float) -> Pixels:
    """White-on-black print of the mat: inner line, corner brackets, a quiet wordmark."""
    c = Canvas(width, height, "#000000", PLAN)
    c.frame(0.7, 0.7, width - 1.4, height - 1.4, "#3c3c3c", 0.06, 0.9)
    grey = "#9a9a9a"
    for sx in (-1, 1):
        for sz in (-1, 1):
            x, z = width / 2 + sx * 14.2, height / 2 + sz * 9.9
            c.line([(x - sx * 3.0, z), (x - sx * 0.5, z)], grey, 0.26)
            c.line([(x, z - sz * 0.5), (x, z - sz * 3.0)], grey, 0.26)
            arc = [
                (x - sx * 0.5 + sx * 0.5 * np.sin(a), z - sz * 0.5 + sz * 0.5 * np.cos(a))
                for a in np.linspace(0, np.pi / 2, 12)
            ]
            c.line([(float(u), float(v)) for u, v in arc], grey, 0.26)
    c.text(
        width / 2, height / 2 + 9.9, "PLACE ITEM HERE", 0.62, "#8c8c8c", tracking=0.28, bold=0.02
    )
    for k in range(-4, 5):
        c.rect(width / 2 + k * 1.0 - 0.02, height / 2 - 10.05, 0.05, 0.3, "#5a5a5a")
    return c.pixels()


def _shop(view: View) -> Floats:
    """The room behind the counter, far out of focus."""
    rng = np.random.default_rng(22)
    rows, columns = view.height // 4, view.width // 4
    picture = np.zeros((rows, columns, 3), np.float32)
    picture[:] = (0.022, 0.021, 0.022)
    for _ in range(34):
        x, y = int(rng.uniform(0, columns)), int(rng.uniform(-0.02, 0.14) * rows)
        tone = rng.uniform(0.02, 0.16) * np.array([rng.uniform(0.4, 1), rng.uniform(0.6, 1), 1.1])
        cv2.rectangle(
            picture,
            (x, y),
            (x + int(rng.uniform(4, 15)), y + int(rng.uniform(4, 12))),
            tone.tolist(),
            -1,
        )
    soft = cv2.GaussianBlur(picture, (0, 0), 4.0 * columns / 240)
    return np.asarray(
        cv2.resize(soft, (view.width, view.height), interpolation=cv2.INTER_CUBIC), np.float32
    )


def _far_blur(picture: Floats, view: View) -> Floats:
    """Depth of field: sharp at the scan area, softer towards the back edge and a little at the
    front.
    """
    scale = view.height / 720
    y = np.linspace(0, 1, view.height, dtype=np.float32)[:, None, None]
    out = picture
    for sigma, far, near in ((1.2, 0.36, 1.25), (2.4, 0.24, 9.0), (4.5, 0.13, 9.0)):
        soft = cv2.GaussianBlur(out, (0, 0), sigma * scale)
        mix = np.clip((far - y) / 0.12, 0, 1) + np.clip((y - near + 0.3) / 0.12, 0, 1)
        out = out * (1 - np.clip(mix, 0, 1)) + soft * np.clip(mix, 0, 1)
    return np.asarray(out, np.float32)


def _vignette(view: View) -> Floats:
    x = np.linspace(-1, 1, view.width, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, view.height, dtype=np.float32)[:, None] * view.height / view.width
    return np.asarray(1.22 / (1 + 0.34 * (x * x + y * y)) ** 2 + 0.06, np.float32)
