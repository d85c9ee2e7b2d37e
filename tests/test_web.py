# SPDX-License-Identifier: Apache-2.0
"""The pages' views, without a network: what is shown in each state, and who is refused."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

import kiosk.web
from kiosk.additions.values import AdditionLine, AdditionStatus, EnrolState, Rival, Stage
from kiosk.board import (
    Board,
    CameraStatus,
    CatalogStatus,
    JournalStatus,
    Live,
    ModelStatus,
    Phase,
    Preview,
    RefusalStatus,
    ReleaseStatus,
    Shown,
    State,
)
from kiosk.values import (
    Box,
    Decision,
    Hashes,
    Hint,
    Match,
    Outcome,
    Record,
    Rule,
    Thresholds,
    Timings,
    Verified,
)
from kiosk.values.sync import SyncState
from kiosk.web import NoGallery, create_app, enrol_words, words
from kiosk.web.answers import unwell
from kiosk.web.enrol import enrol_view
from kiosk.web.live import events_of
from kiosk.web.operator import operator_view
from kiosk.web.technician import status_view, versions

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WELL: dict[str, Any] = {
    "camera": CameraStatus(True, "All is well.", "v4l2", "/dev/video0", 15.0, 0),
    "catalog": CatalogStatus(True, "All is well.", "/c", "r7", "2026-11-20T08:00:00Z", 1200, 5000),
    "journal": JournalStatus(),
}
RECORDS = (Record("A1", "Oat Flakes", "Breakfast"), Record("B2", "", "Rice"))


def shown(outcome: Outcome, confirmed: str | None = None, count: int = 2) -> Shown:
    matches = (Match("A1", 0.834, 7), Match("B2", 0.79, 3))[:count]
    decision = Decision(
        decision_id="d1",
        visit_id="v1",
        at=NOW.isoformat(),
        outcome=outcome,
        rule=Rule.SMALL_MARGIN,
        matches=matches,
        box=Box(0, 0, 10, 10),
        frame_size=(640, 480),
        similarity=0.834,
        margin=0.044,
        agreement=(3, 3),
        sequence=5,
        thresholds=Thresholds(0.7, 0.5, 0.05, "x", 1),
        hashes=Hashes("r 7/ü", "d", "e"),
        timings=Timings(),
    )
    return Shown(decision, RECORDS[:count], confirmed)


def state(**parts: Any) -> State:
    return dataclasses.replace(State(), **{"phase": Phase.READY, **WELL, **parts})


def decided(outcome: Outcome, confirmed: str | None = None) -> dict[str, Any]:
    return operator_view(state(phase=Phase.DECIDED, shown=shown(outcome, confirmed)), NOW)


def test_before_anything_is_known_the_page_says_starting() -> None:
    page = operator_view(State(), NOW)
    assert (page["view"], page["texts"]["headline"]) == ("starting", "Starting…")
    assert page["texts"]["trouble-after"] == ""


def test_an_empty_counter_invites() -> None:
    page = operator_view(state(), NOW)
    assert (page["view"], page["texts"]["headline"]) == ("ready", "Place an item")
    assert page["texts"]["bar-catalog-text"] == "2 days old · r7"
    assert page["parts"] == {"bar-camera": True, "bar-catalog": True, "bar-journal": True}


def test_an_item_in_view_asks_for_patience_or_gives_a_hint() -> None:
    assert operator_view(state(phase=Phase.LOOKING), NOW)["view"] == "looking"
    page = operator_view(state(phase=Phase.LOOKING, hint="move_into_view"), NOW)
    assert (page["view"], page["texts"]["headline"]) == ("hint", "Move the item fully into view")
    page = operator_view(state(phase=Phase.LOOKING, hint="Wipe the lens"), NOW)
    assert page["texts"]["headline"] == "Wipe the lens"


def test_an_accepted_item_is_named_with_its_catalog_picture() -> None:
    page = decided(Outcome.ACCEPTED)
    assert page["texts"]["headline"] == "Recognised"
    assert (page["texts"]["name"], page["texts"]["sku"], page["texts"]["category"]) == (
        "Oat Flakes",
        "A1",
        "Breakfast",
    )
    assert page["picture"] == "/thumbnail/r%207%2F%C3%BC/7.jpg"
    assert page["texts"]["evidence-percent"] == "83%"
    assert page["cards"] == []


def test_the_points_of_the_print_that_were_found_stand_with_the_similarity() -> None:
    before = shown(Outcome.ACCEPTED)
    found = dataclasses.replace(
        before.decision.matches[0], verified=Verified(43, 0.5, 0.5, 0.6), fused=0.9
    )
    after = dataclasses.replace(
        before, decision=dataclasses.replace(before.decision, matches=(found, found))
    )
    texts = operator_view(state(shown=after, phase=Phase.DECIDED), NOW)["texts"]
    assert texts["evidence-sku"] == "43 points of its print found"
    assert texts["evidence-percent"] == "83%"
    assert decided(Outcome.ACCEPTED)["texts"]["evidence-sku"] == ""


def test_a_choice_offers_cards_and_no_name() -> None:
    page = decided(Outcome.CHOOSE)
    assert [card["sku"] for card in page["cards"]] == ["A1", "B2"]
    assert page["cards"][1]["name"] == "B2", "a product without a name is called by its SKU"
    assert (page["texts"]["name"], page["texts"]["sku"], page["confirmed"]) == ("", "", "")
    assert page["texts"]["evidence-label"] == "These look alike to the camera"


def test_a_confirmed_choice_says_so() -> None:
    page = decided(Outcome.CHOOSE, "B2")
    assert (page["texts"]["headline"], page["confirmed"]) == ("Confirmed", "B2")


def test_unknown_never_looks_like_an_answer() -> None:
    page = decided(Outcome.UNKNOWN)
    assert page["texts"]["headline"] == "Not in the catalog"
    assert (page["texts"]["name"], page["texts"]["sku"], page["cards"]) == ("", "", [])
    assert page["texts"]["evidence-label"] == "Nearest, only a hint"
    assert page["texts"]["evidence-text"] == "Oat Flakes"


def test_unknown_without_a_nearest_has_an_empty_strip() -> None:
    page = operator_view(state(phase=Phase.DECIDED, shown=shown(Outcome.UNKNOWN, count=0)), NOW)
    assert page["texts"]["evidence-text"] == page["picture"] == ""


def test_further_items_in_view_are_said() -> None:
    box = Box(0, 0, 1, 1)
    one = operator_view(state(live=Live(1, (2, 2), box, (box,))), NOW)["texts"]["others"]
    two = operator_view(state(live=Live(1, (2, 2), box, (box, box))), NOW)["texts"]["others"]
    assert (one[:11], two[:12]) == ("1 more item", "2 more items")


def test_a_lost_camera_is_said_and_takes_the_answer_away() -> None:
    camera = CameraStatus(False, "The camera was unplugged.")
    page = operator_view(
        state(camera=camera, phase=Phase.DECIDED, shown=shown(Outcome.ACCEPTED)), NOW
    )
    assert (page["view"], page["texts"]["name"]) == ("nocamera", "")
    assert page["texts"]["trouble-message"] == "The camera was unplugged."
    assert "reconnects by itself" in page["texts"]["trouble-after"]


def test_a_camera_missing_from_the_start_is_said() -> None:
    camera = CameraStatus(False, "No camera is plugged in.")
    assert operator_view(state(camera=camera, phase=Phase.STARTING), NOW)["view"] == "nocamera"


def test_without_a_catalog_the_page_says_what_to_do() -> None:
    page = operator_view(state(catalog=CatalogStatus(False, "The folder is empty.")), NOW)
    assert page["view"] == "nocatalog"
    assert page["texts"]["detail"].startswith("The folder is empty. Ask")


def test_a_bad_new_release_does_not_hide_the_old_one() -> None:
    catalog = CatalogStatus(False, "The new release is damaged.", release="r7")
    page = operator_view(state(catalog=catalog), NOW)
    assert page["view"] == "ready"
    assert page["parts"]["bar-catalog"] is False


def test_the_last_item_stays_readable_after_it_has_left() -> None:
    board = Board()
    board.post(phase=Phase.DECIDED, shown=shown(Outcome.CHOOSE), **WELL)
    board.post(shown=shown(Outcome.CHOOSE, "B2"))
    assert board.state().last is None, "a confirmation is not a new item"
    board.post(phase=Phase.READY, shown=None)
    texts = operator_view(board.state(), NOW)["texts"]
    assert texts["evidence-label"] == "Last item"
    assert (texts["evidence-text"], texts["evidence-sku"]) == ("B2", "B2")
    assert texts["evidence-percent"] == ""


@pytest.mark.parametrize(
    ("outcome", "text"),
    [(Outcome.UNKNOWN, "Not in the catalog"), (Outcome.CHOOSE, "Nothing was chosen")],
)
def test_a_last_item_without_an_answer_is_said_plainly(outcome: Outcome, text: str) -> None:
    page = operator_view(state(last=shown(outcome)), NOW)
    assert (page["texts"]["evidence-text"], page["picture"]) == (text, "")


@pytest.mark.parametrize(
    ("built", "text"),
    [
        (NOW.isoformat(), "built today"),
        ((NOW - timedelta(days=1)).isoformat(), "1 day old"),
        ((NOW - timedelta(days=90)).isoformat(), "90 days old"),
        ((NOW + timedelta(days=90)).isoformat(), ""),
        ("2026-11-20T10:00:00", "2 days old"),
        ("long ago", ""),
    ],
)
def test_the_age_of_a_catalog_survives_any_clock(built: str, text: str) -> None:
    assert words.age(built, NOW) == text


def test_the_status_page_shows_every_part() -> None:
    model = ModelStatus("detector", "1.2", "a" * 64, "int8")
    page = status_view(
        state(models=(model,), timings=Timings(1, 2, 3, 6), decisions=9), NOW, versions("0.1.0")
    )
    groups = {group["title"]: group for group in page["groups"]}
    assert list(groups) == [
        "Camera",
        "Catalog",
        "Releases and sync",
        "Journal",
        "Sent to head office",
        "Not this",
        "Added here",
        "Models",
        "Time per stage",
        "Versions",
    ]
    assert ["Release", "r7"] in groups["Catalog"]["rows"]
    assert ["Built", "2026-11-20 08:00 UTC · 2 days old"] in groups["Catalog"]["rows"]
    assert groups["Models"]["rows"] == [["detector", "1.2 · int8 · aaaaaaaaaaaa"]]
    assert groups["Time per stage"]["bars"][-1] == ["Total", 6]
    assert any(name == "onnxruntime" for name, _ in groups["Versions"]["rows"])
    assert json.dumps(page)


def test_health_tells_of_refusals_that_are_not_kept() -> None:
    board = Board()
    board.post(**WELL, refused=RefusalStatus(False, "The disk is full."))
    assert "Not this: The disk is full." in unwell(board, 1e9)


def test_changes_that_belong_together_are_shown_together() -> None:
    board = Board()
    board.post(phase=Phase.DECIDED, shown=shown(Outcome.ACCEPTED), **WELL)
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 1:
            board.post(shown=None)
        else:
            board.post(phase=Phase.READY)

    stream = events_of(board, operator_view, "1", lambda: len(pauses) > 4, pause)
    pages = [json.loads(line[6:]) for line in stream if line.startswith("data: {")]
    assert [page["view"] for page in pages] == ["accepted", "ready"], "and no flash between"


# Over HTTP, with Flask's test client


class OnePicture:
    def thumbnail(self, release: str, reference: int) -> bytes | None:
        return b"\xff\xd8picture" if (release, reference) == ("r 7", 3) else None


class Taps:
    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def __call__(self, decision_id: str, sku: str) -> bool:
        self.seen.append((decision_id, sku))
        return decision_id == "d1"


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def taps() -> Taps:
    return Taps()


@pytest.fixture
def client(board: Board, taps: Taps) -> FlaskClient:
    return client_of(board, taps)


def client_of(board: Board, taps: Taps, **changes: Any) -> FlaskClient:
    app = create_app(
        **{
            "board": board,
            "gallery": OnePicture(),
            "confirm": taps,
            "streams": 2,
            "version": "0.1.0",
            **changes,
        }
    )
    app.testing = True
    return app.test_client()


@pytest.mark.parametrize("path", ["/", "/status"])
def test_the_pages_are_there_with_protective_headers(client: FlaskClient, path: str) -> None:
    reply = client.get(path)
    assert reply.status_code == 200
    assert "default-src 'self'" in reply.headers["Content-Security-Policy"]
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Cache-Control"] == "no-store"
    assert b"http" not in reply.data.replace(b"http://www.w3.org", b""), "nothing from elsewhere"


def test_no_page_names_another_host() -> None:
    folder = Path(kiosk.web.__file__).parent
    for file in [*folder.glob("templates/*"), *folder.glob("static/*")]:
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "//" not in text.replace("// ", ""), f"{file.name} may load something from outside"


def test_the_operators_page_takes_little_script() -> None:
    static = Path(kiosk.web.__file__).parent / "static"
    text = (static / "kiosk.js").read_text() + (static / "page.js").read_text()
    assert len([line for line in text.splitlines() if line.strip()]) < 155


def test_only_one_script_asks_the_service() -> None:
    static = Path(kiosk.web.__file__).parent / "static"
    asking = [file.name for file in static.glob("*.js") if "fetch(" in file.read_text()]
    assert asking == ["page.js"], "what is said when nobody answers stands once"


def test_a_reference_picture_is_served_and_kept(client: FlaskClient) -> None:
    reply = client.get("/thumbnail/r%207/3.jpg")
    assert (reply.status_code, reply.mimetype) == (200, "image/jpeg")
    assert reply.data == b"\xff\xd8picture"
    assert "immutable" in reply.headers["Cache-Control"]


@pytest.mark.parametrize(
    "path",
    [
        "/thumbnail/r%207/4.jpg",
        "/thumbnail/other/3.jpg",
        "/thumbnail/r%207/-1.jpg",
        "/thumbnail/../../etc/passwd/3.jpg",
        "/thumbnail/r%207/3.png",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/events?page=other",
        "/nothing",
    ],
)
def test_what_is_not_there_is_not_found(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_kiosk_without_a_catalog_has_no_pictures(board: Board, taps: Taps) -> None:
    client = client_of(board, taps, gallery=NoGallery())
    assert client.get("/thumbnail/r%207/3.jpg").status_code == 404


def test_a_tap_is_passed_on_and_answered(client: FlaskClient, taps: Taps) -> None:
    reply = client.post("/confirm", json={"decision_id": "d1", "sku": "A1"})
    assert (reply.status_code, reply.get_json()["saved"]) == (200, True)
    assert taps.seen == [("d1", "A1")]


def test_a_tap_that_was_not_saved_is_said(client: FlaskClient) -> None:
    reply = client.post("/confirm", json={"decision_id": "gone", "sku": "A1"})
    assert reply.status_code == 409
    assert reply.get_json() == {"saved": False, "message": words.NOT_SAVED}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        '"text"',
        "{}",
        '{"decision_id": "d1"}',
        '{"decision_id": 1, "sku": "A1"}',
        '{"decision_id": "d1", "sku": ["A1"]}',
        '{"decision_id": "d1", "sku": ""}',
        json.dumps({"decision_id": "d1", "sku": "A" * 201}),
        "[" * 4000,
    ],
)
def test_a_malformed_tap_is_refused(client: FlaskClient, taps: Taps, body: str) -> None:
    reply = client.post("/confirm", data=body, content_type="application/json")
    assert reply.status_code == 400
    assert reply.get_json()["saved"] is False
    assert taps.seen == []


def test_a_large_body_is_refused_unread(client: FlaskClient, taps: Taps) -> None:
    reply = client.post("/confirm", json={"decision_id": "d1", "sku": "A1", "more": "x" * 9000})
    assert reply.status_code in (400, 413)
    assert taps.seen == []


def test_a_form_of_another_page_cannot_confirm(client: FlaskClient, taps: Taps) -> None:
    reply = client.post("/confirm", data={"decision_id": "d1", "sku": "A1"})
    assert reply.status_code == 415
    reply = client.post(
        "/confirm", data='{"decision_id":"d1","sku":"A1"}', content_type="text/plain"
    )
    assert reply.status_code == 415
    assert taps.seen == []


def test_a_method_that_a_page_does_not_take_is_said_as_such(client: FlaskClient) -> None:
    assert client.post("/").status_code == 405
    assert client.put("/confirm", json={}).status_code == 405
    assert client.post("/nowhere").status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "http://localhost:9999"},
        {"Origin": "http://localhost.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_foreign_page_cannot_confirm(
    client: FlaskClient, taps: Taps, headers: dict[str, str]
) -> None:
    reply = client.post("/confirm", json={"decision_id": "d1", "sku": "A1"}, headers=headers)
    assert reply.status_code == 403
    assert taps.seen == []


def test_the_kiosks_own_page_can_confirm(client: FlaskClient) -> None:
    reply = client.post(
        "/confirm",
        json={"decision_id": "d1", "sku": "A1"},
        headers={
            "Host": "127.0.0.1:8080",
            "Origin": "http://127.0.0.1:8080",
            "Sec-Fetch-Site": "same-origin",
        },
    )
    assert reply.status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "192.168.1.7",
        "[::1",
        "",
        "2130706433",
    ],
)
def test_a_name_rebound_to_loopback_is_refused(client: FlaskClient, name: str) -> None:
    assert client.get("/healthz", headers={"Host": name}).status_code == 403


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST:80", "127.0.0.1:8080", "[::1]:8080"])
def test_loopbacks_own_names_are_answered(client: FlaskClient, name: str) -> None:
    assert client.get("/", headers={"Host": name}).status_code == 200


def test_on_a_network_addresses_are_answered_and_names_only_when_configured(
    board: Board, taps: Taps
) -> None:
    client = client_of(board, taps, host="0.0.0.0")
    for name, status in (
        ("192.168.1.7:8080", 200),
        ("[fe80::1]:8080", 200),
        ("localhost", 200),
        ("kiosk.example", 403),
    ):
        assert client.get("/", headers={"Host": name}).status_code == status, name
    named = client_of(board, taps, host="kiosk.example")
    assert named.get("/", headers={"Host": "kiosk.example:8080"}).status_code == 200


def preview(sequence: int, **changes: Any) -> Preview:
    pixels = np.full((48, 64, 3), 90, np.uint8)
    base = Preview(sequence, pixels, Box(10, 10, 40, 40), (), Phase.LOOKING, "")
    return dataclasses.replace(base, **changes)


def test_the_preview_is_the_newest_and_names_its_frame(client: FlaskClient, board: Board) -> None:
    board.post_preview(preview(41))
    board.post_preview(preview(42))
    reply = client.get("/preview.jpg?after=40")
    assert (reply.status_code, reply.headers["X-Sequence"]) == (200, "42")
    assert reply.data[:2] == b"\xff\xd8"
    assert reply.headers["Cache-Control"] == "no-store"


def test_a_reopened_camera_that_counts_from_nought_is_shown_at_once(
    client: FlaskClient, board: Board
) -> None:
    board.post_preview(preview(0))
    places = client.application.extensions["kiosk_streams"].previews
    while places.take():
        pass  # so that waiting for a newer frame would be refused
    assert client.get("/preview.jpg?after=9000").headers["X-Sequence"] == "0"


def test_the_box_is_drawn_in_the_colour_of_the_outcome_on_a_copy(
    client: FlaskClient, board: Board
) -> None:
    pictures = set()
    for sequence, outcome in enumerate(("accepted", "choose", "unknown", "")):
        posted = preview(sequence, phase=Phase.DECIDED, outcome=outcome)
        board.post_preview(posted)
        pictures.add(client.get("/preview.jpg").data)
        assert (posted.pixels == 90).all(), "the posted picture is never written to"
    assert len(pictures) == 4


def test_the_preview_of_a_new_camera_with_an_old_number_is_not_the_cached_one(
    client: FlaskClient, board: Board
) -> None:
    board.post_preview(preview(5))
    first = client.get("/preview.jpg").data
    board.post_preview(preview(5, subject=None))
    assert client.get("/preview.jpg").data != first


def test_no_new_picture_is_an_empty_answer(client: FlaskClient, board: Board) -> None:
    assert client.get("/preview.jpg").status_code == 204
    board.close()
    board.post_preview(preview(3))
    assert client.get("/preview.jpg?after=3").status_code == 204
    assert client.get("/preview.jpg?after=x").status_code == 200


def test_health_gives_its_reasons(client: FlaskClient, board: Board) -> None:
    reply = client.get("/healthz")
    assert reply.status_code == 503
    reasons = reply.get_json()["reasons"]
    assert [reason.split(":")[0] for reason in reasons] == [
        "no frame has gone through in the last 5 s",
        "Camera",
        "Catalog",
    ]
    board.post(**WELL)
    board.post_preview(preview(1))
    reply = client.get("/healthz")
    assert (reply.status_code, reply.get_json()["ok"]) == (200, True)


def test_health_notices_frames_that_stopped(board: Board, taps: Taps) -> None:
    client = client_of(board, taps, fresh_s=0.0)
    board.post(**WELL)
    board.post_preview(preview(1))
    assert client.get("/healthz").status_code == 503


def added(outcome: Outcome) -> Shown:
    """The decision with a first match that was added on the kiosk."""
    before = shown(outcome)
    first, *others = before.decision.matches
    matches = (dataclasses.replace(first, sku="A/1", added=True), *others)
    records = (Record("A/1", "Pepper mill", ""), *before.records[1:])
    decision = dataclasses.replace(before.decision, matches=matches)
    return dataclasses.replace(before, decision=decision, records=records)


def test_what_was_added_here_says_so_with_a_picture_of_its_own() -> None:
    page = operator_view(state(phase=Phase.DECIDED, shown=added(Outcome.ACCEPTED)), NOW)
    assert page["texts"]["evidence-label"] == "Added on this kiosk"
    assert page["picture"] == "/added.jpg?sku=A%2F1", "rows of additions come and go"
    cards = operator_view(state(phase=Phase.DECIDED, shown=added(Outcome.CHOOSE)), NOW)["cards"]
    assert [card["note"] for card in cards] == ["Added on this kiosk", ""]
    assert cards[1]["picture"].startswith("/thumbnail/")


def test_health_tells_of_additions_that_are_not_kept() -> None:
    board = Board()
    board.post(**WELL, added=AdditionStatus(False, "The disk is full."))
    assert "Added here: The disk is full." in unwell(board, 1e9)


def test_the_status_page_lists_additions_and_leads_to_the_page_that_makes_them() -> None:
    line = AdditionLine("id-1", Record("pm-1", "Pepper mill", ""), NOW.isoformat(), 4, "Not now.")
    page = status_view(state(added=AdditionStatus(lines=(line,))), NOW, [])
    (group,) = [each for each in page["groups"] if each["title"] == "Added here"]
    assert group["link"] == {"href": "/enrol", "label": "Add an item"}
    (row,) = group["undo"]
    assert (row["id"], row["path"], row["title"]) == ("id-1", "/undo-addition", "Pepper mill")
    assert row["detail"] == "pm-1 · 4 views · 2026-11-22 12:00 UTC Not now."


RIVAL = Rival("A1", "Oat Flakes", "r7", 7, False, 0, 0.93, True)


def test_the_page_that_adds_items_shows_where_the_enrolment_stands() -> None:
    record = Record("pm-1", "Pepper mill", "")
    first = EnrolState(Stage.VIEWS, "s1", record, views=(0, 2), hint=Hint.HOLD_STILL)
    page = enrol_view(state(enrol=first), NOW)
    assert (page["view"], page["name"], page["enough"]) == ("views", "Pepper mill", False)
    assert page["texts"]["hint"] == "Hold still"
    assert [each["picture"] for each in page["views"]] == ["/enrol/s1/0.jpg", "/enrol/s1/2.jpg"]
    refused = dataclasses.replace(first, stage=Stage.REFUSED, rival=RIVAL)
    page = enrol_view(state(enrol=refused), NOW)
    assert page["texts"]["say"] == "This is Oat Flakes already"
    assert "93 %" in page["texts"]["detail"]
    assert (page["yours"], page["theirs"]) == ("/enrol/s1/0.jpg", "/thumbnail/r7/7.jpg")
    steals = dataclasses.replace(RIVAL, already=False, added=True)
    page = enrol_view(state(enrol=dataclasses.replace(refused, rival=steals)), NOW)
    assert page["texts"]["say"] == "Too like Oat Flakes"
    assert (page["theirs"], page["theirs_label"]) == (
        "/added.jpg?sku=A1",
        "Added here: its first view",
    )
    done = EnrolState(Stage.DONE, "s1", record, took_s=0.32)
    assert "0.3 s" in enrol_view(state(enrol=done), NOW)["texts"]["detail"]
    full = AdditionStatus(False, "The disk is full.")
    text = enrol_view(state(enrol=done, added=full), NOW)["texts"]["detail"]
    assert text == "It holds until the kiosk stops: The disk is full."


def test_a_kiosk_that_cannot_add_items_says_so() -> None:
    app = create_app(
        board=Board(), gallery=NoGallery(), confirm=lambda *said: False, streams=1, version="1"
    )
    client = app.test_client()
    for what in ("start", "barcode", "take", "drop", "again", "finish", "cancel"):
        answer = client.post(f"/enrol/{what}", json={"view": "0"})
        assert (answer.status_code, answer.json["code"]) == (409, "off")
    assert client.get("/enrol").status_code == 200
    assert client.get("/enrol/s1/0.jpg").status_code == 404
    assert client.get("/added.jpg?sku=A1").status_code == 404
    assert client.post("/undo-addition", json={}).status_code == 400
    assert client.post("/undo-addition", json={"id": "x"}).status_code == 409
    assert client.post("/enrol/start", data="name=x").status_code == 415


@pytest.mark.parametrize("digits", [10, 200, 201, 4000])
@pytest.mark.parametrize("form", ['{"view": "%s"}', '{"view": %s}', '{"view": -%s}'])
def test_a_number_of_too_many_digits_is_no_view_and_is_refused_in_words(
    digits: int, form: str
) -> None:
    app = create_app(
        board=Board(), gallery=NoGallery(), confirm=lambda *said: False, streams=1, version="1"
    )
    body = form % ("9" * digits)
    answer = app.test_client().post("/enrol/drop", data=body, content_type="application/json")
    assert (answer.status_code, answer.json["message"]) == (400, enrol_words.WRONG_VIEW)


@pytest.mark.parametrize("digits", [20, 4300, 5000])
@pytest.mark.parametrize("where", ["/enrol/s1/{}.jpg", "/thumbnail/r1/{}.jpg"])
def test_a_picture_by_a_number_of_too_many_digits_is_not_there(where: str, digits: int) -> None:
    app = create_app(
        board=Board(), gallery=NoGallery(), confirm=lambda *said: False, streams=1, version="1"
    )
    assert app.test_client().get(where.format("9" * digits)).status_code == 404


@pytest.mark.parametrize("stands", SyncState)
def test_the_status_page_says_how_sync_stands_in_plain_words_and_what_to_do(
    stands: SyncState,
) -> None:
    releases = ReleaseStatus(
        ok=False,
        state=stands,
        message="what was found",
        at="2026-11-01T12:00:00+00:00",
        channel="stable",
        seq=41,
        phase="trial",
        previous="a" * 16,
        announced="b (42)",
        quarantined=(("c" * 16, "its labels are not those", "2026-11-01T11:00:00+00:00"),),
        kiosk_id="d" * 32,
        fingerprint="0123456789abcdef" * 4,
    )
    page = status_view(state(releases=releases), NOW, [])
    group = next(each for each in page["groups"] if each["title"] == "Releases and sync")
    rows = dict(group["rows"])
    assert group["ok"] is False
    assert group["message"].startswith("What was found.")
    assert rows["State"] == words.SYNC_STATES[stands]
    assert words.SYNC_TO_DO[stands] in group["message"]
    assert (rows["Release number"], rows["Falls back to"]) == ("41", "a" * 16)
    assert rows["This kiosk"] == "d" * 32
    assert rows["Head office's fingerprint"].startswith("0123 4567 89ab cdef\n0123")
    assert "its labels are not those" in rows[f"Put away: {'c' * 16}"]


def test_a_kiosk_that_asks_nobody_for_releases_is_not_unwell() -> None:
    page = status_view(state(), NOW, [])
    group = next(each for each in page["groups"] if each["title"] == "Releases and sync")
    assert group["ok"] is None
