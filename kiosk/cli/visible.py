# SPDX-License-Identifier: Apache-2.0
"""What may go to a terminal: names out of files and catalogs are nobody's we trust."""

from __future__ import annotations


def visible(text: str) -> str:
    """`text` in one line that cannot steer the terminal; what is not printable becomes "\ufffd"."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def row(*cells: object) -> str:
    """Cells in one line, for people and for `cut`; empty ones at the end are left out."""
    return "\t".join(visible(str(cell)) for cell in cells).rstrip("\t")
