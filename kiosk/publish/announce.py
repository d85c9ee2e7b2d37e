# SPDX-License-Identifier: Apache-2.0
"""What head office does with a repository: announce a release, an older one, another rollout.

Each is one new announcement and one new edition of the metadata, under the lock of the place.
"""

from __future__ import annotations

import dataclasses
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kiosk.announcement import Announcement, Blob, Gate, Requires, Rollout, to_json
from kiosk.announcement import parse as parse_announcement
from kiosk.catalog.manifest import Manifest, verify
from kiosk.catalog.manifest import parse as parse_manifest
from kiosk.errors import PublishError
from kiosk.publish import edition, history, standing
from kiosk.publish.requires import requires
from kiosk.publish.ring import KeyRing
from kiosk.publish.standing import Spoken, Standing
from kiosk.publish.storage import Storage, blob_name, digest, read_or_raise
from kiosk.publish.trust import Trust
from kiosk.publish.upload import Progress, Sent, check_there, named_blobs, upload

DEFAULT_CATALOG = "catalog"


@dataclass(frozen=True, slots=True)
class Office:
    """A place, what the root keys say of it, and the keys at hand."""

    storage: Storage
    trust: Trust
    ring: KeyRing


@dataclass(frozen=True, slots=True)
class Wish:
    """How a release is to be announced; what is left out is worked out or stays as it was."""

    channel: str
    catalog: str = ""
    rollout: Rollout = dataclasses.field(default_factory=Rollout)
    """An empty salt becomes a random one, so that the same kiosks are not always the first."""
    gate: Gate = dataclasses.field(default_factory=Gate)
    app_min: str = ""
    app_below: str = ""
    disk_bytes: int = 0
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What readers see now."""

    announcement: Announcement
    new: bool
    """False: exactly that was announced already."""
    sent: Sent = Sent(0, 0, 0, 0)


def publish(
    office: Office,
    release: Path,
    wish: Wish,
    *,
    now: datetime | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Announce the release in the folder `release`: blobs, manifest, metadata, timestamp last.

    Run again after it was stopped, it goes on. Raises CatalogError (PublishError among them),
    BusyError, OSError of the release; readers then see what they saw.
    """
    edition.check_keys(office.trust, office.ring, wish.channel)
    manifest = verify(release)
    at = now or datetime.now(UTC)
    with office.storage.held():
        state = standing.read(office.storage, office.trust)
        proven = _proven(office.storage, state)
        blob, sent = upload(office.storage, release, manifest, proven=proven, progress=progress)
        spoken = state.spoken(wish.channel)
        made = Announcement(
            catalog=_catalog(wish, state),
            channel=wish.channel,
            seq=_seq(spoken),
            created=at.replace(microsecond=0).isoformat(),
            release=manifest.release,
            manifest=blob,
            requires=_requires(wish, manifest, blob),
            rollout=_salted(wish.rollout),
            gate=wish.gate,
        )
        if spoken is not None and _same(spoken.announcement, made, wish):
            edition.finish(office.storage, office.trust, state)
            if edition.is_behind(office.trust, state):  # a key that was taken away still counts
                edition.put(office.storage, office.trust, office.ring, state, {}, at)
            return Outcome(spoken.announcement, False, sent)
        check_there(office.storage, manifest, blob)
        _put(office, state, made, at)
    return Outcome(made, True, sent)


def roll_back(office: Office, channel: str, seq: int, *, now: datetime | None = None) -> Outcome:
    """Announce again, to all kiosks at once and under a new number, what `seq` announced.

    Raises PublishError when that was never announced here or its files were collected.
    """
    at = now or datetime.now(UTC)
    with office.storage.held():
        state = standing.read(office.storage, office.trust)
        past = history.find(office.storage, office.trust, state, channel, seq)
        manifest = parse_manifest(read_or_raise(office.storage, blob_name(past.manifest.sha256)))
        check_there(office.storage, manifest, past.manifest)
        made = dataclasses.replace(
            past,
            seq=_seq(state.spoken(channel)),
            created=at.replace(microsecond=0).isoformat(),
            reverts_to=seq,
            rollout=Rollout(salt=past.rollout.salt),
        )
        _put(office, state, made, at)
    return Outcome(made, True)


def roll_out(
    office: Office, channel: str, rollout: Rollout, *, now: datetime | None = None
) -> Outcome:
    """Change who takes the announced release when: other waves, a pause, its end.

    An empty salt stays what it was, so that whoever had his turn still has it.
    """
    at = now or datetime.now(UTC)
    with office.storage.held():
        state = standing.read(office.storage, office.trust)
        spoken = state.spoken(channel)
        if spoken is None:
            raise PublishError(
                f"{office.storage.address}: the channel {channel} announces nothing yet; "
                "publish a release first"
            )
        before = spoken.announcement
        kept = dataclasses.replace(rollout, salt=rollout.salt or before.rollout.salt)
        if kept == before.rollout:
            return Outcome(before, False)
        made = dataclasses.replace(
            before,
            seq=before.seq + 1,
            created=at.replace(microsecond=0).isoformat(),
            rollout=kept,
        )
        _put(office, state, made, at)
    return Outcome(made, True)


def refresh(office: Office, *, now: datetime | None = None) -> Standing:
    """Sign the timestamp again, what has lost half its time too, and put new roots there."""
    with office.storage.held():
        state = standing.read(office.storage, office.trust)
        if state.timestamp is None:
            raise PublishError(
                f"{office.storage.address}: nothing is announced here yet; publish a release first"
            )
        at = now or datetime.now(UTC)
        edition.put(office.storage, office.trust, office.ring, state, {}, at)
        return standing.read(office.storage, office.trust)


def _put(office: Office, state: Standing, made: Announcement, now: datetime) -> None:
    data = to_json(made)
    if parse_announcement(data) != made:  # a kiosk would read something else than was meant
        raise PublishError(f"the announcement of {made.release} does not read as it was written")
    edition.put(office.storage, office.trust, office.ring, state, {made.channel: data}, now)


def _seq(spoken: Spoken | None) -> int:
    return spoken.announcement.seq + 1 if spoken else 1


def _catalog(wish: Wish, state: Standing) -> str:
    """A kiosk stays with the catalog it knows, so the name in a place never changes by accident."""
    known = {each.announcement.catalog for each in (state.channels or {}).values()}
    if wish.catalog and known and wish.catalog not in known:
        raise PublishError(
            f"this repository is of the catalog {sorted(known)[0]!r}, not {wish.catalog!r}; "
            "publish another catalog to another place"
        )
    return wish.catalog or next(iter(sorted(known)), DEFAULT_CATALOG)


def _requires(wish: Wish, manifest: Manifest, blob: Blob) -> Requires:
    found = requires(manifest, blob.bytes)
    return dataclasses.replace(
        found,
        app_min=wish.app_min or found.app_min,
        app_below=wish.app_below,
        disk_bytes=max(found.disk_bytes, wish.disk_bytes),
        memory_bytes=wish.memory_bytes or found.memory_bytes,
    )


def _salted(rollout: Rollout) -> Rollout:
    return dataclasses.replace(rollout, salt=rollout.salt or secrets.token_hex(8))


def _same(before: Announcement, made: Announcement, wish: Wish) -> bool:
    """Whether nothing that was asked for differs from what is announced."""
    salt = wish.rollout.salt or before.rollout.salt
    rollout = dataclasses.replace(made.rollout, salt=salt)
    return before == dataclasses.replace(
        made, seq=before.seq, created=before.created, rollout=rollout, reverts_to=before.reverts_to
    )


def _proven(storage: Storage, state: Standing) -> set[str]:
    """Blobs of what is announced now: they were read back before that was."""
    found: set[str] = set()
    for spoken in (state.channels or {}).values():
        wanted = spoken.announcement.manifest.sha256
        listed = storage.read(blob_name(wanted))
        if listed is not None and digest(listed) == wanted:
            found |= named_blobs(listed) | {wanted}
    return found
