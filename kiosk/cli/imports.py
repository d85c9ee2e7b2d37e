# SPDX-License-Identifier: Apache-2.0
"""`kiosk catalog import` and `kiosk catalog dump`: whole catalogs into a workshop and out of it."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack, closing
from pathlib import Path

from kiosk.cli.options import Verbs
from kiosk.cli.progress import Progress
from kiosk.cli.visible import row, visible
from kiosk.errors import ImportRefused, UsageError
from kiosk.imports.categories import read_categories
from kiosk.imports.codes import hint
from kiosk.imports.forms import CATEGORY_LIST, Form, Import, find
from kiosk.workshop.dumping import dump
from kiosk.workshop.folder import is_workshop, workshop
from kiosk.workshop.importing import Importer, Summary
from kiosk.workshop.line_report import LineReport
from kiosk.workshop.report_file import ReportFile

_SHOWN = 50
_OF_SKUS = "sku_"
_FORMS = [form.value for form in Form]


def register(actions: Verbs) -> None:
    """Add them to the actions of `kiosk catalog`."""
    _register_import(actions)
    parser = actions.add_parser(
        "dump",
        help="write all of a workshop out, with its pictures",
        description="Write a folder that `kiosk catalog import` reads back to an equal catalog. A "
        "format that has no place for something of this catalog is refused.",
    )
    parser.add_argument("workshop", type=Path, metavar="WORKSHOP")
    parser.add_argument("out", type=Path, metavar="OUT", help="a new or empty folder")
    parser.add_argument("--format", choices=_FORMS, default=Form.INCREMENT.value)
    parser.set_defaults(run=run_dump)


def _register_import(actions: Verbs) -> None:
    parser = actions.add_parser(
        "import",
        help="import a folder per SKU, a CSV list, increment.meta or a product-search list",
        description="Add what SOURCE lists to a workshop, line by line: the same SKU and picture "
        "name again overwrite, deleting what is not there succeeds. A line that cannot be used is "
        "reported with a code and what to do, and leaves nothing behind; then the exit code is 65. "
        "Killed at any moment, the same command goes on where it was.",
    )
    parser.add_argument("workshop", type=Path, metavar="WORKSHOP")
    parser.add_argument(
        "source",
        type=Path,
        metavar="SOURCE",
        help="the folder, or the list in it; a skus.csv and a categories.csv beside are read too",
    )
    parser.add_argument("--format", choices=_FORMS, help="default: what SOURCE looks like")
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="gs://BUCKET=DIR",
        help="where the pictures of a bucket lie here; may be repeated",
    )
    parser.add_argument(
        "--categories",
        type=Path,
        metavar="FILE",
        help="number,name of all categories there are: make them known, refuse others",
    )
    parser.add_argument(
        "--strict", action="store_true", help="look at all lines first; apply none when one fails"
    )
    parser.add_argument("--dry-run", action="store_true", help="only look at all lines")
    parser.add_argument("--report", type=Path, metavar="FILE", help="one JSON object per line")
    parser.set_defaults(run=run_import)


def run_import(arguments: argparse.Namespace) -> int:
    """Failures and a summary on stdout, how far it is on stderr."""
    if is_workshop(arguments.source):
        raise UsageError(
            f"{arguments.source}: is a workshop itself; `kiosk catalog dump` it and import that"
        )
    try:
        found = find(
            arguments.source,
            Form(arguments.format) if arguments.format else None,
            dict(_mapped(text) for text in arguments.map),
        )
        with workshop(arguments.workshop) as shop, ExitStack() as stack:
            report = None
            if arguments.report is not None:
                report = stack.enter_context(closing(ReportFile(arguments.report)))
            told = _Told(report)
            progress = stack.enter_context(closing(Progress()))

            def far(done: int) -> None:
                progress(f"{done} lines", 0, 0)
                if report is not None:
                    report.flush()

            importer = Importer(shop.repository, shop.pictures, _categories(arguments, found))
            if arguments.dry_run:
                summary = importer.look(found, told.take, far)
            else:
                about = f"{found.form.value} {found.main}"
                summary = importer.run(found, about, told.take, far, strict=arguments.strict)
    except ImportRefused as error:
        todo = hint(error.code)
        raise ImportRefused(error.code, f"{error} ({error.code}: {todo})") from error
    except KeyboardInterrupt:
        print("kiosk: interrupted; the same command goes on from here", file=sys.stderr)
        raise
    told.end()
    print(_summed(summary, dry_run=arguments.dry_run))
    return os.EX_DATAERR if summary.failed else os.EX_OK


def run_dump(arguments: argparse.Namespace) -> int:
    with ExitStack() as stack:
        shop = stack.enter_context(workshop(arguments.workshop))
        progress = stack.enter_context(closing(Progress()))
        reading = stack.enter_context(shop.repository.reading())
        count = dump(
            reading,
            shop.pictures,
            arguments.out,
            Form(arguments.format),
            lambda done, total: progress("pictures", done, total),
        )
    print(visible(f"{arguments.out}: {count.skus} SKUs, {count.pictures} pictures"))
    return os.EX_OK


def _mapped(text: str) -> tuple[str, Path]:
    bucket, separator, folder = text.partition("=")
    if not separator or "://" not in bucket or not Path(folder).is_dir():
        raise UsageError(f"--map {text}: write gs://BUCKET=DIR with a folder that is there")
    return bucket.rstrip("/"), Path(folder)


def _categories(arguments: argparse.Namespace, found: Import) -> dict[str, int | None]:
    if arguments.categories is not None:
        return read_categories(arguments.categories)
    beside = found.root / CATEGORY_LIST
    return read_categories(beside) if beside.is_file() else {}


class _Told:
    """Prints the lines that failed, and those with a remark, as long as they are few."""

    def __init__(self, report: ReportFile | None) -> None:
        self._report = report
        self._failed = 0
        self._remarks = 0

    def take(self, report: LineReport) -> None:
        if self._report is not None:
            self._report.take(report)
        where = f"{report.source} line {report.number}"
        if report.code:
            self._failed += 1
            if self._failed <= _SHOWN:
                cells = (where, report.sku, report.reason, report.hint)
                print(row(f"FAILED {report.code}", *cells))
        for remark in report.remarks:
            self._remarks += 1
            if self._remarks <= _SHOWN:
                cells = (where, report.sku, remark.reason, hint(remark.code))
                print(row(f"note {remark.code}", *cells))

    def end(self) -> None:
        for count, what in ((self._failed, "failed"), (self._remarks, "have a note")):
            if count > _SHOWN:
                print(f"and {count - _SHOWN} more lines that {what}; --report FILE has them all")


def _summed(summary: Summary, *, dry_run: bool) -> str:
    """Pictures by what became of them, then SKUs, then lines that failed."""
    counts = {name: count for name, count in summary.counts.items() if count}
    wrong = counts.pop("failed", 0)
    skus = {name: count for name, count in counts.items() if name.startswith(_OF_SKUS)}
    told = [
        ", ".join(f"{count} {name}" for name, count in counts.items() if name not in skus),
        ", ".join(f"{n} SKUs {name.removeprefix(_OF_SKUS)}" for name, n in skus.items()),
        f"{wrong} failed" if wrong else "",
    ]
    if dry_run:
        told.append("nothing was imported, as was asked")
    elif not summary.applied:
        told.append("nothing was imported")
    went_on = f" (went on from line {summary.went_on_from})" if summary.went_on_from > 1 else ""
    return f"{summary.lines} lines{went_on}: {'; '.join(filter(None, told)) or 'nothing to do'}"
