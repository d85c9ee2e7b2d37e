# SPDX-License-Identifier: Apache-2.0
"""The units as systemd itself reads them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kiosk.sync import schedule

UNITS = Path(__file__).parent.parent / "systemd"
ANALYZE = shutil.which("systemd-analyze")

needs_systemd = pytest.mark.skipif(
    ANALYZE is None, reason="systemd-analyze is missing: apt install systemd"
)


def verify(path: Path) -> subprocess.CompletedProcess[str]:
    assert ANALYZE is not None
    return subprocess.run(
        [ANALYZE, "verify", "--man=no", "--recursive-errors=no", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )


def pointed_here(tmp_path: Path, name: str, verb: str) -> Path:
    """A unit with the one line that names a folder of the target machine pointed here."""
    text = (UNITS / name).read_text()
    assert f"ExecStart=/opt/kiosk/.venv/bin/kiosk {verb}\n" in text
    kiosk = Path(sys.executable).parent / "kiosk"
    assert kiosk.exists()
    path = tmp_path / name
    path.write_text(text.replace("/opt/kiosk/.venv/bin/kiosk", str(kiosk)))
    return path


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    return pointed_here(tmp_path, "kiosk.service", "run")


@needs_systemd
def test_the_unit_has_no_mistake(unit: Path) -> None:
    result = verify(unit)
    assert result.returncode == 0, result.stderr


@needs_systemd
@pytest.mark.parametrize(
    ("timer", "verb"),
    [
        ("kiosk-sync.timer", "sync"),
        ("kiosk-sync-first.timer", "sync"),
        ("kiosk-upload.timer", "upload"),
    ],
)
def test_the_units_that_call_out_have_no_mistake(timer: str, verb: str, tmp_path: Path) -> None:
    service = pointed_here(tmp_path, f"kiosk-{verb}.service", verb)
    path = tmp_path / timer
    path.write_text((UNITS / timer).read_text())
    for each in (service, path):
        result = verify(each)
        assert result.returncode == 0, result.stderr


def test_timers_ask_as_the_schedule_says() -> None:
    often = _seconds((UNITS / "kiosk-sync.timer").read_text(), "OnUnitInactiveSec")
    spread = _seconds((UNITS / "kiosk-sync.timer").read_text(), "RandomizedDelaySec")
    assert (often, often + spread) == pytest.approx((schedule.poll_s(0.0), schedule.poll_s(1.0)))
    first = (UNITS / "kiosk-sync-first.timer").read_text()
    assert _seconds(first, "OnBootSec") == schedule.first_poll_s(0.0)
    assert _seconds(first, "RandomizedDelaySec") == schedule.first_poll_s(1.0)


def _seconds(text: str, key: str) -> float:
    found = re.search(rf"^{key}=(\d+)(min)?$", text, re.MULTILINE)
    assert found
    return float(found[1]) * (60 if found[2] else 1)


@needs_systemd
@pytest.mark.parametrize("verb", ["sync", "upload"])
def test_the_sandbox_of_what_calls_out_is_tight(verb: str) -> None:
    assert ANALYZE is not None
    unit = UNITS / f"kiosk-{verb}.service"
    result = subprocess.run(
        [ANALYZE, "security", "--offline=true", "--threshold=15", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-2000:]


@pytest.mark.parametrize("verb", ["sync", "upload"])
def test_what_may_call_out_is_not_called(verb: str) -> None:
    lines = (UNITS / f"kiosk-{verb}.service").read_text().splitlines()
    assert {"Type=oneshot", "SocketBindDeny=any", "StateDirectory=kiosk"} <= set(lines)
    assert not any(line.startswith("IPAddress") for line in lines)


@needs_systemd
def test_a_misspelt_key_would_be_noticed(unit: Path) -> None:
    unit.write_text(unit.read_text().replace("WatchdogSec=", "WatchDogSec="))
    assert verify(unit).returncode != 0


@needs_systemd
def test_the_sandbox_is_tight() -> None:
    assert ANALYZE is not None
    result = subprocess.run(
        [ANALYZE, "security", "--offline=true", "--threshold=15", str(UNITS / "kiosk.service")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-2000:]


def test_only_loopback_may_be_reached_and_the_watchdog_is_armed() -> None:
    lines = (UNITS / "kiosk.service").read_text().splitlines()
    for wanted in ("IPAddressDeny=any", "IPAddressAllow=localhost", "Type=notify"):
        assert wanted in lines
    assert any(line.startswith("WatchdogSec=") for line in lines)
    assert not any(line.startswith("ProcSubset") for line in lines)
