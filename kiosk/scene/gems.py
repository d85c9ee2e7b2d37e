# SPDX-License-Identifier: Apache-2.0
"""Materials of jewellery: polished metal, and cut stones whose light is followed through their
facets.
"""

import math
from dataclasses import dataclass

import numpy as np

from kiosk.scene.light import diffuse, fresnel, length, mirror, room, unit
from kiosk.scene.relief import Hit
from kiosk.scene.view import Floats, Mask

GOLD = (0.30, 0.74, 1.12)
ROSE = (0.55, 0.66, 1.08)
SILVER = (1.06, 1.05, 1.03)
INDEX = 1.77
BOUNCES = 5


@dataclass(frozen=True, slots=True)
class Cut:
    """A cut stone: planes (K, 3) and offsets (K,) in its own axes (table towards +z), placed by
    `axes` rows and `centre`.
    """

    normals: Floats
    offsets: Floats
    axes: Floats
    centre: Floats
    absorb: tuple[float, float, float]
    reach: float

    def local(self, points: Floats) -> Floats:
        """Points in the stone's axes."""
        return np.asarray((points - self.centre) @ self.axes.T, np.float32)

    def distance(self, points: Floats) -> Floats:
        """Distance (N,) in cm, a lower bound outside."""
        local = self.local(points)
        gap = length(local) - np.float32(self.reach)
        near = np.flatnonzero(gap < 0.15)
        gap[near] = (local[near] @ self.normals.T - self.offsets).max(axis=1)
        return gap


def facing(direction: tuple[float, float, float]) -> Floats:
    """Axes (rows) of a stone whose table looks along `direction`."""
    ahead = unit(np.asarray([direction], np.float32))[0]
    across = unit(np.cross(np.array([0, 1, 0], np.float32), ahead)[None].astype(np.float32))[0]
    return np.stack([across, np.cross(ahead, across), ahead]).astype(np.float32)


def brilliant(
    radius: float,
    axes: Floats,
    centre: tuple[float, float, float],
    absorb: tuple[float, float, float],
    sides: int = 8,
) -> Cut:
    """Round brilliant: table, two rows of crown facets, girdle, pavilion."""
    planes: list[tuple[float, float, float, float]] = [(0, 0, 1, 0.40 * radius)]
    for k in range(sides):
        for shift, slope, offset in ((0.0, 36, 0.84), (0.5, 52, 0.955), (0.5, 22, 0.55)):
            _facet(planes, (k + shift) * math.tau / sides, slope, offset * radius)
        _facet(planes, k * math.tau / sides, 90, 0.985 * radius)
        _facet(planes, (k + 0.5) * math.tau / sides, 90, 0.985 * radius)
        _facet(planes, k * math.tau / sides, 138, 0.72 * radius)
        _facet(planes, (k + 0.5) * math.tau / sides, 132, 0.79 * radius)
    return _cut(planes, axes, centre, absorb, 1.08 * radius)


def teardrop(
    radius: float,
    apex: float,
    axes: Floats,
    centre: tuple[float, float, float],
    absorb: tuple[float, float, float],
) -> Cut:
    """Pear cut: round end towards -y, point towards +y at `apex`."""
    planes: list[tuple[float, float, float, float]] = [(0, 0, 1, 0.42 * radius)]
    count = 18
    for k in range(count):
        a = (k + 0.5) * math.tau / count
        reach = max(radius, apex * math.sin(a))
        for slope, scale, drop in (
            (90, 1.0, 0.0),
            (50, 0.985, 0.02),
            (28, 0.80, 0.17),
            (140, 0.99, 0.05),
        ):
            s = math.radians(slope)
            x, y, z = math.sin(s) * math.cos(a), math.sin(s) * math.sin(a), math.cos(s)
            planes.append((x, y, z, scale * reach * math.sin(s) + drop * radius))
    return _cut(planes, axes, centre, absorb, 1.08 * apex)


def _facet(
    planes: list[tuple[float, float, float, float]], around: float, slope: float, offset: float
) -> None:
    s = math.radians(slope)
    planes.append(
        (math.sin(s) * math.cos(around), math.sin(s) * math.sin(around), math.cos(s), offset)
    )


def _cut(
    planes: list[tuple[float, float, float, float]],
    axes: Floats,
    centre: tuple[float, float, float],
    absorb: tuple[float, float, float],
    reach: float,
) -> Cut:
    table = np.asarray(planes, np.float32)
    return Cut(
        np.ascontiguousarray(table[:, :3]),
        np.ascontiguousarray(table[:, 3]),
        axes,
        np.asarray(centre, np.float32),
        absorb,
        reach,
    )


def metal(hit: Hit, here: Mask, tint: tuple[float, float, float], rough: float = 0.10) -> Floats:
    """Polished metal, linear BGR of the chosen hits."""
    normal = hit.to_world(hit.normals[here])
    ray = hit.to_world(hit.directions[here])
    glow = room(mirror(ray, normal), rough)
    open_ = hit.open[here][:, None]
    edge = fresnel(-np.einsum("ij,ij->i", ray, normal), 0.0)[:, None]
    colour = np.asarray(tint, np.float32) * (1 - edge) + edge
    base = 0.10 * diffuse(normal)[:, None] * np.asarray(tint, np.float32)
    return np.asarray(glow * colour * (0.25 + 0.85 * open_) + base * open_, np.float32)


def stone(hit: Hit, here: Mask, cut: Cut) -> Floats:
    """A cut stone: light refracted in, thrown back by the pavilion and coloured on its way."""
    points = cut.local(hit.points[here])
    rays = np.asarray(hit.directions[here] @ cut.axes.T, np.float32)
    side = np.argmax(points @ cut.normals.T - cut.offsets, axis=1)
    normal = cut.normals[side]
    outside = hit.to_world(np.asarray(mirror(rays, normal) @ cut.axes, np.float32))
    glint = fresnel(-np.einsum("ij,ij->i", rays, normal), 0.09)[:, None]
    colour = room(outside, 0.02) * glint
    ray, _ = _bend(rays, normal, 1 / INDEX)
    weight = np.ones((len(points), 3), np.float32) * (1 - glint)
    absorb = np.asarray(cut.absorb, np.float32)
    for _ in range(BOUNCES):
        speed = ray @ cut.normals.T
        with np.errstate(divide="ignore", invalid="ignore"):
            far = (cut.offsets - points @ cut.normals.T) / speed
        far = np.where(speed > 1e-4, np.maximum(far, 1e-4), np.inf)
        side = far.argmin(axis=1)
        run = np.minimum(far[np.arange(len(far)), side], 9.0)[:, None]
        points = points + ray * run
        weight = weight * np.exp(-absorb * run)
        inner = -cut.normals[side]
        leaving, total = _bend(ray, inner, INDEX)
        seen = room(hit.to_world(np.asarray(leaving @ cut.axes, np.float32)), 0.02)
        share = np.where(total, 0.0, 0.85)[:, None]
        colour = colour + weight * share * seen * 1.25
        weight = weight * (1 - share)
        ray = mirror(ray, inner)
    return np.asarray(colour + weight * 0.12, np.float32)


def _bend(ray: Floats, normal: Floats, ratio: float) -> tuple[Floats, np.ndarray]:
    """Refraction of unit rays at normals against them; flags total reflection."""
    cosine = -np.einsum("ij,ij->i", ray, normal)
    rest = 1 - ratio * ratio * (1 - cosine * cosine)
    out = ratio * ray + (ratio * cosine - np.sqrt(np.maximum(rest, 0)))[:, None] * normal
    return unit(np.asarray(out, np.float32)), rest < 0


def pave(hit: Hit, here: Mask) -> Floats:
    """Tiny white stones: glitter that changes from facet to facet."""
    cell = np.floor(hit.normals[here] * 3.2 + hit.points[here] * 4.0)
    seed = np.sin(cell @ np.array([12.9898, 78.233, 37.719], np.float32)) * 43758.5453
    tilt = np.stack([seed % 1.0, (seed * 1.7) % 1.0, (seed * 2.3) % 1.0], axis=1) - 0.5
    normal = unit(np.asarray(hit.to_world(hit.normals[here]) + 0.9 * tilt, np.float32))
    ray = hit.to_world(hit.directions[here])
    glow = room(mirror(ray, normal), 0.03)
    return np.asarray((glow * 0.85 + 0.16) * (0.45 + 0.55 * hit.open[here][:, None]), np.float32)
