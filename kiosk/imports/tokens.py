# SPDX-License-Identifier: Apache-2.0
"""Filter text into words, numbers, texts and signs, each with its position. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kiosk.errors import FilterError

_PARTS = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<number>-?[0-9]{1,18}(?![\w.]))
  | (?P<name>[^\W\d][\w.-]*)
  | `(?P<quoted>[^`]+)`
  | "(?P<double>(?:[^"\\]|\\["'\\])*)"
  | '(?P<single>(?:[^'\\]|\\["'\\])*)'
  | (?P<sign><=|>=|!=|<>|==|[<>=(),])
    """,
    re.VERBOSE,
)
_ESCAPED = re.compile(r"\\(.)")
_SAME_SIGNS = {"==": "=", "<>": "!="}


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    """name, quoted, number, text, sign or end."""
    text: str
    position: int
    """Character of the filter, counted from 0."""

    @property
    def shown(self) -> str:
        """What a message calls it."""
        return repr(self.text) if self.kind != "end" else "the end"

    def is_word(self, *words: str) -> bool:
        """One of these words of the language, in any case."""
        return self.kind == "name" and self.text.lower() in words


def tokens(text: str) -> list[Token]:
    """All tokens, an `end` last. Raises FilterError at a character that starts none."""
    found: list[Token] = []
    at = 0
    while at < len(text):
        part = _PARTS.match(text, at)
        if part is None or part.lastgroup is None:
            closing = "the text to be closed" if text[at] in "\"'`" else "a field, sign or value"
            raise FilterError(text, at, closing, repr(text[at]))
        kind, body = part.lastgroup, part[part.lastgroup]
        if kind in ("double", "single"):
            found.append(Token("text", _ESCAPED.sub(r"\1", body), at))
        elif kind != "space":
            found.append(Token(kind, _SAME_SIGNS.get(body, body), at))
        at = part.end()
    found.append(Token("end", "", len(text)))
    return found
