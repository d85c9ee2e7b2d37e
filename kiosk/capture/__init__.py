# SPDX-License-Identifier: Apache-2.0
"""Cameras: one source per file behind the `Camera` protocol, run in a child process of their own.

The product uses `CaptureProcess`; `make_camera` opens a source in this very process, for benchmarks
and tests.
"""

from kiosk.capture.camera import Camera, CameraInfo
from kiosk.capture.process import CaptureProcess
from kiosk.capture.sources import make_camera
from kiosk.capture.status import CameraStatus

__all__ = ["Camera", "CameraInfo", "CameraStatus", "CaptureProcess", "make_camera"]
