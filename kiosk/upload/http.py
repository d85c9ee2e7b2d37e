# SPDX-License-Identifier: Apache-2.0
"""Events in HTTP batches: `POST ADDRESS/v1/events`, answered once they are stored; and parcels:
`PUT ADDRESS/v1/parcels/KIOSK/SHA256`.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from typing import Any

import urllib3

from kiosk import __version__
from kiosk.connection import Open, Watch, pools_for
from kiosk.errors import Held, Offline, TooLarge
from kiosk.event import MAX_PARCEL_BYTES, Event
from kiosk.upload.sink import Receipt

MAX_ANSWER_BYTES = 256 * 1024
_FINAL = {
    400: "it does not understand this kiosk; update one of the two",
    401: "it does not know this kiosk's token; ask head office for one, and put it into the file "
    "that upload.token_file names",
    403: "the token is another kiosk's; ask head office for one for this kiosk, and put it into "
    "the file that upload.token_file names",
    404: "nobody takes events there; check upload.url",
    405: "nobody takes events there; check upload.url",
}
_TOO_LARGE = (
    "its web server takes less at once; head office must raise that limit (in nginx: "
    f"client_max_body_size {MAX_PARCEL_BYTES >> 20}m)"
)


class HttpSink:
    """One connection that is used again. No redirects: a portal is not head office."""

    def __init__(
        self, address: str, *, token: str = "", timeout_s: float = 20.0, whole_s: float = 300.0
    ) -> None:
        """`timeout_s`: longest time without a byte; `whole_s`: for all that is asked and answered
        at once.
        """
        self._timeout = urllib3.Timeout(connect=timeout_s, read=timeout_s)
        self._whole_s = whole_s
        self._address = address.rstrip("/")
        self._headers = {
            "User-Agent": f"sku-kiosk/{__version__}",
            **({"Authorization": f"Bearer {token}"} if token else {}),
        }
        self._open: list[Open] = []
        self._pool: urllib3.PoolManager | None = None

    def send(self, events: Sequence[Event]) -> Receipt:
        body = json.dumps({"events": [event.as_json() for event in events]})
        url = f"{self._address}/v1/events"
        return _receipt(self._asked("POST", url, body.encode(), "application/json"), url)

    def deliver(self, kiosk: str, parcel: bytes) -> None:
        digest = hashlib.sha256(parcel).hexdigest()
        url = f"{self._address}/v1/parcels/{kiosk}/{digest}"
        if _decoded(self._asked("PUT", url, parcel, "application/zip"), url).get("kept") != digest:
            raise _no_receipt(url)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.clear()

    def _asked(self, method: str, url: str, body: bytes, kind: str) -> bytes:
        """The answer to a request that was answered well."""
        try:
            with Watch(self._open, self._whole_s) as watch:
                status, data = self._exchanged(method, url, body, kind)
        except (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError) as error:
            raise self._unanswered(TimeoutError() if watch.late else error) from error
        if watch.late:  # the cut may look like the end of an answer
            raise self._unanswered(TimeoutError())
        if status == 413:
            raise TooLarge("http_413", f"{self._address} answered 413: {_TOO_LARGE}")
        if status in _FINAL:
            raise Held(f"http_{status}", f"{self._address} answered {status}: {_FINAL[status]}")
        if status != 200:
            raise Offline(f"http_{status}", f"{self._address} answered {status}: it is tried again")
        return data

    def _exchanged(self, method: str, url: str, body: bytes, kind: str) -> tuple[int, bytes]:
        if self._pool is None:
            self._pool = pools_for(self._address, self._open)
        answer = self._pool.request(
            method,
            url,
            # In pieces: the time limit of a socket is for each of them, not for what a slow line
            # takes for all.
            body=io.BytesIO(body),
            headers={**self._headers, "Content-Type": kind, "Content-Length": str(len(body))},
            redirect=False,
            retries=False,
            timeout=self._timeout,
            preload_content=False,
        )
        try:
            return answer.status, bytes(answer.read(MAX_ANSWER_BYTES))
        finally:
            answer.close()

    def _unanswered(self, error: Exception) -> Offline:
        if isinstance(error, urllib3.exceptions.SSLError):
            reason = "cannot prove who it is"
            to_do = "check the clock of this device, and its certificate"
            return Offline("certificate", f"{self._address} {reason} ({_reason(error)}): {to_do}")
        refused = isinstance(error, urllib3.exceptions.NewConnectionError)  # a timeout to urllib3
        late = isinstance(error, urllib3.exceptions.TimeoutError | TimeoutError)
        if late and not refused:
            return Offline("slow", f"{self._address} did not answer in time: it is tried again")
        return Offline(
            "unreachable",
            f"nobody answers at {self._address} ({_reason(error)}): it is tried again",
        )


def _decoded(data: bytes, url: str) -> dict[str, Any]:
    """What a receiver said; a page of a portal is none of it."""
    try:
        body: Any = json.loads(data)
    except (ValueError, RecursionError):
        raise _no_receipt(url) from None
    if not isinstance(body, dict):
        raise _no_receipt(url)
    return body


def _receipt(data: bytes, url: str) -> Receipt:
    body = _decoded(data, url)
    taken, refused = body.get("taken"), body.get("refused")
    if not isinstance(taken, list) or not isinstance(refused, dict):
        raise _no_receipt(url)
    reasons = {str(name): str(reason)[:200] for name, reason in refused.items()}
    return Receipt(frozenset(map(str, taken)), reasons)


def _no_receipt(url: str) -> Offline:
    """Such as a portal that wants somebody to log in."""
    return Offline(
        "not_a_receipt", f"{url}: who answers is not head office; check upload.url and the network"
    )


def _reason(error: BaseException) -> str:
    """The innermost reason, without the objects that urllib3 prints: the same each time."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())[:120] or type(error).__name__
