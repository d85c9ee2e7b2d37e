# SPDX-License-Identifier: Apache-2.0
"""A blob from an origin that gives it in odd pieces: too early, too little, nothing at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from kiosk.announcement import Blob
from kiosk.durable import DiskFiles
from kiosk.errors import Tampered
from kiosk.store.blobs import Blobs
from kiosk.sync.evidence import Unanswered, cut_off, unreachable, unusable
from kiosk.sync.fetch import LEAST_GAIN, MOST_FRUITLESS, fetch, path_of
from kiosk.sync.origin import Tail
from tests.store_parts import blob
from tests.tuf_simulator import MemoryOrigin

DATA = bytes(range(256)) * 400
"""Six times what a try must bring."""

Answer = tuple[int, Sequence[bytes], Unanswered | None]
"""Where it begins, what comes, and how it ends."""


class Told(MemoryOrigin):
    """Answers one request after the other as it was told to, and honestly after that."""

    def __init__(self, *answers: Answer) -> None:
        super().__init__({})
        self.answers = list(answers)
        self.offsets: list[int] = []

    @contextmanager
    def tail(self, path: str, size: int, offset: int) -> Iterator[Tail]:
        self.asked.append(path)
        self.offsets.append(offset)
        start, chunks, error = (
            self.answers.pop(0) if self.answers else (offset, [DATA[offset:]], None)
        )
        yield Tail(start, self._given(chunks, error))

    def _given(self, chunks: Sequence[bytes], error: Unanswered | None) -> Iterator[bytes]:
        yield from chunks
        if error is not None:
            raise error


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs", DiskFiles())


def cut() -> Unanswered:
    return cut_off("it", "the cable")


def test_an_empty_file_is_not_asked_for(blobs: Blobs) -> None:
    origin = Told()
    fetch(origin, blobs, blob(b""))
    assert blobs.has(blob(b""))
    assert blobs.path(blob(b"").sha256).read_bytes() == b""
    assert origin.asked == []


def test_what_is_here_is_not_asked_for(blobs: Blobs) -> None:
    origin = Told()
    blobs.put(DATA, blob(DATA))
    fetch(origin, blobs, blob(DATA))
    assert origin.asked == []


def test_a_blob_is_asked_for_by_its_hash(blobs: Blobs) -> None:
    origin = Told()
    fetch(origin, blobs, blob(DATA))
    sha256 = blob(DATA).sha256
    assert origin.asked == [path_of(blob(DATA))] == [f"blobs/{sha256[:2]}/{sha256}"]
    assert blobs.read(blob(DATA)) == DATA


def test_an_answer_that_ends_too_early_without_a_word_is_gone_on_with(blobs: Blobs) -> None:
    half = len(DATA) // 2
    origin = Told((0, [DATA[:half]], None))
    fetch(origin, blobs, blob(DATA))
    assert origin.offsets == [0, half]
    assert blobs.read(blob(DATA)) == DATA


def test_an_answer_that_begins_too_early_is_read_past(blobs: Blobs) -> None:
    origin = Told((0, [DATA[:30_000]], cut()), (10_000, [DATA[10_000:25_000], DATA[25_000:]], None))
    fetch(origin, blobs, blob(DATA))
    assert origin.offsets == [0, 30_000]
    assert blobs.read(blob(DATA)) == DATA


def test_more_than_was_signed_is_not_written(blobs: Blobs) -> None:
    origin = Told((0, [DATA[:-100], DATA[-100:] + b"more", b"and more"], None))
    fetch(origin, blobs, blob(DATA))
    assert blobs.read(blob(DATA)) == DATA


def test_tries_that_bring_little_end_after_a_few_in_a_row(blobs: Blobs) -> None:
    little = LEAST_GAIN - 1
    places = [little * n for n in range(MOST_FRUITLESS + 1)]
    origin = Told(*[(at, [DATA[at : at + little]], cut()) for at in places])
    with pytest.raises(Unanswered) as error:
        fetch(origin, blobs, blob(DATA))
    assert error.value.code == "cut"
    assert origin.offsets == places[:MOST_FRUITLESS]
    assert blobs.part(blob(DATA).sha256).size == little * MOST_FRUITLESS, "what came is kept"


def test_a_try_that_brings_enough_begins_the_count_anew(blobs: Blobs) -> None:
    gains = [1, 1, LEAST_GAIN, 1, 1]
    places = [sum(gains[:n]) for n in range(len(gains))]
    origin = Told(*[(at, [DATA[at : at + n]], cut()) for at, n in zip(places, gains, strict=True)])
    fetch(origin, blobs, blob(DATA))
    assert origin.offsets == [*places, sum(gains)]


def test_nobody_there_is_not_asked_again_in_this_pass(blobs: Blobs) -> None:
    origin = Told((0, [DATA[:50_000]], unreachable("it", "no route")))
    with pytest.raises(Unanswered):
        fetch(origin, blobs, blob(DATA))
    assert origin.offsets == [0]


def test_a_server_that_cannot_go_on_is_asked_for_the_whole_once(blobs: Blobs) -> None:
    odd = unusable("it", "a wrong range")
    origin = Told((0, [DATA[:50_000]], cut()), (50_000, [], odd))
    fetch(origin, blobs, blob(DATA))
    assert origin.offsets == [0, 50_000, 0]
    assert blobs.read(blob(DATA)) == DATA


def test_a_server_that_cannot_go_on_is_never_asked_to_again(blobs: Blobs) -> None:
    odd = unusable("it", "a wrong range")
    answers: list[Answer] = [(0, [DATA[:50_000]], cut()), (50_000, [], odd)]
    origin = Told(*answers, (0, [DATA[:80_000]], cut()), (0, [DATA], None))
    fetch(origin, blobs, blob(DATA))
    assert origin.offsets == [0, 50_000, 0, 0]


def test_an_answer_that_is_never_usable_ends_the_pass(blobs: Blobs) -> None:
    odd = unusable("it", "a wrong range")
    with pytest.raises(Unanswered):
        fetch(Told((0, [], odd)), blobs, blob(DATA))
    origin = Told((0, [DATA[:50_000]], cut()), (50_000, [], odd), (0, [], odd))
    with pytest.raises(Unanswered):
        fetch(origin, blobs, blob(DATA))
    assert origin.offsets == [0, 50_000, 0]


def wrong(data: bytes) -> bytes:
    return b"!" + data[1:]


def test_a_part_that_was_torn_by_a_power_cut_is_fetched_once_more_whole(blobs: Blobs) -> None:
    blobs.part(blob(DATA).sha256).append(wrong(DATA[:50_000]))
    origin = Told()
    fetch(origin, blobs, blob(DATA))
    assert origin.offsets == [50_000, 0]
    assert blobs.read(blob(DATA)) == DATA


def test_a_server_that_lied_about_a_range_is_asked_once_more_for_the_whole(blobs: Blobs) -> None:
    origin = Told((0, [DATA[:50_000]], cut()), (50_000, [wrong(DATA[50_000:])], None))
    fetch(origin, blobs, blob(DATA))
    assert origin.offsets == [0, 50_000, 0]


@pytest.mark.parametrize("pieced", [False, True])
def test_other_bytes_than_were_signed_are_refused_and_not_kept(pieced: bool, blobs: Blobs) -> None:
    whole: Answer = (0, [wrong(DATA)], None)
    odd: Sequence[Answer] = [(0, [DATA[:50_000]], cut()), (50_000, [wrong(DATA[50_000:])], None)]
    origin = Told(*(odd if pieced else []), whole)
    with pytest.raises(Tampered):
        fetch(origin, blobs, blob(DATA))
    assert not origin.answers
    assert origin.offsets == ([0, 50_000, 0] if pieced else [0])
    assert not blobs.has(blob(DATA))
    assert blobs.part(blob(DATA).sha256).size == 0


def test_a_blob_of_another_length_is_not_there(blobs: Blobs) -> None:
    blobs.put(DATA, blob(DATA))
    assert not blobs.has(Blob(blob(DATA).sha256, len(DATA) - 1))
