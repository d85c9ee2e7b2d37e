# SPDX-License-Identifier: Apache-2.0
"""What a technician types about an item, held against the catalog before any view is taken."""

from __future__ import annotations

from kiosk.additions.shelf import has
from kiosk.catalog.snapshot import Snapshot
from kiosk.catalog.tables import is_plain, sku_id
from kiosk.errors import AdditionError
from kiosk.values import Box, Code, Record

MOST_TEXT = 120
"""Characters of one field."""


def no_catalog() -> AdditionError:
    return AdditionError("no_catalog", "There is no catalog to try it against.")


def checked(record: Record, snapshot: Snapshot) -> Record:
    """The record as it may be kept. Raises AdditionError: what to change."""
    codes = tuple(code.strip() for code in record.barcodes if code.strip())
    filed = snapshot.coded([Code(code, "", Box(0, 0, 0, 0)) for code in codes])
    try:
        sku = sku_id(record.sku or (codes[0] if codes else ""))
    except ValueError as error:
        raise AdditionError("bad_sku", f"Give a SKU or a barcode: {error}.") from error
    if filed and sku not in filed:
        name = snapshot.record(filed[0]).name or filed[0]
        raise AdditionError(
            "filed", f"That barcode belongs to {name}: give its SKU {filed[0]} to add views of it."
        )
    texts = (record.name.strip(), record.category.strip(), *codes)
    if not all(is_plain(text) and len(text) <= MOST_TEXT for text in texts):
        raise AdditionError(
            "bad_text", f"Use plain characters, and at most {MOST_TEXT} of them in one field."
        )
    if not texts[0] and not has(snapshot, sku):
        raise AdditionError("no_name", "Give it a name.")
    return Record(sku, texts[0], texts[1], codes)
