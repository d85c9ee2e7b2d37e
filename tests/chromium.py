# SPDX-License-Identifier: Apache-2.0
"""The browser of the pages' tests: a real Chromium, waited for as long as a slow machine takes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from waiting import DEADLINE_S

pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install -e '.[dev]'")
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("needs Chromium: apt-get install --no-install-recommends chromium")
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    expect.set_options(timeout=1000 * DEADLINE_S)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=flags)
        yield browser
        browser.close()


def screen(browser: Browser, width: int, height: int) -> BrowserContext:
    """A touchscreen of that size, in pixels."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, has_touch=True, locale="en-GB"
    )
    context.set_default_timeout(1000 * DEADLINE_S)
    return context
