# SPDX-License-Identifier: Apache-2.0
"""`kiosk catalog lint` on a release with known faults: what it finds, how it says so, and when it
fails.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from lint_catalogs import built, planted, printed
from segments import only
from tiny_models import open_models, write_picture

from kiosk.catalog.lint import Code, Finding, Print, Report, Severity, lint, to_html
from kiosk.catalog.manifest import verify
from kiosk.catalog.snapshot import Snapshot
from kiosk.cli import main
from kiosk.config import SearchConfig

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def release(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("planted")
    return built(planted(root / "source"), root / "release", models)


@pytest.fixture(scope="module")
def report(release: Path) -> Report:
    return lint(release)


@pytest.fixture(scope="module")
def prints(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    root = tmp_path_factory.mktemp("printed")
    return lint(built(printed(root / "source"), root / "release", models, details=True))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str | Path) -> tuple[int, str, str]:
        code = main(["catalog", "lint", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def of(report: Report, code: Code) -> list[Finding]:
    return [finding for finding in report.findings if finding.code is code]


def names(finding: Finding) -> list[str]:
    return [picture.name for picture in finding.pictures]


def test_one_picture_under_two_skus_is_an_error(report: Report) -> None:
    equal = [one for one in of(report, Code.SAME_PICTURE) if one.severity is Severity.ERROR]
    assert [names(one) for one in equal] == [["SKU-2/0.png", "SKU-3/copied.png"]]
    assert equal[0].skus == ("SKU-2", "SKU-3")


def test_a_copy_that_was_saved_again_is_named_and_may_be_right(report: Report) -> None:
    copies = [one for one in of(report, Code.SAME_PICTURE) if one.severity is Severity.WARNING]
    assert ["SKU-4/0.png", "SKU-5/again.jpg"] in [names(one) for one in copies]
    assert all("SKU-3/copied.png" not in names(one) for one in copies)


def test_a_copy_is_told_by_its_print_and_colours(prints: Report) -> None:
    (copy,) = of(prints, Code.SAME_PICTURE)
    assert names(copy) == ["A/0.png", "B/again.jpg"] and copy.severity is Severity.WARNING
    assert copy.pairs[0].points > 50


def test_a_picture_in_the_wrong_folder_is_shown_beside_its_own_and_the_other_sku(
    report: Report,
) -> None:
    (found,) = of(report, Code.OUTLIER)
    assert found.skus == ("SKU-1", "SKU-0") and names(found)[0] == "SKU-1/moved.png"
    assert [picture.sku for picture in found.pictures] == ["SKU-1", "SKU-1", "SKU-0"]
    assert "looks like SKU-0" in found.message


def test_look_alikes_are_those_that_the_kiosk_holds_for_look_alikes(
    report: Report, release: Path, models: Path
) -> None:
    _, embedder = open_models(models)
    snapshot = Snapshot.open(release, embedder=embedder.card.sha256, config=SearchConfig())
    try:
        groups = sorted(snapshot.calibration.groups.values())
    finally:
        snapshot.close()
    assert sorted(one.skus for one in of(report, Code.LOOK_ALIKES)) == groups
    assert any({"SKU-6", "SKU-7"} <= set(group) for group in groups)


def test_a_pair_of_look_alikes_says_how_close_it_is(report: Report) -> None:
    (found,) = (one for one in of(report, Code.LOOK_ALIKES) if "SKU-7" in one.skus)
    pair = next(one for one in found.pairs if {one.left.sku, one.right.sku} == {"SKU-6", "SKU-7"})
    assert pair.similarity > 0.9 and pair.lead < 0.1 and pair.print is not Print.APART
    assert "barcode" in found.advice and "tap" in found.advice


def test_blurred_and_tiny_pictures_are_named_once(report: Report) -> None:
    assert [names(one) for one in of(report, Code.BLURRED)] == [["SKU-8/blurred.png"]]
    assert [names(one) for one in of(report, Code.TINY)] == [["SKU-8/tiny.png"]]


def test_skus_with_too_few_pictures_are_listed(report: Report) -> None:
    found = of(report, Code.FEW_PICTURES)
    assert found[0].skus == ("SKU-9",) and found[0].severity is Severity.WARNING
    assert {"SKU-6", "SKU-7"} <= set(found[1].skus)  # look-alikes need more
    assert "SKU-8" not in found[1].skus


def test_barcodes_names_and_categories_are_looked_at(report: Report) -> None:
    (shared,) = of(report, Code.SHARED_BARCODE)
    assert shared.skus == ("SKU-1", "SKU-2") and shared.severity is Severity.ERROR
    (bad,) = of(report, Code.BAD_BARCODE)
    assert bad.skus == ("SKU-3",) and "ends in 1" in bad.message
    (nameless,) = of(report, Code.NO_NAME)
    assert nameless.skus == ("SKU-5", "SKU-6", "SKU-7", "SKU-8", "SKU-9")
    (lone,) = of(report, Code.LONE_CATEGORY)
    assert lone.skus == ("SKU-3",) and "Flat" in lone.message


def test_the_worst_comes_first_and_the_last_line_says_what_to_do(run: Run, release: Path) -> None:
    code, out, _ = run(release)
    titles = [line for line in out.splitlines() if line.startswith(("ERROR", "WARNING", "NOTE"))]
    assert code == os.EX_UNAVAILABLE
    assert titles == sorted(titles, key=lambda line: "EWN".index(line[0]))
    last = out.splitlines()[-1]
    assert last.startswith("2 errors, ") and "Begin with: One picture under several SKUs" in last


@pytest.mark.parametrize(
    ("least", "code"),
    [
        ("error", os.EX_UNAVAILABLE),
        ("warning", os.EX_UNAVAILABLE),
        ("note", os.EX_UNAVAILABLE),
        ("never", os.EX_OK),
    ],
)
def test_the_owner_sets_what_fails(run: Run, release: Path, least: str, code: int) -> None:
    assert run(release, "--fail-on", least)[0] == code


def test_a_catalog_without_errors_passes_unless_warnings_fail(
    run: Run, models: Path, tmp_path: Path
) -> None:
    for item in range(6):
        write_picture(tmp_path / "source" / f"SKU-{item}" / "0.png", item)
    release = built(tmp_path / "source", tmp_path / "release", models)
    assert run(release)[0] == os.EX_OK
    assert run(release, "--fail-on", "warning")[0] == os.EX_UNAVAILABLE


def test_json_has_the_documented_shape(run: Run, release: Path) -> None:
    _, out, _ = run(release, "--json")
    body = json.loads(out)
    assert list(body) == [
        *("format", "release", "built_at", "skus", "pictures", "margin", "apart"),
        *("counts", "findings"),
    ]
    assert (body["format"], body["skus"], body["pictures"]) == (1, 10, 33)
    assert sum(body["counts"].values()) == len(body["findings"])
    for finding in body["findings"]:
        assert list(finding) == [
            *("code", "severity", "message", "advice", "skus", "pictures", "pairs", "barcode")
        ]
        assert finding["code"] in set(Code) and finding["severity"] in set(Severity)
        for shown in finding["pictures"]:
            place = shown["thumbnail"]
            with (release / place["file"]).open("rb") as file:
                file.seek(place["start"])
                assert file.read(place["size"])[:2] == b"\xff\xd8"
    pairs = [pair for finding in body["findings"] for pair in finding["pairs"]]
    assert pairs and all(-1 <= pair["similarity"] <= 1.001 for pair in pairs)


def test_the_page_holds_its_pictures_and_runs_nothing(
    run: Run, release: Path, tmp_path: Path
) -> None:
    page = tmp_path / "lint.html"
    run(release, "--html", page)
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text and "&lt;script&gt;alert(4)" in text
    assert set(re.findall(r'(?:src|href)="([^"]{5})', text)) <= {
        "data:",
        *re.findall("#s..?", text),
    }
    assert text.count('src="data:image/jpeg;base64,') == text.count("<figure>") > 10
    assert "http" not in text.replace("http-equiv", "")
    assert 'name="viewport"' in text


def test_a_thumbnail_that_is_gone_leaves_a_gap(
    report: Report, release: Path, tmp_path: Path
) -> None:
    assert "no picture" in to_html(report, tmp_path)
    assert "no picture" not in to_html(report, release)


def test_the_page_may_not_be_written_into_the_release(run: Run, release: Path) -> None:
    code, out, err = run(release, "--html", release / "segments" / "lint.html")
    assert code == os.EX_USAGE and out == "" and "lies in the release" in err
    verify(release)


def test_a_lint_changes_nothing(release: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in release.rglob("*")}
    lint(release)
    assert {path: path.stat().st_mtime_ns for path in release.rglob("*")} == before


def test_the_same_release_gives_the_same_report(report: Report, release: Path) -> None:
    assert lint(release) == report


def test_a_missing_and_a_damaged_release_are_errors(
    run: Run, release: Path, tmp_path: Path
) -> None:
    code, out, err = run(tmp_path / "none")
    assert code == os.EX_DATAERR and out == "" and "there is no release here" in err
    copy = tmp_path / "copy"
    shutil.copytree(release, copy)
    data = bytearray(only(copy, "vectors.npy").read_bytes())
    data[-1] ^= 1
    only(copy, "vectors.npy").write_bytes(data)
    code, out, err = run(copy)
    assert code == os.EX_DATAERR and out == "" and "vectors.npy: is damaged" in err


def test_a_damaged_thumbnail_is_named(run: Run, release: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(release, copy)
    broken = only(copy, "thumbnails.bin")
    broken.write_bytes(bytes(broken.stat().st_size))
    code, _, err = run(copy)
    assert code == os.EX_DATAERR and broken.name in err


def test_names_cannot_steer_the_terminal(run: Run, models: Path, tmp_path: Path) -> None:
    for item in range(2):
        write_picture(tmp_path / "source" / f"SKU-\u202e{item}" / "0.png", 3)
    release = built(tmp_path / "source", tmp_path / "release", models)
    code, out, _ = run(release)
    assert code == os.EX_UNAVAILABLE and "\u202e" not in out


@pytest.mark.parametrize("skus", [1, 2])
def test_catalogs_of_one_picture_and_of_duplicates_only_are_linted(
    models: Path, tmp_path: Path, skus: int
) -> None:
    for sku in range(skus):
        write_picture(tmp_path / "source" / f"SKU-{sku}" / "0.png", 5)
    report = lint(built(tmp_path / "source", tmp_path / "release", models))
    codes = [finding.code for finding in report.findings]
    assert (Code.SAME_PICTURE in codes) == (skus > 1)
    assert Code.FEW_PICTURES in codes


def test_help_says_when_it_fails(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["catalog", "lint", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert caught.value.code == 0 and "Exit code 69" in text
