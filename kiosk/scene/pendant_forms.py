# SPDX-License-Identifier: Apache-2.0
"""The three pendants on their chains, laid out on the counter."""

import math
from collections.abc import Callable

import numpy as np

from kiosk.scene import gems
from kiosk.scene.relief import Form, Hit
from kiosk.scene.ring_forms import CLEAR
from kiosk.scene.view import Floats

GRID = 26.0
LOW, HIGH = (-6.2, 0.0, -8.6), (6.2, 1.7, 6.4)
EMERALD = (1.05, 0.28, 2.2)
LINK, WIRE = 0.30, 0.095


class Chain:
    """A loop of links: every second one lies flat, the others stand on edge."""

    def __init__(self, seed: int, wide: float) -> None:
        a = np.linspace(0.10, math.tau - 0.10, 700)
        wobble = 0.35 * np.sin(3 * a + seed) + 0.2 * np.sin(5 * a + 2 * seed)
        x = wide * np.sin(a) * np.sin(a / 2) ** 0.55 + 0.5 * wobble * np.sin(a / 2) ** 2
        z = 1.35 - 4.5 * (1 - np.cos(a)) + wobble * 0.6 * np.sin(a / 2) ** 2
        run = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(z)))])
        count = int(run[-1] / 0.56)
        at = (np.arange(count) + 0.5) * run[-1] / count
        self.spots = np.stack([np.interp(at, run, x), np.interp(at, run, z)], axis=1).astype(
            np.float32
        )
        ahead = np.gradient(self.spots, axis=0)
        self._way = (ahead / np.linalg.norm(ahead, axis=1, keepdims=True)).astype(np.float32)
        self._nearest = self._map()

    def _map(self) -> np.ndarray:
        columns, rows = int((HIGH[0] - LOW[0]) * GRID), int((HIGH[2] - LOW[2]) * GRID)
        x = LOW[0] + (np.arange(columns, dtype=np.float32) + 0.5) / GRID
        z = LOW[2] + (np.arange(rows, dtype=np.float32) + 0.5) / GRID
        gap = (x[None, :, None] - self.spots[:, 0]) ** 2 + (
            z[:, None, None] - self.spots[:, 1]
        ) ** 2
        return np.argpartition(gap, 1, axis=2)[:, :, :2].astype(np.int16)

    def distance(self, points: Floats) -> Floats:
        """Distance to the two nearest links."""
        rows, columns = self._nearest.shape[:2]
        column = np.clip(((points[:, 0] - LOW[0]) * GRID).astype(np.int32), 0, columns - 1)
        row = np.clip(((points[:, 2] - LOW[2]) * GRID).astype(np.int32), 0, rows - 1)
        best = np.full(len(points), 9.0, np.float32)
        for index in self._nearest[row, column].T:
            dx = points[:, 0] - self.spots[index, 0]
            dz = points[:, 2] - self.spots[index, 1]
            way = self._way[index]
            along = np.abs(dx * way[:, 0] + dz * way[:, 1])
            side = dx * way[:, 1] - dz * way[:, 0]
            up = points[:, 1] - 0.26
            flat = index % 2 == 0
            a, b = np.where(flat, side, up), np.where(flat, up, side)
            ring = np.hypot(np.maximum(along - 0.20, 0), a) - LINK * 0.62
            best = np.minimum(best, np.hypot(ring, b) - WIRE)
        return best

    def parts(self) -> tuple[Floats, ...]:
        """Shadow parts, one for every second pair of links."""
        out = []
        for a, b in zip(self.spots[:-2:2], self.spots[2::2], strict=False):
            cloud = [
                (x + o, y, z + o) for x, z in (a, b) for o in (-0.1, 0.1) for y in (0.05, 0.45)
            ]
            out.append(np.asarray(cloud, np.float32))
        return tuple(out)


def _bail(points: Floats) -> Floats:
    """The loop that joins pendant and chain."""
    q = np.hypot(points[:, 0], (points[:, 2] - 1.55) * 0.8) - 0.42
    return np.asarray(np.hypot(q, points[:, 1] - 0.45) - 0.15, np.float32)


def _plate(outline: Floats, height: Floats, half: Floats | float, edge: float) -> Floats:
    """A rounded plate: outline distance in the plane, half thickness, edge radius."""
    w = np.stack([outline + edge, np.abs(height) - half + edge], axis=1)
    return np.asarray(
        np.minimum(np.maximum(w[:, 0], w[:, 1]), 0)
        + np.hypot(np.maximum(w[:, 0], 0), np.maximum(w[:, 1], 0))
        - edge,
        np.float32,
    )


def _form(
    chain: Chain,
    body: Callable[[Floats], Floats],
    paint: Callable[[Hit, np.ndarray], Floats],
    tint: tuple[float, float, float],
    cloud: Floats,
) -> Form:
    def metal_parts(points: Floats) -> Floats:
        return np.minimum(chain.distance(points), _bail(points))

    def distance(points: Floats) -> Floats:
        return np.minimum(metal_parts(points), body(points))

    def painted(hit: Hit) -> Floats:
        on_body = body(hit.points) < metal_parts(hit.points)
        out = np.zeros_like(hit.points)
        out[~on_body] = gems.metal(hit, ~on_body, tint, 0.12)
        out[on_body] = paint(hit, on_body)
        return out

    return Form(distance, painted, LOW, HIGH, (*chain.parts(), cloud), 0.5, 0.35)


def heart() -> Form:
    """Silver heart, domed, with one small stone."""
    cut = gems.brilliant(0.5, gems.facing((0, 1, 0.02)), (0.70, 0.96, 3.15), CLEAR)

    def outline(points: Floats) -> Floats:
        x = np.abs(points[:, 0]) / 2.8
        y = (5.25 - points[:, 2]) / 2.8
        near = np.hypot(x - 0.25, y - 0.75) - math.sqrt(2) / 4
        diagonal = np.maximum(x + y, 0) * 0.5
        low = np.minimum(np.hypot(x, y - 1), np.hypot(x - diagonal, y - diagonal)) * np.sign(x - y)
        return np.asarray(np.where(x + y > 1, near, low) * 2.8, np.float32)

    def silver(points: Floats) -> Floats:
        d = outline(points)
        dome = 0.22 + 0.42 * np.sqrt(np.clip(-d, 0, 1.2) / 1.2)
        return np.asarray(
            _plate(d, points[:, 1] - 0.45, dome.astype(np.float32), 0.18) * 0.7, np.float32
        )

    def body(points: Floats) -> Floats:
        return np.minimum(silver(points), cut.distance(points))

    def paint(hit: Hit, here: np.ndarray) -> Floats:
        gem = here & (cut.distance(hit.points) < silver(hit.points))
        out = np.zeros_like(hit.points)
        out[here] = gems.metal(hit, here, gems.SILVER, 0.10)
        out[gem] = gems.stone(hit, gem, cut)
        return np.asarray(out[here], np.float32)

    return _form(Chain(1, 5.0), body, paint, gems.SILVER, _disc_cloud(3.6, 1.4))


def sun_medallion() -> Form:
    """Gold disc with a raised sun."""

    def relief(points: Floats) -> Floats:
        x, z = points[:, 0], points[:, 2] - 4.1
        r = np.hypot(x, z)
        a = np.arctan2(x, z)
        core = 0.16 * np.sqrt(np.clip(1 - (r / 0.85) ** 2, 0, 1))
        beam = 0.5 + 0.5 * np.cos(14 * a + 0.9 * np.sin(r * 4) * (r > 1))
        band = np.clip((r - 0.95) / 0.1, 0, 1) * np.clip(
            (1.85 - 0.25 * (np.cos(7 * a) > 0) - r) / 0.1, 0, 1
        )
        rim = 0.13 * np.exp(-(((r - 2.2) / 0.12) ** 2))
        beads = 0.07 * np.exp(-(((r - 1.98) / 0.07) ** 2)) * (0.5 + 0.5 * np.cos(a * 60))
        return np.asarray(core + 0.12 * band * beam**2 + rim + beads, np.float32)

    def body(points: Floats) -> Floats:
        flat = np.hypot(points[:, 0], points[:, 2] - 4.1) - 2.4
        rise = relief(points) * (points[:, 1] > 0.3)
        return np.asarray(
            _plate(flat.astype(np.float32), points[:, 1] - 0.3, 0.22 + rise, 0.1) * 0.62, np.float32
        )

    def paint(hit: Hit, here: np.ndarray) -> Floats:
        depth = np.clip(relief(hit.points[here]) / 0.12, 0, 1)[:, None]
        aged = np.array([0.30, 0.30, 0.36], np.float32)
        return np.asarray(
            gems.metal(hit, here, gems.GOLD, 0.16) * (aged + (1 - aged) * depth**0.6), np.float32
        )

    return _form(Chain(4, 4.8), body, paint, gems.GOLD, _disc_cloud(4.1, 2.4))


def emerald_drop() -> Form:
    """Pear-cut emerald in a gold setting."""
    cut = gems.teardrop(1.42, 2.6, gems.facing((0, 1, 0.0001)), (0, 0.62, 4.45), EMERALD)

    def rim(points: Floats) -> Floats:
        x, z = points[:, 0], 4.45 - points[:, 2]
        edge = np.full(len(points), -9.0, np.float32)
        for k in range(18):
            a = (k + 0.5) * math.tau / 18
            edge = np.maximum(
                edge, x * math.cos(a) + z * math.sin(a) - max(1.42, 2.6 * math.sin(a))
            )
        wall = np.hypot(edge - 0.14, (points[:, 1] - 0.5) * 0.55) - 0.19
        return np.asarray(wall * 0.85, np.float32)

    def body(points: Floats) -> Floats:
        return np.minimum(rim(points), cut.distance(points))

    def paint(hit: Hit, here: np.ndarray) -> Floats:
        gem = here & (cut.distance(hit.points) < rim(hit.points))
        out = np.zeros_like(hit.points)
        out[here] = gems.metal(hit, here, gems.GOLD, 0.08)
        out[gem] = gems.stone(hit, gem, cut)
        return np.asarray(out[here], np.float32)

    return _form(Chain(7, 4.6), body, paint, gems.GOLD, _disc_cloud(4.4, 1.7))


def _disc_cloud(z: float, radius: float) -> Floats:
    angles = np.linspace(0, math.tau, 16, endpoint=False)
    return np.asarray(
        [(radius * math.sin(a), y, z + radius * math.cos(a)) for a in angles for y in (0.1, 0.55)],
        np.float32,
    )
