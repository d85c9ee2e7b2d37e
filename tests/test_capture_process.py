# SPDX-License-Identifier: Apache-2.0
"""The watched camera process against drivers and servers that block, die, lie and come back."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from camera_parts import HEIGHT, PATCH, WIDTH, Told, write_folder, write_video
from camera_server import BLANK, GARBAGE, PLAY, STALL, MjpegServer
from killed_process import lines_of, python
from waiting import DEADLINE_S, aside, until

from kiosk.capture import CaptureProcess
from kiosk.config import CameraConfig
from kiosk.errors import CameraEnded, CameraError, CameraGarbage, CameraMissing, WatcherFailed
from kiosk.values import Frame

CONFIG = CameraConfig(source="files", width=WIDTH, height=HEIGHT, fps=50.0, stall_s=0.5)


@pytest.fixture
def server() -> Iterator[MjpegServer]:
    server = MjpegServer()
    yield server
    server.stop()


@pytest.fixture
def folder(tmp_path: Path) -> CameraConfig:
    return replace(CONFIG, device=str(write_folder(tmp_path / "pictures")))


@contextlib.contextmanager
def watched(config: CameraConfig, **more: object) -> Iterator[tuple[CaptureProcess, Told]]:
    told = Told()
    camera = CaptureProcess(config, on_status=told, **more)
    camera.start()
    try:
        yield camera, told
    finally:
        camera.close()


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> str:
    """The module of faulty cameras, where camera processes find it too."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    return "camera_faults"


def next_frame(camera: CaptureProcess) -> Frame:
    """The next frame, whatever faults there are until then; its pixels are a copy."""
    found: list[Frame] = []

    def arrived() -> bool:
        with contextlib.suppress(CameraError), camera.frame(0.2) as frame:
            found.append(replace(frame, pixels=frame.pixels.copy()))
        return bool(found)

    until(arrived, "a frame")
    return found[0]


def is_gone(pid: int) -> bool:
    """True once `pid` has ended (whoever has to collect it)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX"


def test_a_server_that_stalls_is_noticed_and_its_return_too(server: MjpegServer) -> None:
    with watched(replace(CONFIG, device=server.url)) as (camera, told):
        told.wait_ok()
        before = next_frame(camera)
        server.mode = STALL
        told.wait_for("stopped sending pictures")
        server.mode = PLAY
        told.wait_ok()
        assert told.last.restarts >= 1
        assert next_frame(camera).sequence > before.sequence


def test_a_server_that_goes_away_and_comes_back_is_reconnected(server: MjpegServer) -> None:
    with watched(replace(CONFIG, device=server.url)) as (camera, told):
        told.wait_ok()
        next_frame(camera)
        server.stop()
        told.wait_for("Check")
        until(lambda: "No video found" in told.last.message, "a refused connection")
        with pytest.raises(CameraMissing, match="No video found"), camera.frame(0.1):
            pass
        server.start()
        told.wait_ok()
        next_frame(camera)


def test_garbage_instead_of_pictures_is_noticed(server: MjpegServer) -> None:
    with watched(replace(CONFIG, device=server.url)) as (camera, told):
        told.wait_ok()
        server.mode = GARBAGE
        until(lambda: not told.last.ok, "a report")
        server.mode = PLAY
        told.wait_ok()
        next_frame(camera)


def test_a_blank_picture_is_reported_but_not_reopened_for_ever(server: MjpegServer) -> None:
    with watched(replace(CONFIG, device=server.url, stall_s=1.0)) as (camera, told):
        told.wait_ok()
        server.mode = BLANK
        told.wait_for("blank picture")
        until(lambda: told.last.restarts == 1, "one attempt to cure it by reopening")
        first = next_frame(camera).sequence
        until(lambda: next_frame(camera).sequence > first + 50, "two more seconds of blank")
        assert "blank" in told.last.message
        assert told.last.restarts == 1
        server.mode = PLAY
        told.wait_ok()
        assert told.last.restarts == 1


def test_a_killed_camera_process_is_replaced(folder: CameraConfig) -> None:
    with watched(folder) as (camera, told):
        told.wait_ok()
        before = next_frame(camera)
        pid = camera.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        told.wait_for("stopped unexpectedly")
        told.wait_ok()
        after = next_frame(camera)
        assert camera.pid != pid
        assert after.sequence > before.sequence
        assert after.captured_ns >= before.captured_ns


def test_a_stopped_camera_process_is_replaced_while_others_get_answers(
    folder: CameraConfig,
) -> None:
    with watched(folder) as (camera, told):
        told.wait_ok()
        pid = camera.pid
        assert pid is not None
        faults: list[str] = []
        stop = threading.Event()

        def reader() -> None:
            while not stop.is_set():
                try:
                    with camera.frame(0.05):
                        camera.status  # noqa: B018 - must return at once
                except CameraError as error:
                    faults.append(str(error))

        with aside(reader, over=stop.set):
            os.kill(pid, signal.SIGSTOP)
            told.wait_for("stopped sending pictures")
            told.wait_ok()
        assert any("no new picture" in fault for fault in faults)
        assert is_gone(pid)


def test_a_driver_that_blocks_with_the_interpreter_lock_held_is_replaced(faulty: str) -> None:
    with watched(CONFIG, factory=f"{faulty}:HoldingCamera") as (camera, told):
        told.wait_ok()
        pid = camera.pid
        assert pid is not None
        told.wait_for("stopped sending pictures")
        told.wait_ok()
        assert is_gone(pid)


def test_a_pipe_named_as_video_blocks_nothing(tmp_path: Path) -> None:
    pipe = tmp_path / "video.avi"
    os.mkfifo(pipe)
    config = replace(CONFIG, device=str(pipe))
    with watched(config, open_limit_s=0.8) as (camera, told):
        told.wait_for("does not answer yet")
        until(lambda: told.last.restarts >= 1, "another attempt")
        with pytest.raises(CameraError), camera.frame(0.05):
            pass


def test_a_camera_that_never_opens_or_never_closes_holds_nobody(faulty: str) -> None:
    with watched(CONFIG, factory=f"{faulty}:UnopenableCamera", open_limit_s=0.8) as (camera, _):
        with pytest.raises(CameraMissing, match="does not answer"):
            camera.open()
        pid = camera.pid
    with watched(CONFIG, factory=f"{faulty}:UnclosableCamera") as (camera, told):
        told.wait_ok()
        pid = camera.pid
    assert pid is not None
    assert is_gone(pid)


def test_a_frozen_live_picture_is_a_fault_but_a_repeated_recording_is_not(faulty: str) -> None:
    with watched(CONFIG, factory=f"{faulty}:FrozenCamera") as (_, told):
        told.wait_ok()
        told.wait_for("repeats the same picture")
    calm = replace(CONFIG, stall_s=1.5)
    with watched(calm, factory=f"{faulty}:CalmCamera") as (camera, told):
        told.wait_ok()
        until(lambda: next_frame(camera).sequence > 100, "two seconds of repetition")
        assert told.last.ok


def test_a_frame_of_another_shape_is_a_fault(faulty: str) -> None:
    with watched(CONFIG, factory=f"{faulty}:ShrinkingCamera") as (camera, told):
        until(lambda: "shape" in told.last.message, "a report")
        with pytest.raises(CameraGarbage, match="shape"), camera.frame(0.0):
            pass


def test_a_driver_that_crashes_is_restarted(faulty: str) -> None:
    with watched(CONFIG, factory=f"{faulty}:CrashingCamera") as (_, told):
        told.wait_for("stopped unexpectedly")
        until(lambda: told.last.restarts >= 1 and told.last.ok, "a restart")


def test_what_a_library_prints_is_not_taken_for_a_message(faulty: str) -> None:
    with watched(CONFIG, factory=f"{faulty}:ChattyCamera") as (camera, told):
        until(lambda: next_frame(camera).sequence > 20, "frames")
        assert told.last.ok


def test_a_camera_that_is_missing_is_found_when_it_appears(tmp_path: Path) -> None:
    path = tmp_path / "later"
    with watched(replace(CONFIG, device=str(path))) as (camera, told):
        with pytest.raises(CameraMissing, match="nothing at .*later"):
            camera.open()
        told.wait_for("nothing at")
        write_folder(path)
        told.wait_ok()
        next_frame(camera)


def test_a_recording_ends_once_and_stays_ended(tmp_path: Path) -> None:
    video = write_video(tmp_path / "video.avi", count=5)
    with watched(replace(CONFIG, device=str(video), loop=False)) as (camera, told):
        told.wait_for("recording has ended")
        assert next_frame(camera).sequence == 4  # the last picture is still to be had
        for _ in range(3):
            with pytest.raises(CameraEnded), camera.frame(DEADLINE_S):
                pass
        assert told.last.restarts == 0
        assert camera.pid is None


def test_each_change_is_told_and_logged_once(
    folder: CameraConfig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "kiosk.capture")
    with watched(replace(folder, stall_s=5.0)) as (camera, told):
        told.wait_ok()
        first = next_frame(camera).sequence
        until(lambda: next_frame(camera).sequence > first + 20, "frames")
    lines = [record.getMessage() for record in caplog.records]
    assert len([line for line in lines if "working" in line]) == 1
    assert all(one != two for one, two in zip(told.all, told.all[1:], strict=False))


def test_a_slow_reader_never_sees_a_torn_frame(faulty: str) -> None:
    config = replace(CONFIG, stall_s=5.0)
    with watched(config, factory=f"{faulty}:StripedCamera") as (camera, _):
        camera.open()
        for _ in range(5):
            with camera.frame(DEADLINE_S) as held:
                value = held.sequence % 251
                for _ in range(40):  # the ring turns many times meanwhile
                    with camera.frame(DEADLINE_S) as other:
                        inside = other.pixels[17:]
                        assert (inside == other.sequence % 251).all()
                        assert other.lores is not None
                        assert (other.lores == other.sequence % 251).all()
                        last = other.sequence
                assert (held.pixels[17:] == value).all()
                assert (held.lores == value).all()
            assert last > held.sequence + 39


def test_frames_are_read_only_and_few_may_be_held(folder: CameraConfig) -> None:
    with watched(folder) as (camera, _):
        with camera.frame(DEADLINE_S) as one, camera.frame(DEADLINE_S) as two:
            assert one.sequence != two.sequence
            third = camera.frame(DEADLINE_S)
            with pytest.raises(RuntimeError, match="give a borrowed frame back"), third:
                pass
            with pytest.raises(ValueError, match="read-only"):
                one.pixels[0, 0] = 0
        next_frame(camera)


def test_a_frame_outlives_the_camera_it_was_borrowed_from(folder: CameraConfig) -> None:
    with watched(folder) as (camera, _), camera.frame(DEADLINE_S) as frame:
        before = frame.pixels.copy()
        camera.close()
        assert np.array_equal(frame.pixels, before)


def test_a_frozen_reader_is_not_a_stall(folder: CameraConfig) -> None:
    """Both loans held for long: the camera process drops frames and goes on."""
    with watched(replace(folder, stall_s=1.0)) as (camera, told):
        told.wait_ok()
        with camera.frame(DEADLINE_S), camera.frame(DEADLINE_S) as second:
            newest = second.sequence
            held_until = time.monotonic() + 2.0
            until(lambda: time.monotonic() > held_until, "twice the stall limit")
        assert next_frame(camera).sequence > newest + 20
        assert told.last.restarts == 0


PARENT = """
import sys, time
from kiosk.capture import CaptureProcess
from kiosk.config import CameraConfig
from kiosk.errors import CameraStalled
config = CameraConfig(source="files", device=sys.argv[1], width=192, height=128, stall_s=60.0)
camera = CaptureProcess(config, factory=sys.argv[2])
camera.open()
try:
    for _ in range(10):
        with camera.frame(float(sys.argv[3])):
            pass
    print("plays", camera.pid, flush=True)
except CameraStalled:
    print("blocks", camera.pid, flush=True)
while True:
    time.sleep(60)
"""


@pytest.mark.parametrize(
    ("factory", "state", "wait_s"),
    [
        ("kiosk.capture.sources:make_camera", "plays", 60),
        ("camera_faults:HoldingCamera", "blocks", 1),  # with the interpreter lock held
    ],
)
def test_the_camera_process_dies_with_the_kiosk(
    folder: CameraConfig, faulty: str, factory: str, state: str, wait_s: int
) -> None:
    with python(PARENT, folder.device, factory, wait_s) as parent:
        found, child = lines_of(parent, 1)[0].split()
        assert found == state
        assert not is_gone(int(child))
        parent.kill()
    until(lambda: is_gone(int(child)), "the end of the camera process")


def test_nothing_is_left_after_many_openings(folder: CameraConfig) -> None:
    def traces() -> tuple[int, int, int]:
        gc.collect()
        children = Path(f"/proc/self/task/{os.getpid()}/children")
        running = len(children.read_text().split()) if children.exists() else 0
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), running

    def cycle() -> None:
        camera = CaptureProcess(folder)
        camera.open()
        with camera.frame(DEADLINE_S) as frame:
            assert frame.pixels[PATCH // 2, PATCH // 2].tolist() == [0, 0, 255]
        camera.close()

    cycle()
    before = traces()
    for _ in range(8):
        cycle()
    # Less is no leak: what the test before this one left may end meanwhile.
    until(lambda: all(now <= then for now, then in zip(traces(), before, strict=True)), "no trace")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_watcher_that_fails_is_no_camera_fault_to_wait_out(folder: CameraConfig) -> None:
    def broken(status: object) -> None:
        raise ValueError("the page has a bug")

    camera = CaptureProcess(folder, on_status=broken)
    camera.start()

    def failed() -> bool:
        try:
            with contextlib.suppress(CameraError), camera.frame(0.1):
                pass
        except WatcherFailed as error:
            return "the page has a bug" in str(error)
        return False

    until(failed, "the failure in front of a reader")
    camera.close()


def test_closing_ends_an_opening_that_waits(faulty: str) -> None:
    camera = CaptureProcess(CONFIG, factory=f"{faulty}:UnopenableCamera")
    ended: list[CameraError] = []

    def opened() -> None:
        try:
            camera.open()
        except CameraError as error:
            ended.append(error)

    with aside(opened, over=camera.close):
        until(lambda: camera.pid is not None, "the camera process")
    assert isinstance(ended[0], CameraMissing)
