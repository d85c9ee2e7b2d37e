# SPDX-License-Identifier: Apache-2.0
"""Everything a lint looks for, in one pass over a release."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kiosk.catalog.lint import alike
from kiosk.catalog.lint.content import Content, opened
from kiosk.catalog.lint.facts import facts
from kiosk.catalog.lint.filed import outliers, same_pictures
from kiosk.catalog.lint.findings import Code, Finding, Print, Report, Severity, in_order
from kiosk.catalog.lint.nearest import Tell, nearness
from kiosk.catalog.lint.quality import quality

ENOUGH_PICTURES, ENOUGH_ALIKE = 3, 5
"""Pictures that a SKU should have, and one that has look-alikes."""


def lint(path: Path, tell: Tell = lambda what, done, total: None) -> Report:
    """Look at the release folder `path`; `tell` hears how far it is.

    Needs no model and changes nothing. Memory stays bounded; time is that of one exact search for
    every picture. Raises CatalogError when the release is missing or damaged, ImageError for a
    thumbnail that is none.
    """
    with opened(path) as content:
        found = in_order(list(_findings(content, tell)))
        records = {record.sku: record for record in content.records}
        manifest, thresholds = content.manifest, content.thresholds
        return Report(
            release=manifest.release,
            built_at=manifest.built_at,
            skus=len(content.records),
            pictures=len(content.pictures),
            margin=thresholds.margin,
            apart=thresholds.apart,
            findings=found,
            records={sku: records[sku] for finding in found for sku in finding.skus},
        )


def _findings(content: Content, tell: Tell) -> Iterator[Finding]:
    yield from _uncalibrated(content)
    yield from facts(content.records)
    yield from quality(content, tell)
    near = nearness(content, tell)
    accused: set[int] = set()
    for finding in same_pictures(content, near):
        accused |= {picture.number for picture in finding.pictures}
        yield finding
    for finding in outliers(content, near):
        if finding.pictures[0].number not in accused:
            accused.add(finding.pictures[0].number)
            yield finding
    groups = alike.groups(content, near)
    for number, group in enumerate(groups):
        tell("Comparing look-alikes", number, len(groups))
        yield _look_alikes(content, group, accused)
    yield from (_close(content, group) for group in alike.close(content, near, groups))
    yield from _few_pictures(content, {sku for group in groups for sku in group})


def _uncalibrated(content: Content) -> Iterator[Finding]:
    if not content.thresholds.samples:
        yield Finding(
            Code.UNCALIBRATED,
            Severity.ERROR,
            f"Nothing is accepted with this release: {content.thresholds.method}.",
            "Run `kiosk catalog calibrate` on it, or build it again.",
        )


def _look_alikes(content: Content, group: tuple[int, ...], accused: set[int]) -> Finding:
    pairs = alike.pairs(content, group)
    apart = all(pair.print is Print.APART for pair in pairs)
    records = [content.records[sku] for sku in group]
    coded = all(record.barcodes for record in records)
    steps = []
    if accused & {picture.number for pair in pairs for picture in (pair.left, pair.right)}:
        steps.append("First see to the pictures that may be filed wrongly: it may be due to them.")
    if apart:
        steps.append("Their prints differ: the kiosk decides when it sees the print well.")
    if coded:
        steps.append("Their barcodes tell them apart: let the kiosk read barcodes.")
    else:
        steps.append("Add their barcodes to skus.csv, so that a scan can decide.")
    if not apart:
        steps.append("Or add pictures of a side where they differ. Else a tap decides each time.")
    return Finding(
        Code.LOOK_ALIKES,
        Severity.NOTE if apart else Severity.WARNING,
        f"{len(group)} SKUs look so alike that similarity alone does not decide between them.",
        " ".join(steps),
        skus=tuple(record.sku for record in records),
        pictures=tuple(content.shown(content.pictures_of(sku).start) for sku in group),
        pairs=pairs,
    )


def _close(content: Content, group: tuple[int, ...]) -> Finding:
    pairs = [pair for pair in alike.pairs(content, group) if pair.lead < alike.COMES_CLOSE]
    return Finding(
        Code.CLOSE,
        Severity.NOTE,
        f"{len(group)} SKUs come so close that the kiosk may ask which one it is.",
        "More pictures of each, from the sides that people show, make that rarer.",
        skus=tuple(content.records[sku].sku for sku in group),
        pictures=tuple(content.shown(content.pictures_of(sku).start) for sku in group),
        pairs=tuple(pairs),
    )


def _few_pictures(content: Content, look_alikes: set[int]) -> Iterator[Finding]:
    counts = np.diff(content.first_picture)
    one = [sku for sku, count in enumerate(counts) if count == 1]
    more = [
        sku
        for sku, count in enumerate(counts)
        if 1 < count < (ENOUGH_ALIKE if sku in look_alikes else ENOUGH_PICTURES)
    ]
    for skus, severity, what in (
        (one, Severity.WARNING, "only 1 picture"),
        (more, Severity.NOTE, "few pictures"),
    ):
        if skus:
            have = "SKU has" if len(skus) == 1 else "SKUs have"
            yield Finding(
                Code.FEW_PICTURES,
                severity,
                f"{len(skus)} {have} {what}.",
                f"Take {ENOUGH_PICTURES} or more of each, {ENOUGH_ALIKE} where it has look-alikes: "
                "best with the kiosk's own camera, from the sides that people will show.",
                skus=tuple(content.records[sku].sku for sku in skus),
            )
