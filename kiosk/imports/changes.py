# SPDX-License-Identifier: Apache-2.0
"""What a line of an import asks for, whatever form it came in. Values only, nothing is done here.

Rule: a line is one unit. It is applied with all its changes, or it failed with one stable code.
"""

from __future__ import annotations

from dataclasses import dataclass

SLOTS = 4
"""Integer attributes that a picture may have, and as many string attributes."""
NO_INTS: tuple[int | None, ...] = (None,) * SLOTS
NO_STRINGS: tuple[str | None, ...] = (None,) * SLOTS


@dataclass(frozen=True, slots=True)
class Region:
    """The part of a picture that shows the item, in pixels of the upright picture, origin top left;
    `relative`: in fractions of its width and height instead.
    """

    x1: float
    y1: float
    x2: float
    y2: float
    relative: bool = False


@dataclass(frozen=True, slots=True)
class About:
    """What a line says of a SKU; None or empty: it is silent, and what was known stays."""

    name: str | None = None
    category: str | None = None
    """Its name, or its number in digits."""
    barcodes: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    flip: bool | None = None
    """Whether mirrored references are allowed."""
    if_new: bool = False
    """Only when the SKU was not known before."""


NOTHING = About()


@dataclass(frozen=True, slots=True)
class Put:
    """This picture belongs to this SKU; the same SKU and picture name again overwrite."""

    sku: str
    picture: str
    """Its name: with the SKU, what it is known by."""
    file: str
    """Where its bytes lie: relative to the root of the import, with `/`, or an absolute path when
    the owner has said so (`--map`)."""
    region: Region | None = None
    """None: the item is found in the picture."""
    about: About = NOTHING
    custom: str = ""
    """A text of the owner's, kept and given back."""
    ints: tuple[int | None, ...] = NO_INTS
    """int_attr, int_attr2, int_attr3, int_attr4; None: not given."""
    strings: tuple[str | None, ...] = NO_STRINGS
    """str_attr to str_attr4."""


@dataclass(frozen=True, slots=True)
class Remove:
    """Forget a picture, or a SKU with all its pictures; no mistake when there is none."""

    sku: str
    picture: str | None = None


@dataclass(frozen=True, slots=True)
class Describe:
    """What is to be known of a SKU, whatever pictures it has."""

    sku: str
    about: About


Change = Put | Remove | Describe


@dataclass(frozen=True, slots=True)
class Remark:
    """Why a line failed, or what to know about one that did not. `code` is stable."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line: what it asks for, or why it cannot be used (then it has no changes)."""

    source: str
    """File it stands in, such as `increment.meta`; for folders the picture."""
    number: int
    """Counted from 1; for folders the picture's place."""
    changes: tuple[Change, ...] = ()
    failure: Remark | None = None
    remarks: tuple[Remark, ...] = ()
