# SPDX-License-Identifier: Apache-2.0
"""A lint's report as lines of text and as JSON. Names are as the catalog has them: who prints them
on a terminal makes them `visible` first.

JSON: `format` 1, `release`, `built_at`, `skus`, `pictures`, `margin`, `apart` (4: no lead is
enough), `counts` by severity, `findings`. Of a finding: `code`, `severity` (see `findings`),
`message` and `advice` for people, `skus`, `pictures`, `pairs`, `barcode`. Of a picture: `sku`,
`name`, `thumbnail` (a `file` in the release, first byte as `start`, `size` in bytes), `role`. Of a
pair: `left` and `right` (pictures), `similarity`, `lead`, `print` (apart, close, same, little,
off), `print_lead` (or null), `points`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from kiosk.catalog.lint.findings import Finding, Pair, Report, Shown
from kiosk.catalog.lint.words import TITLES, evidence, sections, summary

FORMAT = 1
_LISTED, _PAIRED = 8, 6


def lines(report: Report) -> Iterator[str]:
    """The report for a terminal; the last line counts and says what to do first."""
    yield f"release {report.release}: {report.skus} SKUs, {report.pictures} pictures"
    for severity, code, findings in sections(report.findings):
        yield ""
        yield f"{severity.upper()}  {TITLES[code]} ({code})"
        for number, finding in enumerate(findings):
            yield f"  {finding.message}"
            yield from (f"      {line}" for line in _particulars(finding))
            last = number + 1 == len(findings)
            if last or findings[number + 1].advice != finding.advice:
                yield f"    → {finding.advice}"
    yield ""
    yield summary(report)


def _particulars(finding: Finding) -> Iterator[str]:
    if finding.pairs:
        if len(finding.skus) > 2:
            yield _listed(finding.skus)
        for pair in finding.pairs[:_PAIRED]:
            yield f"{pair.left.sku} ({pair.left.name}) and {pair.right.sku} ({pair.right.name}):"
            yield f"  {evidence(pair)}"
        if len(finding.pairs) > _PAIRED:
            yield f"and {len(finding.pairs) - _PAIRED} more pairs"
    elif len(finding.pictures) > 1:
        for picture in finding.pictures:
            yield f"{picture.role or picture.sku}: {picture.name}"
    elif finding.skus and not finding.pictures:
        yield _listed(finding.skus)


def _listed(skus: Sequence[str]) -> str:
    more = f" and {len(skus) - _LISTED} more" if len(skus) > _LISTED else ""
    return ", ".join(skus[:_LISTED]) + more


def as_json(report: Report) -> dict[str, Any]:
    """The whole report. Names are added, never changed, while `format` stays the same."""
    return {
        "format": FORMAT,
        "release": report.release,
        "built_at": report.built_at,
        "skus": report.skus,
        "pictures": report.pictures,
        "margin": report.margin,
        "apart": report.apart,
        "counts": {severity.value: count for severity, count in report.counts.items()},
        "findings": [_finding(finding) for finding in report.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code.value,
        "severity": finding.severity.value,
        "message": finding.message,
        "advice": finding.advice,
        "skus": list(finding.skus),
        "pictures": [_shown(picture) for picture in finding.pictures],
        "pairs": [_pair(pair) for pair in finding.pairs],
        "barcode": finding.barcode,
    }


def _shown(picture: Shown) -> dict[str, Any]:
    body = asdict(picture)
    del body["number"]
    return body


def _pair(pair: Pair) -> dict[str, Any]:
    rounded = None if pair.print_lead is None else round(pair.print_lead, 4)
    return {
        "left": _shown(pair.left),
        "right": _shown(pair.right),
        "similarity": round(pair.similarity, 4),
        "lead": round(pair.lead, 4),
        "print": pair.print.value,
        "print_lead": rounded,
        "points": pair.points,
    }
