# SPDX-License-Identifier: Apache-2.0
"""calibration.json against every tampering, and releases that are measured again."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from segments import only
from tiny_models import open_models, picture, write_picture

from kiosk.catalog import manifest as manifests
from kiosk.catalog.build import BuildOptions, build
from kiosk.catalog.calibration import parse, to_json
from kiosk.catalog.manifest import CALIBRATION, PROBES, FileEntry, read_manifest, sealed, verify
from kiosk.catalog.recalibrate import recalibrate
from kiosk.catalog.snapshot import Snapshot
from kiosk.catalog.strangers import none
from kiosk.cli import main
from kiosk.config import SearchConfig
from kiosk.decide import judge
from kiosk.errors import CatalogError
from kiosk.values import NEVER_APART, Box, Outcome

NOBODY = none("nobody was asked")
ITEMS = 8


@pytest.fixture(scope="module")
def built(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("calibrated")
    lines = ["sku,category"]
    for item in range(ITEMS):
        for shot in range(2):
            write_picture(root / "source" / f"SKU-{item}" / f"{shot}.png", item, shot)
        lines.append(f"SKU-{item},kind{item % 2}")
    (root / "source" / "skus.csv").write_text("\n".join(lines) + "\n")
    locator, embedder = open_models(models)
    options = BuildOptions(risk=0.05)
    build(root / "source", root / "release", locator=locator, embedder=embedder, options=options)
    return root / "release"


@pytest.fixture
def release(built: Path, tmp_path: Path) -> Path:
    """A copy that may be spoilt."""
    recalibrate(built, tmp_path / "copy", strangers=NOBODY, risk=0.05)
    return tmp_path / "copy"


def rewritten(folder: Path, name: str, data: bytes | None) -> None:
    """Another file in the release, or none, and a manifest that says it has to be so."""
    path = folder / name
    path.unlink()
    manifest = read_manifest(folder)
    files = [entry for entry in manifest.files if entry.name != name]
    if data is not None:
        path.write_bytes(data)
        files.append(FileEntry(name, len(data), hashlib.sha256(data).hexdigest()))
    files.sort(key=lambda entry: entry.name)
    manifest = sealed(dataclasses.replace(manifest, files=tuple(files)))
    (folder / manifests.NAME).unlink()
    (folder / manifests.NAME).write_bytes(manifests.to_json(manifest))


def edited(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    body = json.loads((folder / CALIBRATION).read_text())
    change(body)
    rewritten(folder, CALIBRATION, json.dumps(body).encode())


def opened(folder: Path, models: Path) -> Snapshot:
    embedder = open_models(models)[1].card.sha256
    return Snapshot.open(folder, embedder=embedder, config=SearchConfig())


def judged(snapshot: Snapshot, models: Path, item: int) -> Outcome:
    embedder = open_models(models)[1]
    pixels = picture(item)
    vector = embedder.embed([embedder.crop(pixels, Box(40, 10, 200, 170))])[0]
    return judge(snapshot.match(vector, 5), snapshot.thresholds).outcome


def test_a_calibration_survives_the_round_trip(release: Path) -> None:
    data = (release / CALIBRATION).read_bytes()
    assert to_json(parse(data)) == data


def test_a_release_is_opened_with_what_it_states(release: Path, models: Path) -> None:
    snapshot = opened(release, models)
    assert snapshot.calibrated.startswith("on: asked for 5.00%")
    assert snapshot.thresholds == snapshot.calibration.thresholds
    assert snapshot.thresholds.asked == 0.05 and snapshot.thresholds.claims
    (match, *_) = snapshot.match(np.load(only(release, "vectors.npy"))[0].astype(np.float32), 2)
    assert match.category == "kind0" and match.sku == "SKU-0"
    snapshot.close()


def test_without_a_calibration_nothing_is_accepted_and_that_is_said(
    release: Path, models: Path
) -> None:
    rewritten(release, CALIBRATION, None)
    snapshot = opened(release, models)
    assert snapshot.calibrated.startswith("off: this release was never calibrated")
    assert {judged(snapshot, models, item) for item in range(ITEMS)} == {Outcome.CHOOSE}
    assert snapshot.thresholds.by_print == snapshot.thresholds.same == NEVER_APART
    snapshot.close()


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("embedder", "another embedder"),
        ("vectors", "other vectors"),
        ("features", "other local features"),
    ],
)
def test_a_calibration_of_something_else_is_not_believed(
    release: Path, models: Path, what: str, said: str
) -> None:
    edited(release, lambda body: body["basis"].update({what: "0" * 64}))
    snapshot = opened(release, models)
    assert snapshot.calibrated.startswith(f"off: its calibration was measured on {said}")
    assert judged(snapshot, models, 3) is Outcome.CHOOSE
    snapshot.close()


def test_an_altered_calibration_is_a_damaged_release(release: Path, models: Path) -> None:
    path = release / CALIBRATION
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data.replace(b'"asked": 0.05', b'"asked": 0.06'))
    with pytest.raises(CatalogError, match=r"calibration\.json: is damaged"):
        opened(release, models)
    with pytest.raises(CatalogError, match=r"calibration\.json: is damaged"):
        verify(release)
    path.unlink()
    with pytest.raises(CatalogError, match=r"calibration\.json: is missing"):
        opened(release, models)


ATTACKS: dict[str, Callable[[dict[str, Any]], object]] = {
    "NaN": lambda body: body["thresholds"].update(accept=float("nan")),
    "infinite": lambda body: body["thresholds"].update(by_print=float("inf")),
    "text": lambda body: body["thresholds"].update(accept="0.1"),
    "true": lambda body: body["thresholds"].update(margin=True),
    "negative margin": lambda body: body["thresholds"].update(margin=-0.5),
    "accept below choose": lambda body: body["thresholds"].update(accept=0.0),
    "print below choose": lambda body: body["thresholds"].update(by_print=0.0),
    "same below differs": lambda body: body["thresholds"].update(same=-1, differs=0.5),
    "out of range": lambda body: body["thresholds"].update(category=-3),
    "missing": lambda body: body["thresholds"].pop("same"),
    "risk above one": lambda body: body["thresholds"].update(asked=2),
    "claim": lambda body: body["thresholds"]["claims"][0].update(bound=0, wrong=2),
    "claimed twice": lambda body: body["thresholds"]["claims"][0].update(wrong=10**9),
    "more than it supports": lambda body: body["thresholds"]["claims"][0].update(bound=0.001),
    "no end of things": lambda body: body["thresholds"]["claims"][0].update(things=10**12),
    "little confidence": lambda body: body["thresholds"]["claims"][0].update(confidence=0.6),
    "all that comes": lambda body: body["thresholds"].update(accept=-0.5, choose=-0.5),
    "a category's count": lambda body: body["categories"][0]["others"].update(things=5, bound=0.01),
    "no confidence": lambda body: body["thresholds"]["claims"][0].update(confidence=0),
    "own limit": lambda body: body.update(accept={"SKU-1": 0.0}),
    "overlap": lambda body: body.update(groups={"a": ["a", "b"], "b": ["b", "c"]}),
    "lone": lambda body: body.update(groups={"a": ["a"]}),
    "no list": lambda body: body.update(groups={"a": "ab"}),
    "format": lambda body: body.update(format=9),
    "no basis": lambda body: body.update(basis={}),
    "accepted": lambda body: body.update(accepted=[1]),
    "categories": lambda body: body.update(categories=[1]),
    "null": lambda body: body.update(thresholds=None),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_numbers_that_no_measurement_gives_are_refused_whatever_the_manifest_says(
    release: Path, models: Path, attack: Callable[[dict[str, Any]], None]
) -> None:
    edited(release, attack)
    with pytest.raises(CatalogError, match=r"calibration\.json: .*measure it again"):
        opened(release, models)


def test_the_limit_of_the_print_may_lie_below_that_of_similarity(built: Path) -> None:
    body = json.loads((built / CALIBRATION).read_text())
    limits = body["thresholds"]
    limits.update(accept=0.99, by_print=0.98, choose=0.5, differs=0.4, same=0.995)
    body["accept"] = {}
    assert parse(json.dumps(body).encode()).thresholds.by_print == 0.98


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"\xff", b"[" * 100_000, b'{"format": 1}'])
def test_what_is_no_calibration_is_refused(data: bytes) -> None:
    with pytest.raises(CatalogError, match="measure it again"):
        parse(data)


def test_measuring_again_changes_nothing_but_the_calibration(built: Path, tmp_path: Path) -> None:
    before = verify(built)
    manifest, calibration = recalibrate(built, tmp_path / "new", strangers=NOBODY, risk=0.001)
    assert verify(tmp_path / "new") == manifest and verify(built) == before
    assert manifest.release != before.release and manifest.built_at == before.built_at
    assert calibration.thresholds.asked == 0.001
    changed = set(before.files) ^ set(manifest.files)
    assert {entry.name for entry in changed} == {CALIBRATION}
    assert only(built, "vectors.npy").samefile(only(tmp_path / "new", "vectors.npy"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new"]


def test_measuring_again_as_before_gives_the_same_bytes(built: Path, tmp_path: Path) -> None:
    recalibrate(built, tmp_path / "a", strangers=NOBODY, risk=0.05)
    recalibrate(tmp_path / "a", tmp_path / "b", strangers=NOBODY, risk=0.05)
    first, second = ((tmp_path / name / CALIBRATION).read_bytes() for name in "ab")
    assert first == second
    assert read_manifest(tmp_path / "a") == read_manifest(tmp_path / "b")
    # What the build stated is what its stored probes state.
    body, again = (json.loads(data) for data in ((built / CALIBRATION).read_bytes(), first))
    assert body["thresholds"] == again["thresholds"]


def test_a_release_is_measured_again_in_its_own_place(release: Path) -> None:
    before = read_manifest(release)
    with pytest.raises(CatalogError, match="--replace"):
        recalibrate(release, release, strangers=NOBODY)
    manifest, _ = recalibrate(release, release, strangers=NOBODY, risk=0.01, replace=True)
    assert verify(release) == manifest != before
    assert sorted(path.name for path in release.parent.iterdir()) == [release.name]


@pytest.mark.parametrize("name", [PROBES, "vectors.npy"])
def test_a_damaged_release_is_not_measured(release: Path, tmp_path: Path, name: str) -> None:
    path = release / name if name == PROBES else only(release, name)
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data[:-4] + b"abcd")
    with pytest.raises(CatalogError, match="is damaged"):
        recalibrate(release, tmp_path / "new", strangers=NOBODY)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("data", [None, b"", b"PK", b"nothing of the kind"])
def test_without_usable_probes_the_pictures_are_asked_for(
    release: Path, tmp_path: Path, data: bytes | None
) -> None:
    rewritten(release, PROBES, data)
    with pytest.raises(CatalogError, match="again\n?.*from its"):
        recalibrate(release, tmp_path / "new", strangers=NOBODY)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy"]


def test_probes_that_do_not_fit_the_release_are_refused(release: Path, tmp_path: Path) -> None:
    with np.load(release / PROBES) as file:
        parts = dict(file)
    parts["pictures"] = parts["pictures"] + 1000
    np.savez(tmp_path / "other.npz", **parts)
    rewritten(release, PROBES, (tmp_path / "other.npz").read_bytes())
    with pytest.raises(CatalogError, match=r"probes\.npz: cannot be used"):
        recalibrate(release, tmp_path / "new", strangers=NOBODY)


def test_a_kiosk_does_not_open_the_probes(release: Path, models: Path) -> None:
    size = (release / PROBES).stat().st_size
    (release / PROBES).unlink()
    (release / PROBES).write_bytes(b"x" * size)
    opened(release, models).close()


def test_the_command_says_what_the_new_release_may_believe(
    built: Path, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = str(tmp_path / "new")
    command = ["catalog", "calibrate", str(built), "--out", new, "--models", str(models)]
    assert main([*command, "--risk", "0.02"]) == os.EX_OK
    out = capsys.readouterr().out
    assert "asked for at most 2 % wrong accepts" in out and "would be needed" in out
    assert main([*command, "--risk", "0.01"]) == os.EX_DATAERR
    assert main([*command, "--risk", "0.01", "--replace"]) == os.EX_OK
    assert main([*command, "--risk", "7", "--replace"]) == os.EX_CONFIG
    assert "catalog.risk" in capsys.readouterr().err
    assert main(["catalog", "show", new]) == os.EX_OK
    out = capsys.readouterr().out
    assert "kind0" in out and "articles too near" in out and "asked for at most 1 %" in out
    assert main(["catalog", "show", new, "--json"]) == os.EX_OK
    body = json.loads(capsys.readouterr().out)
    assert body["calibrated"].startswith("on:") and body["thresholds"]["asked"] == 0.01
    assert {line["category"] for line in body["categories"]} == {"kind0", "kind1"}


def test_show_says_that_a_foreign_calibration_is_off(
    release: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edited(release, lambda body: body["basis"].update(vectors="0" * 64))
    assert main(["catalog", "show", str(release)]) == os.EX_OK
    assert "off: its calibration was measured on other vectors" in capsys.readouterr().out
