# SPDX-License-Identifier: Apache-2.0
"""Labels as product-search lists write them: `key=value,key=value`. Pure.

A backslash keeps what follows: `\\,` `\\=` `\\\\`, and `\\n` is a line end; before anything else it
is itself. A key that stands twice keeps all its values, joined by `;`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from kiosk.errors import ImportRefused
from kiosk.imports.texts import shown, value

_PART = re.compile(r"((?:\\.|[^,\\]|\\$)*)(?:,|$)", re.DOTALL)
_KEY = re.compile(r"((?:\\.|[^=\\]|\\$)*)=(.*)", re.DOTALL)
_ESCAPE = re.compile(r"\\([,=\\n])")
_WRITTEN = {"\\": "\\\\", ",": "\\,", "=": "\\=", "\n": "\\n"}


def read_labels(text: str) -> tuple[tuple[str, str], ...]:
    """Keys and values in their order; those without a value are left out. Raises ImportRefused."""
    found: dict[str, list[str]] = {}
    for part in _parts(text):
        pair = _KEY.fullmatch(part)
        key = value(_plain(pair[1])) if pair else ""
        if pair is None or not key:
            raise ImportRefused("BadField", f"the label {shown(part)} is not key=value")
        values = found.setdefault(key, [])
        given = value(_plain(pair[2]))
        if given and given not in values:
            values.append(given)
    return tuple((key, ";".join(values)) for key, values in found.items() if values)


def write_labels(labels: Iterable[tuple[str, str]]) -> str:
    """What `read_labels` reads back to the same."""
    return ",".join(f"{_escaped(key)}={_escaped(given)}" for key, given in labels)


def _parts(text: str) -> Iterable[str]:
    at = 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:  # cannot be: the expression takes any text
            return
        if part[1].strip():
            yield part[1]
        at = part.end()


def _plain(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda found: "\n" if found[1] == "n" else found[1], text)


def _escaped(text: str) -> str:
    return "".join(_WRITTEN.get(character, character) for character in text)
