# SPDX-License-Identifier: Apache-2.0
"""`kiosk config`: what is in force."""

from __future__ import annotations

import argparse
import os

from kiosk import config
from kiosk.cli.options import Verbs, add_config, load_config


def register(verbs: Verbs) -> None:
    parser = verbs.add_parser(
        "config",
        help="print the configuration that is in force, as TOML",
        description="Print the configuration that is in force, as TOML.",
    )
    add_config(parser)
    parser.add_argument(
        "--changed", action="store_true", help="only what differs from the defaults"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    loaded = load_config(arguments)
    text = config.changed(loaded) if arguments.changed else config.to_toml(loaded)
    print(text, end="" if text else "# nothing differs from the defaults\n")
    return os.EX_OK
