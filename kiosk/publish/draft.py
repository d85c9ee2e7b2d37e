# SPDX-License-Identifier: Apache-2.0
"""What the root keys are to sign next. Pure rules.

A key never just disappears: where one is taken away, one root comes first in which the old keys
still count beside the new ones, and then one without them. So at every moment of a publication what
is there can be verified, also when the old key is lost and signs no more.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from securesystemslib.exceptions import Error as LibraryError
from tuf.api.metadata import Key, Metadata, Root, Targets

from kiosk.publish import metadata
from kiosk.publish.metadata import metadata_name, to_bytes
from kiosk.publish.ring import KeyRing
from kiosk.publish.roles import ROOT, TARGETS, Roles, holder


@dataclass(frozen=True, slots=True)
class Draft:
    """New metadata on its way to enough signatures."""

    roots: tuple[Metadata[Root], ...]
    """In order; empty: no root key and no online key changes."""
    targets: Metadata[Targets] | None

    def files(self) -> dict[str, bytes]:
        """File name to bytes, without the folder that a repository has."""
        named: dict[str, bytes] = {
            _file(ROOT, each.signed.version): to_bytes(each) for each in self.roots
        }
        if self.targets is not None:
            named[_file(TARGETS, self.targets.signed.version)] = to_bytes(self.targets)
        return named


@dataclass(frozen=True, slots=True)
class Missing:
    """How far one file of a draft is."""

    file: str
    signed: tuple[str, ...]
    """Holders."""
    wanted: int
    """Further signatures."""
    candidates: tuple[str, ...]
    """Holders of whom they may come."""


def first(roles: Roles, now: datetime) -> Draft:
    """Root and channels of a new repository."""
    return Draft((metadata.root(roles, 1, now),), metadata.channels(roles, 1, now))


def following(
    root: Root, targets: Targets, before: Roles, after: Roles, now: datetime, *, renew: bool = False
) -> Draft:
    """What leads from `before`, which `root` and `targets` say, to `after`.

    `renew`: also sign again what does not change, for another while.
    """
    roots: list[Metadata[Root]] = []
    if renew or _top(before) != _top(after):
        if _taken_away(before, after):
            roots.append(metadata.root(after, root.version + 1, now, beside=before))
        roots.append(metadata.root(after, root.version + 1 + len(roots), now))
    same = _ids(before.root) == _ids(after.root) and before.channels == after.channels
    changed = renew or not same or before.threshold != after.threshold
    return Draft(
        tuple(roots), metadata.channels(after, targets.version + 1, now) if changed else None
    )


def sign(draft: Draft, trusted: Root | None, ring: KeyRing) -> list[str]:
    """Add every signature that the keys at hand may give. Gives the holders who signed."""
    signed: dict[str, str] = {}
    for each, keys in _wanted(draft, trusted):
        for keyid, key in keys.items():
            if ring.has(key) and not _verifies(each, key):
                each.sign(ring.signer(key), append=True)
                signed[keyid] = holder(key)
    return sorted(signed.values())


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of a copy."""

    taken: int
    left: tuple[str, ...]
    """In words: each signature that was left out."""


def merge(draft: Draft, trusted: Root | None, files: Mapping[str, bytes]) -> Merged:
    """Take over the signatures of a copy of the draft that was elsewhere, as far as they verify."""
    taken, left = 0, []
    for each, keys in _wanted(draft, trusted):
        name = _file(each.signed.type, each.signed.version)
        if name not in files:
            continue
        other: Metadata[Root] | Metadata[Targets] = (
            metadata.parsed(Root, files[name], name)
            if isinstance(each.signed, Root)
            else metadata.parsed(Targets, files[name], name)
        )
        if other.signed_bytes != each.signed_bytes:
            continue
        for keyid, signature in other.signatures.items():
            key = keys.get(keyid)
            if key is None:
                left.append(f"{name}: the key {keyid[:12]} has no say in it")
            elif not _verifies(other, key):
                left.append(f"{name}: the signature of {holder(key)} does not verify")
            elif not _verifies(each, key):
                each.signatures[keyid] = signature
                taken += 1
    return Merged(taken, tuple(left))


def missing(draft: Draft, trusted: Root | None) -> list[Missing]:
    """What each file still needs."""
    rows = []
    for each, keys in _wanted(draft, trusted):
        wanted = max(
            (by.get_verification_result(role, each.signed_bytes, each.signatures).missing)
            for by, role in _judges(draft, trusted, each)
        )
        done = sorted(holder(key) for key in keys.values() if _verifies(each, key))
        left = sorted(holder(key) for key in keys.values() if not _verifies(each, key))
        name = _file(each.signed.type, each.signed.version)
        rows.append(Missing(name, tuple(done), wanted, tuple(left)))
    return rows


def _wanted(
    draft: Draft, trusted: Root | None
) -> list[tuple[Metadata[Root] | Metadata[Targets], dict[str, Key]]]:
    """Each file with the keys whose signature counts for it."""
    rows = []
    for each in _all(draft):
        keys: dict[str, Key] = {}
        for by, role in _judges(draft, trusted, each):
            keys.update({keyid: by.keys[keyid] for keyid in by.roles[role].keyids})
        rows.append((each, keys))
    return rows


def _verifies(each: Metadata[Root] | Metadata[Targets], key: Key) -> bool:
    """Whether `key` has signed `each`: what only lies there under its id is no signature."""
    if key.keyid not in each.signatures:
        return False
    try:
        key.verify_signature(each.signatures[key.keyid], each.signed_bytes)
    except LibraryError:
        return False
    return True


def _all(draft: Draft) -> list[Metadata[Root] | Metadata[Targets]]:
    return [*draft.roots, *([draft.targets] if draft.targets is not None else [])]


def _judges(
    draft: Draft, trusted: Root | None, each: Metadata[Root] | Metadata[Targets]
) -> list[tuple[Root, str]]:
    """The roots that must find enough signatures on a file, and for which role."""
    chain = [*([trusted] if trusted else []), *(root.signed for root in draft.roots)]
    if isinstance(each.signed, Targets):
        return [(chain[-1], TARGETS)]
    before = [root for root in chain if root.version == each.signed.version - 1]
    return [(root, ROOT) for root in (*before, each.signed)]


def _file(role: str, version: int) -> str:
    return metadata_name(role, version).rsplit("/", 1)[1]


def _top(roles: Roles) -> tuple[object, ...]:
    return (_ids(roles.root), roles.threshold, _ids(roles.snapshot), _ids(roles.timestamp))


def _ids(keys: tuple[Key, ...]) -> frozenset[str]:
    return frozenset(key.keyid for key in keys)


def _taken_away(before: Roles, after: Roles) -> bool:
    pairs = ((before.root, after.root), (before.snapshot, after.snapshot))
    gone = any(_ids(old) - _ids(new) for old, new in (*pairs, (before.timestamp, after.timestamp)))
    return gone or after.threshold > before.threshold


def with_threshold(roles: Roles, threshold: int) -> Roles:
    """`roles` with another number of root signatures."""
    return dataclasses.replace(roles, threshold=threshold)
