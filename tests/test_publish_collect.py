# SPDX-License-Identifier: Apache-2.0
"""Collecting: nothing that a kept release needs ever goes, and what nobody needs does."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from repositories import (
    HeadOffice,
    Keys,
    announcement,
    head_office,
    signing_keys,
    small_release,
)
from tuf_reader import Reader, check_blobs

from kiosk.announcement import Announcement, to_json
from kiosk.errors import BusyError, PublishError
from kiosk.publish import history, metadata, standing
from kiosk.publish.collecting import GRACE_S, Rule, Swept, collect, kept
from kiosk.publish.history import Past
from kiosk.publish.memory import MemoryStorage
from kiosk.publish.metadata import announcement_name, to_bytes
from kiosk.publish.roles import with_keys
from kiosk.publish.storage import BLOBS, blob_name, digest

__all__ = ["signing_keys"]  # a fixture

DAY_S = 86400.0


class Years:
    """A clock that is moved by hand, for the storage and for whoever publishes."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC) - timedelta(days=400)

    def __call__(self) -> float:
        return self.now.timestamp()

    def pass_by(self, days: float) -> None:
        self.now += timedelta(days=days)


@pytest.fixture
def years() -> Years:
    return Years()


@pytest.fixture
def there(tmp_path: Path, signing_keys: Keys, years: Years) -> HeadOffice:
    made = head_office(tmp_path, signing_keys, years.now)
    made.storage = MemoryStorage(years)
    return made


@pytest.fixture
def releases(tmp_path: Path) -> list[Path]:
    """Each shares one file with the one before, as a catalog does that changes a little."""
    return [
        small_release(tmp_path / f"r{n}", {"a": b"a%d" % n, "b": b"b%d" % (n // 2), "c": b"same"})
        for n in range(6)
    ]


def swept(there: HeadOffice, years: Years, rule: Rule) -> Swept:
    return collect(there.storage, there.trust, rule, now=years.now)


def blobs(there: HeadOffice) -> set[str]:
    return {stored.name for stored in there.storage.names(BLOBS)}


def test_what_only_old_releases_needed_goes(
    there: HeadOffice, years: Years, releases: list[Path]
) -> None:
    for release in releases[:3]:
        there.publish(release, now=years.now)
        years.pass_by(10)
    result = swept(there, years, Rule(releases=1, days=0))
    assert result.kept_releases == 1
    assert len([name for name in result.removed if name.startswith(BLOBS)]) == 2 * 2 + 1
    with Reader(there.first_root) as reader:
        years.now = datetime.now(UTC)
        there.refresh(years.now)
        check_blobs(there.storage, reader.announcement(there.storage))


def test_what_was_announced_within_the_days_stays(
    there: HeadOffice, years: Years, releases: list[Path]
) -> None:
    made = [there.publish(release, now=years.now) for release in releases[:1]]
    years.pass_by(300)  # it stood for long, so its days begin when the next one came
    made.append(there.publish(releases[1], now=years.now))
    years.pass_by(100)
    swept(there, years, Rule(releases=1, days=180))
    for each in made:
        check_blobs(there.storage, each)
    there.roll_back("stable", 1, years.now)


def test_the_last_releases_of_every_channel_stay(
    there: HeadOffice, years: Years, releases: list[Path]
) -> None:
    stable = [there.publish(release, now=years.now) for release in releases[:3]]
    canary = [there.publish(release, "canary", now=years.now) for release in releases[3:]]
    years.pass_by(10)
    result = swept(there, years, Rule(releases=2, days=0))
    assert result.kept_releases == 4
    for each in (*stable[1:], *canary[1:]):
        check_blobs(there.storage, each)
    for gone in (stable[0], canary[0]):
        assert blob_name(gone.manifest.sha256) not in blobs(there)
    with pytest.raises(PublishError, match="no number 1; there are 2, 3"):
        there.roll_back("stable", 1, years.now)


def test_what_was_put_there_today_may_belong_to_a_publication_under_way(
    there: HeadOffice, years: Years, releases: list[Path]
) -> None:
    there.publish(releases[0], now=years.now)
    years.pass_by(10)
    under_way = blob_name("ab" * 32)
    there.storage.create(under_way, b"of a publisher that is still sending")
    swept(there, years, Rule(days=0))
    assert under_way in blobs(there)
    years.pass_by(2 * GRACE_S / DAY_S)
    assert under_way in swept(there, years, Rule(days=0)).removed


def test_nothing_is_collected_while_somebody_publishes(
    there: HeadOffice, years: Years, releases: list[Path]
) -> None:
    there.publish(releases[0], now=years.now)
    with there.storage.held(), pytest.raises(BusyError):
        swept(there, years, Rule(days=0))


def test_every_root_stays_for_ever(there: HeadOffice, years: Years, releases: list[Path]) -> None:
    there.publish(releases[0], now=years.now)
    spare = there.keys.signers["spare-0"].public_key
    there.change_keys(with_keys(there.trust.roles, "timestamp", [spare]), now=years.now)
    there.publish(releases[1], now=years.now)
    years.pass_by(399)
    swept(there, years, Rule(days=0))
    there.refresh(years.now)
    with Reader(there.trust.roots[0]) as reader:
        assert reader.announcement(there.storage).seq == 2
    assert there.storage.read("metadata/2.root.json") is not None


def test_what_a_replaced_key_announced_stays_to_go_back_to(
    there: HeadOffice, years: Years, releases: list[Path]
) -> None:
    """Through three changes of the key, with a sweep before and after each."""
    made = []
    for number in range(3):
        made.append(there.publish(releases[number], now=years.now))
        years.pass_by(10)
        swept(there, years, Rule(days=100))
        spare = there.keys.signers[f"spare-{number}"].public_key
        there.change_keys(with_keys(there.trust.roles, "stable", [spare]), now=years.now)
        there.refresh(years.now)
        years.pass_by(10)
        swept(there, years, Rule(days=100))
    for each in made:
        check_blobs(there.storage, each)
    state = standing.read(there.storage, there.trust)
    past = history.announced(there.storage, there.trust, state, "stable")
    assert [each.announcement for each in past] == made
    assert there.roll_back("stable", 1, years.now).reverts_to == 1
    years.pass_by(200)
    assert swept(there, years, Rule(days=100)).kept_releases == 1
    with pytest.raises(PublishError, match="no number 2; there are 1, 4"):
        there.roll_back("stable", 2, years.now)


@pytest.mark.parametrize("with_snapshot", [False, True])
def test_who_has_a_replaced_key_cannot_write_a_past_to_go_back_to(
    there: HeadOffice, years: Years, releases: list[Path], with_snapshot: bool
) -> None:
    """Not even with the snapshot key that was replaced with it."""
    made = [there.publish(release, now=years.now) for release in releases[:2]]
    roles, spares = there.trust.roles, there.keys.signers
    roles = with_keys(roles, "stable", [spares["spare-0"].public_key])
    if with_snapshot:
        roles = with_keys(roles, "snapshot", [spares["spare-1"].public_key])
    there.change_keys(roles, now=years.now)
    there.refresh(years.now)
    files = there.storage.files if isinstance(there.storage, MemoryStorage) else {}
    evil = to_json(replace(made[0], release="e" * 16))
    files[announcement_name("stable", digest(evil))] = evil
    forged = metadata.channel("stable", evil, 1, years.now)
    there.keys.ring().sign(forged, "stable", [spares["stable"].public_key])
    files["metadata/1.stable.json"] = to_bytes(forged)
    if with_snapshot:
        listed = {
            "targets": (1, files["metadata/1.targets.json"]),
            "stable": (1, files["metadata/1.stable.json"]),
        }
        told = metadata.snapshot(listed, 1, years.now)
        there.keys.ring().sign(told, "snapshot", [spares["snapshot"].public_key])
        files["metadata/1.snapshot.json"] = to_bytes(told)
    state = standing.read(there.storage, there.trust)
    past = history.announced(there.storage, there.trust, state, "stable")
    assert [each.announcement.seq for each in past] == [2]
    with pytest.raises(PublishError, match="no number 1; there are 2"):
        there.roll_back("stable", 1, years.now)


def test_a_damaged_manifest_stops_it_before_anything_is_removed(
    there: HeadOffice, years: Years, releases: list[Path]
) -> None:
    there.publish(releases[0], now=years.now)
    last = there.publish(releases[1], now=years.now)
    years.pass_by(10)
    assert isinstance(there.storage, MemoryStorage)
    there.storage.files[blob_name(last.manifest.sha256)] = b"{}"
    before = dict(there.storage.files)
    with pytest.raises(PublishError, match="is damaged"):
        swept(there, years, Rule(days=0))
    assert there.storage.files == before


def test_a_rehearsal_removes_nothing(there: HeadOffice, years: Years, releases: list[Path]) -> None:
    for release in releases[:2]:
        there.publish(release, now=years.now)
    years.pass_by(10)
    before = blobs(there)
    told = collect(there.storage, there.trust, Rule(days=0), now=years.now, dry=True)
    assert told.removed
    assert blobs(there) == before


def test_whatever_was_done_nothing_that_is_kept_ever_goes(
    tmp_path: Path, signing_keys: Keys, releases: list[Path]
) -> None:
    """Random lives of repositories; after each step the rule is judged by itself, from outside."""
    for seed in range(12):
        dice, years = random.Random(seed), Years()
        there = head_office(tmp_path, signing_keys, years.now)
        there.storage = MemoryStorage(years)
        told: dict[str, list[Announcement]] = {"stable": [], "canary": []}
        rule = Rule(dice.choice([1, 2, 3]), dice.choice([0, 20, 60]))
        for _ in range(25):
            years.pass_by(dice.choice([0.01, 1, 5, 30]))
            channel = dice.choice(["stable", "canary"])
            act = dice.random()
            if act < 0.5 or not told[channel]:
                _note(told, there.publish(dice.choice(releases), channel, now=years.now))
            elif act < 0.65:
                state = standing.read(there.storage, there.trust)
                past = history.announced(there.storage, there.trust, state, channel)
                _note(told, there.roll_back(channel, dice.choice(past).announcement.seq, years.now))
            elif act < 0.75:
                there.refresh(years.now)
            else:
                swept(there, years, rule)
                for each in told.values():
                    _check_kept(there, each, rule, years.now)


def _note(told: dict[str, list[Announcement]], made: Announcement) -> None:
    if not told[made.channel] or told[made.channel][-1] != made:
        told[made.channel].append(made)


def _check_kept(there: HeadOffice, told: list[Announcement], rule: Rule, now: datetime) -> None:
    """By what was told while publishing, not by what the repository remembers."""
    recent: list[str] = []
    for number in range(len(told) - 1, -1, -1):
        if told[number].release not in recent:
            recent.append(told[number].release)
        until = told[number + 1].created if number + 1 < len(told) else now.isoformat()
        lately = datetime.fromisoformat(until) > now - timedelta(days=rule.days)
        if number == len(told) - 1 or lately or told[number].release in recent[: rule.releases]:
            check_blobs(there.storage, told[number])


def test_the_days_of_an_announcement_begin_when_the_next_one_comes() -> None:
    now = datetime.now(UTC)

    def past(seq: int, days_ago: float, release: str) -> Past:
        created = (now - timedelta(days=days_ago)).isoformat()
        return Past(
            replace(announcement(seq), created=created, release=release * 16), seq, seq == 4
        )

    rows = [past(1, 400, "a"), past(2, 300, "b"), past(3, 170, "a"), past(4, 10, "c")]
    stays = [each.announcement.seq for each in kept(rows, Rule(1, 180), now)]
    assert stays == [2, 3, 4]
    assert [each.announcement.seq for each in kept(rows, Rule(2, 0), now)] == [1, 3, 4]
