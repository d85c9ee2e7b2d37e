# SPDX-License-Identifier: Apache-2.0
"""The whole command line: every verb with its arguments."""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn

from kiosk import __version__
from kiosk.cli import (
    additions,
    bench,
    catalog,
    check,
    config,
    explain,
    journal,
    keys,
    orders,
    receive,
    recognise,
    refusals,
    replay,
    run,
    sync,
    upload,
)

VERBS = (
    *(run, check, recognise, catalog, keys, journal, explain, replay, orders, refusals, additions),
    *(sync, upload, receive, config, bench),
)


class Parser(argparse.ArgumentParser):
    """argparse with the exit code of `sysexits.h` for a wrong call."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(os.EX_USAGE, f"{self.prog}: {message}\n")


def parser() -> argparse.ArgumentParser:
    """The parser of `kiosk`; sub-parsers are of the same class."""
    top = Parser(
        prog="kiosk",
        description="Look at an item through a camera and say which SKU it is, offline.",
        epilog="Every command has its own --help.",
    )
    top.add_argument("--version", action="version", version=f"kiosk {__version__}")
    verbs = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for verb in VERBS:
        verb.register(verbs)
    return top
