# SPDX-License-Identifier: Apache-2.0
"""The report of an import: a file with one JSON object for each line, in order.

An import that goes on after an interruption goes on with its report too: what stands there of the
lines that were done is kept, as far as it is about them and whole.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import BinaryIO

from kiosk.errors import StateError
from kiosk.workshop.line_report import LineReport


class ReportFile:
    """Takes the reports of one import in order. Methods raise StateError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._keeping = True
        """What is told still stands in the file."""
        try:
            path.touch()
            self._file: BinaryIO = path.open("r+b")
        except OSError as error:
            raise self._refused(error) from error

    def take(self, report: LineReport) -> None:
        body = report.as_json()
        if self._keeping and not (report.earlier and self._kept(body)):
            self._keeping = False
            self._file.truncate()
        if not self._keeping:
            try:
                self._file.write(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"))
                self._file.write(b"\n")
            except OSError as error:
                raise self._refused(error) from error

    def flush(self) -> None:
        try:
            self._file.flush()
        except OSError as error:
            raise self._refused(error) from error

    def close(self) -> None:
        try:
            if self._keeping:
                self._file.truncate()
            self._file.close()
        except OSError as error:
            raise self._refused(error) from error

    def _kept(self, body: dict[str, object]) -> bool:
        """The next line of the file is about the same line of the import."""
        start = self._file.tell()
        raw = self._file.readline()
        try:
            there = json.loads(raw) if raw.endswith(b"\n") else {}
        except ValueError:
            there = {}
        same = isinstance(there, dict) and all(
            there.get(name) == body.get(name) for name in ("n", "source", "line")
        )
        if not same:
            self._file.seek(start)
        return same

    def _refused(self, error: OSError) -> StateError:
        return StateError(
            f"{self._path}: the report cannot be written ({error.strerror or error}); free space "
            "or name another --report. The same command goes on from here"
        )
