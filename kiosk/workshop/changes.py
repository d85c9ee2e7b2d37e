# SPDX-License-Identifier: Apache-2.0
"""What can be changed in a workshop, and what became of it: values only, no IO.

Identity is (SKU, picture name): the same pair again overwrites, taking away what is not there
succeeds, and the same change applied twice changes nothing the second time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from kiosk.values import Box, Record

INTS = ("int_attr", "int_attr2", "int_attr3", "int_attr4")
STRINGS = ("str_attr", "str_attr2", "str_attr3", "str_attr4")
"""What filters call the numbers and texts of a picture, in the order of `Picture.ints` and
`Picture.strings`."""
NO_INTS: tuple[int | None, ...] = (None,) * len(INTS)
NO_STRINGS: tuple[str | None, ...] = (None,) * len(STRINGS)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a SKU. Its bytes lie in the workshop's pictures, by sha256."""

    sku: str
    name: str
    """As its owner calls it, such as `front.jpg`; unique within its SKU."""
    sha256: str
    region: Box | None = None
    """Where the item is, in pixels of the upright picture; None: it is looked for."""
    custom: str = ""
    """What the owner wants handed back with it; nothing reads it."""
    ints: tuple[int | None, ...] = NO_INTS
    """Four; see INTS."""
    strings: tuple[str | None, ...] = NO_STRINGS
    """Four; see STRINGS."""


@dataclass(frozen=True, slots=True)
class Sku:
    """What the workshop knows of a SKU beside its pictures."""

    record: Record
    flip: bool | None = None
    """Whether mirrored references are allowed; None: as the build says."""


@dataclass(frozen=True, slots=True)
class PutSku:
    """Add a SKU, or change what is given of its record; None leaves that as it is."""

    sku: str
    name: str | None = None
    """A new SKU without a name is called by its id."""
    category: str | None = None
    barcodes: tuple[str, ...] | None = None
    attributes: tuple[tuple[str, str], ...] = ()
    """These are set, the others stay; an empty text takes one away."""
    flip: bool | None = None
    if_new: bool = False
    """Leave a SKU that is there already as it is."""


@dataclass(frozen=True, slots=True)
class PutPicture:
    """Add a picture or overwrite the one of that name, whole; adds the SKU when it is missing."""

    picture: Picture


@dataclass(frozen=True, slots=True)
class RemovePicture:
    """Take a picture away; its SKU stays, even without any."""

    sku: str
    name: str


@dataclass(frozen=True, slots=True)
class RemoveSku:
    """Take a SKU away with all its pictures."""

    sku: str


@dataclass(frozen=True, slots=True)
class PutCategory:
    """Make a category known: `number` is what increment.meta calls it (CategoryId)."""

    name: str
    number: int | None = None


Change = PutSku | PutPicture | RemovePicture | RemoveSku | PutCategory


class Result(Enum):
    """What became of one change."""

    ADDED = "added"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    ABSENT = "absent"
    """There was nothing to take away: that is no failure."""


@dataclass(frozen=True, slots=True)
class Gone:
    """A picture that was taken away; `name` empty: the SKU itself was."""

    sku: str
    name: str
