# SPDX-License-Identifier: Apache-2.0
"""What an owner may believe of a release, in plain lines: only what its samples support."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

from kiosk.catalog.calibration import Calibration, CategoryLine, Count
from kiosk.catalog.claims import UNLISTED
from kiosk.catalog.limits import FEWEST_ARTICLES
from kiosk.cli.visible import visible
from kiosk.values import NEVER_APART, Claim

FEW_VIEWS = 0.5
"""With less of its own views accepted, a person will be asked often: say what helps."""


def beliefs(calibration: Calibration) -> list[str]:
    """Four to eight lines: what was asked, what is stated, and what to do next."""
    limits = calibration.thresholds
    lines = [
        f"asked for at most {percent(limits.asked)} wrong accepts; stated with 95 % confidence:"
    ]
    lines += [f"- {_claimed(claim)}" for claim in limits.claims]
    if calibration.articles < FEWEST_ARTICLES:
        lines.append(
            f"{_articles(calibration.articles)}: too few to measure anything, so nothing is "
            f"accepted without a tap; add at least {FEWEST_ARTICLES - calibration.articles} more"
        )
    elif calibration.needed:
        lines.append(_short(calibration))
    if calibration.strangers:
        lines.append(f"other things were not tried: {calibration.strangers}")
    accepted, views = calibration.accepted
    if views:
        lines.append(
            f"of {views:,} camera views made of its own pictures {accepted / views:.0%} are "
            "accepted; photos from the counter are harder"
        )
    return [*lines, _next(calibration)]


def percent(share: float) -> str:
    """0.001 as "0.1 %"; upwards in the third digit, so that what it states holds."""
    shown = Decimal(repr(share)) * 100
    if shown:
        third = Decimal(1).scaleb(shown.adjusted() - 2)
        shown = shown.quantize(third, rounding=ROUND_CEILING)
    return f"{float(shown):.3g} %"


def category_table(lines: tuple[CategoryLine, ...]) -> list[str]:
    """One line per category, with a heading; nothing where there are no several."""
    if not lines:
        return []
    near = ("articles too near", "at most", "others too near", "at most")
    heads = ("category", "SKUs", *near, "own limit")
    rows = [
        (
            visible(line.category) or "no category",
            f"{line.skus:,}",
            *_counted(line.articles),
            *_counted(line.others),
            "-" if line.accept is None else f"{line.accept:.4f}",
        )
        for line in lines
    ]
    wide = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, wide, strict=True))
        ).rstrip()
        for row in (heads, *rows)
    ]


def _counted(count: Count) -> tuple[str, str]:
    if not count.things:
        return "none came", "-"
    return f"{count.wrong:,} of {count.things:,}", percent(count.bound)


def own_limits(calibration: Calibration) -> str:
    """SKUs with limits of their own, counted."""
    never = sum(accept >= NEVER_APART for accept in calibration.accept.values())
    higher = len(calibration.accept) - never
    return f"{higher} SKUs have a higher limit of their own, {never} are never accepted"


def _claimed(claim: Claim) -> str:
    views = f", in {claim.views:,} views" if claim.views > claim.things else ""
    seen = f"{claim.wrong:,} of {claim.things:,}{views}"
    return f"{claim.about}: at most {percent(claim.bound)} ({seen})"


def _short(calibration: Calibration) -> str:
    limits = calibration.thresholds
    claim = next((each for each in limits.claims if each.about == UNLISTED), None)
    asked, needed = percent(limits.asked), f"{calibration.needed:,} would be needed"
    if claim is None:
        return f"asked for {asked}: nothing can be stated for {UNLISTED}; {needed}"
    return (
        f"asked for {asked}: with {_articles(claim.things)} no better than {percent(claim.bound)} "
        f"can be stated for articles of the same kind that are not in the catalog; {needed}"
    )


def _articles(count: int) -> str:
    return "1 SKU" if count == 1 else f"{count:,} SKUs"


def _next(calibration: Calibration) -> str:
    accepted, views = calibration.accepted
    if views and accepted / views < FEW_VIEWS:
        return (
            "next: take pictures with the kiosk's own camera, several of each SKU, and build again"
        )
    if calibration.groups:
        count = len(calibration.groups)
        groups = "1 group of look-alikes is" if count == 1 else f"{count} groups of look-alikes are"
        return f"next: {groups} asked about; see `kiosk catalog lint`"
    return "next: `kiosk catalog lint` shows what else to improve before it goes live"
