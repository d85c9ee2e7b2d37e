# SPDX-License-Identifier: Apache-2.0
"""Pictures of the running kiosk's page, taken in Chromium: one for each view it goes through.

    python -m tools.take_pictures OUT [--seconds 90] [--size 800x480]

Starts `kiosk demo` on a free port with a scratch state, watches the page, and saves the first
picture of each view (ready, looking, accepted, choose, unknown, …) as OUT/WIDTHxHEIGHT-VIEW.png.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=float, default=90.0)
    parser.add_argument("--size", default="800x480", help="default: %(default)s")
    wanted = parser.parse_args()
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print("Chromium is missing: sudo apt install chromium")
        return os.EX_UNAVAILABLE
    width, height = (int(side) for side in wanted.size.split("x"))
    wanted.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as state:
        kiosk = subprocess.Popen(
            [sys.executable, "-m", "kiosk", "demo", "--state", state, "--set", "web.port=0"],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            address = _address(kiosk)
            with sync_playwright() as playwright:
                flags = [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
                chromium = playwright.chromium.launch(executable_path=browser, args=flags)
                page = chromium.new_page(viewport={"width": width, "height": height})
                page.goto(address, wait_until="domcontentloaded")
                _collect(page, wanted.out, wanted.size, wanted.seconds)
                page.goto(address + "status", wait_until="domcontentloaded")
                page.wait_for_timeout(1500)
                page.screenshot(path=wanted.out / f"{wanted.size}-status.png")
                chromium.close()
        finally:
            kiosk.terminate()
            kiosk.wait()
    return 0


def _address(kiosk: subprocess.Popen[str]) -> str:
    assert kiosk.stdout is not None
    for line in kiosk.stdout:
        found = re.search(r"http://\S+", line)
        if found:
            return found[0].rstrip("/") + "/"
    raise SystemExit("the kiosk did not start; see what it said above")


def _collect(page: Page, out: Path, size: str, seconds: float) -> None:
    """Save each view once; a view that stays is taken again a little later, when it is settled."""
    seen: dict[str, int] = {}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        view = page.evaluate("document.body.dataset.view || ''")
        if view and seen.get(view, 0) < 3:
            page.wait_for_timeout(400)
            if page.evaluate("document.body.dataset.view || ''") == view:
                page.screenshot(path=out / f"{size}-{view}-{seen.get(view, 0)}.png")
                seen[view] = seen.get(view, 0) + 1
        page.wait_for_timeout(150)
    print("taken:", seen)


if __name__ == "__main__":
    sys.exit(main())
