# SPDX-License-Identifier: Apache-2.0
"""Boxes and gable-top cartons: flat faces in space, each a perspective warp of its print.

Owns convex packages. A skin holds the faces as BGR uint8; a view shows those that look at the
camera, each in its own shade.
"""

from __future__ import annotations

import cv2
import numpy as np

from tools.rendering import label, light
from tools.rendering.design import F32, U8, Design, Rng

FACE_PX = 320
"""Longest side of a face's print."""
Skin = dict[str, U8]


def dress(one: Design) -> Skin:
    """The printed faces: front, side, lid and, for a carton, the gable."""
    width, height, depth = one.size
    unit = FACE_PX / max(width, height, depth)
    w, h, d = (max(24, round(v * unit)) for v in (width, height, depth))
    skin = {
        "front": label.front(one, w, h),
        "side": label.side(one, d, h),
        "lid": label.lid(one, w, d),
    }
    if one.kind == "carton":
        slope = max(24, round(0.62 * d))
        skin["lid"] = label.lid(one, w, slope)
    return skin


def _quads(one: Design) -> list[tuple[str, np.ndarray]]:
    """Faces as (name, four corners in space clockwise from the print's top left)."""
    w, h, d = (v / 2 for v in one.size)
    a, b, c, e = [-w, -h, -d], [w, -h, -d], [w, h, -d], [-w, h, -d]  # front, z towards us
    f, g, i, j = [-w, -h, d], [w, -h, d], [w, h, d], [-w, h, d]
    faces = [("front", [a, b, c, e]), ("side", [b, g, i, c]), ("side", [f, a, e, j]),
             ("lid", [e, c, i, j])]  # fmt: skip
    if one.kind == "carton":
        rise = -h - 0.45 * d * 2
        left, right = [-w, rise, 0], [w, rise, 0]
        fin_left, fin_right = [-w, rise - 0.25 * d, 0], [w, rise - 0.25 * d, 0]
        faces += [("lid", [left, right, b, a]), ("gable", [right, right, g, b])]
        faces += [("gable", [left, left, a, f]), ("fin", [fin_left, fin_right, right, left])]
    else:
        faces.append(("lid", [f, g, b, a]))
    return [(name, np.array(corners, float)) for name, corners in faces]


def _faces_us(screen: np.ndarray) -> bool:
    """Clockwise on screen (y down) from its top left corner: the print can be read."""
    x, y = screen[:, 0], screen[:, 1]
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) > 0


def view(one: Design, skin: Skin, rng: Rng, at: light.Pose, side: int) -> U8:
    """BGRA side×side×4."""
    faces = _quads(one)
    flat = light.project(np.vstack([corners for _, corners in faces]), at)
    warp = light.fitting(flat, side, None if at is light.FRONT else rng)
    screens = light.moved(warp, flat).reshape(-1, 4, 2)
    lamp = np.array([rng.normal(0, 0.6), rng.uniform(-1.0, -0.2), -1.0])
    lamp /= np.linalg.norm(lamp)
    canvas = np.empty((side, side, 3), np.uint8)
    canvas[:] = skin["front"][::16, ::16].mean((0, 1))
    polygons = []
    for (name, corners), screen in zip(faces, screens, strict=True):
        if not _faces_us(screen) and name != "fin":
            continue
        normal = np.cross(corners[1] - corners[3], corners[2] - corners[0])
        turned = light.rotation(at) @ (normal / max(float(np.linalg.norm(normal)), 1e-9))
        shade = 0.62 + 0.45 * abs(float(turned @ lamp))
        print_ = skin["front" if name == "fin" else "side" if name == "gable" else name]
        if name in ("fin", "gable"):
            print_ = print_[: max(2, len(print_) // 12)]
        _paint(canvas, print_, screen, shade)
        polygons.append(screen)
    for polygon in polygons:  # worn, light-catching edges
        edge = np.round(polygon * 16).astype(np.int32)
        tone = tuple(int(v) for v in canvas[::9, ::9].mean((0, 1)) * 0.5 + rng.uniform(20, 110))
        cv2.polylines(canvas, [edge], True, tone, 1, cv2.LINE_AA, 4)
    field: F32 = light.ramp(rng, rng.uniform(0.05, 0.25))
    return light.lit(canvas, light.coverage(polygons, side), field, light.highlight(rng, 0.4))


def _paint(canvas: U8, face: U8, screen: np.ndarray, shade: float) -> None:
    """Warp one face onto its place; one pixel wider than it, so that no gap shows at the seams."""
    side = len(canvas)
    edges = np.linalg.norm(screen - np.roll(screen, 1, 0), axis=1)
    face = light.shrunk_for(face, float(edges.max()))
    rows, columns = face.shape[:2]
    start = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32) - 0.5
    target = screen.astype(np.float32)
    if np.linalg.norm(screen[0] - screen[1]) < 1e-6:  # a triangle: its print is nearly plain
        target = target + np.array([[-0.5, 0], [0.5, 0], [0, 0], [0, 0]], np.float32)
    left, top = np.maximum(np.floor(target.min(0)).astype(int) - 1, 0)
    right, bottom = np.minimum(np.ceil(target.max(0)).astype(int) + 2, side)
    if right - left < 2 or bottom - top < 2:
        return
    target = target - np.array([left, top], np.float32)
    warp = cv2.getPerspectiveTransform(start, target)
    size = (int(right - left), int(bottom - top))
    pixels = cv2.warpPerspective(
        face, warp, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    pixels = cv2.convertScaleAbs(pixels, alpha=shade)
    mask = np.zeros((size[1], size[0]), np.uint8)
    corners = np.round(target * 16).astype(np.int32)
    cv2.fillConvexPoly(mask, corners, 255, cv2.LINE_8, 4)
    cv2.polylines(mask, [corners], True, 255, 1, cv2.LINE_8, 4)
    cv2.copyTo(pixels, mask, canvas[top:bottom, left:right])
