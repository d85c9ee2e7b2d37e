# SPDX-License-Identifier: Apache-2.0
"""A publisher stopped at any write: readers see the old state or the new one, never a mix.

Every write of a publication is enumerated, and at each the publisher stops just before it and just
after it. Then a kiosk that knew the old state and one that comes new both read with python-tuf, and
the same command run again goes through.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from repositories import HeadOffice, Keys, head_office, signing_keys, small_release
from tuf_reader import Reader, check_blobs

from kiosk.publish.memory import MemoryStorage
from kiosk.publish.roles import with_keys, without_key

__all__ = ["signing_keys"]  # a fixture


class Stopped(Exception):
    """The publisher is gone."""


class StoppingStorage(MemoryStorage):
    """Stops at a write: before it is done, or just after it."""

    def __init__(self, files: dict[str, bytes], at: int, after: bool) -> None:
        super().__init__()
        for name, data in files.items():
            super()._put(name, data)
        self.writes = 0
        self._at, self._after = at, after

    def _put(self, name: str, data: bytes) -> None:
        self.writes += 1
        if self.writes == self._at and not self._after:
            raise Stopped(name)
        super()._put(name, data)
        if self.writes == self._at:
            raise Stopped(name)


Act = Callable[[HeadOffice], object]


def stopped_everywhere(there: HeadOffice, old_root: bytes, act: Act, new: int) -> int:
    """Run `act` with a stop at every write; gives how many writes there were."""
    assert isinstance(there.storage, MemoryStorage)
    files = dict(there.storage.files)
    fresh_before = not files
    counting = StoppingStorage(files, 0, False)
    act(replace(there, storage=counting))
    for at in range(1, counting.writes + 1):
        for after in (False, True):
            stopping = StoppingStorage(files, at, after)
            with pytest.raises(Stopped):
                act(replace(there, storage=stopping))
            place = StoppingStorage(stopping.files, 0, False)
            with Reader(old_root) as fresh, Reader(old_root) as known:
                if not fresh_before:
                    known.announcement(StoppingStorage(files, 0, False))
                for reader in (fresh, known):
                    if "metadata/timestamp.json" in place.files:
                        read = reader.announcement(place)
                        assert read.seq in (new - 1, new)
                        check_blobs(place, read)
                act(replace(there, storage=place))
                for reader in (fresh, known):
                    read = reader.announcement(place)
                    assert read.seq == new
                    check_blobs(place, read)
    return counting.writes


@pytest.fixture
def there(tmp_path: Path, signing_keys: Keys) -> HeadOffice:
    made = head_office(tmp_path, signing_keys)
    made.storage = MemoryStorage()
    return made


@pytest.fixture
def releases(tmp_path: Path) -> list[Path]:
    return [
        small_release(tmp_path / f"r{n}", {"vectors.npy": b"v%d" % n, "records.sqlite": b"r"})
        for n in range(3)
    ]


def test_the_first_publication(there: HeadOffice, releases: list[Path]) -> None:
    writes = stopped_everywhere(there, there.first_root, lambda o: o.publish(releases[0]), 1)
    assert writes == 3 + 1 + 1 + 1 + 1 + 1 + 1  # blobs, target, channel, targets, snapshot, root


def test_a_further_publication(there: HeadOffice, releases: list[Path]) -> None:
    there.publish(releases[0])
    assert stopped_everywhere(there, there.first_root, lambda o: o.publish(releases[1]), 2) == 6


def test_a_rollback(there: HeadOffice, releases: list[Path]) -> None:
    there.publish(releases[0])
    there.publish(releases[1])

    def act(at: HeadOffice) -> None:
        with Reader(at.first_root) as reader:
            if reader.announcement(at.storage).seq < 3:
                at.roll_back("stable", 1)

    assert stopped_everywhere(there, there.first_root, act, 3) == 4


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "stable", "root"])
def test_a_publication_with_other_keys(there: HeadOffice, releases: list[Path], role: str) -> None:
    there.publish(releases[0])
    spares = [f"spare-{n}" for n in range(3 if role == "root" else 1)]
    keys = [there.keys.signers[name].public_key for name in spares]
    there.change_keys(with_keys(there.trust.roles, role, keys))
    stopped_everywhere(there, there.trust.roots[0], lambda o: o.publish(releases[1]), 2)


def test_a_publication_after_a_root_key_and_the_timestamp_key_were_lost(
    there: HeadOffice, releases: list[Path]
) -> None:
    there.publish(releases[0])
    signers = there.keys.signers
    after = without_key(there.trust.roles, signers["anna"].public_key.keyid)
    after = with_keys(after, "timestamp", [signers["spare-0"].public_key])
    there.change_keys(after, "bert", "cleo")
    there.keys = Keys({n: k for n, k in signers.items() if n not in ("anna", "timestamp")})
    stopped_everywhere(there, there.trust.roots[0], lambda o: o.publish(releases[1]), 2)


def test_what_a_stopped_publisher_left_behind_is_never_written_over(
    there: HeadOffice, releases: list[Path]
) -> None:
    """A cache may hold it for ever; another publisher may be about to name it."""
    there.publish(releases[0])
    assert isinstance(there.storage, MemoryStorage)
    stopping = StoppingStorage(there.storage.files, 6, False)  # before the timestamp
    with pytest.raises(Stopped):
        replace(there, storage=stopping).publish(releases[1])
    left = dict(stopping.files)
    place = StoppingStorage(left, 0, False)
    replace(there, storage=place).publish(releases[2])
    changed = {name for name, data in left.items() if place.files[name] != data}
    assert changed == {"metadata/timestamp.json"}
    assert {"metadata/2.stable.json", "metadata/3.stable.json"} <= set(place.files)


def test_the_proof_sees_a_timestamp_that_comes_too_early(
    there: HeadOffice, releases: list[Path]
) -> None:
    """The enumeration itself, against a publisher that does it in the wrong order."""
    there.publish(releases[0])

    class Hasty(StoppingStorage):
        """Holds back every blob until the end of the publication."""

        def _put(self, name: str, data: bytes) -> None:
            if name.startswith("metadata/timestamp"):
                for blob in [each for each in self.files if each.startswith("blobs/")]:
                    if blob not in known:
                        del self.files[blob]
            super()._put(name, data)

    assert isinstance(there.storage, MemoryStorage)
    known = set(there.storage.files)
    hasty = Hasty(there.storage.files, 0, False)
    replace(there, storage=hasty).publish(releases[1])
    with Reader(there.first_root) as reader, pytest.raises(AssertionError):
        check_blobs(hasty, reader.announcement(hasty))
