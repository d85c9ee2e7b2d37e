# SPDX-License-Identifier: Apache-2.0
"""Real repositories in a folder: real keys (made once), real signatures, small releases."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner

from kiosk.announcement import Announcement, Blob, Gate, Rollout
from kiosk.catalog.manifest import NAME, FileEntry, Manifest, ModelName, sealed, to_json
from kiosk.publish import announce, draft
from kiosk.publish.announce import Office, Outcome, Wish
from kiosk.publish.folder import FolderStorage
from kiosk.publish.ring import KeyRing
from kiosk.publish.roles import NAME_FIELD, Roles
from kiosk.publish.storage import Storage
from kiosk.publish.trust import Trust, verified

ROOTS = ("anna", "bert", "cleo")
CHANNELS = ("stable", "canary")
ONLINE = ("snapshot", "timestamp")


def signer(name: str) -> CryptoSigner:
    """A new key that says whose it is."""
    made = CryptoSigner.generate_ed25519()
    made.public_key.unrecognized_fields[NAME_FIELD] = name
    return made


@dataclasses.dataclass
class Keys:
    """Every key of a repository, by holder or role; `spare` keys are in no role yet."""

    signers: dict[str, CryptoSigner]

    @classmethod
    def made(cls) -> Keys:
        names = (*ROOTS, *CHANNELS, *ONLINE, *(f"spare-{n}" for n in range(4)))
        return cls({name: signer(name) for name in names})

    def roles(self) -> Roles:
        public = {name: each.public_key for name, each in self.signers.items()}
        return Roles(
            root=tuple(public[name] for name in ROOTS),
            threshold=2,
            snapshot=(public["snapshot"],),
            timestamp=(public["timestamp"],),
            channels={name: (public[name],) for name in CHANNELS},
        )

    def ring(self, *names: str) -> KeyRing:
        """With these keys; none named: with all of them."""
        return KeyRing.of(self.signers[name] for name in names or self.signers)

    def trust(self, now: datetime) -> Trust:
        """First root and channels, signed by all."""
        begun = draft.first(self.roles(), now)
        draft.sign(begun, None, self.ring())
        files = begun.files()
        return verified((files["1.root.json"],), files["1.targets.json"])


@dataclasses.dataclass
class HeadOffice:
    """Somebody who publishes to `storage`; `trust` may be replaced by a later one."""

    keys: Keys
    trust: Trust
    storage: Storage
    path: Path
    """Of the repository, when it is a folder."""

    @property
    def office(self) -> Office:
        return Office(self.storage, self.trust, self.keys.ring())

    @property
    def first_root(self) -> bytes:
        """What a kiosk is given to trust."""
        return self.trust.roots[0]

    def publish(
        self,
        release: Path,
        channel: str = "stable",
        *,
        now: datetime | None = None,
        rollout: Rollout | None = None,
        gate: Gate | None = None,
        **wish: object,
    ) -> Announcement:
        """`wish`: further fields of `Wish`, such as app_min."""
        asked = Wish(channel, rollout=rollout or Rollout(), gate=gate or Gate())
        asked = dataclasses.replace(asked, **wish)  # type: ignore[arg-type]
        return announce.publish(self.office, release, asked, now=now).announcement

    def roll_back(self, channel: str, seq: int, now: datetime | None = None) -> Announcement:
        return announce.roll_back(self.office, channel, seq, now=now).announcement

    def roll_out(self, channel: str, rollout: Rollout) -> Outcome:
        return announce.roll_out(self.office, channel, rollout)

    def refresh(self, now: datetime | None = None) -> None:
        announce.refresh(self.office, now=now)

    def change_keys(self, after: Roles, *signing: str, now: datetime | None = None) -> None:
        """Let the root keys agree to other roles. Readers see it with the next publication."""
        at = now or datetime.now(UTC)
        root, targets = self.trust.root.signed, self.trust.targets.signed
        step = draft.following(root, targets, self.trust.roles, after, at)
        draft.sign(step, root, self.keys.ring(*signing))
        assert not any(row.wanted for row in draft.missing(step, root))
        files = step.files()
        roots = tuple(files[f"{each.signed.version}.root.json"] for each in step.roots)
        listed = self.trust.targets_bytes
        if step.targets is not None:
            listed = files[f"{step.targets.signed.version}.targets.json"]
        self.trust = verified((*self.trust.roots, *roots), listed)


@pytest.fixture(scope="session")
def signing_keys() -> Keys:
    """Real ed25519 keys, the same for all tests."""
    return Keys.made()


def head_office(folder: Path, keys: Keys, now: datetime | None = None) -> HeadOffice:
    """One that publishes to `folder`, which is made when something is published."""
    trust = keys.trust(now or datetime.now(UTC))
    return HeadOffice(keys, trust, FolderStorage(folder), folder)


@pytest.fixture
def office(tmp_path: Path, signing_keys: Keys) -> HeadOffice:
    """Publishes to the folder `repository`; the keys are fresh of date."""
    return head_office(tmp_path / "repository", signing_keys)


def small_release(
    folder: Path, files: Mapping[str, bytes], *, brings: str = "embedder", skus: int = 1
) -> Path:
    """A release folder whose manifest is right and whose files are just bytes.

    It can be published, fetched and verified, but not opened to search in it.
    """
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    model = ModelName(brings, "1", hashlib.sha256(brings.encode()).hexdigest())
    manifest = Manifest(
        release="",
        built_at="2026-11-01T08:00:00+00:00",
        skus=skus,
        pictures=skus,
        references=skus,
        dimension=16,
        embedder=model,
        detector=model,
        augmentation=(),
        segments=(),
        files=tuple(
            FileEntry(name, len(data), hashlib.sha256(data).hexdigest())
            for name, data in sorted(files.items())
        ),
    )
    (folder / NAME).write_bytes(to_json(sealed(manifest)))
    return folder


def announcement(seq: int = 1, channel: str = "stable") -> Announcement:
    """One that was never published."""
    return Announcement(
        catalog="shop",
        channel=channel,
        seq=seq,
        created="2026-11-01T08:00:00+00:00",
        release="0123456789abcdef",
        manifest=Blob("ab" * 32, 100),
    )
