# SPDX-License-Identifier: Apache-2.0
"""Processes of the tests: started, listened to, killed at a chosen moment, and never left behind.

A child that outlives its test fails another one, by what it writes or by a ResourceWarning. So a
process is had for a block only, and is killed and collected at its end, however that comes.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from waiting import DEADLINE_S, until

TESTS = Path(__file__).parent
LIFE_S = 3 * DEADLINE_S
"""Longest life of a process: then it is killed, and whoever reads from it gets its end."""
SEARCH = {"PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])}
"""Lets a child import the kiosk and the parts of the tests."""


@contextmanager
def running(*command: object, group: bool = False, **more: Any) -> Iterator[subprocess.Popen[str]]:
    """A process for as long as the block lasts. `group`: its children are killed with it."""
    words = [str(word) for word in command]
    with subprocess.Popen(words, text=True, start_new_session=group, **more) as process:
        watchdog = threading.Timer(LIFE_S, process.kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()
            if group:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            process.kill()


@contextmanager
def python(script: str, *arguments: object, **more: Any) -> Iterator[subprocess.Popen[str]]:
    """A Python child that runs `script`; what it prints is to be read."""
    words = (sys.executable, "-c", textwrap.dedent(script), *arguments)
    with running(*words, stdout=subprocess.PIPE, env={**os.environ, **SEARCH}, **more) as process:
        yield process


def lines_of(process: subprocess.Popen[str], count: int) -> list[str]:
    """Its next lines; fails when it says fewer."""
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(count)]
    assert all(line.endswith("\n") for line in said), f"it ended after {said}"
    return [line.removesuffix("\n") for line in said]


def killed_after(process: subprocess.Popen[str], count: int) -> list[str]:
    """Kill it once it has said so many lines; all whole lines that it has said."""
    said = lines_of(process, count)
    assert process.stdout is not None
    process.kill()
    said += [line[:-1] for line in process.stdout if line.endswith("\n")]
    assert process.wait(DEADLINE_S) == -signal.SIGKILL, "it ended by itself"
    return said


def killed_when(process: subprocess.Popen[str], reached: Callable[[], object]) -> None:
    """Kill it as soon as `reached`, which is looked at without a pause; one that is quicker than
    the look simply ends.
    """
    end = time.monotonic() + DEADLINE_S
    while not reached() and process.poll() is None:
        assert time.monotonic() < end, "it never came that far"
    process.kill()
    process.communicate(timeout=DEADLINE_S)


def kill_before(number: int) -> Callable[[object], None]:
    """For SQLite's `set_trace_callback`: this very process is killed before that statement."""
    seen = itertools.count()

    def statement(text: object) -> None:
        if next(seen) >= number:
            os.kill(os.getpid(), signal.SIGKILL)

    return statement


class Forked:
    """A fork of this process."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._code: int | None = None

    def ended(self) -> bool:
        if self._code is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code is not None

    def code(self) -> int:
        """Its exit code once it has ended; negative: the signal that ended it."""
        until(self.ended, "the end of a fork")
        assert self._code is not None
        return self._code

    def kill(self) -> None:
        if not self.ended():
            os.kill(self._pid, signal.SIGKILL)
            self.code()


@contextmanager
def forked(work: Callable[[], object]) -> Iterator[Forked]:
    """`work` in a fork of this process for as long as the block lasts; its exit code is 0, or 1
    when `work` raises.
    """
    sys.stdout.flush()
    with warnings.catch_warnings():
        # Newer Pythons warn of threads that are lost; those of the models are not needed here.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if not pid:
        try:
            work()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - told by the exit code; nothing of pytest may run here
            traceback.print_exc()
        finally:
            os._exit(1)
    child = Forked(pid)
    try:
        yield child
    finally:
        child.kill()


def codes(*works: Callable[[], object]) -> list[int]:
    """Run them at once, each in a fork of its own, to their ends; how those ended."""
    with ExitStack() as stack:
        children = [stack.enter_context(forked(work)) for work in works]
        return [child.code() for child in children]
