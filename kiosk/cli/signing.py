# SPDX-License-Identifier: Apache-2.0
"""Options that say what signs: folders of keys, and where their passphrase comes from."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_signing(
    parser: argparse.ArgumentParser, *, of: str = "to sign with", required: bool = False
) -> None:
    """Which keys are at hand; `of`: what for."""
    parser.add_argument(
        "--keys",
        type=Path,
        nargs="+",
        default=[],
        required=required,
        metavar="DIR",
        help=f"folders of keys {of}, or folders of such",
    )
    add_passphrase(parser)


def add_passphrase(parser: argparse.ArgumentParser) -> None:
    """Where the passphrase of private keys comes from; `kiosk.cli.passphrases` gets it."""
    parser.add_argument(
        "--passphrase-file",
        type=Path,
        metavar="FILE",
        help="holds the passphrase (default: $KIOSK_KEYS_PASSPHRASE, else it is asked for)",
    )
