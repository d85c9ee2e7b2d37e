# SPDX-License-Identifier: Apache-2.0
"""A run in plain text for a terminal: what was asked, the numbers, what went wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tools.evaluation.bootstrap import Estimate
from tools.evaluation.degrade import STRENGTHS
from tools.evaluation.measures import ALL, KNOWN_MEASURES, UNKNOWN_MEASURES, Measured
from tools.evaluation.results import Result, Run
from tools.evaluation.sweep import Sweep

_GROUPS_A_TABLE = 4
_CONFUSIONS = 10
_PROBLEMS = 20
_NAME = 40
NOT_MEASURED = "–"


def number(estimate: Estimate | None) -> str:
    """`0.451 [0.380, 0.522]`; a dash when there is nothing to measure."""
    if estimate is None or estimate.value is None:
        return NOT_MEASURED
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def as_text(run: Run) -> str:
    """The whole run, some screens long."""
    return "\n".join(_lines(run)) + "\n"


def _lines(run: Run) -> Iterator[str]:
    yield from _header(run)
    yield from _known(run.product)
    yield from _unknown(run.product)
    yield from _times(run.results)
    if len(run.results) > 1:
        yield from _peers(run.results)
    if run.sweep:
        yield from _sweep(run.sweep)
    yield from _confusions(run.product)
    yield from _troubles(run)


def _header(run: Run) -> Iterator[str]:
    manifest, plan, limits = run.manifest, run.plan, run.thresholds
    yield (
        f"{len(run.product.answers)} photos of {run.product.known[ALL].skus} SKUs asked, "
        f"{len(run.product.unknown_answers)} photos of unknown items"
    )
    yield (
        f"catalog: {manifest.skus} SKUs, {manifest.pictures} pictures, "
        f"{manifest.references} references"
        + (f"; {len(plan.left_out)} SKUs left out" if plan.left_out else "")
    )
    yield (
        f"models: detector {manifest.detector.sha256[:12]}, "
        f"embedder {manifest.embedder.sha256[:12]}"
    )
    yield (
        f"thresholds: accept {limits.accept:.3f}, choose {limits.choose:.3f}, "
        f"margin {limits.margin:.3f}, by print {limits.by_print:.3f} ({limits.samples} samples)"
    )
    yield (
        "[a, b]: 95 % interval, whole SKUs resampled; a share of exactly 0 or 1 has no width. "
        "Nothing found counts as wrong."
    )


def _known(found: Result) -> Iterator[str]:
    yield from _blocks(f"{found.name}, items in the catalog", found.known, KNOWN_MEASURES)


def _unknown(found: Result) -> Iterator[str]:
    if found.unknown:
        yield from _blocks(f"{found.name}, items in no catalog", found.unknown, UNKNOWN_MEASURES)


def _blocks(
    title: str, groups: Mapping[str, Measured], measures: Mapping[str, str]
) -> Iterator[str]:
    """Measures down, groups across, a few groups a table. One group only is `all` itself."""
    names = list(groups)
    if len(names) == 2:
        names = names[:1]
    for start in range(0, len(names), _GROUPS_A_TABLE):
        shown = names[start : start + _GROUPS_A_TABLE]
        rows = [["photos (SKUs)", *(f"{groups[n].photos} ({groups[n].skus})" for n in shown)]]
        rows += [
            [about, *(number(groups[name].estimates.get(key)) for name in shown)]
            for key, about in measures.items()
            if any(key in groups[name].estimates for name in shown)
        ]
        rows.append(
            ["accepted, of these wrong", *(_accepted(groups[name]) for name in shown)],
        )
        yield ""
        yield from table([title, *shown], rows)


def _accepted(measured: Measured) -> str:
    return f"{measured.accepted}, {measured.accepted_wrong}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns of equal width; the first to the left, the others to the right."""
    everything = [head, *rows]
    widths = [max(len(row[k]) for row in everything) for k in range(len(head))]
    for count, row in enumerate(everything):
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "  ".join(cells).rstrip()
        if count == 0:
            yield "  ".join("-" * width for width in widths)


def _times(results: Sequence[Result]) -> Iterator[str]:
    """Median and 95th percentile by stage: of every system over all photos, then by category."""
    stages = list(dict.fromkeys(s for each in results for s in each.timings[ALL]))
    rows = []
    for each in results:
        groups = each.timings if each is results[0] and len(each.timings) > 2 else [ALL]
        for group in groups:
            name = each.name if group == ALL else f"  {group}"
            spent = [each.timings[group].get(stage) for stage in stages]
            rows.append(
                [name, *(f"{s['median']:.1f} / {s['p95']:.1f}" if s else "" for s in spent)]
            )
    yield ""
    yield from table(["milliseconds, median / 95 %", *stages], rows)


def _peers(results: Sequence[Result]) -> Iterator[str]:
    yield ""
    rows = []
    for each in results:
        measured = each.known[ALL].estimates
        rows.append(
            [
                each.name,
                *(number(measured.get(key)) for key in ("top1", "top5", "mrr", "auroc")),
                number(each.ahead),
            ]
        )
    head = ["all items in the catalog", "top-1", "top-5", "mean reciprocal rank", "AUROC"]
    yield from table([*head, "kiosk ahead, top-1"], rows)
    categories = [name for name in results[0].known if name != ALL]
    if len(categories) > 1:
        yield ""
        yield from table(
            ["top-1 by category", *categories],
            [
                [each.name, *(number(each.known[n].estimates.get("top1")) for n in categories)]
                for each in results
            ],
        )


def _sweep(sweep: Sweep) -> Iterator[str]:
    yield ""
    rows = [
        [
            curve.how.name,
            *(f"{point.top1.value:.3f} ({point.setting:g})" for point in curve.points[1:]),
            number(curve.mild_loss),
            curve.how.about,
        ]
        for curve in sweep.curves
    ]
    plain = sweep.curves[0].points[0].top1
    title = f"top-1 degraded (plain {number(plain)}, {sweep.photos} photos)"
    columns = [title, *STRENGTHS[1:], "lost at the mild setting", "(setting)"]
    yield from table(columns, rows)


def _confusions(found: Result) -> Iterator[str]:
    if not found.confusions:
        return
    yield ""
    rows = [
        [_short(each.asked), _short(each.answered), str(each.count), str(each.accepted)]
        for each in found.confusions[:_CONFUSIONS]
    ]
    yield from table(["most frequent confusions", "answered", "photos", "accepted"], rows)
    more = len(found.confusions) - _CONFUSIONS
    if more > 0:
        yield f"and {more} pairs more"


def _short(name: str) -> str:
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"


def _troubles(run: Run) -> Iterator[str]:
    if run.missing:
        yield ""
        yield "peers that did not run:"
        yield from (f"  {each}" for each in run.missing)
    if run.problems:
        yield ""
        count = len(run.problems)
        yield f"{count} problem{'s' * (count > 1)} (not in the numbers):"
        yield from (f"  {each}" for each in run.problems[:_PROBLEMS])
        if count > _PROBLEMS:
            yield f"  and {count - _PROBLEMS} more; --json has all"
