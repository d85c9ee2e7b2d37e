# SPDX-License-Identifier: Apache-2.0
"""What the commands over manifests of photos share: options, how they print, how they end.

Exit codes are those of `sysexits.h`: 64 for wrong options, else that of the error.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from kiosk.cli.progress import Progress
from kiosk.errors import KioskError
from tools.evaluation.plan import Choice

STOPPED = 130
"""128 + SIGINT, as shells have it."""


class Options(argparse.ArgumentParser):
    """Options of `python -m tools.NAME`; wrong ones leave with the exit code that says so."""

    def __init__(self, name: str, description: str) -> None:
        super().__init__(prog=f"python -m tools.{name}", description=description)
        self.name = name

    def error(self, message: str) -> NoReturn:
        """Print the usage and why, and leave."""
        self.print_usage(sys.stderr)
        self.exit(os.EX_USAGE, f"{self.name}: {message}\n")


def add_choice(options: Options, *, seeds: str) -> None:
    """What is enrolled and what is asked; `seeds` says what --seed is of."""
    add = options.add_argument
    add("manifests", type=Path, nargs="+", metavar="MANIFEST", help="path,sku,role,split,category")
    add("--models", default="", metavar="DIR", help="detector and embedder (default: the shipped)")
    add("--threads", type=int, default=1, help="of one model run")
    add("--split", default="test", help="split of the photos that are asked; `any` for all")
    add("--seed", type=int, default=0, help=f"of {seeds}")
    add(
        "--enrol",
        type=int,
        default=0,
        metavar="N",
        help="enrol N photos of other splits per SKU beside its references",
    )
    add("--photos-only", action="store_true", help="with --enrol: without the references")
    add("--step", type=int, default=1, metavar="K", help="ask only every K-th photo")


def choice_of(wanted: argparse.Namespace) -> Choice:
    """What `add_choice` asked for, with --leave-out where a command has it."""
    return Choice(
        split=wanted.split,
        enrol=wanted.enrol,
        photos_only=wanted.photos_only,
        leave_out=getattr(wanted, "leave_out", 0.0),
        step=wanted.step,
        seed=wanted.seed,
    )


def ended(name: str, work: Callable[[Progress], int], *, stopped: str) -> int:
    """Do the `work` and return its exit code, or that of its error, which is printed.

    `stopped`: what to say after Ctrl-C.
    """
    progress = Progress()
    try:
        return work(progress)
    except KioskError as error:
        progress.close()
        print(f"{name}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        progress.close()
        print(f"{name}: {stopped}", file=sys.stderr)
        return STOPPED


def printed(text: str) -> None:
    """Print `text`; a reader that has seen enough, such as `head`, is no reason to stop."""
    try:
        print(text, end="", flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
