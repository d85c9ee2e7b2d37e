# SPDX-License-Identifier: Apache-2.0
"""What a decision is to an expected list: every verdict, and that one visit counts once."""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import replace

import pytest
from order_parts import EAN, RECORDS, decision, order, records

from kiosk.errors import OrderError
from kiosk.orders import changes, result
from kiosk.orders.check import belongs, offers, refused, tapped, weigh
from kiosk.orders.values import By, Line, Order, Stage, Verdict
from kiosk.values import Decision, Outcome, Rule

AT = "2026-11-22T12:00:00.000+00:00"
A = Outcome.ACCEPTED


def show(before: Order, made: Decision) -> tuple[Order, Verdict | None]:
    after, reading = weigh(before, made, records(made), AT)
    return after, reading.verdict if reading else None


def test_an_accepted_item_on_the_list_is_a_match_and_counted() -> None:
    after, verdict = show(order(("A", 2), ("B", 1)), decision("v1", A, "A", "B"))
    assert verdict is Verdict.MATCH
    assert (after.counted(1), after.counted(2)) == (1, 0)
    assert (after.counts[0].decision_id, after.counts[0].by) == ("d-v1", By.CAMERA)


def test_the_same_visit_decided_again_counts_once() -> None:
    once, _ = show(order(("A", 2), ("B", 1)), decision("v1", A, "A"))
    for again in ("", "x", "y"):
        twice, verdict = show(once, decision("v1", A, "A", again=again))
        assert (twice, verdict) == (once, Verdict.MATCH)
    last, verdict = show(once, decision("v2", A, "A"))
    assert (last.counted(1), verdict) == (2, Verdict.MATCH)


def test_one_visit_stays_a_match_when_it_filled_its_line() -> None:
    once, _ = show(order(("A", 1), ("B", 1)), decision("v1", A, "A"))
    again, verdict = show(once, decision("v1", A, "A", again="x"))
    assert (again, verdict) == (once, Verdict.MATCH)


def test_more_than_the_list_wants_is_already_counted_and_shows_as_over() -> None:
    full, _ = show(order(("A", 1), ("B", 1)), decision("v1", A, "A"))
    over, verdict = show(full, decision("v2", A, "A"))
    assert verdict is Verdict.ALREADY_COUNTED
    assert (over.counted(1), result.differences(over)["over"][0]["over"]) == (1, 1)
    assert not over.complete


def test_a_sku_listed_twice_fills_one_line_after_the_other() -> None:
    now = order(("A", 1), ("B", 1), ("A", 1))
    for visit in "123":
        now, _ = show(now, decision(visit, A, "A"))
    assert [count.line for count in now.counts] == [1, 3, 3]
    assert now.counts[2].verdict is Verdict.ALREADY_COUNTED


def test_what_the_list_does_not_name_is_not_on_the_list() -> None:
    after, verdict = show(order(("A", 1), ("B", 1)), decision("v1", A, "C"))
    assert verdict is Verdict.NOT_ON_LIST
    assert result.differences(after)["not_on_list"] == [{"sku": "C", "shown": 1}]


def test_with_one_line_open_another_sku_is_the_wrong_item_and_no_extra() -> None:
    after, verdict = show(order(("A", 2)), decision("v1", A, "C"))
    assert verdict is Verdict.WRONG_ITEM
    assert after.counts[0].reason == "expected: A"
    assert after.extras == () and after.counted(1) == 0


def test_while_a_line_is_expected_even_a_listed_sku_is_the_wrong_item() -> None:
    now = order(("A", 1), ("B", 1), expecting=2)
    now, verdict = show(now, decision("v1", A, "A"))
    assert (verdict, now.counted(1), now.expecting) == (Verdict.WRONG_ITEM, 0, 2)
    now, verdict = show(now, decision("v2", A, "B"))
    assert (verdict, now.counted(2), now.expecting) == (Verdict.MATCH, 1, 0)


def test_a_question_never_counts_and_offers_what_the_list_wants_first() -> None:
    made = decision("v1", Outcome.CHOOSE, "C", "A", "B")
    before = order(("A", 1), ("B", 1))
    after, verdict = show(before, made)
    assert (after, verdict) == (before, Verdict.UNSURE)
    found = [(offer.sku, offer.listed) for offer in offers(before, made, records(made))]
    assert found == [("A", True), ("B", True), ("C", False)]


def test_the_only_listed_candidate_of_a_question_is_offered_but_not_counted() -> None:
    made = decision("v1", Outcome.CHOOSE, "C", "A")
    after, verdict = show(order(("A", 1)), made)
    assert (verdict, after.counts) == (Verdict.UNSURE, ())


def test_candidates_whose_line_is_full_are_offered_last() -> None:
    full, _ = show(order(("A", 1), ("B", 1)), decision("v1", A, "A"))
    made = decision("v2", Outcome.CHOOSE, "A", "B")
    assert [offer.sku for offer in offers(full, made, records(made))] == ["B", "A"]


def test_a_tap_is_a_match_by_hand_and_another_tap_moves_it() -> None:
    made = decision("v1", Outcome.CHOOSE, "A", "B")
    now, reading = tapped(order(("A", 1), ("B", 1)), made, "A", records(made), AT)
    assert (reading.verdict, reading.by, now.counted(1)) == (Verdict.MATCH, By.PERSON, 1)
    now, reading = tapped(now, made, "B", records(made), AT)
    assert (reading.verdict, now.counted(1), now.counted(2)) == (Verdict.MATCH, 0, 1)
    assert [count.undone for count in now.counts][0], "what was tapped first is still told"


def test_what_the_camera_says_after_a_tap_is_not_heard() -> None:
    made = decision("v1", Outcome.CHOOSE, "A", "B")
    tap, _ = tapped(order(("A", 1), ("B", 1)), made, "A", records(made), AT)
    after, verdict = show(tap, decision("v1", A, "B", again="x"))
    assert (after, verdict) == (tap, Verdict.MATCH)


def test_a_visit_that_turns_out_to_be_another_sku_moves_its_count() -> None:
    first, _ = show(order(("A", 1), ("B", 1)), decision("v1", A, "A"))
    after, verdict = show(first, decision("v1", A, "B", rule=Rule.BARCODE, again="x"))
    assert (verdict, after.counted(1), after.counted(2)) == (Verdict.MATCH, 0, 1)
    assert after.counts[-1].by is By.BARCODE


def test_a_doubt_after_a_match_does_not_take_it_away() -> None:
    first, _ = show(order(("A", 1), ("B", 1)), decision("v1", A, "A"))
    assert show(first, decision("v1", Outcome.UNKNOWN, "B", again="x")) == (first, Verdict.MATCH)


def test_a_switched_ticket_is_the_wrong_item_with_its_reason() -> None:
    after, verdict = show(order(("A", 1), ("B", 1)), decision("v1", Outcome.MISMATCH, "A"))
    assert verdict is Verdict.WRONG_ITEM
    assert (after.counted(1), after.counts[0].reason) == (0, Rule.MISMATCH.value)


def test_a_switched_ticket_that_is_read_late_takes_the_match_back() -> None:
    first, _ = show(order(("A", 1), ("B", 1)), decision("v1", A, "A"))
    after, verdict = show(first, decision("v1", Outcome.MISMATCH, "A", again="x"))
    assert (verdict, after.counted(1)) == (Verdict.WRONG_ITEM, 0)


def test_a_line_of_a_barcode_takes_the_sku_that_carries_it() -> None:
    after, verdict = show(order((EAN, 1), ("B", 1)), decision("v1", A, "A"))
    assert (verdict, after.counted(1)) == (Verdict.MATCH, 1)


def test_a_code_that_no_catalog_knows_still_matches_the_line_that_names_it() -> None:
    before = order(("96385074", 1), ("B", 1))
    made = decision("v1", Outcome.UNKNOWN, "C", codes=["96385074"])
    after, verdict = show(before, made)
    assert (verdict, after.counts[0].by, after.counts[0].sku) == (Verdict.MATCH, By.BARCODE, "")


def test_upc_and_ean_of_one_article_are_one_code_and_nothing_else_is() -> None:
    line = Line(1, 1, barcode="012345678905")
    assert belongs(line, "", ["0012345678905"])
    assert belongs(line, "A", ["(01)00012345678905"])
    assert not belongs(line, "", ["12345678905"]), "11 digits are no article number"
    assert not belongs(Line(1, 1, sku="A"), "", [""])


def test_an_undone_visit_is_not_counted_again_by_the_camera_but_by_a_tap() -> None:
    made = decision("v1", A, "A")
    now, _ = show(order(("A", 2), ("B", 1)), made)
    now = changes.undo(now)
    assert show(now, decision("v1", A, "A", again="x")) == (now, None)
    now, reading = tapped(now, made, "A", records(made), AT)
    assert (reading.verdict, now.counted(1)) == (Verdict.MATCH, 1)


def test_what_a_person_calls_wrong_counts_no_more_but_its_next_answer_does() -> None:
    made = decision("v1", A, "A")
    now, _ = show(order(("A", 2), ("B", 1)), made)
    now = refused(now, made)
    assert now.counted(1) == 0
    after, verdict = show(now, decision("v1", A, "B", again="x"))
    assert (verdict, after.counted(1), after.counted(2)) == (Verdict.MATCH, 0, 1)


def test_undo_takes_the_last_count_or_the_one_named_and_says_when_there_is_none() -> None:
    now = order(("A", 2), ("B", 1))
    for visit, sku in (("1", "A"), ("2", "C"), ("3", "B")):
        now, _ = show(now, decision(visit, A, sku))
    now = changes.undo(now, 2)
    assert now.extras == () and len(now.counts) == 3
    now = changes.undo(changes.undo(now))
    assert (now.counted(1), now.counted(2)) == (0, 0)
    for number in (0, 2, 9):
        with pytest.raises(OrderError) as caught:
            changes.undo(now, number)
        assert caught.value.code == "nothing_to_undo"


def test_counting_by_hand_keeps_its_reason_and_never_more_than_the_line_wants() -> None:
    now = changes.count_by_hand(order(("A", 5)), 1, 4, "label damaged", AT)
    assert (now.counted(1), now.counts[0].by, now.counts[0].reason) == (
        4,
        By.PERSON,
        "label damaged",
    )
    for line, amount, code in ((1, 2, "line_full"), (1, 0, "line_full"), (7, 1, "no_such_line")):
        with pytest.raises(OrderError) as caught:
            changes.count_by_hand(now, line, amount, "x", AT)
        assert caught.value.code == code


def test_a_full_line_cannot_be_expected() -> None:
    now, _ = show(order(("A", 1), ("B", 1)), decision("v1", A, "A"))
    with pytest.raises(OrderError) as caught:
        changes.expect(now, 1)
    assert caught.value.code == "line_full"
    assert changes.expect(changes.expect(now, 2), 0).expecting == 0


def test_a_changed_list_keeps_what_was_counted_or_refuses() -> None:
    now, _ = show(order(("A", 2), ("B", 1)), decision("v1", A, "A"))
    moved = changes.amended(now, order(("C", 1), ("A", 3)).lines)
    assert (moved.counted(1), moved.counted(2)) == (0, 1)
    with pytest.raises(OrderError) as caught:
        changes.amended(now, order(("B", 1)).lines)
    assert caught.value.code == "counted_lines" and "line 1 (A)" in str(caught.value)


def test_a_closed_order_changes_no_more() -> None:
    closed = replace(order(("A", 1)), stage=Stage.CLOSED)
    for change in (
        lambda: changes.undo(closed),
        lambda: changes.expect(closed, 1),
        lambda: changes.count_by_hand(closed, 1, 1, "x", AT),
        lambda: changes.amended(closed, closed.lines),
    ):
        with pytest.raises(OrderError) as caught:
            change()
        assert caught.value.code == "order_closed"


def test_the_signed_result_tells_every_difference_and_any_change_of_it_shows() -> None:
    now = order(("A", 1), ("B", 3))
    for visit, sku in (("1", "A"), ("2", "A"), ("3", "C"), ("4", "B")):
        now, _ = show(now, decision(visit, A, sku))
    signed = result.sign(now, name="Ünal", at=AT, release="r1")
    body = json.loads(signed.canonical)
    assert signed.outcome == body["outcome"] == "with differences"
    assert [line["counted"] for line in body["lines"]] == [1, 1]
    assert body["differences"]["missing"][0]["missing"] == 2
    assert body["differences"]["over"][0]["over"] == 1
    assert len(body["counts"]) == 4 and "counts" not in result.note(signed).body
    assert result.unchanged(signed)
    altered = replace(signed, canonical=signed.canonical.replace('"missing":2', '"missing":1'))
    assert not result.unchanged(altered)
    assert result.sign(now, name="Ünal", at=AT, release="r1").sha256 == signed.sha256


def test_whatever_is_shown_no_line_counts_more_than_it_wants_and_no_visit_twice() -> None:
    chance = random.Random(7)
    outcomes = (A, A, A, Outcome.CHOOSE, Outcome.UNKNOWN, Outcome.MISMATCH)
    for _ in range(60):
        now = order(("A", 2), ("B", 1), (EAN, 1), ("D", 2))
        for step in range(40):
            skus = chance.sample(sorted(RECORDS), 3)
            visit = str(chance.randrange(15))
            made = decision(visit, chance.choice(outcomes), *skus, again=str(step))
            if chance.random() < 0.2:
                now, _ = tapped(now, made, chance.choice(skus), records(made), AT)
            elif chance.random() < 0.1 and any(count.stands for count in now.extras):
                now = changes.undo(now)
            else:
                now, _ = show(now, made)
            assert all(now.counted(line.number) <= line.quantity for line in now.lines)
            standing = [count.visit_id for count in now.counts if count.stands]
            assert len(standing) == len(set(standing))
            numbers = itertools.count(1)
            assert all(count.number == next(numbers) for count in now.counts)
