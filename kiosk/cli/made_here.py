# SPDX-License-Identifier: Apache-2.0
"""What the verbs over rows that people made on a kiosk share: refusals and additions."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from kiosk.cli.options import load_config
from kiosk.cli.visible import visible
from kiosk.config import state_directory
from kiosk.errors import StateError, UsageError
from kiosk.refusals.rows import R

SHORT = 8
"""Characters of an id that are printed; any beginning that only one has will do."""


def folder_of(args: argparse.Namespace) -> Path:
    """The kiosk's state directory. Raises StateError when it is none."""
    folder: Path = args.state or state_directory(load_config(args))
    if not folder.is_dir():
        raise StateError(f"{folder}: is no folder; name the kiosk's state directory with --state")
    return folder


def meant(rows: Iterable[R], wanted: str, kind: str) -> R:
    """The one row that holds and whose id begins so; `kind` is such as "refusal".

    Raises UsageError when no or more than one row is meant.
    """
    found = [row for row in rows if wanted and row.row_id.startswith(wanted)]
    held = [row for row in found if row.holds]
    if len(held) == 1:
        return held[0]
    reason = f"there is no such {kind}"
    if held:
        reason = f"{len(held)} {kind}s begin so; write more of the id"
    elif found:
        reason = "it is undone already"
    raise UsageError(f"{wanted}: {reason}; see `kiosk {kind}s list`")


def local(at: str) -> str:
    """Local time; as it is when it is none."""
    try:
        return datetime.fromisoformat(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return visible(at)
