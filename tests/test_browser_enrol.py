# SPDX-License-Identifier: Apache-2.0
"""Adding an item on the page in real Chromium, over a real catalog: the form, guided views, the
trial, a refusal with both pictures, the end, and undoing it from the status page.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import zxingcpp
from added_parts import Bench, Feeder, build_release, judged, opened, seen
from browser_kiosk import CAMERA, CATALOG
from chromium import browser, screen  # skips where there is none
from playwright.sync_api import Browser, Page, expect
from test_barcode import drawn

from kiosk.additions import Enrolling
from kiosk.board import Board, Phase, Preview
from kiosk.values import Pixels, Record
from kiosk.web import Server, create_app, enrol_words, words

__all__ = ["browser"]  # a fixture

pytestmark = pytest.mark.browser

SIZES = [(800, 480), (1280, 800), (480, 800)]
EVERY_SIZE = pytest.mark.parametrize(
    "page", SIZES, indirect=True, ids=[f"{width}x{height}" for width, height in SIZES]
)


class EnrolKiosk:
    """The real pages over a real catalog; the test lays items on the counter."""

    def __init__(self, bench: Bench) -> None:
        self.board = Board()
        self.bench = bench
        self.enrolling = Enrolling(
            bench.desk,
            bench.slot.borrow,
            judged,
            lambda state: self.board.post(enrol=state, added=bench.desk.status()),
            take_s=1.5,
        )
        self.feeder = Feeder(bench, self.enrolling)
        app = create_app(
            board=self.board,
            gallery=self,
            confirm=lambda decision_id, sku: False,
            enrol=self.enrolling,
            undo_addition=self.undo,
            streams=4,
            version="1",
        )
        self.server = Server(app, host="127.0.0.1", port=0, streams=4)
        self._sequence = 0
        self.board.post(phase=Phase.READY, camera=CAMERA, catalog=CATALOG)
        self.lay(seen(-1))

    def thumbnail(self, release: str, reference: int) -> bytes | None:
        with self.bench.slot.borrow() as snapshot:
            return None if snapshot is None else snapshot.thumbnail(reference)

    def undo(self, addition_id: str) -> bool:
        done = self.bench.desk.undo(addition_id)
        self.board.post(added=self.bench.desk.status())
        return done

    def lay(self, pixels: Pixels) -> None:
        self.feeder.show(pixels)
        self._sequence += 1
        self.board.post_preview(Preview(self._sequence, pixels, None, (), Phase.LOOKING, ""))


@pytest.fixture(scope="module")
def release(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_release(models, tmp_path_factory.mktemp("release"))


@pytest.fixture
def kiosk(models: Path, release: Path) -> Iterator[EnrolKiosk]:
    with opened(models, release) as bench:
        made = EnrolKiosk(bench)
        made.server.start()
        with made.feeder:
            yield made
        made.board.close()
        made.server.stop()


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Browser, kiosk: EnrolKiosk) -> Iterator[Page]:
    width, height = getattr(request, "param", SIZES[0])
    context = screen(browser, width, height)
    opened_page = context.new_page()
    complaints: list[str] = []
    opened_page.on("pageerror", lambda error: complaints.append(str(error)))
    opened_page.goto(f"{kiosk.server.url}enrol", wait_until="domcontentloaded")
    yield opened_page
    context.close()
    assert complaints == []


def keep(page: Page, name: str) -> None:
    """A picture of what is on the screen, where one was asked for."""
    folder, size = os.environ.get("KIOSK_SCREENSHOTS"), page.viewport_size
    if folder and size:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{size['width']}x{size['height']}-enrol-{name}.png")


def fits(page: Page) -> None:
    """Nothing is cut off, and every button takes a glove."""
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.scrollingElement.scrollHeight <= innerHeight")
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, a, input")]
            .filter((each) => each.offsetParent)
            .map((each) => [each.textContent || each.id, each.getBoundingClientRect()])
            .filter(([, box]) => box.width < 47 || box.height < 47 || box.right > innerWidth + 1
                || box.bottom > innerHeight + 1)
            .map(([name, box]) => `${name}: ${JSON.stringify(box)}`)"""
    )
    assert small == []
    clipped = page.evaluate(
        """() => [...document.querySelectorAll("#say, #detail, #left, #note, .panel")]
            .filter((each) => each.offsetParent && each.scrollHeight > each.clientHeight + 12)
            .map((each) => each.id)"""
    )
    assert clipped == []


def view(page: Page, name: str) -> None:
    expect(page.locator("body")).to_have_attribute("data-view", name)


def take(kiosk: EnrolKiosk, page: Page, item: int) -> None:
    count = page.locator("#views button").count()
    kiosk.lay(seen(item))
    expect(page.locator("#hint")).to_have_text(enrol_words.GOOD)
    page.locator("#take").tap()
    expect(page.locator("#views button")).to_have_count(count + 1)


def start(page: Page, name: str, barcode: str = "", sku: str = "") -> None:
    view(page, "idle")
    page.locator("#item-name").fill(name)
    page.locator("#item-barcode").fill(barcode)
    page.locator("#item-sku").fill(sku)
    page.locator("#start").tap()


@EVERY_SIZE
def test_an_unknown_item_is_added_found_and_undone(kiosk: EnrolKiosk, page: Page) -> None:
    view(page, "idle")
    expect(page.locator("#note")).to_contain_text("taken on purpose")
    fits(page)
    keep(page, "form")
    start(page, '<b onclick="window.hit=1">Pepper</b> mill', barcode="4012345678901")
    view(page, "views")
    expect(page.locator("#say")).to_have_text(enrol_words.STEPS[0][0])
    expect(page.locator("#hint")).to_have_text(enrol_words.NO_ITEM)
    expect(page.locator("#finish")).to_be_disabled()
    for item in (100, 101):
        take(kiosk, page, item)
    fits(page)
    keep(page, "views")
    expect(page.locator("#left")).to_have_text(enrol_words.LEFT.format(left=1))
    take(kiosk, page, 102)
    expect(page.locator("#finish")).to_be_enabled()
    fits(page)
    keep(page, "enough")
    page.locator("#finish").tap()
    view(page, "done")
    expect(page.locator("#say")).to_have_text(enrol_words.DONE)
    fits(page)
    keep(page, "done")
    assert kiosk.bench.look(101, shot=8)[0].sku == "4012345678901"
    assert page.evaluate("window.hit === undefined")
    page.goto(f"{kiosk.server.url}status")
    section = page.locator(".group", has=page.locator("h2", has_text=enrol_words.ADDITIONS))
    expect(section).to_contain_text("4012345678901 · 3 views")
    section.scroll_into_view_if_needed()
    keep(page, "list")
    section.get_by_role("button", name=words.UNDO).tap()
    expect(section).to_contain_text(enrol_words.NONE)
    assert kiosk.bench.look(101, shot=8)[0].sku != "4012345678901"
    section.get_by_role("link", name=enrol_words.TITLE).tap()
    expect(page.locator("#another")).to_be_visible()
    page.locator("#another").tap()
    view(page, "idle")
    expect(page.locator("#item-name")).to_have_value("")


@EVERY_SIZE
def test_what_is_an_existing_sku_is_refused_with_both_pictures(
    kiosk: EnrolKiosk, page: Page
) -> None:
    start(page, "Pepper mill", sku="pm")
    take(kiosk, page, 100)
    kiosk.lay(seen(3))
    expect(page.locator("#hint")).to_have_text(enrol_words.GOOD)
    page.locator("#take").tap()
    view(page, "refused")
    expect(page.locator("#say")).to_contain_text("Item 3")
    for picture in ("#yours", "#theirs"):
        expect(page.locator(picture)).to_have_js_property("complete", True)
        assert page.locator(picture).evaluate("each => each.naturalWidth") > 20
    fits(page)
    keep(page, "refused")
    page.locator("#again").tap()
    view(page, "views")
    expect(page.locator("#views button")).to_have_count(1)
    kiosk.bench.add("long", (300, 301, 302), name="Organic Pepper Mill with a Ceramic Grinder" * 2)
    kiosk.lay(seen(301))
    expect(page.locator("#hint")).to_have_text(enrol_words.GOOD)
    page.locator("#take").tap()
    view(page, "refused")
    expect(page.locator("#theirs-label")).to_have_text(enrol_words.THEIRS_ADDED)
    expect(page.locator("#theirs")).to_have_js_property("complete", True)
    fits(page)
    keep(page, "refused-long")
    page.locator("#again").tap()
    view(page, "views")
    page.locator("#views button").tap()
    expect(page.locator("#views button")).to_have_count(0)
    page.locator(".while-going").tap()
    view(page, "idle")


def test_what_stands_in_the_way_is_said(kiosk: EnrolKiosk, page: Page) -> None:
    start(page, "", sku="pm")
    expect(page.locator("#notice")).to_have_text("Give it a name.")
    keep(page, "mistake")
    start(page, "Pepper mill", sku="pm")
    view(page, "views")
    take(kiosk, page, 100)
    page.locator("#take").tap()
    expect(page.locator("#notice")).to_contain_text("That side is taken already")
    kiosk.lay(seen(-1))
    expect(page.locator("#hint")).to_have_text(enrol_words.NO_ITEM)
    page.locator("#take").tap()
    expect(page.locator("#take")).to_have_text(enrol_words.TAKING)
    expect(page.locator("#notice")).to_contain_text("It was not seen well")
    expect(page.locator("#take")).to_have_text(enrol_words.TAKE)


def test_a_barcode_is_read_from_the_camera(kiosk: EnrolKiosk, page: Page) -> None:
    label = drawn("4006381333931", zxingcpp.BarcodeFormat.EAN13)
    pixels = np.full((480, 640, 3), 30, np.uint8)
    pixels[100 : 100 + label.shape[0], 100 : 100 + label.shape[1]] = label
    view(page, "idle")
    page.locator("#read-code").tap()
    expect(page.locator("#read-code")).to_have_text(enrol_words.READING)
    kiosk.lay(pixels)
    expect(page.locator("#item-barcode")).to_have_value("4006381333931")
    expect(page.locator("#item-sku")).to_have_value("sku-1")
    expect(page.locator("#notice")).to_contain_text("belongs to sku-1")


def test_the_page_goes_on_where_it_was_after_a_reload(kiosk: EnrolKiosk, page: Page) -> None:
    start(page, "Pepper mill", sku="pm")
    take(kiosk, page, 100)
    page.reload()
    view(page, "views")
    expect(page.locator("#views button")).to_have_count(1)


def test_more_views_of_a_known_sku_say_so(kiosk: EnrolKiosk, page: Page) -> None:
    kiosk.enrolling.start(Record("sku-2", "", ""))
    view(page, "views")
    expect(page.locator("#title")).to_have_text(enrol_words.MORE.format(name="Item 2"))
    assert kiosk.board.state().enrol.more
