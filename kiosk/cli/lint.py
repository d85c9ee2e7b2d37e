# SPDX-License-Identifier: Apache-2.0
"""`kiosk catalog lint`: what is wrong with a release, before it goes live."""

from __future__ import annotations

import argparse
import json
import os
from contextlib import closing
from pathlib import Path

from kiosk.catalog.lint import Report, Severity, as_json, lines, lint, to_html
from kiosk.cli.options import Verbs
from kiosk.cli.progress import Progress
from kiosk.cli.visible import visible
from kiosk.errors import UsageError
from kiosk.workshop.folder import is_workshop, workshop

NEVER = "never"


def register(actions: Verbs) -> None:
    """Add it to the actions of `kiosk catalog`."""
    parser = actions.add_parser(
        "lint",
        help="look for what is wrong in a release, or in the newest one of a workshop",
        description="Look-alikes, pictures filed under the wrong SKU or under two, blurred and "
        "tiny ones, SKUs with too few, barcodes that cannot be right. Needs no models and changes "
        "nothing. Exit code 69 when there is a finding of the --fail-on severity or worse.",
    )
    parser.add_argument("release", type=Path, metavar="DIR", help="a release, or a workshop")
    parser.add_argument("--html", type=Path, metavar="FILE", help="a page with all the pictures")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument(
        "--fail-on",
        choices=[*(severity.value for severity in Severity), NEVER],
        default=Severity.ERROR.value,
        help="least severity that fails (default: error)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """The report on stdout, how far it is on stderr."""
    page: Path | None = arguments.html
    release = release_of(arguments.release)
    if page is not None and page.resolve().is_relative_to(release.resolve()):
        raise UsageError(f"{page}: lies in the release, where nothing may be added; choose another")
    with closing(Progress()) as progress:
        report = lint(release, progress)
    if page is not None:
        page.write_text(to_html(report, release), encoding="utf-8")
    if arguments.json:
        print(json.dumps(as_json(report), ensure_ascii=False, indent=1))
    else:
        print("\n".join(visible(line) for line in lines(report)))
    return _exit_code(report, arguments.fail_on)


def release_of(folder: Path) -> Path:
    """The folder itself, or the newest release of the workshop that it is."""
    if not is_workshop(folder):
        return folder
    with workshop(folder) as opened:
        return opened.last_release()


def _exit_code(report: Report, fail_on: str) -> int:
    failed = fail_on != NEVER and report.reaches(Severity(fail_on))
    return os.EX_UNAVAILABLE if failed else os.EX_OK
