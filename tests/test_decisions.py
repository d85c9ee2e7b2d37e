# SPDX-License-Identifier: Apache-2.0
"""Measuring decisions on toy catalogs: real releases, the kiosk's own rule, kept work."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from evaluate_toys import ITEMS, PHOTOS, Rows, shop, write_manifest
from prints import counter, face, photographed, png
from tiny_models import open_models, write_models, write_picture

from kiosk.catalog.snapshot import Snapshot
from kiosk.config import DecideConfig, SearchConfig, VerifyConfig
from kiosk.recognise import Recogniser, still
from kiosk.values import Outcome
from kiosk.vision.decode import read_picture
from tools.decisions import JSON, TEXT, main
from tools.evaluation.halves import plans
from tools.evaluation.held import Held, decided
from tools.evaluation.honest import odd
from tools.evaluation.manifests import read_manifests
from tools.evaluation.plan import Choice
from tools.evaluation.product import UNHURRIED_MS
from tools.evaluation.releases import Releases
from tools.evaluation.sights import opened
from tools.evaluation.ways import WAYS


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop of eight items, photos of other things, and the tiny models."""
    folder = tmp_path_factory.mktemp("toys")
    write_manifest(folder / "shop" / "manifest.csv", shop(folder / "shop"))
    names = [f"{number}.png" for number in range(12)]
    for number, name in enumerate(names):
        write_picture(folder / "other" / name, 100 + number)
    others: Rows = [[name, "", "unknown", "", "thing"] for name in names]
    write_manifest(folder / "other" / "manifest.csv", others)
    write_models(folder / "models")
    return folder


def arguments(toys: Path, work: Path, *more: str) -> list[str]:
    manifest = str(toys / "shop" / "manifest.csv")
    common = ("--models", str(toys / "models"), "--work", str(work), "--halves", "2")
    return [manifest, *common, *more]


def test_a_run_counts_every_photo_once_for_each_catalog(toys: Path, tmp_path: Path) -> None:
    others = ("--strangers", str(toys / "other" / "manifest.csv"))
    asked = ("--risk", "0.05", "--risk", "0.2", "--out", str(tmp_path / "out"))
    assert main(arguments(toys, tmp_path / "work", *others, *asked)) == os.EX_OK
    body = json.loads((tmp_path / "out" / JSON).read_text())
    assert [each["risk"] for each in body["asked"]] == [0.05, 0.2]
    used = [name for name in (f"{number}.png" for number in range(12)) if odd(name)]
    for asked_rate in body["asked"]:
        kinds = asked_rate["kinds"]
        assert [each["skus"] for each in asked_rate["catalogs"]] == [ITEMS // 2] * 2
        known, left_out, other = kinds.values()
        assert known["photos"] == left_out["photos"] == 2 * PHOTOS * ITEMS // 2
        assert other["photos"] == 2 * len(used) and other["things"] == len(used)
        for kind in (known, left_out, other):
            assert sum(each["value"] for each in kind["said"].values()) == pytest.approx(
                1, abs=1e-3
            )
            assert kind["wrong"] == sum(each["wrong"] for each in kind["catalogs"])
        assert left_out["said"]["accepted, right"]["value"] == 0
    text = (tmp_path / "out" / TEXT).read_text()
    assert "ASKED: at most 5 % wrong accepts" in text and "per 1,000" in text


def test_scenarios_say_one_thing_of_every_photo_and_never_a_twin_is_right(
    toys: Path, tmp_path: Path
) -> None:
    out = ("--scenarios", "--scenario-photos", "4", "--out", str(tmp_path / "out"))
    main(arguments(toys, tmp_path / "work", "--risk", "0.05", *out))
    tables = json.loads((tmp_path / "out" / JSON).read_text())["scenarios"]
    assert [each["group"] for each in tables] == ["all", "even", "odd"]
    for line in (line for each in tables for line in each["lines"] if line["photos"]):
        shares = [each["value"] for each in line["said"].values()]
        assert sum(shares) == pytest.approx(1, abs=1e-3)
        assert line["wrong"] <= line["wrong_without_hints"] <= line["photos"]
        assert line["left_out_wrong"] <= line["left_out_wrong_without_hints"]
        assert line["left_out_wrong_without_hints"] <= line["left_out_photos"]
    assert [line["way"] for line in tables[0]["lines"]] == [way.name for way in WAYS]
    twin = tables[0]["lines"][-1]
    assert twin["photos"] == 4 and twin["left_out_photos"] == 0
    assert twin["said"]["accepted, right"]["value"] == 0
    assert twin["said"]["choose, the right one among them"]["value"] == 0
    assert "colour-swapped twin" in (tmp_path / "out" / TEXT).read_text()


def test_the_same_run_again_gives_the_same_bytes_and_does_no_work_twice(
    toys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = arguments(toys, tmp_path, "--risk", "0.05", "--json", "--step", "2")
    texts = []
    for _ in range(2):
        main(wanted)
        texts.append(capsys.readouterr().out)
        with closing(sqlite3.connect(tmp_path / "sights.sqlite")) as kept:
            (rows,) = kept.execute("SELECT count(*) FROM sights").fetchone()
        releases = {
            each.name: each.stat().st_mtime_ns for each in (tmp_path / "releases").iterdir()
        }
        texts.append(json.dumps([rows, releases]))
    assert texts[:2] == texts[2:]
    assert json.loads(texts[0])["settings"]["step"] == 2


def test_a_twin_that_is_not_listed_is_counted_when_it_is_accepted(
    toys: Path, tmp_path: Path
) -> None:
    # The very pictures of the listed articles, named as other articles: every accept is wrong.
    rows = shop(tmp_path / "shop", items=range(6))
    twins = [
        [row[0].replace("/", "/twin-"), f"twin of {row[1]}", *row[2:4], "twins"]
        for row in shop(tmp_path / "shop", items=range(6))
    ]
    for row, twin in zip(rows, twins, strict=True):
        (tmp_path / "shop" / twin[0]).write_bytes((tmp_path / "shop" / row[0]).read_bytes() + b"\0")
    manifest = write_manifest(tmp_path / "shop" / "manifest.csv", [*rows, *twins])
    reading = read_manifests([manifest])
    (plan,) = plans(reading.pictures, Choice(), 1)
    lone = [each for each in plan.left_out if each.removeprefix("twin of ") in plan.skus]
    assert lone  # a listed article whose twin is left out, or the other way round
    common = ("--models", str(toys / "models"), "--work", str(tmp_path / "work"), "--halves", "1")
    out = ("--risk", "0.5", "--out", str(tmp_path / "out"))
    main([str(manifest), *common, *out])
    body = json.loads((tmp_path / "out" / JSON).read_text())["asked"][0]
    accept = body["catalogs"][0]["thresholds"]["accept"]
    wrong = body["wrong"]
    left_out = body["kinds"]["articles like them, not in the catalog"]
    assert left_out["wrong"] == len([each for each in wrong if each["sku"] in plan.left_out])
    assert all(each["similarity"] >= accept or each["points"] for each in wrong)


@pytest.fixture
def printed(tmp_path: Path) -> Iterator[tuple[Path, Held, Recogniser, Snapshot]]:
    """A release of printed faces, opened twice: to be held against, and as a kiosk does."""
    write_models(tmp_path / "models")
    rows = []
    for design in range(6):
        (tmp_path / f"{design}.png").write_bytes(png(counter(face(design))))
        (tmp_path / f"{design}-photo.png").write_bytes(png(counter(photographed(face(design)))))
        rows.append([f"{design}.png", f"F-{design}", "reference", "", "faces"])
        rows.append([f"{design}-photo.png", f"F-{design}", "photo", "test", "faces"])
    manifest = write_manifest(tmp_path / "manifest.csv", rows)
    models = open_models(tmp_path / "models")
    references = [each for each in read_manifests([manifest]).pictures if each.role == "reference"]
    releases = Releases(tmp_path / "releases", models, lambda what, done, total: None)
    release = releases.of(references, 0.05)
    embedder = models[1].card.sha256
    recogniser = Recogniser(*models, VerifyConfig(budget_ms=UNHURRIED_MS))
    snapshot = Snapshot.open(release, embedder=embedder, config=SearchConfig())
    with (
        opened(tmp_path / "sights.sqlite", models) as sights,
        closing(Held(release, embedder, sights)) as held,
        closing(snapshot),
    ):
        yield manifest, held, recogniser, snapshot


def test_kept_sights_and_comparisons_give_the_matches_of_the_kiosk(
    printed: tuple[Path, Held, Recogniser, Snapshot],
) -> None:
    manifest, held, recogniser, snapshot = printed
    compared = 0
    for photo in read_manifests([manifest]).pictures:
        live = recogniser.look(still(read_picture(photo.path)), snapshot)
        for _ in range(2):  # seen now, and kept
            look = held.look(held.sights.of(photo))
            assert look is not None and live.subject is not None and look.subject is not None
            assert look.subject.box == live.subject.box and look.whole == live.whole
            assert look.matches == live.matches and look.thresholds == live.thresholds
            assert np.array_equal(look.embedding, live.embedding)
        compared += any(match.verified is not None for match in live.matches)
    assert compared  # the second look was taken


def test_a_still_photo_is_decided_as_an_item_that_lies_there(
    printed: tuple[Path, Held, Recogniser, Snapshot],
) -> None:
    manifest, held, _, _ = printed
    config = DecideConfig()
    for photo in read_manifests([manifest]).pictures:
        look = held.look(held.sights.of(photo))
        assert look is not None
        decision = decided(look, config)
        if decision.outcome is Outcome.ACCEPTED:
            assert decision.agreement[0] == config.agreement_frames
        else:
            assert decision.moment == "late"


def test_a_release_is_built_once_and_again_only_for_another_risk_or_picture(
    toys: Path, tmp_path: Path
) -> None:
    models = open_models(toys / "models")
    told: list[str] = []
    releases = Releases(tmp_path, models, lambda what, done, total: told.append(what))
    reading = read_manifests([toys / "shop" / "manifest.csv"])
    (plan,) = plans(reading.pictures, Choice(), 1)
    first = releases.of(plan.references, 0.05)
    built = len(told)
    assert built and releases.of(plan.references, 0.05) == first and len(told) == built
    others = {releases.of(plan.references, 0.2), releases.of(plan.references[:-1], 0.05)}
    assert first not in others and len(others) == 2 and len(told) > built
    assert not list(tmp_path.glob(".*")) and not list(tmp_path.glob("*.source"))


def test_halves_are_random_and_disjoint_from_what_they_leave_out(toys: Path) -> None:
    reading = read_manifests([toys / "shop" / "manifest.csv"])
    found = plans(reading.pictures, Choice(seed=3), 4)
    assert len({each.left_out for each in found}) > 1
    for plan in found:
        assert set(plan.left_out).isdisjoint(plan.skus)
        assert len(plan.left_out) == len(plan.skus) == ITEMS // 2


def test_a_picture_that_cannot_be_read_is_told_and_the_rest_is_done(
    toys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = shop(tmp_path / "shop", items=range(6), photos=1)
    (tmp_path / "shop" / rows[1][0]).write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    manifest = write_manifest(tmp_path / "shop" / "manifest.csv", rows)
    common = ("--models", str(toys / "models"), "--work", str(tmp_path / "work"), "--halves", "1")
    assert main([str(manifest), *common, "--risk", "0.1"]) == os.EX_DATAERR
    shown = capsys.readouterr().out
    assert "manifest.csv line 3" in shown and "[Damaged]" in shown


@pytest.mark.parametrize(
    "options",
    [
        ("--risk", "0"),
        ("--risk", "1.5"),
        ("--risk", "often"),
        ("--halves", "0"),
        ("--scenario-photos", "0"),
        ("--threads", "0"),
        ("--step", "0"),
        ("--photos-only",),
        ("--no-such-option",),
    ],
)
def test_options_that_make_no_sense_are_refused_with_a_reason(
    toys: Path, tmp_path: Path, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = [str(toys / "shop" / "manifest.csv"), "--work", str(tmp_path), *options]
    try:
        code = main(wanted)
    except SystemExit as left:  # argparse leaves by itself
        code = int(str(left.code))
    assert code == os.EX_USAGE
    caught = capsys.readouterr()
    assert options[0] in caught.err and caught.out == ""


def test_a_folder_that_cannot_be_made_is_told_before_the_run(
    toys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    wanted = arguments(toys, tmp_path / "work", "--out", str(tmp_path / "file" / "out"))
    assert main(wanted) == os.EX_CANTCREAT
    assert "cannot be made" in capsys.readouterr().err
