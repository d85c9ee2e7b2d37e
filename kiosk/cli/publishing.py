# SPDX-License-Identifier: Apache-2.0
"""What `kiosk catalog publish`, `rollback`, `rollout`, `refresh`, `collect`, `releases` do."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from kiosk.announcement import Announcement, Gate, Rollout
from kiosk.cli.passphrases import asker
from kiosk.cli.progress import Progress
from kiosk.cli.visible import visible
from kiosk.errors import UsageError
from kiosk.publish import announce, collecting, edition, history, keyfolder, metadata, standing
from kiosk.publish.announce import Office, Outcome, Wish
from kiosk.publish.places import open_place
from kiosk.publish.standing import Standing
from kiosk.publish.trust import Trust, open_trust
from kiosk.publish.waves import waves
from kiosk.sync.anchor import in_groups
from kiosk.workshop.announced import announced
from kiosk.workshop.folder import is_workshop, workshop

_SOON_DAYS = 30
_MB = 1e6


def publish(arguments: argparse.Namespace) -> int:
    """Send and announce a release."""
    office = _office(arguments)
    now = datetime.now(UTC)
    release, named = _release(arguments.release)
    wish = Wish(
        arguments.channel,
        catalog=arguments.catalog or named,
        rollout=Rollout(arguments.salt, arguments.pause, waves(arguments.wave, now)),
        gate=Gate(
            agree_min=arguments.agree_min,
            p95_ms_max=arguments.p95_ms_max,
            good_after_s=arguments.good_after,
            good_after_decisions=arguments.good_after_decisions,
        ),
        app_min=arguments.requires_app,
        app_below=arguments.requires_app_below,
        disk_bytes=arguments.requires_disk,
        memory_bytes=arguments.requires_memory,
    )
    with closing(Progress()) as progress:

        def tell(what: str, done: int, total: int) -> None:
            del what
            progress("bytes sent and read back:", done, total)

        outcome = announce.publish(office, release, wish, now=now, progress=tell)
    sent = outcome.sent
    print(
        f"sent {sent.new_files} of {sent.files} files, {sent.new_bytes / _MB:.3f} of "
        f"{sent.bytes / _MB:.3f} MB; the rest was there"
    )
    _say(outcome)
    if outcome.new:
        _note(arguments.release, "publish", outcome.announcement, office)
    print(f"repository {office.storage.address}")
    print(f"fingerprint {in_groups(office.trust.fingerprint)}")
    return os.EX_OK


def rollback(arguments: argparse.Namespace) -> int:
    """An older release under a new number."""
    office = _office(arguments)
    outcome = announce.roll_back(office, arguments.channel, arguments.to)
    _say(outcome)
    if arguments.workshop is not None:
        _note(arguments.workshop, "rollback", outcome.announcement, office)
    return os.EX_OK


def rollout(arguments: argparse.Namespace) -> int:
    """Other waves, a pause or its end."""
    if arguments.pause and arguments.resume:
        raise UsageError("--pause and --resume are opposites; give one of them")
    office, now = _office(arguments), datetime.now(UTC)
    spoken = standing.read(office.storage, office.trust).spoken(arguments.channel)
    before = spoken.announcement.rollout if spoken else Rollout()
    wanted = Rollout(
        salt=arguments.salt,
        pause=arguments.pause or (before.pause and not arguments.resume),
        waves=waves(arguments.wave, now) if arguments.wave else before.waves,
    )
    _say(announce.roll_out(office, arguments.channel, wanted))
    return os.EX_OK


def refresh(arguments: argparse.Namespace) -> int:
    """New dates."""
    office = _office(arguments)
    _say_dates(announce.refresh(office), office.trust)
    return os.EX_OK


def collect(arguments: argparse.Namespace) -> int:
    """Remove what nobody needs."""
    rule = collecting.Rule()
    rule = collecting.Rule(
        rule.releases if arguments.keep is None else arguments.keep,
        rule.days if arguments.days is None else arguments.days,
    )
    if rule.releases < 1 or rule.days < 0:
        raise UsageError("--keep must be 1 or more, --days 0 or more")
    place, trust = open_place(arguments.place), open_trust(arguments.trust)
    swept = collecting.collect(place, trust, rule, dry=arguments.dry_run)
    for name in swept.removed:
        print(name)
    print(
        f"{'would remove' if arguments.dry_run else 'removed'} {len(swept.removed)} files, "
        f"{swept.removed_bytes / _MB:.3f} MB; {swept.kept_releases} releases stay, "
        f"{swept.kept_bytes / _MB:.3f} MB"
    )
    return os.EX_OK


def releases(arguments: argparse.Namespace) -> int:
    """Every channel, newest last."""
    storage, trust = open_place(arguments.place), open_trust(arguments.trust)
    state = standing.read(storage, trust)
    channels = sorted(trust.roles.channels)
    past = {name: history.announced(storage, trust, state, name) for name in channels}
    if arguments.json:
        body = {
            name: [dataclasses.asdict(each.announcement) for each in each_past]
            for name, each_past in past.items()
        }
        print(json.dumps(body, indent=1))
        return os.EX_OK
    for name, each_past in past.items():
        print(f"{name}:" if each_past else f"{name}: nothing yet")
        for each in each_past:
            print(f"  {'→' if each.current else ' '} {line(each.announcement)}")
    _say_dates(state, trust)
    return os.EX_OK


def line(said: Announcement) -> str:
    """One announcement for people."""
    again = f", as number {said.reverts_to}" if said.reverts_to else ""
    waves_ = ", ".join(f"{wave.permille}‰ from {wave.after}" for wave in said.rollout.waves)
    who = "paused" if said.rollout.pause else waves_ or "all at once"
    return visible(f"{said.seq:>4}  {said.created}  {said.release}{again}  {who}")


def _release(given: Path) -> tuple[Path, str]:
    """The folder of the release that is meant, and the name of its catalog where that is known."""
    if not is_workshop(given):
        return given, ""
    with workshop(given) as opened:
        return opened.last_release(), opened.settings.name


def _note(given: Path, what: str, said: Announcement, office: Office) -> None:
    """A line in the history of a workshop. What is announced stays so when it cannot be written."""
    if not is_workshop(given):
        return
    note = announced(what, said.release, said.channel, office.storage.address, said.seq)
    with workshop(given) as opened:
        opened.repository.note(note)


def _say(outcome: Outcome) -> None:
    said = outcome.announcement
    how = "announces" if outcome.new else "announced already, nothing changes:"
    print(f"{visible(said.channel)} of {visible(said.catalog)} {how} {line(said).strip()}")


def _say_dates(state: Standing, trust: Trust) -> None:
    """What ends when; a warning in time for each that only people can renew."""
    if state.timestamp is None or state.snapshot is None:
        print("nothing is announced here yet")
        return
    print(
        f"timestamp until {state.timestamp.signed.expires:%Y-%m-%d}, "
        f"snapshot until {state.snapshot.signed.expires:%Y-%m-%d}"
    )
    ends = {"root keys": trust.root.signed.expires, "channels": trust.targets.signed.expires}
    for name, date in ends.items():
        if (date - datetime.now(UTC)).days < 2 * _SOON_DAYS:
            print(f"kiosk: the word of the {name} ends {date:%Y-%m-%d}: run `kiosk keys renew`")
    for name, spoken in (state.channels or {}).items():
        if edition.half_gone(spoken.metadata, metadata.CHANNEL_DAYS, datetime.now(UTC)):
            date = spoken.metadata.signed.expires
            print(
                f"kiosk: the channel {name} ends {date:%Y-%m-%d}: publish to it, or refresh "
                "with its key",
                file=sys.stderr,
            )


def _office(arguments: argparse.Namespace) -> Office:
    trust: Path = arguments.trust
    return Office(
        open_place(arguments.place),
        open_trust(trust),
        keyfolder.ring(arguments.keys, asker(arguments)),
    )
