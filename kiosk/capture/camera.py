# SPDX-License-Identifier: Apache-2.0
"""What every camera promises, whatever is behind it. One contract test suite holds all of them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from kiosk.errors import CameraMissing
from kiosk.values import Frame


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """What was really negotiated, which may differ from what was asked."""

    name: str
    """The device as a person knows it; a URL without its password."""
    format: str
    """Pixel format or kind of file, in the words of the source ("MJPG", "RGB888", "pictures")."""
    width: int
    """Pixels of the frames that are given out: after rotation."""
    height: int
    fps: float
    """Frames per second the source announces; the real rate is measured by who reads."""


class Camera(Protocol):
    """One source of frames.

    Must:
    - give BGR uint8 frames of shape (info.height, info.width, 3), already turned upright;
    - count `Frame.sequence` up strictly, from 0 at each open, with gaps for dropped frames;
    - stamp `Frame.captured_ns` with `time.monotonic_ns` time, never falling;
    - give the newest frame that was not given before, and never the same frame twice;
    - raise CameraStalled from `frame` once `timeout_s` has passed without a new frame;
    - allow `close` at any time: twice, before `open`, after an `open` that failed;
    - allow `open` again after `close`.

    May:
    - block inside `open` or `close` for as long as a driver does (only `CaptureProcess` does not);
    - lend its own memory: a frame is borrowed for the `with` block and must not be written to;
      copy what is needed longer, and let no name hold its pixels when the camera is closed;
    - lend only one frame at a time, to one thread at a time.
    """

    @property
    def live(self) -> bool:
        """True for a real sensor, whose noise never repeats: a picture that does is a fault."""
        ...

    def open(self) -> CameraInfo:
        """Start the camera. Raises CameraMissing (or another CameraError) with what to do."""
        ...

    def frame(self, timeout_s: float) -> AbstractContextManager[Frame]:
        """Borrow the newest frame; entering waits up to `timeout_s` for it.

        Raises CameraStalled when none came in time, CameraMissing when the camera is gone or not
        open, CameraGarbage when what it gives is no picture, CameraEnded at the end of a recording.
        """
        ...

    def close(self) -> None:
        """Stop the camera and free its device. Harmless when it is not open."""
        ...


def not_open() -> CameraMissing:
    """The error for a frame asked of a camera that is closed."""
    return CameraMissing("The camera is not open; open it before asking for frames.")
