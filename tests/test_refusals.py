# SPDX-License-Identifier: Apache-2.0
""" "Not this": what a tap on "wrong" blocks, what it leaves alone, and how it is taken back."""

from __future__ import annotations

import base64
import dataclasses
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from prints import face, features_of, photographed, recoloured
from refused_views import DIMENSION, EMBEDDER, Notes, between, desk_on, look, vector, wrong
from waiting import aside, until

from kiosk.errors import RefusalError
from kiosk.refusals import MemoryStore, RefusalDesk, Refusals, RefusalStore, Store
from kiosk.refusals.rule import by_print, nearer
from kiosk.values import Match, Outcome
from kiosk.verify import compare
from kiosk.vision.packed import unpack


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = MemoryStore(5) if request.param == "memory" else RefusalStore(tmp_path / "r.sqlite", 5)
    yield made
    made.close()


def marked(refusals: Refusals, embedding: np.ndarray, *matches: Match) -> list[str]:
    return [match.sku for match in refusals.marked(matches, embedding) if match.refused]


def test_the_same_wrong_answer_is_marked_at_once(store: Store) -> None:
    desk, refusals = desk_on(store)
    seen = vector(1)
    answer = (Match("A1", 0.8, 0), Match("B2", 0.3, 1))
    assert refusals.marked(answer, seen) == answer
    desk.refuse(wrong(1, seen))
    assert marked(refusals, seen, *answer) == ["A1"]
    assert marked(refusals, between(seen, vector(2), 0.25), *answer) == ["A1"], "another look at it"


def test_what_was_accepted_with_utter_certainty_is_refused_all_the_same(store: Store) -> None:
    desk, refusals = desk_on(store)
    desk.refuse(wrong(1, vector(1), similarity=1.0))
    assert marked(refusals, vector(1), Match("A1", 1.0, 0)) == ["A1"]


def test_true_scans_of_the_sku_stay_unmarked(store: Store) -> None:
    desk, refusals = desk_on(store)
    refused, reference = between(vector(1), vector(2), 0.45), vector(1)
    desk.refuse(wrong(1, refused, similarity=float(refused @ reference)))
    for share in (0.0, 0.1, 0.2):
        true = between(reference, vector(3), share)
        assert marked(refusals, true, Match("A1", float(true @ reference), 0)) == []


def test_a_look_more_like_the_sku_than_the_refused_view_was_gets_the_benefit() -> None:
    one = np.array([0.75])
    assert nearer(one, 0.7, np.array([0.7]))
    assert not nearer(one, 0.8, np.array([0.7]))
    assert nearer(one, 0.725, np.array([0.7])), "a tie goes to the person"
    assert not nearer(np.zeros(0), 0.1, np.zeros(0))


def test_only_the_refused_sku_is_marked(store: Store) -> None:
    desk, refusals = desk_on(store)
    desk.refuse(wrong(1, vector(1)))
    seen = vector(1)
    assert marked(refusals, seen, Match("B2", 0.8, 1), Match("A1", 0.5, 0)) == ["A1"]
    assert not refusals.concern((Match("B2", 0.8, 1),))
    assert refusals.concern((Match("B2", 0.8, 1), Match("A1", 0.5, 0)))


def test_the_settling_looks_own_similarity_is_kept(store: Store) -> None:
    desk, _ = desk_on(store)
    fused = wrong(1, vector(1), similarity=0.7)
    fused = dataclasses.replace(fused, matches=(Match("A1", 0.61, 0),))
    assert desk.refuse(fused).similarity == pytest.approx(0.7)


def test_prints_decide_before_similarities() -> None:
    assert by_print(0.6, 0.05) is True
    assert by_print(0.2, 0.6) is False
    assert by_print(0.2, 0.0) is None, "a trace of a print says nothing"
    assert by_print(0.6, 0.7) is False, "more of the SKU's own print"


def test_a_print_that_was_refused_is_known_again_where_similarity_is_not(store: Store) -> None:
    desk, refusals = desk_on(store)
    desk.refuse(wrong(1, vector(1), features=features_of(face(1))))
    again = features_of(photographed(face(1)))
    far = between(vector(1), vector(9), 0.8)
    match = Match("A1", 0.9, 0)
    assert marked(refusals, far, match) == []
    assert refusals.marked((match,), far, again)[0].refused
    other = features_of(photographed(face(2)))
    assert not refusals.marked((match,), far, other)[0].refused


def test_the_skus_own_print_clears_a_look_that_is_near_a_refused_view(store: Store) -> None:
    desk, refusals = desk_on(store)
    desk.refuse(wrong(1, vector(1), features=features_of(face(1))))
    true = features_of(photographed(face(2)))
    own = compare(true, features_of(face(2)))
    assert refusals.marked((Match("A1", 0.8, 0),), vector(1), true)[0].refused
    verified = Match("A1", 0.8, 0, verified=own)
    assert not refusals.marked((verified,), vector(1), true)[0].refused


def test_the_skus_own_print_does_not_clear_what_was_refused_without_a_second_look(
    store: Store,
) -> None:
    desk, refusals = desk_on(store)
    desk.refuse(wrong(1, vector(1)))
    again = features_of(photographed(face(2)))  # shares a print with the SKU, and is not it
    verified = Match("A1", 0.8, 0, verified=compare(again, features_of(face(2))))
    assert refusals.marked((verified,), vector(1), again)[0].refused


def test_a_twin_in_other_colours_is_not_the_refused_print(store: Store) -> None:
    desk, refusals = desk_on(store)
    desk.refuse(wrong(1, vector(1), features=features_of(recoloured(face(1)))))
    true = features_of(photographed(face(1)))
    own = compare(true, features_of(face(1)))
    match = Match("A1", 0.8, 0, verified=own)
    assert not refusals.marked((match,), between(vector(1), vector(2), 0.3), true)[0].refused


def test_undo_is_one_call_and_counts_at_once(store: Store) -> None:
    journal = Notes()
    desk, refusals = desk_on(store, journal)
    made = desk.refuse(wrong(1, vector(1)))
    assert desk.listed() == (made,) or desk.listed()[0].refusal_id == made.refusal_id
    assert desk.undo(made.refusal_id)
    assert desk.listed() == ()
    assert marked(refusals, vector(1), Match("A1", 0.8, 0)) == []
    assert not desk.undo(made.refusal_id), "not twice"
    assert not desk.undo("no such refusal")
    assert [entry[0] for entry in journal.told] == ["refusal", "refusal-undone"]


def test_the_same_tap_twice_is_one_refusal(store: Store) -> None:
    journal = Notes()
    desk, _ = desk_on(store, journal)
    first, second = desk.refuse(wrong(1, vector(1))), desk.refuse(wrong(1, vector(1)))
    assert first.refusal_id == second.refusal_id
    assert len(desk.listed()) == len(journal.told) == 1


def test_a_refusal_that_was_undone_can_be_made_again(store: Store) -> None:
    desk, refusals = desk_on(store)
    desk.undo(desk.refuse(wrong(1, vector(1))).refusal_id)
    desk.refuse(wrong(1, vector(1)))
    assert marked(refusals, vector(1), Match("A1", 0.8, 0)) == ["A1"]


def test_of_a_choice_the_one_shown_first_is_refused_or_the_one_that_is_named(store: Store) -> None:
    desk, _ = desk_on(store)
    choice = wrong(1, vector(1), outcome=Outcome.CHOOSE)
    assert desk.refuse(choice).sku == "A1"
    assert desk.refuse(choice, "B2").sku == "B2"
    assert desk.refuse(choice, "B2").similarity == pytest.approx(0.3)
    with pytest.raises(RefusalError, match="does not name C3: show the item again"):
        desk.refuse(choice, "C3")


def test_what_named_nothing_or_kept_nothing_cannot_be_refused(store: Store) -> None:
    desk, _ = desk_on(store)
    for decision in (
        wrong(1, vector(1), matches=()),
        wrong(1, vector(1), looks=()),
        wrong(1, vector(1), looks=(look(None, Match("A1", 0.8, 0)),)),
    ):
        with pytest.raises(RefusalError, match="show the item again"):
            desk.refuse(decision)
    assert desk.listed() == ()


def test_the_journal_gets_features_and_no_picture(store: Store) -> None:
    journal = Notes()
    desk, _ = desk_on(store, journal)
    seen = features_of(face(1))
    made = desk.refuse(wrong(7, vector(1), features=seen))
    kind, body, decision_id, visit_id, sku = journal.told[0]
    assert (kind, decision_id, visit_id, sku) == ("refusal", "d7", "v7", "A1")
    body = json.loads(json.dumps(body))
    assert body["refusal_id"] == made.refusal_id
    embedding = np.frombuffer(base64.b64decode(body["embedding_f16"]), "<f2")
    assert embedding.astype(np.float32) @ vector(1) == pytest.approx(1, abs=1e-3)
    (kept,) = unpack(base64.b64decode(body["features"]))
    assert kept.points.tobytes() == seen.points.tobytes()


def test_the_oldest_make_room_and_it_is_said(store: Store) -> None:
    desk, refusals = desk_on(store)
    ids = [desk.refuse(wrong(n, vector(n), at=f"2026-01-0{n}")).refusal_id for n in range(1, 8)]
    assert [each.refusal_id for each in desk.listed()] == ids[:1:-1]
    status = desk.status()
    assert (status.ok, status.active, status.unused) == (True, 5, 0)
    assert "2 oldest were dropped: 5 are kept at most" in status.message
    assert marked(refusals, vector(1), Match("A1", 0.8, 0)) == []
    assert marked(refusals, vector(7), Match("A1", 0.8, 0)) == ["A1"]


def test_refusals_of_another_embedder_are_kept_and_not_used(store: Store) -> None:
    desk, _ = desk_on(store)
    desk.refuse(wrong(1, vector(1)))
    for other in (Refusals("f" * 64, DIMENSION), Refusals(EMBEDDER, 2 * DIMENSION)):
        later = RefusalDesk(store, other, Notes())
        later.start()
        assert marked(other, vector(1), Match("A1", 0.8, 0)) == []
        status = later.status()
        assert (status.ok, status.active, status.unused) == (True, 1, 1)
        assert "another embedder" in status.message


def test_refusals_follow_the_embedder_that_a_release_brings_and_come_back_with_the_old_one(
    store: Store,
) -> None:
    desk, refusals = desk_on(store)
    desk.refuse(wrong(1, vector(1)))
    match = Match("A1", 0.8, 0)
    desk.follow("f" * 64, 2 * DIMENSION)
    assert marked(refusals, vector(1), match) == [], "a look of before, in another space"
    assert desk.status().unused == 1
    desk.follow("f" * 64, DIMENSION)
    assert marked(refusals, vector(1), match) == []
    desk.follow(EMBEDDER, DIMENSION)
    assert marked(refusals, vector(1), match) == ["A1"]
    assert desk.status().unused == 0


def test_features_of_another_method_are_not_compared() -> None:
    refusals = Refusals(EMBEDDER, DIMENSION)
    store = MemoryStore()
    desk = RefusalDesk(store, refusals, Notes())
    made = desk.refuse(wrong(1, vector(1), features=features_of(face(1))))
    refusals.swap([dataclasses.replace(made, method="sift48-0-00000000")])
    far = between(vector(1), vector(9), 0.8)
    again = features_of(photographed(face(1)))
    assert not refusals.marked((Match("A1", 0.9, 0),), far, again)[0].refused


def test_looks_go_on_while_refusals_come_and_go(store: Store) -> None:
    desk, refusals = desk_on(store)
    match, over = Match("A1", 0.8, 0), threading.Event()
    answers: list[bool] = []

    def looking() -> None:
        while not over.is_set():
            answers.append(refusals.marked((match,), vector(1))[0].refused)

    with aside(looking, over=over.set):
        for number in range(1, 20):
            desk.undo(desk.refuse(wrong(number, vector(1))).refusal_id)
        until(lambda: answers, "a look")
    assert set(answers) <= {True, False} and answers
    assert refusals.marked((match,), vector(1)) == (match,)
