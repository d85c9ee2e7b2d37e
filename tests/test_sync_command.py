# SPDX-License-Identifier: Apache-2.0
"""`kiosk sync`: what it says, its exit codes, and what it does as a process of its own."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kiosk.announcement import Gate
from kiosk.cli import main
from kiosk.durable import locked
from kiosk.store import Store
from kiosk.sync.anchor import fingerprint
from tests.fault_server import Server, serving
from tests.repositories import HeadOffice, small_release
from tests.store_parts import bundle, installed
from tests.sync_parts import publisher, release, snapshot
from tests.tiny_models import make_release

Run = Callable[..., tuple[int, str, str]]
STRACE = shutil.which("strace")
UNSHARE = shutil.which("unshare")


@pytest.fixture
def office(tmp_path: Path) -> HeadOffice:
    return publisher(tmp_path)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], state: Path, models: Path) -> Run:
    def call(*arguments: str | Path) -> tuple[int, str, str]:
        settings = ["--state", str(state), "--set", f"models.directory={models}"]
        code = main(["sync", *map(str, arguments), *settings])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def server(office: HeadOffice, tmp_path: Path) -> Iterator[Server]:
    office.publish(release(tmp_path / "unreal"))
    with serving(office.path) as server:
        yield server


def enrolled(run: Run, office: HeadOffice) -> None:
    code, _, err = run("enrol", "--from", office.path, "--fingerprint", office.trust.fingerprint)
    assert code == 0, err


def test_nobody_is_believed_because_he_came_first(run: Run, server: Server, state: Path) -> None:
    code, out, err = run("--from", server.url, "--once")
    assert code == os.EX_UNAVAILABLE
    assert "enrol" in err
    assert server.asked == []
    code, out, err = run("enrol", "--from", server.url)
    assert code == os.EX_USAGE
    assert "nothing was changed" in err
    assert re.search(r"([0-9a-f]{4} ){15}[0-9a-f]{4}", out)
    assert run("--from", server.url, "--once")[0] == os.EX_UNAVAILABLE


def test_enrol_takes_only_the_root_with_that_fingerprint(
    run: Run, server: Server, office: HeadOffice
) -> None:
    wrong = fingerprint(b"another")
    code, _, err = run("enrol", "--from", server.url, "--fingerprint", wrong)
    assert code == os.EX_DATAERR
    assert "Nothing was changed" in err
    code, _, err = run("enrol", "--from", server.url, "--fingerprint", "abcd")
    assert code == os.EX_USAGE
    right = office.trust.fingerprint
    typed = " ".join(right[at : at + 4] for at in range(0, 64, 4)).upper()
    assert run("enrol", "--from", server.url, "--fingerprint", typed)[0] == 0
    assert "already" in run("enrol", "--from", server.url, "--fingerprint", right)[1]
    assert right[:4] in run("show")[1]


def test_another_publisher_is_only_believed_when_a_person_says_so(
    run: Run, tmp_path: Path, office: HeadOffice
) -> None:
    office.publish(release(tmp_path / "first"))
    enrolled(run, office)
    other = publisher(tmp_path / "elsewhere", datetime.now(UTC) - timedelta(days=1))
    other.publish(release(tmp_path / "second"))
    given = ("enrol", "--from", other.path, "--fingerprint", other.trust.fingerprint)
    code, _, err = run(*given)
    assert (code, "--replace" in err) == (os.EX_USAGE, True)
    assert run(*given, "--replace")[0] == 0


@pytest.fixture(scope="module")
def built(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release that can be opened."""
    return make_release(models, tmp_path_factory.mktemp("built") / "release", range(4))


@pytest.fixture
def real(office: HeadOffice, built: Path) -> str:
    """It is published; its id."""
    return office.publish(built).release


def test_a_pass_says_what_came_and_the_next_that_nothing_is_new(
    run: Run, office: HeadOffice, real: str
) -> None:
    enrolled(run, office)
    code, out, err = run("--from", office.path)
    assert (code, err) == (0, "")
    assert f"release {real} is current" in out
    code, out, err = run("--from", office.path)
    assert (code, err) == (0, "")
    assert "newest release" in out
    code, out, _ = run("show")
    assert f"current    {real} (trial)" in out
    assert "state      current" in out


def test_a_release_that_cannot_be_opened_is_put_back_and_may_be_allowed_again(
    run: Run, tmp_path: Path, office: HeadOffice
) -> None:
    office.publish(small_release(tmp_path / "bad", {"models/embedder.onnx": b"no model"}))
    enrolled(run, office)
    code, _, err = run("--from", office.path)
    assert code == os.EX_UNAVAILABLE
    assert "self-test" in err
    shown = run("show")[1]
    assert "failed_selftest" in shown
    assert "kiosk sync allow RELEASE" in shown
    put_back = re.search(r"put back +([0-9a-f]{16})", shown)
    assert put_back
    assert run("allow", put_back[1])[0] == 0
    assert run("allow", put_back[1])[0] == os.EX_USAGE


def test_a_person_goes_back_to_the_release_before(run: Run, state: Path) -> None:
    store = Store(state / "store")
    for seq, made in enumerate((bundle("a"), bundle("b")), 1):
        store.activate(installed(store, made, seq), Gate())
        store.good(made.release)
    code, out, err = run("rollback")
    assert (code, err) == (0, "")
    assert f"{bundle('a').release} is current again" in out
    assert "by hand" in run("show")[1]
    code, _, err = run("rollback")
    assert code == os.EX_UNAVAILABLE
    assert "no release before" in err


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("http://127.0.0.1:9", os.EX_TEMPFAIL),
        ("/no/such/stick", os.EX_TEMPFAIL),
        ("ftp://example.org", os.EX_USAGE),
        ("http://example.org/?x=1", os.EX_USAGE),
        ("", os.EX_USAGE),
    ],
)
def test_addresses_that_lead_nowhere(
    source: str, code: int, run: Run, server: Server, office: HeadOffice
) -> None:
    enrolled(run, office)
    found, _, err = run(*(("--from", source) if source else ()), "--once")
    assert found == code
    assert err.startswith("kiosk: ")


def test_a_second_sync_at_once_is_refused(
    run: Run, office: HeadOffice, state: Path, real: str
) -> None:
    enrolled(run, office)
    lock = locked(state / "sync.lock")
    try:
        code, _, err = run("--from", office.path)
    finally:
        os.close(lock)
    assert (code, "another sync" in err) == (os.EX_TEMPFAIL, True)


def test_a_root_that_came_with_the_image_needs_no_enrolment(
    run: Run, office: HeadOffice, tmp_path: Path, real: str
) -> None:
    root = tmp_path / "root.json"
    root.write_bytes(office.first_root)
    assert run("--from", office.path, "--set", f"sync.root={root}")[0] == 0
    code, _, err = run("--from", office.path, "--set", f"sync.root={tmp_path / 'gone.json'}")
    assert (code, "sync.root" in err) == (os.EX_CONFIG, True)


def process(state: Path, models: Path, *arguments: str | Path) -> list[str]:
    settings = ["--state", str(state), "--set", f"models.directory={models}"]
    return [sys.executable, "-m", "kiosk", "sync", *map(str, arguments), *settings]


@pytest.mark.skipif(STRACE is None, reason="strace is missing: apt install strace")
def test_a_poll_without_a_change_opens_nothing_for_writing_in_the_state_directory(
    run: Run, office: HeadOffice, real: str, state: Path, models: Path, tmp_path: Path
) -> None:
    enrolled(run, office)
    assert run("--from", office.path)[0] == 0
    before = snapshot(state)
    trace = tmp_path / "trace"
    with serving(office.path) as server:
        command = process(state, models, "--from", server.url, "--once")
        calls = "openat,creat,rename,renameat2,link,unlink,unlinkat,mkdir,mkdirat,truncate,write"
        strace = [str(STRACE), "-f", "-y", "-qq", "-e", f"trace={calls}", "-o", str(trace)]
        done = subprocess.run([*strace, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [
        line
        for line in trace.read_text().splitlines()
        if f"{state}" in line and " = -1 E" not in line
    ]
    assert lines, "the trace should at least show what is read"
    opened = [line for line in lines if re.search(r"O_(WRONLY|RDWR|TRUNC)|\b(write|rename)", line)]
    made = [line for line in lines if re.search(r"\b(creat|link|unlink|mkdir|truncate)", line)]
    assert opened + made == []
    assert snapshot(state) == before


@pytest.mark.skipif(UNSHARE is None, reason="unshare is missing: apt install util-linux")
def test_without_any_network_it_says_offline_and_keeps_what_answers(
    run: Run, office: HeadOffice, real: str, state: Path, models: Path
) -> None:
    enrolled(run, office)
    assert run("--from", office.path)[0] == 0
    command = process(state, models, "--from", "http://192.0.2.1/", "--once")
    cut_off = [str(UNSHARE), "--net", "--map-root-user"]
    if subprocess.run([*cut_off, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no network namespace may be made here")
    done = subprocess.run([*cut_off, *command], capture_output=True, text=True, check=False)
    assert done.returncode == os.EX_TEMPFAIL, done.stderr
    shown = run("show")[1]
    assert "state      offline (unreachable)" in shown
    assert f"current    {real}" in shown


@pytest.mark.skipif(UNSHARE is None, reason="unshare is missing: apt install util-linux")
def test_on_a_full_disk_it_says_so_and_what_is_needed(
    office: HeadOffice, tmp_path: Path, state: Path, models: Path
) -> None:
    office.publish(release(tmp_path / "large", large=4 * 2**20))
    state.mkdir()
    root = tmp_path / "root.json"
    root.write_bytes(office.first_root)
    settings = ["--set", f"sync.root={root}", "--set", "sync.reserve_mb=1"]
    command = shlex.join(
        process(state, office.path / "no models", "--from", office.path, *settings)
    )
    done = mounted(f"mount -t tmpfs -o size=3m none {state}", command)
    assert done.returncode == os.EX_UNAVAILABLE, done.stderr
    assert re.search(r"needs 5 MB .* make \d MB of room", done.stderr)


@pytest.mark.skipif(UNSHARE is None, reason="unshare is missing: apt install util-linux")
def test_on_a_disk_that_became_read_only_it_says_so_and_what_answers_stays(
    run: Run, office: HeadOffice, real: str, tmp_path: Path, state: Path, models: Path
) -> None:
    enrolled(run, office)
    assert run("--from", office.path)[0] == 0
    office.publish(release(tmp_path / "next"))
    command = shlex.join(process(state, models, "--from", office.path))
    done = mounted(f"mount --bind {state} {state} && mount -o remount,bind,ro {state}", command)
    assert done.returncode == os.EX_CANTCREAT, done.stderr
    assert "Read-only file system" in done.stderr
    assert f"current    {real}" in run("show")[1]


def mounted(mount: str, command: str) -> subprocess.CompletedProcess[str]:
    """Run `command` where `mount` was done before, seen by nobody else."""
    apart = [str(UNSHARE), "--mount", "--map-root-user"]
    if subprocess.run([*apart, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no mount namespace may be made here")
    script = f"{mount} && exec {command}"
    return subprocess.run([*apart, "sh", "-c", script], capture_output=True, text=True, check=False)
