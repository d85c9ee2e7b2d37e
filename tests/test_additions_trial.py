# SPDX-License-Identifier: Apache-2.0
"""Many additions beside another release: tried at once as if each were tried alone, and while they
are, nobody waits for the desk.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from added_parts import SIDES, Bench, Notes, build_release, opened
from numpy.typing import NDArray
from waiting import aside, until

from kiosk.additions import AdditionDesk, Describer, MemoryStore
from kiosk.additions.rule import accept_limit
from kiosk.additions.shelf import shelved
from kiosk.additions.trying import Probes, Standing, tried
from kiosk.additions.values import Addition
from kiosk.catalog.segment import Added, MemorySegment
from kiosk.catalog.snapshot import Snapshot
from kiosk.config import SearchConfig
from kiosk.values import Record


@pytest.fixture(scope="module")
def release(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_release(models, tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def larger(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_release(models, tmp_path_factory.mktemp("larger"), range(8))


@pytest.fixture
def bench(models: Path, release: Path) -> Iterator[Bench]:
    with opened(models, release) as bench:
        yield bench


def vectors_of(seed: int, shape: tuple[int, int]) -> NDArray[np.float16]:
    wide = np.random.default_rng(seed).standard_normal(shape)
    return np.asarray(wide / np.linalg.norm(wide, axis=1, keepdims=True), np.float16)


@pytest.mark.parametrize("seed", range(3))
def test_the_nearest_skus_of_many_queries_are_those_of_a_search_for_each(
    bench: Bench, seed: int
) -> None:
    """Over several parts of the references, several blocks of queries, and SKUs in two segments."""
    random = np.random.default_rng(seed)
    with bench.slot.borrow_release() as base:
        assert base is not None
        dimension = base.manifest.dimension
        rows = vectors_of(seed, (9000, dimension))
        ends = np.sort(random.choice(np.arange(1, 9000), 600, replace=False))
        names = [f"made-up-{at % 550}" for at in range(601)]
        parts = zip(names, np.split(rows, ends), strict=True)
        pictures = [Added(name, part, b"") for name, part in parts]
        pictures.append(Added("sku-2", vectors_of(99, (3, dimension)), b""))
        records = [Record(name, "", "") for name in dict.fromkeys([*names, "sku-2"])]
        snapshot = base.extended(MemorySegment(records, pictures))
        queries = vectors_of(seed + 50, (300, dimension)).astype(np.float32)
        ranked = snapshot.ranked(queries, 10)
        assert len(ranked) == 300
        for query, found in list(zip(queries, ranked, strict=True))[::37]:
            right = snapshot.match(query, 10)
            assert [sku for sku, _ in found] == [match.sku for match in right]
            assert np.allclose([near for _, near in found], [one.similarity for one in right])
        assert (
            len(snapshot.ranked(queries[:1], 10_000)[0]) == len(base.ranked(queries, 99)[0]) + 550
        )
        snapshot.close()


def made_like(addition: Addition, name: str, seed: int) -> Addition:
    """Another addition, whose views are near to those of the first."""
    random = np.random.default_rng(seed)
    views = []
    for view in addition.views:
        wide = view.vectors + 0.05 * random.standard_normal(view.vectors.shape)
        near = (wide / np.linalg.norm(wide, axis=1, keepdims=True)).astype(np.float16)
        views.append(replace(view, vectors=near))
    return replace(
        addition, addition_id=name, record=Record(name, "", ""), views=tuple(views), at=name
    )


def test_additions_tried_at_once_stand_as_if_each_were_tried_alone(
    bench: Bench, larger: Path
) -> None:
    first = bench.added("a", SIDES)
    thief = bench.added("b", (7, 104, 105))  # the larger release has item 7
    every = [made_like(each, f"{each.sku}-{at}", at) for at in range(4) for each in (first, thief)]
    bench.open(larger)
    with bench.slot.borrow_release() as base:
        assert base is not None
        shelf = shelved(base, every, lambda snapshot: None)
        alone = {each.addition_id: tried(base, each.sku, each.views, None) for each in every}
        stand = {name for name, found in alone.items() if isinstance(found, Standing)}
        assert set(shelf.standing) == stand
        assert set(shelf.trouble) == set(alone) - stand
        assert shelf.trouble
        for name in stand:
            wide = {each.addition_id: references(each) for each in every}
            others = [wide[other] for other in stand - {name}]
            near = max(float((wide[name] @ other.T).max()) for other in others)
            nearest = max(near, alone[name].nearest)  # type: ignore[union-attr]
            assert shelf.standing[name].nearest == pytest.approx(min(1.0, nearest), abs=1e-5)
            limit = accept_limit(shelf.standing[name].nearest, base.thresholds)
            assert shelf.standing[name].accept == limit
        some = shelved(base, every[:3], lambda snapshot: None)
        assert shelved(base, every, lambda snapshot: None, some).standing.keys() == stand


def references(addition: Addition) -> NDArray[np.float32]:
    return np.concatenate([view.vectors for view in addition.views]).astype(np.float32)


class Asked:
    """No probes; and something happens each time a release is tried."""

    def __init__(self) -> None:
        self.count = 0
        self.then: Callable[[], object] | None = None

    def __call__(self, snapshot: Snapshot) -> Probes | None:
        self.count += 1
        then, self.then = self.then, None
        if then is not None:
            then()
        return None


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def desk(bench: Bench, asked: Asked) -> AdditionDesk:
    return AdditionDesk(
        MemoryStore(),
        lambda release: Describer(bench.embedder),
        Notes(),
        recompose=lambda: None,
        probes_of=asked,
    )


def add(desk: AdditionDesk, bench: Bench, sku: str, items: tuple[int, ...]) -> Addition:
    made = [bench.view(item) for item in items]
    with bench.slot.borrow_release() as seen:
        assert seen is not None
        pictures, views = [each for each, _ in made], [each for _, each in made]
        found = desk.add(Record(sku, sku, ""), pictures, views, seen)
    assert isinstance(found, Addition), found
    return found


@pytest.fixture
def releases(bench: Bench, release: Path, larger: Path) -> Iterator[tuple[Snapshot, Snapshot]]:
    sha256 = bench.embedder.card.sha256
    both = [
        Snapshot.open(path, embedder=sha256, config=SearchConfig()) for path in (release, larger)
    ]
    yield both[0], both[1]
    for each in both:
        each.close()


def known(snapshot: Snapshot, base: Snapshot, sku: str) -> bool:
    """Whether what was added as this SKU is searched; it is closed."""
    if snapshot is base:
        return False
    with closing(snapshot):
        return snapshot.match(snapshot.references(sku).vectors[0], 1)[0].sku == sku


def test_a_release_that_is_taken_back_is_not_tried_again(
    desk: AdditionDesk, bench: Bench, asked: Asked, releases: tuple[Snapshot, Snapshot]
) -> None:
    before, after = releases
    desk.over(before)
    add(desk, bench, "mine", SIDES)
    assert known(desk.over(before), before, "mine")
    assert known(desk.over(after), after, "mine")
    count = asked.count
    assert known(desk.over(before), before, "mine")
    assert known(desk.over(after), after, "mine")
    assert asked.count == count


def test_what_is_added_while_another_release_is_tried_is_searched_with_it(
    desk: AdditionDesk, bench: Bench, asked: Asked, releases: tuple[Snapshot, Snapshot]
) -> None:
    before, after = releases
    desk.over(before)
    add(desk, bench, "mine", SIDES)
    asked.then = lambda: add(desk, bench, "another", (110, 111, 112))
    composed = desk.over(after)
    assert asked.then is None
    names = {match.sku for match in composed.match(composed.references("mine").vectors[0], 20)}
    assert {"mine", "another"} <= names
    composed.close()


def test_what_is_undone_while_another_release_is_tried_is_not_searched(
    desk: AdditionDesk, bench: Bench, asked: Asked, releases: tuple[Snapshot, Snapshot]
) -> None:
    before, after = releases
    desk.over(before)
    made = add(desk, bench, "mine", SIDES)
    asked.then = lambda: desk.undo(made.addition_id)
    assert desk.over(after) is after


def test_nobody_waits_for_the_desk_while_a_release_is_tried(
    desk: AdditionDesk, bench: Bench, asked: Asked, releases: tuple[Snapshot, Snapshot]
) -> None:
    before, after = releases
    desk.over(before)
    made = add(desk, bench, "mine", SIDES)
    trying, go_on, found = threading.Event(), threading.Event(), []
    asked.then = lambda: (trying.set(), go_on.wait())
    with aside(lambda: found.append(desk.over(after)), over=go_on.set):
        until(trying.is_set)
        assert [line.addition_id for line in desk.status().lines] == [made.addition_id]
        assert desk.picture("mine")
        assert not found
        go_on.set()
        until(lambda: found)
    assert known(found[0], after, "mine")
