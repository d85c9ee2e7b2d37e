# SPDX-License-Identifier: Apache-2.0
"""The self-test of an installed release, in a child process: what crashes, hangs or eats the memory
there does so instead of in the kiosk.

The child opens the release as the kiosk would, with every check of that, puts it through its gate,
and says in one line what is wrong.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kiosk.announcement import Gate
from kiosk.catalog.gate import check
from kiosk.config import Config, LocateConfig, ModelsConfig, SearchConfig
from kiosk.errors import KioskError
from kiosk.models import Models, load_models
from kiosk.store.derived import wipe
from kiosk.store.opening import open_release

_log = logging.getLogger(__name__)

WORK_LIMIT_S = 600.0
"""Of processor time: an index of a large catalog may have to be built on the way."""
TIME_LIMIT_S = 3600.0
"""By the clock, which goes on where a busy machine gives the child no processor."""
MEMORY_SHARE = 0.6
LEAST_MEMORY_BYTES = 1024 * 1024 * 1024
_NICE = 10
_STOPPED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""A service that stops, or Ctrl-C, ends the child too: that says nothing of the release."""
_SHOWN = 300
"""Characters of what a child last said."""


def self_test(
    path: Path,
    config: Config,
    gate: Gate,
    derived: Path | None = None,
    *,
    time_limit_s: float = TIME_LIMIT_S,
) -> str:
    """Why the release folder `path` must not answer on this kiosk; empty: it may.

    `derived`: where its index is kept; after a crash it is tried again with a new one. Takes as
    long as opening it; at most `time_limit_s`, twice. Raises OSError when there is no room for the
    child, or somebody has stopped it: neither is the release's fault.
    """
    fault, crashed = _tried(path, config, gate, derived, time_limit_s)
    if crashed and derived is not None and wipe(derived):
        _log.warning("%s; once more with a new index", fault)
        fault, _ = _tried(path, config, gate, derived, time_limit_s)
    return fault


def _tried(
    path: Path, config: Config, gate: Gate, derived: Path | None, time_limit_s: float
) -> tuple[str, bool]:
    """What is wrong, and whether the child could not say so itself."""
    order = {
        "path": str(path),
        "derived": str(derived) if derived else "",
        "models": asdict(config.models),
        "locate": asdict(config.locate),
        "search": asdict(config.search),
        "gate": asdict(gate),
        "work_s": int(WORK_LIMIT_S),
    }
    try:
        child = subprocess.run(
            [sys.executable, "-m", "kiosk.store.selftest"],
            input=json.dumps(order),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=time_limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"its self-test did not end within {time_limit_s:g} s", True
    if -child.returncode in _STOPPED:
        raise InterruptedError(errno.EINTR, "the self-test was stopped; it is made again")
    if child.returncode < 0:
        return crash(child.returncode), True
    lines = child.stdout.strip().splitlines()
    if child.returncode != 0 or not lines:
        said = (child.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return f"its self-test failed ({said[:_SHOWN]})", True
    return str(json.loads(lines[-1])["fault"]), False


def crash(returncode: int) -> str:
    """What a child that a signal ended did wrong; `returncode` as `subprocess` has it."""
    if returncode == -signal.SIGXCPU:
        return f"its self-test took more than {WORK_LIMIT_S:g} s of work"
    return f"its self-test crashed ({signal.Signals(-returncode).name})"


def examined(order: Mapping[str, Any]) -> str:
    """What the child does; gives what is wrong with the release. Raises KioskError, OSError."""
    path = Path(order["path"])
    config = Config(
        models=ModelsConfig(**order["models"]),
        locate=LocateConfig(**order["locate"]),
        search=SearchConfig(**order["search"]),
    )
    own = Models(*load_models(config.models, config.locate))
    derived = Path(order["derived"]) if order["derived"] else None
    opened = open_release(path, config, own, derived=derived)
    try:
        return check(opened.snapshot, Gate(**order["gate"]))
    finally:
        opened.snapshot.close()


def limited(work_s: int) -> None:
    """A child that runs away ends, and the kiosk beside it goes first."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    most = max(LEAST_MEMORY_BYTES, int(MEMORY_SHARE * memory))
    # Files that are mapped to be read do not count here, as they should not.
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (work_s, work_s + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(_NICE)


def main() -> None:
    order = json.loads(sys.stdin.read())
    limited(int(order["work_s"]))
    try:
        fault = examined(order)
    except (KioskError, OSError, MemoryError) as error:
        fault = str(error) or type(error).__name__
    sys.stdout.write(json.dumps({"fault": fault}) + "\n")


if __name__ == "__main__":
    main()
