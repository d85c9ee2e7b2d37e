# SPDX-License-Identifier: Apache-2.0
"""What came, judged by what it is: nothing that can be judged, or something that was altered.

Pure: bytes and names in, words out. A broken proxy and an attacker look the same from here, so
"altered" is only said of what reads as signed metadata or has the length that was signed.
"""

from __future__ import annotations

import json

from kiosk.errors import Offline

NETWORK = "check the network of this kiosk and sync.source; it is tried again by itself"
TLS = "tls"
MOST_DIGITS = 18
"""Of a number in a head; of a longer one these say enough."""
LOGIN = (
    "a login page or a proxy stands between: let somebody log in to this network, or ask for this "
    "address to be let through"
)


class Unanswered(Offline):
    """Nobody answered with anything that could be judged."""

    def __init__(self, code: str, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(code, message)
        self.retry_after_s = retry_after_s
        """As the server asked; 0: it did not."""


class Absent(Unanswered):
    """The origin answers, but has (404) or gives (403) no such file."""

    def __init__(self, message: str, status: int = 404, code: str = "not_found") -> None:
        super().__init__(code, message)
        self.status = status


def unreachable(name: str, reason: str) -> Unanswered:
    return Unanswered("unreachable", f"{name}: nobody answers ({reason}); {NETWORK}")


def cut_off(name: str, reason: str) -> Unanswered:
    return Unanswered("cut", f"{name}: the transfer broke off ({reason}); {NETWORK}")


def too_slow(name: str, reason: str) -> Unanswered:
    return Unanswered("slow", f"{name}: {reason}; {NETWORK}")


def portal(name: str) -> Unanswered:
    """A web page, whatever was asked for."""
    return Unanswered("portal", f"{name}: a web page came instead of a catalog; {LOGIN}")


def untrusted(name: str, reason: str) -> Unanswered:
    """No secure connection, which a wrong clock prevents too."""
    return Unanswered(
        TLS,
        f"{name}: its certificate is not accepted ({reason}); check this kiosk's clock, and that "
        "no proxy stands between",
    )


def unusable(name: str, reason: str) -> Unanswered:
    """An answer, but not one of a server that has the file."""
    return Unanswered("unusable", f"{name}: {reason}; {LOGIN}")


def refused(name: str, status: int, retry_after: str) -> Unanswered:
    """A status that is no answer; `retry_after` as the header says, or empty."""
    if status in (403, 404):
        return Absent(
            f"{name}: the server says {status}; check sync.source, or tell whoever publishes the "
            "catalog",
            status,
        )
    if 300 <= status < 400:
        return Unanswered("redirected", f"{name}: sent on to another place ({status}); {LOGIN}")
    return Unanswered(
        f"http_{status}",
        f"{name}: the server says {status}; it is tried again by itself",
        seconds(retry_after),
    )


def seconds(retry_after: str) -> float:
    """Of the header Retry-After; 0 when it is a date or nothing: our own waiting will do."""
    digits = retry_after.strip()
    # Nine of them are years already, and thousands cannot even be read as a number.
    return float(min(int(digits[:9]), 86_400)) if digits.isdecimal() else 0.0


def is_signed_metadata(data: bytes) -> bool:
    """Whether these bytes at least have the form of signed metadata."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(body, dict) and {"signed", "signatures"} <= set(body)


def is_page(content_type: str, data: bytes = b"") -> bool:
    """Whether this is a web page, such as a captive portal's."""
    return "html" in content_type.lower() or data.lstrip()[:1] == b"<"
