# SPDX-License-Identifier: Apache-2.0
"""`kiosk catalog build`: a release from pictures, by this process, a pool or a cluster."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm  # type: ignore[import-untyped]  # has no stubs

from kiosk.catalog.build import BuildOptions, BuildReport, PictureReport, build
from kiosk.catalog.engines.choice import engine_of
from kiosk.cli import calibrate
from kiosk.cli.beliefs import beliefs
from kiosk.cli.estimate import Estimate
from kiosk.cli.options import Verbs, add_config
from kiosk.cli.visible import row, visible
from kiosk.cli.workshop_build import Wanted, build_workshop
from kiosk.config import Config
from kiosk.errors import UsageError
from kiosk.models import files_of, load_models
from kiosk.vision.prepare import STEPS, steps_of
from kiosk.workshop.folder import is_workshop


def register(actions: Verbs) -> None:
    parser = actions.add_parser(
        "build",
        help="build a release from pictures",
        description="Build a release. SOURCE is a folder with a sub-folder of pictures per SKU, a "
        "flat folder with a CSV list (file,sku), or a manifest.csv (path,sku,role). A skus.csv "
        "beside the pictures may add sku,name,category,barcode,flip and further attributes; or a "
        "workshop, whose release goes into its own folder and shares what did not change with the "
        "one before. One line per picture; exit code 65 when some failed. Run the same command "
        "again to go on after an interruption.",
    )
    parser.add_argument("source", type=Path, metavar="SOURCE")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="the release folder (default: the workshop's next)"
    )
    parser.add_argument(
        "--replace", action="store_true", help="replace the release that is in DIR, at once"
    )
    parser.add_argument(
        "--flip",
        action="store_true",
        help="enrol mirrored views too, except where skus.csv says flip=no",
    )
    parser.add_argument(
        "--no-augment", action="store_true", help="one reference per picture, as it is"
    )
    parser.add_argument(
        "--no-details",
        action="store_true",
        help="no local features: a smaller release, which has no second look",
    )
    parser.add_argument(
        "--prepare",
        default="",
        metavar="STEPS",
        help=f"prepare pictures before they give references: {', '.join(STEPS)} (default: none; "
        "see the README for what they gain)",
    )
    calibrate.add_risk(parser)
    _add_engine(parser)
    parser.add_argument("--models", metavar="DIR", help="folder of the models and their cards")
    parser.add_argument(
        "--bring-models",
        action="store_true",
        help="put the models into the release: kiosks that take it look with these",
    )
    add_config(parser)
    parser.set_defaults(run=run_build)


def _add_engine(parser: argparse.ArgumentParser) -> None:
    """What computes, and what it need not compute."""
    parser.add_argument(
        "--base",
        type=Path,
        metavar="RELEASE",
        help="use the blocks of this release again where nothing changed: kiosks fetch less",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="FILE",
        help="keep results in FILE, so that a later build computes only what changed",
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=0,
        metavar="N",
        help="compute in N processes with one thread each (default: in this one)",
    )
    parser.add_argument(
        "--engine", default="", metavar="URL", help="compute on a Dask cluster: dask://HOST:PORT"
    )
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads for one model run")


def run_build(arguments: argparse.Namespace) -> int:
    """Build, one line per picture on stdout; how far it is on stderr."""
    config = calibrate.loaded(arguments, **{"models.threads": arguments.threads})
    wanted = Wanted(
        arguments.source, Path(), arguments.cache, arguments.base, replace=arguments.replace
    )

    def built(wanted: Wanted) -> BuildReport:
        return _built(arguments, config, wanted)

    if is_workshop(arguments.source):
        report = build_workshop(arguments.source, wanted, arguments.out, built)
    elif arguments.out is None:
        raise UsageError("--out: say where the release goes")
    else:
        report = built(replace(wanted, out=arguments.out))
    for warning in report.warnings:
        print(f"kiosk: {warning}", file=sys.stderr)
    print(_summary(report))
    print("\n".join(beliefs(report.calibration)))
    return report.exit_code


def _built(arguments: argparse.Namespace, config: Config, wanted: Wanted) -> BuildReport:
    options = BuildOptions(
        mirrored=arguments.flip,
        augment=not arguments.no_augment,
        replace=wanted.replace,
        details=not arguments.no_details,
        risk=config.catalog.risk,
        prepare=steps_of(arguments.prepare),
    )
    locator, embedder = load_models(config.models, config.locate)
    with Telling() as telling:
        return build(
            wanted.source,
            wanted.out,
            locator=locator,
            embedder=embedder,
            options=options,
            engine=lambda enrolment: engine_of(
                enrolment, arguments.workers, arguments.engine, telling.say
            ),
            cache=wanted.cache,
            base=wanted.base,
            models=files_of(locator, embedder) if arguments.bring_models else {},
            progress=telling.picture,
        )


class Telling:
    """Says what became of each picture, and how long the rest will take."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._bar = tqdm(unit="picture", disable=not self._live, leave=False)
        self._estimate = Estimate()

    def __enter__(self) -> Telling:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is KeyboardInterrupt:
            self._bar.write(
                "kiosk: interrupted; the same command goes on from here", file=sys.stderr
            )
        self._bar.close()

    def say(self, text: str) -> None:
        """What the engine wants people to know."""
        self._bar.write(f"kiosk: {visible(text)}", file=sys.stderr)

    def picture(self, report: PictureReport, done: int, total: int) -> None:
        self._bar.total = total
        self._bar.update(done - self._bar.n)
        self._bar.write(_line(report), file=sys.stdout)
        line = self._estimate.line(done, total, time.monotonic(), kept=report.kept)
        if line and not self._live:
            print(f"kiosk: {line}", file=sys.stderr, flush=True)


def _line(report: PictureReport) -> str:
    verdict = f"FAILED {report.code}" if report.code else "ok"
    return row(verdict, report.name, report.sku, report.note)


def _summary(report: BuildReport) -> str:
    manifest, limits = report.manifest, report.calibration.thresholds
    failed = f", {len(report.failed)} FAILED" if report.failed else ""
    kept = f", {report.kept} from before" if report.kept else ""
    return (
        f"release {manifest.release}: {manifest.skus} SKUs, {manifest.pictures} pictures{kept}, "
        f"{manifest.references} references{failed}; accept {limits.accept:.3f}, "
        f"choose {limits.choose:.3f}, margin {limits.margin:.3f}: {report.out}"
    )
