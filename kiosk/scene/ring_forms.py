# SPDX-License-Identifier: Apache-2.0
"""The three rings, lying on the counter with their stones towards the camera."""

import math

import numpy as np

from kiosk.scene import gems
from kiosk.scene.light import length
from kiosk.scene.relief import Form, Hit, circle_parts
from kiosk.scene.view import Floats

RADIUS = 3.95
SAPPHIRE = (0.10, 1.15, 2.3)
RUBY = (1.9, 2.6, 0.10)
CLEAR = (0.02, 0.02, 0.02)


def torus(points: Floats, radius: float, tube: float, level: float) -> Floats:
    """Ring around the vertical axis."""
    q = np.hypot(points[:, 0], points[:, 2]) - radius
    return np.asarray(np.hypot(q, points[:, 1] - level) - tube, np.float32)


def capsule(points: Floats, a: Floats, b: Floats, radius: float) -> Floats:
    """Rounded stick from a to b."""
    pa, ba = points - a, b - a
    t = np.clip(pa @ ba / float(ba @ ba), 0, 1)
    return np.asarray(length(pa - t[:, None] * ba) - radius, np.float32)


def tilted(points: Floats, angle: float, radius: float) -> Floats:
    """Points seen from a ring whose stone side (+z) is lifted by `angle` about its far edge."""
    c, s = math.cos(angle), math.sin(angle)
    z = points[:, 2] + radius
    return np.stack(
        [points[:, 0], c * points[:, 1] - s * z, s * points[:, 1] + c * z - radius], axis=1
    ).astype(np.float32)


def _collar(local: Floats, radius: float, tube: float, level: float) -> Floats:
    """Metal ring around a stone, in the stone's axes."""
    q = np.hypot(local[:, 0], local[:, 1]) - radius
    return np.asarray(np.hypot(q, local[:, 2] - level) - tube, np.float32)


def _prongs(local: Floats, radius: float, count: int, thick: float) -> Floats:
    """Claws around a stone: one claw, and every point turned into its sector."""
    far = np.hypot(local[:, 0], local[:, 1])
    around = np.arctan2(local[:, 1], local[:, 0])
    sector = np.float32(math.tau / count)
    around -= (np.floor(around / sector) + np.float32(0.5)) * sector
    folded = np.stack([far * np.cos(around), far * np.sin(around), local[:, 2]], axis=1)
    foot = np.array([0.55 * radius, 0, -0.85 * radius], np.float32)
    rim = np.array([1.02 * radius, 0, 0], np.float32)
    tip = np.array([0.88 * radius, 0, 0.27 * radius], np.float32)
    return np.minimum(capsule(folded, foot, rim, thick), capsule(folded, rim, tip, thick))


def sapphire_ring() -> Form:
    """Gold halo ring with one large sapphire."""
    lean = math.radians(9)
    cut = gems.brilliant(1.42, gems.facing((0, 0, 1)), (0, 0.5, RADIUS + 1.0), SAPPHIRE)

    def halo(local: Floats) -> Floats:
        count = 22
        a = np.round(np.arctan2(local[:, 1], local[:, 0]) / math.tau * count) * math.tau / count
        spot = np.stack([1.70 * np.cos(a), 1.70 * np.sin(a), np.zeros_like(a)], axis=1)
        return length(np.asarray(local - spot, np.float32)) - np.float32(0.215)

    def parts(points: Floats) -> tuple[Floats, Floats, Floats]:
        p = tilted(points, lean, RADIUS)
        local = cut.local(p)
        near = np.clip((p[:, 2] - 1.2) / RADIUS, 0, 1)
        q = np.hypot(p[:, 0], p[:, 2]) - RADIUS
        band = np.hypot(q * 1.15, (p[:, 1] - 0.5) * (1.0 - 0.12 * near)) - (0.46 + 0.10 * near)
        tray = (
            np.maximum(np.hypot(local[:, 0], local[:, 1]) - 1.9, np.abs(local[:, 2] + 0.2) - 0.12)
            - 0.05
        )
        gold = np.minimum(np.minimum(band * 0.9, tray), _prongs(local, 1.42, 6, 0.12))
        return np.asarray(gold, np.float32), halo(local), cut.distance(p)

    def paint(hit: Hit) -> Floats:
        which = np.argmin(np.stack(parts(hit.points)), axis=0)
        moved = _leaning(hit, lean)
        colour = gems.metal(hit, which == 0, gems.GOLD)
        out = np.zeros_like(hit.points)
        out[which == 0] = colour
        out[which == 1] = gems.pave(hit, which == 1)
        out[which == 2] = gems.stone(moved, which == 2, cut)
        return out

    low, high = (-4.8, 0.0, -4.8), (4.8, 4.1, 5.8)
    head = _ball((0, 1.5, RADIUS + 1.0), 1.6)
    return Form(
        lambda p: np.minimum.reduce(parts(p)),
        paint,
        low,
        high,
        (*circle_parts(RADIUS, 0.5), head),
        0.5,
        0.6,
    )


def braided_band() -> Form:
    """White gold band of three plaited strands."""

    def distance(points: Floats) -> Floats:
        q = np.hypot(points[:, 0], points[:, 2]) - RADIUS
        h = points[:, 1] - 0.72
        around = np.arctan2(points[:, 0], points[:, 2])
        best = np.full(len(points), 9.0, np.float32)
        for k in range(3):
            a = around * 7 + k * math.tau / 3
            best = np.minimum(best, np.hypot(q - 0.34 * np.cos(a), h - 0.40 * np.sin(a)) - 0.30)
        return np.asarray(best * 0.62, np.float32)

    def paint(hit: Hit) -> Floats:
        return gems.metal(hit, np.ones(len(hit.points), bool), gems.SILVER, 0.07)

    reach = RADIUS + 0.8
    return Form(
        distance,
        paint,
        (-reach, 0.0, -reach),
        (reach, 1.5, reach),
        circle_parts(RADIUS, 0.62),
        0.5,
        0.7,
    )


def ruby_ring() -> Form:
    """Rose gold ring with three rubies."""
    lean = math.radians(7)
    cuts = []
    for angle, radius in ((0.0, 1.18), (0.47, 0.80), (-0.47, 0.80)):
        way = (math.sin(angle), 0.10, math.cos(angle))
        reach = RADIUS + 0.85
        cuts.append(
            (
                gems.brilliant(
                    radius, gems.facing(way), (reach * way[0], 0.5, reach * way[2]), RUBY
                ),
                radius,
            )
        )

    def parts(points: Floats) -> list[Floats]:
        p = tilted(points, lean, RADIUS)
        gold = torus(p, RADIUS, 0.44, 0.5)
        for cut, radius in cuts:
            local = cut.local(p)
            gold = np.minimum(gold, _prongs(local, radius, 4, 0.11))
            gold = np.minimum(gold, _collar(local, radius * 0.99, 0.10, -0.10))
        return [gold, *[cut.distance(p) for cut, _ in cuts]]

    def paint(hit: Hit) -> Floats:
        which = np.argmin(np.stack(parts(hit.points)), axis=0)
        moved = _leaning(hit, lean)
        out = np.zeros_like(hit.points)
        out[which == 0] = gems.metal(hit, which == 0, gems.ROSE)
        for index, (cut, _) in enumerate(cuts, start=1):
            out[which == index] = gems.stone(moved, which == index, cut)
        return out

    low, high = (-4.7, 0.0, -4.7), (4.7, 3.2, 5.6)
    heads = tuple(_ball((c.centre[0], 1.1, c.centre[2]), r) for c, r in cuts)
    return Form(
        lambda p: np.minimum.reduce(parts(p)),
        paint,
        low,
        high,
        (*circle_parts(RADIUS, 0.45), *heads),
        0.5,
        0.6,
    )


def _leaning(hit: Hit, lean: float) -> Hit:
    """The same hits in the axes of a ring that leans."""
    origin = tilted(np.zeros((1, 3), np.float32), lean, RADIUS)
    rays = tilted(hit.directions, lean, RADIUS) - origin
    normals = tilted(hit.normals, lean, RADIUS) - origin
    return Hit(tilted(hit.points, lean, RADIUS), normals, rays, hit.open, hit.turn)


def _ball(centre: tuple[float, float, float], radius: float) -> Floats:
    corners = [(x, y, z) for x in (-0.6, 0.6) for y in (-0.6, 0.6) for z in (-0.6, 0.6)]
    ends = [(1, 0, 0), (-1, 0, 0), (0, 0.9, 0), (0, -0.9, 0), (0, 0, 1), (0, 0, -1)]
    return np.asarray(
        [[c + radius * d for c, d in zip(centre, way, strict=True)] for way in corners + ends],
        np.float32,
    )
