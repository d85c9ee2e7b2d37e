# SPDX-License-Identifier: Apache-2.0
"""What a lint can say: codes that stay, severities, and what every report is made from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from kiosk.values import Record


class Severity(StrEnum):
    """The worst first."""

    ERROR = "error"
    """Wrong, or never to be recognised: mend it before this release goes live."""
    WARNING = "warning"
    """Costs right answers or taps: worth mending."""
    NOTE = "note"
    """Good to know."""

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return list(Severity).index(self)


class Code(StrEnum):
    """Names of kinds of findings: these never change. In the order in which they are reported."""

    UNCALIBRATED = "uncalibrated"
    SAME_PICTURE = "same-picture"
    SHARED_BARCODE = "shared-barcode"
    OUTLIER = "outlier"
    LOOK_ALIKES = "look-alikes"
    CLOSE = "close"
    BAD_BARCODE = "bad-barcode"
    TINY = "tiny"
    BLURRED = "blurred"
    FEW_PICTURES = "few-pictures"
    NO_NAME = "no-name"
    LONE_CATEGORY = "lone-category"


class Print(StrEnum):
    """What the second look makes of two SKUs that look alike."""

    APART = "apart"
    """Their prints differ by more than the release asks for."""
    CLOSE = "close"
    """They differ, but by less than that."""
    SAME = "same"
    """Too much of one's print is on the other."""
    LITTLE = "little"
    """There is too little print on them that other pictures of the same SKU show again."""
    OFF = "off"
    """This release has no second look, or one that may not tell look-alikes apart."""


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """Where the JPEG of a picture lies."""

    file: str
    """In the release, relative."""
    start: int
    """First byte."""
    size: int
    """In bytes."""

    def read(self, release: Path) -> bytes:
        """From the release folder. Raises OSError."""
        with (release / self.file).open("rb") as file:
            file.seek(self.start)
            return file.read(self.size)


@dataclass(frozen=True, slots=True)
class Shown:
    """A catalog picture that a finding points at."""

    number: int
    """In the release."""
    sku: str
    name: str
    """Where it came from, relative to the source."""
    thumbnail: Thumbnail
    role: str = ""
    """What it stands for in the finding, where they differ."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two SKUs that come close, by the two pictures where they come closest."""

    left: Shown
    right: Shown
    similarity: float
    """Cosine similarity of their nearest references, -1..1."""
    lead: float
    """By how much a view of either is nearer to its own SKU than to the other; middle of the views
    of the picture where that is least."""
    print: Print
    print_lead: float | None = None
    """The same with the second look, of each picture as it is; None: it was not taken."""
    points: int = 0
    """Places of one's print that are found on the other, in one arrangement."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or worth knowing."""

    code: Code
    severity: Severity
    message: str
    """What is the matter, in one sentence."""
    advice: str
    """What to do about it."""
    skus: tuple[str, ...] = ()
    pictures: tuple[Shown, ...] = ()
    pairs: tuple[Pair, ...] = ()
    barcode: str = ""
    """The one that it is about, where it is about one."""


@dataclass(frozen=True, slots=True)
class Report:
    """All findings of one release: the worst first, then by code."""

    release: str
    built_at: str
    skus: int
    pictures: int
    margin: float
    """Least lead that the release asks for; NEVER_APART: none is enough."""
    apart: float
    """Least lead, with the second look, that tells look-alikes apart; NEVER_APART: none does."""
    findings: tuple[Finding, ...]
    records: dict[str, Record]
    """The records of all SKUs in the findings."""

    @property
    def counts(self) -> dict[Severity, int]:
        """How many findings of each severity."""
        found = Counter(finding.severity for finding in self.findings)
        return {severity: found[severity] for severity in Severity}

    def reaches(self, least: Severity) -> bool:
        """Some finding is at least as bad as `least`."""
        return any(finding.severity.rank <= least.rank for finding in self.findings)


def in_order(findings: list[Finding]) -> tuple[Finding, ...]:
    """The worst first, then by code and SKU."""
    codes = list(Code)
    return tuple(
        sorted(findings, key=lambda one: (one.severity.rank, codes.index(one.code), one.skus))
    )
