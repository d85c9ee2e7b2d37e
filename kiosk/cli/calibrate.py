# SPDX-License-Identifier: Apache-2.0
"""`kiosk catalog calibrate`: measure a release again, for another rate or with other strangers."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from kiosk.catalog.manifest import read_manifest
from kiosk.catalog.recalibrate import recalibrate
from kiosk.catalog.strangers import load_strangers
from kiosk.cli.beliefs import beliefs
from kiosk.cli.options import Verbs, add_config, load_config
from kiosk.config import Config, models_directory


def register(actions: Verbs) -> None:
    parser = actions.add_parser(
        "calibrate",
        help="measure a release again for another wrong-accept rate",
        description="Measure a release again, without its pictures, and write a new one that "
        "differs in nothing but what it believes. Files that did not change are shared where the "
        "disk allows it.",
    )
    parser.add_argument("release", type=Path, metavar="RELEASE")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the new release")
    parser.add_argument(
        "--replace", action="store_true", help="replace the release that is in DIR, at once"
    )
    parser.add_argument("--models", metavar="DIR", help="folder of the models and their cards")
    add_risk(parser)
    add_config(parser)
    parser.set_defaults(run=run_calibrate)


def add_risk(parser: argparse.ArgumentParser) -> None:
    """--risk, for verbs that calibrate."""
    parser.add_argument(
        "--risk", metavar="SHARE", help="wrong-accept rate asked for, such as 0.001 (catalog.risk)"
    )


def loaded(arguments: argparse.Namespace, **more: object) -> Config:
    """The configuration with what the arguments of a build or calibration override."""
    given = {"models.directory": arguments.models, "catalog.risk": arguments.risk, **more}
    return load_config(
        arguments, *(f"{key}={value}" for key, value in given.items() if value is not None)
    )


def run_calibrate(arguments: argparse.Namespace) -> int:
    """Measure again; says what the new release may believe."""
    config = loaded(arguments)
    embedder = read_manifest(arguments.release).embedder.sha256
    manifest, calibration = recalibrate(
        arguments.release,
        arguments.out,
        strangers=load_strangers(models_directory(config.models.directory), embedder=embedder),
        risk=config.catalog.risk,
        replace=arguments.replace,
    )
    print(f"release {manifest.release}: {manifest.skus} SKUs: {arguments.out}")
    print("\n".join(beliefs(calibration)))
    return os.EX_OK
