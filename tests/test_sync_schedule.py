# SPDX-License-Identifier: Apache-2.0
"""When kiosks ask again, and where they may ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from kiosk.errors import Held, SyncError, Tampered, UsageError
from kiosk.sync import schedule
from kiosk.sync.evidence import Unanswered, seconds
from kiosk.sync.origin import folder_of
from kiosk.sync.patience import LIMIT_S, patiently
from kiosk.sync.sync_pass import Outcome
from kiosk.values.sync import SyncStatus

SHARES = [0.0, 0.25, 0.5, 0.999]


@pytest.mark.parametrize("share", SHARES)
def test_polls_are_spread_and_fifteen_minutes_apart_on_average(share: float) -> None:
    assert 720 <= schedule.poll_s(share) <= 1080
    assert schedule.poll_s(0.5) == pytest.approx(900)
    assert 0 <= schedule.first_poll_s(share) <= 900


@pytest.mark.parametrize("failures", [1, 2, 5, 100, 10**9])
@pytest.mark.parametrize("share", SHARES)
def test_retries_are_anywhere_up_to_a_limit_that_doubles(failures: int, share: float) -> None:
    limit = min(900.0, 10.0 * 2.0 ** min(failures, 10))
    assert 10 <= schedule.retry_s(failures, share) <= limit
    assert schedule.retry_s(failures, 0.0) == 10


def test_a_server_that_asks_for_time_gets_it_but_not_for_ever() -> None:
    assert schedule.retry_s(1, 0.0, 120.0) == 120
    assert schedule.retry_s(1, 1.0, 120.0) == pytest.approx(144)
    assert schedule.retry_s(1, 0.0, 1e9) == 4 * 900
    assert schedule.retry_s(1, 1.0, 1e9) == pytest.approx(4 * 900 * 1.2)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("120", 120), (" 5 ", 5), ("", 0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0), ("-3", 0)]
    + [("9" * 30, 86_400), ("9" * 5000, 86_400)],
)
def test_retry_after_is_read_where_it_is_a_number(text: str, wanted: float) -> None:
    assert seconds(text) == wanted


@pytest.mark.parametrize(
    ("source", "folder"),
    [
        ("/media/stick", Path("/media/stick")),
        ("file:///media/my%20stick", Path("/media/my stick")),
        ("stick", Path("stick")),
        ("https://example.org/catalog/", None),
        ("http://127.0.0.1:8000", None),
    ],
)
def test_an_address_is_a_web_server_or_a_folder(source: str, folder: Path | None) -> None:
    assert folder_of(source) == folder


@pytest.mark.parametrize(
    "source", ["ftp://x", "s3://bucket", "file://host/x", "http://", "http://x/#a"]
)
def test_other_addresses_are_refused(source: str) -> None:
    with pytest.raises(UsageError):
        folder_of(source)


class Trying:
    """Attempts that come to what they are told to, and a clock that waiting moves."""

    def __init__(self, *errors: SyncError | None) -> None:
        self.errors = list(errors)
        self.now = 0.0
        self.waits: list[float] = []

    def attempt(self) -> Outcome:
        return Outcome(SyncStatus(), self.errors.pop(0))

    def wait(self, seconds: float, outcome: Outcome) -> None:
        self.now += seconds
        self.waits.append(seconds)

    def run(self, limit_s: float = LIMIT_S) -> Outcome:
        return patiently(
            self.attempt,
            wait=self.wait,
            clock=lambda: self.now,
            share=lambda: 1.0,
            limit_s=limit_s,
        )


NOBODY = Unanswered("unreachable", "nobody")


def test_an_answer_ends_the_trying() -> None:
    trying = Trying(NOBODY, Unanswered("http_503", "busy", 100.0), None)
    assert trying.run().error is None
    assert trying.waits == pytest.approx([20, 120])


@pytest.mark.parametrize("error", [Held("paused", "x"), Tampered("rollback", "x"), None])
def test_what_was_answered_is_not_asked_again(error: SyncError | None) -> None:
    trying = Trying(error)
    assert trying.run().error is error
    assert trying.waits == []


def test_trying_ends_when_the_next_poll_is_near() -> None:
    trying = Trying(*[NOBODY] * 100)
    assert trying.run().error is NOBODY
    assert LIMIT_S / 3 < sum(trying.waits) <= LIMIT_S
    assert Trying(NOBODY).run(0.0).error is NOBODY
