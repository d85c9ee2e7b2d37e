# SPDX-License-Identifier: Apache-2.0
"""`kiosk catalog publish` and its kin as people call them, into folders and into a bucket."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from repositories import small_release
from s3_server import bucket, s3_address
from tuf_reader import Reader, check_blobs

from kiosk.catalog.manifest import read_manifest
from kiosk.cli import main
from kiosk.publish.folder import FolderStorage
from kiosk.publish.places import open_place
from kiosk.publish.trust import open_trust
from kiosk.sync.anchor import in_groups
from kiosk.workshop.folder import Settings, init, workshop
from kiosk.workshop.repository import Built, Note

__all__ = ["bucket", "s3_address"]  # fixtures

PASSPHRASE = "correct horse"
STRACE, SETPRIV = shutil.which("strace"), shutil.which("setpriv")


def run(*words: object) -> int:
    return main([str(word) for word in words])


@pytest.fixture(scope="module")
def ceremony(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `trust` and `keys`, made once."""
    folder = tmp_path_factory.mktemp("ceremony")
    os.environ["KIOSK_KEYS_PASSPHRASE"] = PASSPHRASE
    try:
        assert run("keys", "init", folder / "trust", "--make", folder / "keys") == 0
    finally:
        del os.environ["KIOSK_KEYS_PASSPHRASE"]
    return folder


@pytest.fixture
def signing(ceremony: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[object, ...]:
    monkeypatch.setenv("KIOSK_KEYS_PASSPHRASE", PASSPHRASE)
    return ("--trust", ceremony / "trust", "--keys", ceremony / "keys")


@pytest.fixture
def releases(tmp_path: Path) -> list[Path]:
    return [
        small_release(tmp_path / f"r{n}", {"vectors": b"v%d" % n * 999, "records": b"same" * 999})
        for n in range(3)
    ]


def test_a_release_goes_into_a_bucket_and_kiosks_are_told_what_to_type(
    bucket: str,
    ceremony: Path,
    signing: tuple[object, ...],
    releases: list[Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = f"{bucket}/kiosks"
    trust = open_trust(ceremony / "trust")
    asked = ("catalog", "publish", releases[0], place, "--channel", "stable", "--catalog", "shop")
    capsys.readouterr()
    assert run(*asked, *signing) == 0
    told = capsys.readouterr().out
    assert f"repository {place}" in told
    assert f"fingerprint {in_groups(trust.fingerprint)}" in told
    with Reader(trust.roots[0]) as reader:
        check_blobs(open_place(place), reader.announcement(open_place(place)))
        assert run("catalog", "publish", releases[1], place, "--channel", "stable", *signing) == 0
        assert "sent 2 of 3 files" in capsys.readouterr().out
        assert run("catalog", "rollback", place, "--channel", "stable", "--to", 1, *signing) == 0
        assert run("catalog", "refresh", place, *signing) == 0
        read = reader.announcement(open_place(place))
    assert (read.seq, read.reverts_to, read.catalog) == (3, 1, "shop")
    assert run("catalog", "collect", place, *signing[:2], "--dry-run") == 0
    assert "2 releases stay" in capsys.readouterr().out


def test_waves_a_pause_and_its_end(
    tmp_path: Path,
    ceremony: Path,
    signing: tuple[object, ...],
    releases: list[Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = tmp_path / "place"
    waves = ("--wave", "+6h=100", "--wave", "now=10", "--wave", "2099-12-01T06:00+01:00=1000")
    channel = ("--channel", "stable")
    assert run("catalog", "publish", releases[0], place, *channel, *waves, *signing) == 0
    assert run("catalog", "rollout", place, *channel, "--pause", *signing) == 0
    assert run("catalog", "rollout", place, *channel, "--resume", *signing) == 0
    capsys.readouterr()
    assert run("catalog", "releases", place, *signing[:2], "--json") == 0
    past = json.loads(capsys.readouterr().out)["stable"]
    assert [each["rollout"]["pause"] for each in past] == [False, True, False]
    assert [wave["permille"] for wave in past[2]["rollout"]["waves"]] == [10, 100, 1000]
    assert past[0]["rollout"] == past[2]["rollout"]
    assert run("catalog", "releases", place, *signing[:2]) == 0
    shown = capsys.readouterr().out
    assert "canary: nothing yet" in shown
    assert "10‰" in shown


def test_a_workshop_gives_its_last_release_and_remembers_what_became_of_it(
    tmp_path: Path,
    ceremony: Path,
    signing: tuple[object, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    shop, place = tmp_path / "shop", tmp_path / "place"
    init(shop, Settings(name="bakery"))
    with workshop(shop) as opened:
        for number in range(2):
            folder = small_release(opened.releases / str(number), {"vectors": b"v%d" % number})
            built = Built(read_manifest(folder).release, folder.name, 0)
            opened.repository.note_release(built, Note("build", f"release {built.release}"))
        last = read_manifest(opened.last_release()).release
    asked = ("--channel", "stable", *signing)
    assert run("catalog", "publish", shop, place, *asked) == 0
    assert run("catalog", "rollback", place, "--to", 1, "--workshop", shop, *asked) == 0
    with workshop(shop) as opened:
        notes = [event.note for event in opened.repository.history()]
    assert {note.what for note in notes} >= {"publish", "rollback"}
    told = next(note for note in notes if note.what == "publish")
    assert last in told.about
    assert str(place) in told.about
    assert told.figures == (("number", 1),)
    with Reader(open_trust(ceremony / "trust").roots[0]) as reader:
        assert reader.announcement(FolderStorage(place)).catalog == "bakery"


@pytest.mark.parametrize(
    ("wave", "why"),
    [
        ("soon=10", "is not a wave"),
        ("now=1001", "is not a wave"),
        ("2026-12-01T06:00=10", "no time zone"),
        ("+6h", "is not a wave"),
    ],
)
def test_a_wave_that_cannot_be_is_refused_by_name(
    tmp_path: Path,
    signing: tuple[object, ...],
    releases: list[Path],
    capsys: pytest.CaptureFixture[str],
    wave: str,
    why: str,
) -> None:
    asked = ("catalog", "publish", releases[0], tmp_path / "place", "--channel", "stable")
    assert run(*asked, "--wave", wave, *signing) == os.EX_USAGE
    said = capsys.readouterr().err
    assert why in said
    assert wave in said
    assert run(*asked, "--wave", "now=100", "--wave", "+1h=10", *signing) == os.EX_USAGE
    assert "shares can only grow" in capsys.readouterr().err


def test_it_does_not_publish_with_a_key_that_others_may_read(
    tmp_path: Path,
    ceremony: Path,
    signing: tuple[object, ...],
    releases: list[Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    keys, place = tmp_path / "keys", tmp_path / "place"
    shutil.copytree(ceremony / "keys", keys)
    asked = ("catalog", "publish", releases[0], place, "--channel", "stable", *signing[:2])
    (keys / "timestamp" / "private.pem").chmod(0o644)
    assert run(*asked, "--keys", keys) == os.EX_DATAERR
    assert "chmod 600" in capsys.readouterr().err
    assert FolderStorage(place).read("metadata/timestamp.json") is None
    (keys / "timestamp" / "private.pem").chmod(0o600)
    assert run(*asked, "--keys", keys) == 0


def test_what_people_get_wrong_is_said_in_words(
    tmp_path: Path,
    ceremony: Path,
    signing: tuple[object, ...],
    releases: list[Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = tmp_path / "place"
    channel = ("--channel", "stable")
    wrong = [
        (("rollout", place, *channel, *signing), "announces nothing yet"),
        (("refresh", place, *signing), "nothing is announced here yet"),
        (("publish", tmp_path, place, *channel, *signing), "there is no release here"),
        (("publish", releases[0], place, "--channel", "beta", *signing), "no channel 'beta'"),
        (("publish", releases[0], "gopher://x", *channel, *signing), "cannot be published to"),
        (("collect", place, *signing[:2], "--keep", 0), "--keep must be 1"),
        (
            ("publish", releases[0], place, *channel, "--trust", tmp_path, *signing[2:]),
            "is no trust folder",
        ),
        (
            ("publish", releases[0], place, *channel, *signing[:2], "--keys", tmp_path),
            "holds no key",
        ),
    ]
    for words, why in wrong:
        assert run("catalog", *words) != 0
        assert why in capsys.readouterr().err


def test_a_place_that_this_user_may_not_write_to_is_named(
    tmp_path: Path, ceremony: Path, signing: tuple[object, ...], releases: list[Path]
) -> None:
    """As root: without the right to ignore permissions."""
    place = tmp_path / "place"
    place.mkdir(mode=0o500)
    words = ("catalog", "publish", releases[0], place, "--channel", "stable", *signing)
    command = [sys.executable, "-m", "kiosk", *map(str, words)]
    if os.geteuid() == 0:
        if SETPRIV is None:
            pytest.skip("setpriv is missing: apt install util-linux")
        command = [SETPRIV, "--bounding-set=-dac_override,-dac_read_search", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == os.EX_IOERR, done.stderr
    assert done.stderr.startswith(f"kiosk: {place}: refused: Permission denied; let this user")
    assert done.stdout == ""


@pytest.mark.skipif(STRACE is None, reason="strace is missing: apt install strace")
@pytest.mark.parametrize(("call", "at"), [("link", 3), ("rename", 1)])
def test_a_publisher_killed_in_a_system_call_leaves_the_old_state_or_the_new(
    tmp_path: Path,
    ceremony: Path,
    signing: tuple[object, ...],
    releases: list[Path],
    call: str,
    at: int,
) -> None:
    """A real process, killed by the kernel at a real call; then the same command goes on."""
    assert killed_at(tmp_path, ceremony, releases[0], call, at)
    asked = ("catalog", "publish", releases[0], tmp_path / "place", "--channel", "stable")
    assert run(*asked, *signing) == 0
    with Reader(open_trust(ceremony / "trust").roots[0]) as reader:
        place = FolderStorage(tmp_path / "place")
        check_blobs(place, reader.announcement(place))


@pytest.mark.slow
@pytest.mark.skipif(STRACE is None, reason="strace is missing: apt install strace")
@pytest.mark.parametrize("call", ["link", "rename", "unlink"])
def test_a_publisher_may_be_killed_in_every_system_call(
    tmp_path: Path, ceremony: Path, releases: list[Path], call: str
) -> None:
    at = 1
    while killed_at(tmp_path, ceremony, releases[0], call, at):
        shutil.rmtree(tmp_path / "place", ignore_errors=True)
        at += 1
    assert at > 1


def killed_at(folder: Path, ceremony: Path, release: Path, call: str, at: int) -> bool:
    """Publish; the kernel kills it in the `at`th such call, unless it is through by then.

    Whatever is announced then must be whole. Gives whether it was killed.
    """
    place, trust = folder / "place", ceremony / "trust"
    words = ("catalog", "publish", release, place, "--channel", "stable", "--trust", trust)
    assert STRACE is not None
    done = subprocess.run(
        [STRACE, "-f", "-o", str(folder / "trace"), "-e", f"trace={call}"]
        + ["-e", f"inject={call}:signal=SIGKILL:when={at}"]
        + [sys.executable, "-m", "kiosk", *map(str, words), "--keys", str(ceremony / "keys")],
        env={**os.environ, "KIOSK_KEYS_PASSPHRASE": PASSPHRASE},
        capture_output=True,
        check=False,
    )
    storage = FolderStorage(place)
    announced = storage.read("metadata/timestamp.json") is not None
    if announced:
        with Reader(open_trust(trust).roots[0]) as reader:
            check_blobs(storage, reader.announcement(storage))
    killed = done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)
    assert killed or (done.returncode == 0 and announced), done.stderr.decode()
    return killed


def test_a_new_key_counts_once_the_same_release_is_published_again(
    tmp_path: Path, releases: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who rotates a stolen key must not be left with the old one."""
    monkeypatch.setenv("KIOSK_KEYS_PASSPHRASE", PASSPHRASE)
    trust, keys, place = tmp_path / "trust", tmp_path / "keys", tmp_path / "place"
    assert run("keys", "init", trust, "--make", keys) == 0
    asked = ("catalog", "publish", releases[0], place, "--channel", "stable", "--trust", trust)
    assert run(*asked, "--keys", keys) == 0
    assert run("keys", "make", tmp_path / "new") == 0
    public = tmp_path / "new" / "public.json"
    assert run("keys", "rotate", trust, "stable", public, "--keys", keys) == 0
    shutil.rmtree(keys / "stable")
    for _ in range(2):
        assert run(*asked, "--keys", keys, tmp_path / "new") == 0
        signed = json.loads((place / "metadata" / "2.stable.json").read_bytes())["signatures"]
        assert [each["keyid"] for each in signed] == [json.loads(public.read_bytes())["keyid"]]
        assert not (place / "metadata" / "3.stable.json").exists()
    assert (place / "metadata" / "2.targets.json").exists()
