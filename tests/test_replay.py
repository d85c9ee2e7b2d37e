# SPDX-License-Identifier: Apache-2.0
"""Decisions made again: the same on their release, and named where another one says otherwise."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import replays
import tiny_models

from kiosk.catalog.details import COMPARED_SKUS
from kiosk.catalog.snapshot import Snapshot
from kiosk.config import DecideConfig
from kiosk.decide import Moment, Visits, conclude
from kiosk.errors import StateError
from kiosk.journal import Story, stories, story
from kiosk.refusals import Refusals
from kiosk.refusals.refusal import refused
from kiosk.replay import TOLERANCE, Effect, Flip, Tally, again, differences, flips
from kiosk.replay.differ import accepted, largest
from kiosk.values import Box, Code, Decision, Look, Note, Outcome, Sight

FRAMES = DecideConfig().agreement_frames
ITEMS = tuple((f"sku-{number}", number) for number in range(12))
REMOVED, RENAMED, TWINNED = 1, 4, 11
STRANGER = 45


@pytest.fixture(scope="module")
def release(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return replays.colours(models, tmp_path_factory.mktemp("releases") / "old", ITEMS)


@pytest.fixture(scope="module")
def other(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One SKU removed, one renamed, a twin added, and the stranger listed."""
    kept = [pair for pair in ITEMS if pair[1] not in (REMOVED, RENAMED)]
    new = [("new-name", RENAMED), ("twin", TWINNED), ("found", STRANGER)]
    return replays.colours(models, tmp_path_factory.mktemp("releases") / "new", [*kept, *new])


@pytest.fixture(scope="module")
def made(models: Path, release: Path) -> dict[int, Decision]:
    """What the old release said of every item and of a stranger."""
    counter = replays.Counter(models, release)
    found = {}
    for number in (*(number for _, number in ITEMS), STRANGER):
        found[number] = counter.show(replays.item(number))[-1]
    counter.close()
    for number in (REMOVED, RENAMED, TWINNED, 7):
        assert found[number].sku == f"sku-{number}"
    assert found[STRANGER].outcome is Outcome.UNKNOWN
    return found


@pytest.fixture
def path(made: dict[int, Decision], tmp_path: Path) -> Path:
    return replays.recorded(tmp_path / "state", made.values())


@pytest.fixture
def old(models: Path, release: Path) -> Iterator[Snapshot]:
    snapshot = replays.opened(models, release)
    yield snapshot
    snapshot.close()


@pytest.fixture
def new(models: Path, other: Path) -> Iterator[Snapshot]:
    snapshot = replays.opened(models, other)
    yield snapshot
    snapshot.close()


def test_every_decision_is_the_same_on_the_release_it_was_made_with(
    path: Path, old: Snapshot
) -> None:
    outcomes = set()
    for found in stories(path):
        replayed = again(found, old, FRAMES)
        assert replayed.same_release
        assert differences(found, replayed) == ()
        assert largest(found, replayed) < TOLERANCE
        assert replayed.moment.value == found.evidence["moment"]
        outcomes.add(found.entry["outcome"])
    assert {"accepted", "unknown"} <= outcomes, "more than one kind of answer was made again"


def say(path: Path, new: Snapshot, refusals: Refusals | None = None) -> tuple[list[Flip], Tally]:
    tally = Tally()
    return list(flips(stories(path), new, FRAMES, refusals, tally)), tally


def test_what_another_release_would_say_is_named(
    path: Path, made: dict[int, Decision], new: Snapshot
) -> None:
    found, tally = say(path, new)
    by_sku = {flip.before_sku or flip.before: flip for flip in found}
    assert by_sku[f"sku-{REMOVED}"].after in ("unknown", "choose")
    assert by_sku[f"sku-{TWINNED}"].after == "choose"
    assert by_sku[f"sku-{RENAMED}"].after_sku == "new-name"
    assert by_sku["unknown"].after in ("accepted", "choose")
    assert tally.replayed == len(made)
    assert tally.flipped == len(found) == tally.replayed - tally.same
    assert tally.flips["accepted", "accepted, another SKU"] == 1
    assert tally.share == pytest.approx(len(found) / len(made))
    assert {flip.effect for flip in found} == {Effect.UNCLEAR}, "nobody said anything"


def test_on_the_same_release_nothing_flips(path: Path, old: Snapshot) -> None:
    found, tally = say(path, old)
    assert (found, tally.flipped, tally.same) == ([], 0, tally.replayed)


def test_a_flip_that_a_person_had_contradicted_is_for_the_better(
    made: dict[int, Decision], new: Snapshot, tmp_path: Path
) -> None:
    journal = replays.journal(tmp_path)
    for decision in made.values():
        journal.decision(decision)

    def note(kind: str, number: int, sku: str) -> None:
        of = made[number]
        journal.note(Note(kind, {}, sku, of.decision_id, of.visit_id))

    note("refusal", REMOVED, f"sku-{REMOVED}")
    note("refusal", TWINNED, f"sku-{TWINNED}")
    note("refusal-undone", TWINNED, f"sku-{TWINNED}")
    note("confirmation", STRANGER, "found")
    note("confirmation", RENAMED, f"sku-{RENAMED}")
    journal.close()
    found, tally = say(tmp_path / "journal.sqlite", new)
    effects = {flip.decision_id: flip.effect for flip in found}
    assert effects[made[REMOVED].decision_id] is Effect.BETTER
    assert effects[made[STRANGER].decision_id] is Effect.BETTER
    assert effects[made[TWINNED].decision_id] is Effect.UNCLEAR, "the refusal was taken back"
    assert effects[made[RENAMED].decision_id] is Effect.WORSE
    assert (tally.effects[Effect.BETTER], tally.effects[Effect.WORSE]) == (2, 1)


def test_what_this_kiosk_was_told_is_no_sku_counts_on_another_release(
    path: Path, made: dict[int, Decision], new: Snapshot
) -> None:
    kept = Refusals(new.manifest.embedder.sha256, new.manifest.dimension)
    assert kept.swap([refused(made[7])]) == 1
    before, _ = say(path, new)
    after, _ = say(path, new, kept)
    changed = {flip.decision_id for flip in after} - {flip.decision_id for flip in before}
    assert changed == {made[7].decision_id}
    (flip,) = (flip for flip in after if flip.decision_id == made[7].decision_id)
    assert (flip.before, flip.after) == ("accepted", "choose")


def test_a_changed_number_in_the_journal_is_a_difference(path: Path, old: Snapshot) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE entries SET body = json_set(body, '$.margin', 0.001)")
        connection.execute("UPDATE entries SET sku = 'sku-99' WHERE sku = 'sku-7'")
    found = {each.entry["sku"]: each for each in stories(path)}
    changed = differences(found["sku-2"], again(found["sku-2"], old, FRAMES))
    assert [sentence.split(":")[0] for sentence in changed] == ["margin"]
    told = [each for each in stories(path) if each.entry["sku"] == "sku-99"]
    assert "SKU: sku-99 then, sku-7 now" in differences(told[0], again(told[0], old, FRAMES))


def test_damage_in_one_decision_is_said_and_the_others_go_on(
    path: Path, made: dict[int, Decision], new: Snapshot
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(
            "UPDATE looks SET embedding = zeroblob(96) WHERE decision_id = ?",
            (made[2].decision_id,),
        )
        connection.execute(
            "UPDATE entries SET body = '{' WHERE decision_id = ?", (made[6].decision_id,)
        )
        connection.execute("DELETE FROM looks WHERE decision_id = ?", (made[8].decision_id,))
    with pytest.raises(StateError, match=f"decision {made[2].decision_id}: look 1 is damaged"):
        again(story(path, made[2].decision_id), new, FRAMES)
    with pytest.raises(StateError, match="keeps no embeddings"):
        again(story(path, made[8].decision_id), new, FRAMES)
    _, tally = say(path, new)
    assert (tally.damages, tally.not_kept) == (2, 1)
    assert tally.replayed == len(made) - 3
    assert any(made[6].decision_id in sentence for sentence in tally.damaged)


def test_an_embedding_of_another_length_is_damage_of_its_decision(
    made: dict[int, Decision], old: Snapshot, tmp_path: Path
) -> None:
    decision = made[1]
    short = [
        dataclasses.replace(look, embedding=look.embedding[:20])
        for look in decision.looks
        if look.embedding is not None
    ]
    path = replays.recorded(tmp_path, [dataclasses.replace(decision, looks=tuple(short))])
    with pytest.raises(StateError, match="cannot be searched"):
        again(story(path, "last"), old, FRAMES)


def test_decisions_of_another_embedder_are_left_out(
    path: Path, release: Path, tmp_path: Path, made: dict[int, Decision]
) -> None:
    foreign = tiny_models.write_models(tmp_path / "models", shift=90.0)
    out = replays.colours(foreign, tmp_path / "foreign", ITEMS[:4])
    snapshot = replays.opened(foreign, out)
    found, tally = say(path, snapshot)
    snapshot.close()
    assert (found, tally.replayed, tally.other_embedder) == ([], 0, len(made))


def test_an_answer_with_a_barcode_is_made_again_with_it(
    models: Path, made: dict[int, Decision], new: Snapshot, tmp_path: Path
) -> None:
    """Another label on the item: what it looks like and its barcode disagree."""
    release = tmp_path / "coded"
    rows = "".join(f"{sku},{sku},40000{number:02}\n" for sku, number in ITEMS)
    (tmp_path / "coded-source").mkdir()
    (tmp_path / "coded-source" / "skus.csv").write_text("sku,name,barcode\n" + rows)
    snapshot = replays.opened(models, replays.colours(models, release, ITEMS))
    code = Code("4000002", "Code 128", Box(1, 1, 9, 9))
    visits = Visits(DecideConfig(), lambda look: made[7].hashes)
    told = []
    for look in made[7].looks:
        assert look.embedding is not None
        seen = dataclasses.replace(
            look,
            matches=snapshot.match(look.embedding, 12),
            release=snapshot.release,
            thresholds=snapshot.thresholds,
            codes=(code,),
            coded=snapshot.coded([code]),
        )
        told += visits.step(Sight(look.sequence, look.captured_ns, look.frame_size, (), (seen,)))
    (decision,) = (step.decision for step in told if step.new and step.decision)
    assert decision.outcome is Outcome.MISMATCH
    hashes = dataclasses.replace(decision.hashes, release=snapshot.release)
    path = replays.recorded(tmp_path, [dataclasses.replace(decision, hashes=hashes)])
    found = story(path, "last")
    assert differences(found, again(found, snapshot, FRAMES)) == ()
    snapshot.close()
    elsewhere = again(found, new, FRAMES)
    assert elsewhere.looks[-1].coded == (), "the other release files no barcodes"
    assert differences(found, elsewhere)[0] == "outcome: mismatch then, accepted now"


DESIGNS = tuple((f"face-{design}", design) for design in range(1, 7))


@pytest.fixture(scope="module")
def printed(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return replays.faces(models, tmp_path_factory.mktemp("releases") / "prints", DESIGNS)


@pytest.fixture(scope="module")
def looked_twice(models: Path, printed: Path) -> Decision:
    counter = replays.Counter(models, printed)
    decision = counter.show(replays.face(3))[-1]
    counter.close()
    assert decision.looks[-1].features is not None
    return decision


@pytest.fixture
def faces(models: Path, printed: Path) -> Iterator[Snapshot]:
    snapshot = replays.opened(models, printed)
    yield snapshot
    snapshot.close()


def kept_of(decision: Decision, state: Path, *, features: bool) -> Story:
    path = replays.recorded(state, [decision])
    if not features:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("UPDATE looks SET features = NULL")
    return story(path, "last")


def test_the_second_look_is_taken_again_from_the_kept_features(
    looked_twice: Decision, faces: Snapshot, tmp_path: Path
) -> None:
    found = kept_of(looked_twice, tmp_path, features=True)
    replayed = again(found, faces, FRAMES)
    assert differences(found, replayed) == ()
    assert replayed.remarks == ()
    then = {match.sku: match.verified for match in looked_twice.looks[-1].matches}
    best = max((each for each in then.values() if each), key=lambda each: each.strength)
    assert best.points > 10
    assert {match.sku: match.verified for match in replayed.looks[-1].matches} == then


def test_without_features_the_second_look_is_as_it_was_and_that_is_said(
    looked_twice: Decision, faces: Snapshot, tmp_path: Path
) -> None:
    found = kept_of(looked_twice, tmp_path, features=False)
    replayed = again(found, faces, FRAMES)
    assert differences(found, replayed) == ()
    assert "no local features" in replayed.remarks[0]


@pytest.mark.parametrize("features", [True, False])
def test_on_another_release_the_print_is_looked_for_again_or_carried_over(
    features: bool, looked_twice: Decision, models: Path, tmp_path: Path
) -> None:
    renamed = [("face-3" if sku == "face-4" else sku, design) for sku, design in DESIGNS]
    renamed[2] = ("new-3", 3)
    snapshot = replays.opened(models, replays.faces(models, tmp_path / "renamed", renamed))
    found = kept_of(looked_twice, tmp_path / "state", features=features)
    replayed = again(found, snapshot, FRAMES)
    snapshot.close()
    best = max(replayed.looks[-1].matches, key=lambda match: match.evidence)
    if features:
        assert best.sku == "new-3", "the print says which face it is, whatever its name"
    else:
        assert best.sku == "face-3", "what was found then stands for the SKU of that name"
        assert replayed.remarks
    assert replayed.verdict.sku == best.sku


def test_time_that_had_run_out_is_not_made_up_for(
    looked_twice: Decision, faces: Snapshot, tmp_path: Path
) -> None:
    last = looked_twice.looks[-1]
    cut = tuple(
        dataclasses.replace(match, verified=None, fused=None) if match.sku != "face-3" else match
        for match in last.matches
    )
    looks = (*looked_twice.looks[:-1], dataclasses.replace(last, matches=cut, unverified=5))
    found = kept_of(dataclasses.replace(looked_twice, looks=looks), tmp_path, features=True)
    replayed = again(found, faces, FRAMES)
    seen = {match.sku: match.verified for match in replayed.looks[-1].matches}
    assert [sku for sku, verified in seen.items() if verified is not None] == ["face-3"]
    assert accepted(replayed) is None or replayed.verdict.outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("features", [True, False])
def test_a_look_whose_time_ran_out_halfway_is_the_same_again(
    features: bool, looked_twice: Decision, faces: Snapshot, tmp_path: Path
) -> None:
    """One of two pictures was compared: that raised its evidence, but does not verify it."""

    def halfway(look: Look) -> Look:
        cut = (
            dataclasses.replace(match, verified=None) if match.sku == "face-3" else match
            for match in look.matches
        )
        return dataclasses.replace(look, matches=tuple(cut), unverified=1)

    looks = tuple(map(halfway, looked_twice.looks))
    assert any(match.fused for look in looks for match in look.matches if match.sku == "face-3")
    late = conclude(looks, FRAMES, Moment.LATE)
    assert late is not None
    told = dataclasses.replace(
        looked_twice,
        looks=looks,
        matches=late.verdict.matches,
        outcome=late.verdict.outcome,
        rule=late.verdict.rule,
        similarity=late.verdict.similarity,
        margin=late.verdict.margin,
        moment="late",
    )
    found = kept_of(told, tmp_path, features=features)
    assert differences(found, again(found, faces, FRAMES)) == ()


def test_what_only_an_earlier_look_lists_is_compared_too_on_another_release(
    models: Path, tmp_path: Path
) -> None:
    """Else a candidate that was compared then counts as one that there was no time for."""
    many = [(f"face-{design}", design) for design in range(1, COMPARED_SKUS + 5)]
    before = replays.faces(models, tmp_path / "before", many)
    counter = replays.Counter(models, before)
    decision = counter.show(replays.face(3))[-1]
    counter.close()
    noise = np.random.default_rng(1)

    def elsewhere(look: Look) -> Look:
        assert look.embedding is not None
        moved = look.embedding + noise.normal(0, 0.02, look.embedding.shape)
        return dataclasses.replace(
            look, embedding=(moved / np.linalg.norm(moved)).astype(np.float32)
        )

    looks = (*(elsewhere(look) for look in decision.looks[:-1]), decision.looks[-1])
    found = kept_of(dataclasses.replace(decision, looks=looks), tmp_path / "state", features=True)
    renamed = [(f"new-{design}", design) for _, design in many]
    snapshot = replays.opened(models, replays.faces(models, tmp_path / "after", renamed))
    replayed = again(found, snapshot, FRAMES)
    snapshot.close()
    settling = {match.sku for match in replayed.looks[-1].matches}
    listed = {match.sku: match.verified for look in replayed.looks for match in look.matches}
    assert set(listed) > settling, "an earlier look lists others"
    assert None not in listed.values()
    assert replayed.verdict.sku == "new-3"
