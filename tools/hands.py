# SPDX-License-Identifier: Apache-2.0
"""Hands for training scenes: bare or gloved, reaching in. A hand alone is never an item.

Owns two kinds: a drawn one with fingers at random, and pictures of modelled hands, turned and
recoloured.
"""

from __future__ import annotations

import argparse
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from tools.backdrops import F32, U8, Rng, cloud, colour, dot


@cache
def modelled(folder: Path) -> list[U8]:
    """The hands in a folder: premultiplied BGRA pictures, fingers up, the arm running out below."""
    found = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in sorted(folder.glob("*.png"))]
    return [np.asarray(picture, np.uint8) for picture in found if picture is not None]


def hand(
    rng: Rng, height: int, width: int, reach: tuple[float, float], sprites: list[U8]
) -> tuple[F32, F32]:
    """A hand reaching to `reach`: BGR float H×W×3, alpha 0..1 H×W; half of them from `sprites`."""
    if sprites and rng.random() < 0.5:
        return modelled_hand(rng, height, width, reach, sprites)
    return drawn_hand(rng, height, width, reach)


def modelled_hand(
    rng: Rng, height: int, width: int, reach: tuple[float, float], sprites: list[U8]
) -> tuple[F32, F32]:
    """One of `sprites`, its fingertips near `reach`, from any side, in any tone."""
    sprite = sprites[int(rng.integers(len(sprites)))]
    tall, wide = sprite.shape[:2]
    scale = rng.uniform(0.45, 1.4) * max(height, width) / 960
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * scale
    shift = np.array(reach) - turn @ np.array([wide * 0.5, tall * rng.uniform(0.02, 0.2)])
    warp = np.hstack([turn, shift[:, None]]).astype(np.float32)
    method = cv2.INTER_AREA if scale < 0.6 else cv2.INTER_LINEAR
    if scale < 0.6:  # warpAffine does not average
        sprite = np.asarray(cv2.resize(sprite, None, fx=0.5, fy=0.5, interpolation=method))
        warp[:, :2] *= 2
    laid = cv2.warpAffine(sprite, warp, (width, height)).astype(np.float32)
    alpha = laid[..., 3] / 255
    pixels = laid[..., :3] / np.maximum(alpha, 1e-3)[..., None]
    tone = np.exp(rng.normal(0, 0.25) + rng.normal(0, 0.08, 3))
    if rng.random() < 0.25:  # a glove
        pixels = pixels.mean(2, keepdims=True) * colour(rng, 60, 200, 1.0) / 120
    return np.asarray(pixels * tone, np.float32), np.asarray(alpha, np.float32)


def drawn_hand(rng: Rng, height: int, width: int, reach: tuple[float, float]) -> tuple[F32, F32]:
    """A hand (bare or gloved) and forearm reaching to `reach`: BGR float H×W×3, alpha 0..1 H×W."""
    size = rng.uniform(0.10, 0.24) * max(height, width)
    alpha = np.zeros((height, width), np.uint8)
    shade = np.zeros((height, width), np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    out = np.array([np.cos(angle), np.sin(angle)])
    tip = np.array(reach) + out * size * rng.uniform(0.3, 0.9)
    far = tip + out * 3 * max(height, width)
    cv2.line(alpha, dot(tip), dot(far), 255, int(size * rng.uniform(0.6, 0.9)), cv2.LINE_AA)
    cv2.circle(alpha, dot(tip), int(size * 0.55), 255, -1, cv2.LINE_AA)
    cv2.line(shade, dot(tip), dot(far), -12.0, int(size * 0.3))
    for spread in np.linspace(-0.75, 0.75, 5) * rng.uniform(0.5, 1.3):
        turn = angle + np.pi + spread + rng.normal(0, 0.12)
        length, thick = size * rng.uniform(0.7, 1.35), int(max(2, size * rng.uniform(0.15, 0.24)))
        knuckle = tip + np.array([np.cos(turn), np.sin(turn)]) * length * 0.6
        bend = turn + rng.normal(0, 0.35)
        end = knuckle + np.array([np.cos(bend), np.sin(bend)]) * length * 0.5
        for first, last in ((tip, knuckle), (knuckle, end)):
            cv2.line(alpha, dot(first), dot(last), 255, thick, cv2.LINE_AA)
            cv2.line(shade, dot(first), dot(last), float(rng.uniform(6, 22)), max(1, thick // 2))
    if rng.random() < 0.75:  # skin, dark to light
        tone = rng.uniform(0, 1)
        dark, light = np.array([45, 65, 95]), np.array([165, 190, 235])
        mixed = dark * (1 - tone) + light * tone + rng.normal(0, 8, 3)
        base = np.asarray(mixed, np.float32)
    else:
        base = colour(rng, saturation=1.0)
    soft_shade = cv2.GaussianBlur(shade, (0, 0), max(1.0, size * 0.05))
    texture = (cloud(rng, height, width, 24) - 0.5) * rng.uniform(5, 25)
    pixels = np.asarray(base, np.float32) + (soft_shade + texture)[..., None]
    if rng.random() < 0.5:  # sleeve
        cuff = np.array(reach) + out * size * rng.uniform(1.2, 2.2)
        cover = np.zeros((height, width), np.uint8)
        cv2.line(cover, dot(cuff), dot(far), 255, int(size * rng.uniform(0.9, 1.3)))
        alpha = np.maximum(alpha, cover)
        pixels[cover > 0] = colour(rng) + texture[cover > 0][:, None]
    soft = cv2.GaussianBlur(alpha, (0, 0), 0.8).astype(np.float32) / 255
    return np.asarray(pixels, np.float32), np.asarray(soft, np.float32)


def main() -> None:
    """Write the demo scene's hands as pictures for `modelled`."""
    from kiosk.scene.hand import Reach, hand_sprites  # only here: it needs what training does not
    from kiosk.scene.view import counter_view

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="gets hands/")
    folder: Path = parser.parse_args().work / "hands"
    folder.mkdir(parents=True, exist_ok=True)
    view = counter_view(1280, 960)
    for number in range(12):
        posture = ("grip", "point")[number % 2]
        reach = Reach(640, 150, 0.0, posture, mirrored=number % 4 > 1, style=number // 4)
        behind, front = hand_sprites(view, reach)
        cv2.imwrite(str(folder / f"{number:02d}.png"), (behind or front).pixels)


if __name__ == "__main__":
    main()
