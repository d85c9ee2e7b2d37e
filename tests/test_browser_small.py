# SPDX-License-Identifier: Apache-2.0
"""The pages in real Chromium for whoever enlarges them to 200 %, uses no finger, or has names as
long as names get.
"""

from __future__ import annotations

import pytest
from browser_kiosk import Kiosk
from test_browser import Open, browser, kiosk, open_page, settled

from kiosk.additions.values import EnrolState, Rival, Stage
from kiosk.board import ReleaseStatus
from kiosk.values import Outcome, Record
from kiosk.values.sending import Sending
from kiosk.values.sync import SyncState

playwright = pytest.importorskip(
    "playwright.sync_api", reason="needs playwright: pip install -e '.[dev]'"
)
from playwright.sync_api import Page, expect  # noqa: E402

__all__ = ["browser", "kiosk", "open_page"]
pytestmark = pytest.mark.browser

ENLARGED = {"800x480 at 200 %": (400, 240), "480x800 at 200 %": (240, 400)}
NAME = (
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft "
    "Vollkornhaferflockennachfüllbeutel mit Rindfleischetikettierungsüberwachungsaufgaben"
    "übertragungsgesetz 1.250 g groß"
)
SMALL = """() => [...document.querySelectorAll("button, a, input")].filter((e) => e.offsetParent)
    .map((e) => [e.textContent.trim() || e.id, e.getBoundingClientRect()])
    .filter(([, box]) => box.width < 47 || box.height < 47 || box.right > innerWidth + 1)
    .map(([name, box]) => `${name} ${Math.round(box.width)}x${Math.round(box.height)}`)"""


def nothing_is_out_of_reach(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(SMALL) == []
    assert page.evaluate("scrollY") == 0, "the answer stands first"


def enlarged(open_page: Open, screen: str, path: str = "") -> Page:
    page = open_page(path=path)
    width, height = ENLARGED[screen]
    page.set_viewport_size({"width": width, "height": height})
    return page


@pytest.mark.parametrize("screen", ENLARGED)
def test_the_answer_is_read_and_tapped_at_200_percent(
    kiosk: Kiosk,
    open_page: Open,
    screen: str,
) -> None:
    page = enlarged(open_page, screen)
    kiosk.decide(Outcome.ACCEPTED, [0, 1])
    settled(page, kiosk, "accepted")
    name = page.locator("#name").bounding_box()
    assert name is not None and name["height"] > 24
    nothing_is_out_of_reach(page)
    for rows in ([0, 1], [0, 1, 2, 3, 4]):
        kiosk.decide(Outcome.CHOOSE, rows)
        settled(page, kiosk, "choose")
        expect(page.locator("#cards button")).to_have_count(len(rows))
        nothing_is_out_of_reach(page)
    for feed, view in (
        (lambda: kiosk.decide(Outcome.UNKNOWN, [4], category="Chocolate"), "unknown"),
        (kiosk.well, "ready"),
    ):
        feed()
        settled(page, kiosk, view)
        nothing_is_out_of_reach(page)


REFUSED = EnrolState(
    Stage.REFUSED,
    "s1",
    Record("pm-1", NAME, ""),
    views=(0, 1, 2),
    rival=Rival("A1", NAME, "r7", 7, False, 0, 0.93, True),
)


@pytest.mark.parametrize("screen", ENLARGED)
def test_the_other_pages_are_used_at_200_percent(
    kiosk: Kiosk,
    open_page: Open,
    screen: str,
) -> None:
    problem = ReleaseStatus(False, SyncState.HELD, "release x needs room", kiosk_id="c0ffee" * 5)
    kiosk.board.post(releases=problem, sending=Sending())
    page = enlarged(open_page, screen, "status")
    first = "[...document.querySelectorAll('.group')].sort((a, b) => a.offsetTop - b.offsetTop)[0]"
    expect(page.locator(".group")).to_have_count(10)
    assert page.evaluate(f"{first}.querySelector('h2').textContent").startswith("Releases")
    nothing_is_out_of_reach(page)
    page.goto(f"{kiosk.url}enrol", wait_until="domcontentloaded")
    expect(page.locator("body")).to_have_attribute("data-view", "idle")
    nothing_is_out_of_reach(page)
    kiosk.board.post(enrol=EnrolState(Stage.VIEWS, "s1", Record("pm-1", NAME, "")))
    expect(page.locator("body")).to_have_attribute("data-view", "views")
    nothing_is_out_of_reach(page)


@pytest.mark.parametrize("screen", ["800x480", "480x800"])
def test_a_name_of_200_characters_stays_readable(
    kiosk: Kiosk,
    open_page: Open,
    screen: str,
) -> None:
    page = open_page(screen)
    kiosk.decide(Outcome.ACCEPTED, [0, 1], names=[NAME])
    settled(page, kiosk, "accepted")
    size = page.locator("#name").evaluate("(e) => parseFloat(getComputedStyle(e).fontSize)")
    assert size >= 20, "words are broken before type becomes too small"
    kiosk.decide(Outcome.CHOOSE, [0, 1, 2, 3, 4], names=[NAME], skus=["4" * 60] * 5)
    settled(page, kiosk, "choose")
    expect(page.locator("#cards button")).to_have_count(5)
    for name in page.locator("#cards .name").all():
        box = name.bounding_box()
        assert box is not None and box["width"] > 80, "a long SKU leaves room for the name"


def test_a_refusal_names_a_long_rival_and_says_what_is_wrong(
    kiosk: Kiosk,
    open_page: Open,
) -> None:
    kiosk.board.post(enrol=REFUSED)
    # There is no such view on this kiosk.
    page = open_page(path="status")
    page.route("**/*.jpg", lambda route: route.fulfill(status=204))
    page.goto(f"{kiosk.url}enrol", wait_until="domcontentloaded")
    expect(page.locator("#say")).to_contain_text("already")
    say = page.locator("#say").evaluate("(e) => [e.scrollHeight, e.clientHeight]")
    assert say[0] <= say[1] + 6


@pytest.mark.parametrize("path", ["", "status", "enrol"])
def test_without_a_finger_it_is_seen_where_one_is(
    kiosk: Kiosk,
    open_page: Open,
    path: str,
) -> None:
    kiosk.decide(Outcome.CHOOSE, [0, 1, 2])
    page = open_page(path=path)
    expect(page.locator("body")).to_have_attribute("data-build", "0.1.0")
    stops = page.locator(":is(button, a, input, textarea):not(:disabled):visible").count()
    assert stops > 1
    for _ in range(stops):
        page.keyboard.press("Tab")
        drawn = page.evaluate(
            "() => { const s = getComputedStyle(document.activeElement.closest('label') ?? "
            "document.activeElement); return [document.activeElement.tagName, s.outlineStyle, "
            "s.outlineWidth]; }"
        )
        assert drawn[0] == "BODY" or drawn[1:] == ["solid", "3px"], drawn


def test_the_keyboard_confirms(kiosk: Kiosk, open_page: Open) -> None:
    kiosk.decide(Outcome.CHOOSE, [0, 1])
    page = open_page()
    settled(page, kiosk, "choose")
    page.locator("#cards button").nth(1).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#headline")).to_have_text("Confirmed")
    assert [sku for _, sku in kiosk.confirmed] == ["40-1183"]
