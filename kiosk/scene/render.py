# SPDX-License-Identifier: Apache-2.0
"""The demo scene: any frame by its index, with ground truth.

The same seed, size and index give the same bytes, in whatever order frames are asked for.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from kiosk.scene.counter import empty_counter
from kiosk.scene.hand import Reach, hand_sprites
from kiosk.scene.products import Product
from kiosk.scene.shadow import darken
from kiosk.scene.sprite import Caster, Sprite, lay, overlap
from kiosk.scene.stock import solid
from kiosk.scene.timeline import Hold, Phase, Timeline, Visit, hold_at, phase_at, pose_at
from kiosk.scene.view import Pixels, Pose, counter_view
from kiosk.values import Box

NOISE_FIELDS = 3
NOISE_SPREAD = 2.1
SOLID_COVER = 128


@dataclass(frozen=True, slots=True)
class TruthItem:
    """One item in a frame: its box clipped to the frame, and the share that neither hand nor frame
    edge hides.
    """

    sku: str
    in_catalog: bool
    box: Box
    visible: float
    phase: Phase


@dataclass(frozen=True, slots=True, eq=False)
class SceneFrame:
    """A rendered frame, BGR uint8 (H, W, 3), with what is in it; `visit` is None while the counter
    is empty.
    """

    pixels: Pixels
    truth: tuple[TruthItem, ...]
    visit: int | None


class Scene:
    """The counter scene of one seed, size (pixels) and frame rate."""

    def __init__(
        self, *, width: int = 960, height: int = 720, fps: float = 15.0, seed: int = 1
    ) -> None:
        if width < 64 or height < 48 or fps <= 0:
            raise ValueError(
                f"scene of {width}x{height} at {fps} fps: needs 64x48 or more and fps above 0"
            )
        self.width, self.height, self.fps, self.seed = width, height, fps, seed
        self._view = counter_view(width, height)
        self._timeline = Timeline(seed, fps)
        self._counter = empty_counter(self._view)
        self._prepared = -1
        self._parts: Iterator[None] = iter(())
        self._noise = _noise_fields(width, height, seed)

    def visits(self, count: int | None = None) -> Iterator[Visit]:
        """The schedule from the start: `count` visits, or without end."""
        numbers: Iterator[int] = itertools.count() if count is None else iter(range(count))
        return (self._timeline.visit(number) for number in numbers)

    def render(self, index: int) -> SceneFrame:
        """Frame `index` (from 0) with its truth; raises ValueError for a negative index."""
        if index < 0:
            raise ValueError(f"frame {index}: frames count from 0")
        picture = self._counter.copy()
        drift = self._drift(index)
        found = self._timeline.at(index)
        truth: tuple[TruthItem, ...] = ()
        if found is not None:
            truth = self._draw(picture, *found, drift)
        else:
            self._prepare(self._timeline.next_after(index))
        return SceneFrame(
            self._sensor(picture, index, drift), truth, found[0].number if found else None
        )

    def _draw(
        self, picture: Pixels, visit: Visit, seconds: float, drift: tuple[float, float]
    ) -> tuple[TruthItem, ...]:
        placed: list[tuple[Product, Pose, Sprite]] = []
        casters: list[Caster] = []
        for stay in visit.stays:
            pose = pose_at(visit, stay, seconds)
            item = solid(stay.product.sku, self._view)
            placed.append((stay.product, pose, item.sprite(pose)))
            casters.extend(item.casters(pose))
        darken(picture, self._view, casters)
        hold = hold_at(visit, seconds)
        behind, hand = None, None
        if hold is not None:
            reach = _reach(hold, placed[hold.stay][2], visit.style, self._view.height)
            behind, hand = hand_sprites(self._view, reach)
        if behind is not None:
            _shade_under(picture, behind)
            lay(picture, behind)
        for _, _, sprite in sorted(placed, key=lambda entry: entry[1].z):
            lay(picture, sprite)
        if hand is not None:
            _shade_under(picture, hand, [sprite for _, _, sprite in placed] if behind else None)
            lay(picture, hand)
        phase = phase_at(seconds)
        items = (self._truth(product, sprite, hand, phase, drift) for product, _, sprite in placed)
        return tuple(item for item in items if item is not None)

    def _prepare(self, visit: Visit) -> None:
        """Trace one more part of the next visit while nothing moves, so that it enters smoothly."""
        if visit.number != self._prepared:
            self._prepared = visit.number
            self._parts = self._trace_parts(visit)
        next(self._parts, None)

    def _trace_parts(self, visit: Visit) -> Iterator[None]:
        moments = [0.5 * step for step in range(9)]
        for stay in visit.stays:
            for seconds in moments:
                solid(stay.product.sku, self._view).sprite(pose_at(visit, stay, seconds))
            yield
        for hold in (hold_at(visit, seconds) for seconds in moments):
            if hold is not None:
                hand_sprites(self._view, _reach_from(hold, 0.0, 0.0, visit.style, 0.0))
                yield

    def _truth(
        self,
        product: Product,
        sprite: Sprite,
        hand: Sprite | None,
        phase: Phase,
        drift: tuple[float, float],
    ) -> TruthItem | None:
        solid_part = (sprite.pixels[:, :, 3] >= SOLID_COVER).astype(np.uint8)
        total = cv2.countNonZero(solid_part)
        windows = overlap((self.height, self.width), sprite)
        if windows is None or total == 0:
            return None
        rows, columns, own_rows, own_columns = windows
        shown = np.ascontiguousarray(solid_part[own_rows, own_columns])
        x, y, w, h = cv2.boundingRect(shown)
        if w < 4 or h < 4:
            return None
        if hand is not None:
            _uncover(shown, rows, columns, hand)
        dx, dy = drift
        left, top = columns.start + x + dx, rows.start + y + dy
        box = Box(
            max(left, 0.0),
            max(top, 0.0),
            min(left + w, float(self.width)),
            min(top + h, float(self.height)),
        )
        return TruthItem(
            product.sku, product.in_catalog, box, cv2.countNonZero(shown) / total, phase
        )

    def _drift(self, index: int) -> tuple[float, float]:
        """Sway of the camera arm in pixels."""
        t = index / self.fps
        scale = self.height / 720
        dx = 0.45 * math.sin(1.7 * t + self.seed) + 0.25 * math.sin(4.3 * t)
        dy = 0.40 * math.sin(2.3 * t + 2.0 * self.seed) + 0.20 * math.sin(5.1 * t + 1.0)
        return dx * scale, dy * scale

    def _sensor(self, picture: Pixels, index: int, drift: tuple[float, float]) -> Pixels:
        """Arm sway, exposure drift and sensor noise."""
        t = index / self.fps
        matrix = np.array([[1, 0, drift[0]], [0, 1, drift[1]]], np.float64)
        size = (self.width, self.height)
        moved = cv2.warpAffine(
            picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        gain = 1.0 + 0.022 * math.sin(0.43 * t + self.seed) + 0.010 * math.sin(1.31 * t)
        field = self._noise[index % NOISE_FIELDS]
        dy, dx = (index * 7) % 31, (index * 13) % 37
        noise = field[dy : dy + self.height, dx : dx + self.width]
        return np.asarray(cv2.addWeighted(moved, gain, noise, 1.0, -128.0), np.uint8)


def _noise_fields(width: int, height: int, seed: int) -> list[Pixels]:
    """Sensor noise around 128: fine grain shared by the channels plus a little colour."""
    rng = np.random.default_rng(seed)
    fields = []
    for _ in range(NOISE_FIELDS):
        grey = rng.standard_normal((height + 32, width + 40, 1), np.float32) * NOISE_SPREAD
        colour = rng.standard_normal((height + 32, width + 40, 3), np.float32) * NOISE_SPREAD
        colour = np.asarray(cv2.GaussianBlur(colour, (0, 0), 0.9), np.float32) * 1.4
        fields.append(np.clip(grey * 0.8 + colour + 128.5, 0, 255).astype(np.uint8))
    return fields


def _reach(hold: Hold, sprite: Sprite, style: int, frame_height: int) -> Reach:
    """Put the fingertips on the near edge of an item and draw the arm back along its direction."""
    cover = np.asarray(sprite.pixels[:, :, 3] >= SOLID_COVER, np.uint8)
    left, top, width, height = cv2.boundingRect(cover)
    scale = frame_height / 720
    share, most = {"grip": (0.02, 4.0), "pinch": (0.22, 52.0), "point": (0.10, 20.0)}[hold.posture]
    inset = min(share * width, most * scale)
    edge = sprite.left + left + (width - inset if hold.side > 0 else inset)
    depth = {"grip": 0.62, "pinch": 0.56, "point": 0.66}[hold.posture]
    level = sprite.top + top + height * depth
    return _reach_from(hold, edge, level, style, 24.0 * scale)


def _reach_from(hold: Hold, x: float, y: float, style: int, per_cm: float) -> Reach:
    """A hand whose fingertips lie at a frame position, drawn back by the hold's distance."""
    angle = -hold.side * {"grip": 0.82, "pinch": 0.82, "point": 0.62}[hold.posture]
    back = hold.away * per_cm
    x, y = x - math.sin(angle) * back, y + math.cos(angle) * back
    return Reach(x, y, angle, hold.posture, hold.side < 0, style)


def _shade_under(picture: Pixels, hand: Sprite, items: list[Sprite] | None = None) -> None:
    """The hand's soft shadow on whatever lies below it, or only on these items."""
    height, width = hand.pixels.shape[:2]
    small = (max(1, width // 4), max(1, height // 4))
    cover = cv2.resize(hand.pixels[:, :, 3], small, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(cover, (0, 0), max(1.0, picture.shape[0] / 160))
    shade = np.asarray(cv2.resize(np.asarray(soft * 0.42, np.uint8), (width, height)), np.uint8)
    offset = max(1, picture.shape[0] // 45)
    moved = Sprite(shade[..., None], hand.left + offset, hand.top + offset)
    windows = overlap(picture.shape[:2], moved)
    if windows is None:
        return
    rows, columns, own_rows, own_columns = windows
    part = np.ascontiguousarray(picture[rows, columns])
    dark = np.ascontiguousarray(shade[own_rows, own_columns])
    if items is not None:
        covers = np.zeros(picture.shape[:2], np.uint8)
        for item in items:
            spot = overlap(picture.shape[:2], item)
            if spot is not None:
                covers[spot[0], spot[1]] |= item.pixels[spot[2], spot[3], 3]
        onto = np.ascontiguousarray(covers[rows, columns])
        dark = np.asarray(cv2.multiply(dark, onto, scale=1 / 255), np.uint8)
    gain = 255 - dark
    picture[rows, columns] = cv2.multiply(part, cv2.merge([gain, gain, gain]), scale=1 / 255)


def _uncover(shown: Pixels, rows: slice, columns: slice, hand: Sprite) -> None:
    """Clear the pixels of an item's window that the hand hides."""
    height, width = hand.pixels.shape[:2]
    y0, y1 = max(rows.start, hand.top), min(rows.stop, hand.top + height)
    x0, x1 = max(columns.start, hand.left), min(columns.stop, hand.left + width)
    if y0 >= y1 or x0 >= x1:
        return
    cover = hand.pixels[y0 - hand.top : y1 - hand.top, x0 - hand.left : x1 - hand.left, 3]
    part = shown[y0 - rows.start : y1 - rows.start, x0 - columns.start : x1 - columns.start]
    part[cover >= SOLID_COVER] = 0
