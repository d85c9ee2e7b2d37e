# SPDX-License-Identifier: Apache-2.0
"""Printed faces for the second look: letters and shapes on a coloured ground, and how a camera may
see them. Everything is deterministic.
"""

from __future__ import annotations

import cv2
import numpy as np

from kiosk.values import Box, Features, Pixels
from kiosk.vision.features import features

SIDE = 300


def face(design: int, *, ground: tuple[int, int, int] = (200, 190, 180)) -> Pixels:
    """A square face of SIDE pixels, BGR; another `design` has another print."""
    random = np.random.default_rng(design)
    pixels = np.full((SIDE, SIDE, 3), ground, np.uint8)
    for _ in range(26):
        x, y = (int(value) for value in random.integers(10, SIDE - 40, 2))
        ink = tuple(int(value) for value in random.integers(0, 200, 3))
        text = "".join(random.choice(list("ABCDEFGHKMNPRSTUVWXYZ23456789"), 4))
        cv2.putText(pixels, text, (x, y), cv2.FONT_HERSHEY_DUPLEX, 0.7, ink, 2, cv2.LINE_AA)
        corner = (x + int(random.integers(8, 30)), y + int(random.integers(8, 30)))
        cv2.rectangle(pixels, (x, y), corner, ink, 2)
    return pixels


def flavour(brand: int, design: int) -> Pixels:
    """A face whose upper third is the brand's, whatever the design of the rest."""
    pixels = face(design)
    pixels[: SIDE // 3] = face(brand)[: SIDE // 3]
    return pixels


def recoloured(pixels: Pixels) -> Pixels:
    """The same print in other colours: red becomes blue and blue red."""
    return np.ascontiguousarray(pixels[:, :, ::-1])


def photographed(
    pixels: Pixels, *, turn: float = 12.0, light: tuple[float, float, float] = (1.0, 1.0, 1.0)
) -> Pixels:
    """The face askew on a grey counter, turned, with sensor noise; `light` tints blue to red."""
    corners = np.array([(0, 0), (SIDE, 0), (SIDE, SIDE), (0, SIDE)], np.float32)
    seen = np.array([(14, 6), (SIDE - 6, 22), (SIDE - 20, SIDE - 12), (4, SIDE - 4)], np.float32)
    askew = cv2.getPerspectiveTransform(corners, seen)
    grey = (90, 90, 90)
    seen_face = cv2.warpPerspective(pixels, askew, (SIDE, SIDE), borderValue=grey)
    about = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), turn, 0.85)
    turned = cv2.warpAffine(seen_face, about, (SIDE, SIDE), borderValue=grey)
    noise = np.random.default_rng(5).normal(0, 4, turned.shape)
    return np.clip(turned * np.array(light) + noise, 0, 255).astype(np.uint8)


def features_of(pixels: Pixels) -> Features:
    """Local features of a whole picture."""
    height, width = pixels.shape[:2]
    return features(pixels, Box(0, 0, width, height))


def counter(pixels: Pixels) -> Pixels:
    """A face on a dark counter, where the tiny detector finds it."""
    frame = np.full((SIDE + 120, SIDE + 160, 3), 30, np.uint8)
    frame[60 : 60 + SIDE, 80 : 80 + SIDE] = pixels
    return frame


def png(pixels: Pixels) -> bytes:
    """The picture as a PNG file."""
    ok, data = cv2.imencode(".png", pixels)
    assert ok
    return bytes(data)
