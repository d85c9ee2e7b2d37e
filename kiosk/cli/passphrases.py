# SPDX-License-Identifier: Apache-2.0
"""Where passphrases come from: a file, the environment, or the person at the terminal."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from pathlib import Path

from kiosk.errors import SigningKeyError
from kiosk.publish.guarded import read_guarded
from kiosk.publish.keyfolder import Ask

VARIABLE = "KIOSK_KEYS_PASSPHRASE"


def asker(arguments: argparse.Namespace) -> Ask:
    """For keys that exist. Raises SigningKeyError when there is nobody to ask."""

    def ask(folder: Path) -> bytes:
        return _given(arguments) or _asked(f"passphrase of {folder}: ")

    return ask


def new_passphrase(arguments: argparse.Namespace) -> bytes:
    """For keys that are made now: asked for twice. Raises SigningKeyError."""
    given = _given(arguments)
    if given:
        return given
    made = _asked("passphrase of the new key: ")
    if _asked("the same again: ") != made:
        raise SigningKeyError("the two passphrases differ; nothing was made, try again")
    return made


def _given(arguments: argparse.Namespace) -> bytes:
    file: Path | None = arguments.passphrase_file
    if file is not None:
        return read_guarded(file).rstrip(b"\r\n")
    return os.environb.get(VARIABLE.encode(), b"")


def _asked(prompt: str) -> bytes:
    if not sys.stdin.isatty():
        raise SigningKeyError(
            f"the passphrase is not known: give --passphrase-file, set {VARIABLE}, "
            "or run this in a terminal"
        )
    return getpass.getpass(prompt).encode()
