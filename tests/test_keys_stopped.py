# SPDX-License-Identifier: Apache-2.0
"""`kiosk keys init` that was stopped: the same command goes on, and never with foreign keys."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kiosk.cli import main
from kiosk.publish import keyfolder
from kiosk.publish.trust import open_draft, open_trust

STRACE = shutil.which("strace")
SMALL = ("--root-keys", "1", "--threshold", "1", "--channels", "stable")


@pytest.fixture(autouse=True)
def passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIOSK_KEYS_PASSPHRASE", "correct horse")


def run(*words: object) -> int:
    return main([str(word) for word in words])


def begun(folder: Path) -> tuple[object, ...]:
    """The command, and what it leaves when it is stopped before the trust folder is written."""
    words = ("keys", "init", folder / "trust", "--make", folder / "keys", "--unattended", *SMALL)
    assert run(*words) == 0
    shutil.rmtree(folder / "trust")
    (folder / "keys" / ".unfinished").write_text(str((folder / "trust").resolve()))
    return words


def check_whole(folder: Path) -> None:
    trust = open_trust(folder / "trust")
    assert not (folder / "keys" / ".unfinished").exists()
    for role in ("snapshot", "timestamp"):
        signer = keyfolder.open_key(folder / "keys" / role, lambda _: b"never asked for")
        assert signer.public_key.keyid == trust.roles.keys(role)[0].keyid
        lying = (folder / "keys" / role / "passphrase").read_bytes()
        assert b"correct horse" not in lying
    for name, role in (("root-1", "root"), ("stable", "stable")):
        signer = keyfolder.open_key(folder / "keys" / name, lambda _: b"correct horse")
        assert signer.public_key.keyid == trust.roles.keys(role)[0].keyid


@pytest.mark.parametrize(
    "lost",
    [
        ["root-1/public.json"],
        ["stable/public.json", "snapshot", "timestamp"],
        ["timestamp/passphrase"],
        ["snapshot/public.json", "snapshot/passphrase", "timestamp"],
    ],
)
def test_keys_of_a_stopped_init_are_gone_on_with_and_half_ones_made_anew(
    tmp_path: Path, lost: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words, keys = begun(tmp_path), tmp_path / "keys"
    before = {path: path.read_bytes() for path in keys.rglob("public.json")}
    for name in lost:
        if (keys / name).is_dir():
            shutil.rmtree(keys / name)
        else:
            (keys / name).unlink()
    capsys.readouterr()
    assert run(*words) == 0
    told = capsys.readouterr().out
    check_whole(tmp_path)
    harmed = {Path(name).parts[0] for name in lost}
    for path, data in before.items():
        assert (path.read_bytes() == data) == (path.parent.name not in harmed)
        how = "made" if path.parent.name in harmed else "goes on with"
        assert f"{how} the key of {path.parent.name} (" in told


def test_an_empty_private_key_and_half_a_passphrase_of_a_full_disk_are_made_anew(
    tmp_path: Path,
) -> None:
    words, keys = begun(tmp_path), tmp_path / "keys"
    (keys / "root-1" / "private.pem").write_bytes(b"")
    (keys / "root-1" / "public.json").rename(keys / "root-1" / ".public.json.new")
    whole = (keys / "timestamp" / "passphrase").read_bytes()
    (keys / "timestamp" / "passphrase").write_bytes(whole[:20])
    assert run(*words) == 0
    check_whole(tmp_path)


def test_another_passphrase_than_the_first_time_is_said_with_what_to_remove(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = begun(tmp_path)
    monkeypatch.setenv("KIOSK_KEYS_PASSPHRASE", "another horse")
    assert run(*words) == os.EX_DATAERR
    root = tmp_path / "keys" / "root-1"
    assert f"give the same passphrase, or remove {root} and" in capsys.readouterr().err
    assert (root / "private.pem").exists()


def test_keys_that_were_begun_for_another_trust_folder_are_not_shared_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun(tmp_path)
    words = ("keys", "init", tmp_path / "other", "--make", tmp_path / "keys", *SMALL)
    assert run(*words) == os.EX_DATAERR
    assert f"were begun for {tmp_path / 'trust'}" in capsys.readouterr().err
    (tmp_path / "keys" / ".unfinished").unlink()
    assert run(*words) == os.EX_DATAERR
    told = capsys.readouterr().err
    assert "holds a key already" in told
    said = told.split("to be used: ")[1].split()
    assert run("keys", "init", tmp_path / "other", *SMALL, *said) == 0  # when it is told so


def test_a_draft_that_waits_is_not_begun_again_and_half_a_draft_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, draft = begun(tmp_path), tmp_path / "trust" / "draft"
    run(*words)
    draft.mkdir()
    for name in ("1.root.json", "1.targets.json"):
        (tmp_path / "trust" / name).rename(draft / name)
    capsys.readouterr()
    assert run(*words) == os.EX_USAGE
    assert f"`kiosk keys sign {tmp_path / 'trust'} --keys DIR`" in capsys.readouterr().err
    assert run("keys", "sign", tmp_path / "trust", "--keys", tmp_path / "keys") == 0
    assert open_draft(tmp_path / "trust") is None
    root = (tmp_path / "trust" / "1.root.json").read_bytes()
    shutil.rmtree(tmp_path / "trust")
    draft.mkdir(parents=True)
    (draft / "1.root.json").write_bytes(root)
    (tmp_path / "keys" / ".unfinished").write_text(str(tmp_path / "trust"))
    assert run(*words) == 0
    check_whole(tmp_path)


def test_half_a_key_of_its_own_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("keys", "make", tmp_path / "anna") == 0
    (tmp_path / "anna" / "public.json").unlink()
    assert run("keys", "make", tmp_path / "anna") == os.EX_DATAERR
    assert "remove what is in there and run the command again" in capsys.readouterr().err


@pytest.mark.skipif(STRACE is None, reason="strace is missing: apt install strace")
def test_an_init_killed_by_the_kernel_between_two_keys_goes_on(tmp_path: Path) -> None:
    """At its seventh fsync: with the first key whole and half of another."""
    words = ("keys", "init", tmp_path / "trust", "--make", tmp_path / "keys", "--unattended")
    assert STRACE is not None
    done = subprocess.run(
        [STRACE, "-f", "-o", str(tmp_path / "trace"), "-e", "trace=fsync"]
        + ["-e", "inject=fsync:signal=SIGKILL:when=7"]
        + [sys.executable, "-m", "kiosk", *map(str, words), *SMALL],
        capture_output=True,
        check=False,
    )
    assert done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL), done.stderr.decode()
    assert (tmp_path / "keys" / "root-1" / "public.json").exists()
    assert not (tmp_path / "trust").exists()
    assert run(*words, *SMALL) == 0
    check_whole(tmp_path)
