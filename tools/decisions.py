# SPDX-License-Identifier: Apache-2.0
"""Measure how honest the kiosk's decisions are: accepted, choose or unknown, against what its
releases state.

    python -m tools.decisions MANIFEST... [--strangers MANIFEST] [--halves 10] [--risk R]...
                              [--enrol N [--photos-only]] [--scenarios] [--out DIR] [--json]

A manifest is a CSV file as `tools.evaluate` takes it. Random halves of its SKUs become real
releases, calibrated for each asked wrong-accept rate R (default 0.001, 0.01 and 0.05); every photo
is then held against every one of them, as an item in the catalog or as one that is not. Photos of
--strangers are in no catalog at all; those that the shipped strangers were made of are not asked.
--scenarios adds a table of badly seen photos. What was seen, compared and built is kept in the
folder --work, so that a run that was stopped goes on, and the same run again takes seconds.

Exit codes: 0 all done; 64 wrong options; 65 a manifest cannot be used, or some pictures could not
be (the numbers without them are printed); 69 more wrong accepts than a release states; 73 a folder
cannot be written; 130 stopped with Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

# The matrices are small: threads would wait for each other longer than they compute.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from kiosk.cli.progress import Progress
from kiosk.durable import write_durably
from kiosk.errors import StateError
from tools.evaluation.command import Options, add_choice, choice_of, ended, printed
from tools.evaluation.honest import RISKS, Findings, Request, investigate
from tools.evaluation.honest_json import as_json
from tools.evaluation.honest_text import as_text

JSON, TEXT = "decisions.json", "decisions.txt"


def parser() -> Options:
    """The options."""
    about = " ".join((__doc__ or "").split("\n\n")[0].split())
    options = Options("decisions", about)
    add_choice(options, seeds="the halves, the intervals and --scenarios")
    add = options.add_argument
    add(
        "--strangers",
        type=Path,
        action="append",
        default=[],
        metavar="MANIFEST",
        help="photos of other things: its rows of role `unknown` or `photo`",
    )
    add("--halves", type=int, default=10, metavar="N", help="random halves of the SKUs (10)")
    add(
        "--risk",
        type=float,
        action="append",
        metavar="R",
        help=f"asked wrong-accept rate (default: {', '.join(f'{risk:g}' for risk in RISKS)})",
    )
    add("--scenarios", action="store_true", help="photos seen badly, in a catalog of all SKUs too")
    add(
        "--scenario-photos",
        type=int,
        default=300,
        metavar="N",
        help="at most so many for --scenarios (300)",
    )
    add("--work", type=Path, metavar="DIR", help="what is kept between runs (default: a cache)")
    add("--out", type=Path, metavar="DIR", help=f"write {JSON} and {TEXT} there")
    add("--json", action="store_true", help="print JSON")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    wanted = parser().parse_args(arguments)
    return ended(
        "decisions",
        lambda progress: _investigated(wanted, progress),
        stopped="stopped; start it again to go on",
    )


def _investigated(wanted: argparse.Namespace, progress: Progress) -> int:
    """Run, print, and only then write: what was computed is shown whatever the disk says."""
    work = wanted.work or Path.home() / ".cache" / "sku-kiosk" / "decisions"
    for folder in filter(None, (work, wanted.out)):
        _make(folder)
    found = investigate(_request(wanted, work), progress)
    progress.close()
    printed(as_json(found) if wanted.json else as_text(found))
    if wanted.out:
        _write(wanted.out / JSON, as_json(found))
        _write(wanted.out / TEXT, as_text(found))
    return _code(found)


def _code(found: Findings) -> int:
    if found.problems:
        return os.EX_DATAERR
    return os.EX_OK if found.kept else os.EX_UNAVAILABLE


def _request(wanted: argparse.Namespace, work: Path) -> Request:
    return Request(
        manifests=tuple(wanted.manifests),
        strangers=tuple(wanted.strangers),
        halves=wanted.halves,
        risks=tuple(sorted(set(wanted.risk or RISKS))),
        choice=choice_of(wanted),
        scenarios=wanted.scenarios,
        scenario_photos=wanted.scenario_photos,
        models=wanted.models,
        threads=wanted.threads,
        work=work,
    )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(
            f"{folder}: cannot be made ({error.strerror}); name another folder"
        ) from error


def _write(path: Path, text: str) -> None:
    try:
        write_durably(path, text.encode())
    except OSError as error:
        raise StateError(
            f"{path}: cannot be written ({error.strerror}); free space or name another folder"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
