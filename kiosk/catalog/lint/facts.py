# SPDX-License-Identifier: Apache-2.0
"""Faults in what a catalog says of its SKUs: names, categories, barcodes; no pictures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from kiosk.catalog.lint.findings import Code, Finding, Severity
from kiosk.values import Record

_GTIN = (8, 12, 13, 14)
"""Digits of EAN-8, UPC-A, EAN-13 and ITF-14: codes whose last digit checks the others."""


def facts(records: Sequence[Record]) -> Iterator[Finding]:
    """All faults in these records."""
    yield from _shared_barcodes(records)
    yield from _bad_barcodes(records)
    yield from _without_name(records)
    yield from _lone_categories(records)


def canonical(barcode: str) -> str:
    """One form for a code that is written in several: a UPC-A is an EAN-13 that begins with 0."""
    return barcode.zfill(14) if barcode.isascii() and barcode.isdigit() else barcode


def check_digit(barcode: str) -> str | None:
    """What the last digit of a GTIN should be; None when `barcode` is none by its length."""
    if not (barcode.isascii() and barcode.isdigit() and len(barcode) in _GTIN):
        return None
    digits = [int(digit) for digit in reversed(barcode[:-1])]
    return str(-sum(3 * digit if at % 2 == 0 else digit for at, digit in enumerate(digits)) % 10)


def _shared_barcodes(records: Iterable[Record]) -> Iterator[Finding]:
    holders: dict[str, dict[str, str]] = defaultdict(dict)
    for record in records:
        for barcode in record.barcodes:
            holders[canonical(barcode)][record.sku] = barcode
    for held in holders.values():
        if len(held) > 1:
            written = next(iter(held.values()))
            yield Finding(
                Code.SHARED_BARCODE,
                Severity.ERROR,
                f"{len(held)} SKUs have the barcode {written}.",
                "Give each SKU its own code; a scan of this one cannot say which SKU it is.",
                skus=tuple(held),
                barcode=written,
            )


def _bad_barcodes(records: Iterable[Record]) -> Iterator[Finding]:
    for record in records:
        for barcode in record.barcodes:
            right = check_digit(barcode)
            if right is not None and right != barcode[-1]:
                yield Finding(
                    Code.BAD_BARCODE,
                    Severity.WARNING,
                    f"The barcode {barcode} cannot be right: with these digits it ends in {right}.",
                    "Copy it from the package again. If it is a number of your own, nothing is "
                    "wrong, but no scanner takes it for a retail code.",
                    skus=(record.sku,),
                    barcode=barcode,
                )


def _without_name(records: Sequence[Record]) -> Iterator[Finding]:
    nameless = [record.sku for record in records if record.name.strip() in ("", record.sku)]
    if not nameless:
        return
    yield Finding(
        Code.NO_NAME,
        Severity.NOTE,
        f"{_counted(nameless)} no name, so people read the SKU's id instead.",
        "Add a skus.csv with the columns sku,name beside the pictures and build again.",
        skus=tuple(nameless),
    )


def _lone_categories(records: Sequence[Record]) -> Iterator[Finding]:
    members: dict[str, list[str]] = defaultdict(list)
    for record in records:
        if record.category:
            members[record.category].append(record.sku)
    alone = {name: skus[0] for name, skus in members.items() if len(skus) == 1}
    if alone:
        listed = ", ".join(sorted(alone))
        yield Finding(
            Code.LONE_CATEGORY,
            Severity.NOTE,
            f"Categories with only one SKU: {listed}.",
            "If that is a spelling of another category, write both alike: the kiosk can name the "
            "category of an item where it cannot name the SKU.",
            skus=tuple(sorted(alone.values())),
        )


def _counted(skus: Sequence[str]) -> str:
    return "1 SKU has" if len(skus) == 1 else f"{len(skus)} SKUs have"
