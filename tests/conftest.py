# SPDX-License-Identifier: Apache-2.0
"""Shared by all tests: nothing phones home; the tiny models; a PostgreSQL server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# What the kiosk is told there is for each test to say, wherever the tests run.
os.environ.pop("JOURNAL_STREAM", None)
os.environ.pop("KIOSK_CONFIG", None)
os.environ.pop("NOTIFY_SOCKET", None)
os.environ.pop("RUNTIME_DIRECTORY", None)
os.environ.pop("STATE_DIRECTORY", None)
os.environ.pop("XDG_STATE_HOME", None)
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

from postgres_server import postgres as postgres
from tiny_models import write_models  # telemetry starts at import

os.umask(0o022)  # what others may read is for each test to say, too


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with the tiny detector and embedder."""
    return write_models(tmp_path_factory.mktemp("models"))
