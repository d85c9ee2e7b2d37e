# SPDX-License-Identifier: Apache-2.0
"""The same power cuts on a real ext4: its raw image is copied before every step of a store's life,
and each copy is mounted as after a power cut.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from store_life import HISTORY, LIFE, faults
from store_parts import NOW

from kiosk.durable import DiskFiles
from kiosk.errors import CatalogError
from kiosk.store import Store

pytestmark = pytest.mark.slow

WHY = "loop devices cannot be mounted here: run `make test-power` as root on a machine that allows"
CHANGING = (
    "write", "append", "copy", "link", "rename", "exchange", "unlink", "mkdir", "rmdir", "sync",
    "sync_folder",
)  # fmt: skip


def ran(*command: str | Path) -> bool:
    done = subprocess.run([str(each) for each in command], capture_output=True, check=False)
    return done.returncode == 0


@contextmanager
def mounted(image: Path, place: Path) -> Iterator[Path]:
    place.mkdir(exist_ok=True)
    if not ran("mount", "-o", "loop,commit=300", image, place):
        pytest.skip(WHY)
    try:
        yield place
    finally:
        assert ran("umount", place)


class Watched(DiskFiles):
    """Calls `before` ahead of every step that changes the disk or waits for it."""

    def __init__(self, before: Callable[[str, Path], bool]) -> None:
        """A step is left out where `before` says False."""
        self.before = before

    def __getattribute__(self, name: str) -> object:
        found = super().__getattribute__(name)
        if name not in CHANGING:
            return found

        def step(path: Path, *more: object) -> object:
            return found(path, *more) if self.before(name, path) else None  # type: ignore[operator]

        return step


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    image = tmp_path_factory.mktemp("ext4") / "empty.img"
    with image.open("wb") as file:
        file.truncate(8 * 2**20)
    if not ran("mkfs.ext4", "-q", "-F", "-J", "size=1", "-E", "lazy_itable_init=0", image):
        pytest.skip("there is no mkfs.ext4: apt-get install e2fsprogs")
    return image


def violations(
    empty: Path, folder: Path, kept: Callable[[str, Path], bool]
) -> tuple[int, list[str]]:
    """Cuts before every step, and what was wrong after them; `kept`: which steps are taken."""
    image, copies = folder / "disk.img", list[tuple[Path, int, str]]()
    ran("cp", "--sparse=always", empty, image)
    done, identity = 0, ""

    def cut(name: str, path: Path) -> bool:
        copy = folder / f"cut-{len(copies)}.img"
        assert ran("cp", "--sparse=always", image, copy)
        copies.append((copy, done, identity))
        return kept(name, path)

    with mounted(image, folder / "disk") as place:
        store = Store(place / "store", Watched(cut), now=lambda: NOW)
        for step in LIFE:
            step(store)
            done += 1
            identity = store.known_id
    found: list[str] = []
    for copy, steps, known_id in copies:
        with mounted(copy, folder / "after") as place:
            store = Store(place / "store", now=lambda: NOW)
            after = HISTORY[min(steps + 1, len(LIFE))]
            try:
                found += faults(store, DiskFiles(), HISTORY[steps], after, known_id)
            except (CatalogError, OSError, KeyError) as error:
                found.append(repr(error))
        copy.unlink()
    return len(copies), found


def test_ext4_after_a_cut_at_any_step_is_as_before_or_after_it(empty: Path, tmp_path: Path) -> None:
    count, found = violations(empty, tmp_path, lambda name, path: True)
    assert count > 100
    assert found == []


def test_ext4_shows_what_a_store_without_barriers_loses(empty: Path, tmp_path: Path) -> None:
    _, found = violations(empty, tmp_path, lambda name, path: not name.startswith("sync"))
    assert found
