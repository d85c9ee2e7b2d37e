# SPDX-License-Identifier: Apache-2.0
"""Imports that are killed by SIGKILL before a chosen line of our own code; run as a program.

    python import_crash.py SOURCE FOLDER LINES_AT_ONCE one KILL_BEFORE…    one import, killed often
    python import_crash.py SOURCE FOLDER LINES_AT_ONCE each KILL_BEFORE…   an import for each kill

Each kill is a process of its own (a fork), and afterwards the import is run to its end. What is
printed is whether it was killed in time, and how many lines of code the last run had.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import Any

from killed_process import codes

from kiosk.imports.forms import find
from kiosk.workshop.folder import init, is_workshop, workshop
from kiosk.workshop.importing import Importer
from kiosk.workshop.report_file import ReportFile

_OURS = (f"{os.sep}kiosk{os.sep}workshop{os.sep}", f"{os.sep}kiosk{os.sep}imports{os.sep}")


def run(source: Path, folder: Path, at_once: int) -> None:
    """The import into `w`, with its report beside, as the command does it."""
    folder.mkdir(exist_ok=True)
    if not is_workshop(folder / "w"):
        init(folder / "w")
    with workshop(folder / "w") as shop, closing(ReportFile(folder / "report.jsonl")) as told:
        importer = Importer(shop.repository, shop.pictures, lines_at_once=at_once)
        importer.run(find(source), "crash", told.take, lambda done: told.flush())


class Counting:
    """Counts lines of our code as they run, and kills this process before one of them."""

    def __init__(self, kill_before: int) -> None:
        self.count = 0
        self._kill_before = kill_before

    def call(self, frame: FrameType, event: str, argument: object) -> Any:
        ours = any(part in frame.f_code.co_filename for part in _OURS)
        return self._line if ours else None

    def _line(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "line":
            self.count += 1
            if self.count == self._kill_before:
                os.kill(os.getpid(), signal.SIGKILL)
        return self._line


def killed(source: Path, folder: Path, at_once: int, kill: int) -> bool:
    def work() -> None:
        sys.settrace(Counting(kill).call)
        run(source, folder, at_once)

    (code,) = codes(work)
    assert code in (0, -signal.SIGKILL), code
    return code != 0


def whole(source: Path, folder: Path, at_once: int) -> int:
    """Run to the end; how many lines of code that took."""
    counting = Counting(-1)
    sys.settrace(counting.call)
    run(source, folder, at_once)
    sys.settrace(None)
    return counting.count


def main() -> None:
    source, folder, at_once = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    kills = [int(text) for text in sys.argv[5:]]
    count = 0
    for kill in kills:
        place = folder / str(kill) if sys.argv[4] == "each" else folder
        print(f"{kill}: {'killed' if killed(source, place, at_once, kill) else 'ended'}")
        if sys.argv[4] == "each":
            count = whole(source, place, at_once)
    print(count or whole(source, folder, at_once))


if __name__ == "__main__":
    main()
