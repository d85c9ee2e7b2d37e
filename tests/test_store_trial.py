# SPDX-License-Identifier: Apache-2.0
"""Releases on trial, real ones: what is bad ends on the release before, put away and told of."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bad_releases
import numpy as np
import pytest
import tiny_models
from store_parts import fetched
from waiting import DEADLINE_S, until

from kiosk.announcement import Gate
from kiosk.catalog.manifest import read_manifest
from kiosk.catalog.snapshot import SnapshotSlot
from kiosk.config import Config, ModelsConfig
from kiosk.durable import DiskFiles
from kiosk.models import Models, load_models
from kiosk.store import Installed, Phase, Pointer, Store
from kiosk.store.entries import ACTIVATED, DAMAGED, GOOD, QUARANTINED
from kiosk.store.opening import Opened, open_release
from kiosk.store.selftest import _tried, crash, self_test
from kiosk.store.watch import StoreWatch
from kiosk.values import Note

AT_ONCE = Gate(good_after_s=0, good_after_decisions=1)


@pytest.fixture(scope="module")
def old(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.make_release(models, tmp_path_factory.mktemp("old") / "release", range(6))


@pytest.fixture(scope="module")
def new(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.make_release(models, tmp_path_factory.mktemp("new") / "release", range(24))


@dataclass
class Journal:
    notes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def note(self, note: Note) -> None:
        self.notes.append((note.kind, dict(note.body)))

    def flush(self, timeout_s: float) -> bool:
        return True

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.notes]


class Rig:
    """A running kiosk as far as its catalog goes; another one on the same store is a new start."""

    def __init__(
        self, store: Store, models: Path, test: Callable[[Path, Gate], str] | None = None
    ) -> None:
        self.store = store
        self.config = Config(models=ModelsConfig(directory=str(models), threads=1))
        self.slot = SnapshotSlot()
        self.journal = Journal()
        self.now_s = 0.0
        self.said: list[tuple[Pointer, str]] = []
        self.own = Models(*load_models(self.config.models, self.config.locate))
        self.opened: Opened | None = None
        self.test = test or self._tested
        self.watch = StoreWatch(
            store,
            self.slot,
            self.journal,
            test=lambda path, gate: self.test(path, gate),
            open_release=self._open,
            on_swap=lambda opened: setattr(self, "opened", opened),
            on_change=lambda pointer, trouble: self.said.append((pointer, trouble)),
            clock_s=lambda: self.now_s,
        )

    def _tested(self, path: Path, gate: Gate) -> str:
        return self_test(path, self.config, gate, self.store.derived)

    def _open(self, path: Path) -> Opened:
        with self.slot.borrow_release() as beside:
            return open_release(
                path, self.config, self.own, derived=self.store.derived, beside=beside
            )

    @property
    def answers(self) -> str:
        with self.slot.borrow() as snapshot:
            return snapshot.release if snapshot else ""

    def look(self, times: int = 3) -> Rig:
        for _ in range(times):
            self.watch.look()
        return self

    def decided(self) -> None:
        self.watch.decided(None, ())  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def passes(path: Path, gate: Gate) -> str:
    return ""


def settled(store: Store, release: Path, models: Path) -> Rig:
    """A kiosk that answers from a good release."""
    good = fetched(store, release, 1)
    store.activate(good, AT_ONCE, "shop")
    rig = Rig(store, models, passes).look()
    rig.decided()
    rig.look()
    assert store.pointer().phase is Phase.GOOD
    rig.test = rig._tested
    rig.journal.notes.clear()
    return rig


def test_a_new_release_answers_is_tried_and_is_good_after_a_while(
    old: Path, new: Path, models: Path, store: Store
) -> None:
    rig = settled(store, old, models)
    after = fetched(store, new, 2)
    store.activate(after, Gate(good_after_s=600, good_after_decisions=2))
    rig.look()
    assert rig.answers == after.release
    assert store.pointer().tries == 1
    rig.decided()
    rig.decided()
    rig.now_s = 599
    assert rig.look().store.pointer().phase is Phase.TRIAL
    rig.now_s = 600
    pointer = rig.look().store.pointer()
    assert (pointer.phase, pointer.tries) == (Phase.GOOD, 0)
    assert rig.journal.kinds == [ACTIVATED, GOOD]
    store.collect()
    assert rig.answers == after.release


BAD: dict[str, tuple[Callable[[Path, Path], Path], Gate, str]] = {
    "NaN rows": (bad_releases.nan_rows, Gate(), "not a finite vector"),
    "permuted ids": (bad_releases.permuted_ids, Gate(), "find another SKU"),
    "5 % swapped labels": (bad_releases.swapped_labels, Gate(), "find another SKU"),
    "wrong model hash": (bad_releases.another_embedder, Gate(), "embedder ffff"),
    "too slow an index": (lambda release, out: release, Gate(p95_ms_max=1e-6), "take longer"),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_release_ends_on_the_one_before_put_away_and_told_of(
    fault: str, old: Path, new: Path, models: Path, store: Store, tmp_path: Path
) -> None:
    spoil, gate, reason = BAD[fault]
    rig = settled(store, old, models)
    before = store.pointer()
    bad = fetched(store, spoil(new, tmp_path / "bad"), 2)
    store.activate(bad, gate)
    rig.look()
    pointer = store.pointer()
    assert pointer.current == before.current
    assert pointer.phase is Phase.GOOD
    assert pointer.barred(bad.manifest) is not None
    assert reason in pointer.quarantined[-1].reason
    assert rig.answers == before.current.release if before.current else False
    assert rig.journal.kinds == [ACTIVATED, QUARANTINED]
    assert rig.journal.notes[-1][1]["answers"] == rig.answers
    assert rig.look().journal.kinds == [ACTIVATED, QUARANTINED], "said once"
    again = Rig(store, models).look()
    assert again.answers == rig.answers
    assert again.journal.kinds == [], "also after a new start"


def test_the_same_is_refused_before_it_is_ever_activated(
    new: Path, models: Path, tmp_path: Path
) -> None:
    config = Config(models=ModelsConfig(directory=str(models), threads=1))
    assert self_test(new, config, Gate()) == ""
    bad = bad_releases.permuted_ids(new, tmp_path / "bad")
    assert "find another SKU" in self_test(bad, config, Gate())


def test_an_index_that_crashes_does_so_in_a_child_and_is_built_anew(
    old: Path, new: Path, models: Path, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    rig = settled(store, old, models)
    after = fetched(store, new, 2)
    assert rig.test(store.release(after), Gate()) == ""
    maim(store.derived)
    store.activate(after, Gate())
    rig.look()
    assert "its self-test crashed (SIG" in caplog.text
    assert rig.answers == after.release


def test_a_release_that_crashes_whatever_its_index_is_put_away(
    old: Path, new: Path, models: Path, store: Store
) -> None:
    rig = settled(store, old, models)
    before = rig.answers
    after = fetched(store, new, 2)

    def again(path: Path, gate: Gate) -> str:
        assert rig._tested(path, gate) == ""
        maim(store.derived)
        return _tried(path, rig.config, gate, store.derived, 600)[0]

    rig.test = again
    store.activate(after, Gate())
    rig.look()
    assert rig.answers == before
    assert "its self-test crashed (SIG" in store.pointer().quarantined[-1].reason


def test_a_self_test_that_hangs_is_ended(old: Path, models: Path) -> None:
    config = Config(models=ModelsConfig(directory=str(models), threads=1))
    assert "did not end within 0.01 s" in self_test(old, config, Gate(), time_limit_s=0.01)


def test_a_self_test_that_works_without_end_is_ended_however_little_of_the_machine_it_gets() -> (
    None
):
    code = "from kiosk.store.selftest import limited\nlimited(1)\nwhile True: pass"
    ended = subprocess.run([sys.executable, "-c", code], timeout=DEADLINE_S, check=False)
    assert crash(ended.returncode) == "its self-test took more than 600 s of work"
    assert crash(-signal.SIGSEGV) == "its self-test crashed (SIGSEGV)"


def maim(derived: Path) -> list[Path]:
    """Let the nodes of every Annoy file point to where there are none, signed as ours."""
    files = sorted(derived.glob("*.ann"))
    assert files
    for path in files:
        data = np.frombuffer(path.read_bytes(), np.int32).copy()
        data[1:3] = 2**30  # children of a node
        width = 3 + tiny_models.DIMENSION
        for node in range(len(data) // width):
            if 1 < data[node * width] < 2**20:
                data[node * width + 1 : node * width + 3] = 2**30
        path.write_bytes(data.tobytes())
        sidecar = path.with_suffix(".json")
        body = json.loads(sidecar.read_text())
        body["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        sidecar.write_text(json.dumps(body))
    return files


def test_three_starts_that_end_badly_put_a_release_away(
    old: Path, new: Path, models: Path, store: Store
) -> None:
    before = settled(store, old, models).answers
    after = fetched(store, new, 2)
    store.activate(after, Gate())
    for _ in range(3):
        assert Rig(store, models, test=passes).look(1).answers == after.release
    last = Rig(store, models, test=passes).look()
    assert last.answers == before
    assert store.pointer().barred(after.manifest) is not None
    assert last.journal.kinds == [QUARANTINED]
    reason = last.journal.notes[0][1]["reason"]
    assert reason == "it was started three times without becoming good; power cuts count too"


def test_starts_that_end_in_order_say_nothing_against_a_release(
    old: Path, new: Path, models: Path, store: Store
) -> None:
    settled(store, old, models)
    after = fetched(store, new, 2)
    store.activate(after, Gate())
    for _ in range(5):
        rig = Rig(store, models, test=passes).look(1)
        assert rig.answers == after.release
        rig.watch.stop()
    assert store.pointer().phase is Phase.TRIAL


def test_a_bad_first_release_answers_nothing_and_says_so(
    new: Path, models: Path, store: Store, tmp_path: Path
) -> None:
    bad = fetched(store, bad_releases.permuted_ids(new, tmp_path / "bad"), 1)
    store.activate(bad, Gate(), "shop")
    rig = Rig(store, models).look()
    assert rig.answers == ""
    assert not rig.watch.active
    assert rig.said[-1][1]
    good = fetched(store, new, 2)
    store.activate(good, Gate())
    assert rig.look().answers == good.release


def test_what_a_pass_has_tested_answers_at_once_and_is_tested_at_every_later_start(
    old: Path, new: Path, models: Path, store: Store
) -> None:
    rig = settled(store, old, models)
    before = rig.answers
    after = fetched(store, new, 2)
    rig.test = lambda path, gate: "it was tested again"
    store.activate(after, Gate(), tested=True)
    assert rig.look().answers == after.release
    assert Rig(store, models, rig.test).look().answers == before


def test_a_disk_that_became_read_only_leaves_what_answers(
    old: Path, new: Path, models: Path, store: Store
) -> None:
    rig = settled(store, old, models)
    before = rig.answers
    store.activate(fetched(store, new, 2), Gate())
    frozen = Store(store.folder, ReadOnly())
    running = Rig(frozen, models, passes)
    for _ in range(5):
        running.look(1).now_s += 1000
    assert running.answers == before, "a start that cannot be counted is not made"
    assert "Read-only file system" in running.said[-1][1]
    assert store.pointer().tries == 0


class ReadOnly(DiskFiles):
    """The disk takes nothing any more."""

    def write(self, path: Path, data: bytes) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    append = write


def test_what_cannot_be_marked_as_told_keeps_nothing_from_answering(
    old: Path, models: Path, store: Store
) -> None:
    before = settled(store, old, models).answers
    store.refuse(Installed("a" * 16, "b" * 64, 1), "its labels are not those")
    running = Rig(Store(store.folder, ReadOnly()), models).look()
    assert running.answers == before
    assert running.said[-1][1] == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_self_test_that_is_stopped_with_the_kiosk_does_not_blame_the_release(
    number: signal.Signals, old: Path, models: Path
) -> None:
    config = Config(models=ModelsConfig(directory=str(models), threads=1))
    before = signal.signal(number, signal.SIG_DFL)  # what `nohup` ignores, a child ignores too
    try:
        with ThreadPoolExecutor(1) as pool:
            told = pool.submit(self_test, old, config, Gate())
            os.kill(until(its_child, "its process"), number)
            with pytest.raises(InterruptedError):
                told.result()
    finally:
        signal.signal(number, before)


def its_child() -> int:
    """A self-test that this process has started; 0: there is none."""
    for task in Path("/proc/self/task").iterdir():
        for child in (task / "children").read_text().split():
            if b"kiosk.store.selftest" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
    return 0


def test_what_a_pass_refused_is_told_of_while_something_else_answers(
    models: Path, store: Store
) -> None:
    store.refuse(Installed("a" * 16, "b" * 64, 1), "its labels are not those")
    rig = Rig(store, models, passes)
    rig.watch.hear()
    rig.watch.hear()
    assert rig.journal.kinds == [QUARANTINED]
    assert store.pointer().quarantined[0].noted


def test_a_kiosk_without_room_for_a_test_does_not_blame_the_release(
    old: Path, models: Path, store: Store
) -> None:
    after = fetched(store, old, 1)
    store.activate(after, Gate())

    def full(path: Path, gate: Gate) -> str:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    rig = Rig(store, models, full)
    for _ in range(6):
        rig.look(1).now_s += 1000
    assert store.pointer().current == after
    assert "Resource temporarily unavailable" in rig.said[-1][1]
    rig.test = passes
    assert rig.look().answers == after.release


def test_a_good_release_that_is_damaged_later_gives_way_until_it_is_mended(
    old: Path, new: Path, models: Path, store: Store
) -> None:
    rig = settled(store, old, models)
    after = fetched(store, new, 2)
    store.activate(after, AT_ONCE)
    rig.look()
    rig.decided()
    rig.look()
    file = next(store.release(after).rglob("vectors.npy"))
    file.chmod(0o644)
    file.write_bytes(bytes(file.stat().st_size))
    again = Rig(store, models).look()
    pointer = store.pointer()
    assert again.answers == rig.store.pointer().previous.release  # type: ignore[union-attr]
    assert pointer.current == after
    assert pointer.damaged
    assert not pointer.quarantined
    assert again.journal.kinds == [DAMAGED]
    with pytest.raises(Exception, match="damaged on this disk"):
        fetched(store, new, 2)
    store.activate(fetched(store, new, 2), AT_ONCE)  # what a sync pass does
    assert again.look().answers == after.release


def test_a_release_brings_its_models_and_is_looked_at_with_them(
    old: Path, models: Path, store: Store, tmp_path: Path
) -> None:
    other = tiny_models.write_models(tmp_path / "other", shift=90.0)
    release = tiny_models.make_release(other, tmp_path / "with" / "release", range(6))
    rig = settled(store, old, models)
    own = rig.own.embedder.card.sha256
    bad = fetched(store, release, 2)
    store.activate(bad, Gate())
    rig.look()
    assert store.pointer().barred(bad.manifest) is not None, "it needs models that are not here"
    (release / "models").mkdir()
    names = []
    for name in ("embedder.onnx", "embedder.toml", "detector.onnx", "detector.toml"):
        (release / "models" / name).write_bytes((other / name).read_bytes())
        names.append(f"models/{name}")

    bad_releases.resealed(release, read_manifest(release), *names)
    good = fetched(store, release, 3)
    store.activate(good, Gate())
    rig.look()
    assert rig.answers == good.release
    assert rig.opened is not None
    assert rig.opened.models.embedder.card.sha256 != own
