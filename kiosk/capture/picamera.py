# SPDX-License-Identifier: Apache-2.0
"""The Raspberry Pi camera, through picamera2 on libcamera. Both are imported only when it opens."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kiosk.capture.camera import CameraInfo, not_open
from kiosk.capture.settling import Settling, starting_controls
from kiosk.config import CameraConfig
from kiosk.errors import CameraError, CameraMissing, CameraStalled
from kiosk.values import Frame, Pixels
from kiosk.vision.image import from_yuv420, turned

BUFFERS = 4
FIRST_FRAME_S = 5.0
LORES_WIDTH = 640

_log = logging.getLogger(__name__)

# The trap: libcamera names 24-bit formats as DRM does, by significance in a little-endian word,
# so "RGB888" lies in memory as B, G, R: our order. "BGR888" is the one that gives R, G, B.
_FORMAT_OF_ORDER = {"BGR": "RGB888", "RGB": "BGR888"}


def format_of(byte_order: str) -> str:
    """libcamera's name for 8-bit pixels that lie in memory in `byte_order` ("BGR" or "RGB")."""
    return _FORMAT_OF_ORDER[byte_order]


def monotonic_ns(sensor_ns: int | None, boot_ns: int, now_ns: int) -> int:
    """A sensor's time stamp (since boot, sleep included) on the clock of `time.monotonic_ns`.

    `boot_ns` and `now_ns` are both clocks at one moment. A stamp that is missing or not of the last
    second is replaced by now.
    """
    if not sensor_ns:
        return now_ns
    age_ns = boot_ns - sensor_ns
    return now_ns - age_ns if 0 <= age_ns < 1_000_000_000 else now_ns


def lores_size(width: int, height: int) -> tuple[int, int]:
    """A smaller size of the same shape with even sides, as 4:2:0 needs; never larger."""
    scale = min(1.0, LORES_WIDTH / width)
    return round(width * scale) // 2 * 2, round(height * scale) // 2 * 2


class Picamera2Camera:
    """Camera number `config.device` (empty: the first), with a main and a lores stream.

    A frame's pixels are the camera's own buffer, given back at the end of the loan.
    """

    def __init__(self, config: CameraConfig, *, upside_down: bool) -> None:
        self._config = config
        self._upside_down = upside_down
        self._left_to_turn = 0
        self._camera: Any = None
        self._job: Any = None
        self._settling: Settling | None = None
        self._sequence = 0
        self._last_ns = 0

    @property
    def live(self) -> bool:
        return True

    def open(self) -> CameraInfo:
        self.close()
        picamera2, libcamera = _modules()
        name = "Raspberry Pi camera"
        try:
            known = picamera2.Picamera2.global_camera_info()
            number, name = _choose(known, self._config.device)
            self._camera = picamera2.Picamera2(number)
            info = self._configure(libcamera, name)
            self._camera.start()
        except (RuntimeError, OSError, ValueError) as error:
            self.close()
            raise CameraMissing(
                f"The {name} cannot be started: {_cause(error)}. Close other programs that "
                "use it and check its cable."
            ) from error
        self._sequence = self._last_ns = 0
        try:
            with self.frame(FIRST_FRAME_S):
                pass
        except CameraError:
            self.close()
            raise
        self._sequence = 0
        return info

    @contextmanager
    def frame(self, timeout_s: float) -> Iterator[Frame]:
        if self._camera is None:
            raise not_open()
        import picamera2

        request = self._next_request(timeout_s)
        try:
            metadata = request.get_metadata()
            self._hold_when_settled(metadata)
            captured_ns = monotonic_ns(
                metadata.get("SensorTimestamp"),
                time.clock_gettime_ns(time.CLOCK_BOOTTIME),
                time.monotonic_ns(),
            )
            self._last_ns = max(self._last_ns, captured_ns)
            lores = self._lores(request)
            with picamera2.MappedArray(request, "main", write=False) as main:
                pixels = turned(main.array, self._left_to_turn)
                frame = Frame(pixels, self._sequence, self._last_ns, lores)
                self._sequence += 1
                yield frame
        finally:
            request.release()

    def close(self) -> None:
        camera, self._camera, self._job, self._settling = self._camera, None, None, None
        if camera is None:
            return
        try:
            camera.close()
        except RuntimeError as error:
            # Half started or already gone. The process that opened it ends soon, and frees it all.
            _log.warning("the camera did not close in order: %s", _cause(error))

    def _configure(self, libcamera: Any, name: str) -> CameraInfo:  # noqa: ANN401 - untyped library
        config, camera = self._config, self._camera
        turn = int(self._upside_down)
        advertised = camera.camera_controls
        camera.configure(
            camera.create_video_configuration(
                main={"size": (config.width, config.height), "format": format_of("BGR")},
                lores={"size": lores_size(config.width, config.height), "format": "YUV420"},
                transform=libcamera.Transform(hflip=turn, vflip=turn),
                buffer_count=BUFFERS,
                controls=starting_controls(advertised, config.fps),
            )
        )
        self._settling = Settling(advertised) if config.lock else None
        taken = camera.camera_configuration()
        # A pipeline that cannot turn the picture changes the request without a word.
        done = bool(taken["transform"].hflip and taken["transform"].vflip)
        self._left_to_turn = 180 if self._upside_down and not done else 0
        width, height = taken["main"]["size"]
        return CameraInfo(name, format_of("BGR"), width, height, config.fps)

    def _next_request(self, timeout_s: float) -> Any:  # noqa: ANN401 - untyped library
        # A job that timed out stays queued and would swallow a buffer: wait for the same one again.
        if self._job is None:
            self._job = self._camera.capture_request(wait=False)
        try:
            request = self._job.get_result(timeout=timeout_s)
        except TimeoutError:
            raise CameraStalled(f"The camera sent no new picture for {timeout_s:g} s.") from None
        except RuntimeError as error:
            self._job = None
            raise CameraMissing(f"The camera is gone: {_cause(error)}. Check its cable.") from error
        self._job = None
        return request

    def _hold_when_settled(self, metadata: dict[str, Any]) -> None:
        controls = self._settling.controls(metadata) if self._settling else None
        if controls:
            self._camera.set_controls(controls)

    def _lores(self, request: Any) -> Pixels:  # noqa: ANN401 - untyped library
        width, height = self._camera.camera_configuration()["lores"]["size"]
        lores = from_yuv420(request.make_array("lores"), width, height)
        return turned(lores, self._left_to_turn)


def _modules() -> tuple[Any, Any]:
    """picamera2 and libcamera, or CameraMissing with the command that brings them."""
    try:
        import libcamera
        import picamera2
    except ImportError as error:
        raise CameraMissing(
            f"libcamera/picamera2 is not installed ({error}): apt install python3-picamera2 and "
            "make the venv with --system-site-packages."
        ) from error
    except ValueError as error:
        # The OS's simplejpeg is built for numpy 1; beside numpy 2 its import says
        # "numpy.dtype size changed, may indicate binary incompatibility".
        raise CameraMissing(
            f"picamera2 does not fit this numpy ({error}): pip install simplejpeg into the venv."
        ) from error
    return picamera2, libcamera


def _choose(cameras: list[dict[str, Any]], device: str) -> tuple[int, str]:
    """Number and name of the camera to open, or CameraMissing with a list of what there is."""
    names = [
        f"{number}: {camera.get('Model') or camera['Id']}" for number, camera in enumerate(cameras)
    ]
    if not cameras:
        raise CameraMissing(
            "No Raspberry Pi camera found. Check the ribbon cable at both ends and restart the Pi."
        )
    if device and not (device.isdecimal() and int(device) < len(cameras)):
        raise CameraMissing(
            f"There is no camera number {device!r}; cameras found: {', '.join(names)}."
        )
    number = int(device or 0)
    return number, names[number].partition(": ")[2]


def _cause(error: BaseException) -> str:
    """The innermost reason: picamera2 wraps the telling message in a general one."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).rstrip(".") or type(error).__name__
