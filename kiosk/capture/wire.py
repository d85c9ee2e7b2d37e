# SPDX-License-Identifier: Apache-2.0
"""The messages between the kiosk and its camera process: one JSON object a line.

Nothing here can block for long: every slot is either free or announced, so there are never more
lines under way than slots, and they fit a pipe many times over.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kiosk.capture.camera import CameraInfo
from kiosk.capture.ring import Layout
from kiosk.config import CameraConfig
from kiosk.errors import (
    CameraEnded,
    CameraError,
    CameraGarbage,
    CameraMissing,
    CameraStalled,
)

_FAULTS: dict[str, type[CameraError]] = {
    kind.__name__: kind
    for kind in (CameraMissing, CameraStalled, CameraGarbage, CameraEnded, CameraError)
}


@dataclass(frozen=True, slots=True)
class Setup:
    """The first line to the camera process: what to open, and where to put frames."""

    config: CameraConfig
    factory: str
    memory: int
    """File descriptor of the shared memory."""
    parent: int
    """Process id of the kiosk."""
    log_level: str


@dataclass(frozen=True, slots=True)
class Free:
    """To the camera process: this slot may be written again."""

    slot: int


@dataclass(frozen=True, slots=True)
class Hello:
    """The process is up and begins to open the camera."""


@dataclass(frozen=True, slots=True)
class Opened:
    info: CameraInfo
    live: bool


@dataclass(frozen=True, slots=True)
class Mapped:
    """The shared memory now has this layout."""

    layout: Layout


@dataclass(frozen=True, slots=True)
class Offer:
    """A slot holds a new frame and belongs to the reader until it is freed."""

    slot: int
    sequence: int
    captured_ns: int
    spread: float
    """Largest standard deviation of a colour channel: near 0 for a blank picture."""
    repeats: bool
    """Bit for bit the picture before."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The camera failed and the process ends."""

    error: CameraError


Message = Setup | Free | Hello | Opened | Mapped | Offer | Fault


def encode(message: Message) -> bytes:
    """One line."""
    if isinstance(message, Fault):
        body: dict[str, Any] = {"error": type(message.error).__name__, "text": str(message.error)}
    else:
        body = dataclasses.asdict(message)
    return json.dumps({"is": type(message).__name__, **body}).encode() + b"\n"


def decode(line: bytes) -> Message:
    """The message of a line. Raises CameraGarbage when it is none."""
    try:
        body = json.loads(line)
        return _build(body.pop("is"), body)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CameraGarbage(
            f"The camera process sent a line that is no message: {error}"
        ) from error


def _build(kind: str, body: dict[str, Any]) -> Message:
    if kind == "Setup":
        return Setup(**{**body, "config": CameraConfig(**body["config"])})
    if kind == "Opened":
        return Opened(CameraInfo(**body["info"]), bool(body["live"]))
    if kind == "Mapped":
        return Mapped(Layout(**body["layout"]))
    if kind == "Fault":
        return Fault(_FAULTS[body["error"]](body["text"]))
    plain: dict[str, type[Free] | type[Hello] | type[Offer]]
    plain = {"Free": Free, "Hello": Hello, "Offer": Offer}
    return plain[kind](**body)


class Lines:
    """Complete lines from a pipe that gives bytes in pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        yield from lines


def send(descriptor: int, message: Message) -> None:
    """Write one line whole; OSError when the other side is gone."""
    data = encode(message)
    while data:
        data = data[os.write(descriptor, data) :]
