# SPDX-License-Identifier: Apache-2.0
"""What is written out and imported again is equal, whatever the catalog holds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from import_parts import contents, draw, imported, shop

from kiosk.errors import StateError, WorkshopError
from kiosk.imports.categories import read_categories
from kiosk.imports.forms import CATEGORY_LIST, Form
from kiosk.values import Box
from kiosk.workshop.changes import Change, Picture, PutCategory, PutPicture, PutSku
from kiosk.workshop.dumping import dump
from kiosk.workshop.pictures import checked_picture

TEXTS = (
    *("plain", "with, comma", 'quo"te', "it's; semi", "line\nend", "tab\there", "back\\slash"),
    *("ä ö ü ß", "日本語", "🙂", "a=b", "k:v,k2:v2", "\\n", "[x]", "#hash", "=1+1", "0012", "NaN"),
    *("‮right‬", "e\u0301", "null", "true", "x" * 100, "-5", "1e5"),
)
ONE_LINE = tuple(text for text in TEXTS if "\n" not in text and "\t" not in text)
NAMES = (
    *(
        "1.png",
        "1.png/x.png",
        "front.JPG",
        "a/b.png",
        "a",
        "A/1.png",
        "../up.png",
        "/abs.png",
        "C:\\x.png",
    ),
    *(".hidden.png", "sp ace.png", "ü.png", "日本.webp", "no-suffix", "skus.csv", "con,ma.png"),
    *("q'u\"ote.png", "x" * 250, "a/../b.png", "a//b.png", "#1.png", "%41.png", "-.png"),
)
SKUS = (
    *(
        "A",
        "a",
        "S-1",
        "0012",
        "ä",
        "日本",
        "with space",
        "sl/ash",
        "..",
        ".dot",
        "C:",
        "_pictures",
    ),
    *("skus.csv", "com,ma", 'quo"te', "x" * 256, "increment.meta", "=1", "semi;colon"),
)


def random_catalog(rng: random.Random, digests: Sequence[str], form: Form) -> list[Change]:
    """Changes that make a catalog that `form` can hold."""
    changes: list[Change] = []
    categories = [*rng.sample(ONE_LINE, 4), "3"]
    if rng.random() < 0.4:
        numbers = [None, 7, 3, 2**31, 0]
        changes += [PutCategory(name, n) for name, n in zip(categories, numbers, strict=True)]
    plain = ("A", "S-1", "0012", "ä", "日本", "with space", "com,ma", 'quo"te', "=1", "semi;colon")
    for sku in rng.sample(plain if form is Form.FOLDER else SKUS, 6):
        attributes = {rng.choice(ONE_LINE): rng.choice(TEXTS) for _ in range(rng.randrange(4))}
        put = PutSku(
            sku,
            rng.choice((None, *ONE_LINE)),
            rng.choice(("", *categories)),
            tuple(rng.sample(("4006381333931", "12 34", "x;y", "[1]", "'"), rng.randrange(3))),
            tuple(attributes.items()),
            rng.choice((None, True, False)),
        )
        changes.append(put)
        changes += [
            PutPicture(random_picture(rng, sku, name, rng.choice(digests), form))
            for name in rng.sample(NAMES, rng.randrange(5))
            if form is not Form.FOLDER or name in ("1.png", "front.JPG", "ü.png", "#1.png")
        ]
    return changes


def random_picture(rng: random.Random, sku: str, name: str, digest: str, form: Form) -> Picture:
    x, y = rng.randrange(20), rng.randrange(20)
    whole = Box(x, y, x + rng.randrange(8, 40), y + rng.randrange(8, 20))
    if form is Form.FOLDER:
        return Picture(sku, name, digest)
    if form is Form.PRODUCT_SEARCH:
        return Picture(sku, name, digest, rng.choice((None, whole)))
    half = Box(x + 0.5, y + 0.125, x + 1 / 3 + 9, y + 8.25)
    return Picture(
        sku,
        name,
        digest,
        rng.choice((None, whole, half)),
        rng.choice(("", *TEXTS)),
        tuple(rng.choice((None, 0, -1, 2**63 - 1, -(2**63))) for _ in range(4)),
        tuple(rng.choice((None, *ONE_LINE)) for _ in range(4)),
    )


def made(folder: Path, material: Path, rng: random.Random, form: Form) -> None:
    """A workshop with a random catalog."""
    with shop(folder) as opened:
        digests = []
        for path in sorted(material.iterdir()):
            data = path.read_bytes()
            digests.append(checked_picture(data, path.name).sha256)
            opened.pictures.keep(data, digests[-1])
        opened.pictures.settle()
        opened.repository.apply(random_catalog(rng, digests, form))


def dumped(folder: Path, out: Path, form: Form) -> None:
    with shop(folder) as opened, opened.repository.reading() as reading:
        dump(reading, opened.pictures, out, form)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("material")
    for number in range(4):
        draw(folder / f"{number}.png", number)
    return folder


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("seed", range(6))
def test_dump_and_import_give_an_equal_catalog(
    material: Path, tmp_path: Path, form: Form, seed: int
) -> None:
    made(tmp_path / "w", material, random.Random(seed * 10 + len(form.value)), form)
    dumped(tmp_path / "w", tmp_path / "out", form)
    listed = tmp_path / "out" / CATEGORY_LIST
    known = read_categories(listed) if listed.exists() else {}
    told, summary = imported(tmp_path / "again", tmp_path / "out", form, categories=known)
    assert [report for report in told if report.code or report.remarks] == []
    assert contents(tmp_path / "again") == contents(tmp_path / "w")
    # And no name has led out of the folder.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "out", "w"]


def test_a_category_called_by_the_number_of_another(material: Path, tmp_path: Path) -> None:
    known: dict[str, int | None] = {"3": None, "Bag": 3, "Hat": 4}
    named = [PutCategory(*each) for each in known.items()]
    with shop(tmp_path / "w2", *named) as opened:
        data = (material / "0.png").read_bytes()
        digest = checked_picture(data, "0.png").sha256
        opened.pictures.keep(data, digest)
        opened.pictures.settle()
        for name in known:
            put = PutSku(name, category=name), PutPicture(Picture(name, "1.png", digest))
            opened.repository.apply(put)
    dumped(tmp_path / "w2", tmp_path / "out", Form.INCREMENT)
    imported(tmp_path / "again", tmp_path / "out", categories=known)
    (tmp_path / "out/skus.csv").unlink()
    imported(tmp_path / "bare", tmp_path / "out", categories=known)
    for folder in ("again", "bare"):
        assert contents(tmp_path / folder) == contents(tmp_path / "w2")


def test_what_a_form_cannot_hold_is_refused_before_anything_is_written(
    material: Path, tmp_path: Path
) -> None:
    made(tmp_path / "w", material, random.Random(1), Form.INCREMENT)
    for form in (Form.FOLDER, Form.PRODUCT_SEARCH):
        with pytest.raises(WorkshopError, match="would lose something"):
            dumped(tmp_path / "w", tmp_path / "out", form)
    assert not (tmp_path / "out").exists()


def test_what_looks_rounded_is_dumped_as_a_barcode_and_refused_as_a_sku(
    material: Path, tmp_path: Path
) -> None:
    codes = ("4.00638E+12", "4006381333931")
    with shop(tmp_path / "w", PutSku("1E5", barcodes=codes)):
        pass
    dumped(tmp_path / "w", tmp_path / "out", Form.CSV)
    told, _ = imported(tmp_path / "again", tmp_path / "out")
    assert [report.code for report in told] == [""]
    assert contents(tmp_path / "again") == contents(tmp_path / "w")
    with shop(tmp_path / "w", PutSku("4,00638E+12")):
        pass
    for form in Form:
        with pytest.raises(WorkshopError, match=r"4,00638E\+12: its SKU"):
            dumped(tmp_path / "w", tmp_path / "none", form)


def test_a_category_outside_the_closed_list_is_said_as_no_import_would_take_it(
    material: Path, tmp_path: Path
) -> None:
    with shop(tmp_path / "w", PutCategory("Bag", 3), PutSku("A", category="Hat")):
        pass
    with pytest.raises(WorkshopError, match="'Hat' is not among those known"):
        dumped(tmp_path / "w", tmp_path / "out", Form.INCREMENT)


def test_a_dump_never_writes_over_anything_and_leaves_nothing_half(
    material: Path, tmp_path: Path
) -> None:
    made(tmp_path / "w", material, random.Random(2), Form.INCREMENT)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").touch()
    with pytest.raises(WorkshopError, match="is there already"):
        dumped(tmp_path / "w", tmp_path / "out", Form.INCREMENT)
    for picture in (tmp_path / "w/pictures").glob("*/*"):
        picture.unlink()
    with pytest.raises(Exception, match="add the picture again"):
        dumped(tmp_path / "w", tmp_path / "new", Form.INCREMENT)
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match="cannot be written"):
        dumped(tmp_path / "w", tmp_path / "file/out", Form.INCREMENT)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "out", "w"]
