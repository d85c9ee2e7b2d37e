# SPDX-License-Identifier: Apache-2.0
"""Local features in a release: both kinds of them, damage, and releases of another method."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from prints import counter, face, photographed, png
from segments import only, resealed

from kiosk.catalog import manifest as manifests
from kiosk.catalog.build import BuildOptions, build
from kiosk.catalog.details import (
    Details,
    NoDetails,
    method,
    stored,
    write_details,
)
from kiosk.catalog.manifest import FEATURES, PICTURES
from kiosk.catalog.snapshot import Snapshot
from kiosk.catalog.trusted import trust
from kiosk.config import SearchConfig, VerifyConfig
from kiosk.errors import CatalogError
from kiosk.recognise import Recogniser, still
from kiosk.values import NEVER_APART, POINT, TONES, Features, Look, Pixels
from kiosk.vision.packed import PICTURE, pack, unpack

PRINTS = (1, 2, 3, 4, 5, 6)


def some(points: int, seed: int = 0) -> Features:
    random = np.random.default_rng(seed)
    raw = np.frombuffer(random.bytes(POINT.itemsize * points), POINT)
    return Features(raw, random.integers(0, 256, (TONES, TONES, 3), np.uint8), (300, 200))


def equal(first: Features, second: Features) -> bool:
    return (
        first.points.tobytes() == second.points.tobytes()
        and (first.tones == second.tones).all()
        and first.size == second.size
    )


@pytest.fixture(scope="module")
def release(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Faces of one ground colour each in a different print: the tiny embedder hardly tells them."""
    source = tmp_path_factory.mktemp("source")
    for design in PRINTS:
        path = source / f"sku-{design}" / "face.png"
        path.parent.mkdir()
        path.write_bytes(png(counter(face(design))))
    out = tmp_path_factory.mktemp("releases") / "prints"
    locator, embedder = tiny_models.open_models(models)
    build(source, out, locator=locator, embedder=embedder, options=BuildOptions(augment=False))
    return out


def opened(models: Path, release: Path) -> Snapshot:
    embedder = tiny_models.open_models(models)[1]
    return Snapshot.open(release, embedder=embedder.card.sha256, config=SearchConfig())


def looked(models: Path, release: Path, pixels: Pixels, config: VerifyConfig) -> Look:
    snapshot = opened(models, release)
    try:
        recogniser = Recogniser(*tiny_models.open_models(models), config)
        return recogniser.look(still(counter(pixels)), snapshot)
    finally:
        snapshot.close()


def changed(release: Path, copy: Path, **changes: object) -> Path:
    """A copy of a release whose manifest fits its files, with `changes`."""
    if not copy.exists():
        shutil.copytree(release, copy)
    return resealed(copy, **changes)


def test_features_come_back_as_they_were_written(tmp_path: Path) -> None:
    kept = [some(40, 1), some(0, 2), some(7, 3)]
    write_details(tmp_path, iter(kept))
    details = stored(tmp_path, len(kept))
    for number, one in enumerate(kept):
        found = details.of(number)
        assert found is not None and equal(found, one)
    assert all(map(equal, unpack(b"".join(map(pack, kept))), kept))
    assert unpack(b"") == ()


@pytest.mark.parametrize("kind", ["stored", "none"])
def test_both_kinds_say_what_they_are_and_answer_for_every_picture(
    tmp_path: Path, kind: str
) -> None:
    write_details(tmp_path, [some(9)])
    details: Details = stored(tmp_path, 1) if kind == "stored" else NoDetails()
    found = details.of(0)
    assert (found is not None) == details.name.startswith("on")
    assert details.name.startswith(("on: ", "off: "))


@pytest.mark.parametrize("points", [0, 5])
def test_a_catalog_without_any_detail_opens(tmp_path: Path, points: int) -> None:
    write_details(tmp_path, [some(points)])
    found = stored(tmp_path, 1).of(0)
    assert found is not None and len(found.points) == points


@pytest.mark.parametrize(
    ("field", "value"), [("count", 2**32 - 1), ("start", 2**63), ("start", 99), ("width", 0)]
)
def test_an_entry_that_points_outside_is_refused(tmp_path: Path, field: str, value: int) -> None:
    write_details(tmp_path, [some(9)])
    table = np.load(tmp_path / PICTURES)
    table[field] = value
    np.save(tmp_path / PICTURES, table)
    with pytest.raises(CatalogError, match=PICTURES):
        stored(tmp_path, 1)


def test_files_cut_short_or_of_another_kind_are_refused(tmp_path: Path) -> None:
    write_details(tmp_path, [some(9)])
    whole = (tmp_path / FEATURES).read_bytes()
    for data in (whole[:-1], whole[: POINT.itemsize]):
        (tmp_path / FEATURES).write_bytes(data)
        with pytest.raises(CatalogError):
            stored(tmp_path, 1)
    (tmp_path / FEATURES).write_bytes(whole)
    for table in (np.zeros(1), np.zeros((1, 1), PICTURE), np.zeros(2, PICTURE)):
        np.save(tmp_path / PICTURES, table)
        with pytest.raises(CatalogError):
            stored(tmp_path, 1)
    (tmp_path / PICTURES).unlink()
    with pytest.raises(CatalogError, match=PICTURES):
        stored(tmp_path, 1)


@pytest.mark.parametrize("name", [FEATURES, PICTURES])
def test_a_mutated_feature_file_is_found_by_its_hash(
    models: Path, release: Path, tmp_path: Path, name: str
) -> None:
    copy = changed(release, tmp_path / "copy")
    data = bytearray(only(copy, name).read_bytes())
    data[-1] ^= 1
    only(copy, name).write_bytes(data)
    with pytest.raises(CatalogError, match=name):
        opened(models, copy)


def test_features_of_another_method_are_left_alone_and_said_so(
    models: Path, release: Path, tmp_path: Path
) -> None:
    copy = changed(release, tmp_path / "copy", features="orb-1")
    snapshot = opened(models, copy)
    assert "build it again" in snapshot.details.name and snapshot.details.of(0) is None
    snapshot.close()
    look = looked(models, copy, photographed(face(2)), VerifyConfig())
    assert look.matches and all(match.verified is None for match in look.matches)


def test_a_manifest_that_names_features_without_their_files_is_refused(
    release: Path, tmp_path: Path
) -> None:
    copy = changed(release, tmp_path / "copy")
    manifest = manifests.read_manifest(copy)
    files = tuple(entry for entry in manifest.files if not entry.name.endswith(FEATURES))
    broken = manifests.sealed(dataclasses.replace(manifest, files=files))
    with pytest.raises(CatalogError, match="local features"):
        manifests.parse(manifests.to_json(broken))


def test_a_release_without_features_says_so_and_has_no_second_look(
    models: Path, release: Path, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    (source / "a").mkdir(parents=True)
    (source / "a" / "face.png").write_bytes(png(counter(face(1))))
    locator, embedder = tiny_models.open_models(models)
    options = BuildOptions(augment=False, details=False)
    build(source, tmp_path / "out", locator=locator, embedder=embedder, options=options)
    text = (tmp_path / "out" / manifests.NAME).read_text()
    assert not list((tmp_path / "out").rglob(FEATURES))
    assert '"features": ""' in text
    snapshot = opened(models, tmp_path / "out")
    assert snapshot.details.name.startswith("off") and snapshot.thresholds.apart == NEVER_APART
    snapshot.close()


def test_the_release_names_its_method_and_holds_one_entry_for_each_picture(release: Path) -> None:
    manifest = manifests.verify(release)
    assert manifest.features == method()
    assert len(np.load(only(release, PICTURES))) == manifest.pictures == len(PRINTS)
    assert {FEATURES, PICTURES} <= {entry.name.split("/")[-1] for entry in manifest.files}
    limits = trust(release, manifest).calibration.thresholds
    assert limits.by_print >= limits.accept and limits.apart < NEVER_APART


def test_the_second_look_finds_the_print_that_similarity_does_not_tell(
    models: Path, release: Path
) -> None:
    for design in (2, 5):
        pixels = photographed(face(design), turn=25)
        look = looked(models, release, pixels, VerifyConfig(budget_ms=10_000))
        best, second = look.matches[:2]
        assert best.sku == f"sku-{design}" and look.unverified == 0
        assert best.verified is not None and best.verified.points > 20
        assert best.evidence > best.similarity and best.evidence - second.evidence > 0.02
        assert look.timings.verify_ms > 0


def test_switched_off_nothing_is_compared(models: Path, release: Path) -> None:
    look = looked(models, release, photographed(face(2), turn=25), VerifyConfig(on=False))
    assert look.matches and all(match.verified is None for match in look.matches)
    assert [match.evidence for match in look.matches] == [m.similarity for m in look.matches]


def test_a_spent_budget_is_said_and_nothing_is_made_up(models: Path, release: Path) -> None:
    pixels = photographed(face(2), turn=25)
    look = looked(models, release, pixels, VerifyConfig(budget_ms=1e-6))
    assert look.unverified == len(look.matches) == len(PRINTS)
    assert all(match.verified is None for match in look.matches)
