# SPDX-License-Identifier: Apache-2.0
"""What became of each line of an import, in words and as JSON. Codes are stable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kiosk.imports.changes import Describe, Line, Put, Remark
from kiosk.imports.codes import hint
from kiosk.workshop.changes import PutPicture, RemovePicture, RemoveSku, Result
from kiosk.workshop.judging import Judged

USABLE = "usable"
"""Nothing was to be applied, and the line could have been."""
EARLIER = "done earlier"
"""By a run that was interrupted before it could say more."""
DESCRIBED = "described"


@dataclass(frozen=True, slots=True)
class LineReport:
    """What became of one line."""

    position: int
    """Its place among all lines of the import, from 1."""
    source: str
    number: int
    """Line of that file."""
    sku: str
    pictures: tuple[str, ...]
    """Those it names; empty for a line about a SKU."""
    results: tuple[str, ...] = ()
    """For each picture, or for the SKU: a `Result` in words, DESCRIBED, USABLE or EARLIER; empty
    when the line failed."""
    code: str = ""
    """Why it failed; empty: it did not."""
    reason: str = ""
    remarks: tuple[Remark, ...] = ()
    earlier: bool = False
    """Settled by a run that was interrupted afterwards."""

    @property
    def hint(self) -> str:
        """What to do about it."""
        return hint(self.code)

    def as_json(self) -> dict[str, Any]:
        """One object; what is empty is left out."""
        body: dict[str, Any] = {
            "n": self.position,
            "source": self.source,
            "line": self.number,
            "sku": self.sku,
            "pictures": list(self.pictures),
            "result": ", ".join(dict.fromkeys(self.results)) or "failed",
            "code": self.code,
            "reason": self.reason,
            "hint": self.hint,
            "remarks": [
                {"code": each.code, "reason": each.reason, "hint": hint(each.code)}
                for each in self.remarks
            ],
        }
        return {name: value for name, value in body.items() if value not in ("", [])}


def pairs(line: Line) -> list[tuple[str, str]]:
    """SKU and name of each picture that a line adds."""
    return [(each.sku, each.picture) for each in line.changes if isinstance(each, Put)]


def of_failed(position: int, line: Line, failure: Remark, *, earlier: bool = False) -> LineReport:
    sku, pictures = _named(line)
    why = (failure.code, failure.reason)
    return LineReport(position, line.source, line.number, sku, pictures, (), *why, earlier=earlier)


def of_usable(position: int, line: Line) -> LineReport:
    sku, pictures = _named(line)
    return LineReport(
        position, line.source, line.number, sku, pictures, (USABLE,), remarks=line.remarks
    )


def of_earlier(position: int, line: Line) -> LineReport:
    sku, pictures = _named(line)
    return LineReport(position, line.source, line.number, sku, pictures, (EARLIER,), earlier=True)


def of_applied(
    judged: Judged, results: Sequence[Result], remarks: tuple[Remark, ...]
) -> LineReport:
    """`results`: one for each change of the line."""
    line = judged.line
    sku, pictures = _named(line)
    told = tuple(
        result.value
        for change, result in zip(judged.changes, results, strict=True)
        if isinstance(change, PutPicture | RemovePicture | RemoveSku)
    )
    return LineReport(
        judged.position,
        line.source,
        line.number,
        sku,
        pictures,
        told or (DESCRIBED,),
        remarks=line.remarks + remarks,
    )


def _named(line: Line) -> tuple[str, tuple[str, ...]]:
    sku, pictures = "", []
    for change in line.changes:
        sku = change.sku
        if not isinstance(change, Describe) and change.picture is not None:
            pictures.append(change.picture)
    return sku, tuple(pictures)
