# SPDX-License-Identifier: Apache-2.0
"""`kiosk catalog`: a release from pictures, what is in one, what it may believe, is it whole."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from contextlib import closing
from pathlib import Path
from typing import Any

from kiosk.catalog.joined import Joined
from kiosk.catalog.manifest import (
    CALIBRATION,
    Manifest,
    check_bytes,
    check_files,
    read_manifest,
    verify,
)
from kiosk.catalog.stored import open_segments
from kiosk.catalog.trusted import Trust, trust
from kiosk.cli import build, calibrate, imports, lint, proposals, publish, workshop
from kiosk.cli.beliefs import beliefs, category_table, own_limits
from kiosk.cli.options import Verbs
from kiosk.cli.visible import visible
from kiosk.values import Thresholds

_MEANT = "a release, or a workshop: its newest one"


def register(verbs: Verbs) -> None:
    parser = verbs.add_parser(
        "catalog",
        help="build, show, calibrate, lint or verify a catalog release",
        description="A catalog is a folder of reference pictures made into one immutable release.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    workshop.register(actions)
    imports.register(actions)
    build.register(actions)
    show = actions.add_parser("show", help="say what is in a release")
    show.add_argument("release", type=Path, metavar="DIR", help=_MEANT)
    show.add_argument("--json", action="store_true", help="one JSON object with every SKU")
    show.set_defaults(run=run_show)
    calibrate.register(actions)
    check = actions.add_parser("verify", help="check every byte of a release")
    check.add_argument("release", type=Path, metavar="DIR", help=_MEANT)
    check.set_defaults(run=run_verify)
    lint.register(actions)
    proposals.register(actions)
    publish.register(actions)


def run_show(arguments: argparse.Namespace) -> int:
    """What is in a release; sizes are checked, hashes are not."""
    release = lint.release_of(arguments.release)
    manifest = read_manifest(release)
    check_files(release, manifest)
    check_bytes(release, manifest, (CALIBRATION,))
    trusted = trust(release, manifest)
    with closing(open_segments(release, manifest, checked=False)) as opened:
        if arguments.json:
            print(json.dumps(_as_json(manifest, opened, trusted), ensure_ascii=False, indent=1))
        else:
            print("\n".join(_as_text(manifest, opened, trusted)))
    return os.EX_OK


def _as_json(manifest: Manifest, opened: Joined, trusted: Trust) -> dict[str, Any]:
    body = dataclasses.asdict(manifest)
    body["calibrated"] = trusted.name
    body |= dataclasses.asdict(trusted.calibration)
    del body["files"]
    body["bytes"] = sum(entry.bytes for entry in manifest.files)
    body["records"] = [
        {**dataclasses.asdict(record), "attributes": dict(record.attributes)}
        for record in map(opened.record, opened.skus)
    ]
    return body


def _as_text(manifest: Manifest, opened: Joined, trusted: Trust) -> list[str]:
    limits = trusted.calibration.thresholds
    size = sum(entry.bytes for entry in manifest.files) / 1e6
    categories = (
        f"{visible(name) or 'no category'} ({count})" for name, count in opened.categories().items()
    )
    rows = {
        "release": f"{manifest.release}, built {manifest.built_at}",
        "holds": f"{manifest.skus} SKUs, {manifest.pictures} pictures, {manifest.references} "
        f"references of {manifest.dimension} numbers; {_segments(manifest)}, "
        f"{len(manifest.files)} files, {size:.1f} MB",
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


def _segments(manifest: Manifest) -> str:
    """How many, and what is under tombstones in them."""
    count = len(manifest.segments)
    gone = sum(each.pictures for each in manifest.segments) - manifest.pictures
    under = f" with {gone} pictures that are gone" if gone else ""
    return f"{count} segment{'s' * (count != 1)}{under}"


def _second_look(manifest: Manifest, limits: Thresholds) -> str:
    """What the second look at the print may accept, or that there is none."""
    if not manifest.features:
        return "no second look"
    return f"by its print from {limits.by_print:.4f}, look-alikes from a lead of {limits.apart:.4f}"


def run_verify(arguments: argparse.Namespace) -> int:
    """Every byte; the first fault is an error."""
    manifest = verify(lint.release_of(arguments.release))
    print(f"ok: release {manifest.release}, {len(manifest.files)} files")
    return os.EX_OK
