# SPDX-License-Identifier: Apache-2.0
"""How the camera is, for people. Field for field what the board shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CameraStatus:
    ok: bool = False
    message: str = "The camera is starting."
    """Plain words for the operator: what is wrong and what to do, or that all is well."""
    source: str = ""
    """The configured source: v4l2, picamera2, files or demo."""
    detail: str = ""
    """Device name and format, or the technical side of a fault, for the technician."""
    fps: float = 0.0
    """Measured over the last frames; 0 while there are none."""
    restarts: int = 0
    """Times the camera was reopened since the start."""
