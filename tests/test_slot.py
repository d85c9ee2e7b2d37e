# SPDX-License-Identifier: Apache-2.0
"""The slot: a release, what is composed over it, and who closes what."""

from __future__ import annotations

import threading

import pytest
from waiting import aside

from kiosk.catalog.slot import Slot
from kiosk.errors import CatalogError


class Thing:
    """Something that must be closed once, after its last reader."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


class Composer:
    """Composes something new over every release; keeps what it made."""

    def __init__(self) -> None:
        self.made: list[Thing] = []
        self.fails = False

    def __call__(self, release: Thing) -> Thing:
        if self.fails:
            raise CatalogError("these additions cannot be searched")
        self.made.append(Thing(f"over {release.name}"))
        return self.made[-1]


def current(slot: Slot[Thing]) -> str:
    with slot.borrow() as found:
        return found.name if found else ""


def test_what_is_composed_is_borrowed_and_the_release_stays_open_below_it() -> None:
    composer, release = Composer(), Thing("a")
    slot: Slot[Thing] = Slot(composer)
    assert current(slot) == ""
    slot.swap(release)
    assert current(slot) == "over a"
    with slot.borrow_release() as below:
        assert below is release
    slot.recompose()
    assert [each.closed for each in composer.made] == [1, 0] and release.closed == 0
    slot.swap(None)
    assert [each.closed for each in composer.made] == [1, 1] and release.closed == 1


def test_a_swap_of_either_waits_for_whoever_reads() -> None:
    composer, first, second = Composer(), Thing("a"), Thing("b")
    slot: Slot[Thing] = Slot(composer)
    slot.swap(first)
    with slot.borrow() as reading, slot.borrow_release() as below:
        slot.recompose()
        slot.swap(second)
        assert reading is not None and reading.closed == 0
        assert below is first and first.closed == 0
        assert composer.made[1].closed == 1  # nobody read it
    assert composer.made[0].closed == first.closed == 1
    assert current(slot) == "over b"


def test_a_replacement_comes_too_late_when_another_release_is_there() -> None:
    slot: Slot[Thing] = Slot()
    first, better, second, late = (Thing(name) for name in "abcd")
    slot.swap(first)
    assert slot.replace(first, better) and first.closed == 1
    slot.swap(second)
    assert not slot.replace(better, late)
    assert late.closed == 0 and current(slot) == "c"


def test_what_cannot_be_composed_leaves_the_release(caplog: pytest.LogCaptureFixture) -> None:
    composer = Composer()
    slot: Slot[Thing] = Slot(composer)
    composer.fails = True
    slot.swap(Thing("a"))
    assert current(slot) == "a" and "cannot be searched" in caplog.text
    composer.fails = False
    slot.recompose()
    assert current(slot) == "over a"
    slot.compose(None)
    assert current(slot) == "a"


def test_swapping_the_same_release_again_closes_nothing() -> None:
    slot: Slot[Thing] = Slot()
    only = Thing("a")
    slot.swap(only)
    slot.swap(only)
    slot.recompose()
    assert only.closed == 0
    slot.swap(None)
    slot.swap(None)
    assert only.closed == 1


def test_nothing_is_read_after_it_was_closed_whatever_is_swapped_meanwhile() -> None:
    composer = Composer()
    slot: Slot[Thing] = Slot(composer)
    slot.swap(Thing("0"))
    stop, wrong = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            with slot.borrow() as found:
                if found is None or found.closed:
                    wrong.append(found)

    with aside(read, read, read, over=stop.set):
        for turn in range(2000):
            slot.recompose() if turn % 2 else slot.swap(Thing(str(turn)))
    slot.swap(None)
    assert wrong == [] and all(each.closed == 1 for each in composer.made)
