# SPDX-License-Identifier: Apache-2.0
"""`kiosk catalog build` of a workshop, and on a base: what is computed, shared, named and noted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from release_bytes import content
from tiny_models import write_models, write_picture

from kiosk.catalog.manifest import Manifest, read_manifest, verify
from kiosk.cli import main
from kiosk.workshop.folder import workshop

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str | Path) -> tuple[int, str, str]:
        code = main(["catalog", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def shop(run: Run, tmp_path: Path) -> Path:
    """A workshop of twelve SKUs with a picture each."""
    folder = tmp_path / "shop"
    run("init", folder)
    for item in range(12):
        file = write_picture(tmp_path / "pictures" / f"{item}.png", item)
        assert run("add", folder, f"SKU-{item:02}", file)[0] == os.EX_OK
    return folder


def names(manifest: Manifest) -> set[str]:
    return {entry.name for entry in manifest.segments}


def test_a_build_goes_into_the_workshop_by_its_id_and_the_next_one_stands_on_it(
    run: Run, shop: Path, models: Path, tmp_path: Path
) -> None:
    code, out, err = run("build", shop, "--models", models)
    assert code == os.EX_OK, err  # which may tell how far it came, where the machine is slow
    first = next((shop / "releases").iterdir())
    manifest = verify(first)
    assert first.name == manifest.release and "from before" not in out
    run("add", shop, "SKU-99", write_picture(tmp_path / "99.png", 99))
    code, out, _ = run("build", shop, "--models", models, "--workers", "1")
    assert code == os.EX_OK and "13 pictures, 12 from before" in out
    with workshop(shop) as opened:
        newest = opened.last_release()
        assert [built.folder for built in opened.repository.releases()] == [
            newest.name,
            first.name,
        ]
    assert names(manifest) < names(verify(newest)), "kiosks fetch only what is new"
    _, out, _ = run("history", shop)
    assert "13 skus, 13 pictures, 1 computed, 0 failed" in out.splitlines()[0]


def test_building_again_without_a_change_gives_the_same_release(
    run: Run, shop: Path, models: Path
) -> None:
    run("build", shop, "--models", models)
    run("build", shop, "--models", models)
    code, out, _ = run("build", shop, "--models", models)
    assert code == os.EX_OK and "12 from before" in out
    assert len(list((shop / "releases").iterdir())) == 1


def test_another_model_is_computed_anew_whatever_the_last_release_holds(
    run: Run, shop: Path, models: Path, tmp_path: Path
) -> None:
    run("build", shop, "--models", models)
    other = write_models(tmp_path / "other", shift=90.0)
    code, out, _ = run("build", shop, "--models", other)
    assert code == os.EX_OK and "from before" not in out
    assert run("build", shop, "--models", other, "--out", tmp_path / "alone")[0] == os.EX_OK
    assert (
        read_manifest(tmp_path / "alone").embedder.sha256 in (other / "embedder.toml").read_text()
    )


def test_a_release_that_was_finished_but_never_named_is_in_nobodys_way(
    run: Run, shop: Path, models: Path, tmp_path: Path
) -> None:
    run("build", shop, "--models", models)
    first = next((shop / "releases").iterdir())
    shutil.copytree(first, shop / "releases" / "unfinished")
    run("add", shop, "SKU-99", write_picture(tmp_path / "99.png", 99))
    assert run("build", shop, "--models", models)[0] == os.EX_OK
    assert not (shop / "releases" / "unfinished").exists()
    assert len(list((shop / "releases").iterdir())) == 2


def test_a_release_elsewhere_is_noted_by_its_whole_path(
    run: Run, shop: Path, models: Path, tmp_path: Path
) -> None:
    assert run("build", shop, "--models", models, "--out", tmp_path / "out")[0] == os.EX_OK
    with workshop(shop) as opened:
        assert opened.last_release() == tmp_path / "out"
    code, _, err = run("build", shop, "--models", models, "--out", tmp_path / "out")
    assert code == os.EX_DATAERR and "--replace" in err


def test_a_plain_folder_shares_what_did_not_change_with_the_base_that_is_named(
    run: Run, models: Path, tmp_path: Path
) -> None:
    source, cache = tmp_path / "source", tmp_path / "cache.sqlite"
    for item in range(12):
        write_picture(source / f"SKU-{item:02}" / "1.png", item)
    build = ("build", source, "--models", models, "--cache", cache)
    run(*build, "--out", tmp_path / "first")
    write_picture(source / "SKU-99" / "1.png", 99)
    code, out, _ = run(*build, "--out", tmp_path / "second", "--base", tmp_path / "first")
    assert code == os.EX_OK and "13 pictures, 12 from before" in out
    assert names(verify(tmp_path / "first")) < names(verify(tmp_path / "second"))
    code, out, _ = run(*build, "--out", tmp_path / "pool", "--base", tmp_path / "first",
                       "--workers", "2")  # fmt: skip
    assert code == os.EX_OK and content(tmp_path / "pool") == content(tmp_path / "second")


def test_a_release_can_bring_the_models_it_was_built_with(
    run: Run, shop: Path, models: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert run("build", shop, "--models", models, "--out", out, "--bring-models")[0] == os.EX_OK
    verify(out)
    for name in ("detector.onnx", "detector.toml", "embedder.onnx", "embedder.toml"):
        assert (out / "models" / name).read_bytes() == (models / name).read_bytes()


def test_a_folder_of_pictures_needs_a_place_for_its_release(run: Run, tmp_path: Path) -> None:
    write_picture(tmp_path / "source" / "A" / "1.png", 1)
    code, _, err = run("build", tmp_path / "source")
    assert code == os.EX_USAGE and "--out" in err
