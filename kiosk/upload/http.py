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
    401: "it does not know this kiosk's token; set upload.token_file",
    403: "the token is another kiosk's; set upload.token_file",
    404: "nobody takes events there; check upload.url",
    413: "the batch is too large for it; raise its limit",
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
            raise Offline(
                "unreachable", f"{url}: nobody answers ({error}); it is tried again"
            ) from error
        if status in _FINAL:
            raise Held(f"http_{status}", f"{url}: answered {status}: {_FINAL[status]}")
        if status != 200:
            raise Offline(f"http_{status}", f"{url}: answered {status}; it is tried again")
        return bytes(data)


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
    return Offline("not_a_receipt", f"{url}: the answer is not head office's; it is tried again")
