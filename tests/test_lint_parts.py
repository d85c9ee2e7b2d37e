# SPDX-License-Identifier: Apache-2.0
"""The parts of a lint on numbers: searches by blocks, groups, outliers, check digits, sharpness."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from lint_catalogs import content, unit
from prints import face, photographed

from kiosk.catalog.lint import alike
from kiosk.catalog.lint.facts import check_digit, facts
from kiosk.catalog.lint.filed import outliers
from kiosk.catalog.lint.findings import Code, Severity, Thumbnail
from kiosk.catalog.lint.nearest import RIVALS, nearness
from kiosk.catalog.lint.quality import BLURRED, quality, steepness
from kiosk.values import Box, Record
from kiosk.vision.image import blurred, to_jpeg


def quiet(what: str, done: int, total: int) -> None:
    """Nobody listens."""


def items(count: int, pictures: int, spread: float, seed: int = 0, size: int = 24) -> np.ndarray:
    """(count * pictures, size) unit vectors: pictures of one item lie `spread` around it."""
    random = np.random.default_rng(seed)
    centres = np.repeat(unit(random.standard_normal((count, size))), pictures, axis=0)
    return unit(centres + spread * unit(random.standard_normal(centres.shape)))


def test_a_catalog_of_many_blocks_is_searched_like_a_small_one() -> None:
    owners = np.sort(np.random.default_rng(1).permutation(np.arange(9000) % 700))
    made = content(items(9000, 1, 0.0, size=8), owners)
    near = nearness(made, quiet)
    wide = made.vectors.astype(np.float32)
    for picture in [*range(0, 9000, 611), *range(8185, 8200)]:
        row = wide @ wide[picture]
        by_sku = np.maximum.reduceat(row, made.first_picture[:-1])
        by_sku[owners[picture]] = -np.inf
        best = np.sort(by_sku)[::-1][:RIVALS]
        assert np.allclose(near.near[picture], best, atol=1e-5)
        assert np.allclose(by_sku[near.rivals[picture]], best, atol=1e-5)
        row[(owners != owners[picture]) | (np.arange(9000) == picture)] = -np.inf
        assert near.sisters[picture] == pytest.approx(row.max(), abs=1e-5)


def test_a_sku_that_spans_several_blocks_is_one_rival() -> None:
    owners = np.repeat([0, 1, 2], [10, 850, 10])
    made = content(items(len(owners), 20, 0.2, size=6), owners, views=20)
    near = nearness(made, quiet)
    assert (np.sort(near.rivals[:10, :2], axis=1) == [1, 2]).all()
    assert (near.rivals[:, 2:] == -1).all()
    wide = made.vectors.astype(np.float32)
    plain = wide[made.first[:10]]
    assert near.near[:10, 0] == pytest.approx((plain @ wide[made.first[10] :].T).max(axis=1))


def test_a_catalog_of_one_sku_has_no_rivals() -> None:
    made = content(items(1, 3, 0.3), np.zeros(3, np.int32))
    near = nearness(made, quiet)
    assert (near.rivals == -1).all() and np.isfinite(near.sisters).all()
    assert alike.groups(made, near) == () and list(outliers(made, near)) == []


@pytest.mark.parametrize("seed", range(5))
def test_moved_pictures_are_found_and_others_are_left_alone(seed: int) -> None:
    vectors = items(30, 5, 0.5, seed)
    owners = np.repeat(np.arange(30), 5)
    moved = np.array([3, 52, 101, 140])
    owners[moved] = (owners[moved] + 7) % 30
    order = np.argsort(owners, kind="stable")
    made = content(vectors[order], owners[order])
    found = list(outliers(made, nearness(made, quiet)))
    right = {(int(owners[row]), int(row // 5)) for row in moved}
    named = {tuple(int(sku.removeprefix("SKU-")) for sku in one.skus) for one in found}
    assert named == right and len(found) == len(moved)


def test_a_sku_with_one_picture_has_no_outlier() -> None:
    made = content(items(6, 1, 0.0), np.arange(6, dtype=np.int32))
    assert list(outliers(made, nearness(made, quiet))) == []


def test_without_a_calibration_close_skus_are_grouped_by_their_views() -> None:
    random = np.random.default_rng(2)
    centres = unit(random.standard_normal((8, 32)))
    centres[5] = unit(centres[2] + 0.1 * unit(random.standard_normal(32)))
    centres[6] = unit(centres[5] + 0.1 * unit(random.standard_normal(32)))
    views = unit(centres[:, None] + 0.25 * unit(random.standard_normal((8, 10, 32))))
    made = content(views.reshape(-1, 32), np.arange(8, dtype=np.int32), views=10)
    near = nearness(made, quiet)
    assert alike.groups(made, near) == ((2, 5, 6),)
    assert alike.close(made, near, [(2, 5, 6)]) == ()
    assert alike.close(made, near, [(2, 5)]) == ((2, 5, 6),)
    pairs = alike.pairs(made, (2, 5, 6))
    assert [pair.lead for pair in pairs] == sorted(pair.lead for pair in pairs)
    assert alike.lead(made, 0, 1) > 0.4


def test_of_a_large_group_only_the_closest_pairs_are_shown() -> None:
    made = content(items(1, 40, 0.3), np.arange(40, dtype=np.int32))
    pairs = alike.pairs(made, tuple(range(40)))
    assert 40 <= len(pairs) <= 80
    assert len({sku for pair in pairs for sku in (pair.left.sku, pair.right.sku)}) == 40


@pytest.mark.parametrize(
    ("code", "last"),
    [
        ("4006381333931", "1"),
        ("4006381333932", "1"),
        ("96385074", "4"),
        ("036000291452", "2"),
        ("10614141000415", "5"),
        ("12345", None),
        ("ABCDEFGHIJKL", None),
        ("１２３４５６７８", None),
    ],
)
def test_check_digits(code: str, last: str | None) -> None:
    assert check_digit(code) == last


def test_codes_of_your_own_are_not_retail_codes() -> None:
    records = [Record("A", "a", "", ("A-1", "12345")), Record("B", "b", "", ("B-1",))]
    assert list(facts(records)) == []


def test_one_code_in_two_spellings_is_one_code() -> None:
    records = [Record("A", "a", "", ("036000291452",)), Record("B", "b", "", ("0036000291452",))]
    (found,) = facts(records)
    assert found.code is Code.SHARED_BARCODE and found.severity is Severity.ERROR


def test_a_name_that_is_only_the_id_is_no_name() -> None:
    (found,) = facts([Record("A", "A", ""), Record("B", "Bee", "")])
    assert found.code is Code.NO_NAME and found.skus == ("A",)


@pytest.mark.parametrize("design", range(4))
def test_sharp_pictures_are_steep_and_blurred_ones_are_not(design: int) -> None:
    seen = photographed(face(design))
    side = max(seen.shape[:2])
    assert steepness(seen) > 1.3 * BLURRED
    assert steepness(blurred(seen, 0.02 * side)) < BLURRED


def test_a_plain_and_a_minute_picture_are_not_called_blurred() -> None:
    grey = np.full((200, 200, 3), 128, np.uint8)
    cv2.circle(grey, (100, 100), 60, (40, 40, 200), -1)
    assert steepness(grey) > BLURRED
    assert steepness(np.zeros((4, 4, 3), np.uint8)) == 1.0


def test_a_picture_of_a_pen_is_looked_at_however_thin_its_thumbnail(tmp_path: Path) -> None:
    made = content(items(1, 1, 0.0, size=8), np.zeros(1, np.intp))
    pen = to_jpeg(np.zeros((2, 160, 3), np.uint8), 90)
    (tmp_path / "thumbnails").write_bytes(pen)
    picture = replace(
        made.pictures[0], thumbnail=Thumbnail("thumbnails", 0, len(pen)), box=Box(0, 0, 3200, 40)
    )
    assert not list(quality(replace(made, path=tmp_path, pictures=(picture,)), quiet))
