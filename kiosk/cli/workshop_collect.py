# SPDX-License-Identifier: Apache-2.0
"""`kiosk catalog collect WORKSHOP`: pictures and releases that nothing needs any more."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from kiosk.errors import UsageError
from kiosk.workshop.collecting import KEPT_RELEASES, collect
from kiosk.workshop.folder import workshop

_MB = 1e6


def run(arguments: argparse.Namespace) -> int:
    """Say what went, in files and bytes."""
    keep = KEPT_RELEASES if arguments.keep is None else arguments.keep
    if keep < 1:
        raise UsageError("--keep must be 1 or more")
    if arguments.days is not None:
        raise UsageError("--days is for a repository; of a workshop's releases --keep N stay")
    with workshop(Path(arguments.place)) as shop:
        swept = collect(shop, keep=keep, dry=arguments.dry_run)
    for name in swept.releases:
        print(f"release {name}")
    print(
        f"{'would remove' if arguments.dry_run else 'removed'} {swept.pictures} pictures, "
        f"{swept.picture_bytes / _MB:.3f} MB, and {len(swept.releases)} releases, "
        f"{swept.release_bytes / _MB:.3f} MB; {swept.kept_pictures} pictures stay, "
        f"{swept.kept_bytes / _MB:.3f} MB"
    )
    if swept.young:
        print(f"of these {swept.young} are needed by nothing; they may go a day after they came")
    return os.EX_OK
