# SPDX-License-Identifier: Apache-2.0
"""Small line charts as inline SVG: accuracy against strength, with the interval as a band."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from tools.evaluation.bootstrap import Estimate
from tools.evaluation.degrade import STRENGTHS
from tools.evaluation.sweep import Curve

WIDTH, HEIGHT = 260, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 24, 12, 40


def chart(curve: Curve) -> str:
    """Top-1 (with its band) and top-5 of one degradation over its strengths."""
    top1 = [point.top1 for point in curve.points]
    top5 = [point.top5 for point in curve.points]
    labels = [
        STRENGTHS[point.strength] if point.setting is None else f"{point.setting:g}"
        for point in curve.points
    ]
    values = ", ".join(f"{STRENGTHS[k]} {each.value:.2f}" for k, each in enumerate(top1))
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{escape(curve.how.name)}: top-1 {escape(values)}">'
        + _grid()
        + _band(top1)
        + _line(top5, "top5")
        + _line(top1, "top1")
        + _dots(top1)
        + _ticks(labels)
        + "</svg>"
    )


def _x(place: int) -> float:
    return round(_LEFT + place * (WIDTH - _LEFT - _RIGHT) / (len(STRENGTHS) - 1), 1)


def _y(value: float) -> float:
    return round(_TOP + (1 - value) * (HEIGHT - _TOP - _BOTTOM), 1)


def _grid() -> str:
    lines = []
    for tenth in (0, 0.25, 0.5, 0.75, 1):
        y = _y(tenth)
        lines.append(
            f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
            f'<text class="tick" x="{_LEFT - 5}" y="{y + 4}" text-anchor="end">{tenth:g}</text>'
        )
    return "".join(lines)


def _ticks(labels: Sequence[str]) -> str:
    below = HEIGHT - _BOTTOM + 16
    ticks = [
        f'<text class="tick" x="{_x(k)}" y="{below}" text-anchor="middle">{escape(label)}</text>'
        for k, label in enumerate(labels)
    ]
    ticks += [
        f'<text class="faint" x="{_x(k)}" y="{below + 15}" text-anchor="middle">{name}</text>'
        for k, name in enumerate(STRENGTHS)
        if k
    ]
    return "".join(ticks)


def _points(values: Sequence[float | None]) -> str:
    return " ".join(f"{_x(k)},{_y(value)}" for k, value in enumerate(values) if value is not None)


def _line(estimates: Sequence[Estimate], kind: str) -> str:
    return f'<polyline class="{kind}" points="{_points([each.value for each in estimates])}"/>'


def _band(estimates: Sequence[Estimate]) -> str:
    if any(each.low is None or each.high is None for each in estimates):
        return ""
    above = _points([each.high for each in estimates])
    below = " ".join(reversed(_points([each.low for each in estimates]).split()))
    return f'<polygon class="band" points="{above} {below}"/>'


def _dots(estimates: Sequence[Estimate]) -> str:
    return "".join(
        f'<circle class="dot" cx="{_x(k)}" cy="{_y(each.value)}" r="3"/>'
        for k, each in enumerate(estimates)
        if each.value is not None
    )
