# SPDX-License-Identifier: Apache-2.0
"""Manifests and plans: what is refused, what is told, and that nothing asked is enrolled."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from evaluate_toys import HEAD, Rows, shop, write_manifest

from kiosk.errors import SourceError, UsageError
from tools.evaluate import main
from tools.evaluation.catalog import laid_out
from tools.evaluation.manifests import Picture, read_manifests
from tools.evaluation.plan import LEFT_OUT, Choice, planned, without


def rows_of(skus: str, *parts: tuple[str, str]) -> list[Picture]:
    """A picture for each SKU and each (role, split)."""
    return [
        Picture(Path(f"{sku}/{k}"), f"{sku}/{k}", sku, role, split, "", f"line {k}", "m.csv")
        for sku in skus
        for k, (role, split) in enumerate(parts)
    ]


SHELF = rows_of("abcdef", ("reference", ""), *[("photo", "train")] * 6, *[("photo", "test")] * 2)


def test_columns_are_found_by_name_and_unknown_ones_ignored(tmp_path: Path) -> None:
    rows = shop(tmp_path, items=range(2), photos=1)
    head = ("shelf", "category", "split", "role", "sku", "path", "weight")
    path = write_manifest(tmp_path / "m.csv", [["s", *row[::-1], "3"] for row in rows], head)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b",", b";"))  # as saved by Excel
    found = read_manifests([path])
    assert found.problems == () and len(found.pictures) == 6
    first = found.pictures[0]
    assert (first.sku, first.role, first.category) == ("SKU-0", "reference", "even")
    assert first.path == tmp_path / rows[0][0] and first.where == "m.csv line 2"


@pytest.mark.parametrize(
    ("head", "rows", "words"),
    [
        (("path", "sku"), [["a.png", "a"]], ("lacks the columns role, split, category",)),
        (HEAD, [], ("has a header and no rows",)),
        (("",), [], ("lacks the columns path",)),
        (
            HEAD,
            [
                ["a.png", "", "photo", "", ""],
                ["b.png", "b", "", "", ""],
                ["", "c", "photo", "", ""],
            ],
            ("m.csv line 2: a SKU has 1 to", "m.csv line 3: needs a role", "line 4: needs a path"),
        ),
        (
            HEAD,
            [["a.png", "a", "photo", "test", ""], ["a.png", "b", "photo", "test", ""]],
            ("m.csv line 3: 'a.png' is a photo of 'a' in m.csv line 2",),
        ),
        (
            HEAD,
            [["a.png", "a", "photos", "test", ""], ["b.png", "b", "Render", "", ""]],
            ("m.csv line 2: its role 'photos' is none of reference, photo, unknown, render",),
        ),
        (HEAD, [["a.png", "a", "photo", "test", "", "too many"]], ("has 6 values for 5 columns",)),
        (HEAD, [["a.png", "a", "photo", "", "\x1b[2J"]], ("line 2: its category '\\x1b[2J'",)),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused_with_all_its_mistakes(
    tmp_path: Path,
    head: tuple[str, ...],
    rows: Rows,
    words: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write_manifest(tmp_path / "m.csv", rows, head)
    with pytest.raises(SourceError) as caught:
        read_manifests([path, tmp_path / "none.csv"])
    for word in (*words, "none.csv: cannot be read"):
        assert word in str(caught.value)
    assert main([str(path)]) == os.EX_DATAERR
    out = capsys.readouterr()
    assert words[0] in out.err and out.out == ""


def test_a_missing_picture_is_a_problem_of_its_line_only(tmp_path: Path) -> None:
    rows = shop(tmp_path, items=range(2), photos=1)
    (tmp_path / rows[1][0]).unlink()
    found = read_manifests([write_manifest(tmp_path / "m.csv", rows)])
    assert [each.where for each in found.problems] == ["m.csv line 3"]
    assert "copy the picture or drop the line" in found.problems[0].reason
    assert len(found.pictures) == 5


def test_nothing_to_enrol_and_nothing_to_ask_say_what_there_is() -> None:
    with pytest.raises(SourceError, match="no row has the role `reference`.*photo/test"):
        planned(rows_of("a", ("photo", "test")), [], Choice())
    with pytest.raises(SourceError, match="no photo of split 'val'.*photo/test, photo/train"):
        planned(SHELF, [], Choice(split="val"))
    with pytest.raises(SourceError, match="no row of role `unknown` or `photo`"):
        planned(SHELF, rows_of("z", ("reference", "")), Choice())


def test_enrolled_photos_are_of_other_splits_and_spread_evenly() -> None:
    plan = planned(SHELF, [], Choice(enrol=3))
    assert len(plan.references) == 6 * 4
    assert [each.name for each in plan.references if each.sku == "a"] == [
        "a/0",
        "a/2",
        "a/3",
        "a/4",
    ]
    assert {each.path for each in plan.references}.isdisjoint(each.path for each in plan.queries)
    assert {each.split for each in plan.queries} == {"test"}
    alone = planned(SHELF, [], Choice(enrol=9, photos_only=True))
    assert [each.name for each in alone.references if each.sku == "a"] == [
        f"a/{number}" for number in range(1, 7)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_left_out_skus_are_nowhere_in_the_catalog(seed: int) -> None:
    plan = planned(SHELF, [], Choice(leave_out=0.5, seed=seed, enrol=2))
    assert len(plan.left_out) == 3 == len(plan.skus)
    assert set(plan.left_out).isdisjoint(plan.skus)
    assert {each.sku for each in plan.queries} == set(plan.skus)
    assert {each.sku for each in plan.unknowns} == set(plan.left_out)
    assert {each.source for each in plan.unknowns} == {LEFT_OUT}


@pytest.mark.parametrize("share", [-0.1, 1.0, 0.05, 0.97])
def test_leaving_out_nobody_or_everybody_is_refused(share: float) -> None:
    with pytest.raises(UsageError, match="--leave-out"):
        planned(SHELF, [], Choice(leave_out=share))


def test_an_unknown_item_that_is_in_the_catalog_is_told_and_not_asked() -> None:
    others = rows_of("axy", ("photo", "whatever"), ("unknown", ""), ("reference", ""))
    plan = planned(SHELF, others, Choice())
    assert [each.name for each in plan.unknowns] == ["x/0", "x/1", "y/0", "y/1"]
    assert [str(each) for each in plan.problems] == [
        "a: is in the catalog, so its 2 pictures are not asked as unknown"
    ]


def test_photos_of_a_sku_without_reference_are_told_and_not_asked() -> None:
    plan = planned([*SHELF, *rows_of("z", ("photo", "test"))], [], Choice())
    assert "z" not in {each.sku for each in (*plan.queries, *plan.unknowns)}
    assert str(plan.problems[0]) == "z: 1 photos, but no reference in any manifest: not asked"


def test_a_sku_whose_references_are_lost_is_told_and_not_asked() -> None:
    plan = without(planned(SHELF, [], Choice()), ["b"])
    assert "b" not in plan.skus and "b" not in {each.sku for each in plan.queries}
    assert "its 2 photos are not asked" in plan.problems[0].reason
    with pytest.raises(SourceError, match="no SKU with photos has a usable reference"):
        without(plan, "acdef")


def test_every_kth_photo_is_asked() -> None:
    plan = planned(SHELF, rows_of("xyz", ("unknown", "")), Choice(step=2))
    assert [each.name for each in plan.queries] == [f"{sku}/7" for sku in "abcdef"]
    assert [each.name for each in plan.unknowns] == ["x/0", "z/0"]


def test_pictures_of_the_same_name_from_several_folders_stay_apart(tmp_path: Path) -> None:
    manifests = []
    for number in range(2):
        rows = shop(tmp_path / str(number), items=[number], photos=1)
        flat = [[f"../{number}/{row[0]}", *row[1:]] for row in rows]
        manifests.append(write_manifest(tmp_path / f"{number}m" / "m.csv", flat))
    plan = planned(read_manifests(manifests).pictures, [], Choice())
    places = laid_out(plan.references, tmp_path / "source")
    assert {name: each.sku for name, each in places.items()} == {
        "000000.png": "SKU-0",
        "000001.png": "SKU-1",
    }
    for name, picture in places.items():
        assert (tmp_path / "source" / name).read_bytes() == picture.path.read_bytes()


def test_a_file_is_one_picture_however_its_path_is_written(tmp_path: Path) -> None:
    rows = shop(tmp_path / "shop", items=range(2), photos=1)
    again = [f"../shop/{rows[0][0]}", "SKU-0", "photo", "test", "even"]
    (tmp_path / "shop" / "link.png").symlink_to(rows[0][0])
    linked = ["link.png", "SKU-0", "photo", "test", "even"]
    other = [f"./{rows[1][0]}", "SKU-1", *rows[1][2:]]
    with pytest.raises(SourceError) as caught:
        read_manifests([write_manifest(tmp_path / "shop" / "m.csv", [*rows, again, linked, other])])
    for line, role in ((8, "reference"), (9, "reference"), (10, "photo")):
        assert re.search(rf"line {line}: '.*' is a {role} of 'SKU-0' in m.csv", str(caught.value))
    same = [f"./{rows[1][0]}", *rows[1][1:]]
    found = read_manifests([write_manifest(tmp_path / "shop" / "m.csv", [*rows, same])])
    assert len(found.pictures) == len(rows)


def test_a_file_that_is_enrolled_is_never_asked_whichever_manifest_names_it(tmp_path: Path) -> None:
    rows = shop(tmp_path / "shop", items=range(2), photos=1)
    one = write_manifest(tmp_path / "shop" / "m.csv", rows)
    photo = [f"../shop/{rows[0][0]}", "SKU-0", "photo", "test", "even"]
    two = write_manifest(tmp_path / "ev" / "m.csv", [photo])
    strange = write_manifest(tmp_path / "ev" / "u.csv", [[photo[0], "", "unknown", "", ""]])
    plan = planned(
        read_manifests([one, two]).pictures, read_manifests([strange]).pictures, Choice()
    )
    assert {each.file for each in plan.references}.isdisjoint(
        each.file for each in (*plan.queries, *plan.unknowns)
    )
    assert len(plan.queries) == 2 and "is a reference too" in str(plan.problems[0])
    write_manifest(two, [[photo[0], "SKU-1", *photo[2:]]])
    with pytest.raises(SourceError, match="is a reference of 'SKU-0' in m.csv line 2"):
        read_manifests([one, two])


def test_renders_are_neither_enrolled_nor_asked() -> None:
    plan = planned([*SHELF, *rows_of("az", ("render", "test"))], [], Choice())
    parts = (*plan.references, *plan.queries, *plan.unknowns)
    assert "render" not in {each.role for each in parts} and plan.problems == ()
