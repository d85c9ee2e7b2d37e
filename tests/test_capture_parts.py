# SPDX-License-Identifier: Apache-2.0
"""The small parts of capture, alone: names, orders, rules and byte layouts."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from camera_parts import HEIGHT, WIDTH, picture, write_folder, write_video
from waiting import DEADLINE_S

from kiosk.capture import CameraInfo, make_camera
from kiosk.capture.devices import capture_card, capture_devices, find_device
from kiosk.capture.fitting import fitted, size_within
from kiosk.capture.judge import Backoff, Judge, Verdict
from kiosk.capture.picamera import _choose, format_of, lores_size, monotonic_ns
from kiosk.capture.pictures import natural
from kiosk.capture.plausible import Measure
from kiosk.capture.rate import Rate
from kiosk.capture.ring import SLOTS, Layout, Ring, new_memory
from kiosk.capture.settling import Settling, starting_controls
from kiosk.capture.stream import without_password
from kiosk.capture.wire import (
    Fault,
    Free,
    Hello,
    Lines,
    Mapped,
    Message,
    Offer,
    Opened,
    Setup,
    decode,
    encode,
)
from kiosk.config import CameraConfig
from kiosk.errors import CameraEnded, CameraError, CameraGarbage, CameraMissing, CameraStalled

# Names and orders.


def test_bgr_in_memory_is_what_libcamera_calls_rgb888() -> None:
    assert format_of("BGR") == "RGB888"
    assert format_of("RGB") == "BGR888"


def test_pictures_are_ordered_as_people_count() -> None:
    names = ["img10.jpg", "IMG2.jpg", "img1b.jpg", "img1.jpg", "7.png"]
    expected = ["7.png", "img1.jpg", "img1b.jpg", "IMG2.jpg", "img10.jpg"]
    assert sorted(names, key=natural) == expected


def test_a_password_in_a_url_is_never_shown() -> None:
    url = "rtsp://shop:secret@10.0.0.7:554/live?token=secret"
    assert without_password(url) == "rtsp://10.0.0.7:554/live"
    camera = make_camera(CameraConfig(source="files", device="http://u:secret@127.0.0.1:1/"))
    with pytest.raises(CameraMissing) as caught:
        camera.open()
    assert "secret" not in str(caught.value)


def test_a_camera_process_carries_no_model_runtime_and_no_page() -> None:
    script = (
        "import sys, kiosk.capture.child, kiosk.capture.files, kiosk.capture.v4l2\n"
        "import kiosk.capture.demo, kiosk.capture.picamera\n"
        "print([name for name in ('onnxruntime', 'flask', 'annoy', 'sqlite3', 'picamera2')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


# Recorded pictures.


def test_a_folder_of_many_sizes_gives_one_size_and_is_never_enlarged(tmp_path: Path) -> None:
    large, tall = picture(1, 400, 200), picture(2, 100, 300)
    assert size_within(large, 200, 200) == (200, 100)
    assert size_within(tall, 640, 480) == (100, 300)
    assert fitted(large, 200, 100).shape == (100, 200, 3)
    banded = fitted(tall, 200, 100)
    assert banded.shape == (100, 200, 3)
    assert (banded[:, :80] == banded[0, 0]).all()


def test_unreadable_pictures_are_skipped_and_named_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_folder(tmp_path, count=3)
    (folder / "1.png").write_bytes(b"not a picture")
    (folder / "notes.txt").write_text("not for the camera")
    os.mkfifo(folder / "0a.png")
    camera = make_camera(CameraConfig(source="files", device=str(folder), fps=120.0))
    camera.open()
    seen = []
    for _ in range(6):
        with camera.frame(DEADLINE_S) as frame:
            seen.append(int(frame.pixels.sum()))
    camera.close()
    assert seen == [int(picture(number).sum()) for number in (0, 2, 0, 2, 0, 2)]
    named = [record.getMessage() for record in caplog.records]
    assert len([line for line in named if "/1.png" in line]) == 1
    assert len([line for line in named if "/0a.png" in line]) == 1
    assert len(named) == 2


def test_a_folder_without_a_readable_picture_is_a_missing_camera(tmp_path: Path) -> None:
    camera = make_camera(CameraConfig(source="files", device=str(tmp_path)))
    with pytest.raises(CameraMissing, match="holds no pictures"):
        camera.open()
    (tmp_path / "1.jpg").write_bytes(b"")
    with pytest.raises(CameraMissing, match="None of the 1 pictures"):
        camera.open()
    camera.close()


def test_a_folder_that_does_not_loop_ends_after_its_last_picture(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, count=2)
    config = CameraConfig(source="files", device=str(folder), fps=120.0, loop=False)
    camera = make_camera(config)
    camera.open()
    for _ in range(2):
        with camera.frame(DEADLINE_S):
            pass
    for _ in range(2):
        with pytest.raises(CameraEnded), camera.frame(DEADLINE_S):
            pass
    camera.close()


def test_a_video_is_played_at_its_own_rate_and_size_and_loops(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.avi", count=3, fps=90.0)
    camera = make_camera(CameraConfig(source="files", device=str(path), width=160, height=120))
    info = camera.open()
    assert info.fps == 90.0
    assert (info.width, info.height) == (160, round(HEIGHT * 160 / WIDTH))
    for number in range(7):
        with camera.frame(DEADLINE_S) as frame:
            assert frame.sequence == number
    camera.close()


def test_a_file_that_is_no_video_is_a_missing_camera(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"\0" * 4096)
    with pytest.raises(CameraMissing, match="not a video"):
        make_camera(CameraConfig(source="files", device=str(path))).open()
    with pytest.raises(CameraMissing, match="No pictures are named"):
        make_camera(CameraConfig(source="files")).open()


# V4L2 devices.


def capability(caps: int, card: bytes = b"HD Webcam") -> bytes:
    return struct.pack("16s32s32sIII12x", b"uvcvideo", card, b"usb-1", 6, 0x80000000, caps)


def test_only_nodes_that_capture_are_cameras() -> None:
    streaming = 0x04000000
    assert capture_card(capability(0x1 | streaming)) == "HD Webcam"
    assert capture_card(capability(0x1000 | streaming)) == "HD Webcam"
    assert capture_card(capability(0x4000 | streaming)) is None  # a codec
    assert capture_card(capability(0x00800000 | streaming)) is None  # metadata of a webcam
    assert capture_card(capability(0x1)) is None  # nothing to stream


def test_a_missing_device_is_named_with_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "video0").write_bytes(b"")  # not a device: never listed
    assert capture_devices(tmp_path) == []
    with pytest.raises(CameraMissing, match="Plug it in"):
        find_device("", tmp_path)
    with pytest.raises(CameraMissing, match=r"video7.*cameras found: none"):
        find_device("7", tmp_path)
    with pytest.raises(CameraMissing, match="by-id/usb-x"):
        find_device("/dev/v4l/by-id/usb-x", tmp_path)
    assert find_device("0", tmp_path) == tmp_path / "video0"


# The Raspberry Pi camera's pure parts.


def test_a_sensor_time_since_boot_becomes_monotonic_time() -> None:
    second = 1_000_000_000
    # Asleep for 100 s: the boot clock is ahead of the monotonic one.
    assert monotonic_ns(149_980_000_000, 150 * second, 50 * second) == 49_980_000_000
    assert monotonic_ns(None, 150 * second, 50 * second) == 50 * second
    assert monotonic_ns(100 * second, 150 * second, 50 * second) == 50 * second  # not credible
    assert monotonic_ns(151 * second, 150 * second, 50 * second) == 50 * second  # not yet


def test_lores_is_even_and_never_larger_than_main() -> None:
    assert lores_size(1280, 960) == (640, 480)
    assert lores_size(1296, 972) == (640, 480)
    assert lores_size(320, 240) == (320, 240)


def test_a_camera_number_is_chosen_or_the_list_is_shown() -> None:
    cameras = [{"Id": "a", "Model": "imx708"}, {"Id": "b"}]
    assert _choose(cameras, "") == (0, "imx708")
    assert _choose(cameras, "1") == (1, "b")
    with pytest.raises(CameraMissing, match="0: imx708, 1: b"):
        _choose(cameras, "/dev/video0")
    with pytest.raises(CameraMissing, match="ribbon cable"):
        _choose([], "")


def test_only_controls_the_camera_advertises_are_set() -> None:
    assert starting_controls(["FrameDurationLimits"], 20.0) == {
        "FrameDurationLimits": (50_000, 100_000)
    }
    assert "AfMode" in starting_controls(["AfMode", "AeEnable"], 20.0)


def test_focus_exposure_and_white_balance_are_held_once_they_are_steady() -> None:
    advertised = ["AfMode", "AeEnable", "AwbEnable", "LensPosition", "ExposureTime"]
    settling = Settling(advertised)
    hunting = {"AfState": 1, "AeLocked": False, "ColourGains": (1.0, 2.0)}
    settled = {
        "AfState": 2,
        "AeLocked": True,
        "ColourGains": (1.5, 1.6),
        "LensPosition": 4.5,
        "ExposureTime": 9000,
        "AnalogueGain": 1.5,
    }
    for _ in range(20):
        assert settling.controls(hunting) is None
    held = None
    for _ in range(10):
        held = held or settling.controls(settled)
    assert held == {
        "AfMode": 0,
        "AeEnable": False,
        "AwbEnable": False,
        "LensPosition": 4.5,
        "ExposureTime": 9000,
    }
    assert settling.controls(settled) is None


def test_a_scene_that_never_settles_is_held_in_the_end() -> None:
    settling = Settling(["AeEnable"])
    answers = [settling.controls({"AeLocked": False}) for _ in range(400)]
    assert answers.count({"AeEnable": False}) == 1


# What is a picture, and when a camera is at fault.


def test_repetition_and_blankness_are_measured() -> None:
    measure = Measure()
    noisy = np.random.default_rng(1).integers(0, 255, (64, 96, 3), np.uint8)
    assert measure.of(noisy)[1] is False
    spread, repeats = measure.of(noisy)
    assert repeats
    assert spread > 50
    assert measure.of(noisy)[1]
    between = noisy.copy()
    between[5, 5] ^= 1  # between the sampled pixels: found by the sum
    assert not measure.of(between)[1]
    assert measure.of(np.full((64, 96, 3), (0, 90, 200), np.uint8))[0] == 0.0


def test_a_stall_is_judged_by_the_slower_of_limit_and_frame_rate() -> None:
    judge = Judge(0.0, stall_s=2.0)
    judge.hello(1.0)
    assert judge.verdict(2.9) is Verdict.WAITING
    assert judge.verdict(3.1) is Verdict.SLOW
    judge.opened(4.0, fps=0.5, live=True)
    judge.frame(4.1, 30.0, repeats=False)
    judge.frame(5.0, 30.0, repeats=False)
    assert judge.verdict(10.9) is Verdict.GOOD
    with pytest.raises(CameraStalled):
        judge.verdict(11.1)


def test_one_blank_or_repeated_frame_is_no_fault() -> None:
    judge = Judge(0.0, stall_s=1.0)
    judge.hello(0.0)
    judge.opened(0.0, fps=10.0, live=True)
    judge.frame(0.1, 30.0, repeats=False)
    assert judge.verdict(0.1) is Verdict.WAITING  # a first frame proves little
    judge.frame(0.2, 30.0, repeats=False)
    assert judge.verdict(0.2) is Verdict.GOOD
    for step in range(3, 12):
        judge.frame(step / 10, 0.1, repeats=True)
        judge.verdict(step / 10)
    judge.frame(1.2, 30.0, repeats=False)
    assert judge.verdict(1.9) is Verdict.GOOD


def test_a_process_that_never_starts_is_given_up() -> None:
    judge = Judge(0.0, stall_s=1.0)
    assert judge.verdict(29.0) is Verdict.WAITING
    with pytest.raises(CameraError, match="does not start"):
        judge.verdict(31.0)


def test_attempts_become_rarer_and_start_over_after_a_good_run() -> None:
    backoff = Backoff()
    assert [backoff.after(0.0) for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    assert backoff.after(60.0) == 0.5


def test_the_rate_is_measured_and_shown_calmly() -> None:
    rate = Rate()
    for number in range(10):
        rate.add(number * 100_000_000)
    assert rate.fps == 0.0  # less than a second: too early to say
    for number in range(10, 60):
        rate.add(number * 100_000_000)
    assert round(rate.fps, 6) == 10.0
    assert rate.steady(9.5) == 9.5
    assert rate.steady(5.0) == 10.0
    for number in range(10):  # slower from now on
        rate.add(6_000_000_000 + number * 1_000_000_000)
    assert round(rate.fps, 6) == 1.0


# Between the processes.


@pytest.mark.parametrize(
    "message",
    [
        Setup(CameraConfig(device="a\nb"), "module:name", 3, 99, "info"),
        Free(2),
        Hello(),
        Opened(CameraInfo("Kamera Ä", "MJPG", 640, 480, 29.97), live=True),
        Mapped(Layout(640, 480, 320, 240)),
        Offer(1, 7, 123456789, 4.5, repeats=False),
    ],
)
def test_a_message_is_one_line_and_comes_back_equal(message: Message) -> None:
    line = encode(message)
    assert line.count(b"\n") == 1
    assert decode(line) == message


def test_a_fault_keeps_its_kind_and_words() -> None:
    back = decode(encode(Fault(CameraEnded("all shown"))))
    assert isinstance(back, Fault)
    assert type(back.error) is CameraEnded
    assert str(back.error) == "all shown"


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"[]", b"\xff\xfe", b'{"is": "Launch"}', b'{"is": "Free", "slots": 1}']
)
def test_a_line_that_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(CameraGarbage):
        decode(line)


def test_lines_survive_being_cut_anywhere() -> None:
    data = b"one\ntwo\nthree\n"
    for cut in range(len(data)):
        lines = Lines()
        assert [*lines.feed(data[:cut]), *lines.feed(data[cut:])] == [b"one", b"two", b"three"]


def test_slots_are_shared_and_do_not_touch_each_other() -> None:
    memory = new_memory()
    try:
        layout = Layout(33, 17, 9, 5)
        writer = Ring.create(memory, layout)
        reader = Ring.attach(memory, layout)
        for slot in range(SLOTS):
            writer.main(slot)[:] = slot + 1
            lores = writer.lores(slot)
            assert lores is not None
            lores[:] = slot + 101
        for slot in range(SLOTS):
            lores = reader.lores(slot)
            assert lores is not None
            assert (reader.main(slot) == slot + 1).all()
            assert (lores == slot + 101).all()
        with pytest.raises(PermissionError):
            os.ftruncate(memory, 1)  # shrinking under a reader would be a crash
        with pytest.raises(CameraGarbage, match="shares"):
            Ring.attach(memory, Layout(64, 64))
    finally:
        os.close(memory)
