# SPDX-License-Identifier: Apache-2.0
"""Dispatch to the verbs. The one place where errors become messages and exit codes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from kiosk import __version__
from kiosk.cli import bench, catalog, check, config, journal, recognise, run
from kiosk.cli.visible import visible
from kiosk.errors import KioskError

VERBS = (run, check, recognise, catalog, journal, config, bench)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="kiosk",
        description="Look at an item through a camera and say which SKU it is, offline.",
        epilog="Every command has its own --help.",
    )
    top.add_argument("--version", action="version", version=f"kiosk {__version__}")
    verbs = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for verb in VERBS:
        verb.register(verbs)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = parser().parse_args(argv)
    try:
        code = int(arguments.run(arguments))
        sys.stdout.flush()
        return code
    except KioskError as error:
        print(f"kiosk: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader, such as `head`, has seen enough; no complaint at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return os.EX_OK
    except OSError as error:  # a path or a disk that no part expected to refuse
        named = f"{visible(str(error.filename))}: " if error.filename else ""
        print(
            f"kiosk: {named}{error.strerror or error}; check path, permissions and disk",
            file=sys.stderr,
        )
        return os.EX_IOERR
    except KeyboardInterrupt:
        return 130  # 128 + SIGINT, as shells have it
