# SPDX-License-Identifier: Apache-2.0
"""Events in HTTP batches: `POST ADDRESS/v1/events`, answered once they are stored."""

from __future__ import annotations

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
        self._url = address.rstrip("/") + "/v1/events"
        self._headers = {
            "Content-Type": "application/json",
            "User-Agent": f"sku-kiosk/{__version__}",
            **({"Authorization": f"Bearer {token}"} if token else {}),
        }
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=timeout_s, read=timeout_s), retries=False
        )

    def send(self, events: Sequence[Event]) -> Receipt:
        body = json.dumps({"events": [event.as_json() for event in events]})
        try:
            answer = self._pool.request(
                "POST",
                self._url,
                body=body.encode(),
                headers=self._headers,
                redirect=False,
                preload_content=False,
            )
            try:
                status, data = answer.status, answer.read(MAX_ANSWER_BYTES)
            finally:
                answer.close()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise Offline(
                "unreachable", f"{self._url}: nobody answers ({error}); it is tried again"
            ) from error
        if status in _FINAL:
            raise Held(f"http_{status}", f"{self._url}: answered {status}: {_FINAL[status]}")
        if status != 200:
            raise Offline(f"http_{status}", f"{self._url}: answered {status}; it is tried again")
        return _receipt(data, self._url)

    def close(self) -> None:
        self._pool.clear()


def _receipt(data: bytes, url: str) -> Receipt:
    """What a receiver said; a page of a portal is no receipt."""
    try:
        body: Any = json.loads(data)
        taken, refused = body["taken"], body["refused"]
        reasons = {str(name): str(reason)[:200] for name, reason in refused.items()}
        return Receipt(frozenset(map(str, taken)), reasons)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Offline(
            "not_a_receipt", f"{url}: the answer is not head office's; it is tried again"
        ) from error
