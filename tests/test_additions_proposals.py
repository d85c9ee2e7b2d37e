# SPDX-License-Identifier: Apache-2.0
"""From a kiosk's additions to proposals at head office: bundles, and what becomes of them."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from added_parts import SIDES, build_release, opened

from kiosk.additions import AdditionStore, packed, unpacked
from kiosk.additions.values import Addition
from kiosk.cli import main
from kiosk.errors import AdditionError
from kiosk.workshop.folder import Settings, init, workshop
from kiosk.workshop.repository import Verdict

CODE = "4012345678901"


@pytest.fixture(scope="module")
def release(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_release(models, tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def state(models: Path, release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of a kiosk with one addition that holds and one that was undone."""
    folder = tmp_path_factory.mktemp("state")
    with opened(models, release, AdditionStore(folder / "additions.sqlite")) as bench:
        bench.added("new", SIDES, code=CODE)
        bench.desk.undo(bench.added("gone", (200, 201, 202)).addition_id)
    return folder


@pytest.fixture
def bundle(state: Path, tmp_path: Path) -> Path:
    file = tmp_path / "bundle.zip"
    assert main(["additions", "export", str(file), "--state", str(state)]) == 0
    return file


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    init(tmp_path / "shop", Settings())
    return tmp_path / "shop"


def run(shop: Path, *arguments: object) -> int:
    return main(["catalog", "proposals", str(shop), *map(str, arguments)])


def test_the_same_additions_are_the_same_bytes(bundle: Path, state: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.zip"
    assert main(["additions", "export", str(again), "--state", str(state)]) == 0
    assert again.read_bytes() == bundle.read_bytes()


def test_a_bundle_tells_everything_and_has_the_pictures(bundle: Path) -> None:
    new, gone = unpacked(bundle.read_bytes())
    assert (new.record.sku, new.record.barcodes, len(new.views)) == ("new", (CODE,), 3)
    assert set(new.pictures) == {view.sha256 for view in new.views}
    assert len(new.kiosk) == 32
    assert gone.undone_at and not gone.pictures


def test_listing_and_undoing_on_the_command_line(
    models: Path, release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state"
    with opened(models, release, AdditionStore(state / "additions.sqlite")) as bench:
        made: Addition = bench.added()
    assert main(["additions", "list", "--state", str(state)]) == 0
    assert "1 addition\n" in capsys.readouterr().out
    assert main(["additions", "undo", made.addition_id[:6], "--state", str(state)]) == 0
    capsys.readouterr()
    assert main(["additions", "undo", made.addition_id[:6], "--state", str(state)]) == 64
    assert "undone already" in capsys.readouterr().err
    assert main(["additions", "list", "--all", "--json", "--state", str(state)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["sku"], bool(told["undone_at"])) == ("new", True)


def test_an_accepted_proposal_becomes_pictures_that_a_build_takes(
    bundle: Path, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(shop, "import", bundle) == 0
    assert "1 new\t" in capsys.readouterr().out
    with workshop(shop) as opened_shop:
        (proposal,) = opened_shop.repository.proposals(Verdict.OPEN)
        assert proposal.sku == "new"
    assert run(shop, "accept", proposal.proposal_id[:8]) == 0
    with workshop(shop) as opened_shop:
        with opened_shop.repository.reading() as reading:
            found = reading.sku("new")
            assert found is not None
            assert (found.record.name, found.record.barcodes) == ("New", (CODE,))
            pictures = list(reading.pictures("new"))
        assert len(pictures) == 3 and all(picture.region for picture in pictures)
        with opened_shop.source() as (source, _):
            assert len(source.pictures) == 3
    assert run(shop, "accept", proposal.proposal_id[:8]) == 64
    assert "accepted already" in capsys.readouterr().err


def test_the_same_bundle_twice_is_one_proposal_and_a_decided_one_stays_decided(
    bundle: Path, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(shop, "import", bundle) == 0
    assert run(shop, "import", bundle) == 0
    assert "0 new\t" in capsys.readouterr().out
    with workshop(shop) as opened_shop:
        (proposal,) = opened_shop.repository.proposals(None)
    assert run(shop, "reject", proposal.proposal_id, "--reason", "discontinued") == 0
    assert run(shop, "import", bundle) == 0
    capsys.readouterr()
    assert run(shop, "list") == 0
    assert "0 proposals" in capsys.readouterr().out
    assert run(shop, "list", "--all") == 0
    assert "rejected: discontinued" in capsys.readouterr().out
    with workshop(shop) as opened_shop, opened_shop.repository.reading() as reading:
        assert reading.sku("new") is None


def test_head_office_files_it_under_another_sku(bundle: Path, shop: Path) -> None:
    assert run(shop, "import", bundle) == 0
    with workshop(shop) as opened_shop:
        (proposal,) = opened_shop.repository.proposals(None)
    assert run(shop, "accept", proposal.proposal_id, "--sku", "40-1182") == 0
    with workshop(shop) as opened_shop, opened_shop.repository.reading() as reading:
        assert reading.sku("new") is None
        assert len(list(reading.pictures("40-1182"))) == 3


def test_what_the_kiosk_took_back_is_no_proposal_any_more(
    models: Path, release: Path, shop: Path, tmp_path: Path
) -> None:
    with opened(models, release) as bench:
        made = bench.added()
        for number in range(2):
            rows = [(row, bench.desk.crops(row.addition_id)) for row in bench.store.rows()]
            file = tmp_path / f"{number}.zip"
            file.write_bytes(packed("k" * 32, rows))
            bench.desk.undo(made.addition_id)
    for number in range(2):
        assert run(shop, "import", tmp_path / f"{number}.zip") == 0
    with workshop(shop) as opened_shop:
        (proposal,) = opened_shop.repository.proposals(None)
    assert (proposal.verdict, proposal.reason) == (Verdict.REJECTED, "taken back on the kiosk")


def test_a_folder_of_bundles_comes_in_and_a_bad_one_stops_no_other(
    bundle: Path, shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundles = tmp_path / "in"
    bundles.mkdir()
    named = {"a": "0" * 32, "c": "1" * 32, "e": "2" * 32}
    for name, identity in named.items():
        change = {"addition_id": identity, "sku": name}
        data = altered(bundle.read_bytes(), lambda told, _, c=change: _first(told).update(c))
        (bundles / f"{name}.ZIP").write_bytes(data)
    (bundles / "b.zip").write_bytes(b"PK no bundle")
    data = altered(
        bundle.read_bytes(), lambda told, _: _first(told)["views"][2].update(box=[0, 0, 9e9, 9])
    )
    (bundles / "d.zip").write_bytes(data)
    (bundles / "notes.txt").write_text("not looked at")
    assert run(shop, "import", bundles, tmp_path / "typo.zip") == 65
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[0] for line in lines] == [
        *("1 new", "FAILED damaged", "1 new", "FAILED bad_region", "1 new", "FAILED unreadable"),
        "6 bundles, 3 failed",
    ]
    assert lines[1].split("\t")[1] == str(bundles / "b.zip")
    with workshop(shop) as opened_shop:
        assert [one.sku for one in opened_shop.repository.proposals()] == ["a", "c", "e"]
        left = [path for path in opened_shop.pictures.folder.rglob("*") if ".incoming" in str(path)]
        assert not [path for path in left if path.is_file()], "of a bundle that was refused"
    assert run(shop, "import", bundles / "a.ZIP", bundles / "c.ZIP") == 0
    assert capsys.readouterr().out.endswith("2 bundles\n")


def test_what_was_taken_back_is_so_in_whatever_order_its_bundles_come(
    models: Path, release: Path, shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(models, release) as bench:
        made = bench.added()
        for name in ("z-before", "a-after"):
            rows = [(row, bench.desk.crops(row.addition_id)) for row in bench.store.rows()]
            (tmp_path / f"{name}.zip").write_bytes(packed("k" * 32, rows))
            bench.desk.undo(made.addition_id)
    assert run(shop, "import", *sorted(tmp_path.glob("*.zip"))) == 0
    assert "2 bundles, 1 taken back on the kiosk\n" in capsys.readouterr().out
    with workshop(shop) as opened_shop:
        assert [one.verdict for one in opened_shop.repository.proposals()] == [Verdict.REJECTED]


def test_two_that_begin_alike_are_told_apart(bundle: Path, shop: Path, capsys) -> None:
    assert run(shop, "import", bundle) == 0
    assert run(shop, "accept", "zz") == 64
    assert "there is no such proposal" in capsys.readouterr().err


def altered(data: bytes, change: Callable[[dict, dict], None]) -> bytes:
    """A bundle with its listing and its pictures changed."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        listing = json.loads(file.read("additions.json"))
        pictures = {name: file.read(name) for name in file.namelist() if name != "additions.json"}
    change(listing, pictures)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("additions.json", json.dumps(listing))
        for name, jpeg in pictures.items():
            file.writestr(name, jpeg)
    return out.getvalue()


def _first(listing: dict) -> dict:
    return listing["additions"][0]


@pytest.mark.parametrize(
    "change",
    [
        lambda told, pictures: pictures.clear(),
        lambda told, pictures: pictures.update({name: b"other" for name in pictures}),
        lambda told, pictures: pictures.update({name: bytes(2_000_000) for name in pictures}),
        lambda told, pictures: _first(told).update(addition_id="../../etc/passwd"),
        lambda told, pictures: _first(told).update(name="a\x1b[2Jb"),
        lambda told, pictures: _first(told).update(sku=""),
        lambda told, pictures: _first(told).update(views=[]),
        lambda told, pictures: _first(told)["views"][0].update(sha256="../" * 21 + "a"),
        lambda told, pictures: _first(told)["views"][0].update(box=[5, 5, 1, 1]),
        lambda told, pictures: _first(told)["views"][0].update(box=[1, 2, float("nan"), 4]),
        lambda told, pictures: told.update(additions=told["additions"] * 600),
        lambda told, pictures: told.update(format=2),
        lambda told, pictures: told.pop("kiosk"),
    ],
)
def test_a_bundle_that_is_not_right_is_refused_whole(bundle: Path, shop: Path, change) -> None:
    bad = altered(bundle.read_bytes(), change)
    with pytest.raises(AdditionError):
        unpacked(bad)
    bundle.write_bytes(bad)
    assert run(shop, "import", bundle) == 65
    with workshop(shop) as opened_shop:
        assert opened_shop.repository.proposals(None) == []


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 not really", b"{}" * 1000])
def test_what_is_no_bundle_is_said(data: bytes) -> None:
    with pytest.raises(AdditionError, match="no bundle of additions"):
        unpacked(data)


def test_a_picture_that_is_none_is_not_kept(bundle: Path, shop: Path) -> None:
    other = b"GIF89a no picture at all"
    name = hashlib.sha256(other).hexdigest()

    def change(told: dict, pictures: dict) -> None:
        _first(told)["views"][0]["sha256"] = name
        pictures[f"pictures/{name}.jpg"] = other

    bundle.write_bytes(altered(bundle.read_bytes(), change))
    assert run(shop, "import", bundle) == 65
    assert not list((shop / "pictures").rglob(name))


def test_a_place_outside_its_picture_is_not_kept(bundle: Path, shop: Path) -> None:
    def change(told: dict, pictures: dict) -> None:
        _first(told)["views"][2]["box"] = [10, 10, 5000, 20]

    bundle.write_bytes(altered(bundle.read_bytes(), change))
    assert run(shop, "import", bundle) == 65
    with workshop(shop) as opened_shop:
        assert opened_shop.repository.proposals(None) == []


def test_an_empty_kiosk_has_nothing_to_export(tmp_path: Path, capsys) -> None:
    assert main(["additions", "export", str(tmp_path / "x.zip"), "--state", str(tmp_path)]) == 64
    assert "nothing was added" in capsys.readouterr().err
