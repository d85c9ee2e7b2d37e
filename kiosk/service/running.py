# SPDX-License-Identifier: Apache-2.0
"""Parts that run: begun in order, stopped in reverse; when an essential one dies, all must end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack

_log = logging.getLogger(__name__)


class Running:
    """`begin`, `essential` and `at_end` in the order of starting; `stop` also works after a failed
    start.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._ended = threading.Event()
        self._failure: BaseException | None = None

    def begin(self, start: Callable[[], object], stop: Callable[[], object]) -> None:
        """Start a part; it is stopped also when its start fails."""
        self._stack.callback(stop)
        start()

    def essential(
        self,
        name: str,
        run: Callable[[], None],
        stop: Callable[[], None],
        patience_s: float | None,
    ) -> None:
        """Run a part in a thread; when that dies the process must, and systemd starts it anew.

        `patience_s`: how long its end is waited for; None: without a limit.
        """

        def body() -> None:
            try:
                run()
            except BaseException as failure:  # noqa: BLE001 - `stop` raises it in the main thread
                _log.critical("%s died: %r", name, failure)
                self._failure = failure
                self.end()

        thread = threading.Thread(target=body, name=name, daemon=True)
        self._stack.callback(thread.join, patience_s)
        self._stack.callback(stop)
        thread.start()

    def at_end(self, stop: Callable[[], object]) -> None:
        """Call it when all that was begun after it has stopped."""
        self._stack.callback(stop)

    def wait(self, timeout_s: float) -> bool:
        """Until `end` is called or an essential part dies; False when the time is up."""
        return self._ended.wait(timeout_s)

    def end(self) -> None:
        """Ask `wait` to return; safe in a signal handler."""
        self._ended.set()

    def stop(self) -> None:
        """Stop every part in reverse. Raises what killed an essential one: it must be seen."""
        self._stack.close()
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
