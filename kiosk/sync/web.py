# SPDX-License-Identifier: Apache-2.0
"""A published repository behind a web server: bounded in bytes and in time, and nothing decoded.

Rules: a server is only believed where its answer fits what was asked; it is never followed to
another place; and whatever it does, each request ends by the clock.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urljoin, urlsplit

import urllib3

from kiosk import __version__
from kiosk.connection import Open, Watch, pools_for
from kiosk.sync import evidence
from kiosk.sync.evidence import Unanswered, cut_off, too_slow, unreachable, unusable
from kiosk.sync.origin import CHUNK, Limits, Tail, Traffic

_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
_MOST_REDIRECTS = 3
_TROUBLE = (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError)
"""What a transfer fails with, also when its connection is cut under it by `Watch`."""

Reply = urllib3.response.BaseHTTPResponse


class WebOrigin:
    """Reads through one connection that is kept open from file to file."""

    carried = False
    doubt = (
        "A broken proxy looks the same; if it stays so for a day, tell whoever publishes the "
        "catalog"
    )

    def __init__(
        self, base: str, limits: Limits, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`base` is an http(s) URL without query; `clock` gives seconds."""
        self.name = base.rstrip("/")
        self.traffic = Traffic()
        self._limits = limits
        self._clock = clock
        self._open: list[Open] = []
        self._pools = pools_for(self.name, self._open)
        self._end = 0.0
        self.begin()

    def odd(self, name: str, data: bytes, reason: str) -> Unanswered:
        return evidence.portal(name) if evidence.is_page("", data) else unusable(name, reason)

    def begin(self) -> None:
        """A new pass, with all of its time."""
        self._end = self._clock() + self._limits.pass_s

    def close(self) -> None:
        self._pools.clear()

    def small(self, path: str, max_bytes: int) -> bytes:
        url = f"{self.name}/{path}"
        with self._reply(url, {}, self._limits.small_s) as (reply, watch):
            if reply.status != 200:
                raise _refusal(url, reply)
            if _length(reply) > max_bytes:
                raise _too_long(url, max_bytes)
            data = b""
            for chunk in self._chunks(url, reply, watch):
                data += chunk
                if len(data) > max_bytes:
                    raise _too_long(url, max_bytes)
        return data

    @contextmanager
    def tail(self, path: str, size: int, offset: int) -> Iterator[Tail]:
        url = f"{self.name}/{path}"
        asked = {"Range": f"bytes={offset}-"} if offset else {}
        with self._reply(url, asked, self._limits.pass_s) as (reply, watch):
            start = _start(url, reply, size, offset)
            yield Tail(start, self._steady(url, self._chunks(url, reply, watch)))

    @contextmanager
    def _reply(
        self, url: str, headers: dict[str, str], whole_s: float
    ) -> Iterator[tuple[Reply, Watch]]:
        """The head of an answer; its connection is cut when `whole_s` are over."""
        whole_s = min(whole_s, self._end - self._clock())
        if whole_s <= 0:
            raise too_slow(url, f"the pass took more than {self._limits.pass_s:.0f} seconds")
        with Watch(self._open, min(whole_s, self._limits.small_s)) as head:
            reply = self._asked(url, headers, head)
        try:
            if head.late:  # the cut may look like the end of a head
                raise _broken(url, TimeoutError(), late=True)
            with Watch(self._open, whole_s) as watch:
                yield reply, watch
        finally:
            reply.close()

    def _asked(self, url: str, headers: dict[str, str], watch: Watch) -> Reply:
        place = url
        for _ in range(_MOST_REDIRECTS + 1):
            self.traffic.requests += 1
            try:
                reply = self._pools.request(
                    "GET",
                    place,
                    headers={**_HEADERS, **headers},
                    retries=False,
                    redirect=False,
                    preload_content=False,
                    decode_content=False,
                    timeout=urllib3.Timeout(self._limits.silence_s),
                )
            except _TROUBLE as error:
                raise _no_answer(url, error, watch.late) from error
            target = reply.get_redirect_location()
            if not target:
                return reply
            reply.close()
            place = _within(url, place, target)
            if not place:
                break
        raise evidence.refused(url, reply.status, "")

    def _chunks(self, url: str, reply: Reply, watch: Watch) -> Iterator[bytes]:
        """The body as it comes. Never decoded: what was not asked for is refused."""
        encoding = reply.headers.get("Content-Encoding", "identity")
        if encoding.lower() != "identity":
            raise unusable(url, f"it comes as {encoding[:20]!r}, which was not asked for")
        while True:
            try:
                chunk = reply.read1(CHUNK, decode_content=False)
            except _TROUBLE as error:
                raise _broken(url, error, watch.late) from error
            if not chunk:
                if watch.late:
                    raise _broken(url, TimeoutError(), late=True)
                return
            self.traffic.received += len(chunk)
            yield chunk

    def _steady(self, url: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """`chunks` as long as they come fast enough."""
        begun, came = self._clock(), 0
        for chunk in chunks:
            came += len(chunk)
            lasted = self._clock() - begun
            if lasted >= self._limits.rate_s:
                if came < self._limits.least_bytes_per_s * lasted:
                    yield chunk
                    raise too_slow(url, f"only {came / lasted:.0f} bytes come in a second")
                begun, came = self._clock(), 0
            yield chunk


_HEADERS = {"User-Agent": f"kiosk/{__version__}", "Accept-Encoding": "identity"}


def _within(url: str, place: str, target: str) -> str:
    """Where `place` sends on to, if that is of the same origin as `url`; else nothing."""
    try:
        sent_to = urljoin(place, target)
        old, new = urlsplit(url), urlsplit(sent_to)
        same = (old.scheme, old.hostname, old.port) == (new.scheme, new.hostname, new.port)
    except ValueError:  # not an address at all
        return ""
    return sent_to if same else ""


def _refusal(url: str, reply: Reply) -> Unanswered:
    return evidence.refused(url, reply.status, reply.headers.get("Retry-After", ""))


def _length(reply: Reply) -> int:
    text = reply.headers.get("Content-Length", "")
    return int(text[: evidence.MOST_DIGITS]) if text.isdecimal() else 0


def _too_long(url: str, max_bytes: int) -> Unanswered:
    return unusable(url, f"the answer has more than {max_bytes} bytes")


def _no_answer(url: str, error: Exception, late: bool) -> Unanswered:
    if late or isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return too_slow(url, "it was asked, but does not answer in time")
    if isinstance(error, urllib3.exceptions.SSLError):
        return evidence.untrusted(url, _reason(error))
    if isinstance(error, urllib3.exceptions.ProtocolError):
        return cut_off(url, _reason(error))
    return unreachable(url, _reason(error))


def _broken(url: str, error: Exception, late: bool) -> Unanswered:
    if late:
        return too_slow(url, "it took too long as a whole")
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return too_slow(url, "nothing more came")
    return cut_off(url, _reason(error))


def _reason(error: BaseException) -> str:
    """The innermost reason, without the objects that urllib3 prints."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())[:120] or type(error).__name__


def _start(url: str, reply: Reply, size: int, offset: int) -> int:
    """Where the body begins in the file. Raises Unanswered unless it can be of that file."""
    if reply.status == 416:
        raise unusable(url, f"it says that nothing comes after byte {offset}")
    if reply.status not in (200, 206):
        raise _refusal(url, reply)
    if evidence.is_page(reply.headers.get("Content-Type", "")):
        raise evidence.portal(url)
    start, total = 0, reply.headers.get("Content-Length") or str(size)
    if reply.status == 206:
        match = _CONTENT_RANGE.fullmatch(reply.headers.get("Content-Range", ""))
        start, total = (int(match[1]), match[3]) if match else (size, "?")
        if total == "*":
            total = str(size)
    if total != str(size):
        raise unusable(url, f"it has {total[:20]} bytes instead of {size}")
    if start > offset:
        raise unusable(url, f"it begins at byte {start}, {offset} was asked for")
    return start
