# SPDX-License-Identifier: Apache-2.0
"""`kiosk explain` and `kiosk replay` as people call them: output, exit codes, bad input."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import replays
import tiny_models
from test_journal import decision
from test_journal_looks import MATCHES, look, seen
from test_journal_migration import older
from waiting import DEADLINE_S

from kiosk.cli import main
from kiosk.journal import Journal, story
from kiosk.replay.reasons import because, otherwise, votes
from kiosk.values import Decision, Hint, Match, Note, Outcome, Rule, Verified

ITEMS = tuple((f"sku-{number}", number) for number in range(12))


@pytest.fixture(scope="module")
def release(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return replays.colours(models, tmp_path_factory.mktemp("releases") / "old", ITEMS)


@pytest.fixture(scope="module")
def other(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    kept = [(sku.replace("sku-4", "new-name"), number) for sku, number in ITEMS if number != 1]
    return replays.colours(models, tmp_path_factory.mktemp("releases") / "new", kept)


@pytest.fixture(scope="module")
def state(models: Path, release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory with four real decisions and its catalog."""
    folder = tmp_path_factory.mktemp("kiosk") / "state"
    counter = replays.Counter(models, release)
    made = [counter.show(replays.item(number))[-1] for number in (0, 1, 4, 45)]
    counter.close()
    names = ("aa0", "ab1", "b4", "c45")
    journal = replays.journal(folder)
    for name, each in zip(names, made, strict=True):
        journal.decision(dataclasses.replace(each, decision_id=name))
    journal.note(Note("refusal", {}, "sku-1", "ab1", "v"))
    journal.close()
    shutil.copytree(release, folder / "catalog")
    return folder


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main([*arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_decision_is_explained_in_plain_words(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = printed(capsys, "explain", "ab", "--state", str(state))
    assert code == os.EX_OK
    lines = {line.split()[0]: line for line in reversed(out.splitlines())}
    assert lines["decision"].split()[1] == "ab1,"
    assert "accepted sku-1" in lines["said"]
    assert "3 frames in a row (of 3) said sku-1; similarity" in lines["rule"]
    assert "needed; lead" in lines["rule"]
    assert "would have made it a question" in lines["changed"]
    assert "3 kept" in lines["frames"]
    assert "none" in lines["barcode"]
    assert "c0ffee" in lines["models"]
    assert "a person said that it is not sku-1" in lines["afterwards"]
    assert max(map(len, out.splitlines())) < 250


def test_the_newest_decision_is_called_last_and_an_unknown_one_says_what_it_lacks(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = printed(capsys, "explain", "last", "--state", str(state))
    assert "c45" in out.splitlines()[0]
    assert "is needed to offer it" in out
    assert "nobody said anything" in out


def test_json_holds_the_evidence_and_the_sentences(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = printed(
        capsys, "explain", "ab1", "--json", "--journal", str(state / "journal.sqlite")
    )
    found = json.loads(out)
    assert found["sku"] == "sku-1"
    assert [vote["outcome"] for vote in found["votes"]] == ["accepted"] * 3
    assert found["because"] and found["otherwise"]
    assert found["afterwards"][0]["kind"] == "refusal"
    assert found["evidence"]["hashes"]["config"] == "c0ffee"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["explain", "a"], os.EX_USAGE, "several decisions that begin with 'a', such as aa0"),
        (["explain", "zz"], os.EX_NOINPUT, "holds no decision 'zz'"),
        (["replay", "a"], os.EX_USAGE, "several decisions"),
        (["replay"], os.EX_USAGE, "name one decision"),
        (["replay", "last", "--since", "1d"], os.EX_USAGE, "name one decision"),
        (["replay", "last", "--csv"], os.EX_USAGE, "--csv is for --since"),
        (["replay", "last", "--quick"], os.EX_USAGE, "--quick is for --since"),
        (["replay", "--since", "soon"], os.EX_USAGE, "write a date"),
    ],
)
def test_a_wrong_call_says_what_to_do(
    arguments: list[str], code: int, said: str, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, out, err = printed(capsys, *arguments, "--state", str(state))
    assert (found, out) == (code, "")
    assert said in err


@pytest.mark.parametrize("verb", ["explain", "replay"])
def test_a_missing_journal_is_said(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = printed(capsys, verb, "last", "--journal", str(tmp_path / "none.sqlite"))
    assert (code, out) == (os.EX_NOINPUT, "")
    assert "there is no journal at" in err


def replay(
    capsys: pytest.CaptureFixture[str], state: Path, *arguments: str
) -> tuple[int, str, str]:
    configured = f"state.directory={state}"
    return printed(capsys, "replay", *arguments, "--set", configured)


def test_on_the_configured_release_it_is_the_same(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = replay(capsys, state, "ab1")
    assert code == os.EX_OK
    assert out.splitlines()[-1].startswith("the same (similarities differ by ")
    code, out, _ = replay(capsys, state, "last", "--json")
    found = json.loads(out)
    assert (code, found["same"], found["same_release"]) == (os.EX_OK, True, True)
    assert found["largest_difference"] < 1e-4
    assert "options that shape a decision were others (c0ffee then" in found["remarks"][0]


def test_a_state_directory_brings_its_catalog_along(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = printed(capsys, "replay", "ab1", "--state", str(state))
    assert code == os.EX_OK
    assert out.splitlines()[-1].startswith("the same ")


def test_on_another_release_it_says_what_differs(
    state: Path, other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = replay(capsys, state, "b4", "--release", str(other))
    assert code == os.EX_UNAVAILABLE
    assert "SKU: sku-4 then, new-name now" in out
    code, out, _ = replay(capsys, state, "aa0", "--release", str(other))
    assert (code, out.splitlines()[-1]) == (os.EX_OK, "the same answer")
    assert "another release" in out


def test_a_catalog_that_moved_on_names_the_release_it_needs(
    state: Path, release: Path, other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    catalog = f"catalog.directory={other}"
    code, out, err = replay(capsys, state, "ab1", "--set", catalog)
    assert (code, out) == (os.EX_NOINPUT, "")
    made_with = story(state / "journal.sqlite", "ab1").evidence["hashes"]["release"]
    assert f"was made with release {made_with}" in err
    assert "--release" in err
    code, _, _ = replay(capsys, state, "ab1", "--set", catalog, "--release", str(release))
    assert code == os.EX_OK


def test_a_release_of_another_embedder_cannot_be_compared(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = tiny_models.write_models(tmp_path / "models", shift=90.0)
    out = replays.colours(foreign, tmp_path / "foreign", ITEMS[:4])
    for call in (["ab1"], ["--since", "1d"]):
        code, _, err = replay(capsys, state, *call, "--release", str(out))
        assert code == os.EX_DATAERR
        assert "embeddings of two embedders cannot be compared" in err


def test_before_a_rollout_the_owner_sees_which_decisions_would_flip(
    state: Path, other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ("--since", "1h", "--release", str(other))
    code, out, _ = replay(capsys, state, *call)
    assert code == os.EX_OK
    assert "4 decisions made again" in out
    assert " would flip (" in out
    assert "1  accepted -> accepted, another SKU" in out
    assert "a person said not sku-1" in out
    _, out, _ = replay(capsys, state, *call, "--json")
    *flips, last = [json.loads(line) for line in out.splitlines()]
    effects = {(flip["decision_id"], flip["effect"]) for flip in flips}
    assert effects >= {("ab1", "better"), ("b4", "unclear")}
    assert last["summary"]["flipped"] == len(flips)
    assert last["summary"]["share"] == len(flips) / 4
    _, out, _ = replay(capsys, state, *call, "--csv")
    rows = list(csv.DictReader(out.splitlines()))
    assert [(row["before_sku"], row["after_sku"]) for row in rows[:2]] == [
        ("sku-1", ""),
        ("sku-4", "new-name"),
    ]
    assert rows[0]["refused"] == "sku-1"
    code, out, _ = replay(capsys, state, *call, "--quick")
    assert code == os.EX_OK
    assert "with the second look as it was then" in out


def test_what_is_too_old_is_not_made_again(
    state: Path, other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = replay(capsys, state, "--since", "2999-01-01", "--release", str(other))
    assert code == os.EX_OK
    assert "0 decisions made again" in out


def test_the_journal_of_a_running_kiosk_is_read_and_not_written(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(state, tmp_path / "state")
    path = tmp_path / "state" / "journal.sqlite"
    journal = Journal(path, commit_s=0.01, keep_days=365)
    journal.start()
    journal.decision(decision(5))
    assert journal.flush(DEADLINE_S)
    code, out, _ = replay(capsys, tmp_path / "state", "ab1")
    assert code == os.EX_OK
    assert journal.status().ok
    journal.close()
    code, _, err = replay(capsys, tmp_path / "state", "d5", "--release", str(state / "catalog"))
    assert code != os.EX_OK, "it was made by hand: with models that are none"
    assert "embedder" in err


def test_a_damaged_decision_is_said_and_the_rest_is_made_again(
    state: Path, other: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(state, tmp_path / "state")
    path = tmp_path / "state" / "journal.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE looks SET body = x'00' WHERE decision_id = 'aa0'")
        connection.execute("UPDATE entries SET body = '[' WHERE decision_id = 'c45'")
    code, _, err = replay(capsys, tmp_path / "state", "aa0")
    assert code != os.EX_OK
    assert "decision aa0: look 1 is damaged" in err
    code, out, err = replay(capsys, tmp_path / "state", "--since", "1h", "--release", str(other))
    assert code == os.EX_DATAERR
    assert "2 decisions made again" in out
    assert "2 left out: damaged" in out
    assert "decision c45: its evidence is damaged" in err
    code, out, _ = printed(capsys, "explain", "aa0", "--journal", str(path))
    assert code == os.EX_OK, "what can be read is explained"
    assert "look 1 is damaged" in out
    code, out, err = printed(capsys, "explain", "c45", "--journal", str(path))
    assert out == ""
    assert "its evidence is damaged" in err


def told(path: Path, made: Decision) -> tuple[str, str]:
    replays.recorded(path, [made])
    found = story(path / "journal.sqlite", made.decision_id)
    return because(found), otherwise(found)


PRINT = Match("A1", 0.5, 1, verified=Verified(40, 0.5, 0.9, 0.8), fused=0.9)


@pytest.mark.parametrize(
    ("rule", "best", "expected"),
    [
        (Rule.ACCEPTED, Match("A1", 0.8125, 7), "similarity 0.812 of 0.700 needed; lead 0.062"),
        (Rule.ACCEPTED, PRINT, "evidence by its print 0.900 of"),
        (Rule.LOW_SIMILARITY, Match("A1", 0.3, 7), "0.300, and 0.500 is needed to offer it"),
        (Rule.SOME_SIMILARITY, Match("A1", 0.6, 7), "similarity 0.600 of 0.700 needed"),
        (Rule.SOME_SIMILARITY, Match("A1", 0.6, 7, accept=0.9), "0.600 of 0.900 needed"),
        (Rule.SMALL_MARGIN, Match("A1", 0.8, 7), "A1 and B2 lie 0.062 apart, and 0.100 is needed"),
        (Rule.LOOK_ALIKES, Match("A1", 0.8, 7, group="tins"), "has look-alikes (group tins)"),
        (Rule.REFUSED, Match("A1", 0.8, 7, refused=True), "it is not A1"),
        (Rule.UNFINISHED, PRINT, "2 other candidates were not compared in time"),
        (Rule.NO_AGREEMENT, Match("A1", 0.8, 7), "only 3 frames in a row (of 4) said so"),
        (Rule.POOR_VIEW, Match("A1", 0.8, 7), "was not seen well (hold still)"),
        (Rule.BARCODE, Match("A1", 0.8, 7), "the barcode 4006381333931 belongs to B2"),
        (Rule.MISMATCH, Match("A1", 0.8, 7), "looks like A1, and the barcode 4006381333931"),
    ],
)
def test_every_rule_is_said_with_the_number_it_was_held_against(
    rule: Rule, best: Match, expected: str, tmp_path: Path
) -> None:
    made = seen(rule=rule, matches=(best, Match("B2", 0.75, 3)))
    why, change = told(tmp_path, made)
    assert expected in why
    assert change and "nothing that the journal knows" not in change


def test_no_rule_is_without_words(tmp_path: Path) -> None:
    for number, rule in enumerate(Rule):
        why, change = told(tmp_path, seen(number, rule=rule))
        assert why != rule.value
        assert "nothing that the journal knows" not in change
        assert told(tmp_path / "none", seen(number, rule=rule, matches=()))


def test_a_frame_that_could_not_count_says_why() -> None:
    cast = votes([look(0), look(1, whole=False), look(2, hint=Hint.HOLD_STILL)])
    assert [vote.counts for vote in cast] == [True, False, False]
    assert [vote.hint for vote in cast] == ["", "reaches over the edge", "hold_still"]
    assert cast[0].sku == MATCHES[0].sku


def test_names_out_of_a_catalog_cannot_steer_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = (Match("\x1b[2Jevil", 0.9, 1), Match("B2", 0.75, 3))
    replays.recorded(tmp_path, [seen(matches=odd, outcome=Outcome.ACCEPTED, rule=Rule.ACCEPTED)])
    code, out, _ = printed(capsys, "explain", "last", "--state", str(tmp_path))
    assert code == os.EX_OK
    assert "\x1b" not in out
    assert "evil" in out


def test_a_decision_of_an_older_kiosk_is_explained_as_far_as_it_goes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = older(tmp_path / "journal.sqlite")
    code, out, _ = printed(capsys, "explain", "old7", "--journal", str(path))
    assert code == os.EX_OK
    assert "not kept" in out
