# SPDX-License-Identifier: Apache-2.0
"""A run as one page of HTML that needs nothing else: numbers, curves, and the pictures confused.

Every word that comes from a manifest is escaped, and the page may load nothing from anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from kiosk.values import Outcome
from tools.evaluation.answers import Answer
from tools.evaluation.bootstrap import Estimate
from tools.evaluation.charts import chart
from tools.evaluation.confusions import Confusion
from tools.evaluation.manifests import Picture
from tools.evaluation.measures import ALL, KNOWN_MEASURES, UNKNOWN_MEASURES, Measured
from tools.evaluation.pictures import figure
from tools.evaluation.results import Result, Run
from tools.evaluation.style import STYLE
from tools.evaluation.sweep import Sweep
from tools.evaluation.text import NOT_MEASURED

SHOWN_PAIRS = 40
SHOWN_STRANGERS = 12
SHOWN_MISSED = 12
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_CARDS = ("top1", "top5", "auroc", "accepted", "right_among_accepted")


def as_html(run: Run) -> str:
    """The whole page."""
    title = "Recognition evaluated"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title><style>{STYLE}</style></head><body>\n"
        + "\n".join([f"<h1>{title}</h1>", *_sections(run)])
        + "\n</body></html>\n"
    )


def _sections(run: Run) -> Iterator[str]:
    references = {each.sku: each for each in reversed(run.plan.references)}
    yield _header(run)
    yield _cards(run.product)
    yield from _groups("Items in the catalog", run.product.known, KNOWN_MEASURES)
    if run.product.unknown:
        yield from _groups("Items in no catalog", run.product.unknown, UNKNOWN_MEASURES)
    if len(run.results) > 1:
        yield from _peers(run.results)
    yield from _times(run.results)
    if run.sweep:
        yield from _sweep(run.sweep)
    yield from _pairs(run.product, references)
    yield from _strangers(run.product, references)
    yield from _missed(run.product)
    yield from _troubles(run)


def _header(run: Run) -> str:
    manifest, limits = run.manifest, run.thresholds
    left_out = f" {len(run.plan.left_out)} SKUs were left out." if run.plan.left_out else ""
    sources = ", ".join(sorted({each.source for each in run.plan.references}))
    return (
        f"<p>{len(run.product.answers)} photos of {run.product.known[ALL].skus} SKUs and "
        f"{len(run.product.unknown_answers)} photos of unknown items, asked one look each. "
        f"Catalog from {escape(sources)}: {manifest.skus} SKUs, {manifest.pictures} pictures, "
        f"{manifest.references} references.{left_out}</p>"
        f'<p class="faint">Detector {manifest.detector.sha256[:12]}, embedder '
        f"{manifest.embedder.sha256[:12]}, release {escape(manifest.release[:12])}. Thresholds: "
        f"accept {limits.accept:.3f}, choose {limits.choose:.3f}, margin {limits.margin:.3f} "
        f"({limits.samples} samples). In grey below a number: its 95 % interval, by resampling "
        "whole SKUs; a share of exactly 0 or 1 has none. A photo in which nothing is found counts "
        "as wrong.</p>"
    )


def _cards(found: Result) -> str:
    estimates = found.known[ALL].estimates
    cards = [(KNOWN_MEASURES[key], estimates.get(key)) for key in _CARDS]
    if ALL in found.unknown:
        cards.append(("wrongly accepted unknown items", found.unknown[ALL].estimates["accepted"]))
    boxes = [
        f'<div class="card"><b>{_value(each)}</b>{escape(about)}<br><small>{_range(each)}</small>'
        "</div>"
        for about, each in cards
        if each is not None and each.value is not None
    ]
    return f'<div class="cards">{"".join(boxes)}</div>'


def _groups(
    title: str, groups: Mapping[str, Measured], measures: Mapping[str, str]
) -> Iterator[str]:
    """Measures down, groups across. One group only is `all` itself."""
    names = list(groups)[:1] if len(groups) == 2 else list(groups)
    rows = [["photos (SKUs)", *(f"{groups[n].photos} ({groups[n].skus})" for n in names)]]
    rows += [
        [escape(about), *(_cell(groups[name].estimates.get(key)) for name in names)]
        for key, about in measures.items()
        if any(key in groups[name].estimates for name in names)
    ]
    wrong = [f"{groups[n].accepted}, {groups[n].accepted_wrong}" for n in names]
    rows.append(["accepted, of these wrong", *wrong])
    yield f"<h2>{escape(title)}</h2>"
    yield _table(["", *names], rows)


def _peers(results: Sequence[Result]) -> Iterator[str]:
    """The kiosk and its peers on all photos, then top-1 by category."""
    keys = ("top1", "top5", "mrr", "auroc")
    rows = [
        [
            escape(each.name),
            *(_cell(each.known[ALL].estimates.get(key)) for key in keys),
            _cell(each.ahead),
        ]
        for each in results
    ]
    yield "<h2>The kiosk and its peers, on the same photos</h2>"
    yield _table(["", *(KNOWN_MEASURES[key] for key in keys), "kiosk ahead, top-1"], rows)
    categories = [name for name in results[0].known if name != ALL]
    if len(categories) > 1:
        yield "<p>Top-1 by category:</p>"
        rows = [
            [escape(each.name), *(_cell(each.known[n].estimates.get("top1")) for n in categories)]
            for each in results
        ]
        yield _table(["", *categories], rows)


def _times(results: Sequence[Result]) -> Iterator[str]:
    stages = list(dict.fromkeys(stage for each in results for stage in each.timings[ALL]))
    rows = []
    for each in results:
        spent = [each.timings[ALL].get(stage) for stage in stages]
        rows.append(
            [
                escape(each.name),
                *(_stacked(f"{s['median']:.1f}", f"{s['p95']:.1f}") if s else "" for s in spent),
            ]
        )
    yield "<h2>Milliseconds per photo</h2><p>The median, and below it the 95th percentile.</p>"
    yield _table(["", *stages], rows)


def _sweep(sweep: Sweep) -> Iterator[str]:
    yield f"<h2>Seen worse</h2><p>{sweep.photos} photos, degraded; solid top-1, dashed top-5.</p>"
    charts = [
        f'<div class="chart"><h3>{escape(curve.how.name)}</h3>'
        f'<p class="faint">{escape(curve.how.about)}</p>{chart(curve)}'
        f"<p>lost at the mild setting: <b>{_value(curve.mild_loss)}</b> "
        f"<small>{_range(curve.mild_loss)}</small></p></div>"
        for curve in sweep.curves
    ]
    yield f'<div class="charts">{"".join(charts)}</div>'


def _pairs(found: Result, references: Mapping[str, Picture]) -> Iterator[str]:
    pairs = found.confusions
    yield "<h2>What is taken for what</h2>"
    if not pairs:
        yield "<p>Nothing was taken for anything else.</p>"
        return
    photos = sum(each.count for each in pairs)
    yield (
        f"<p>{photos} photos in {len(pairs)} pairs of SKUs, the most frequent first"
        + (f"; the first {SHOWN_PAIRS} are shown" if len(pairs) > SHOWN_PAIRS else "")
        + ". Of each pair the photo with the surest wrong answer, the reference that was asked "
        "for and the one that was answered.</p>"
    )
    boxes = [_pair(each, references) for each in pairs[:SHOWN_PAIRS]]
    yield f'<div class="pairs">{"".join(boxes)}</div>'


def _pair(pair: Confusion, references: Mapping[str, Picture]) -> str:
    accepted = f', <span class="bad">{pair.accepted} accepted</span>' if pair.accepted else ""
    return (
        f'<div class="pair"><h3>{escape(pair.asked)} → {escape(pair.answered)}: '
        f'{pair.count} photo{"s" * (pair.count > 1)}{accepted}</h3><div class="row">'
        + _photo(pair.surest)
        + figure(references.get(pair.asked), f"asked: {pair.asked}")
        + figure(references.get(pair.answered), f"answered: {pair.answered}")
        + "</div></div>"
    )


def _photo(answer: Answer) -> str:
    """What was asked, with the item as the detector found it."""
    return figure(answer.picture, f"photo, score {answer.reply.score:.3f}", answer.reply.box)


def _strangers(found: Result, references: Mapping[str, Picture]) -> Iterator[str]:
    """Unknown items that look most like something in the catalog."""
    named = [each for each in found.unknown_answers if each.answered is not None]
    surest = sorted(named, key=lambda each: (-each.reply.score, each.picture.name))
    if not surest:
        return
    yield "<h2>Unknown items that look most like a SKU</h2>"
    boxes = [_stranger(each, references) for each in surest[:SHOWN_STRANGERS]]
    yield f'<div class="pairs">{"".join(boxes)}</div>'


def _stranger(answer: Answer, references: Mapping[str, Picture]) -> str:
    outcome = answer.reply.outcome
    kind = ' class="bad"' if outcome == Outcome.ACCEPTED else ""
    answered = answer.answered or ""
    return (
        f'<div class="pair"><h3{kind}>{escape(answer.picture.sku)}: {escape(outcome)}</h3>'
        '<div class="row">'
        + _photo(answer)
        + figure(references.get(answered), f"nearest: {answered}")
        + "</div></div>"
    )


def _missed(found: Result) -> Iterator[str]:
    missed = [each for each in found.answers if each.answered is None]
    if not missed:
        return
    step = max(1, len(missed) // SHOWN_MISSED)
    yield f"<h2>Photos in which nothing was found</h2><p>{len(missed)} in all, some of them:</p>"
    shown = "".join(
        figure(each.picture, each.picture.sku) for each in missed[::step][:SHOWN_MISSED]
    )
    yield f'<div class="pairs">{shown}</div>'


def _troubles(run: Run) -> Iterator[str]:
    for title, entries in (("Peers that did not run", run.missing), ("Problems", run.problems)):
        if entries:
            lines = "".join(f"<li>{escape(str(each))}</li>" for each in entries)
            yield f"<h2>{title}</h2><ul>{lines}</ul>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """`head` is escaped here; the cells come as they go out."""
    columns = "".join(f"<th>{escape(each)}</th>" for each in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{columns}</tr>{body}</table></div>'


def _cell(estimate: Estimate | None) -> str:
    return _stacked(_value(estimate), _range(estimate))


def _stacked(above: str, below: str) -> str:
    return f"{above}<span>{below}</span>" if below else above


def _value(estimate: Estimate | None) -> str:
    if estimate is None or estimate.value is None:
        return NOT_MEASURED
    return f"{estimate.value:.3f}"


def _range(estimate: Estimate | None) -> str:
    if estimate is None or estimate.low is None or estimate.high is None:
        return ""
    return f"{estimate.low:.3f} to {estimate.high:.3f}"
