# SPDX-License-Identifier: Apache-2.0
"""Draw a training's log: one panel per metric, steps along the bottom.

    python -m tools.curves LOG.csv OUT.png

The log has the header `step,metric,value`; lines may be in any order, and one that was cut off by
a kill is left out. Metrics `train_x` and `validation_x` share the panel `x`.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
Curve = list[tuple[float, float]]
"""(step, value) by step."""
Colour = tuple[int, int, int]

WIDTH, HEIGHT = 520, 320
"""Pixels of a panel."""
LEFT, RIGHT, TOP, BOTTOM = 74, 18, 40, 34
INK: Colour = (50, 45, 40)
FAINT: Colour = (225, 225, 225)
LINES: tuple[Colour, ...] = ((180, 105, 30), (60, 90, 210), (80, 150, 60), (150, 80, 140))
SIDES = ("train", "validation")
SMOOTH_FROM = 60
"""A curve of more points is drawn pale with its running mean on top."""


def read(path: Path) -> dict[str, Curve]:
    """Curves by metric. Raises ValueError when the file is no such log."""
    curves: dict[str, Curve] = {}
    with path.open(newline="") as handle:
        rows = csv.DictReader(handle)
        if rows.fieldnames is None or {"step", "metric", "value"} - set(rows.fieldnames):
            raise ValueError(f"{path}: its first line must be step,metric,value")
        for row in rows:
            try:
                point = float(row["step"]), float(row["value"])
            except (TypeError, ValueError):
                continue  # the last line of a killed training
            if math.isfinite(point[1]):
                curves.setdefault(row["metric"], []).append(point)
    if not curves:
        raise ValueError(f"{path}: no numbers in it; wait for the training's first line")
    return {metric: sorted(curve) for metric, curve in sorted(curves.items())}


def panels(curves: dict[str, Curve]) -> dict[str, dict[str, Curve]]:
    """Curves by panel and side: `train_loss` and `validation_loss` are one panel, `loss`."""
    found: dict[str, dict[str, Curve]] = {}
    for metric, curve in curves.items():
        side = next((s for s in SIDES if metric.startswith(f"{s}_")), "")
        name = metric.removeprefix(f"{side}_") if side else metric
        found.setdefault(name, {})[side or metric] = curve
    return found


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round numbers from `low` to `high`."""
    span = max(high - low, 1e-12)
    unit = 10.0 ** math.floor(math.log10(span / count))
    step = next(unit * k for k in (1, 2, 5, 10) if span / (unit * k) <= count)
    return [k * step for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _label(value: float) -> str:
    if value and (abs(value) >= 1e5 or abs(value) < 1e-3):
        return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")
    if abs(value) >= 1000:
        return f"{value / 1000:g}k"
    return f"{value:.4g}"


def _text(canvas: U8, words: str, x: float, y: float, ink: Colour, size: float, side: str) -> None:
    """Text whose baseline is at y; `side` says which end of it is at x."""
    (width, _), _ = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
    start = x - width * {"left": 0.0, "middle": 0.5, "right": 1.0}[side]
    at = (int(start), int(y))
    cv2.putText(canvas, words, at, cv2.FONT_HERSHEY_SIMPLEX, size, ink, 1, cv2.LINE_AA)


def running_mean(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mean over a window of a twentieth of the curve, as long as at its ends."""
    half = max(1, len(values) // 40)
    padded = np.pad(values, half, "edge")
    return np.convolve(padded, np.ones(2 * half + 1) / (2 * half + 1), "valid")


def _limits(sides: dict[str, Curve]) -> tuple[float, float, float, float]:
    """Steps from and to, values from and to; a few wild points at the start do not count."""
    steps = [step for curve in sides.values() for step, _ in curve]
    lows, highs = [], []
    for curve in sides.values():
        values = np.array([value for _, value in curve])
        wild = len(values) >= SMOOTH_FROM
        lows.append(float(np.percentile(values, 0.5) if wild else values.min()))
        highs.append(float(np.percentile(values, 99) if wild else values.max()))
    low, high = min(lows), max(highs)
    spare = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    return min(steps), max(max(steps), min(steps) + 1), low - spare, high + spare


def panel(name: str, sides: dict[str, Curve]) -> U8:
    """One metric's picture, BGR HEIGHT×WIDTH×3."""
    canvas = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    first, last, low, high = _limits(sides)
    wide, tall = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def place(steps: npt.ArrayLike, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
        x = LEFT + (np.asarray(steps, float) - first) / (last - first) * wide
        y = TOP + (high - np.clip(np.asarray(values, float), low, high)) / (high - low) * tall
        return np.column_stack([x, y])

    for value in ticks(low, high):
        y = float(place([first], [value])[0, 1])
        cv2.line(canvas, (LEFT, int(y)), (WIDTH - RIGHT, int(y)), FAINT, 1)
        _text(canvas, _label(value), LEFT - 8, y + 4, INK, 0.42, "right")
    for step in ticks(first, last, 6):
        x = float(place([step], [low])[0, 0])
        cv2.line(canvas, (int(x), HEIGHT - BOTTOM), (int(x), HEIGHT - BOTTOM + 4), INK, 1)
        _text(canvas, _label(step), x, HEIGHT - BOTTOM + 19, INK, 0.42, "middle")
    cv2.line(canvas, (LEFT, TOP), (LEFT, HEIGHT - BOTTOM), INK, 1)
    cv2.line(canvas, (LEFT, HEIGHT - BOTTOM), (WIDTH - RIGHT, HEIGHT - BOTTOM), INK, 1)
    at = float(LEFT)
    _text(canvas, name, at, 22, INK, 0.55, "left")
    at += cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, 0.55, 1)[0][0] + 18
    for (side, curve), colour in zip(sides.items(), LINES, strict=False):
        values = np.array([value for _, value in curve])
        steps = [step for step, _ in curve]
        _draw(canvas, place(steps, values), colour, pale=len(curve) >= SMOOTH_FROM)
        if len(curve) >= SMOOTH_FROM:
            _draw(canvas, place(steps, running_mean(values)), colour, pale=False)
        words = f"{side if len(sides) > 1 or side in SIDES else 'last'} {values[-1]:.4g}"
        _text(canvas, words, at, 22, colour, 0.45, "left")
        at += cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, 0.45, 1)[0][0] + 14
    return canvas


def _draw(canvas: U8, points: npt.NDArray[np.float64], colour: Colour, *, pale: bool) -> None:
    corners = np.round(points * 16).astype(np.int32)
    blue, green, red = ((v + 2 * 255) // 3 if pale else v for v in colour)
    ink = (blue, green, red)
    cv2.polylines(canvas, [corners], False, ink, 1 if pale else 2, cv2.LINE_AA, 4)
    if len(points) < SMOOTH_FROM:
        for x, y in corners:
            cv2.circle(canvas, (int(x), int(y)), 3 * 16, ink, -1, cv2.LINE_AA, 4)


def drawn(curves: dict[str, Curve]) -> U8:
    """The whole picture: panels in rows of up to three, BGR uint8."""
    pictures: list[U8] = [panel(name, sides) for name, sides in panels(curves).items()]
    columns = min(3, math.ceil(math.sqrt(len(pictures))))
    blank = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    pictures += [blank] * (-len(pictures) % columns)
    rows = [np.hstack(pictures[k : k + columns]) for k in range(0, len(pictures), columns)]
    return np.asarray(np.vstack(rows), np.uint8)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the log, write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("log", type=Path)
    parser.add_argument("out", type=Path, help="a .png")
    args = parser.parse_args(arguments)
    try:
        curves = read(args.log)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    try:
        written = cv2.imwrite(str(args.out), drawn(curves))
    except cv2.error:  # the name ends like no picture
        written = False
    if not written:
        parser.error(f"{args.out}: cannot be written; is the folder there, the name a .png?")


if __name__ == "__main__":
    main()
