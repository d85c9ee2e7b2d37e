# SPDX-License-Identifier: Apache-2.0
"""What a channel announces, proven by `tuf`'s client on a scratch copy of the kept metadata.

Rules: the first root is always the one this kiosk was given, never one it was sent; dates are
judged at a time the caller names; whatever goes wrong is told by what came, not by which call
failed. The client neither syncs to disk nor bounds a transfer, so it does neither here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadHTTPError,
    ExpiredMetadataError,
    LengthOrHashMismatchError,
    RepositoryError,
)
from tuf.api.metadata import Metadata, Root, TargetFile
from tuf.ngclient import Updater, UpdaterConfig
from tuf.ngclient.fetcher import FetcherInterface

from kiosk import announcement
from kiosk.errors import Held, Stale, SyncError, Tampered
from kiosk.sync import evidence
from kiosk.sync.evidence import Absent, Unanswered
from kiosk.sync.origin import Origin

METADATA, TARGETS = "metadata", "targets"
"""Folders of a repository."""
_ROOT = re.compile(r"(\d{1,9})\.root\.json")
_HISTORY = "root_history"
_ANNOUNCED = "announced"
_LIMITS = UpdaterConfig(
    max_root_rotations=256,
    max_delegations=8,
    root_max_length=128 * 1024,
    timestamp_max_length=16 * 1024,
    snapshot_max_length=64 * 1024,
    targets_max_length=256 * 1024,
)

_NOT_SIGNED_AGAIN = "tell whoever publishes the catalog to sign again"
_LAY_AROUND = (
    "fetch a newer stick. One that only lay around can be taken by hand, with --accept-expired"
)


def announced(scratch: Path, origin: Origin, root: bytes, channel: str, at: datetime) -> bytes:
    """The announcement of `channel`, signed and not past its date at `at` (aware, UTC).

    `scratch` holds what was verified before (`fill`) and then what is verified now (`verified`),
    also when this raises: Unanswered, Stale, Tampered, Held.
    """
    fetcher = _Fetcher(origin)
    try:
        updater = Updater(str(scratch), METADATA, fetcher=fetcher, config=_LIMITS, bootstrap=root)
    except RepositoryError as error:
        raise Held(
            "bad_root",
            f"the root this kiosk was given cannot be used ({error}); enrol it again or mend "
            "sync.root",
        ) from error
    # The client has no public way to judge dates by another clock; a test holds this one.
    updater._trusted_set.reference_time = at
    try:
        updater.refresh()
        target = updater.get_targetinfo(f"{channel}.json")
        if target is None:
            raise Held(
                "no_channel",
                f"{origin.name}: has no channel {channel!r}; set sync.channel to one that is "
                "published",
            )
        digest = target.hashes.get("sha256", "")
        kept = _kept(scratch, target)
        if kept:
            return kept
        path = f"{TARGETS}/{digest}.{channel}.json"
        data = fetcher.download_bytes(path, min(target.length, announcement.MAX_BYTES))
        target.verify_length_and_hashes(data)
    except SyncError:
        raise
    except Exception as error:  # the client leaks errors of its parts; none is lost
        raise fault(origin, fetcher.path, error, fetcher.came, at) from error
    return data


def fault(origin: Origin, path: str, error: Exception, came: bytes, at: datetime) -> Exception:
    """What `error` means, given the last bytes that came. Errors of our own disk stay as they are.

    `path` is the file that was judged, `at` the time it was judged at.
    """
    name = f"{origin.name}/{path}"
    if isinstance(error.__cause__, Absent):
        return error.__cause__
    if isinstance(error, ExpiredMetadataError):
        to_do = _LAY_AROUND if origin.carried else _NOT_SIGNED_AGAIN
        return Stale(
            "expired",
            f"{origin.name}: what is published there is past its date ({error}), by this kiosk's "
            f"clock {at:%Y-%m-%d}; check that clock, or {to_do}",
        )
    if isinstance(error, OSError):
        return error
    if not evidence.is_signed_metadata(came):
        return origin.odd(name, came, f"what came is not a catalog's metadata ({_words(error)})")
    if isinstance(error, BadVersionNumberError):
        return Tampered(
            "rollback",
            f"{name}: is not the version that was signed, or older ({error}). {origin.doubt}",
        )
    return Tampered(
        "not_signed", f"{name}: is not what was signed ({_words(error)}). {origin.doubt}"
    )


def fill(scratch: Path, kept: Mapping[str, bytes], announcement: bytes = b"") -> None:
    """Lay out what was kept for the client, by name as `verified` gave it, and the last
    announcement: it is not fetched again.
    """
    (scratch / _HISTORY).mkdir()
    (scratch / _ANNOUNCED).write_bytes(announcement)
    for name, data in kept.items():
        folder = scratch / _HISTORY if _ROOT.fullmatch(name) else scratch
        (folder / name).write_bytes(data)


def verified(scratch: Path, root: bytes) -> dict[str, bytes]:
    """The metadata to keep, by name, each root before what it signs; without `root` itself."""
    roots = sorted((scratch / _HISTORY).glob("*.root.json"), key=_version)
    others = sorted(path for path in scratch.glob("*.json") if path.name != "root.json")
    held = {path.name: path.read_bytes() for path in (*roots, *others)}
    return {name: data for name, data in held.items() if data != root}


def root_version(root: bytes) -> int:
    """Raises Held unless `root` is a root that enough of its own keys have signed."""
    try:
        metadata = Metadata[Root].from_bytes(root)
        if not isinstance(metadata.signed, Root):
            raise ValueError("it is not the root")
        metadata.signed.verify_delegate(Root.type, metadata.signed_bytes, metadata.signatures)
    except (RepositoryError, ValueError) as error:
        raise Held("bad_root", f"this is not a root that can be trusted ({error})") from error
    return metadata.signed.version


class _Fetcher(FetcherInterface):
    """Gives the client what the origin gives us, and remembers what came last."""

    def __init__(self, origin: Origin) -> None:
        self.path = ""
        self.came = b""
        self._origin = origin

    def download_bytes(self, url: str, max_length: int) -> bytes:
        self.path, self.came = url, b""
        try:
            self.came = self._origin.small(url, max_length)
        except Absent as error:
            raise DownloadHTTPError(str(error), error.status) from error
        return self.came

    def _fetch(self, url: str) -> Iterator[bytes]:
        raise Unanswered("unusable", f"{url}: is not fetched this way")  # only whole files are


def _kept(scratch: Path, target: TargetFile) -> bytes:
    data = (scratch / _ANNOUNCED).read_bytes()
    try:
        target.verify_length_and_hashes(data)
    except LengthOrHashMismatchError:
        return b""
    return data


def _version(path: Path) -> int:
    match = _ROOT.fullmatch(path.name)
    return int(match[1]) if match else 0


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__
