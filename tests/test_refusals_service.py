# SPDX-License-Identifier: Apache-2.0
""" "Not this" in the whole kiosk as a child process: tapped, kept, told, undone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kiosk_process import Kiosk, counter_of, kiosk
from test_service import release, settings  # noqa: F401 - a fixture

from kiosk.cli import main
from kiosk.journal import read


@pytest.fixture
def counter(tmp_path: Path) -> Path:
    """Item 2 for longer than a choice takes."""
    return counter_of(tmp_path / "counter", shown=48)


def refused(run: Kiosk) -> str:
    """Taps "Not this" at an accepted item; which decision was refused."""

    def tapped(page: dict[str, Any]) -> bool:
        """The item may leave before the tap: then the next one that is accepted gets it."""
        asked = {"decision_id": page["decision"]}
        return page["view"] == "accepted" and run.post("/refuse", asked)[0] == 200

    return str(run.state(tapped, "an accepted item to refuse")["decision"])


def test_a_wrong_answer_is_not_accepted_again_until_that_is_undone(
    models: Path,
    release: Path,  # noqa: F811
    counter: Path,
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"
    options = settings(models, release, counter, state)
    with kiosk(*options, folder=tmp_path / "first") as run:
        decision_id = refused(run)
        run.state(lambda page: page["view"] == "choose", "the same item, asked about")
        run.state(lambda page: page["view"] == "ready", "the item taken away")
        page = run.state(lambda page: page["view"] in ("accepted", "choose"), "the item again")
        assert page["view"] == "choose"
        assert run.stop() == 0
    with kiosk(*options, folder=tmp_path / "second") as run:
        page = run.state(lambda page: page["view"] in ("accepted", "choose"), "it after a restart")
        assert page["view"] == "choose"
        (entry,) = [each for each in read(state / "journal.sqlite") if each["kind"] == "refusal"]
        assert (entry["sku"], entry["decision_id"]) == ("sku-2", decision_id)
        refusal_id = entry["evidence"]["refusal_id"]
        assert main(["refusals", "undo", refusal_id, "--state", str(state)]) == 0
        run.state(lambda page: page["view"] == "accepted", "accepted again")
        assert run.stop() == 0
    kinds = [entry["kind"] for entry in read(state / "journal.sqlite")]
    assert kinds.count("refusal") == kinds.count("refusal-undone") == 1
