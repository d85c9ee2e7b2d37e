# SPDX-License-Identifier: Apache-2.0
"""The camera contract: every source passes the same tests, over its real parts."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from camera_parts import HEIGHT, PATCH, RED, WIDTH, write_folder, write_video
from camera_server import STALL, MjpegServer
from waiting import DEADLINE_S

from kiosk.capture import Camera, CaptureProcess, make_camera
from kiosk.capture.devices import capture_devices
from kiosk.config import CameraConfig
from kiosk.errors import CameraError, CameraMissing, CameraStalled
from kiosk.scene import Scene
from kiosk.values import Frame

BASE = CameraConfig(width=WIDTH, height=HEIGHT, fps=25.0)
REAL_SIZE = {"width": 640, "height": 480, "fps": 15.0}


@dataclass(frozen=True)
class Source:
    """One way to a camera, and one that leads nowhere."""

    config: CameraConfig
    missing: CameraConfig | None
    make: Callable[[CameraConfig], Camera] = make_camera

    def camera(self, **changes: object) -> Camera:
        return self.make(replace(self.config, **changes))


def files(device: object) -> CameraConfig:
    return replace(BASE, source="files", device=str(device))


@pytest.fixture(scope="module")
def server() -> Iterator[MjpegServer]:
    server = MjpegServer()
    yield server
    server.stop()


def picamera2_cameras() -> list[dict[str, object]]:
    try:
        import picamera2
    except (ImportError, ValueError) as error:
        pytest.skip(f"picamera2 cannot be imported: {error}")
    return picamera2.Picamera2.global_camera_info()


PATCHED = ("folder", "picture", "video", "url", "process")
"""Those that show the known picture."""
PICAMERA2 = pytest.param(
    "picamera2",
    # picamera2's own use of an old threading call.
    marks=pytest.mark.filterwarnings("ignore:setDaemon:DeprecationWarning"),
)
REAL = ("v4l2", PICAMERA2)


@pytest.fixture(params=("demo", *PATCHED, *REAL))
def source(request: pytest.FixtureRequest, tmp_path: Path, server: MjpegServer) -> Source:
    kind = request.param
    nowhere = files(tmp_path / "nothing")
    folder = files(write_folder(tmp_path / "folder"))
    if kind == "demo":
        config = replace(BASE, source="demo")
        return Source(config, None)
    if kind == "folder":
        return Source(folder, nowhere)
    if kind == "picture":
        return Source(files(tmp_path / "folder" / "3.png"), nowhere)
    if kind == "video":
        return Source(files(write_video(tmp_path / "video.avi")), nowhere)
    if kind == "url":
        return Source(files(server.url), files("http://127.0.0.1:1/video"))
    if kind == "process":
        return Source(folder, nowhere, CaptureProcess)
    if kind == "v4l2":
        if not capture_devices():
            pytest.skip("there is no V4L2 camera (/dev/video*)")
        config = CameraConfig(source="v4l2", **REAL_SIZE)
        return Source(config, replace(config, device="/dev/video999"))
    if not picamera2_cameras():
        pytest.skip("libcamera finds no camera")
    config = CameraConfig(source="picamera2", **REAL_SIZE)
    return Source(config, replace(config, device="99"))


def take(camera: Camera, count: int) -> list[Frame]:
    """`count` frames, copied out of their loans."""
    frames = []
    for _ in range(count):
        with camera.frame(DEADLINE_S) as frame:
            frames.append(replace(frame, pixels=frame.pixels.copy()))
    return frames


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_frames_have_the_announced_shape_after_rotation(source: Source, rotation: int) -> None:
    camera = source.camera(rotation=rotation)
    info = camera.open()
    try:
        (frame,) = take(camera, 1)
    finally:
        camera.close()
    asked = (source.config.width, source.config.height)
    assert (info.width, info.height) == (asked if rotation % 180 == 0 else asked[::-1])
    assert frame.pixels.shape == (info.height, info.width, 3)
    assert frame.pixels.dtype == np.uint8
    assert info.name
    assert info.format
    assert info.fps > 0


@pytest.mark.parametrize("source", PATCHED, indirect=True)
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_red_is_red_and_upright_after_rotation(source: Source, rotation: int) -> None:
    camera = source.camera(rotation=rotation)
    camera.open()
    try:
        (frame,) = take(camera, 1)
    finally:
        camera.close()
    upright = np.rot90(frame.pixels, rotation // 90)  # anticlockwise: undoes the turn
    patch = upright[8 : PATCH - 8, 8 : PATCH - 8].reshape(-1, 3).mean(axis=0)
    assert np.abs(patch - RED).max() < 12, patch


@pytest.mark.parametrize("source", REAL, indirect=True)
def test_a_red_card_before_a_real_camera_is_red(source: Source) -> None:
    if not os.environ.get("KIOSK_TEST_RED_CARD"):
        pytest.skip("set KIOSK_TEST_RED_CARD=1 and hold something red before the camera")
    camera = source.camera()
    camera.open()
    try:
        (frame,) = take(camera, 1)
    finally:
        camera.close()
    height, width = frame.pixels.shape[:2]
    middle = frame.pixels[height // 3 : height * 2 // 3, width // 3 : width * 2 // 3]
    blue, green, red = middle.reshape(-1, 3).mean(axis=0)
    assert red > blue + 60
    assert red > green + 60


def test_the_demo_camera_shows_the_scene_of_its_sequence_number() -> None:
    camera = make_camera(replace(BASE, source="demo"))
    camera.open()
    try:
        frames = take(camera, 2)
    finally:
        camera.close()
    scene = Scene(width=WIDTH, height=HEIGHT, fps=BASE.fps, seed=BASE.seed)
    for frame in frames:
        assert np.array_equal(frame.pixels, scene.render(frame.sequence).pixels)


def test_sequence_rises_and_time_never_falls(source: Source) -> None:
    camera = source.camera()
    began = time.monotonic_ns()
    camera.open()
    try:
        frames = take(camera, 6)
    finally:
        camera.close()
    sequences = [frame.sequence for frame in frames]
    times = [frame.captured_ns for frame in frames]
    assert sequences == sorted(set(sequences))
    assert times == sorted(times)
    assert began - 1_000_000_000 <= times[0]
    assert times[-1] <= time.monotonic_ns()


@pytest.mark.parametrize("source", [PICAMERA2], indirect=True)
def test_lores_shows_the_same_view(source: Source) -> None:
    camera = source.camera()
    camera.open()
    try:
        (frame,) = take(camera, 1)
    finally:
        camera.close()
    assert frame.lores is not None
    assert frame.lores.shape[2] == 3
    assert frame.lores.shape[1] <= frame.width
    difference = frame.lores.mean(axis=(0, 1)) - frame.pixels.mean(axis=(0, 1))
    assert np.abs(difference).max() < 12


def test_waiting_too_short_is_a_stall_and_no_frame_comes_twice(source: Source) -> None:
    camera = source.camera()
    camera.open()
    try:
        seen = set()
        stalls = 0
        deadline = time.monotonic() + DEADLINE_S
        while len(seen) < 4 or not stalls:
            assert time.monotonic() < deadline
            try:
                with camera.frame(0.002) as frame:
                    sequence = frame.sequence
                    del frame
                assert sequence not in seen
                seen.add(sequence)
            except CameraStalled:
                stalls += 1
    finally:
        camera.close()


def test_close_is_harmless_twice_and_before_open(source: Source) -> None:
    camera = source.camera()
    camera.close()
    camera.open()
    camera.close()
    camera.close()


def test_no_frame_without_open(source: Source) -> None:
    camera = source.camera()
    with pytest.raises(CameraMissing, match="not open"), camera.frame(0.1):
        pass
    camera.open()
    camera.close()
    with pytest.raises(CameraMissing, match="not open"), camera.frame(0.1):
        pass


def test_opens_again_after_close(source: Source) -> None:
    camera = source.camera()
    for _ in range(3):
        began = time.monotonic()
        info = camera.open()
        (frame,) = take(camera, 1)
        open_s = time.monotonic() - began  # numbers begin anew with each opening
        assert frame.sequence < 20 + 2 * info.fps * open_s
        camera.close()


@pytest.mark.parametrize("source", [*PATCHED, *REAL], indirect=True)
def test_a_failed_open_says_why_and_can_be_closed(source: Source) -> None:
    assert source.missing is not None
    camera = source.make(source.missing)
    with pytest.raises(CameraMissing) as caught:
        camera.open()
    assert source.missing.device in str(caught.value)
    camera.close()
    camera.close()


def test_a_silent_server_is_a_stall(server: MjpegServer) -> None:
    camera = make_camera(files(server.url))
    camera.open()
    take(camera, 2)
    server.mode = STALL
    try:
        with pytest.raises(CameraError) as caught:
            for _ in range(100):
                with camera.frame(0.2):
                    pass
    finally:
        server.mode = "play"
        camera.close()
    assert isinstance(caught.value, CameraStalled)
