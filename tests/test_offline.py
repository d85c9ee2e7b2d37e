# SPDX-License-Identifier: Apache-2.0
"""Nothing phones home: the system calls of a real run, traced."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_models

from kiosk.catalog.build import BuildOptions, build

STRACE = shutil.which("strace")


@pytest.mark.skipif(STRACE is None, reason="strace is missing: apt install strace")
def test_recognising_opens_no_internet_socket_and_writes_nothing_at_home(tmp_path: Path) -> None:
    models = tiny_models.write_models(tmp_path / "models")
    source = tmp_path / "source"
    pictures = [
        tiny_models.write_picture(source / f"sku-{item}" / "0.png", item) for item in range(3)
    ]
    locator, embedder = tiny_models.open_models(models)
    release = tmp_path / "release"
    build(source, release, locator=locator, embedder=embedder, options=BuildOptions())
    home = tmp_path / "home"
    home.mkdir()
    # Some runtimes are silent only where CI is set: look at what a shop would see.
    environment = {key: value for key, value in os.environ.items() if key != "CI"}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    trace = tmp_path / "trace.txt"
    assert STRACE is not None
    subprocess.run(
        [STRACE, "-f", "-e", "trace=socket,connect,sendto,openat", "-o", str(trace)]
        + [sys.executable, "-m", "kiosk", "recognise", "--catalog", str(release)]
        + ["--set", f"models.directory={models}", *map(str, pictures)],
        env={**environment, "HOME": str(home)},
        check=True,
        capture_output=True,
    )
    calls = trace.read_text()
    assert "openat(" in calls  # the trace did see the process
    assert re.findall(r".*AF_INET.*", calls) == []
    assert list(home.rglob("*")) == []
