# SPDX-License-Identifier: Apache-2.0
"""The demo scene: its catalog, its schedule, and truth that agrees with the pixels."""

import numpy as np
import pytest

from kiosk.scene import PRODUCTS, Scene, SceneFrame, reference_views
from kiosk.scene.timeline import hold_at, pose_at

SEED = 5


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene(width=480, height=360, seed=SEED)


def resting_frame(scene: Scene, number: int) -> SceneFrame:
    """The middle of the rest of a visit; no hand is near there unless a finger stays."""
    visit = next(v for v in scene.visits(number + 1) if v.number == number)
    return scene.render((visit.first + visit.last) // 2)


def test_the_catalog_has_24_skus_in_five_categories() -> None:
    listed = [product for product in PRODUCTS if product.in_catalog]
    assert len(listed) >= 24
    assert {p.category for p in listed} == {"cartons", "cans", "bottles", "rings", "pendants"}
    assert len({p.sku for p in PRODUCTS}) == len(PRODUCTS)


def test_exactly_two_pairs_look_alike_and_know_it() -> None:
    pairs = {frozenset((p.sku, other)) for p in PRODUCTS for other in p.look_alikes}
    assert len(pairs) == 2
    by_sku = {p.sku: p for p in PRODUCTS}
    for first, second in (tuple(pair) for pair in pairs):
        assert by_sku[first].look_alikes == (second,)
        assert by_sku[second].look_alikes == (first,)
        assert by_sku[first].category == by_sku[second].category


def test_three_items_are_in_no_catalog() -> None:
    assert len([p for p in PRODUCTS if not p.in_catalog]) == 3


def test_barcodes_are_unique_in_store_ean13_with_valid_check_digits() -> None:
    codes = [p.barcode for p in PRODUCTS]
    assert len(set(codes)) == len(codes)
    for code in codes:
        assert len(code) == 13
        assert 20 <= int(code[:2]) <= 29
        digits = [int(c) for c in code]
        assert (sum(digits[0::2]) + 3 * sum(digits[1::2])) % 10 == 0


def test_the_same_seed_gives_the_same_bytes_in_any_order() -> None:
    first = Scene(width=320, height=240, seed=SEED)
    second = Scene(width=320, height=240, seed=SEED)
    wanted = (2, 12, 30, 62, 100)
    forward = {index: first.render(index) for index in wanted}
    for index in reversed(wanted):
        again = second.render(index)
        assert again.pixels.tobytes() == forward[index].pixels.tobytes()
        assert again.truth == forward[index].truth


def test_another_seed_gives_another_order() -> None:
    orders = []
    for seed in (1, 2):
        scene = Scene(width=96, height=72, seed=seed)
        orders.append([p.sku for visit in scene.visits(26) for p in visit.products])
    assert orders[0] != orders[1]


def test_frames_are_bgr_uint8_of_the_asked_size(scene: Scene) -> None:
    frame = scene.render(0)
    assert frame.pixels.shape == (360, 480, 3)
    assert frame.pixels.dtype == np.uint8


def test_a_negative_frame_is_refused(scene: Scene) -> None:
    with pytest.raises(ValueError, match="count from 0"):
        scene.render(-1)


def test_an_impossible_size_is_refused() -> None:
    with pytest.raises(ValueError, match="needs 64x48"):
        Scene(width=10, height=10)


def test_the_first_item_rests_within_a_second_and_a_half() -> None:
    scene = Scene(width=160, height=120, fps=15.0, seed=1)
    frame = scene.render(22)
    assert [item.phase for item in frame.truth] == ["resting"]


def test_one_round_brings_every_product_once() -> None:
    scene = Scene(width=96, height=72, seed=3)
    seen: list[str] = []
    for visit in scene.visits():
        seen.extend(p.sku for p in visit.products)
        if len(seen) >= len(PRODUCTS):
            break
    assert sorted(seen) == sorted(p.sku for p in PRODUCTS)


def test_visits_follow_each_other_without_overlap_and_most_leave_a_gap() -> None:
    visits = list(Scene(width=96, height=72, seed=3).visits(60))
    gaps = [b.first - a.last for a, b in zip(visits, visits[1:], strict=False)]
    assert min(gaps) >= 0
    assert sum(gap >= 9 for gap in gaps) > len(gaps) / 2


def test_some_visits_bring_two_items_side_by_side() -> None:
    visits = list(Scene(width=96, height=72, seed=3).visits(80))
    pairs = [visit for visit in visits if len(visit.products) == 2]
    assert 3 <= len(pairs) <= 20


def test_an_empty_counter_has_empty_truth(scene: Scene) -> None:
    first, second = scene.visits(2)
    frame = scene.render((first.last + second.first) // 2)
    assert frame.truth == ()
    assert frame.visit is None


@pytest.mark.parametrize("number", range(9))
def test_truth_boxes_hold_the_pixels_that_differ_from_the_empty_counter(
    scene: Scene, number: int
) -> None:
    empty = scene.render(0).pixels.astype(np.float32)
    frame = resting_frame(scene, number)
    for item in frame.truth:
        if item.visible < 0.999:
            continue
        change = np.abs(frame.pixels.astype(np.float32) - empty).max(axis=2)
        box = item.box
        assert 0 <= box.x1 < box.x2 <= scene.width
        assert 0 <= box.y1 < box.y2 <= scene.height
        inside = change[int(box.y1) : int(box.y2), int(box.x1) : int(box.x2)]
        # A ring or chain leaves most of its box to the counter; a carton fills it.
        assert np.mean(inside > 25) > 0.12
        # Left of the box and above it no shadow falls: the key light comes from there.
        assert np.mean(change[: max(int(box.y1) - 6, 1), :] > 25) < 0.01
        if len(frame.truth) == 1:
            assert np.mean(change[:, : max(int(box.x1) - 12, 1)] > 25) < 0.02


def test_boxes_are_tight(scene: Scene) -> None:
    empty = scene.render(0).pixels.astype(np.float32)
    frame = resting_frame(scene, 1)
    (item,) = frame.truth
    assert item.visible > 0.99
    # The can is far more colourful than the counter and its shadow.
    vivid = np.ptp(frame.pixels.astype(np.int32), axis=2) - np.ptp(empty.astype(np.int32), axis=2)
    columns = np.flatnonzero((vivid > 60).mean(axis=0) > 0.03)
    rows = np.flatnonzero((vivid > 60).mean(axis=1) > 0.03)
    assert abs(columns[0] - item.box.x1) < 6
    assert abs(columns[-1] - item.box.x2) < 6
    assert abs(rows[-1] - item.box.y2) < 6


def test_a_hand_covers_part_of_some_items_while_they_rest() -> None:
    scene = Scene(width=240, height=180, seed=1)
    covered = 0
    for visit in scene.visits(3):
        for index in range(visit.first, visit.last, 3):
            covered += any(
                item.visible < 0.97 and item.phase == "resting"
                for item in scene.render(index).truth
            )
    assert covered >= 2


def test_an_item_is_lifted_only_while_a_hand_holds_it() -> None:
    lifted = 0
    for visit in Scene(width=96, height=72, seed=3).visits(40):
        for stay in visit.stays:
            for step in range(60):
                pose = pose_at(visit, stay, step / 15)
                hold = hold_at(visit, step / 15)
                assert pose.lift <= 0 or (hold is not None and visit.stays[hold.stay] is stay)
                lifted += pose.lift > 0
    assert lifted > 100


def test_every_item_that_rests_is_mostly_seen_at_least_once(scene: Scene) -> None:
    for number in range(9):
        frame = resting_frame(scene, number)
        assert frame.truth
        assert all(item.visible > 0.5 for item in frame.truth)


def test_rings_are_shown_large() -> None:
    scene = Scene(width=320, height=240, seed=1)
    for visit in scene.visits(34):
        if any(p.category == "rings" for p in visit.products):
            frame = scene.render((visit.first + visit.last) // 2)
            widths = [t.box.width for t in frame.truth if t.sku.startswith("RNG")]
            assert min(widths) >= 0.18 * scene.width


@pytest.mark.parametrize("sku", ["CTN-TEA", "CAN-TUNA", "BTL-HONEY", "RNG-BAND"])
def test_reference_views_are_deterministic_photos_on_a_light_backdrop(sku: str) -> None:
    product = next(p for p in PRODUCTS if p.sku == sku)
    photos = reference_views(product)
    again = reference_views(product)
    assert 5 <= len(photos) <= 8
    for photo, copy in zip(photos, again, strict=True):
        assert photo.shape == (640, 640, 3)
        assert photo.dtype == np.uint8
        assert photo.tobytes() == copy.tobytes()
        corners = np.concatenate([photo[:40, :40].ravel(), photo[:40, -40:].ravel()])
        assert corners.mean() > 170
    assert len({photo.tobytes() for photo in photos}) == len(photos)


def test_look_alikes_differ_only_in_a_small_part_of_their_pictures() -> None:
    for product in (p for p in PRODUCTS if p.look_alikes):
        twin = next(p for p in PRODUCTS if p.sku == product.look_alikes[0])
        if twin.sku < product.sku:
            continue
        ours, theirs = reference_views(product)[0], reference_views(twin)[0]
        # Photos differ in exposure; take that out before comparing.
        scale = float(ours.mean()) / float(theirs.mean())
        change = np.abs(ours.astype(np.float32) - theirs.astype(np.float32) * scale).max(axis=2)
        assert 0.001 < float(np.mean(change > 60)) < 0.15
