# SPDX-License-Identifier: Apache-2.0
"""Whether what is rightly announced is for this kiosk, now. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from kiosk.announcement import Announcement, permille_at, takes
from kiosk.errors import Held
from kiosk.store.pointer import Pointer

WAVE = "wave"
"""Code of a release that comes to this kiosk with a later wave: nothing is wrong."""
_STAYS = "The release that is here goes on answering."


@dataclass(frozen=True, slots=True)
class Here:
    """What this kiosk has."""

    kiosk_id: str
    app: str
    """Version of this program."""
    embedder: str = ""
    """sha256 of the one beside the program; empty: not known."""
    memory_bytes: int = 0
    """0: not known."""


def check(announced: Announcement, pointer: Pointer, here: Here, now: datetime) -> None:
    """Raises Held when this kiosk does not take it. `now`: aware, UTC."""
    barred = pointer.barred(announced.manifest.sha256)
    if barred is not None:
        raise Held(
            "quarantined",
            f"release {announced.release} was tried here and put back ({barred.reason}). {_STAYS} "
            f"Tell whoever publishes the catalog; `kiosk sync allow {announced.release}` lets it "
            "come again",
        )
    _check_requires(announced, here)
    if announced.rollout.pause:
        raise Held(
            "paused", f"release {announced.release} is paused by whoever publishes it. {_STAYS}"
        )
    if not takes(announced.rollout, here.kiosk_id, now):
        share = permille_at(announced.rollout, now) / 10
        raise Held(
            WAVE,
            f"release {announced.release} is with {share:g} % of the kiosks so far; this one gets "
            f"it with a later wave. {_STAYS}",
        )


def _check_requires(announced: Announcement, here: Here) -> None:
    wanted = announced.requires
    app = _version(here.app)
    if wanted.app_min and app < _version(wanted.app_min):
        raise Held(
            "needs_newer_app",
            f"release {announced.release} needs version {wanted.app_min} of this program, this is "
            f"{here.app}: update the kiosk. {_STAYS}",
        )
    if wanted.app_below and app >= _version(wanted.app_below):
        raise Held(
            "needs_older_app",
            f"release {announced.release} is for versions of this program below "
            f"{wanted.app_below}, this is {here.app}. {_STAYS} Tell whoever publishes the catalog",
        )
    if wanted.embedder and here.embedder and wanted.embedder != here.embedder:
        raise Held(
            "needs_other_embedder",
            f"release {announced.release} was made with another embedder "
            f"({wanted.embedder[:12]}…, here {here.embedder[:12]}…): update the kiosk, or let the "
            f"release bring its models. {_STAYS}",
        )
    if here.memory_bytes and wanted.memory_bytes > here.memory_bytes:
        raise Held(
            "needs_memory",
            f"release {announced.release} needs {wanted.memory_bytes // 2**20} MB of memory, "
            f"this kiosk has {here.memory_bytes // 2**20}. {_STAYS}",
        )


def _version(text: str) -> tuple[int, ...]:
    """The numbers it begins with; what follows, such as `rc1`, does not count."""
    match = re.match(r"\d+(\.\d+)*", text)
    numbers = [int(part) for part in match[0].split(".")] if match else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
