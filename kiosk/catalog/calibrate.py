# SPDX-License-Identifier: Apache-2.0
"""Thresholds of a release, measured by leaving its own references out. No number is made up here.

Photos from the camera are not there yet when a catalog is built. So each picture is looked at as a
camera on a bad day may see it (`augment.CAMERA`, never enrolled), and these probes are searched for
among the references twice. Strangers: without their SKU, as if it were not in the catalog: what
would the best answer be? Own items: in their SKU without their picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kiosk.catalog.leave_out import (
    SAME_PICTURE,
    Floats,
    LeavingOut,
    Numbers,
    Probes,
    References,
    evenly,
)
from kiosk.catalog.second import Compared, compare
from kiosk.values import NEVER_APART, Thresholds
from kiosk.verify import APART

RISK = 0.01
"""Share of strangers that may reach `accept`, and of harmful wrong leads that may pass `margin`."""
STRANGERS_BELOW_CHOOSE = 0.8
FEWEST_SKUS = 5
"""With fewer, the catalog's own pictures say nothing of strangers: the kiosk only asks."""
NEVER = 1.01
"""No similarity reaches this."""
CLOSE = 1.0
OFTEN = 0.5
"""A SKU is contested when in this share of its views another one is as near, give or take CLOSE
times the noise."""
MAX_QUERIES = 4000


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """What leaving references out has shown; similarities, one per probe."""

    skus: int
    strangers: Floats
    """Best similarity to any other SKU, where there is one."""
    own: Floats
    """Best similarity to what is left of the own SKU."""
    rivals: Floats
    """Best similarity to any other SKU; -inf where there is none; same length as `own`."""
    twins: int
    """Pictures that another SKU has too; such SKUs are not tried against each other."""
    noise: float
    """By how much the view of a picture moves its lead over the nearest other SKU."""
    contested: frozenset[int] = frozenset()
    """SKUs whose own pictures lead over another SKU by no more than the noise, again and again."""
    disputed: NDArray[np.bool_] | None = None
    """Probes of contested SKUs; same length as `own`. They are asked about, so they need no
    margin; None: there are none."""
    second: Compared | None = None
    """The same with a second look; None: there is none."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a release says of itself."""

    thresholds: Thresholds
    contested: frozenset[int]
    """SKUs with look-alikes in the catalog: no margin tells these apart."""


def calibrate(references: References, probes: Probes, looked: Probes | None = None) -> Calibration:
    """Thresholds of a release; `looked`: probes with local features, for the second look.

    Memory stays bounded; the result is deterministic.
    """
    samples = measure(references, probes, looked)
    return Calibration(thresholds_of(samples), samples.contested)


def measure(references: References, probes: Probes, looked: Probes | None = None) -> Samples:
    """Search for every probe with its SKU or its picture left out."""
    table = LeavingOut(references)
    table.join_twins(evenly(np.flatnonzero(references.views == 0), MAX_QUERIES))
    vectors, pictures = probes.vectors, probes.pictures
    own = table.best(vectors, pictures, own=True)[0]
    rivals, nearest = table.best(vectors, pictures, own=False)
    noise = table.noise(probes)
    skus = table.skus_of(pictures)
    contested = table.joined() | _contested(skus, references.skus[nearest], own - rivals, noise)
    return Samples(
        skus=len(np.unique(references.skus)),
        strangers=rivals[np.isfinite(rivals)],
        own=own,
        rivals=rivals,
        twins=table.twins,
        noise=noise,
        contested=contested,
        disputed=np.isin(skus, sorted(contested)),
        second=compare(table, looked, contested) if looked is not None else None,
    )


def _contested(owners: Numbers, rivals: Numbers, leads: Floats, noise: float) -> frozenset[int]:
    """SKUs that another SKU comes within CLOSE times the noise of, in OFTEN of its views."""
    close = np.isfinite(leads) & (leads < CLOSE * noise)
    found: set[int] = set()
    for sku in np.unique(owners[close]):
        others, counts = np.unique(rivals[close & (owners == sku)], return_counts=True)
        if counts.max() >= OFTEN * np.count_nonzero(owners == sku):
            found |= {int(sku), int(others[counts.argmax()])}
    return frozenset(found)


def thresholds_of(samples: Samples) -> Thresholds:
    """The three numbers and, in words, where they come from."""
    typical, low = (float(np.quantile(samples.own, share)) for share in (0.5, 0.05))
    bound = upper_bound(samples.strangers)
    some = _quantile(samples.strangers, STRANGERS_BELOW_CHOOSE)
    doubt = _doubt(samples.skus)
    accept = min(SAME_PICTURE, bound + doubt * max(0.0, typical - bound))
    if samples.skus < FEWEST_SKUS:
        accept = NEVER
    choose = min(accept, some + doubt * max(0.0, low - some))
    # A wrong lead does harm only where the wrong SKU would be accepted.
    leads = samples.rivals - samples.own
    wrong = (leads > 0) & (samples.rivals >= accept)
    harmful = leads[wrong if samples.disputed is None else wrong & ~samples.disputed]
    margin = max(samples.noise, upper_bound(harmful))
    by_print = apart = NEVER_APART
    if samples.second is not None:
        by_print = _by_print(samples.second, accept, doubt)
        prints, disputed = samples.second.wrong_leads(by_print)
        margin = max(margin, upper_bound(prints[~disputed]))
        # Nothing in two SKUs that share a picture tells them apart: more pictures of one would win.
        apart = NEVER_APART if samples.twins else max(APART, margin, upper_bound(prints))
    return Thresholds(
        accept=round(accept, 4),
        choose=round(choose, 4),
        margin=round(margin, 4),
        method=_method(samples, doubt, len(harmful)),
        samples=len(samples.own),
        by_print=round(by_print, 4),
        apart=round(apart, 4),
    )


def _by_print(second: Compared, accept: float, doubt: float) -> float:
    """Beyond the evidence that strangers have whose print is found in part: other flavours.

    A catalog may hold no two of one brand, however large it is, so that little or nothing of the
    kind was tried: then it is raised.
    """
    if accept >= NEVER:
        return NEVER
    doubt = max(doubt, _doubt(int(np.count_nonzero(second.strangers))))
    bound = max(accept, upper_bound(second.strangers))
    return min(SAME_PICTURE, bound + doubt * (1 - bound))


def upper_bound(values: Floats) -> float:
    """A value that the next sample exceeds with a chance of at most RISK (split conformal).

    Fewer than 99 samples cannot promise that: then it is the largest one plus half the spread of
    the top quarter. 0 when there are none.
    """
    if not len(values):
        return 0.0
    ordered = np.sort(values)
    rank = math.ceil((len(values) + 1) * (1 - RISK))
    if rank <= len(values):
        return float(ordered[rank - 1])
    tail = ordered[-max(2, len(values) // 4) :]
    return float(ordered[-1] + np.std(tail) / 2)


def _quantile(values: Floats, share: float) -> float:
    return float(np.quantile(values, share)) if len(values) else 0.0


def _doubt(skus: int) -> float:
    """How far few SKUs leave strangers unmeasured: 1 for one SKU, 0.3 for ten, 0 from a hundred.

    The next stranger beats the best of K others with a chance of about 1/K, where RISK was asked.
    """
    return math.sqrt(max(0.0, 1 / max(skus, 1) - RISK) / (1 - RISK))


def _method(samples: Samples, doubt: float, harmful: int) -> str:
    parts = [
        f"leave-one-out with {len(samples.own)} simulated camera views of the catalog's own "
        f"pictures: accept is their best similarity without their SKU (risk {RISK:g}); choose lies "
        f"above {STRANGERS_BELOW_CHOOSE:.0%} of these; margin bounds {harmful} harmful wrong leads "
        f"without their picture, and is at least the {samples.noise:.3f} that another view of a "
        "picture moves a lead"
    ]
    if samples.second:
        parts.append(
            f"by_print lies above the evidence of {np.count_nonzero(samples.second.strangers)} of "
            f"{len(samples.second.strangers)} strangers whose print was found in part"
        )
    if doubt > 0:
        count = "1 SKU tells" if samples.skus == 1 else f"{samples.skus} SKUs tell"
        parts.append(
            f"{count} little about strangers: raised by {doubt:.0%} of the way to the similarity "
            "of an item's own views"
        )
    if samples.skus < FEWEST_SKUS:
        parts.append(f"fewer than {FEWEST_SKUS} SKUs: nothing is accepted without a tap")
    if samples.contested:
        rule = "asked about unless the second look tells them apart"
        rule = rule if samples.second else "always asked about"
        parts.append(f"{len(samples.contested)} SKUs have look-alikes and are {rule}")
    if samples.twins:
        parts.append(
            f"{samples.twins} pictures stand under two SKUs, which are not held against each other"
        )
    return "; ".join(parts)
