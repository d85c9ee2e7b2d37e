# SPDX-License-Identifier: Apache-2.0
"""The rules by which one pointer becomes the next, as values: no disk, no clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kiosk.announcement import Gate
from kiosk.store.pointer import (
    MOST_QUARANTINED,
    MOST_TRIES,
    Installed,
    Phase,
    Pointer,
    Quarantined,
    activated,
    allowed,
    damaged,
    ended,
    failed,
    floored,
    good,
    noted,
    refused,
    started,
    unbound,
)

AT = "2026-12-01T12:00:00+00:00"
GATE = Gate(good_after_s=7)
A, B, C = (Installed(name * 16, name * 64, seq) for name, seq in (("a", 1), ("b", 2), ("c", 3)))
NEVER = Pointer()
PROVEN = Pointer(current=A, catalog="shop", channel="stable", floor_seq=1)
"""A is good, and nothing was before it."""
TRYING = activated(PROVEN, B, GATE, "shop")
"""B is on trial, and A is there to fall back to."""


def test_nothing_was_ever_activated() -> None:
    assert (NEVER.current, NEVER.previous, NEVER.phase, NEVER.tries) == (None, None, Phase.GOOD, 0)
    assert not (NEVER.unproven or NEVER.tested or NEVER.damaged or NEVER.floor_seq)
    assert NEVER.kept == frozenset()
    assert started(NEVER, AT) == good(NEVER) == failed(NEVER, "bad", AT) == NEVER


def test_the_first_release_has_nothing_to_fall_back_to() -> None:
    pointer = activated(NEVER, A, GATE, "shop", tested=True)
    assert pointer == Pointer(
        current=A, phase=Phase.TRIAL, tested=True, gate=GATE, catalog="shop", floor_seq=1
    )
    assert not activated(NEVER, A, GATE).tested, "nobody said so"


def test_a_new_release_is_on_trial_and_the_proven_one_is_kept() -> None:
    assert (TRYING.current, TRYING.previous, TRYING.phase) == (B, A, Phase.TRIAL)
    assert (TRYING.unproven, TRYING.tries, TRYING.floor_seq) == (False, 0, 2)
    assert TRYING.kept == {A.release, B.release}
    assert replace(TRYING, pinned=(C.release,)).kept == {A.release, B.release, C.release}


def test_tries_damage_and_a_test_belong_to_one_release() -> None:
    before = replace(TRYING, tries=2, tested=True, damaged="torn")
    pointer = activated(before, C, GATE)
    assert (pointer.tries, pointer.tested, pointer.damaged) == (0, False, "")


def test_one_on_trial_is_never_fallen_back_to_while_there_is_a_proven_one() -> None:
    pointer = activated(TRYING, C, GATE)
    assert (pointer.current, pointer.previous, pointer.unproven) == (C, A, False)


def test_an_unproven_one_is_fallen_back_to_where_there_is_nothing_else_and_stays_unproven() -> None:
    first = activated(NEVER, A, GATE)
    pointer = activated(first, B, GATE)
    assert (pointer.previous, pointer.unproven) == (A, True)
    third = activated(pointer, C, GATE)
    assert (third.previous, third.unproven) == (A, True)
    back = failed(third, "bad", AT)
    assert (back.current, back.previous, back.phase, back.unproven) == (A, None, Phase.TRIAL, False)
    assert failed(TRYING, "bad", AT).phase is Phase.GOOD


def test_a_release_is_never_there_to_fall_back_to_from_itself() -> None:
    pointer = activated(TRYING, replace(A, seq=5), GATE)
    assert (pointer.current, pointer.previous, pointer.unproven) == (replace(A, seq=5), None, False)
    unproven = activated(activated(activated(NEVER, A, GATE), B, GATE), replace(A, seq=5), GATE)
    assert (unproven.previous, unproven.unproven) == (None, False)


def test_what_is_current_only_gets_its_newer_number_and_is_whole_again() -> None:
    before = replace(TRYING, tries=2, tested=True, damaged="torn")
    pointer = activated(before, replace(B, seq=9), Gate(good_after_s=1), "shop")
    assert pointer == replace(
        before, current=replace(B, seq=9), floor_seq=9, gate=Gate(good_after_s=1), damaged=""
    )


def test_the_floor_never_sinks_and_the_catalog_is_chosen_once() -> None:
    pointer = activated(replace(PROVEN, floor_seq=50), B, GATE, "another")
    assert (pointer.floor_seq, pointer.catalog) == (50, "shop")
    assert activated(NEVER, A, GATE).catalog == ""


def test_three_starts_may_end_badly_and_the_next_one_falls_back() -> None:
    assert MOST_TRIES == 3
    pointer = TRYING
    for tries in (1, 2, 3):
        pointer = started(pointer, AT)
        assert (pointer.current, pointer.tries) == (B, tries)
    pointer = started(pointer, AT)
    assert (pointer.current, pointer.tries, pointer.phase) == (A, 0, Phase.GOOD)
    assert pointer.barred(B.manifest) is not None
    assert started(pointer, AT) == pointer, "starts of a good one are not counted"


def test_a_start_that_ended_in_order_does_not_count() -> None:
    assert ended(started(TRYING, AT)) == TRYING
    assert ended(TRYING) == TRYING
    assert ended(replace(TRYING, tries=3)).tries == 2


def test_a_good_release_is_done_with_its_trial() -> None:
    pointer = good(replace(TRYING, tries=2))
    assert (pointer.phase, pointer.tries, pointer.current, pointer.previous) == (
        Phase.GOOD,
        0,
        B,
        A,
    )


def test_what_failed_is_barred_with_reason_time_and_number() -> None:
    pointer = failed(replace(TRYING, tries=2, damaged="torn"), "wrong answers", AT)
    assert (pointer.current, pointer.previous, pointer.tries, pointer.damaged) == (A, None, 0, "")
    assert pointer.quarantined == (Quarantined(B.release, B.manifest, "wrong answers", AT, 2),)
    assert pointer.barred(B.manifest) == pointer.quarantined[0]
    assert pointer.barred(A.manifest) is None
    assert failed(pointer, "bad too", AT).current is None


def test_what_was_refused_twice_stands_once_with_the_newest_reason() -> None:
    pointer = refused(refused(refused(PROVEN, B, "first", AT), C, "other", AT), B, "second", AT)
    assert [(each.release, each.reason) for each in pointer.quarantined] == [
        (C.release, "other"),
        (B.release, "second"),
    ]
    assert pointer.current == A


def test_only_the_oldest_are_forgotten() -> None:
    pointer = PROVEN
    for seq in range(MOST_QUARANTINED + 2):
        pointer = refused(pointer, Installed(f"{seq:016}", f"{seq:064}", seq), "bad", AT)
    assert [each.seq for each in pointer.quarantined] == list(range(2, MOST_QUARANTINED + 2))


def test_a_journal_that_has_one_has_only_that_one() -> None:
    both = refused(refused(PROVEN, B, "bad", AT), C, "bad", AT)
    pointer = noted(both, [C.manifest])
    assert [each.noted for each in pointer.quarantined] == [False, True]
    assert noted(pointer, []) == pointer


def test_a_person_allows_one_and_the_others_stay_barred() -> None:
    pointer = allowed(refused(refused(PROVEN, B, "bad", AT), C, "bad", AT), B.release)
    assert [each.release for each in pointer.quarantined] == [C.release]


def test_a_damaged_release_is_neither_barred_nor_given_up() -> None:
    assert damaged(PROVEN, "torn") == replace(PROVEN, damaged="torn")


@pytest.mark.parametrize(
    ("seq", "clock", "channel", "wanted"),
    [
        (3, "2026-12-02", "stable", (3, "2026-12-02", "stable")),
        (1, "2026-11-30", "stable", (2, "2026-12-01", "stable")),
        (1, "", "", (2, "2026-12-01", "stable")),
        (1, "2026-11-30", "canary", (1, "2026-12-01", "canary")),
    ],
)
def test_floors_grow_and_another_channel_begins_its_numbers_anew(
    seq: int, clock: str, channel: str, wanted: tuple[int, str, str]
) -> None:
    before = Pointer(channel="stable", floor_seq=2, clock_floor="2026-12-01")
    after = floored(before, seq, clock, channel)
    assert (after.floor_seq, after.clock_floor, after.channel) == wanted


def test_another_publisher_begins_anew_but_time_does_not() -> None:
    before = replace(TRYING, clock_floor=AT)
    assert unbound(before) == replace(before, catalog="", channel="", floor_seq=0)
