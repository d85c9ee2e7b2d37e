# SPDX-License-Identifier: Apache-2.0
"""The order page in real Chromium, over the real desk and API: every verdict on three screens.

`KIOSK_SCREENSHOTS=FOLDER` keeps a picture of every state on every screen.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from browser_kiosk import CATALOG, DrawnGallery, decision
from browser_kiosk import Kiosk as Fed
from browser_scene import PRODUCTS
from chromium import browser, screen  # skips where there is none
from order_parts import Notebook
from playwright.sync_api import Browser, Page, expect
from test_browser import LONG, SCREENS, keep

from kiosk.api.app import add_api
from kiosk.board import CameraStatus, Phase, Shown
from kiosk.orders.desk import OrderDesk
from kiosk.orders.draft import lines_of
from kiosk.orders.table import rows_of_text
from kiosk.values import Outcome, Record, Rule
from kiosk.web import Server, create_app

__all__ = ["browser"]  # a fixture

pytestmark = pytest.mark.browser

TOUCH_PX = 48


class Shelf:
    """The catalog of the drawn products."""

    def record(self, sku: str) -> Record | None:
        return next((each.record for each in PRODUCTS if each.record.sku == sku), None)

    def filed(self, barcode: str) -> tuple[str, ...]:
        return ()

    def release(self) -> str:
        return CATALOG.release


class Kiosk(Fed):
    """The fed kiosk with a desk, the API and the order page."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.server.stop()
        self.shelf, self.book = Shelf(), Notebook()
        self.desk = OrderDesk(
            folder / "orders.sqlite",
            articles=self.shelf,
            notes=self.book,
            post=lambda state: self.board.post(order=state),
        )
        app = create_app(
            board=self.board,
            gallery=DrawnGallery(),
            confirm=self.confirm,
            streams=6,
            version="0.1.0",
        )
        add_api(app, board=self.board, desk=self.desk, articles=self.shelf, version="0.1.0")
        self.server = Server(app, host="127.0.0.1", port=0, streams=6)
        self.desk.start()

    def confirm(self, decision_id: str, sku: str) -> bool:
        done = super().confirm(decision_id, sku)
        if done:
            self.desk.confirmation(decision_id, sku)
        return done

    def begin(self, text: str, number: str = "PO-4711") -> str:
        lines = lines_of(rows_of_text(text), lambda sku: self.shelf.record(sku) is not None)
        made = self.desk.create(number, lines)
        self.desk.open(made.order_id)
        return made.order_id

    def show(self, outcome: Outcome, rows: Sequence[int]) -> Shown:
        """An item is decided, shown, and held against the list."""
        records = [PRODUCTS[row].record for row in rows]
        plain = outcome if outcome is not Outcome.MISMATCH else Outcome.CHOOSE
        made = decision(next(self._decisions), plain, records, rows, 0.83)
        if outcome is Outcome.MISMATCH:
            made = dataclasses.replace(made, outcome=outcome, rule=Rule.MISMATCH)
        shown = Shown(made, tuple(records))
        self.see([PRODUCTS[rows[0]]], Phase.DECIDED, shown=shown)
        self.desk.decision(made, records)
        return shown


SKUS = [product.record.sku for product in PRODUCTS]
LIST = f"""{SKUS[0]},2
{SKUS[1]},1
{SKUS[2]},3
4006381333931,1,"{LONG}"
NOT-IN-CATALOG,4"""


@pytest.fixture
def kiosk(tmp_path: Path) -> Iterator[Kiosk]:
    with Kiosk(tmp_path) as kiosk:
        kiosk.well()
        yield kiosk
        kiosk.desk.close()


@pytest.fixture(params=list(SCREENS))
def page(browser: Browser, kiosk: Kiosk, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The order page on a touchscreen; afterwards nothing may have been complained about."""
    complaints: list[str] = []
    width, height = SCREENS[request.param]
    context = screen(browser, width, height)
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            if message.type == "error" and "status of 4" not in message.text
            else None
        ),
    )
    page.goto(kiosk.url + "order", wait_until="domcontentloaded")
    yield page
    context.close()
    assert complaints == []


def looks_right(page: Page, name: str) -> None:
    """Nothing scrolls sideways, nothing is cut, everything to tap is large enough; kept."""
    size = page.viewport_size
    assert size is not None
    page.evaluate("document.fonts.ready")
    # A picture that is replaced while it is decoded fails, and is decoded again.
    page.evaluate(
        "Promise.all([...document.images].filter((image) => image.getAttribute('src'))"
        ".map((image) => image.decode().catch(() => image.decode())))"
    )
    keep(page, f"order-{name}-{size['width']}x{size['height']}")
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert page.evaluate("document.documentElement.scrollHeight") <= size["height"]
    for button in page.locator("button:visible, a:visible, label.button:visible").all():
        box = button.bounding_box()
        if box is None:  # gone in the meantime
            continue
        assert box["width"] >= TOUCH_PX and box["height"] >= TOUCH_PX, button.inner_text()
    for text in ("#v-headline", "#v-name"):
        over = page.locator(text).evaluate("(e) => e.offsetParent && e.scrollWidth - e.clientWidth")
        assert (over or 0) <= 1, text


def verdict(page: Page, kind: str) -> None:
    expect(page.locator("body")).to_have_attribute("data-verdict", kind)


def test_every_verdict_appears_by_itself(kiosk: Kiosk, page: Page) -> None:
    kiosk.begin(LIST)
    expect(page.locator("#number")).to_have_text("PO-4711")
    verdict(page, "ready")
    looks_right(page, "ready")
    kiosk.show(Outcome.ACCEPTED, [0])
    verdict(page, "match")
    expect(page.locator("#v-name")).to_have_text(PRODUCTS[0].record.name)
    expect(page.locator("#progress")).to_have_text("1 of 11")
    looks_right(page, "match")
    kiosk.show(Outcome.ACCEPTED, [3])
    verdict(page, "not_on_list")
    looks_right(page, "not-on-list")
    kiosk.show(Outcome.ACCEPTED, [1])
    kiosk.show(Outcome.ACCEPTED, [1])
    verdict(page, "already_counted")
    expect(page.locator("#lines .over .note")).to_contain_text("1 too many")
    looks_right(page, "already-counted")
    kiosk.show(Outcome.MISMATCH, [0, 1])
    verdict(page, "wrong_item")
    looks_right(page, "wrong-item")
    kiosk.show(Outcome.UNKNOWN, [4])
    verdict(page, "unsure")
    looks_right(page, "unknown")
    kiosk.see([PRODUCTS[0]], Phase.LOOKING)
    verdict(page, "looking")
    kiosk.board.post(camera=CameraStatus(False, "The camera was unplugged. Plug it in again."))
    verdict(page, "nocamera")
    looks_right(page, "nocamera")


def test_a_question_offers_what_the_list_wants_first_and_a_tap_counts(
    kiosk: Kiosk, page: Page
) -> None:
    kiosk.begin(LIST)
    kiosk.show(Outcome.CHOOSE, [3, 4, 2, 0])
    verdict(page, "unsure")
    offers = page.locator("#offers button")
    expect(offers).to_have_count(4)
    expect(offers.nth(0)).to_contain_text("on the list")
    expect(offers.nth(2)).not_to_contain_text("on the list")
    looks_right(page, "choose")
    offers.nth(0).tap()
    verdict(page, "match")
    expect(page.locator("#v-detail")).to_contain_text("by hand")
    expect(page.locator("#offers button")).to_have_count(0)


def test_a_line_is_expected_counted_by_hand_and_undone(kiosk: Kiosk, page: Page) -> None:
    kiosk.begin(LIST)
    line = page.locator("#lines button").nth(4)
    line.tap()
    expect(line).to_have_attribute("aria-pressed", "true")
    kiosk.show(Outcome.ACCEPTED, [0])
    verdict(page, "wrong_item")
    looks_right(page, "expected")
    page.locator("#by-hand").tap()
    page.locator("#plus").tap()
    looks_right(page, "by-hand")
    page.locator("#reasons button").first.tap()
    expect(page.locator("#counting")).to_be_hidden()
    expect(line.locator(".counted")).to_have_text("2")
    page.locator("#undo").tap()
    expect(line.locator(".counted")).to_have_text("0")
    expect(page.locator("#undo")).to_be_disabled()


def test_an_order_is_closed_with_its_differences_and_signed(kiosk: Kiosk, page: Page) -> None:
    kiosk.begin(LIST)
    kiosk.show(Outcome.ACCEPTED, [0])
    kiosk.show(Outcome.ACCEPTED, [3])
    verdict(page, "not_on_list")
    page.locator("#close").tap()
    expect(page.locator("#absent p")).to_have_count(5)
    expect(page.locator("#extras p")).to_have_count(1)
    looks_right(page, "closing")
    page.locator("#extras button").tap()
    expect(page.locator("#extras p")).to_have_count(0)
    page.locator("#sign").tap()
    expect(page.locator("#notice")).to_contain_text("sign with a name")
    page.locator("#signer").fill("Ada Lovelace")
    page.locator("#sign").tap()
    expect(page.locator("body")).to_have_attribute("data-view", "choosing")
    expect(page.locator("#notice")).to_contain_text("with differences")
    kind, body = kiosk.book.notes[0]
    assert (kind, body["signed_by"]) == ("signed", "Ada Lovelace")
    assert body["differences"]["not_on_list"] == []


def test_a_list_is_scanned_pasted_or_read_from_a_file_and_orders_wait(
    kiosk: Kiosk, page: Page, tmp_path: Path
) -> None:
    expect(page.locator("body")).to_have_attribute("data-view", "choosing")
    page.locator("#new-rows").fill("A,2\nB,x")
    page.locator("#new-number").fill("PO-1")
    page.locator("#start").tap()
    expect(page.locator("#mistakes")).to_contain_text("line 2: quantity")
    looks_right(page, "mistakes")
    listed = tmp_path / "lieferung.csv"
    listed.write_bytes(f"Artikel;Menge;Bezeichnung\r\n{SKUS[0]};2;Käse\r\n".encode("cp1252"))
    page.locator("#new-number").fill("")
    page.locator("#new-file").set_input_files(listed)
    expect(page.locator("#new-number")).to_have_value("lieferung")
    page.locator("#start").tap()
    expect(page.locator("#number")).to_have_text("lieferung")
    expect(page.locator("#lines .name")).to_have_text("Käse")
    lines = kiosk.desk.create("PO-9", lines_of(rows_of_text("A\nB"), lambda sku: True))
    kiosk.show(Outcome.ACCEPTED, [0])
    kiosk.show(Outcome.ACCEPTED, [0])
    expect(page.locator("body.complete")).to_be_visible()
    looks_right(page, "complete")
    page.locator("#close").tap()
    looks_right(page, "closing-complete")
    page.locator("#signer").fill("Ada")
    page.locator("#sign").tap()
    expect(page.locator("#waiting .name")).to_have_text("PO-9")
    looks_right(page, "choosing")
    page.locator("#waiting button").tap()
    expect(page.locator("#number")).to_have_text("PO-9")
    assert kiosk.desk.order(lines.order_id)[0].stage == "open"
