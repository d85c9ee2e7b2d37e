# SPDX-License-Identifier: Apache-2.0
"""From the configuration to a camera. The source named is the source used: no silent stand-in.

Each source is imported only when it is asked for: a camera process carries no other one's weight.
"""

from __future__ import annotations

from kiosk.capture.camera import Camera
from kiosk.capture.turned import TurnedCamera
from kiosk.config import CameraConfig
from kiosk.errors import UsageError


def make_camera(config: CameraConfig) -> Camera:
    """The camera of `config`, not yet open, in this process. Rotation is applied here."""
    if config.source == "picamera2":
        from kiosk.capture.picamera import Picamera2Camera

        # The sensor turns by 180 degrees for nothing; the quarter turns are ours.
        upside_down = config.rotation == 180
        camera: Camera = Picamera2Camera(config, upside_down=upside_down)
        return _turned(camera, 0 if upside_down else config.rotation)
    return _turned(_plain(config), config.rotation)


def _plain(config: CameraConfig) -> Camera:
    if config.source == "v4l2":
        from kiosk.capture.v4l2 import V4l2Camera

        return V4l2Camera(config.device, config.width, config.height, config.fps)
    if config.source == "files":
        from kiosk.capture.files import FilesCamera

        return FilesCamera(config)
    if config.source == "demo":
        from kiosk.capture.demo import DemoCamera

        return DemoCamera(config.width, config.height, config.fps, config.seed)
    raise UsageError(
        f"There is no camera source {config.source!r}; use v4l2, picamera2, files or demo."
    )


def _turned(camera: Camera, degrees: int) -> Camera:
    return TurnedCamera(camera, degrees) if degrees else camera
