# SPDX-License-Identifier: Apache-2.0
"""Imports that are killed by SIGKILL before a chosen line of our own code; run as a program.

    python import_crash.py SOURCE WORKSHOP REPORT LINES_AT_ONCE statement KILL_BEFORE…
    python import_crash.py SOURCE WORKSHOP REPORT LINES_AT_ONCE count

Each kill is a process of its own (a fork); what is printed is how many lines of code ran at all.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import Any

from kiosk.imports.forms import find
from kiosk.workshop.folder import init, is_workshop, workshop
from kiosk.workshop.importing import Importer
from kiosk.workshop.report_file import ReportFile

_OURS = (f"{os.sep}kiosk{os.sep}workshop{os.sep}", f"{os.sep}kiosk{os.sep}imports{os.sep}")


def run(source: Path, folder: Path, report: Path, at_once: int) -> None:
    """The import, as the command does it."""
    with workshop(folder) as shop, closing(ReportFile(report)) as told:
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


def main() -> None:
    source, folder, report = (Path(name) for name in sys.argv[1:4])
    at_once, kills = int(sys.argv[4]), [int(text) for text in sys.argv[6:]]
    if not is_workshop(folder):
        init(folder)
    for kill in kills:
        child = os.fork()
        if child == 0:
            sys.settrace(Counting(kill).call)
            run(source, folder, report, at_once)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(f"{kill}: {'killed' if os.WIFSIGNALED(status) else 'ended'}", flush=True)
    counting = Counting(-1)
    sys.settrace(counting.call)
    run(source, folder, report, at_once)
    sys.settrace(None)
    print(counting.count)


if __name__ == "__main__":
    main()
