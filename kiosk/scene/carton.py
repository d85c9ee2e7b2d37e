# SPDX-License-Identifier: Apache-2.0
"""Cartons: printed boxes projected face by face, each with its own light."""

import math
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from kiosk.scene.light import diffuse, fresnel, mirror, room
from kiosk.scene.sprite import Caster, Sprite, feathered, place, premultiplied
from kiosk.scene.view import Floats, Pixels, Pose, View, turned

SUPER = 2.0
# Corners of a face as printed: top left, top right, bottom right, bottom left.
# Axes: x right, y up, z front.
FACES: dict[str, tuple[tuple[int, int, int], ...]] = {
    "front": ((-1, 1, 1), (1, 1, 1), (1, 0, 1), (-1, 0, 1)),
    "back": ((1, 1, -1), (-1, 1, -1), (-1, 0, -1), (1, 0, -1)),
    "right": ((1, 1, 1), (1, 1, -1), (1, 0, -1), (1, 0, 1)),
    "left": ((-1, 1, -1), (-1, 1, 1), (-1, 0, 1), (-1, 0, -1)),
    "top": ((-1, 1, -1), (1, 1, -1), (1, 1, 1), (-1, 1, 1)),
}
NORMALS = {
    "front": (0, 0, 1),
    "back": (0, 0, -1),
    "right": (1, 0, 0),
    "left": (-1, 0, 0),
    "top": (0, 1, 0),
}


class Carton:
    """A box of width x height x depth cm with printed `faces` (BGR) in one view."""

    def __init__(
        self,
        size: tuple[float, float, float],
        faces: Mapping[str, Pixels],
        view: View,
        gloss: float = 0.04,
    ) -> None:
        self._size = size
        self._view = view
        self._gloss = gloss
        self._small: dict[tuple[str, int, int], Pixels] = {}
        self._faces = {name: _card(face, name) for name, face in faces.items()}

    def sprite(self, pose: Pose) -> Sprite:
        """The box at a pose with its visible faces."""
        corners = self._view.project(self._corners(pose))
        low = np.floor(corners.min(axis=0)) - 3
        size = np.ceil((corners.max(axis=0) - low + 6) * SUPER).astype(int)
        picture = np.zeros((int(size[1]), int(size[0]), 3), np.uint8)
        cover = np.zeros((int(size[1]), int(size[0])), np.uint8)
        edges: list[np.ndarray] = []
        for name, quad in self._visible(pose):
            spots = ((self._view.project(quad) - low) * SUPER).astype(np.float32)
            self._paint(picture, cover, name, quad, spots, pose)
            edges.append(spots)
        _soften_edges(picture, edges)
        picture, cover = feathered(picture, cover)
        matrix = np.array([[1 / SUPER, 0, low[0]], [0, 1 / SUPER, low[1]]], np.float64)
        return place(premultiplied(picture, cover), matrix, [tuple(c) for c in corners])

    def casters(self, pose: Pose) -> Sequence[Caster]:
        """The box itself."""
        return [Caster(self._corners(pose))]

    def _corners(self, pose: Pose) -> Floats:
        w, h, d = self._size
        grid = [(x * w / 2, y * h, z * d / 2) for x in (-1, 1) for y in (0, 1) for z in (-1, 1)]
        return turned(np.asarray(grid, np.float32), pose)

    def _visible(self, pose: Pose) -> list[tuple[str, Floats]]:
        w, h, d = self._size
        scale = np.array([w / 2, h, d / 2], np.float32)
        seen: list[tuple[float, str, Floats]] = []
        for name, signs in FACES.items():
            quad = turned(np.asarray(signs, np.float32) * scale, pose)
            normal = turned(np.asarray([NORMALS[name]], np.float32), Pose(turn=pose.turn))[0]
            to_eye = self._view.eye - quad.mean(axis=0)
            if float(normal @ to_eye) > 0:
                seen.append((-float(np.linalg.norm(to_eye)), name, quad))
        return [(name, quad) for _, name, quad in sorted(seen, key=lambda entry: entry[0])]

    def _paint(
        self, picture: Pixels, cover: Pixels, name: str, quad: Floats, spots: Floats, pose: Pose
    ) -> None:
        face = self._reduced(name, spots)
        rows, columns = face.shape[:2]
        light = self._light(name, quad, pose)
        lit = cv2.multiply(
            face, cv2.resize(light, (columns, rows), interpolation=cv2.INTER_LINEAR), scale=1 / 128
        )
        source = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32) - 0.5
        low = np.maximum(np.floor(spots.min(axis=0)).astype(int) - 1, 0)
        high = np.minimum(np.ceil(spots.max(axis=0)).astype(int) + 2, picture.shape[1::-1])
        matrix = cv2.getPerspectiveTransform(source, (spots - low).astype(np.float32))
        size = (int(high[0] - low[0]), int(high[1] - low[1]))
        moved = cv2.warpPerspective(
            lit, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        mask = np.zeros((size[1], size[0]), np.uint8)
        fixed = np.round((spots - low) * 16).astype(np.int32)
        cv2.fillConvexPoly(mask, fixed, 255, cv2.LINE_8, 4)
        window = (slice(low[1], high[1]), slice(low[0], high[0]))
        cv2.copyTo(moved, mask, picture[window])
        cover[window] = cv2.max(cover[window], mask)

    def _reduced(self, name: str, spots: Floats) -> Pixels:
        """The face's print, halved along each side while it stays finer than its picture."""
        if name not in self._faces:
            name = "right" if name == "left" else "front"
        face = self._faces[name]
        edges = np.linalg.norm(spots - np.roll(spots, -1, axis=0), axis=1)
        # A slanted face is narrower than its edges are long: measure across, not along.
        area = max(cv2.contourArea(spots), 1.0)
        across = face.shape[1] * float(edges[1] + edges[3]) / 2 / area
        down = face.shape[0] * float(edges[0] + edges[2]) / 2 / area
        halves = (
            min(int(math.log2(max(across, 1.0)) + 0.45), 4),
            min(int(math.log2(max(down, 1.0)) + 0.45), 4),
        )
        if halves == (0, 0):
            return face
        key = (name, *halves)
        if key not in self._small:
            size = (max(2, face.shape[1] >> halves[0]), max(2, face.shape[0] >> halves[1]))
            small = cv2.resize(face, size, interpolation=cv2.INTER_AREA)
            self._small[key] = np.asarray(small, np.uint8)
        return self._small[key]

    def _light(self, name: str, quad: Floats, pose: Pose) -> Pixels:
        """Brightness over a face as a small grid, 128 = unchanged: light, shade near the counter,
        sheen.
        """
        across = np.linspace(0, 1, 12, dtype=np.float32)[None, :, None]
        down = np.linspace(0, 1, 12, dtype=np.float32)[:, None, None]
        spots = (quad[0] * (1 - across) + quad[1] * across) * (1 - down) + (
            quad[3] * (1 - across) + quad[2] * across
        ) * down
        normal = turned(np.asarray([NORMALS[name]], np.float32), Pose(turn=pose.turn))[0]
        normals = np.broadcast_to(normal, spots.shape).astype(np.float32)
        height = spots[..., 1] - pose.lift
        occlusion = np.ones_like(height)
        if name != "top":
            occlusion = 1 - 0.55 * np.exp(-height / 1.4) - 0.12 * np.exp(-height / 6.0)
        level = diffuse(normals, occlusion.astype(np.float32)) * (0.75 + 0.25 * occlusion)
        toward = spots - self._view.eye
        toward /= np.linalg.norm(toward, axis=2, keepdims=True)
        facing = np.abs(np.einsum("ijk,ijk->ij", toward, normals))
        sheen = room(mirror(toward, normals), 0.5).mean(axis=2) * fresnel(facing, self._gloss) * 0.6
        value = np.clip((level + sheen) ** (1 / 2.2) * 128, 0, 255).astype(np.uint8)
        return np.asarray(cv2.merge([value, value, value]), np.uint8)


def _card(face: Pixels, name: str) -> Pixels:
    """Printed card: edges a little worn and darker at folds, a seam across the lid."""
    out = face.astype(np.float32)
    rows, columns = face.shape[:2]
    x = np.minimum(np.arange(columns), np.arange(columns)[::-1])[None, :]
    y = np.minimum(np.arange(rows), np.arange(rows)[::-1])[:, None]
    border = np.minimum(x, y).astype(np.float32)
    out *= (1 - 0.10 * np.exp(-border / 14.0))[..., None]
    fold = np.exp(-((border / 2.2) ** 2))[..., None]
    out *= 1 - 0.38 * fold
    out += 232 * 0.38 * fold
    if name == "top":
        seam = np.abs(np.arange(rows) - rows * 0.93)[:, None, None]
        out *= 1 - 0.28 * np.exp(-((seam / 2.0) ** 2))
        out += 14 * np.exp(-(((seam - 5) / 3.0) ** 2))
    return np.asarray(np.clip(out, 0, 255), np.uint8)


def _soften_edges(picture: Pixels, faces: Sequence[np.ndarray]) -> None:
    """Round the fold between two faces by a narrow blur along it."""
    if len(faces) < 2:
        return
    mask = np.zeros(picture.shape[:2], np.uint8)
    for spots in faces:
        cv2.polylines(mask, [np.round(spots * 16).astype(np.int32)], True, 255, 3, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(picture, (5, 5), 1.1)
    cv2.copyTo(soft, mask, picture)
