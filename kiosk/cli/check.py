# SPDX-License-Identifier: Apache-2.0
"""`kiosk check`: is everything there that this kiosk needs?"""

from __future__ import annotations

import argparse
import os

from kiosk.check import Finding, check
from kiosk.cli.options import Verbs, add_config, load_config
from kiosk.config import default_path


def register(verbs: Verbs) -> None:
    parser = verbs.add_parser(
        "check",
        help="check configuration, models, camera, catalog and disk",
        description="Check every part and say what is wrong. Exit code 0 only when all is well. "
        "The port is reported as busy while the kiosk itself is running.",
    )
    add_config(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    config = load_config(arguments)
    source = arguments.config or default_path()
    findings = [Finding("config", True, str(source) if source else "all defaults")]
    findings += check(config)
    for finding in findings:
        mark = "ok " if finding.ok else "BAD"
        indented = finding.detail.replace("\n", "\n" + " " * 14)
        print(f"{mark}  {finding.part:<8}  {indented}")
    bad = [finding.part for finding in findings if not finding.ok]
    if bad:
        print(f"\n{len(bad)} of {len(findings)} checks failed: {', '.join(bad)}")
        return os.EX_UNAVAILABLE
    print("\nAll is well.")
    return os.EX_OK
