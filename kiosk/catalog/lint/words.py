# SPDX-License-Identifier: Apache-2.0
"""What people read in a lint's reports beside the findings themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from kiosk.catalog.lint.findings import Code, Finding, Pair, Print, Report, Severity

TITLES = {
    Code.UNCALIBRATED: "This release is not calibrated",
    Code.SAME_PICTURE: "One picture under several SKUs",
    Code.SHARED_BARCODE: "One barcode for several SKUs",
    Code.OUTLIER: "Pictures that may belong to another SKU",
    Code.LOOK_ALIKES: "SKUs that look alike",
    Code.CLOSE: "SKUs that come close to each other",
    Code.BAD_BARCODE: "Barcodes that cannot be right",
    Code.TINY: "Pictures taken from too far away",
    Code.BLURRED: "Blurred pictures",
    Code.FEW_PICTURES: "SKUs with few pictures",
    Code.NO_NAME: "SKUs without a name",
    Code.LONE_CATEGORY: "Categories with one SKU",
}
EXPLAINED = {
    Code.UNCALIBRATED: "Nobody measured when to believe a match.",
    Code.SAME_PICTURE: "What stands under two SKUs can be recognised as neither.",
    Code.SHARED_BARCODE: "A scan of it cannot say which SKU it is.",
    Code.OUTLIER: "Each looks more like pictures of another SKU than like those of its own. Only "
    "you can see which is right.",
    Code.LOOK_ALIKES: "Similarity: of their nearest pictures, 1 is the same. Lead: how much nearer "
    "a picture is to its own SKU than to the other; about 0 means that either may come first.",
    Code.CLOSE: "In a good view the kiosk accepts them, in a poor one it asks. Similarity and lead "
    "as for SKUs that look alike.",
    Code.BAD_BARCODE: "The last digit of a retail code follows from the others.",
    Code.TINY: "Enlarged, they lack the detail that tells SKUs apart.",
    Code.BLURRED: "What is not to be seen in them cannot be recognised.",
    Code.FEW_PICTURES: "An item is found best from the sides that the catalog knows.",
    Code.NO_NAME: "The kiosk's page shows the name first.",
    Code.LONE_CATEGORY: "Often a category that was spelt in two ways.",
}
PRINTS = {
    Print.APART: "their prints tell them apart",
    Print.CLOSE: "their prints differ too little",
    Print.SAME: "they bear the same print",
    Print.LITTLE: "they bear too little print that a second picture shows again",
    Print.OFF: "this release does not tell look-alikes by their print",
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
    return f"{found}. Begin with: {TITLES[first.code]} ({first.code})."


def sections(findings: Iterable[Finding]) -> Iterator[tuple[Severity, Code, list[Finding]]]:
    """Findings of one kind and severity together, in the order of a report."""
    for (severity, code), some in groupby(findings, key=lambda one: (one.severity, one.code)):
        yield severity, code, list(some)


def evidence(pair: Pair) -> str:
    """How close a pair is, in words and numbers."""
    points = f", {counted(pair.points, 'point')} in common" if pair.points else ""
    return f"similarity {pair.similarity:.2f}, lead {pair.lead:+.2f}; {PRINTS[pair.print]}{points}"
