# SPDX-License-Identifier: Apache-2.0
"""A pass that a person makes by hand, such as from a stick, beside the source that the kiosk asks
by itself: what went wrong is told to that person, and does not become how the kiosk stands.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kiosk.cli import main
from kiosk.store import Store
from kiosk.values.sync import SyncState, SyncStatus
from tests.fault_server import serving
from tests.repositories import HeadOffice
from tests.sync_parts import publisher, release
from tests.tiny_models import make_release

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state" / "store")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, models: Path) -> Run:
    def call(*arguments: str | Path, source: str | Path = "") -> tuple[int, str, str]:
        settings = ["--state", str(tmp_path / "state"), "--set", f"models.directory={models}"]
        settings += ["--set", f"sync.source={source}"] if source else []
        code = main(["sync", *map(str, arguments), *settings])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture(scope="module")
def built(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release that can be opened."""
    return make_release(models, tmp_path_factory.mktemp("built") / "release", range(4))


@pytest.fixture
def office(tmp_path: Path, built: Path, run: Run) -> HeadOffice:
    """It has published number 1, an old stick of that, and number 2; the kiosk believes it."""
    office = publisher(tmp_path)
    office.publish(release(tmp_path / "first"))
    shutil.copytree(office.path, tmp_path / "old stick")
    office.publish(built)
    assert run("enrol", "--from", office.path, "--fingerprint", office.trust.fingerprint)[0] == 0
    return office


def rows(run: Run, source: str | Path = "") -> dict[str, str]:
    """What `kiosk sync show` says, by its first column."""
    _, out, _ = run("show", source=source)
    return {line[:10].strip(): line[11:] for line in out.splitlines()}


def test_an_older_stick_by_hand_leaves_how_the_kiosk_stands(
    run: Run, office: HeadOffice, store: Store, tmp_path: Path
) -> None:
    with serving(office.path) as server:
        assert run("--once", source=server.url)[0] == 0
        before = (store.folder / "sync.json").read_bytes()
        code, _, err = run("--from", tmp_path / "old stick", source=server.url)
    assert code == os.EX_TEMPFAIL
    assert "older (number 1" in err
    assert (store.folder / "sync.json").read_bytes() == before
    assert store.status().state is SyncState.CURRENT
    shown = rows(run)
    assert shown["state"].startswith("current")
    assert shown["by hand"].startswith("stale (older_copy)")
    assert str(tmp_path / "old stick") in shown["by hand"]


def test_a_stick_that_is_not_in_leaves_how_the_kiosk_stands(
    run: Run, office: HeadOffice, store: Store, tmp_path: Path
) -> None:
    with serving(office.path) as server:
        assert run("--once", source=server.url)[0] == 0
        code, _, err = run("--from", tmp_path / "no stick", source=server.url)
    assert (code, "mounted" in err) == (os.EX_TEMPFAIL, True)
    assert store.status().state is SyncState.CURRENT


def test_a_good_stick_by_hand_is_how_the_kiosk_stands(
    run: Run, office: HeadOffice, store: Store
) -> None:
    source = "http://127.0.0.1:9"  # nobody listens there
    assert run("--once", source=source)[0] == os.EX_TEMPFAIL
    assert store.status().state is SyncState.OFFLINE
    assert run("--from", office.path, source=source)[0] == 0
    assert store.status().state is SyncState.CURRENT
    shown = rows(run, source)
    assert shown["by hand"].startswith("current")


def test_a_kiosk_that_asks_nobody_by_itself_stands_as_the_last_stick_did(
    run: Run, office: HeadOffice, store: Store, tmp_path: Path
) -> None:
    assert run("--from", office.path)[0] == 0
    assert run("--from", tmp_path / "old stick")[0] == os.EX_TEMPFAIL
    assert (store.status().state, store.status().code) == (SyncState.STALE, "older_copy")
    assert run("--from", tmp_path / "no stick")[0] == os.EX_TEMPFAIL
    assert (store.status().state, store.status().code) == (SyncState.OFFLINE, "no_folder")
    assert store.by_hand() == SyncStatus()
    assert "by hand" not in rows(run)


@pytest.mark.parametrize("way", ["the same", "with a slash", "by a link", "as a file address"])
def test_the_regular_source_named_again_is_no_pass_by_hand(
    way: str, run: Run, office: HeadOffice, store: Store, tmp_path: Path
) -> None:
    old = tmp_path / "old stick"
    (tmp_path / "link").symlink_to(old)
    given = {
        "the same": str(old),
        "with a slash": f"{old}/",
        "by a link": str(tmp_path / "link"),
        "as a file address": f"file://{str(old).replace(' ', '%20')}",
    }[way]
    assert run("--from", office.path)[0] == 0
    assert run("--from", given, source=old)[0] == os.EX_TEMPFAIL
    assert store.status().code == "older_copy"
    assert store.by_hand() == SyncStatus()
