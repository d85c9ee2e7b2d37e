# SPDX-License-Identifier: Apache-2.0
"""The trust folder: every root there ever was, who may speak for which channel, and the draft.

    TRUST/1.root.json … N.root.json, M.targets.json     signed by enough root keys
    TRUST/draft/…                                       still being signed

It holds nothing secret: it may be copied, mailed, kept in version control. What a repository says
is judged by it, so a publisher never signs on top of what somebody else put there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tuf.api.metadata import Metadata, Root, Targets

from kiosk.durable import write_durably
from kiosk.errors import PublishError
from kiosk.publish import draft as drafts
from kiosk.publish.draft import Draft
from kiosk.publish.metadata import is_signed, parsed
from kiosk.publish.roles import ROOT, TARGETS, Roles, roles_of
from kiosk.publish.storage import digest

_FILE = re.compile(r"([1-9][0-9]{0,8})\.(root|targets)\.json")
_DRAFT = "draft"
FIRST = "1.root.json"


@dataclass(frozen=True, slots=True)
class Trust:
    """What the root keys have signed, verified link by link."""

    roots: tuple[bytes, ...]
    root: Metadata[Root]
    """The last of them."""
    targets: Metadata[Targets]
    targets_bytes: bytes

    @property
    def fingerprint(self) -> str:
        """sha256 of `1.root.json`: what a kiosk is told to trust."""
        return digest(self.roots[0])

    @property
    def roles(self) -> Roles:
        return roles_of(self.root.signed, self.targets.signed)

    def root_at(self, version: int) -> Metadata[Root]:
        """The root of that number, 1 or more."""
        return parsed(Root, self.roots[version - 1], f"{version}.root.json")


def verified(roots: tuple[bytes, ...], targets: bytes) -> Trust:
    """Raises PublishError unless each root is signed by itself and the one before, and so on."""
    if not roots:
        raise PublishError("there is no root")
    before: Metadata[Root] | None = None
    for number, data in enumerate(roots, 1):
        name = f"{number}.root.json"
        root = parsed(Root, data, name)
        judges = [root.signed, *([before.signed] if before else [])]
        if root.signed.version != number or not all(is_signed(by, ROOT, root) for by in judges):
            raise PublishError(f"{name}: lacks signatures of root keys; restore it")
        before = root
    assert before is not None
    listed = parsed(Targets, targets, "targets.json")
    if not is_signed(before.signed, TARGETS, listed):
        raise PublishError("targets.json: lacks signatures of root keys; run `kiosk keys sign`")
    return Trust(roots, before, listed, targets)


def open_trust(folder: Path) -> Trust:
    """Raises PublishError naming the file that is missing or wrong."""
    files = _files(folder)
    roots = sorted(number for number, role in files if role == ROOT)
    numbers = [number for number, role in files if role == TARGETS]
    if not roots or not numbers:
        raise PublishError(
            f"{folder}: is no trust folder with enough signatures ({FIRST} is missing); "
            "make one with `kiosk keys init`, or finish it with `kiosk keys sign`"
        )
    if roots != list(range(1, len(roots) + 1)):
        raise PublishError(f"{folder}: a root is missing between 1 and {roots[-1]}; restore it")
    try:
        return verified(
            tuple(files[number, ROOT].read_bytes() for number in roots),
            files[max(numbers), TARGETS].read_bytes(),
        )
    except PublishError as error:
        raise PublishError(f"{folder}: {error}") from error


def open_draft(folder: Path) -> Draft | None:
    """What is being signed; None: nothing. Raises PublishError for damaged files."""
    files = _files(folder / _DRAFT)
    roots = [
        parsed(Root, files[key].read_bytes(), str(files[key]))
        for key in sorted(files)
        if key[1] == ROOT
    ]
    listed = [
        parsed(Targets, files[key].read_bytes(), str(files[key]))
        for key in sorted(files)
        if key[1] == TARGETS
    ]
    return Draft(tuple(roots), listed[-1] if listed else None) if files else None


def draft_files(folder: Path) -> dict[str, bytes]:
    """Everything signed or being signed in a copy of a trust folder that came back."""
    found = [*_files(folder).values(), *_files(folder / _DRAFT).values()]
    return {path.name: path.read_bytes() for path in found}


def keep_draft(folder: Path, draft: Draft) -> None:
    """Write the draft in the place of any other one."""
    files = draft.files()
    for path in _files(folder / _DRAFT).values():
        if path.name not in files:
            path.unlink()
    (folder / _DRAFT).mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        write_durably(folder / _DRAFT / name, data)


def drop_draft(folder: Path) -> None:
    """Nothing is to be signed any more."""
    for path in _files(folder / _DRAFT).values():
        path.unlink()
    if (folder / _DRAFT).is_dir() and not any((folder / _DRAFT).iterdir()):
        (folder / _DRAFT).rmdir()


def settle(folder: Path, draft: Draft, trusted: Root | None) -> bool:
    """When every file has its signatures, they become what the folder says. Gives whether so."""
    if any(row.wanted for row in drafts.missing(draft, trusted)):
        return False
    # The first root last: without it the folder is a draft still, and can be signed again.
    for name, data in sorted(draft.files().items(), key=lambda each: each[0] == FIRST):
        write_durably(folder / name, data)
    drop_draft(folder)
    return True


def _files(folder: Path) -> dict[tuple[int, str], Path]:
    if not folder.is_dir():
        return {}
    found = {}
    for path in folder.iterdir():
        matched = _FILE.fullmatch(path.name)
        if matched:
            found[int(matched[1]), matched[2]] = path
    return found
