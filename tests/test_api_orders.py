# SPDX-License-Identifier: Apache-2.0
"""The API's orders: every call, every refusal, and the document that describes them."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from order_parts import EAN, Notebook, Shelf, decision, records
from schema_check import wrongs
from waiting import DEADLINE_S, until

from kiosk.api.app import add_api
from kiosk.api.openapi import document
from kiosk.api.replies import MAX_BODY_BYTES
from kiosk.board import Board, Shown
from kiosk.orders.desk import OrderDesk
from kiosk.values import Outcome
from kiosk.web import Server
from kiosk.web.guard import protect
from kiosk.web.streams import Streams

DOCUMENT = document("1.2.3")
ORDERS = "/api/v1/orders"
LIST = {"number": "PO-1", "lines": [{"sku": "A", "quantity": 2}, {"code": EAN}]}


@dataclass
class Kiosk:
    app: Flask
    client: FlaskClient
    desk: OrderDesk
    board: Board

    def call(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """One call, held against the document, whatever it answers."""
        extra: dict[str, Any] = {} if body is None else {"json": body}
        if body is None and method != "GET":
            extra = {"content_type": "application/json"}
        answer = self.client.open(path, method=method, **extra)
        assert answer.status_code == status, answer.text
        template = re.sub(f"{ORDERS}/[^/]+", f"{ORDERS}/{{order_id}}", path)
        told = DOCUMENT["paths"][template][method.lower()]["responses"]
        assert str(status) in told, f"{method} {template} says nothing of {status}"
        schema = told[str(status)]["content"]["application/json"]["schema"]
        assert wrongs(answer.json, schema, DOCUMENT) == []
        return answer.json

    def refused(self, method: str, path: str, body: Any, status: int) -> str:
        return str(self.call(method, path, body, status)["error"]["code"])

    def created(self, number: str = "PO-1") -> str:
        made = self.call("POST", ORDERS, {**LIST, "number": number, "open": True}, 201)
        return f"{ORDERS}/{made['id']}"

    def show(self, visit: str, outcome: Outcome, *skus: str) -> None:
        made = decision(visit, outcome, *skus)
        self.desk.decision(made, records(made))
        self.board.post(shown=Shown(made, records(made)))


@pytest.fixture
def kiosk(tmp_path: Path) -> Iterator[Kiosk]:
    app, board, shelf = Flask("kiosk"), Board(), Shelf()
    protect(app, "127.0.0.1")
    desk = OrderDesk(
        tmp_path / "orders.sqlite",
        articles=shelf,
        notes=Notebook(),
        post=lambda state: board.post(order=state),
    )
    desk.start()
    add_api(app, board=board, desk=desk, articles=shelf, version="1.2.3")
    yield Kiosk(app, app.test_client(), desk, board)
    desk.close()


def test_an_order_goes_its_whole_way(kiosk: Kiosk) -> None:
    order = kiosk.created()
    kiosk.show("1", Outcome.ACCEPTED, "A", "B")
    made = kiosk.call("GET", order)
    assert (made["stage"], made["lines"][0]["counted"]) == ("open", 1)
    assert made["lines"][1]["barcode"] == EAN
    made = kiosk.call("POST", f"{order}/count", {"line": 1, "reason": "torn label"})
    assert made["counts"][-1]["reason"] == "torn label"
    kiosk.call("POST", f"{order}/undo")
    kiosk.call("POST", f"{order}/expect", {"line": 2})
    kiosk.call("POST", f"{order}/expect")
    kiosk.call("POST", f"{order}/count", {"line": 1, "quantity": 1})
    made = kiosk.call("PUT", f"{order}/lines", {"csv": "A;2\nB;1"})
    assert [line["sku"] for line in made["lines"]] == ["A", "B"]
    kiosk.show("2", Outcome.ACCEPTED, "B")
    result = kiosk.call("POST", f"{order}/close", {"name": "Ada"})
    assert (result["outcome"], result["unchanged"]) == ("complete", True)
    made = kiosk.call("GET", order)
    assert (made["stage"], made["result"]) == ("closed", result)
    listed = kiosk.call("GET", ORDERS)["orders"]
    assert [(each["number"], each["outcome"]) for each in listed] == [("PO-1", "complete")]


def test_the_result_is_the_very_bytes_that_were_signed(kiosk: Kiosk) -> None:
    order = kiosk.created()
    assert kiosk.refused("GET", f"{order}/result", None, 400) == "not_closed"
    signed = kiosk.call("POST", f"{order}/close", {"name": "Ünal"})
    answer = kiosk.client.get(f"{order}/result")
    assert hashlib.sha256(answer.data).hexdigest() == signed["sha256"]
    assert answer.headers["X-Content-SHA256"] == signed["sha256"]
    kiosk.call("GET", f"{order}/result")


def test_a_list_sent_twice_is_one_order(kiosk: Kiosk) -> None:
    assert kiosk.created() == kiosk.created()
    body = {"number": "PO-1", "lines": [{"sku": "B"}]}
    assert kiosk.refused("POST", ORDERS, body, 409) == "order_exists"


def test_refusals_have_codes_that_stay(kiosk: Kiosk) -> None:
    order = kiosk.created()
    for method, path, body, status, code in (
        ("GET", f"{ORDERS}/nope", None, 404, "no_such_order"),
        ("POST", f"{ORDERS}/nope/open", {}, 404, "no_such_order"),
        ("POST", f"{order}/expect", {"line": 9}, 404, "no_such_line"),
        ("POST", f"{order}/expect", {"line": True}, 400, "bad_request"),
        ("POST", f"{order}/expect", {"lin": 1}, 400, "bad_request"),
        ("POST", f"{order}/count", {"line": 1, "quantity": 3}, 409, "line_full"),
        ("POST", f"{order}/count", {"line": 1, "reason": "a\nb"}, 400, "bad_request"),
        ("POST", f"{order}/undo", {}, 409, "nothing_to_undo"),
        ("POST", f"{order}/close", {}, 400, "bad_name"),
        ("POST", f"{order}/close", {"name": 7}, 400, "bad_request"),
        ("PUT", f"{order}/lines", {}, 400, "bad_request"),
        ("PUT", f"{order}/lines", {"lines": [], "csv": ""}, 400, "bad_request"),
        ("PUT", f"{order}/lines", {"lines": []}, 400, "bad_list"),
        ("PUT", f"{order}/lines", {"csv": "A,x"}, 400, "bad_list"),
        ("POST", ORDERS, [], 400, "bad_request"),
        ("POST", ORDERS, {"lines": [{"sku": "A"}]}, 400, "bad_number"),
        ("POST", ORDERS, {"number": "x", "lines": [{}]}, 400, "bad_list"),
        ("POST", ORDERS, {"number": "x", "csv": "A\n" * 1001 + "B,1"}, 400, "too_many_lines"),
    ):
        assert kiosk.refused(method, path, body, status) == code, (path, body)
    assert [each["lines"] for each in kiosk.call("GET", ORDERS)["orders"]] == [2]
    kiosk.call("POST", f"{order}/close", {"name": "Ada"})
    assert kiosk.refused("POST", f"{order}/undo", {}, 409) == "order_closed"


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"{", 400, "bad_request"),
        (b"[" * 100_000, 400, "bad_request"),
        (b'"text"', 400, "bad_request"),
        (b"\xff\xfe", 400, "bad_request"),
        (b" " * (MAX_BODY_BYTES + 1), 413, "too_large"),
    ],
)
def test_bodies_that_are_no_request_are_refused(
    kiosk: Kiosk, data: bytes, status: int, code: str
) -> None:
    answer = kiosk.client.post(ORDERS, data=data, content_type="application/json")
    assert (answer.status_code, answer.json["error"]["code"]) == (status, code)


@pytest.mark.parametrize("digits", [30, 4300, 5000])
def test_numbers_of_too_many_digits_are_refused_in_words(kiosk: Kiosk, digits: int) -> None:
    order, number = kiosk.created(), "9" * digits
    for path, body in (
        (f"{order}/expect", f'{{"line": {number}}}'),
        (f"{order}/count", f'{{"line": {number}}}'),
        (f"{order}/count", f'{{"line": 1, "quantity": {number}}}'),
        (f"{order}/undo", f'{{"count": {number}}}'),
        (ORDERS, f'{{"number": "PO-2", "lines": [{{"sku": "A", "quantity": {number}}}]}}'),
        (ORDERS, f'{{"number": "PO-2", "csv": "A;{number}"}}'),
    ):
        answer = kiosk.client.post(path, data=body, content_type="application/json")
        assert answer.status_code in (400, 404, 409) and answer.json["error"]["message"]


def test_foreign_pages_and_names_get_nothing_and_are_told_in_json(kiosk: Kiosk) -> None:
    evil = {"Origin": "http://evil.example"}
    for status, answer in (
        (403, kiosk.client.post(ORDERS, json=LIST, headers=evil)),
        (403, kiosk.client.get(ORDERS, headers={"Host": "evil.example"})),
        (415, kiosk.client.post(ORDERS, data="number=1")),
        (404, kiosk.client.get("/api/v1/nothing")),
        (405, kiosk.client.delete(ORDERS)),
    ):
        assert answer.status_code == status and answer.json["error"]["code"], answer.text
    assert "POST" in kiosk.client.delete(ORDERS).headers["Allow"]
    assert not kiosk.client.get("/nothing").is_json, "pages keep their own errors"
    assert kiosk.call("GET", ORDERS)["orders"] == []


def test_the_state_tells_what_lies_there_and_what_it_is_to_the_list(kiosk: Kiosk) -> None:
    assert kiosk.call("GET", "/api/v1/state")["order"] is None
    kiosk.created()
    kiosk.show("1", Outcome.CHOOSE, "A", "C")
    state = until(
        lambda: (now := kiosk.call("GET", "/api/v1/state"))["order"]["last"] and now, "a verdict"
    )
    assert state["order"]["last"]["verdict"] == "unsure"
    assert [each["sku"] for each in state["decisions"][0]["candidates"]] == ["A", "C"]
    kiosk.show("2", Outcome.ACCEPTED, "A")
    until(lambda: kiosk.call("GET", "/api/v1/state")["order"]["lines"][0]["counted"], "a count")


def test_one_item_is_compared_with_one_sku(kiosk: Kiosk) -> None:
    compare = "/api/v1/compare"
    assert kiosk.refused("POST", compare, {"sku": "A"}, 409) == "nothing_there"
    assert kiosk.refused("POST", compare, {}, 400) == "bad_request"
    assert kiosk.refused("POST", compare, {"sku": "x" * 300}, 400) == "bad_request"
    kiosk.show("1", Outcome.ACCEPTED, "A", "B")
    answers = {sku: kiosk.call("POST", compare, {"sku": sku})["answer"] for sku in "ABC"}
    assert answers == {"A": "yes", "B": "no", "C": "no"}
    kiosk.show("2", Outcome.MISMATCH, "A")
    assert kiosk.call("POST", compare, {"sku": "A"})["answer"] == "unsure"
    kiosk.show("3", Outcome.CHOOSE, "A", "B")
    assert kiosk.call("POST", compare, {"sku": "A"})["answer"] == "unsure"
    shown = kiosk.board.state().shown
    assert shown is not None
    kiosk.board.post(shown=replace(shown, confirmed="B"))
    answers = {sku: kiosk.call("POST", compare, {"sku": sku})["answer"] for sku in "AB"}
    assert answers == {"A": "no", "B": "yes"}


def test_the_document_describes_every_route_and_nothing_else(kiosk: Kiosk) -> None:
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in kiosk.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/")
    }
    described = {(path, method) for path, calls in DOCUMENT["paths"].items() for method in calls}
    assert routes == described
    assert kiosk.client.get("/api/v1/openapi.json").json == json.loads(json.dumps(DOCUMENT))
    names = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(DOCUMENT)))
    assert names == set(DOCUMENT["components"]["schemas"])


def test_what_a_route_takes_is_what_the_document_says(kiosk: Kiosk) -> None:
    order = kiosk.created()
    for path, calls in DOCUMENT["paths"].items():
        for method, call in calls.items():
            if "requestBody" not in call:
                continue
            name = call["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            schema = DOCUMENT["components"]["schemas"][name.rsplit("/", 1)[-1]]
            place = path.replace(f"{ORDERS}/{{order_id}}", order)
            answer = kiosk.client.open(place, method=method.upper(), json={"strange": 1})
            said = answer.json["error"]["message"]
            assert answer.status_code == 400 and "'strange' means nothing" in said
            known = set(said.partition("send ")[2].split(", ")) - {"no fields at all"}
            assert known == set(schema["properties"]), path


def test_a_list_of_the_greatest_size_gets_through_the_real_server(kiosk: Kiosk) -> None:
    kiosk.app.extensions["kiosk_streams"] = Streams(1)
    server = Server(kiosk.app, host="127.0.0.1", port=0, streams=1)
    server.start()
    lines = [
        {"sku": f"SKU-{number:06}", "quantity": 7, "text": "x" * 180} for number in range(1000)
    ]
    try:
        answers = []
        for body in (json.dumps({"number": "PO-1", "lines": lines}), " " * (MAX_BODY_BYTES + 1)):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE_S)
            connection.request("POST", ORDERS, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answers.append((answer.status, len(json.loads(answer.read()).get("lines", []))))
            connection.close()
    finally:
        server.stop()
    assert answers == [(201, 1000), (413, 0)]
