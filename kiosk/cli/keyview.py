# SPDX-License-Identifier: Apache-2.0
"""Trust folders in words: which keys count, and what a draft would make of them, file by file.

Nobody should have to sign unseen what another wrote: every root on the way is told, not the last
one alone.
"""

from __future__ import annotations

from kiosk.errors import SigningKeyError
from kiosk.publish.draft import Draft
from kiosk.publish.roles import Key, Roles, holder, roles_of
from kiosk.publish.trust import Trust
from kiosk.sync.anchor import in_groups


def described(trust: Trust) -> list[str]:
    """Lines for people: the fingerprint, the dates, who holds which key."""
    root, roles = trust.root.signed, trust.roles
    lines = [
        f"fingerprint {in_groups(trust.fingerprint)}",
        f"root {root.version}, {roles.threshold} of {len(roles.root)} sign, until "
        f"{root.expires:%Y-%m-%d}; channels until {trust.targets.signed.expires:%Y-%m-%d}",
    ]
    for role in roles.names():
        lines.append(f"  {role:<10} {', '.join(sorted(map(_told, roles.keys(role))))}")
    return lines


def proposed(draft: Draft, settled: Trust | None) -> list[str]:
    """Lines for whoever is to sign `draft`: the keys that each of its files adds or takes away."""
    lines: list[str] = []
    before = settled.roles if settled else None
    for file, roles in _steps(draft, settled):
        changed = [
            f"  {sign} {role:<10} {_told(key)}"
            for sign, ours, theirs in (("+", roles, before), ("-", before, roles))
            for role, key in _without(ours, theirs)
        ]
        lines.append(f"{file}: {roles.threshold} of {len(roles.root)} root keys sign together")
        lines += changed or ["  = the same keys"]
        before = roles
    return lines


def after(draft: Draft, settled: Trust | None) -> Roles:
    """The keys that count once all of `draft` does. Raises SigningKeyError."""
    return _steps(draft, settled)[-1][1]


def _steps(draft: Draft, settled: Trust | None) -> list[tuple[str, Roles]]:
    """Each file of a draft with the keys that count from it on."""
    root = settled.root if settled else None
    targets = settled.targets if settled else draft.targets
    found = []
    for root in draft.roots:
        if targets is not None:
            name = f"{root.signed.version}.root.json"
            found.append((name, roles_of(root.signed, targets.signed)))
    if root is not None and draft.targets is not None:
        name = f"{draft.targets.signed.version}.targets.json"
        found.append((name, roles_of(root.signed, draft.targets.signed)))
    if not found:
        raise SigningKeyError("the draft lacks its beginning; `kiosk keys drop` it, begin again")
    return found


def _without(roles: Roles | None, other: Roles | None) -> list[tuple[str, Key]]:
    """Keys by role that `roles` has and `other` has not."""
    if roles is None:
        return []
    known = set()
    if other is not None:
        known = {(role, key.keyid) for role in other.names() for key in other.keys(role)}
    return [
        (role, key)
        for role in roles.names()
        for key in roles.keys(role)
        if (role, key.keyid) not in known
    ]


def _told(key: Key) -> str:
    return f"{holder(key)} ({key.keyid[:12]})"
