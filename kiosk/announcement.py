# SPDX-License-Identifier: Apache-2.0
"""What a channel says of itself: which release it has now, what that needs, who gets it when.

One small JSON file for each channel, `CHANNEL.json`, is all that is signed; everything else is
found from it by sha256. `parse` takes bytes that were verified before and returns a value, no IO.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kiosk.errors import AnnouncementError

FORMAT = 1
MAX_BYTES = 64 * 1024
MOST_WAVES = 32
CHANNEL = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_RELEASE = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Blob:
    """A file by its content: it lies at `blobs/<first two digits>/<sha256>`."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Requires:
    """What a kiosk must have before it fetches anything. Empty or 0: nothing is asked."""

    embedder: str = ""
    """sha256 of the embedder, unless the release brings it."""
    app_min: str = ""
    """Least version of this program."""
    app_below: str = ""
    """First version of it that is too new."""
    disk_bytes: int = 0
    """Free space for the release as a whole, when nothing of it is there yet."""
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Wave:
    """From `after` (UTC, ISO 8601) on, this share of the kiosks takes the release."""

    after: str
    permille: int


@dataclass(frozen=True, slots=True)
class Rollout:
    """Who takes the release when. No waves: all of them at once."""

    salt: str = ""
    pause: bool = False
    waves: tuple[Wave, ...] = ()


@dataclass(frozen=True, slots=True)
class Gate:
    """When a release that was activated is good; until then it is on trial."""

    agree_min: float = 0.98
    """Least share of probe queries that must answer as they did for the publisher."""
    p95_ms_max: float = 0.0
    """Longest search at the 95th percentile; 0: not asked."""
    good_after_s: int = 600
    good_after_decisions: int = 3


@dataclass(frozen=True, slots=True)
class Announcement:
    """The signed word of a channel."""

    catalog: str
    """Name of the catalog: a kiosk stays with the one it knows."""
    channel: str
    seq: int
    """Only ever grows, also when an older release is announced again."""
    created: str
    """UTC, ISO 8601."""
    release: str
    """Its id, 16 hex digits."""
    manifest: Blob
    reverts_to: int = 0
    """The sequence number whose release this is again; 0: a new one."""
    requires: Requires = field(default_factory=Requires)
    rollout: Rollout = field(default_factory=Rollout)
    gate: Gate = field(default_factory=Gate)


def to_json(announcement: Announcement) -> bytes:
    """Canonical: the same announcement is the same bytes."""
    body = {"format": FORMAT, **dataclasses.asdict(announcement)}
    return (json.dumps(body, sort_keys=True, separators=(",", ":")) + "\n").encode()


def parse(data: bytes) -> Announcement:
    """Raises AnnouncementError for anything but a whole one of this format, unknown fields too."""
    if len(data) > MAX_BYTES:
        raise AnnouncementError("the announcement is too large; tell whoever publishes the catalog")
    try:
        body = json.loads(data.decode("utf-8"), object_pairs_hook=_once)
        if not isinstance(body, dict) or body.pop("format", None) != FORMAT:
            raise AnnouncementError(
                f"the announcement has not format {FORMAT}: update the kiosk, or tell the publisher"
            )
        return _announcement(body)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise AnnouncementError(
            f"the announcement is not usable ({error}); tell whoever publishes the catalog"
        ) from error


def permille_at(rollout: Rollout, now: datetime) -> int:
    """Share of the kiosks, of 1000, that takes the release at this time (aware, UTC)."""
    if rollout.pause:
        return 0
    if not rollout.waves:
        return 1000
    begun = [wave.permille for wave in rollout.waves if moment(wave.after) <= now]
    return max(begun, default=0)


def bucket(salt: str, kiosk_id: str) -> int:
    """0 to 999: where this kiosk stands in the queue of one release."""
    digest = hashlib.sha256(f"{salt}\0{kiosk_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 1000


def takes(rollout: Rollout, kiosk_id: str, now: datetime) -> bool:
    """Whether it is this kiosk's turn."""
    return bucket(rollout.salt, kiosk_id) < permille_at(rollout, now)


def moment(text: str) -> datetime:
    """Raises ValueError unless it is a time with its zone."""
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r} is no time in UTC") from error


def _announcement(body: dict[str, Any]) -> Announcement:
    made = Announcement(
        catalog=_text(body.pop("catalog"), 64),
        channel=_matching(body.pop("channel"), CHANNEL),
        seq=_count(body.pop("seq")),
        created=_time(body.pop("created")),
        release=_matching(body.pop("release"), _RELEASE),
        manifest=_blob(body.pop("manifest")),
        reverts_to=_count(body.pop("reverts_to")),
        requires=_requires(body.pop("requires")),
        rollout=_rollout(body.pop("rollout")),
        gate=_gate(body.pop("gate")),
    )
    if body:
        raise ValueError(f"it holds {sorted(body)[0]!r}, which this kiosk does not know")
    if made.seq < 1:
        raise ValueError("its sequence number must be 1 or more")
    return made


def _blob(body: Mapping[str, Any]) -> Blob:
    _only(body, Blob)
    return Blob(_matching(body["sha256"], _SHA256), _count(body["bytes"]))


def _requires(body: Mapping[str, Any]) -> Requires:
    _only(body, Requires)
    embedder = body["embedder"]
    return Requires(
        embedder=_matching(embedder, _SHA256) if embedder else "",
        app_min=_text(body["app_min"], 32),
        app_below=_text(body["app_below"], 32),
        disk_bytes=_count(body["disk_bytes"]),
        memory_bytes=_count(body["memory_bytes"]),
    )


def _rollout(body: Mapping[str, Any]) -> Rollout:
    _only(body, Rollout)
    waves = body["waves"]
    if (
        not isinstance(waves, list)
        or len(waves) > MOST_WAVES
        or not isinstance(body["pause"], bool)
    ):
        raise TypeError("its rollout is not usable")
    return Rollout(_text(body["salt"], 64), body["pause"], tuple(map(_wave, waves)))


def _wave(body: Mapping[str, Any]) -> Wave:
    _only(body, Wave)
    permille = _count(body["permille"])
    if permille > 1000:
        raise ValueError(f"a wave of {permille} permille is more than all kiosks")
    return Wave(_time(body["after"]), permille)


def _gate(body: Mapping[str, Any]) -> Gate:
    _only(body, Gate)
    return Gate(
        agree_min=_number(body["agree_min"], 1.0),
        p95_ms_max=_number(body["p95_ms_max"], 1e6),
        good_after_s=_count(body["good_after_s"]),
        good_after_decisions=_count(body["good_after_decisions"]),
    )


def _only(body: object, kind: type) -> None:
    names = {each.name for each in dataclasses.fields(kind)}
    if not isinstance(body, dict) or set(body) != names:
        raise TypeError(f"{kind.__name__.lower()} should hold {', '.join(sorted(names))}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    body = dict(pairs)
    if len(body) != len(pairs):
        raise ValueError("a name stands in it twice")
    return body


def _text(value: object, most: int) -> str:
    if not isinstance(value, str) or len(value) > most or not value.isprintable():
        raise TypeError(f"{value!r} should be a text of at most {most} characters")
    return value


def _matching(value: object, pattern: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise TypeError(f"{value!r} is not of the form {pattern.pattern}")
    return value


def _time(value: object) -> str:
    text = _text(value, 40)
    moment(text)
    return text


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise TypeError(f"{value!r} should be a count")
    return value


def _number(value: object, most: float) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= most:
        raise TypeError(f"{value!r} should be a number from 0 to {most}")
    return float(value)
