# SPDX-License-Identifier: Apache-2.0
"""An order at a whole kiosk, with a camera: counted, killed, counted on, signed, shown later."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tiny_models
from kiosk_process import Kiosk, counter_of, kiosk, overrides
from waiting import until

from kiosk.catalog.build import BuildOptions, build

ORDERS = "/api/v1/orders"


@pytest.fixture(scope="module")
def settings(models: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A catalog of six SKUs, and a camera that shows sku-2, an empty counter, sku-2, … for ever."""
    root = tmp_path_factory.mktemp("kiosk")
    for item in range(6):
        for shot in range(3):
            tiny_models.write_picture(root / "source" / f"sku-{item}" / f"{shot}.png", item, shot)
    locator, embedder = tiny_models.open_models(models)
    options = BuildOptions()
    build(root / "source", root / "release", locator=locator, embedder=embedder, options=options)
    counter_of(root / "counter")
    return overrides(
        models__directory=models,
        catalog__directory=root / "release",
        camera__source="files",
        camera__device=root / "counter",
        camera__width=240,
        camera__height=180,
        camera__fps=30,
        decide__time_limit_s=0.5,
        verify__budget_ms=10_000,
        state__directory=root / "state",
    )


def state(run: Kiosk) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run.get("/api/v1/state")[1])
    return found


def counted(run: Kiosk) -> int:
    order = state(run)["order"]
    return int(order["lines"][0]["counted"]) if order else 0


def said(*arguments: str) -> str:
    command = [sys.executable, "-m", "kiosk", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_an_order_survives_a_kill_and_its_signed_result_can_be_shown_later(
    settings: list[str], tmp_path: Path
) -> None:
    folder = settings[-1].partition("=")[2]
    body = {"number": "PO-1", "lines": [{"sku": "sku-2", "quantity": 500}], "open": True}
    with kiosk(*settings, folder=tmp_path / "first") as run:
        status, answer = run.post(ORDERS, body)
        assert status == 201
        order = f"{ORDERS}/{json.loads(answer)['id']}"
        before = until(lambda: (now := counted(run)) >= 2 and now, "two visits counted")
        os.kill(run.process.pid, signal.SIGKILL)
        run.process.wait()
    with kiosk(*settings, folder=tmp_path / "second") as run:
        assert run.post(ORDERS, body)[0] == 201, "the same list sent again is the same order"
        until(lambda: state(run)["order"], "the order")
        assert counted(run) >= before
        until(lambda: counted(run) > before, "one more visit counted")
        page = run.get("/order")
        assert page[0] == 200 and b"order.css" in page[1]
        made = json.loads(run.get(order)[1])
        visits = [count["visit_id"] for count in made["counts"] if not count["undone"]]
        assert len(visits) == len(set(visits)) and all(visits)
        status, answer = run.post(f"{order}/close", {"name": "Ada"})
        signed = json.loads(answer)
        assert (status, signed["outcome"]) == (200, "with differences")
        exact = run.get(f"{order}/result")[1]
        assert run.stop() == 0
    assert hashlib.sha256(exact).hexdigest() == signed["sha256"]
    assert said("orders", "export", "PO-1", "--state", folder).encode() == exact
    assert "unchanged" in said("orders", "show", "PO-1", "--state", folder)
    entries = map(json.loads, said("journal", "--json", "--state", folder).splitlines())
    noted = [entry for entry in entries if entry["kind"] == "signed"]
    assert [entry["evidence"]["sha256"] for entry in noted] == [signed["sha256"]]
    assert noted[0]["evidence"]["release"]
