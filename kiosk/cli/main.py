# SPDX-License-Identifier: Apache-2.0
"""Dispatch to the verbs. The one place where errors become messages and exit codes."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

from kiosk.cli.visible import visible
from kiosk.errors import KioskError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    _say_everything()
    try:
        # Loading the parts takes a moment; Ctrl-C in that moment is no traceback either.
        from kiosk.cli.verbs import parser

        arguments = parser().parse_args(argv)
        code = int(arguments.run(arguments))
        if sys.stdout is not None:  # closed by the caller: what is printed goes nowhere
            sys.stdout.flush()
        return code
    except KioskError as error:
        said = "\n".join(map(visible, str(error).split("\n")))
        print(f"kiosk: {said}", file=sys.stderr)
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


def _say_everything() -> None:
    """A name that the terminal's encoding does not have must not end a command: it is escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
