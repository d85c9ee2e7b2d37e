# SPDX-License-Identifier: Apache-2.0
"""Builds that are killed, or that the disk refuses: nothing half-written, and they go on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
from killed_process import killed_after, killed_when, lines_of, python
from segments import only
from small_disk import largest_file, small_disk
from tiny_models import open_models, write_models, write_picture
from waiting import DEADLINE_S

from kiosk.catalog.build import BuildOptions, BuildReport, build
from kiosk.catalog.manifest import read_manifest, verify
from kiosk.errors import CatalogError, KioskError, StateError
from kiosk.vision.embed import Embedder
from kiosk.vision.locate import Locator

PICTURES = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """models/ and source/ with six SKUs of two pictures."""
    root = tmp_path_factory.mktemp("crash")
    write_models(root / "models")
    for item in range(PICTURES // 2):
        for shot in range(2):
            write_picture(root / "source" / f"SKU-{item}" / f"{shot}.png", item, shot)
    return root


@pytest.fixture(scope="module")
def models(folder: Path) -> tuple[Locator, Embedder]:
    return open_models(folder / "models")


def run(
    models: tuple[Locator, Embedder], source: Path, out: Path, *, replace: bool = False
) -> BuildReport:
    options = BuildOptions(replace=replace)
    return build(source, out, locator=models[0], embedder=models[1], options=options)


CHILD = """
import signal, sys
from pathlib import Path
from kiosk.catalog.build import BuildOptions, build
from kiosk.config import LocateConfig, ModelsConfig
from kiosk.models import load_models

root, out, *flags = sys.argv[1:]
models = ModelsConfig(directory=root + "/models", threads=1)
locator, embedder = load_models(models, LocateConfig())

def progress(report, done, total):
    print(report.name, flush=True)
    if "wait" in flags and done == total:
        signal.pause()

build(
    Path(root) / "source",
    Path(out),
    locator=locator,
    embedder=embedder,
    options=BuildOptions(replace="replace" in flags, augment="plain" not in flags),
    progress=progress,
)
"""


def child(folder: Path, out: Path, *flags: str) -> AbstractContextManager[subprocess.Popen[str]]:
    """A build as a process of its own that prints a line per picture; quicker than the command."""
    return python(CHILD, folder, out, *flags, stderr=subprocess.STDOUT)


def after_lines(process: subprocess.Popen[str], count: int) -> Callable[[], bool]:
    def reached() -> bool:
        assert process.stdout is not None
        for _ in range(count):
            process.stdout.readline()
        return True

    return reached


def has_records(segments: Path) -> bool:
    """Whether a segment's records are written; the build may rename the folder while it is read."""
    try:
        return any((place / "records.sqlite").exists() for place in segments.iterdir())
    except FileNotFoundError:
        return False


def same_release(first: Path, second: Path) -> bool:
    """Equal ids (a hash over every file's hash), both whole to the last byte."""
    same = verify(first).release == verify(second).release
    assert only(first, "vectors.npy").read_bytes() == only(second, "vectors.npy").read_bytes()
    return same


def test_killed_again_and_again_a_build_still_ends_in_the_same_bytes(
    folder: Path, models: tuple[Locator, Embedder], tmp_path: Path
) -> None:
    run(models, folder / "source", tmp_path / "whole")
    out, work = tmp_path / "out", tmp_path / ".out.building"
    moments: list[Callable[[subprocess.Popen[str]], Callable[[], bool]]] = [
        lambda process: after_lines(process, 0),
        lambda process: (work / "work.sqlite").exists,
        lambda process: after_lines(process, 1),
        lambda process: after_lines(process, 4),
        lambda process: after_lines(process, PICTURES - 1),
        lambda process: after_lines(process, PICTURES),
        lambda process: (work / "release" / "segments").exists,
        lambda process: lambda: has_records(work / "release" / "segments"),
        lambda process: (work / "release" / "manifest.json").exists,
        lambda process: out.exists,
    ]
    for moment in moments:
        with child(folder, out) as process:
            killed_when(process, moment(process))
        if out.exists():
            # The name is given last: what bears it is whole.
            assert same_release(out, tmp_path / "whole")
            break
    else:
        run(models, folder / "source", out)
        assert not work.exists()
    assert same_release(out, tmp_path / "whole")


def test_killed_while_it_replaces_there_is_always_one_whole_release(
    folder: Path, models: tuple[Locator, Embedder], tmp_path: Path
) -> None:
    out, work = tmp_path / "out", tmp_path / ".out.building"
    old = run(models, folder / "source", out).manifest.release
    (tmp_path / "source").symlink_to(folder / "source")
    (tmp_path / "models").symlink_to(folder / "models")
    moments = [
        lambda: (work / "release" / "manifest.json").exists(),
        lambda: read_manifest(out).release != old,
    ]
    for reached in moments:
        with child(tmp_path, out, "replace", "plain") as process:
            killed_when(process, reached)
        verify(out)
    with child(tmp_path, out, "replace", "plain") as new:
        text, _ = new.communicate(timeout=DEADLINE_S)
    assert new.returncode == os.EX_OK, text
    assert verify(out).references == PICTURES
    assert not work.exists()


READER = """
    import sys, numpy as np
    mapped = np.load(sys.argv[1], mmap_mode="r")
    print("mapped", flush=True)
    sys.stdin.readline()
    print(float(mapped.astype(np.float64).sum()))
"""


def test_a_reader_keeps_the_vectors_it_has_mapped_when_the_release_is_replaced(
    folder: Path, models: tuple[Locator, Embedder], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run(models, folder / "source", out)
    before = float(np.load(only(out, "vectors.npy")).astype(np.float64).sum())
    with python(READER, only(out, "vectors.npy"), stdin=subprocess.PIPE) as reader:
        assert lines_of(reader, 1) == ["mapped"]
        write_picture(tmp_path / "source" / "OTHER" / "1.png", 50)
        run(models, tmp_path / "source", out, replace=True)
        text, _ = reader.communicate("go on\n", timeout=DEADLINE_S)
    assert reader.returncode == 0 and float(text) == before
    assert verify(out).skus == 1


@pytest.mark.parametrize("size", [0, 5_000, 20_000, 45_000, 90_000])
def test_a_disk_that_fills_up_leaves_nothing_half_written_and_the_build_goes_on_later(
    folder: Path, models: tuple[Locator, Embedder], tmp_path: Path, size: int
) -> None:
    out = tmp_path / "out"
    with largest_file(size), pytest.raises(StateError, match="MB free") as caught:
        run(models, folder / "source", out)
    assert caught.value.exit_code == os.EX_CANTCREAT
    assert not out.exists() and not (tmp_path / ".out.building" / "release").exists()
    report = run(models, folder / "source", out)
    assert verify(out) == report.manifest


def test_a_disk_that_is_full_only_for_the_release_itself_keeps_the_work_done(
    folder: Path, models: tuple[Locator, Embedder], tmp_path: Path
) -> None:
    with child(folder, tmp_path / "out", "wait") as process:
        killed_after(process, PICTURES)
    store = tmp_path / ".out.building" / "work.sqlite"
    left = tmp_path / ".out.building" / "release" / "thumbnails"
    left.mkdir(parents=True, exist_ok=True)
    for largest in (0, 16_000):
        with largest_file(largest), pytest.raises(StateError):
            run(models, folder / "source", tmp_path / "out")
        assert store.exists() and not (tmp_path / "out").exists()
        assert not left.parent.exists(), "an unfinished release holds space that is needed"


def test_a_file_system_without_space_is_a_state_error(
    folder: Path, models: tuple[Locator, Embedder], tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", "96k") as disk:
        with pytest.raises(StateError, match="free space"):
            run(models, folder / "source", disk / "out")
        assert not (disk / "out").exists()


def test_a_place_that_may_not_be_written_is_a_state_error(
    folder: Path, models: tuple[Locator, Embedder], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    places = [tmp_path / "file" / "out", Path("/proc/kiosk/out")]
    places += [locked / "out"] if os.geteuid() else []
    for place in places:
        with pytest.raises(KioskError, match="cannot be written") as caught:
            run(models, folder / "source", place)
        assert isinstance(caught.value, StateError)


def test_a_place_with_a_file_of_that_name_is_refused(
    folder: Path, models: tuple[Locator, Embedder], tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(CatalogError, match="not a release"):
        run(models, folder / "source", tmp_path / "out")
