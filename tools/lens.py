# SPDX-License-Identifier: Apache-2.0
"""What the camera makes of a scene: light, lens, sensor, JPEG, and the frame the detector sees.

Owns how bad a training picture may look, and the letterbox: the same as the product's.
"""

from __future__ import annotations

import cv2
import numpy as np

from tools.backdrops import F32, U8, Rng, cloud

PAD = 114


def camera(rng: Rng, scene: F32) -> U8:
    """Light, lens, sensor and JPEG: a clean float scene becomes a photo, uint8."""
    height, width = scene.shape[:2]
    light = np.exp(rng.normal(0, 0.25) + (cloud(rng, height, width, 3) - 0.5) * rng.uniform(0, 0.7))
    scene = scene * light[..., None] * np.exp(rng.normal(0, 0.07, 3))
    if rng.random() < 0.15:
        scene = scene * rng.uniform(0.12, 0.6)  # a dark stockroom
    if rng.random() < 0.08:
        ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
        spot = (xs - rng.uniform(0, width)) ** 2 + (ys - rng.uniform(0, height)) ** 2
        glare = np.exp(-spot / (rng.uniform(0.05, 0.3) * max(height, width)) ** 2)
        scene = scene + glare[..., None] * rng.uniform(40, 160)
    if rng.random() < 0.18:
        length = int(rng.integers(3, 16))
        kernel = np.zeros((length, length), np.float32)
        angle = rng.uniform(0, np.pi)
        reach = np.array([np.cos(angle), np.sin(angle)]) * length / 2
        middle = np.array([length / 2, length / 2])
        first, last = (middle - reach).astype(int), (middle + reach).astype(int)
        cv2.line(kernel, tuple(map(int, first)), tuple(map(int, last)), 1.0, 1)
        smear = kernel / max(float(kernel.sum()), 1.0)
        scene = np.asarray(cv2.filter2D(scene, -1, smear), np.float32)
    elif rng.random() < 0.35:
        scene = np.asarray(cv2.GaussianBlur(scene, (0, 0), rng.uniform(0.4, 1.8)), np.float32)
    noise = rng.normal(0, 1, scene.shape).astype(np.float32) * rng.uniform(0, 9)
    image = np.clip(scene + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.7:
        coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 96))])
        image = np.asarray(cv2.imdecode(coded[1], cv2.IMREAD_COLOR), np.uint8)
    return image


def letterbox(image: U8, boxes: F32, side: int) -> tuple[U8, F32]:
    """Scale to fit side×side, centred, padded with 114; boxes (n, 4) follow."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    new_w, new_h = round(width * scale), round(height * scale)
    if (new_w, new_h) != (width, height):
        image = np.asarray(cv2.resize(image, (new_w, new_h), interpolation=cv2.INTER_AREA))
    left, top = (side - new_w) // 2, (side - new_h) // 2
    canvas = np.full((side, side, 3), PAD, np.uint8)
    canvas[top : top + new_h, left : left + new_w] = image
    moved = boxes * np.array([new_w / width, new_h / height] * 2) + np.array([left, top] * 2)
    return canvas, moved.astype(np.float32)
