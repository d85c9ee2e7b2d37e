# SPDX-License-Identifier: Apache-2.0
"""What the order page shows in each state, without a browser."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from order_parts import Shelf, decision, order, records

import kiosk.web
from kiosk.board import Board, CameraStatus, Phase, Shown, State
from kiosk.orders.check import offers, weigh
from kiosk.orders.showing import Names, checked, order_state
from kiosk.orders.values import By, Order, Verdict
from kiosk.values import Decision, Hint, Outcome
from kiosk.web import NoGallery, create_app, order_words
from kiosk.web.orders import order_view

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LIST = order(("A", 2), ("B", 1), ("4006381333999", 1))


def page(now: Order | None, made: Decision | None = None, **parts: Any) -> dict[str, Any]:
    """The page after `made` was held against `now` while its item lies there."""
    last = None
    state = None
    if now is not None and made is not None:
        now, reading = weigh(now, made, records(made), made.at)
        assert reading is not None
        last = checked(reading, made, records(made), offers(now, made, records(made)))
        parts = {"shown": Shown(made, records(made)), "phase": Phase.DECIDED} | parts
    if now is not None:
        state = order_state(now, last, Names(Shelf()), "")
    camera = CameraStatus(True, "All is well.")
    plain = State(phase=Phase.READY, camera=camera, order=state)
    return order_view(dataclasses.replace(plain, **parts), NOW)


def test_without_an_order_there_is_nothing_to_check() -> None:
    assert page(None)["order"] is None


def test_lines_tell_name_counts_and_what_only_a_person_can_tell() -> None:
    shown = page(LIST, decision("1", Outcome.ACCEPTED, "A"))
    first, _, third = shown["order"]["lines"]
    assert (first["name"], first["counted"], first["left"]) == ("Oat flakes", 1, 1)
    assert order_words.NEVER_SEEN in third["note"]
    assert (shown["order"]["progress"], shown["order"]["missing"]) == ("1 of 4", "3 missing")
    assert shown["verdict"]["kind"] == "match"
    assert shown["verdict"]["detail"] == "1 of 2 counted"


def test_every_verdict_has_its_words() -> None:
    assert set(Verdict) <= set(order_words.HEADLINES)
    assert set(By) == set(order_words.BY)
    shown = page(LIST, decision("1", Outcome.ACCEPTED, "C"))["verdict"]
    assert (shown["kind"], shown["headline"], shown["name"]) == (
        "not_on_list",
        "Not on the list",
        "Tea",
    )


def test_a_question_is_asked_only_while_its_item_lies_there() -> None:
    made = decision("1", Outcome.CHOOSE, "C", "A")
    shown = page(LIST, made)["verdict"]
    assert [offer["sku"] for offer in shown["offers"]] == ["A", "C"]
    gone = page(LIST, made, shown=None, phase=Phase.READY)["verdict"]
    assert gone["offers"] == [] and gone["detail"] == order_words.GONE


def test_a_new_item_takes_the_old_verdict_away_and_a_hint_helps() -> None:
    made = decision("1", Outcome.ACCEPTED, "A")
    assert page(LIST, made, phase=Phase.LOOKING)["verdict"]["kind"] == "looking"
    hinted = page(LIST, made, phase=Phase.LOOKING, hint=Hint.MOVE_CLOSER)["verdict"]
    assert hinted["kind"] == "hint" and hinted["headline"] != str(Hint.MOVE_CLOSER)


def test_trouble_with_the_camera_goes_before_everything() -> None:
    broken = CameraStatus(False, "Unplugged.")
    shown = page(LIST, decision("1", Outcome.ACCEPTED, "A"), camera=broken)
    assert (shown["live"], shown["verdict"]["detail"]) == (False, "Unplugged.")


def test_names_of_a_list_are_text_and_never_markup() -> None:
    evil = "<img src=x onerror=alert(1)>"
    line = dataclasses.replace(LIST.lines[0], text=evil)
    shown = page(dataclasses.replace(LIST, lines=(line,), number=evil))
    assert shown["order"]["number"] == shown["order"]["lines"][0]["name"] == evil
    script = (Path(kiosk.web.__file__).parent / "static" / "orders.js").read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write", script)


def test_the_page_is_served_whole_and_asks_only_the_kiosk() -> None:
    app = create_app(
        board=Board(), gallery=NoGallery(), confirm=lambda *_: True, streams=1, version="1"
    )
    client = app.test_client()
    html = client.get("/order").text
    assert order_words.TITLE in html and "http" not in html.replace("http://www.w3.org", "")
    for path in re.findall(r'(?:src|href)="(/static/[^"#]+)"', html):
        with client.get(path) as answer:
            assert answer.status_code == 200, path
