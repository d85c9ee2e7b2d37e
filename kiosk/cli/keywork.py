# SPDX-License-Identifier: Apache-2.0
"""What `kiosk keys` does. Every change is a draft until enough root keys have signed it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path

from kiosk.cli import keymaking
from kiosk.cli.keyview import after, described, proposed
from kiosk.cli.passphrases import asker, new_passphrase
from kiosk.errors import SigningKeyError, UsageError
from kiosk.publish import draft as drafts
from kiosk.publish import keyfolder
from kiosk.publish.draft import Draft
from kiosk.publish.ring import KeyRing
from kiosk.publish.roles import (
    ROOT,
    SNAPSHOT,
    TIMESTAMP,
    Key,
    Roles,
    checked,
    find_key,
    holder,
    with_keys,
    without_key,
)
from kiosk.publish.trust import (
    FIRST,
    Trust,
    draft_files,
    drop_draft,
    keep_draft,
    open_draft,
    open_trust,
    settle,
)


def make(arguments: argparse.Namespace) -> int:
    """One key in its own folder."""
    folder: Path = arguments.folder
    keymaking.make_key(
        folder,
        arguments.name or folder.resolve().name,
        new_passphrase(arguments),
        arguments.unattended,
    )
    print(f"give away {folder / keyfolder.PUBLIC}; {folder / keyfolder.PRIVATE} stays here")
    return os.EX_OK


def init(arguments: argparse.Namespace) -> int:
    """A trust folder with its first root."""
    trust: Path = arguments.trust
    waiting = None if (trust / FIRST).exists() else open_draft(trust)
    if (trust / FIRST).exists():
        raise UsageError(f"{trust}: is a trust folder already; choose another, or `kiosk keys add`")
    if waiting is not None and waiting.roots and waiting.targets is not None:
        raise UsageError(
            f"{trust}: is begun already and waits for signatures: `kiosk keys sign {trust} "
            "--keys DIR`; or `kiosk keys drop` it and begin again"
        )
    given: dict[str, list[Key]] = {}
    for text in arguments.public:
        role, sign, file = text.partition("=")
        if not sign:
            raise UsageError(f"{text!r} is not ROLE=FILE")
        given.setdefault(role, []).append(keyfolder.read_public(Path(file)))
    places = [*arguments.keys]
    ask = asker(arguments)
    missing = _missing(arguments, given)
    if missing:
        if arguments.make is None:
            raise UsageError(
                f"there is no key for {', '.join(missing)}: name it with --public ROLE=FILE, "
                "or let it be made with --make DIR"
            )
        passphrase = new_passphrase(arguments)
        made = keymaking.make_all(arguments.make, trust, missing, passphrase, arguments.unattended)
        for role, key in made:
            given.setdefault(role, []).append(key)
        places.append(arguments.make)
        ask = _known({arguments.make / name for name in missing}, passphrase, ask)
    channels = {name: tuple(given[name]) for name in given if name not in _TOP}
    roles = checked(
        Roles(
            root=tuple(given[ROOT]),
            threshold=arguments.threshold,
            snapshot=tuple(given[SNAPSHOT]),
            timestamp=tuple(given[TIMESTAMP]),
            channels=channels,
        )
    )
    for name in channels:  # judges the name too
        with_keys(roles, name, channels[name])
    begun = drafts.first(roles, datetime.now(UTC))
    code = _sign(trust, None, begun, keyfolder.ring(places, ask))
    if missing:
        keymaking.finish(arguments.make)
    return code


def _known(made: Collection[Path], passphrase: bytes, others: keyfolder.Ask) -> keyfolder.Ask:
    """Asks nobody twice for the passphrase of keys that were made a moment ago."""
    return lambda folder: passphrase if folder in made else others(folder)


_TOP = (ROOT, SNAPSHOT, TIMESTAMP)


def _missing(arguments: argparse.Namespace, given: dict[str, list[Key]]) -> dict[str, str]:
    """Name to role of every key that is still to be made."""
    made = {}
    if ROOT not in given:
        made = {f"{ROOT}-{number}": ROOT for number in range(1, arguments.root_keys + 1)}
    return made | {
        role: role for role in (*arguments.channels, SNAPSHOT, TIMESTAMP) if role not in given
    }


def add(arguments: argparse.Namespace) -> int:
    """One more key."""
    key = keyfolder.read_public(arguments.public)

    def change(roles: Roles) -> Roles:
        known = roles.keys(arguments.role) if arguments.role in roles.names() else ()
        return with_keys(roles, arguments.role, (*known, key))

    return _change(arguments, change)


def rotate(arguments: argparse.Namespace) -> int:
    """A new key for an old one."""
    key = keyfolder.read_public(arguments.public)

    def change(roles: Roles) -> Roles:
        known = roles.keys(arguments.role)
        if arguments.old is None and len(known) > 1:
            held = ", ".join(map(holder, known))
            raise UsageError(f"{arguments.role} has several keys; say with --old which of {held}")
        old = known[0] if arguments.old is None else find_key(roles, arguments.old)
        if old.keyid not in {each.keyid for each in known}:
            raise SigningKeyError(f"{arguments.old} does not sign for {arguments.role}")
        kept = [key if each.keyid == old.keyid else each for each in known]
        return with_keys(roles, arguments.role, kept)

    return _change(arguments, change)


def revoke(arguments: argparse.Namespace) -> int:
    """A lost key counts no more."""

    def change(roles: Roles) -> Roles:
        if arguments.threshold is not None:  # fewer root keys may need fewer signatures
            roles = drafts.with_threshold(roles, arguments.threshold)
        return without_key(roles, find_key(roles, arguments.key).keyid)

    return _change(arguments, change)


def renew(arguments: argparse.Namespace) -> int:
    """The same keys for a new term."""
    return _change(arguments, lambda roles: roles, again=True)


def sign(arguments: argparse.Namespace) -> int:
    """More signatures on the draft."""
    trust: Path = arguments.trust
    draft = open_draft(trust)
    if draft is None:
        raise SigningKeyError(f"{trust}: there is nothing to sign; `kiosk keys show` says more")
    settled = _settled(trust)
    print("\n".join(proposed(draft, settled)))
    for copy in arguments.copies:
        came = drafts.merge(draft, settled.root.signed if settled else None, draft_files(copy))
        nothing = not came.taken and not came.left
        why = ": it holds no new one, or is a copy of another draft" if nothing else ""
        print(f"took over {came.taken} signatures of {copy}{why}")
        for each in came.left:
            print(f"  left out {each}; ask for it again")
    return _sign(trust, settled, draft, _ring(arguments.keys, arguments))


def drop(arguments: argparse.Namespace) -> int:
    """No change after all."""
    drop_draft(arguments.trust)
    return show(arguments)


def show(arguments: argparse.Namespace) -> int:
    """Everything a person may want to compare or must still do."""
    trust: Path = arguments.trust
    settled, draft = _settled(trust), open_draft(trust)
    if settled is None and draft is None:
        open_trust(trust)  # raises with what to do
    if settled is not None:
        print("\n".join(described(settled)))
    if draft is not None:
        print("\n".join(proposed(draft, settled)))
        _print_missing(draft, settled)
    return os.EX_OK


def _change(
    arguments: argparse.Namespace, change: Callable[[Roles], Roles], *, again: bool = False
) -> int:
    """Draft what leads from what counts to what is wanted; a draft there was is gone on from."""
    trust: Path = arguments.trust
    settled, draft = open_trust(trust), open_draft(trust)
    wanted = change(settled.roles if draft is None else after(draft, settled))
    if arguments.threshold is not None:
        wanted = checked(drafts.with_threshold(wanted, arguments.threshold))
    made = drafts.following(
        settled.root.signed,
        settled.targets.signed,
        settled.roles,
        wanted,
        datetime.now(UTC),
        renew=again,
    )
    if not made.files():
        raise UsageError("that changes nothing; `kiosk keys show` says what counts")
    return _sign(trust, settled, made, _ring(arguments.keys, arguments))


def _sign(trust: Path, settled: Trust | None, draft: Draft, ring: KeyRing) -> int:
    root = settled.root.signed if settled else None
    signed = drafts.sign(draft, root, ring)
    keep_draft(trust, draft)
    if signed:
        print(f"signed by {', '.join(signed)}")
    if not settle(trust, draft, root):
        _print_missing(draft, settled)
        print(f"then: kiosk keys sign {trust} --keys DIR")
        return os.EX_OK
    print("\n".join(described(open_trust(trust))))
    if settled is not None:
        print("kiosks see it with the next `kiosk catalog publish` or `kiosk catalog refresh`")
    return os.EX_OK


def _print_missing(draft: Draft, settled: Trust | None) -> None:
    for row in drafts.missing(draft, settled.root.signed if settled else None):
        done = ", ".join(row.signed) or "nobody"
        more = f"; {row.wanted} more of {', '.join(row.candidates)}" if row.wanted else ""
        print(f"draft {row.file}: signed by {done}{more}")


def _settled(trust: Path) -> Trust | None:
    return open_trust(trust) if (trust / FIRST).exists() else None


def _ring(places: list[Path], arguments: argparse.Namespace) -> KeyRing:
    return keyfolder.ring(places, asker(arguments))
