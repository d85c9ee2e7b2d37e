# SPDX-License-Identifier: Apache-2.0
"""`kiosk catalog`: a release from pictures, what is in one, what it may believe, is it whole."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm  # type: ignore[import-untyped]  # has no stubs

from kiosk.catalog.build import BuildOptions, BuildReport, PictureReport, build
from kiosk.catalog.manifest import (
    CALIBRATION,
    RECORDS,
    Manifest,
    check_bytes,
    check_files,
    read_manifest,
    verify,
)
from kiosk.catalog.records import Records
from kiosk.catalog.trusted import Trust, trust
from kiosk.cli import calibrate, lint
from kiosk.cli.beliefs import beliefs, category_table, own_limits
from kiosk.cli.options import Verbs, add_config
from kiosk.cli.visible import visible
from kiosk.models import load_models
from kiosk.values import Thresholds


def register(verbs: Verbs) -> None:
    parser = verbs.add_parser(
        "catalog",
        help="build, show, calibrate, lint or verify a catalog release",
        description="A catalog is a folder of reference pictures made into one immutable release.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _register_build(actions)
    show = actions.add_parser("show", help="say what is in a release")
    show.add_argument("release", type=Path, metavar="DIR")
    show.add_argument("--json", action="store_true", help="one JSON object with every SKU")
    show.set_defaults(run=run_show)
    calibrate.register(actions)
    check = actions.add_parser("verify", help="check every byte of a release")
    check.add_argument("release", type=Path, metavar="DIR")
    check.set_defaults(run=run_verify)
    lint.register(actions)


def _register_build(actions: Verbs) -> None:
    parser = actions.add_parser(
        "build",
        help="build a release from pictures",
        description="Build a release. SOURCE is a folder with a sub-folder of pictures per SKU, a "
        "flat folder with a CSV list (file,sku), or a manifest.csv (path,sku,role). A skus.csv "
        "beside the pictures may add sku,name,category,barcode,flip and further attributes. One "
        "line per picture; exit code 65 when some failed. Run the same command again to go on "
        "after an interruption.",
    )
    parser.add_argument("source", type=Path, metavar="SOURCE")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the release folder")
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
    calibrate.add_risk(parser)
    parser.add_argument("--models", metavar="DIR", help="folder of the models and their cards")
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads for one model run")
    add_config(parser)
    parser.set_defaults(run=run_build)


def run_build(arguments: argparse.Namespace) -> int:
    """Build, one line per picture on stdout, a progress bar on a terminal."""
    config = calibrate.loaded(arguments, **{"models.threads": arguments.threads})
    locator, embedder = load_models(config.models, config.locate)
    with tqdm(unit="picture", disable=not sys.stderr.isatty(), leave=False) as bar:

        def tell(report: PictureReport, done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)
            bar.write(_line(report), file=sys.stdout)

        try:
            report = build(
                arguments.source,
                arguments.out,
                locator=locator,
                embedder=embedder,
                options=BuildOptions(
                    mirrored=arguments.flip,
                    augment=not arguments.no_augment,
                    replace=arguments.replace,
                    details=not arguments.no_details,
                    risk=config.catalog.risk,
                ),
                progress=tell,
            )
        except KeyboardInterrupt:
            bar.write("kiosk: interrupted; the same command goes on from here", file=sys.stderr)
            raise
    for warning in report.warnings:
        print(f"kiosk: {warning}", file=sys.stderr)
    print(_summary(report))
    print("\n".join(beliefs(report.calibration)))
    return report.exit_code


def _line(report: PictureReport) -> str:
    verdict = f"FAILED {report.code}" if report.code else "ok"
    cells = (verdict, report.name, report.sku, report.note)
    return "\t".join(visible(cell) for cell in cells).rstrip("\t")


def _summary(report: BuildReport) -> str:
    manifest, limits = report.manifest, report.calibration.thresholds
    failed = f", {len(report.failed)} FAILED" if report.failed else ""
    return (
        f"release {manifest.release}: {manifest.skus} SKUs, {manifest.pictures} pictures, "
        f"{manifest.references} references{failed}; accept {limits.accept:.3f}, "
        f"choose {limits.choose:.3f}, margin {limits.margin:.3f}: {report.out}"
    )


def run_show(arguments: argparse.Namespace) -> int:
    """What is in a release; sizes are checked, hashes are not."""
    manifest = read_manifest(arguments.release)
    check_files(arguments.release, manifest)
    check_bytes(arguments.release, manifest, (CALIBRATION,))
    trusted = trust(arguments.release, manifest)
    opened = Records.open(arguments.release / RECORDS)
    try:
        if arguments.json:
            print(json.dumps(_as_json(manifest, opened, trusted), ensure_ascii=False, indent=1))
        else:
            print("\n".join(_as_text(manifest, opened, trusted)))
    finally:
        opened.close()
    return os.EX_OK


def _as_json(manifest: Manifest, opened: Records, trusted: Trust) -> dict[str, Any]:
    body = dataclasses.asdict(manifest)
    body["calibrated"] = trusted.name
    body |= dataclasses.asdict(trusted.calibration)
    del body["files"]
    body["bytes"] = sum(entry.bytes for entry in manifest.files)
    body["records"] = [
        {**dataclasses.asdict(record), "attributes": dict(record.attributes)}
        for record in opened.records()
    ]
    return body


def _as_text(manifest: Manifest, opened: Records, trusted: Trust) -> list[str]:
    limits = trusted.calibration.thresholds
    size = sum(entry.bytes for entry in manifest.files) / 1e6
    categories = (
        f"{visible(name) or 'no category'} ({count})" for name, count in opened.categories().items()
    )
    rows = {
        "release": f"{manifest.release}, built {manifest.built_at}",
        "holds": f"{manifest.skus} SKUs, {manifest.pictures} pictures, {manifest.references} "
        f"references of {manifest.dimension} numbers; {len(manifest.files)} files, {size:.1f} MB",
        "categories": ", ".join(categories),
        "embedder": " ".join(dataclasses.astuple(manifest.embedder)),
        "detector": " ".join(dataclasses.astuple(manifest.detector)),
        "views": "; ".join(manifest.augmentation),
        "thresholds": f"accept {limits.accept:.4f}, choose {limits.choose:.4f}, "
        f"margin {limits.margin:.4f} (from {limits.samples} samples); "
        f"{_second_look(manifest, limits)}; {own_limits(trusted.calibration)}",
        "calibrated": "as below" if trusted.on else trusted.name,
        "measured": limits.method,
    }
    lines = [f"{name:<11} {text}" for name, text in rows.items()]
    if not trusted.on:
        return lines
    return [
        *lines,
        *category_table(trusted.calibration.categories),
        *beliefs(trusted.calibration),
    ]


def _second_look(manifest: Manifest, limits: Thresholds) -> str:
    """What the second look at the print may accept, or that there is none."""
    if not manifest.features:
        return "no second look"
    return f"by its print from {limits.by_print:.4f}, look-alikes from a lead of {limits.apart:.4f}"


def run_verify(arguments: argparse.Namespace) -> int:
    """Every byte; the first fault is an error."""
    manifest = verify(arguments.release)
    print(f"ok: release {manifest.release}, {len(manifest.files)} files")
    return os.EX_OK
