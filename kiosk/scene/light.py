# SPDX-License-Identifier: Apache-2.0
"""Light of the scene: one soft key from the upper left, a window strip at the right, a dim warm
room.

All functions work on linear light, BGR, float32; `display` is the one way to 8-bit gamma values.
"""

import numpy as np

from kiosk.scene.view import Floats, Pixels

KEY: Floats = np.array([-0.43, 0.69, 0.57], np.float32)
KEY /= np.linalg.norm(KEY)
GAMMA = 2.2


def smooth(low: float, high: float, value: Floats) -> Floats:
    """Smoothstep of an array between two edges, 0..1."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float32)


def length(vectors: Floats) -> Floats:
    """Lengths (...,) of vectors (..., 3)."""
    return np.asarray(np.sqrt(np.einsum("...i,...i->...", vectors, vectors)), np.float32)


def unit(vectors: Floats) -> Floats:
    """Vectors (..., 3) scaled to length one."""
    return np.asarray(vectors / np.maximum(length(vectors), 1e-9)[..., None], np.float32)


def mirror(direction: Floats, normal: Floats) -> Floats:
    """Reflection of unit directions (..., 3) about unit normals (..., 3)."""
    along = np.einsum("...i,...i->...", direction, normal)[..., None]
    return np.asarray(direction - 2.0 * along * normal, np.float32)


def room(direction: Floats, roughness: float = 0.05) -> Floats:
    """Light that comes from unit directions (..., 3): the room as a mirror sees it, linear BGR.

    `roughness` 0..1 softens the edges of the lamps.
    """
    x, y, z = direction[..., 0], direction[..., 1], direction[..., 2]
    soft = 0.03 + 0.55 * roughness
    up = smooth(-0.15, 0.9, y)
    floor = smooth(0.05 + soft, -0.2 - soft, y)
    base = np.empty(direction.shape, np.float32)
    for channel, (wall, ceiling, mat) in enumerate(
        ((0.16, 0.46, 0.16), (0.18, 0.45, 0.15), (0.22, 0.46, 0.15))
    ):
        base[..., channel] = (wall + (ceiling - wall) * up) * (1 - floor) + mat * floor
    height = np.asarray(np.maximum(y, 0.05), np.float32)
    px: Floats = np.asarray(x / height, np.float32)
    pz: Floats = np.asarray(z / height, np.float32)
    lamp = _panel(px, -1.25, -0.28, soft) * _panel(pz, -0.35, 1.25, soft) * smooth(0.0, 0.25, y)
    strip = _panel(x, 0.62, 0.84, soft) * _panel(y, -0.05, 0.75, soft)
    tall = _panel(x, -0.9, -0.62, soft) * _panel(y, -0.1, 0.62, soft) * smooth(-0.3, 0.3, z)
    back = _panel(z, -1.0, -0.72, soft) * _panel(y, 0.15, 0.5, soft)
    energy = 1.0 / (1.0 + 2.2 * roughness)
    base += lamp[..., None] * np.array([3.1, 3.2, 3.3], np.float32) * energy
    base += strip[..., None] * np.array([1.5, 1.35, 1.2], np.float32) * energy
    base += tall[..., None] * np.array([1.5, 1.5, 1.5], np.float32) * energy
    base += back[..., None] * np.array([0.7, 0.8, 0.95], np.float32) * energy
    return base


def _panel(value: Floats, low: float, high: float, soft: float) -> Floats:
    return smooth(low - soft, low + soft, value) * smooth(high + soft, high - soft, value)


def diffuse(normal: Floats, occlusion: Floats | float = 1.0) -> Floats:
    """Linear brightness (...,) of a matt white surface with unit normals (..., 3)."""
    facing = np.einsum("...i,i->...", normal, KEY)
    key = np.clip((facing + 0.25) / 1.25, 0.0, 1.0) ** 1.35
    sky = 0.5 + 0.5 * normal[..., 1]
    window = np.clip(0.75 * normal[..., 0] + 0.25 * normal[..., 2], 0, 1)
    return np.asarray(0.80 * key + (0.17 + 0.16 * sky + 0.13 * window) * occlusion, np.float32)


def fresnel(facing: Floats, at_normal: float) -> Floats:
    """Share of light reflected by a smooth dielectric for the cosine of the view angle."""
    return np.asarray(at_normal + (1 - at_normal) * (1 - np.clip(facing, 0, 1)) ** 5, np.float32)


def display(linear: Floats) -> Pixels:
    """Linear light to 8-bit gamma values with a soft shoulder."""
    bright = np.where(linear > 0.8, 0.8 + 0.2 * np.tanh((linear - 0.8) / 0.45), linear)
    return np.asarray(np.clip(bright, 0, 1) ** (1 / GAMMA) * 255 + 0.5, np.uint8)
