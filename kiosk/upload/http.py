# SPDX-License-Identifier: Apache-2.0
"""Events in HTTP batches: `POST ADDRESS/v1/events`, answered once they are stored; and parcels:
`PUT ADDRESS/v1/parcels/KIOSK/SHA256`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import urllib3

from kiosk import __version__
from kiosk.errors import Held, Offline
from kiosk.event import Event
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
    413: "the batch is too large for it; head office must raise the limit of its web server",
}


class HttpSink:
    """One connection that is used again. No redirects: a portal is not head office."""

    def __init__(self, address: str, *, token: str = "", timeout_s: float = 20.0) -> None:
        self._address = address.rstrip("/")
        self._headers = {
            "User-Agent": f"sku-kiosk/{__version__}",
            **({"Authorization": f"Bearer {token}"} if token else {}),
        }
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=timeout_s, read=timeout_s), retries=False
        )

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
        self._pool.clear()

    def _asked(self, method: str, url: str, body: bytes, kind: str) -> bytes:
        """The answer to a request that was answered well."""
        try:
            answer = self._pool.request(
                method,
                url,
                body=body,
                headers={**self._headers, "Content-Type": kind},
                redirect=False,
                preload_content=False,
            )
            try:
                status, data = answer.status, answer.read(MAX_ANSWER_BYTES)
            finally:
                answer.close()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise self._unanswered(error) from error
        if status in _FINAL:
            raise Held(f"http_{status}", f"{self._address} answered {status}: {_FINAL[status]}")
        if status != 200:
            raise Offline(f"http_{status}", f"{self._address} answered {status}: it is tried again")
        return bytes(data)

    def _unanswered(self, error: Exception) -> Offline:
        if isinstance(error, urllib3.exceptions.SSLError):
            reason = "cannot prove who it is"
            to_do = "check the clock of this device, and its certificate"
            return Offline("certificate", f"{self._address} {reason} ({_reason(error)}): {to_do}")
        refused = isinstance(error, urllib3.exceptions.NewConnectionError)  # a timeout to urllib3
        if isinstance(error, urllib3.exceptions.TimeoutError) and not refused:
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
