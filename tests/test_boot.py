# SPDX-License-Identifier: Apache-2.0
"""The unit in a machine that really booted, installed with the lines of systemd/README.md.

Minutes, root and a package mirror: `sudo make test-slow`. `KIOSK_ROOTFS=FOLDER` keeps the root file
system between runs; `KIOSK_SUITE=bookworm` boots Debian 12.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from booted_machine import Machine, booted, hindrance, make_rootfs
from waiting import until

from tests.sync_parts import publisher

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(hindrance() != "", reason=hindrance()),
]

README = Path(__file__).parent.parent / "systemd" / "README.md"
UNIT = Path(__file__).parent.parent / "systemd" / "kiosk.service"
CONFIG = "/etc/kiosk/kiosk.toml"
PYTHON = "/opt/kiosk/.venv/bin/python"
PICTURES = (
    "from pathlib import Path; from kiosk.demo import write_source as w; w(Path('/root/photos'))"
)
FETCH = """
import sys, urllib.error, urllib.request
try:
    answer = urllib.request.urlopen("http://127.0.0.1:8080" + sys.argv[1], timeout=5)
except urllib.error.HTTPError as error:
    answer = error
print(answer.status, answer.read().decode())
"""
DEADLINE_S = 180.0


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Booted, with the README's steps done up to the start of the unit."""
    kept = os.environ.get("KIOSK_ROOTFS")
    place = Path(kept) if kept else tmp_path_factory.mktemp("rootfs")
    root = make_rootfs(place)
    with booted(root, tmp_path_factory.mktemp("boot") / "console.txt") as machine:
        machine.run(PYTHON, "-c", PICTURES)
        for line in readme_lines():
            machine.run("bash", "-ec", line)
        yield machine


def readme_lines() -> list[str]:
    """What the README has one type after the project lies in its place; a demo for the camera."""
    text = README.read_text().partition("5. To get releases from head office")[0]
    lines = re.findall(r"^ {7}(\S.*)$", text, flags=re.MULTILINE)
    assert len(lines) >= 10
    typed = [line for line in lines if not line.startswith(("sudo git clone", "cd ", "chromium"))]
    typed = [line.replace('"picamera2"', '"demo"') for line in typed]
    assert any('source = "demo"' in line for line in typed)
    assert any("enable --now kiosk" in line for line in typed)
    return typed


def page(machine: Machine, path: str = "/healthz") -> tuple[int, str]:
    """(0, reason) when nobody answers."""
    done = machine.command("python3", "-c", FETCH, path)
    if done.returncode:
        return 0, done.stderr
    status, body = done.stdout.split(" ", 1)
    return int(status), body


def well(machine: Machine) -> bool:
    shown = machine.show("ActiveState", "SubState")
    return shown == {"ActiveState": "active", "SubState": "running"} and page(machine)[0] == 200


@pytest.fixture
def running(machine: Machine) -> Machine:
    machine.run("systemctl", "reset-failed")
    machine.run("systemctl", "start", "kiosk")
    until(lambda: well(machine), "a kiosk that is well", DEADLINE_S)
    return machine


def main_pid(machine: Machine) -> int:
    return int(machine.show("MainPID")["MainPID"])


def children(machine: Machine, pid: int) -> list[int]:
    script = f"cat /proc/{pid}/task/*/children 2>/dev/null || true"
    return sorted(map(int, machine.run("sh", "-c", script).split()))


def test_start_returns_once_a_frame_went_through_all_stages(machine: Machine) -> None:
    machine.run("systemctl", "stop", "kiosk")
    machine.run("systemctl", "start", "kiosk")
    status, body = page(machine)
    assert status in (200, 503), body
    assert "no frame" not in body
    until(lambda: page(machine)[0] == 200, "a page that is well", DEADLINE_S)
    until(lambda: "recognising" in machine.run("systemctl", "status", "kiosk"), "the status line")


def test_a_decision_is_made_and_written_to_the_state_directory(running: Machine) -> None:
    command = ["runuser", "-u", "kiosk", "--", "/opt/kiosk/.venv/bin/kiosk", "journal", "--json"]
    command += ["--state", "/var/lib/kiosk"]
    until(lambda: running.run(*command).strip(), "a decision in the journal", DEADLINE_S)
    assert "/var/lib/kiosk/journal.sqlite" in running.run("ls", "/var/lib/kiosk/journal.sqlite")


def test_a_killed_kiosk_is_started_again(running: Machine) -> None:
    before = main_pid(running)
    restarts = int(running.show("NRestarts")["NRestarts"])
    running.run("systemctl", "kill", "--kill-who=main", "--signal=KILL", "kiosk")
    until(lambda: main_pid(running) not in (0, before) and well(running), "a new one", DEADLINE_S)
    assert int(running.show("NRestarts")["NRestarts"]) == restarts + 1


def test_a_kiosk_that_hangs_is_ended_by_the_watchdog_and_started_again(running: Machine) -> None:
    before = main_pid(running)
    running.run("systemctl", "kill", "--kill-who=main", "--signal=STOP", "kiosk")
    until(lambda: main_pid(running) not in (0, before) and well(running), "a new one", DEADLINE_S)
    assert "Watchdog timeout" in running.run("journalctl", "-u", "kiosk", "--no-pager")


def test_a_killed_camera_process_is_replaced_under_the_same_kiosk(running: Machine) -> None:
    before = main_pid(running)
    (camera,) = until(lambda: children(running, before), "a camera process")
    running.run("sh", "-c", f"kill -KILL {camera}")

    def replaced() -> bool:
        now = children(running, before)
        return bool(now) and camera not in now and well(running)

    until(replaced, "a new camera process", DEADLINE_S)
    assert main_pid(running) == before


def test_stop_is_clean_and_in_time(running: Machine) -> None:
    running.run("systemctl", "stop", "kiosk")
    shown = running.show("ActiveState", "Result", "ExecMainCode", "ExecMainStatus")
    assert shown == {
        "ActiveState": "inactive",
        "Result": "success",
        "ExecMainCode": "1",  # exited, not killed
        "ExecMainStatus": "0",
    }


def test_a_missing_camera_keeps_it_starting_while_the_page_says_so(machine: Machine) -> None:
    limit_s = 20
    machine.run("systemctl", "stop", "kiosk")
    kept = machine.run("cat", CONFIG)
    later = "/srv/later"
    machine.write(CONFIG, f'[camera]\nsource = "files"\ndevice = "{later}"\n')
    place = "/run/systemd/system/kiosk.service.d/short.conf"
    machine.write(place, f"[Service]\nTimeoutStartSec={limit_s}\n")
    try:
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "start", "--no-block", "kiosk")
        until(lambda: later in page(machine)[1], "a page that names the camera", DEADLINE_S)

        def past_the_limit() -> bool:
            shown = machine.show("ActiveState", "ExecMainStartTimestampMonotonic", "NRestarts")
            assert (shown["ActiveState"], shown["NRestarts"]) == ("activating", "0")
            now = float(machine.run("cat", "/proc/uptime").split()[0])
            begun = int(shown["ExecMainStartTimestampMonotonic"]) / 1e6
            return now - begun > limit_s + 5

        until(past_the_limit, "a start that takes longer than its limit", DEADLINE_S)
        assert page(machine)[0] == 503
        assert page(machine, "/")[0] == 200
        status = machine.command("systemctl", "status", "kiosk").stdout
        assert re.search(rf'Status: ".*{later}', status), status
        machine.run("cp", "-r", "/root/photos/" + first_sku(machine), later)
        until(lambda: well(machine), "a kiosk that took the camera up", DEADLINE_S)
    finally:
        machine.run("systemctl", "stop", "kiosk")
        machine.run("rm", "-rf", place, later)
        machine.write(CONFIG, kept)
        machine.run("systemctl", "daemon-reload")


def first_sku(machine: Machine) -> str:
    return next(name for name in machine.run("ls", "/root/photos").split() if "." not in name)


PROBE = """
import ctypes, json, mmap, os, socket, sys
found = {}
def attempt(name, action):
    try:
        action()
        found[name] = "done"
    except OSError as error:
        found[name] = os.strerror(error.errno)
def write(path):
    with open(path, "w") as file:
        file.write("x")
def connect(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.connect(address)
        out.send(b"x")
def page():
    with socket.create_connection(("127.0.0.1", 8080), 5):
        pass
def executable():
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()
for place in ("/srv/open", "/etc", "/usr", "/opt/kiosk", "/var/lib", "/var/log"):
    attempt(place, lambda: write(place + "/probe"))
attempt("state", lambda: write("/var/lib/kiosk/probe"))
attempt("tmp", lambda: write("/tmp/probe"))
attempt("home", lambda: os.listdir("/root"))
attempt("cpuinfo", lambda: open("/proc/cpuinfo").read())
attempt("init", lambda: os.listdir("/proc/1"))
attempt("outside", lambda: connect(("192.0.2.9", 9)))
attempt("page", page)
attempt("executable", executable)
attempt("namespace", lambda: os.unshare(os.CLONE_NEWNET) if hasattr(os, "unshare") else None)
attempt("kernel log", lambda: open("/dev/kmsg").read(1))
with open("/var/lib/kiosk/found.json", "w") as file:
    json.dump(found, file)
"""


@pytest.fixture(scope="module")
def probed(machine: Machine) -> dict[str, str]:
    """What a program may do that runs in the unit's place: its own text with another ExecStart."""
    machine.run("systemctl", "start", "kiosk")
    machine.run("install", "-d", "-m", "1777", "/srv/open")
    machine.run("ip", "address", "add", "192.0.2.9/32", "dev", "lo")  # not a loopback address
    machine.write("/opt/probe.py", PROBE)
    text = re.sub(r"ExecStart=.*", f"ExecStart={PYTHON} /opt/probe.py", UNIT.read_text())
    for old, new in (("Type=notify", "Type=oneshot"), ("Restart=always", "Restart=no")):
        assert old in text
        text = text.replace(old, new)
    machine.write("/run/systemd/system/probe.service", text.replace("NotifyAccess=main\n", ""))
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "probe")
    return json.loads(machine.run("cat", "/var/lib/kiosk/found.json"))


def test_nothing_can_be_written_but_the_state(probed: dict[str, str]) -> None:
    refused = "Read-only file system"
    places = ("/srv/open", "/etc", "/usr", "/opt/kiosk", "/var/lib", "/var/log")
    assert {place: probed[place] for place in places} == dict.fromkeys(places, refused)
    assert (probed["state"], probed["tmp"]) == ("done", "done")


def test_nothing_else_can_be_seen_or_made_executable(probed: dict[str, str]) -> None:
    assert probed["home"] == "Permission denied"
    assert probed["init"] == "No such file or directory"
    assert probed["executable"] in ("Operation not permitted", "Permission denied")
    assert probed["cpuinfo"] == "done"  # ONNX Runtime is slow without it


def test_no_network_but_loopback(machine: Machine, probed: dict[str, str]) -> None:
    assert probed["page"] == "done"
    if "no permission" in machine.run("journalctl", "--no-pager", "-b"):
        pytest.skip("this kernel does not let a container filter addresses")
    assert probed["outside"] == "Operation not permitted"


def test_it_holds_itself_to_its_memory(running: Machine) -> None:
    """Printed for the README (`-s`); the limit is enforced only where cgroups carry memory."""
    main = main_pid(running)
    for pid in (main, *until(lambda: children(running, main), "a camera process")):
        rollup = running.run("cat", f"/proc/{pid}/smaps_rollup")
        kilobytes = dict(re.findall(r"^(\w+): +(\d+) kB$", rollup, flags=re.MULTILINE))
        print(f"process {pid}: resident {kilobytes['Rss']} kB, its share {kilobytes['Pss']} kB")
        assert int(kilobytes["Rss"]) < 700 * 1024
    print(running.show("MemoryCurrent", "MemoryPeak", "TasksCurrent"))


def test_sync_works_in_its_sandbox_and_its_timers_are_set(running: Machine, tmp_path: Path) -> None:
    release = publish_own_catalog(running, tmp_path)
    running.run("sh", "-c", "cp /opt/kiosk/systemd/kiosk-sync* /etc/systemd/system/")
    running.run("systemctl", "daemon-reload")
    started = running.command("systemctl", "start", "kiosk-sync")
    told = running.run("journalctl", "-u", "kiosk-sync", "--no-pager", "-o", "cat")
    assert started.returncode == 0, told
    assert f"release {release} is current, on trial" in told
    for complaint in ("not permitted", "Permission denied", "Read-only", "Traceback"):
        assert complaint not in told
    running.run("systemctl", "stop", "web")
    running.run("systemctl", "enable", "--now", "kiosk-sync.timer", "kiosk-sync-first.timer")
    timers = running.run("systemctl", "list-timers", "--all", "--no-pager")
    assert timers.count("kiosk-sync.service") == 2


def publish_own_catalog(machine: Machine, scratch: Path) -> str:
    """What the machine answers from, published on a web server of its own; gives the release."""
    inside = Path(f"/proc/{machine.leader}/root")
    shutil.copytree(inside / "var/lib/kiosk/catalog", scratch / "release")
    shutil.rmtree(scratch / "release" / "derived", ignore_errors=True)
    office = publisher(scratch)
    announced = office.publish(scratch / "release")
    shutil.copytree(office.path, inside / "srv" / "repository")
    (inside / "etc/kiosk/root.json").write_bytes(office.first_root)
    section = '\n[sync]\nsource = "http://127.0.0.1:81"\nroot = "/etc/kiosk/root.json"\n'
    with (inside / CONFIG[1:]).open("a") as file:
        file.write(section)
    server = ["systemd-run", "--unit=web", "--working-directory=/srv/repository"]
    machine.run(*server, "python3", "-m", "http.server", "81", "--bind", "127.0.0.1")
    return announced.release


def test_the_sandbox_stands_in_the_way_of_nothing_it_does(running: Machine) -> None:
    told = running.run("journalctl", "-u", "kiosk", "--no-pager", "-o", "cat")
    assert "The camera is working" in told  # the journal does hold what the kiosk says
    for complaint in ("not permitted", "Permission denied", "Read-only", "Traceback", "cpuinfo"):
        assert complaint not in told
