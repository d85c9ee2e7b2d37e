# SPDX-License-Identifier: Apache-2.0
"""Cans and bottles: bodies of revolution whose label slides around as they turn.

A body that turns about its own axis keeps its outline and its light; only the label moves. So the
geometry is traced once per view, and a frame costs one look-up of the label.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from kiosk.scene.light import KEY, diffuse, fresnel, mirror, room, unit
from kiosk.scene.sprite import Caster, Sprite, feathered, place, premultiplied, shift_matrix
from kiosk.scene.view import Floats, Pixels, Pose, View

SMOOTH_ANGLE = math.radians(38)


@dataclass(frozen=True, slots=True)
class Zone:
    """Material of a stretch of the outline, from height index to height index."""

    kind: str = "print"  # print, metal, glass, plastic
    gloss: float = 0.04
    rough: float = 0.1


@dataclass(frozen=True, slots=True)
class Outline:
    """Half profile from bottom to top: points (radius, height) in cm and the zone of each stretch
    between them.
    """

    points: tuple[tuple[float, float], ...]
    zones: tuple[Zone, ...]

    @property
    def lengths(self) -> Floats:
        """Distance along the outline at each point, float32, cm."""
        steps = np.linalg.norm(np.diff(np.asarray(self.points, np.float32), axis=0), axis=1)
        return np.concatenate([[0.0], np.cumsum(steps)]).astype(np.float32)


@dataclass(slots=True)
class _Trace:
    depth: Floats
    along: Floats
    normal: Floats
    zone: Pixels


@dataclass(frozen=True, slots=True)
class _Geometry:
    """What never changes while a body turns: its window, light, cover and places in the skin."""

    left: int
    top: int
    shade: Pixels
    shine: Pixels
    cover: Pixels
    across: Floats
    along: Floats


class Turned:
    """A body of revolution in one view. `wrap` is its skin, BGR: columns go around, rows top to
    bottom along the outline.
    """

    def __init__(self, outline: Outline, wrap: Pixels, view: View, step: float = 0.5) -> None:
        self._outline = outline
        self._view = view
        self._step = step
        self._wide = wrap.shape[1]
        self._skin = wrap
        self._height = max(h for _, h in outline.points)
        self._radius = max(r for r, _ in outline.points)

    def sprite(self, pose: Pose) -> Sprite:
        """The body at a pose; the label's middle faces the camera at turn 0."""
        g = self._geometry
        offset = np.float32((-pose.turn / math.tau) % 1.0 * self._wide)
        skin = cv2.remap(
            self._skin,
            g.across + offset,
            g.along,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_WRAP,
        )
        lit = cv2.add(cv2.multiply(skin, g.shade, scale=1 / 128), g.shine)
        picture = premultiplied(np.asarray(lit, np.uint8), g.cover)
        matrix = shift_matrix(self._view, self._anchors, Pose(), pose)
        local = np.array([[self._step, 0, g.left], [0, self._step, g.top], [0, 0, 1]])
        matrix = matrix @ local
        rows, columns = g.cover.shape
        ends = [(0, 0), (columns, 0), (0, rows), (columns, rows)]
        corners = [tuple(matrix @ np.array([x, y, 1.0])) for x, y in ends]
        return place(picture, matrix, corners)

    def casters(self, pose: Pose) -> Sequence[Caster]:
        """Body and neck as stacks of rings."""
        points = [p for p in self._outline.points if p[0] > 0.05]
        wide = [p for p in points if p[0] > 0.62 * self._radius]
        slim = [p for p in points if p[0] <= 0.62 * self._radius]
        return [Caster(_rings(group, pose)) for group in (wide, slim) if group]

    @property
    def _anchors(self) -> Floats:
        r, h = self._radius, self._height
        return np.array(
            [[0, 0, 0], [r, 0, 0], [-r, 0, 0], [0, 0, r], [0, h, 0], [r, h, 0], [-r, h, 0]],
            np.float32,
        )

    @cached_property
    def _geometry(self) -> _Geometry:
        view, step = self._view, self._step
        corners = view.project(_rings(self._outline.points, Pose()))
        left, top = (np.floor(corners.min(axis=0)) - 3).astype(int)
        right, bottom = (np.ceil(corners.max(axis=0)) + 3).astype(int)
        columns, rows = round((right - left) / step), round((bottom - top) / step)
        rays = view.rays(float(left), float(top), columns, rows, step)
        trace = self._trace(rays, float(left), float(top))
        hit = np.isfinite(trace.depth)
        spot = (view.eye + rays * np.where(hit, trace.depth, 0)[..., None]) * hit[..., None]
        around = np.arctan2(spot[..., 0], spot[..., 2]) / math.tau + 0.5
        skin_rows = self._skin.shape[0]
        share = 1 - trace.along / self._outline.lengths[-1]
        places = [around * self._wide - 0.5, np.clip(share * skin_rows - 0.5, 0, skin_rows - 1)]
        shade, shine = self._light(rays, trace, spot, hit)
        cover = np.asarray(hit * np.uint8(255), np.uint8)
        shade, _ = feathered(shade, cover)
        shine, cover = feathered(shine, cover)
        # Places are carried a pixel outwards too, for the softened edge of the cover.
        across, along = (
            np.where(hit, field, cv2.dilate(field * hit, np.ones((3, 3), np.uint8)))
            for field in (np.asarray(field_, np.float32) for field_ in places)
        )
        return _Geometry(int(left), int(top), shade, shine, cover, across, along)

    def _trace(self, rays: Floats, left: float, top: float) -> _Trace:
        outline, view = self._outline, self._view
        rows, columns = rays.shape[:2]
        trace = _Trace(
            np.full((rows, columns), np.inf, np.float32),
            np.zeros((rows, columns), np.float32),
            np.zeros((rows, columns, 3), np.float32),
            np.zeros((rows, columns), np.uint8),
        )
        slopes = _end_normals(outline)
        lengths = outline.lengths
        for index in range(len(outline.points) - 1):
            band = _rings(outline.points[index : index + 2], Pose())
            spots = (view.project(band) - (left, top)) / self._step
            x0, y0 = np.maximum(np.floor(spots.min(axis=0)).astype(int) - 1, 0)
            x1, y1 = np.ceil(spots.max(axis=0)).astype(int) + 2
            window = (slice(y0, y1), slice(x0, x1))
            part = rays[window]
            if part.size == 0:
                continue
            depth, share = _hit(view.eye, part, outline.points[index], outline.points[index + 1])
            closer = depth < trace.depth[window]
            trace.depth[window][closer] = depth[closer]
            s = lengths[index] + share * (lengths[index + 1] - lengths[index])
            trace.along[window][closer] = s[closer]
            trace.zone[window][closer] = index
            first, last = slopes[index]
            mixed = first + (last - first) * share[..., None]
            spot = view.eye + part * np.where(closer, depth, 0)[..., None]
            flat = (
                spot[..., [0, 2]]
                / np.maximum(np.hypot(spot[..., 0], spot[..., 2]), 1e-6)[..., None]
            )
            normal = np.stack(
                [flat[..., 0] * mixed[..., 0], mixed[..., 1], flat[..., 1] * mixed[..., 0]], axis=2
            )
            trace.normal[window][closer] = unit(normal)[closer]
        return trace

    def _light(
        self, rays: Floats, trace: _Trace, spot: Floats, hit: np.ndarray
    ) -> tuple[Pixels, Pixels]:
        normal = trace.normal
        facing = np.clip(-np.einsum("ijk,ijk->ij", rays, normal), 0, 1)
        near_floor = np.exp(-np.maximum(spot[..., 1], 0) / 1.1)
        occlusion = np.asarray(
            1 - 0.55 * near_floor * (1 - 0.5 * np.maximum(normal[..., 1], 0)), np.float32
        )
        shade = np.repeat(diffuse(normal, occlusion)[..., None], 3, axis=2)
        shine = np.zeros_like(shade)
        bounce = mirror(rays, normal)
        zones = self._outline.zones
        for zone in sorted(set(zones), key=lambda z: (z.kind, z.gloss, z.rough)):
            indices = [i for i, z in enumerate(zones) if z == zone]
            here = hit & np.isin(trace.zone, indices)
            if not here.any():
                continue
            glow = room(bounce[here], zone.rough) * occlusion[here][:, None]
            if zone.kind == "metal":
                shade[here] = glow * 1.15
                continue
            if zone.kind == "glass":
                shade[here] = _liquid(normal[here], facing[here], occlusion[here])[:, None]
            shine[here] = glow * fresnel(facing[here], zone.gloss)[:, None]
        encoded = np.clip(np.maximum(shade, 0) ** (1 / 2.2) * 128, 0, 255)
        added = np.clip(np.maximum(shine, 0) ** (1 / 1.55) * 235, 0, 255)
        return np.asarray(encoded, np.uint8), np.asarray(added, np.uint8)


def _liquid(normal: Floats, facing: Floats, occlusion: Floats) -> Floats:
    """Light through a filled bottle: dark rims, and a glow where the key light leaves on the far
    side.
    """
    side = normal[:, 0] * KEY[0] + normal[:, 2] * KEY[2]
    glow = np.clip(-side, 0, 1) ** 1.5
    body = 0.28 + 0.50 * facing**1.2 + 0.75 * glow * (0.25 + 0.75 * facing)
    return np.asarray(body * (0.55 + 0.45 * occlusion), np.float32)


def _rings(points: Sequence[tuple[float, float]], pose: Pose) -> Floats:
    angles = np.linspace(0, math.tau, 28, endpoint=False)
    circle = np.stack([np.sin(angles), np.cos(angles)], axis=1)
    rows = [
        np.column_stack(
            [r * circle[:, 0] + pose.x, np.full(28, h + pose.lift), r * circle[:, 1] + pose.z]
        )
        for r, h in points
    ]
    return np.concatenate(rows).astype(np.float32)


def _end_normals(outline: Outline) -> list[tuple[Floats, Floats]]:
    """Outward (radial, up) normals at both ends of each stretch, smoothed where the outline bends
    softly.
    """
    steps = np.diff(np.asarray(outline.points, np.float32), axis=0)
    own = np.stack([steps[:, 1], -steps[:, 0]], axis=1)
    own /= np.maximum(np.linalg.norm(own, axis=1, keepdims=True), 1e-9)
    ends: list[tuple[Floats, Floats]] = []
    for index, normal in enumerate(own):
        pair: list[Floats] = []
        for other in (index - 1, index + 1):
            joint = normal
            if 0 <= other < len(own) and float(normal @ own[other]) > math.cos(SMOOTH_ANGLE):
                joint = normal + own[other]
                joint = joint / np.linalg.norm(joint)
            pair.append(np.asarray(joint, np.float32))
        ends.append((pair[0], pair[1]))
    return ends


def _hit(
    eye: Floats, rays: Floats, low: tuple[float, float], high: tuple[float, float]
) -> tuple[Floats, Floats]:
    """Distance along each ray to one stretch of the outline (inf where missed) and the share of its
    length.
    """
    (r0, y0), (r1, y1) = low, high
    ox, oy, oz = (float(v) for v in eye)
    # float64: a nearly flat cone loses all digits of float32 in the differences below.
    dx, dy, dz = (rays[..., axis].astype(np.float64) for axis in range(3))
    if abs(y1 - y0) < 1e-4:
        depth = (y0 - oy) / dy
        radius = np.hypot(ox + dx * depth, oz + dz * depth)
        share = (radius - r0) / (r1 - r0)
        inside = (depth > 0) & (share >= 0) & (share <= 1)
        return np.where(inside, depth, np.inf).astype(np.float32), np.clip(share, 0, 1).astype(
            np.float32
        )
    k = (r1 - r0) / (y1 - y0)
    base = r0 + k * (oy - y0)
    a = dx * dx + dz * dz - k * k * dy * dy
    # A ray parallel to the flank has no second crossing; a tiny value sends it out of range.
    a = np.where(np.abs(a) < 1e-6, 1e-6, a)
    b = ox * dx + oz * dz - base * k * dy
    c = ox * ox + oz * oz - base * base
    root = np.sqrt(np.maximum(b * b - a * c, 0))
    real = b * b - a * c >= 0
    best = np.full(dx.shape, np.inf, np.float32)
    best_share = np.zeros(dx.shape, np.float32)
    for sign in (1.0, -1.0):
        depth = (-b + sign * root) / a
        share = (oy + dy * depth - y0) / (y1 - y0)
        good = real & (depth > 0) & (share >= 0) & (share <= 1) & (depth < best)
        best[good] = depth[good]
        best_share[good] = share[good]
    return best, best_share
