# SPDX-License-Identifier: Apache-2.0
"""What people read in a lint's reports beside the findings themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from kiosk.catalog.lint.findings import Code, Finding, Pair, Print, Report, Severity

TITLES = {
    Code.SAME_PICTURE: "One picture under several SKUs",
    Code.SHARED_BARCODE: "One barcode for several SKUs",
    Code.OUTLIER: "Pictures that may belong to another SKU",
    Code.LOOK_ALIKES: "SKUs that look alike",
    Code.BAD_BARCODE: "Barcodes that cannot be right",
    Code.TINY: "Pictures taken from too far away",
    Code.BLURRED: "Blurred pictures",
    Code.FEW_PICTURES: "SKUs with few pictures",
    Code.NO_NAME: "SKUs without a name",
    Code.LONE_CATEGORY: "Categories with one SKU",
}
PRINTS = {
    Print.APART: "their prints tell them apart",
    Print.CLOSE: "their prints differ too little",
    Print.SAME: "they bear the same print",
    Print.LITTLE: "too little print to tell",
    Print.OFF: "the print decides nothing in this release",
}
CLEAN = "Nothing to mend."


def counted(count: int, what: str) -> str:
    """Such as "1 error", "2 errors"."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def summary(report: Report) -> str:
    """One line: how many of what, and what to do first."""
    if not report.findings:
        return CLEAN
    found = ", ".join(
        counted(count, severity.value) for severity, count in report.counts.items() if count
    )
    first = report.findings[0]
    return f"{found}. Begin with: {TITLES[first.code].lower()} ({first.code})."


def sections(findings: Iterable[Finding]) -> Iterator[tuple[Severity, Code, list[Finding]]]:
    """Findings of one kind and severity together, in the order of a report."""
    for (severity, code), some in groupby(findings, key=lambda one: (one.severity, one.code)):
        yield severity, code, list(some)


def evidence(pair: Pair) -> str:
    """How close a pair is, in words and numbers."""
    points = f", {counted(pair.points, 'point')} in common" if pair.points else ""
    return f"similarity {pair.similarity:.2f}, lead {pair.lead:+.2f}; {PRINTS[pair.print]}{points}"
