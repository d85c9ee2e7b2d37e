# SPDX-License-Identifier: Apache-2.0
"""Tables and curves of what seeing worse costs, from the rows of `tools.coach_limits`.

A loss is always that of the same photos seen well. Where a quantity can be measured in a look, rows
are put together by what was measured; where only the setting is known, by the setting.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kiosk.values import Quality

LOSSES = (0.05, 0.10)
"""Points of top-1 at which a limit is stated."""
GROUP = 44
"""Rows that make one point of a curve, at least."""
WIDTH, HEIGHT, COLUMNS = 260, 190, 5
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 14, 26, 34


@dataclass(frozen=True, slots=True)
class Row:
    """One photo, seen in one way at one setting."""

    photo: str
    way: str
    setting: float
    top1: bool
    accepted: bool
    wrong: bool
    quality: Quality | None


@dataclass(frozen=True, slots=True)
class Curve:
    """What is read off against what, and which ways of seeing worse change it."""

    name: str
    ways: tuple[str, ...]
    value: Callable[[Row], float | None]
    measured: bool
    """In the look itself; otherwise only the setting is known."""
    rising: bool
    """Larger is worse."""


def _of(name: str) -> Callable[[Row], float | None]:
    return lambda row: None if row.quality is None else float(getattr(row.quality, name))


def _setting(row: Row) -> float:
    return abs(row.setting)


CURVES = (
    Curve("side_px", ("small",), _of("side_px"), True, False),
    Curve("sharpness", ("defocus", "motion"), _of("sharpness"), True, False),
    Curve("brightness, no noise", ("dark",), _of("brightness"), True, False),
    Curve("brightness, with noise", ("dim",), _of("brightness"), True, False),
    Curve("clipped", ("bright",), _of("clipped"), True, True),
    Curve("noise, deviation", ("noise",), _setting, False, True),
    Curve("covered by fingers, share", ("occlusion",), _setting, False, True),
    Curve("streak, share of the frame", ("motion",), _setting, False, True),
    Curve("cut off, share", ("cut-off",), _setting, False, True),
    Curve("turned, degrees", ("rotation",), _setting, False, True),
)


@dataclass(frozen=True, slots=True)
class Point:
    value: float
    top1: float
    loss: float
    """Top-1 of the same photos seen well, less that."""
    rows: int


def points(curve: Curve, rows: Sequence[Row]) -> list[Point]:
    """From best to worst. Looks in which nothing was found are wrong, and lie with the worst."""
    well = {row.photo: row.top1 for row in rows if row.way == "plain"}
    wanted = [row for row in rows if row.way in (*curve.ways, "plain") and row.photo in well]
    groups: list[tuple[float, list[Row]]]
    if curve.measured:
        sign = 1.0 if curve.rising else -1.0
        worst = float("inf")
        keyed = [(worst if (v := curve.value(r)) is None else sign * v, r) for r in wanted]
        keyed.sort(key=lambda entry: entry[0])
        parts = np.array_split(np.arange(len(keyed)), max(1, len(keyed) // GROUP))
        groups = []
        for part in parts:
            seen = [keyed[at][0] for at in part if keyed[at][0] != worst]
            if seen:
                groups.append((sign * float(np.median(seen)), [keyed[at][1] for at in part]))
    else:
        by: dict[float, list[Row]] = defaultdict(list)
        for row in wanted:
            by[curve.value(row) or 0.0].append(row)
        groups = sorted(by.items())
    return [
        Point(
            value,
            float(np.mean([row.top1 for row in group])),
            float(np.mean([well[row.photo] - row.top1 for row in group])),
            len(group),
        )
        for value, group in groups
        if group
    ]


def limit(found: Sequence[Point], loss: float) -> float | None:
    """Where the loss passes `loss` for good: everything worse loses at least as much.

    Read between the points on either side; None when even the worst loses less.
    """
    behind = None
    for point in reversed(found):
        if point.loss < loss:
            if behind is None:
                return None
            share = (loss - point.loss) / max(behind.loss - point.loss, 1e-9)
            return point.value + share * (behind.value - point.value)
        behind = point
    return behind.value if behind else None


def table_of(rows: Sequence[Row]) -> str:
    """For each way and setting what came of it, then the limits."""
    return "\n".join((*_settings(rows), "", *_limits(rows)))


def _settings(rows: Sequence[Row]) -> Iterator[str]:
    well = {row.photo: row.top1 for row in rows if row.way == "plain"}
    groups: dict[tuple[str, float], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.way, row.setting].append(row)
    heads = "".join(f"{head:>9}" for head in ("setting", "photos", "top-1", "loss", "accepted"))
    yield f"{'way':<10}{heads}{'wrong':>7}"
    for (way, setting), group in groups.items():
        top1 = np.mean([row.top1 for row in group])
        loss = np.mean([well.get(row.photo, False) - row.top1 for row in group])
        accepted = np.mean([row.accepted for row in group])
        wrong = sum(row.wrong for row in group)
        yield (
            f"{way:<10}{setting:>9g}{len(group):>9}{top1:>9.3f}{loss:>9.3f}"
            f"{accepted:>9.3f}{wrong:>7}"
        )


def _limits(rows: Sequence[Row]) -> Iterator[str]:
    yield f"{'quantity':<28}" + "".join(f"{f'-{100 * loss:.0f} points at':>16}" for loss in LOSSES)
    for curve in CURVES:
        found = points(curve, rows)
        stated = [limit(found, loss) for loss in LOSSES]
        texts = ["never" if each is None else f"{each:.3g}" for each in stated]
        yield f"{curve.name:<28}" + "".join(f"{text:>16}" for text in texts)


def picture_of(rows: Sequence[Row]) -> Image.Image:
    """Top-1 against each quantity, best on the left; the line is that of the photos seen well."""
    tall = -(-len(CURVES) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * WIDTH, tall * HEIGHT), "white")
    for place, curve in enumerate(CURVES):
        panel = _panel(curve, points(curve, rows))
        sheet.paste(panel, (place % COLUMNS * WIDTH, place // COLUMNS * HEIGHT))
    return sheet.quantize(32)


def _panel(curve: Curve, found: Sequence[Point]) -> Image.Image:
    panel = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(panel)
    font = ImageFont.load_default(12)
    draw.text((_LEFT, 6), f"top-1 against {curve.name}", "black", font)
    for tenth in range(0, 11, 2):
        y = _y(tenth / 10)
        draw.line((_LEFT, y, WIDTH - _RIGHT, y), (225, 225, 225))
        draw.text((_LEFT - 26, y - 7), f"{tenth / 10:.1f}", (90, 90, 90), font)
    if not found:
        return panel
    xs = np.linspace(_LEFT + 8, WIDTH - _RIGHT - 12, len(found))
    well = [(float(x), _y(point.top1 + point.loss)) for x, point in zip(xs, found, strict=True)]
    line = [(float(x), _y(point.top1)) for x, point in zip(xs, found, strict=True)]
    draw.line(well, (170, 170, 170), 2)
    draw.line(line, (20, 90, 170), 3)
    for x, y in line:
        draw.ellipse((x - 3, y - 3, x + 3, y + 3), (20, 90, 170))
    every = max(1, -(-len(found) // 5))
    for x, point in list(zip(xs, found, strict=True))[::every]:
        text = f"{float(f'{point.value:.2g}'):g}"  # 390, not 3.9e+02
        draw.text((float(x) - 12, HEIGHT - _BOTTOM + 6), text, (90, 90, 90), font)
    return panel


def _y(share: float) -> float:
    return _TOP + (1 - share) * (HEIGHT - _TOP - _BOTTOM)
