# SPDX-License-Identifier: Apache-2.0
"""`kiosk.durable.Files` in memory: every state in which a power cut could leave the disk.

The strictest reading of what a file system promises: bytes last after their file was synced, names
after their folder was; before that any of the changes may have reached the disk, in any order, and
a file may hold half of its bytes, zeros, or nothing.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


class Cut(BaseException):
    """The power fails, or the process is killed, before this step."""


@dataclass(eq=False)
class Inode:
    data: bytes = b""
    durable: bytes = b""

    @property
    def dirty(self) -> bool:
        return self.data != self.durable


@dataclass(eq=False)
class Folder:
    entries: dict[str, Folder | Inode] = field(default_factory=dict)
    durable: dict[str, Folder | Inode] = field(default_factory=dict)
    pending: list[dict[str, Folder | Inode | None]] = field(default_factory=list)
    """Changes of names since the last sync, each of them at once."""

    def change(self, names: dict[str, Folder | Inode | None]) -> None:
        _apply(self.entries, names)
        self.pending.append(names)

    def settle(self) -> None:
        self.durable = dict(self.entries)
        self.pending.clear()


def _apply(entries: dict[str, Folder | Inode], names: dict[str, Folder | Inode | None]) -> None:
    for name, inode in names.items():
        if inode is None:
            entries.pop(name, None)
        else:
            entries[name] = inode


class ModelFiles:
    """Absolute paths only. `steps` counts every call that would change a disk or wait for it."""

    def __init__(
        self,
        *,
        free_bytes: int = 2**40,
        links: bool = True,
        dropped: Callable[[str, Path], bool] = lambda kind, path: False,
    ) -> None:
        """`dropped(kind, path)`: this `sync` or `sync_folder` does nothing, as if forgotten."""
        self.root = Folder()
        self.steps = 0
        self.cut_at: int | None = None
        self.free = free_bytes
        self._links = links
        self._dropped = dropped
        self.log: list[tuple[str, Path]] = []
        self.written = 0
        self._held: set[Path] = set()

    # What reads.

    def read(self, path: Path) -> bytes:
        return self._file(path).data

    def size(self, path: Path) -> int | None:
        found = self._find(path)
        return len(found.data) if isinstance(found, Inode) else None

    def sha256(self, path: Path) -> str:
        return hashlib.sha256(self.read(path)).hexdigest()

    def names(self, folder: Path) -> tuple[str, ...]:
        found = self._find(folder)
        return tuple(sorted(found.entries)) if isinstance(found, Folder) else ()

    def is_folder(self, path: Path) -> bool:
        return isinstance(self._find(path), Folder)

    def free_bytes(self, folder: Path) -> int:
        self._folder(folder)
        return self.free

    # What changes.

    def write(self, path: Path, data: bytes) -> None:
        self._step("write", path)
        self._spend(len(data))
        found = self._find(path)
        if isinstance(found, Inode):
            found.data = data
        else:
            self._folder(path.parent).change({path.name: Inode(data)})

    def append(self, path: Path, data: bytes) -> None:
        self._step("append", path)
        self._spend(len(data))
        found = self._find(path)
        if isinstance(found, Inode):
            found.data += data
        else:
            self._folder(path.parent).change({path.name: Inode(data)})

    def copy(self, old: Path, new: Path) -> None:
        self.write(new, self.read(old))

    def link(self, old: Path, new: Path) -> None:
        self._step("link", new)
        if not self._links:
            raise PermissionError(errno.EPERM, "Operation not permitted", str(new))
        if self._find(new) is not None:
            raise FileExistsError(errno.EEXIST, "File exists", str(new))
        self._folder(new.parent).change({new.name: self._file(old)})

    def rename(self, old: Path, new: Path) -> None:
        self._step("rename", new)
        assert old.parent == new.parent, "the model knows renames within one folder"
        inode = self._find(old)
        if inode is None:
            raise FileNotFoundError(errno.ENOENT, "No such file", str(old))
        self._folder(old.parent).change({old.name: None, new.name: inode})

    def exchange(self, first: Path, second: Path) -> None:
        self._step("exchange", first)
        one, other = self._find(first), self._find(second)
        assert one is not None
        assert other is not None
        self._folder(first.parent).change({first.name: other, second.name: one})

    def unlink(self, path: Path) -> None:
        self._step("unlink", path)
        self._file(path)
        self._folder(path.parent).change({path.name: None})

    def mkdir(self, path: Path) -> None:
        self._step("mkdir", path)
        if not self.is_folder(path):
            self._folder(path.parent).change({path.name: Folder()})

    def rmdir(self, path: Path) -> None:
        self._step("rmdir", path)
        assert not self._folder(path).entries
        self._folder(path.parent).change({path.name: None})

    def freeze(self, path: Path) -> None:
        self._file(path)

    def sync(self, path: Path) -> None:
        self._step("sync", path)
        inode = self._file(path)
        if not self._dropped("sync", path):
            inode.durable = inode.data

    def sync_folder(self, path: Path) -> None:
        self._step("sync_folder", path)
        folder = self._folder(path)
        if not self._dropped("sync_folder", path):
            folder.settle()

    @contextmanager
    def lock(self, path: Path) -> Iterator[None]:
        if self._find(path) is None:
            self._folder(path.parent).change({path.name: Inode()})
        assert path not in self._held, "it would wait for itself"
        self._held.add(path)
        try:
            yield
        finally:
            self._held.discard(path)

    # What a cut leaves.

    def crashes(self, most_orders: int = 64) -> Iterator[ModelFiles]:
        """Every disk that may be found after the power failed now (of very many, the telling ones).

        Beginning with the one on which nothing unsynced is left.
        """
        folders = list(_folders(self.root))
        pending = [(folder, number) for folder in folders for number in range(len(folder.pending))]
        dirty = any(inode.dirty for inode in self._inodes())
        for kept in _subsets(len(pending), most_orders):
            applied = {key for key, keep in zip(pending, kept, strict=True) if keep}
            for tear in TEARS if dirty else TEARS[:1]:
                yield self._after(applied, tear)

    def settled(self) -> ModelFiles:
        """The disk after an orderly stop."""
        return self._after(None, lambda inode: inode.data)

    def _after(
        self, applied: set[tuple[Folder, int]] | None, tear: Callable[[Inode], bytes]
    ) -> ModelFiles:
        new = ModelFiles(free_bytes=self.free, links=self._links, dropped=self._dropped)
        seen: dict[int, Folder | Inode] = {}

        def copied(old: Folder | Inode) -> Folder | Inode:
            if id(old) in seen:
                return seen[id(old)]
            if isinstance(old, Inode):
                data = tear(old)
                seen[id(old)] = Inode(data, data)
                return seen[id(old)]
            made = Folder()
            seen[id(old)] = made
            names = dict(old.entries if applied is None else old.durable)
            if applied is not None:
                for number, change in enumerate(old.pending):
                    if (old, number) in applied:
                        _apply(names, change)
            made.entries = {name: copied(each) for name, each in names.items()}
            made.durable = dict(made.entries)
            return made

        root = copied(self.root)
        assert isinstance(root, Folder)
        new.root = root
        return new

    def _inodes(self) -> Iterator[Inode]:
        seen: set[int] = set()
        for folder in _folders(self.root):
            changes = itertools.chain.from_iterable(each.values() for each in folder.pending)
            for inode in (*folder.entries.values(), *folder.durable.values(), *changes):
                if isinstance(inode, Inode) and id(inode) not in seen:
                    seen.add(id(inode))
                    yield inode

    def _step(self, kind: str, path: Path) -> None:
        if self.cut_at is not None and self.steps >= self.cut_at:
            raise Cut(f"before step {self.steps}: {kind} {path}")
        self.steps += 1
        self.log.append((kind, path))

    def _spend(self, count: int) -> None:
        if count > self.free:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.free -= count
        self.written += count

    def _find(self, path: Path) -> Folder | Inode | None:
        here: Folder | Inode | None = self.root
        for part in path.parts[1:]:
            here = here.entries.get(part) if isinstance(here, Folder) else None
        return here

    def _file(self, path: Path) -> Inode:
        found = self._find(path)
        if not isinstance(found, Inode):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(path))
        return found

    def _folder(self, path: Path) -> Folder:
        found = self._find(path)
        if not isinstance(found, Folder):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(path))
        return found


TEARS: tuple[Callable[[Inode], bytes], ...] = (
    lambda inode: inode.durable,
    lambda inode: inode.data,
    lambda inode: inode.data[: len(inode.data) // 2] if inode.dirty else inode.data,
    lambda inode: bytes(len(inode.data)) if inode.dirty else inode.data,
)
"""What an unsynced file may hold: what it did before, all, half, zeros."""


def _folders(top: Folder) -> Iterator[Folder]:
    """Every folder that any name leads to, or may lead to after a cut."""
    seen: set[int] = set()
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        if id(folder) in seen:
            continue
        seen.add(id(folder))
        yield folder
        changes = itertools.chain.from_iterable(each.values() for each in folder.pending)
        below = (*folder.entries.values(), *folder.durable.values(), *changes)
        waiting += [each for each in below if isinstance(each, Folder)]


def _subsets(count: int, most: int) -> Iterator[tuple[bool, ...]]:
    """All of them when they are few; else every beginning, every single one kept or lost."""
    if 2**count <= most:
        yield from itertools.product((False, True), repeat=count)
        return
    for length in range(count + 1):
        yield (*([True] * length), *([False] * (count - length)))
    for one in range(count):
        yield tuple(place == one for place in range(count))
        yield tuple(place != one for place in range(count))
