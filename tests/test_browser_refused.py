# SPDX-License-Identifier: Apache-2.0
"""The refusals on the status page in real Chromium: read, and undone with one tap."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_kiosk import CAMERA, CATALOG, MODELS
from chromium import browser, screen  # skips where there is none
from playwright.sync_api import Browser, Page, expect
from refused_views import desk_on, vector, wrong

from kiosk.board import Board, Phase, RefusalStatus
from kiosk.refusals import MemoryStore, RefusalDesk
from kiosk.web import NoGallery, Server, create_app, words

__all__ = ["browser"]  # a fixture

pytestmark = pytest.mark.browser

NAMES = {"A1": "Oat Flakes", "B2": '<b onclick="window.hit=1">Rice</b>' + " of a long name" * 6}


class RefusingKiosk:
    """The real pages over a real desk."""

    def __init__(self) -> None:
        self.board = Board()
        self.desk: RefusalDesk = desk_on(MemoryStore())[0]
        app = create_app(
            board=self.board,
            gallery=NoGallery(),
            confirm=lambda decision_id, sku: False,
            undo_refusal=self.undo,
            streams=4,
            version="1",
        )
        self.server = Server(app, host="127.0.0.1", port=0, streams=4)
        self.board.post(phase=Phase.READY, camera=CAMERA, catalog=CATALOG, models=MODELS)

    def undo(self, refusal_id: str) -> bool:
        done = self.desk.undo(refusal_id)
        self.post()
        return done

    def post(self) -> None:
        listed = tuple((each, NAMES.get(each.sku, "")) for each in self.desk.listed())
        self.board.post(refused=RefusalStatus(listed=listed))


@pytest.fixture
def kiosk() -> Iterator[RefusingKiosk]:
    made = RefusingKiosk()
    made.server.start()
    yield made
    made.board.close()
    made.server.stop()


@pytest.fixture(params=[(800, 480), (480, 800)], ids=["800x480", "480x800"])
def page(request: pytest.FixtureRequest, browser: Browser, kiosk: RefusingKiosk) -> Iterator[Page]:
    width, height = request.param
    context = screen(browser, width, height)
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto(f"{kiosk.server.url}/status", wait_until="domcontentloaded")
    yield opened
    context.close()
    assert complaints == []


def keep(page: Page) -> None:
    """A picture of what is on the screen, where one was asked for."""
    folder, size = os.environ.get("KIOSK_SCREENSHOTS"), page.viewport_size
    if folder and size:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{size['width']}x{size['height']}-refusals.png")


def test_a_refusal_is_listed_and_undone_with_one_tap(kiosk: RefusingKiosk, page: Page) -> None:
    section = page.locator(".group", has=page.locator("h2", has_text=words.REFUSALS))
    expect(section).to_contain_text(words.REFUSALS_NONE)
    for number, sku in enumerate(("A1", "B2", "C3")):
        kiosk.desk.refuse(wrong(number, vector(number), sku))
    kiosk.post()
    rows = section.locator(".refusal")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("Not C3")
    expect(rows.nth(1)).to_contain_text("<b onclick")
    assert page.evaluate("window.hit === undefined")
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    rows.nth(0).scroll_into_view_if_needed()
    keep(page)
    box = rows.nth(2).get_by_role("button").bounding_box()
    assert box is not None and box["height"] >= 48 and box["width"] >= 48
    rows.nth(2).get_by_role("button", name=words.UNDO).tap()
    expect(rows).to_have_count(2)
    assert [refusal.sku for refusal in kiosk.desk.listed()] == ["C3", "B2"]


def test_a_tap_that_comes_too_late_says_so(kiosk: RefusingKiosk, page: Page) -> None:
    made = kiosk.desk.refuse(wrong(1, vector(1)))
    kiosk.post()
    button = page.locator(".refusal button")
    expect(button).to_have_count(1)
    page.evaluate("document.querySelector('.refusal').held = true")
    kiosk.desk.undo(made.refusal_id)
    kiosk.board.post(decisions=7)
    expect(page.locator(".group", has_text="Decisions")).to_contain_text("7")
    assert page.evaluate("document.querySelector('.refusal').held"), "what stays is not drawn anew"
    button.tap()
    expect(page.locator("#notice")).to_have_text(words.NOT_UNDONE)
    expect(page.locator(".refusal")).to_have_count(0)
