# SPDX-License-Identifier: Apache-2.0
"""The operator's page in real Chromium: every state, three screens, touch, loss of the service.

`KIOSK_SCREENSHOTS=FOLDER` keeps a picture of every state on every screen.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser_kiosk import CAMERA, CATALOG, Kiosk
from browser_scene import PRODUCTS
from chromium import browser, screen  # skips where there is none
from playwright.sync_api import Browser, FloatRect, Locator, Page, expect
from waiting import until

from kiosk.board import CameraStatus, CatalogStatus, JournalStatus, Phase
from kiosk.values import Hint, Outcome

__all__ = ["browser"]  # a fixture

pytestmark = pytest.mark.browser

SCREENS = {"800x480": (800, 480), "1280x800": (1280, 800), "480x800": (480, 800)}
BOXES = ("#live", "#evidence", "#decision", "#bar", "#bar a:last-child")
LONG = (
    "Bio-Vollkorn-Haferflocken Großblatt, glutenfrei, im praktischen Nachfüllbeutel mit "
    "Zip-Verschluss 1.250 g"
)


@pytest.fixture
def kiosk() -> Iterator[Kiosk]:
    with Kiosk() as kiosk:
        kiosk.well()
        yield kiosk


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, kiosk: Kiosk) -> Iterator[Open]:
    """Opens the page on a touchscreen; afterwards nothing may have been complained about, and
    nothing asked of anyone but the kiosk."""
    complaints: list[str] = []
    asked: list[str] = []
    contexts = []

    def open_one(size: str = "800x480", path: str = "") -> Page:
        width, height = SCREENS[size]
        context = screen(browser, width, height)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda message: complaints.append(message.text) if message.type == "error" else None,
        )
        page.goto(kiosk.url + path, wait_until="domcontentloaded")
        return page

    open_one.complaints = complaints  # type: ignore[attr-defined]
    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith(kiosk.url)] == []


def settled(page: Page, kiosk: Kiosk, view: str) -> None:
    """The view is shown, its pictures are loaded and the live picture is the newest."""
    expect(page.locator("body")).to_have_attribute("data-view", view)
    preview = kiosk.board.preview()
    assert preview is not None
    expect(page.locator("#preview")).to_have_attribute("data-sequence", str(preview.sequence))
    # A picture that is replaced while it is decoded fails, and is decoded again.
    page.evaluate(
        "Promise.all([...document.images].filter((image) => image.getAttribute('src'))"
        ".map((image) => image.decode().catch(() => image.decode())))"
    )


def keep(page: Page, name: str) -> None:
    folder = os.environ.get("KIOSK_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png")


def no_camera(kiosk: Kiosk) -> None:
    message = "The camera was unplugged. Plug its USB cable in again."
    camera = CameraStatus(False, message, "v4l2", "/dev/video0", 0, 2)
    kiosk.board.post(shown=None, phase=Phase.READY, camera=camera)


def no_catalog(kiosk: Kiosk) -> None:
    message = "The folder /var/lib/kiosk/catalog holds no release."
    kiosk.board.post(camera=CAMERA, catalog=CatalogStatus(False, message))


def journal_full(kiosk: Kiosk) -> None:
    kiosk.well()
    message = "The disk is full: free space on it. 312 entries wait in memory."
    kiosk.board.post(journal=JournalStatus(False, message, 10_482, 312))


Feed = Callable[[Kiosk], object]
# Name of the picture, view, feed, what people must be able to read.
STATES: tuple[tuple[str, str, Feed, tuple[str, ...]], ...] = (
    ("ready", "ready", lambda k: k.well(), ("Place an item", "2 days old")),
    (
        "looking",
        "looking",
        lambda k: k.see([PRODUCTS[0]], Phase.LOOKING),
        ("Hold still…", "Comparing with 1,284 products"),
    ),
    (
        "hint",
        "hint",
        lambda k: k.see([PRODUCTS[0]], Phase.LOOKING, hint=Hint.MOVE_INTO_VIEW),
        ("Move the item fully into view",),
    ),
    (
        "hint-closer",
        "hint",
        lambda k: k.see([PRODUCTS[0]], Phase.LOOKING, hint=Hint.MOVE_CLOSER),
        ("Move it closer",),
    ),
    (
        "hint-hand",
        "hint",
        lambda k: k.see([PRODUCTS[0]], Phase.LOOKING, hint=Hint.HAND_AWAY),
        ("Take your hand away",),
    ),
    (
        "mismatch",
        "mismatch",
        lambda k: k.decide(Outcome.MISMATCH, [0, 2, 1], codes=["4006381333931"], coded=["40-1183"]),
        ("Not what its barcode says", "Looks like this", "Its barcode", "40-1183"),
    ),
    (
        "several",
        "accepted",
        lambda k: (
            k.decide(Outcome.ACCEPTED, [0, 1], view=[PRODUCTS[0], PRODUCTS[3]]),
            k.joined_by(Outcome.CHOOSE, None),
        ),
        ("Recognised", "Not this", "Which one?", "Looking…"),
    ),
    (
        "unknown-kind",
        "unknown",
        lambda k: k.decide(
            Outcome.UNKNOWN, [4], similarity=0.61, category="Chocolate", codes=["4006381333931"]
        ),
        ("Not in the catalog", "Chocolate", "4006381333931 is not in the catalog"),
    ),
    (
        "accepted",
        "accepted",
        lambda k: k.decide(Outcome.ACCEPTED, [0, 1]),
        ("Recognised", "Oat Flakes Fine 500 g", "40-1182", "Breakfast", "83% similar"),
    ),
    (
        "accepted-long",
        "accepted",
        lambda k: k.decide(Outcome.ACCEPTED, [2], names=[LONG]),
        (LONG, "41-2207"),
    ),
    (
        "accepted-arabic",
        "accepted",
        lambda k: k.decide(Outcome.ACCEPTED, [3], names=["أرز بسمتي فاخر طويل الحبة 1 كغ"]),
        ("أرز بسمتي فاخر طويل الحبة 1 كغ",),
    ),
    (
        "choose-2",
        "choose",
        lambda k: k.decide(Outcome.CHOOSE, [0, 1]),
        ("Which one is it?", "Oat Flakes Fine 500 g", "40-1183", "look alike"),
    ),
    (
        "choose-3",
        "choose",
        lambda k: k.decide(Outcome.CHOOSE, [2, 3, 0]),
        ("Jasmine Rice 1 kg", "Basmati Rice 1 kg", "40-1182"),
    ),
    (
        "choose-5",
        "choose",
        lambda k: k.decide(
            Outcome.CHOOSE, [4, 5, 2, 3, 1], view=[PRODUCTS[4], PRODUCTS[3]], names=["", LONG]
        ),
        ("Which one is it?", "52-0031", LONG, "1 more item in view"),
    ),
    (
        "confirmed",
        "choose",
        lambda k: (k.decide(Outcome.CHOOSE, [0, 1]), k.confirm(k.deciding(), "40-1182")),
        ("Confirmed", "Saved. Tap another picture to change it."),
    ),
    (
        "unknown",
        "unknown",
        lambda k: k.decide(Outcome.UNKNOWN, [4], similarity=0.41, view=[PRODUCTS[2]]),
        ("Not in the catalog", "Nearest, only a hint", "Dark Chocolate 70 %"),
    ),
    (
        "last-item",
        "ready",
        lambda k: (k.decide(Outcome.ACCEPTED, [2, 3]), k.well()),
        ("Place an item", "Last item", "Jasmine Rice 1 kg", "41-2207"),
    ),
    (
        "too-many",
        "looking",
        lambda k: k.see([PRODUCTS[0], PRODUCTS[2], PRODUCTS[4]], Phase.LOOKING),
        ("2 more items in view: show fewer at a time.",),
    ),
    (
        "no-camera",
        "nocamera",
        no_camera,
        ("No live picture", "Plug its USB cable in again.", "The kiosk reconnects by itself."),
    ),
    ("no-catalog", "nocatalog", no_catalog, ("No catalog", "holds no release. Ask")),
    ("journal-full", "ready", journal_full, ("Place an item",)),
)


@pytest.mark.parametrize("size", SCREENS)
def test_every_state_is_readable_and_nothing_jumps(
    kiosk: Kiosk, open_page: Open, size: str
) -> None:
    page = open_page(size)
    settled(page, kiosk, "ready")
    boxes = {box: page.locator(box).bounding_box() for box in BOXES}
    for name, view, feed, texts in STATES:
        feed(kiosk)
        settled(page, kiosk, view)
        for text in texts:
            visible = page.locator("main, #bar").get_by_text(text).locator("visible=true")
            expect(visible.first, f"{name}: {text}").to_be_in_viewport()
        assert {box: page.locator(box).bounding_box() for box in BOXES} == boxes, name
        scrolls = page.evaluate(
            "[document.scrollingElement.scrollWidth > innerWidth,"
            " document.scrollingElement.scrollHeight > innerHeight]"
        )
        assert scrolls == [False, False], name
        keep(page, f"{size}-{name}")


def test_wrong_answers_are_refused_with_one_tap(kiosk: Kiosk, open_page: Open) -> None:
    page = open_page()
    kiosk.decide(Outcome.ACCEPTED, [0, 1])
    settled(page, kiosk, "accepted")
    button = page.locator("#refuse")
    assert box_of(button)["height"] >= 48
    button.tap()
    expect(page.locator("body")).to_have_attribute("data-view", "looking")
    assert kiosk.refused == ["decision-1"]
    expect(button).to_be_hidden()


def test_another_item_in_view_is_turned_to_with_one_tap(kiosk: Kiosk, open_page: Open) -> None:
    page = open_page()
    kiosk.decide(Outcome.ACCEPTED, [0, 1])
    kiosk.joined_by(Outcome.UNKNOWN, Outcome.ACCEPTED)
    chips = page.locator("#beside button")
    expect(chips).to_have_text(["Unknown", "Oat Flakes Fine 500 g"])
    assert all(box_of(chip)["height"] >= 48 for chip in chips.all())
    chips.first.tap()
    until(lambda: kiosk.focused == ["visit-0"], "the tap to arrive")


def test_starting_is_calm(browser: Browser, open_page: Open) -> None:
    with Kiosk() as fresh:
        context = screen(browser, 800, 480)
        page = context.new_page()
        page.goto(fresh.url, wait_until="domcontentloaded")
        expect(page.locator("#headline")).to_have_text("Starting…")
        expect(page.locator("#trouble-message")).to_have_text("The camera is starting.")
        keep(page, "800x480-starting")
        context.close()


@pytest.mark.parametrize("size", SCREENS)
def test_every_card_is_large_whole_and_apart(kiosk: Kiosk, open_page: Open, size: str) -> None:
    page = open_page(size)
    for count in (2, 3, 4, 5):
        kiosk.decide(Outcome.CHOOSE, [0, 1, 2, 3, 4][:count])
        settled(page, kiosk, "choose")
        expect(page.locator("#cards button")).to_have_count(count)
        panel = box_of(page.locator("#decision"))
        cards = [box_of(card) for card in page.locator("#cards button").all()]
        for at, card in enumerate(cards):
            assert card["height"] >= 52
            assert card["width"] >= 150
            assert card["y"] + card["height"] <= panel["y"] + panel["height"]
            for other in cards[:at]:
                beside = other["x"] + other["width"] <= card["x"]
                assert beside or other["y"] + other["height"] <= card["y"]
    for link in map(box_of, page.locator("#bar a").all()):
        assert min(link["height"], link["width"]) >= 48


NAMES = ("Tea", LONG, "Schokoladenhaselnussaufstrichvorratspackung", "W" * 200, "茶" * 60)


@pytest.mark.parametrize("size", SCREENS)
def test_a_name_of_any_length_fits_its_panel(kiosk: Kiosk, open_page: Open, size: str) -> None:
    page = open_page(size)
    for name in NAMES:
        kiosk.decide(Outcome.ACCEPTED, [2], names=[name])
        settled(page, kiosk, "accepted")
        expect(page.locator("#name")).to_have_text(name)
        wide, high, size = page.locator("#name").evaluate(
            "(e) => [e.scrollWidth - e.clientWidth, e.scrollHeight - e.clientHeight,"
            " parseFloat(getComputedStyle(e).fontSize)]"
        )
        assert wide <= 1, name
        assert high <= size / 6, name
        assert size >= (46 if name == "Tea" else 12), name
        facts, panel = box_of(page.locator("#facts")), box_of(page.locator("#decision"))
        assert facts["y"] + facts["height"] <= panel["y"] + panel["height"], name


def box_of(locator: Locator) -> FloatRect:
    box = locator.bounding_box()
    assert box is not None
    return box


def test_one_tap_confirms_and_another_changes_it(kiosk: Kiosk, open_page: Open) -> None:
    page = open_page()
    kiosk.decide(Outcome.CHOOSE, [0, 1])
    settled(page, kiosk, "choose")
    first, second = page.locator("#cards button").all()
    with page.expect_response("**/confirm"):
        second.tap()
    expect(page.locator("#headline")).to_have_text("Confirmed")
    expect(second).to_have_attribute("aria-pressed", "true")
    expect(second.get_by_text("Confirmed")).to_be_visible()
    expect(first).to_have_class("receded")
    with page.expect_response("**/confirm"):
        first.tap()
    expect(first).to_have_attribute("aria-pressed", "true")
    expect(second).to_have_class("receded")
    decision = kiosk.deciding()
    assert kiosk.confirmed == [(decision, "40-1183"), (decision, "40-1182")]


def test_a_new_frame_does_not_rebuild_the_cards_under_a_finger(
    kiosk: Kiosk, open_page: Open
) -> None:
    page = open_page()
    shown = kiosk.decide(Outcome.CHOOSE, [0, 1])
    settled(page, kiosk, "choose")
    page.evaluate("document.querySelector('#cards button').touched = true")
    kiosk.see([PRODUCTS[0], PRODUCTS[2]], Phase.DECIDED, shown=shown)
    expect(page.locator("#others")).to_contain_text("1 more item")
    assert page.evaluate("document.querySelector('#cards button').touched") is True


def test_a_tap_that_was_not_saved_is_taken_back_and_said(browser: Browser, kiosk: Kiosk) -> None:
    context = screen(browser, 800, 480)
    page = context.new_page()
    page.goto(kiosk.url, wait_until="domcontentloaded")
    kiosk.accepts = False
    kiosk.decide(Outcome.CHOOSE, [0, 1])
    settled(page, kiosk, "choose")
    page.locator("#cards button").first.tap()
    expect(page.locator("#notice")).to_contain_text("Nothing was saved")
    expect(page.locator("#headline")).to_have_text("Which one is it?")
    expect(page.locator("#cards .chosen")).to_have_count(0)
    keep(page, "800x480-not-saved")
    context.close()


def test_markup_in_names_is_text(kiosk: Kiosk, open_page: Open) -> None:
    attack = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>&amp;\''
    page = open_page()
    kiosk.decide(Outcome.ACCEPTED, [0], names=[attack], skus=["<b>7</b>"])
    settled(page, kiosk, "accepted")
    expect(page.locator("#name")).to_have_text(attack)
    expect(page.locator("#sku")).to_have_text("<b>7</b>")
    kiosk.decide(Outcome.CHOOSE, [0, 1], names=[attack, attack], skus=['"><i>', "'x"])
    settled(page, kiosk, "choose")
    expect(page.locator("#cards .name").first).to_have_text(attack)
    kiosk.decide(Outcome.UNKNOWN, [0], names=[attack])
    settled(page, kiosk, "unknown")
    expect(page.locator("#evidence-text")).to_have_text(attack)
    camera = dataclasses.replace(CAMERA, ok=False, message=attack)
    kiosk.board.post(camera=camera, catalog=dataclasses.replace(CATALOG, message=attack))
    expect(page.locator("#trouble-message")).to_have_text(attack)
    page.get_by_role("link", name="Status").tap()
    expect(page.locator(".group .message").first).to_have_text(attack)
    assert page.evaluate("window.hit === undefined")


def test_the_live_picture_follows_the_camera(kiosk: Kiosk, open_page: Open) -> None:
    page = open_page()
    settled(page, kiosk, "ready")
    middle = (
        "[...document.querySelector('#preview').getContext('2d').getImageData(320,180,1,1).data]"
    )
    empty = page.evaluate(middle)
    kiosk.see([PRODUCTS[0]], Phase.LOOKING)
    settled(page, kiosk, "looking")
    assert page.evaluate(middle) != empty


def test_a_lost_service_is_said_and_clears_by_itself(browser: Browser) -> None:
    context = screen(browser, 800, 480)
    page = context.new_page()
    with Kiosk() as first:
        first.well()
        page.goto(first.url, wait_until="domcontentloaded")
        expect(page.locator("#headline")).to_have_text("Place an item")
        expect(page.locator("#lost")).to_be_hidden()
        port = first.server.port
    expect(page.locator("#lost")).to_be_visible()
    expect(page.locator("#lost")).to_contain_text("Connecting…")
    expect(page.locator("#lost")).to_have_css("opacity", "1")
    keep(page, "800x480-lost")
    with Kiosk(port=port) as second:
        second.well()
        expect(page.locator("#lost")).to_be_hidden()
        second.see([PRODUCTS[1]], Phase.LOOKING)
        settled(page, second, "looking")
    context.close()


def test_a_page_reloads_when_the_service_was_updated(browser: Browser) -> None:
    context = screen(browser, 800, 480)
    page = context.new_page()
    with Kiosk(version="1") as first:
        page.goto(first.url, wait_until="domcontentloaded")
        expect(page.locator("#headline")).to_have_text("Starting…")
        expect(page.locator("#trouble-message")).to_have_text("The camera is starting.")
        page.evaluate("document.body.id = 'old'")
        expect(page.locator("#old")).to_have_count(1)
        port = first.server.port
    with Kiosk(port=port, version="2"):
        expect(page.locator("#old")).to_have_count(0)
    context.close()


@pytest.mark.parametrize("size", SCREENS)
def test_the_status_page_is_live_and_leads_back(kiosk: Kiosk, open_page: Open, size: str) -> None:
    page = open_page(size)
    page.get_by_role("link", name="Status").tap()
    expect(page.locator(".group")).to_have_count(10)

    def group(title: str) -> Locator:
        heading = page.get_by_role("heading", name=re.compile(rf"^{title}\s*(ok|problem)?$"))
        return page.locator(".group").filter(has=heading)

    expect(group("Camera")).to_contain_text("/dev/video0 · MJPG 1280×960")
    expect(group("Catalog")).to_contain_text("annoy (recall 0.998 in the self-test)")
    expect(group("Models")).to_contain_text("1.0.0 · int8 · a4f1c09be2d7")
    expect(group("Time per stage")).to_contain_text("34.8 ms")
    keep(page, f"{size}-status")
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    journal_full(kiosk)
    expect(group("Journal")).to_contain_text("The disk is full")
    expect(group("Journal").locator(".state")).to_have_text("problem")
    page.get_by_role("link", name="Back to the kiosk").tap()
    expect(page.locator("#headline")).to_have_text("Place an item")
