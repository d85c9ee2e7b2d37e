# SPDX-License-Identifier: Apache-2.0
"""Thresholds of a release with the wrong-accept rate they support, measured by leaving out.

Owns the order: measure, set the limits, look at categories and single SKUs, play the rule back,
and say in words what was done. The result follows from what is given, to the last digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kiosk.catalog.calibration import Basis, Calibration
from kiosk.catalog.claims import claims, recognised
from kiosk.catalog.leave_out import Probes, References
from kiosk.catalog.limits import (
    FEWEST_ARTICLES,
    STRANGERS_BELOW_CHOOSE,
    Places,
    accept_of,
    by_print_of,
    category_of,
    choose_of,
    differs_of,
    doubt,
    leads_of,
    places_of,
    same_of,
    tried_of,
)
from kiosk.catalog.local import by_category, by_sku
from kiosk.catalog.samples import Samples, measure
from kiosk.catalog.strangers import Strangers
from kiosk.values import NEVER_APART, Thresholds

RISK = 0.001
"""Wrong-accept rate asked for when nobody asks for another."""
CITED = (
    "limits by Wilks' tolerance intervals (1941), read as split conformal prediction (Vovk 2012); "
    "bounds by Clopper and Pearson (1934), one-sided, 95 %; one article, never one view, counts"
)


@dataclass(frozen=True, slots=True)
class Listing:
    """The SKUs by number: what they are called and what kind each is."""

    skus: Sequence[str]
    categories: Sequence[str]


def calibrate(
    references: References,
    probes: Probes,
    looked: Probes | None,
    strangers: Strangers,
    *,
    listing: Listing,
    basis: Basis,
    risk: float = RISK,
) -> Calibration:
    """What the release may believe and claim; `looked`: probes with local features, for the second
    look. Memory stays bounded; the result is deterministic.
    """
    samples = measure(references, probes, looked, strangers)
    return calibrated(samples, listing, basis, risk, strangers.note)


def calibrated(
    samples: Samples, listing: Listing, basis: Basis, risk: float = RISK, note: str = ""
) -> Calibration:
    """The same from samples; `note`: why there are no strangers."""
    places = places_of(samples, risk)
    category, category_risk = category_of(samples, listing.categories)
    thresholds = replace(thresholds_of(samples, places, risk), category=category)
    lines = by_category(samples, listing.categories, thresholds.accept, risk)
    own = by_sku(samples, listing.categories, thresholds.accept, lines)
    own |= {sku: NEVER_APART for sku in samples.groups.twins}
    skus = listing.skus
    return Calibration(
        thresholds=replace(thresholds, claims=claims(samples, thresholds, places)),
        basis=basis,
        accept={skus[sku]: accept for sku, accept in sorted(own.items())},
        groups={
            skus[group[0]]: tuple(skus[sku] for sku in group) for group in samples.groups.members()
        },
        categories=lines,
        articles=samples.count,
        needed=places.needed,
        accepted=recognised(samples, thresholds),
        category_risk=round(category_risk, 4),
        strangers=note,
    )


def thresholds_of(samples: Samples, places: Places, risk: float) -> Thresholds:
    """The numbers and, in words, where they come from; without a category and without claims."""
    tried = tried_of(samples, places, risk)
    accept = accept_of(samples, places, risk, tried)
    by_print = by_print_of(samples, places, tried, risk)
    margin, apart = leads_of(samples, tried, by_print, risk)
    choose = round(choose_of(samples, tried), 4)
    same = same_of(samples, tried, risk)
    return Thresholds(
        accept=accept,
        choose=min(choose, accept),
        margin=round(margin, 4),
        method=_method(samples, places, risk),
        samples=len(samples.own),
        by_print=by_print,
        apart=round(apart, 4),
        same=same,
        differs=min(round(differs_of(samples, choose), 4), same),
        asked=risk,
    )


def _method(samples: Samples, places: Places, risk: float) -> str:
    parts = [
        f"{len(samples.own)} simulated camera views of the catalog's own pictures, and "
        f"{len(samples.outside.sku)} things that are in no catalog: accept is number "
        f"{places.similarity} of the best similarities of articles without their own SKU; choose "
        f"lies above {STRANGERS_BELOW_CHOOSE:.0%} of such views; margin bounds harmful wrong leads "
        f"and is at least the {samples.noise:.3f} that another view of a picture moves a lead"
    ]
    if samples.compared is not None:
        found = int((samples.compared.other_evidence(printed=True) > 0).sum())
        parts.append(
            f"by_print is number {places.print} of the evidence of strangers without look-alikes; "
            f"the print of {found} of {len(samples.compared.skus)} views was found in part"
        )
    raised = 0.0 if places.kept else doubt(samples.count, risk)
    if raised > 0:
        count = "1 article tells" if samples.count == 1 else f"{samples.count} articles tell"
        parts.append(
            f"{count} too little about strangers: raised by {raised:.0%} of the way to the "
            "similarity of an item's own views, and accept to where their scores, were they "
            "normal, would keep the risk"
        )
    if samples.count < FEWEST_ARTICLES:
        parts.append(f"fewer than {FEWEST_ARTICLES} articles: nothing is accepted without a tap")
    if alike := len(samples.groups.skus):
        rule = "asked about unless their print tells them apart"
        rule = rule if samples.compared is not None else "always asked about"
        parts.append(f"{alike} SKUs have look-alikes and are {rule}")
    if samples.twins:
        parts.append(
            f"{samples.twins} pictures stand under two SKUs: these are one article and never "
            "accepted"
        )
    return "; ".join([*parts, CITED])
