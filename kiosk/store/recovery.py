# SPDX-License-Identifier: Apache-2.0
"""A pointer for a store whose own is damaged: the newest whole release, and the known floors.

What was quarantined is forgotten with it: a bad release is found out again by its trial.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC

from kiosk.announcement import Announcement, Gate, moment
from kiosk.errors import CatalogError
from kiosk.store.pointer import Installed, Phase, Pointer
from kiosk.store.releases import Releases

_log = logging.getLogger(__name__)


def recovered(releases: Releases, announced: Announcement | None) -> Pointer:
    """`announced`: the newest announcement that was verified here, or None.

    The newest release is current, on trial; the one before it is there to fall back to.
    """
    whole = sorted(_whole(releases, announced), reverse=True)
    newest, before = ([each for _, _, each in whole] + [None, None])[:2]
    clock = moment(announced.created).astimezone(UTC) if announced else None
    same = newest is not None and announced is not None and newest.release == announced.release
    _log.error(
        "release %s is current again; announcements below %s stay refused",
        newest.release if newest else "none",
        announced.seq if announced else "none",
    )
    return Pointer(
        current=newest,
        previous=before,
        phase=Phase.TRIAL if newest else Phase.GOOD,
        gate=announced.gate if announced and same else Gate(),
        catalog=announced.catalog if announced else "",
        channel=announced.channel if announced else "",
        floor_seq=announced.seq if announced else 0,
        clock_floor=clock.isoformat(timespec="seconds") if clock else "",
    )


def _whole(
    releases: Releases, announced: Announcement | None
) -> Iterator[tuple[str, str, Installed]]:
    """When it was built, its id, and the release, for each whose every byte is right."""
    for release in releases.listed():
        try:
            manifest = releases.manifest(release)
        except (CatalogError, OSError) as error:
            _log.warning("release %s cannot be used: %s", release, error)
            continue
        fault = releases.fault(releases.path(release), manifest)
        if fault or manifest.release != release:
            _log.warning("release %s cannot be used: %s", release, fault or "its name is wrong")
            continue
        same = announced is not None and announced.release == release
        yield (
            manifest.built_at,
            release,
            Installed(
                release,
                announced.manifest.sha256 if announced and same else releases.digest(release),
                announced.seq if announced and same else 0,
            ),
        )
