# SPDX-License-Identifier: Apache-2.0
"""The units as systemd itself reads them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with the one line that names a folder of the target machine pointed here."""
    text = (UNITS / "kiosk.service").read_text()
    assert "ExecStart=/opt/kiosk/.venv/bin/kiosk run" in text
    kiosk = Path(sys.executable).parent / "kiosk"
    assert kiosk.exists()
    path = tmp_path / "kiosk.service"
    path.write_text(text.replace("/opt/kiosk/.venv/bin/kiosk", str(kiosk)))
    return path


@needs_systemd
def test_the_unit_has_no_mistake(unit: Path) -> None:
    result = verify(unit)
    assert result.returncode == 0, result.stderr


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
