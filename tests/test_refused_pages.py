# SPDX-License-Identifier: Apache-2.0
""" "Not this" over HTTP, and what the status page lists of it."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from refused_views import desk_on, vector, wrong

from kiosk.board import Board, RefusalStatus, State
from kiosk.refusals import MemoryStore
from kiosk.web import NoGallery, create_app, words
from kiosk.web.technician import SHOWN_REFUSALS, status_view

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOT_ASKED = (
    {},
    {"id": 7, "decision_id": 7},
    {"id": "x" * 201, "decision_id": "x" * 201},
    [1],
    "d1",
)


class Taps:
    """What the pages ask of the kiosk."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.able = True

    def refuse(self, decision_id: str) -> bool:
        self.asked.append(("refuse", decision_id))
        return self.able

    def undo(self, refusal_id: str) -> bool:
        self.asked.append(("undo", refusal_id))
        return self.able


@pytest.fixture
def taps() -> Taps:
    return Taps()


@pytest.fixture
def client(taps: Taps) -> FlaskClient:
    app = create_app(
        board=Board(),
        gallery=NoGallery(),
        confirm=lambda decision_id, sku: False,
        refuse=taps.refuse,
        undo_refusal=taps.undo,
        streams=2,
        version="1",
    )
    return app.test_client()


def test_a_tap_refuses_and_a_tap_undoes(client: FlaskClient, taps: Taps) -> None:
    first = client.post("/refuse", json={"decision_id": "d1"})
    second = client.post("/undo-refusal", json={"id": "r1"})
    assert (first.status_code, first.json["saved"]) == (200, True)
    assert (second.status_code, second.json["saved"]) == (200, True)
    assert taps.asked == [("refuse", "d1"), ("undo", "r1")]


def test_what_cannot_be_done_any_more_is_said(client: FlaskClient, taps: Taps) -> None:
    taps.able = False
    for path, body, message in (
        ("/refuse", {"decision_id": "d1"}, words.NOT_SAVED),
        ("/undo-refusal", {"id": "r1"}, words.NOT_UNDONE),
    ):
        answer = client.post(path, json=body)
        assert (answer.status_code, answer.json) == (409, {"saved": False, "message": message})


@pytest.mark.parametrize("path", ["/refuse", "/undo-refusal"])
def test_what_is_badly_asked_changes_nothing(client: FlaskClient, taps: Taps, path: str) -> None:
    for body in NOT_ASKED:
        answer = client.post(path, json=body)
        assert (answer.status_code, answer.json["saved"]) == (400, False)
    deep = client.post(path, data="[" * 3000, content_type="application/json")
    assert deep.status_code == 400
    assert taps.asked == []


@pytest.mark.parametrize("path", ["/refuse", "/undo-refusal"])
def test_a_foreign_page_cannot_refuse_or_undo(client: FlaskClient, taps: Taps, path: str) -> None:
    body = {"decision_id": "d1", "id": "r1"}
    foreign = client.post(path, json=body, headers={"Origin": "http://elsewhere.example"})
    form = client.post(path, data=body)
    assert (foreign.status_code, form.status_code) == (403, 415)
    assert client.get(path).status_code == 405
    assert taps.asked == []


def group(refused: RefusalStatus) -> dict[str, object]:
    view = status_view(dataclasses.replace(State(), refused=refused), NOW, [])
    (found,) = (each for each in view["groups"] if each["title"] == words.REFUSALS)
    return found


def test_the_status_page_lists_refusals_by_name_each_with_its_undo() -> None:
    desk, _ = desk_on(MemoryStore())
    first = desk.refuse(wrong(1, vector(1)))
    second = desk.refuse(wrong(2, vector(2), "B2"))
    listed = tuple(zip(desk.listed(), ("", "Oat Flakes"), strict=True))
    shown = group(RefusalStatus(listed=listed))
    assert shown["state"] == words.OK
    assert [each["id"] for each in shown["undo"]] == [second.refusal_id, first.refusal_id]
    assert [each["title"] for each in shown["undo"]] == ["Not B2", "Not Oat Flakes"]
    assert shown["undo"][1]["detail"].startswith("A1 · said 20")


def test_nothing_refused_is_no_news_and_a_disk_that_keeps_none_is() -> None:
    empty = group(RefusalStatus())
    assert (empty["state"], empty["message"], empty["undo"]) == ("", words.REFUSALS_NONE, [])
    full = group(RefusalStatus(False, "The disk is full: free space on it."))
    assert (full["ok"], full["state"]) == (False, words.PROBLEM)
    assert full["message"].startswith("The disk is full")


def test_more_than_a_page_holds_are_counted() -> None:
    desk, _ = desk_on(MemoryStore())
    for number in range(SHOWN_REFUSALS + 3):
        desk.refuse(wrong(number, vector(number)))
    shown = group(RefusalStatus(listed=tuple((each, "") for each in desk.listed())))
    assert len(shown["undo"]) == SHOWN_REFUSALS
    assert f"prints all {SHOWN_REFUSALS + 3}" in shown["message"]
