# SPDX-License-Identifier: Apache-2.0
"""`kiosk catalog collect WORKSHOP`: what nothing needs goes, whoever is at work at the moment."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from killed_process import lines_of, python
from postgres_server import PostgresServer
from tiny_models import write_picture
from waiting import DEADLINE_S

from kiosk.cli import main
from kiosk.errors import BusyError, WorkshopError
from kiosk.imports.forms import Form
from kiosk.workshop.adding import add
from kiosk.workshop.announced import announced
from kiosk.workshop.changes import Picture, PutPicture, PutSku
from kiosk.workshop.collecting import Swept, collect
from kiosk.workshop.dumping import dump
from kiosk.workshop.folder import Settings, init, workshop
from kiosk.workshop.repository import Built, Proposal

Run = Callable[..., tuple[int, str, str]]
DAYS_AGO_S = time.time() - 3 * 24 * 3600


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: object) -> tuple[int, str, str]:
        code = main(["catalog", *map(str, words)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture(params=["sqlite", "postgres"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A workshop of four pictures, in a folder or on a server with the pictures on a shared disk.

    All of them came days ago.
    """
    settings = Settings()
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres")
        settings = Settings("toys", server.database(), str(tmp_path / "shared"))
    init(tmp_path / "shop", settings)
    put(tmp_path / "shop", tmp_path, range(4))
    aged(tmp_path / "shop")
    return tmp_path / "shop"


def put(folder: Path, pictures: Path, items: range) -> None:
    with workshop(folder) as opened:
        for item in items:
            file = write_picture(pictures / f"{item}.png", item)
            add(opened, PutSku(f"S{item}"), [file], Picture("", "", ""))


def aged(folder: Path) -> None:
    with workshop(folder) as opened:
        for path, _ in opened.pictures.stored():
            os.utime(path, (DAYS_AGO_S, DAYS_AGO_S))


def there(folder: Path) -> set[str]:
    with workshop(folder) as opened:
        return {path.name for path, _ in opened.pictures.stored()}


def named(folder: Path) -> set[str]:
    with workshop(folder) as opened, opened.repository.reading() as reading:
        return {picture.sha256 for picture in reading.pictures()}


def swept(folder: Path, **how: int | bool) -> Swept:
    with workshop(folder) as opened:
        return collect(opened, **how)  # type: ignore[arg-type]


def test_what_no_row_names_goes_and_is_told_in_bytes(run: Run, shop: Path) -> None:
    before = there(shop)
    run("remove", shop, "S1")
    run("remove", shop, "S2", "2.png")
    with workshop(shop) as opened:
        gone = [path for path, _ in opened.pictures.stored() if path.name not in named(shop)]
    size = sum(path.stat().st_size for path in gone)
    told = f"2 pictures, {size / 1e6:.3f} MB, and 0 releases, 0.000 MB; 2 pictures stay"
    code, out, _ = run("collect", shop, "--dry-run")
    assert code == os.EX_OK and f"would remove {told}" in out
    assert there(shop) == before
    code, out, _ = run("collect", shop)
    assert code == os.EX_OK and f"removed {told}" in out
    assert there(shop) == named(shop) and len(named(shop)) == 2
    assert f"collect\t{size} bytes\t2 pictures, 0 releases" in run("history", shop)[1]
    assert "removed 0 pictures" in run("collect", shop)[1]


def test_what_came_today_or_was_asked_for_again_stays(run: Run, shop: Path, tmp_path: Path) -> None:
    """An import names what it has kept a little later; it may be killed in between."""
    run("remove", shop, "S1")
    data = (tmp_path / "1.png").read_bytes()
    with workshop(shop) as opened:
        opened.pictures.keep(data, hashlib.sha256(data).hexdigest())  # and no row yet
        opened.pictures.settle()
    code, out, _ = run("collect", shop)
    assert code == os.EX_OK and "removed 0 pictures" in out
    assert "of these 1 are needed by nothing" in out
    aged(shop)
    assert "removed 1 pictures" in run("collect", shop)[1]


def test_the_pictures_of_an_open_proposal_stay(run: Run, shop: Path) -> None:
    run("remove", shop, "S0")
    run("remove", shop, "S1")
    first, second = sorted(there(shop) - named(shop))
    with workshop(shop) as opened:
        body = json.dumps({"views": [{"sha256": first, "box": [0, 0, 9, 9]}]})
        opened.repository.propose([Proposal("p1", "k", "new", body, "2026-11-01")])
    assert "removed 1 pictures" in run("collect", shop)[1]
    assert first in there(shop) and second not in there(shop)
    run("proposals", shop, "reject", "p1")
    assert "removed 1 pictures" in run("collect", shop)[1]


def test_nobody_collects_under_a_build_a_dump_or_an_import(
    run: Run, shop: Path, tmp_path: Path
) -> None:
    with workshop(shop) as opened:
        with opened.source():
            pass
        with opened.source() as (source, _):
            opened.pictures.close()  # as when the workshop is closed and the build goes on
            assert len(source.pictures) == 4
            with pytest.raises(BusyError, match="an import, a build or a dump is at work"):
                swept(shop)
        assert swept(shop).pictures == 0
        data = (tmp_path / "1.png").read_bytes()
        opened.pictures.keep(data, hashlib.sha256(data).hexdigest())
        code, _, err = run("collect", shop)
        assert code == os.EX_TEMPFAIL and "try again when it is done" in err
    assert run("collect", shop)[0] == os.EX_OK


def test_nobody_collects_under_a_dump(shop: Path, tmp_path: Path) -> None:
    refused: list[int] = []
    with workshop(shop) as opened:
        with opened.repository.reading() as reading:
            (one, *_) = reading.pictures()
        more = [PutPicture(replace(one, name=f"{number}.png")) for number in range(10, 110)]
        opened.repository.apply(more)

        def progress(done: int, total: int) -> None:
            with pytest.raises(BusyError):
                collect(opened)
            refused.append(done)

        with opened.repository.reading() as reading:
            dump(reading, opened.pictures, tmp_path / "out", Form.CSV, progress)
        assert collect(opened).pictures == 0
    assert refused == [100]


IMPORTING = """
import sys
from pathlib import Path
from kiosk.workshop.folder import workshop
with workshop(Path(sys.argv[1])) as shop:
    print("there", flush=True)
    shop.pictures.keep(b"bytes", "f" * 64)
    shop.pictures.settle()
    print("kept", flush=True)
    sys.stdin.readline()
"""


def test_an_import_waits_for_a_collection_and_a_killed_one_is_in_nobodys_way(shop: Path) -> None:
    with workshop(shop) as opened, python(IMPORTING, shop, stdin=subprocess.PIPE) as child:
        with opened.pictures.alone():
            lines_of(child, 1)
            assert "f" * 64 not in {path.name for path, _ in opened.pictures.stored()}
        lines_of(child, 1)
        with pytest.raises(BusyError):
            collect(opened)
        child.kill()
        child.wait(DEADLINE_S)
        assert collect(opened).young == 1


def test_a_folder_that_another_catalog_has_its_pictures_in_is_left_alone(
    shop: Path, tmp_path: Path
) -> None:
    with workshop(shop) as opened:
        shared = str(opened.pictures.folder.resolve())
    init(tmp_path / "other", Settings("other", "", shared))
    put(tmp_path / "other", tmp_path, range(7, 8))
    aged(shop)
    before = there(shop)
    for folder in (shop, tmp_path / "other"):
        with pytest.raises(WorkshopError, match="holds the pictures of catalog .* of its own"):
            swept(folder)
    assert there(shop) == before


def test_several_people_with_folders_of_their_own_work_on_one_catalog(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    settings = Settings("toys", postgres.database(), str(tmp_path / "shared"))
    for name in ("mia", "joe"):
        init(tmp_path / name, settings)
    put(tmp_path / "mia", tmp_path, range(2))
    put(tmp_path / "joe", tmp_path, range(2, 4))
    aged(tmp_path / "mia")
    assert (swept(tmp_path / "mia").pictures, len(there(tmp_path / "joe"))) == (0, 4)


def built(folder: Path, *names: str) -> None:
    """Releases as builds leave them: each shares a segment with the one before."""
    with workshop(folder) as opened:
        for name in names:
            release = opened.releases / name
            release.mkdir()
            (release / "manifest.json").write_bytes(b"{}" * 50)
            before = opened.releases / f"{int(name, 16) - 1:016x}" / "shared"
            if before.exists():
                os.link(before, release / "shared")
            else:
                (release / "shared").write_bytes(b"s" * 5000)
            (release / "own").write_bytes(b"o" * 1000)
            opened.repository.note_release(
                Built(name, name, 1), announced("build", name, "", "", 1)
            )


def test_old_releases_go_but_what_is_announced_and_the_next_build_stands_on(
    run: Run, shop: Path
) -> None:
    names = [f"{number:016x}" for number in range(1, 8)]
    built(shop, *names)
    with workshop(shop) as opened:
        for name, channel in ((names[0], "stable"), (names[1], "stable"), (names[2], "canary")):
            opened.repository.note(announced("publish", name, channel, "s3://shop/k", 1))
        (opened.releases / "unfinished").mkdir()
        (opened.releases / ".0000.gone").mkdir()
    code, out, _ = run("collect", shop, "--keep", "2", "--dry-run")
    assert code == os.EX_OK and "3 releases, 0.003 MB" in out, out
    assert run("collect", shop, "--keep", "2")[1] == out.replace("would remove", "removed")
    left = sorted(path.name for path in (shop / "releases").iterdir())
    assert left == [names[1], names[2], names[5], names[6], "unfinished"]
    with workshop(shop) as opened:
        assert opened.last_release().name == names[6]
    assert "and 0 releases" in run("collect", shop, "--keep", "2")[1]


def test_what_people_get_wrong_is_said_in_words(run: Run, shop: Path, tmp_path: Path) -> None:
    wrong = [
        ((shop, "--keep", 0), "--keep must be 1"),
        ((shop, "--days", 3), "--days is for a repository"),
        ((tmp_path / "typo",), "name its trust folder: --trust"),
    ]
    for words, why in wrong:
        code, _, err = run("collect", *words)
        assert (code, why in err) == (os.EX_USAGE, True), err
