# SPDX-License-Identifier: Apache-2.0
"""A Debian machine booted in systemd-nspawn with this checkout at /opt/kiosk.

The root file system is made once and kept (`$KIOSK_ROOTFS`, else a temporary folder); a booted
machine writes to an overlay in memory, so every boot starts from the same state. Needs root.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from waiting import until

CHECKOUT = Path(__file__).resolve().parent.parent
SUITE = os.environ.get("KIOSK_SUITE", "trixie")
PACKAGES = (
    "systemd,systemd-sysv,dbus,sudo,iproute2,ca-certificates,python3,python3-venv,python3-dev,g++"
)
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8"}
# What lets this machine's pip reach its registry lets the new machine's as well.
REGISTRY_FILES = ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def hindrance() -> str:
    """Why no machine can be booted here; empty when one can."""
    if os.geteuid() != 0:
        return "needs root: sudo make test-slow"
    for tool, package in (
        ("systemd-nspawn", "systemd-container"),
        ("mmdebstrap", "mmdebstrap"),
        ("nsenter", "util-linux"),
        ("git", "git"),
    ):
        if shutil.which(tool) is None:
            return f"{tool} is missing: apt install {package}"
    if _cgroups() is None:
        return "needs cgroup v2, mounted and writable"
    return ""


def make_rootfs(place: Path) -> Path:
    """The root file system under `place`, with the present checkout and its environment in it."""
    root = place / SUITE
    if not (root / "made").exists():
        shutil.rmtree(root, ignore_errors=True)
        place.mkdir(parents=True, exist_ok=True)
        command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}"]
        subprocess.run([*command, SUITE, str(root)], check=True)
        (root / "made").touch()
    _put_checkout(root / "opt" / "kiosk")
    for name in REGISTRY_FILES:
        if Path(name).exists():
            shutil.copyfile(name, root / name[1:])
    if Path(CERTIFICATES).exists():
        shutil.copyfile(CERTIFICATES, root / CERTIFICATES[1:])
    kept = {key: value for key, value in os.environ.items() if key.startswith(("PIP_", "SSL_"))}
    kept.pop("PIP_FIND_LINKS", None)
    with _devices(root):
        command = ["chroot", str(root), "python3", "/opt/kiosk/tools/setup.py"]
        subprocess.run(command, check=True, env={**ENVIRONMENT, **kept})
    return root


def _put_checkout(target: Path) -> None:
    """What git follows here, as it lies in the working tree; the environment there is kept."""
    for old in target.iterdir() if target.exists() else ():
        if old.name != ".venv":
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={CHECKOUT}", "-C", str(CHECKOUT), "ls-files", "-z"],
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (CHECKOUT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, target / name)


@contextlib.contextmanager
def _devices(root: Path) -> Iterator[None]:
    mounts = (("--bind", "/dev", root / "dev"), ("-tproc", "proc", root / "proc"))
    for kind, what, where in mounts:
        subprocess.run(["mount", kind, what, str(where)], check=True)
    try:
        yield
    finally:
        for _, _, where in mounts:
            subprocess.run(["umount", str(where)], check=True)


def _cgroups() -> Path | None:
    for place in (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup")):
        if os.access(place / "cgroup.procs", os.W_OK):
            return place
    return None


@dataclass(frozen=True, slots=True)
class Machine:
    """Reached through its namespaces: there is no network into it."""

    leader: int

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["nsenter", "-t", str(self.leader), "-a", "--", *words],
            capture_output=True,
            text=True,
            check=False,
            env=ENVIRONMENT,
        )

    def run(self, *words: str) -> str:
        """What the command printed; fails with all of it when the command does."""
        done = self.command(*words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def show(self, *names: str, unit: str = "kiosk") -> dict[str, str]:
        """Properties of a unit as systemd knows them."""
        options = [option for name in names for option in ("-p", name)]
        lines = self.run("systemctl", "show", *options, unit).splitlines()
        return dict(line.split("=", 1) for line in lines)

    def write(self, path: str, text: str) -> None:
        done = subprocess.run(
            ["nsenter", "-t", str(self.leader), "-a", "--"]
            + ["sh", "-c", 'mkdir -p "$(dirname "$0")" && cat > "$0"', path],
            input=text,
            text=True,
            check=False,
            env=ENVIRONMENT,
        )
        assert done.returncode == 0, path


def _init(nspawn: int) -> int:
    """The machine's first process as seen from here; 0 while there is none."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it, or a child, has ended
        for child in Path(f"/proc/{nspawn}/task/{nspawn}/children").read_text().split():
            status = Path(f"/proc/{child}/status").read_text()
            numbers = next(line for line in status.splitlines() if line.startswith("NSpid:"))
            if len(numbers.split()) > 2:  # its number here, and 1 in there
                return int(child)
    return 0


@contextlib.contextmanager
def booted(root: Path, log: Path) -> Iterator[Machine]:
    """Boot until systemd is up; power off at the end."""
    cgroups = _cgroups()
    assert cgroups is not None
    group = cgroups / f"kiosk-boot-{os.getpid()}"
    group.mkdir()
    command = ["systemd-nspawn", "--quiet", "--boot", f"--directory={root}", "--volatile=overlay"]
    command += [f"--machine={group.name}", "--register=no", "--keep-unit", "--console=pipe"]
    command += ["--private-network", "--capability=CAP_BPF", "--system-call-filter=bpf"]
    with log.open("wb") as sink:
        process = subprocess.Popen(
            ["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh", *command],
            env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
        )
    try:
        until(lambda: process.poll() is not None or _init(process.pid), "an init process")
        assert process.poll() is None, log.read_text(errors="replace")
        machine = Machine(_init(process.pid))

        def up() -> bool:
            assert process.poll() is None, log.read_text(errors="replace")
            state = machine.command("systemctl", "is-system-running").stdout.strip()
            return state in ("running", "degraded")

        until(up, "systemd in the machine")
        yield machine
        machine.command("systemctl", "--no-block", "poweroff")
        process.wait(60)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)  # nspawn then ends the machine
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()
        for inner in sorted(group.glob("**/"), reverse=True):  # cgroups nest; leaves first
            with contextlib.suppress(OSError):
                inner.rmdir()
