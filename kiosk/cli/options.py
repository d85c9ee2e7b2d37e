# SPDX-License-Identifier: Apache-2.0
"""Arguments that several verbs share, and how they become a configuration."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kiosk import config, log
from kiosk.config import Config

Verbs = Any
"""argparse's sub-parser collection; its class is private."""


def add_config(parser: argparse.ArgumentParser) -> None:
    """--config and --set, for verbs that work with the kiosk's configuration."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="TOML file (default: $KIOSK_CONFIG, else /etc/kiosk/kiosk.toml when it exists)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="override one option, such as --set camera.source=demo; may be repeated",
    )


def add_state(parser: Any) -> None:  # noqa: ANN401 - a parser, or a group of one
    """--state, for verbs that work beside a kiosk or without one."""
    parser.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help="the kiosk's state directory (default: the one of the configuration)",
    )


def load_config(arguments: argparse.Namespace, *first: str) -> Config:
    """The configuration the arguments ask for; `first` are overrides that --set may override."""
    path = arguments.config or config.default_path()
    loaded = config.load(path, [*first, *arguments.overrides])
    log.configure(loaded.log.level)
    return loaded
