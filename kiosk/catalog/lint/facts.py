# SPDX-License-Identifier: Apache-2.0
"""Faults in what a catalog says of its SKUs: names, categories, barcodes; no pictures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from kiosk import barcode
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


def check_digit(code: str) -> str | None:
    """What the last digit of a GTIN should be; None when `code` is none by its length."""
    if not (code.isascii() and code.isdigit() and len(code) in _GTIN):
        return None
    digits = [int(digit) for digit in reversed(code[:-1])]
    return str(-sum(3 * digit if at % 2 == 0 else digit for at, digit in enumerate(digits)) % 10)


def _shared_barcodes(records: Sequence[Record]) -> Iterator[Finding]:
    for code, skus in barcode.filed(records).items():
        if len(skus) > 1:
            yield Finding(
                Code.SHARED_BARCODE,
                Severity.ERROR,
                f"{len(skus)} SKUs have the barcode {code}.",
                "Give each SKU its own code; a scan of this one cannot say which SKU it is.",
                skus=skus,
                barcode=code,
            )


def _bad_barcodes(records: Sequence[Record]) -> Iterator[Finding]:
    for record in records:
        for code in record.barcodes:
            right = check_digit(code)
            if right is not None and right != code[-1]:
                yield Finding(
                    Code.BAD_BARCODE,
                    Severity.WARNING,
                    f"The barcode {code} cannot be right: with these digits it ends in {right}.",
                    "Copy it from the package again. If it is a number of your own, nothing is "
                    "wrong, but no scanner takes it for a retail code.",
                    skus=(record.sku,),
                    barcode=code,
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
