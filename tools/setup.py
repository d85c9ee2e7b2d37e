# SPDX-License-Identifier: Apache-2.0
"""Make `.venv` with the locked dependencies and this project in it. Standard library only.

    python3 tools/setup.py [--office | --dev | --missing]

Safe to run again: it does nothing when the environment is already what the locks say, and makes
it anew when it cannot be mended (another interpreter, a moved folder, an interrupted start). Every
missing system package is named in one apt line before anything is changed.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "tools" / "locks"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
ALWAYS = ("run.txt", "build.txt", "pi.txt")
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")

# annoy asks for -march=native on x86, and such a build dies with SIGILL on an older processor.
PORTABLE_ANNOY = ",".join(
    [
        "-D_CRT_SECURE_NO_WARNINGS",
        "-fpermissive",
        "-O3",
        "-ffast-math",
        "-fno-associative-math",
        "-DANNOYLIB_MULTITHREADED_BUILD",
        "-std=c++14",
    ]
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dev", action="store_true", help="also what tests and checks need")
    parser.add_argument("--office", action="store_true", help="also what head office needs")
    parser.add_argument("--missing", action="store_true", help="only name missing packages")
    wanted = parser.parse_args()
    if sys.version_info < (3, 11):  # noqa: UP036 - this runs on whatever python3 the system has
        print(f"Python 3.11 or newer is needed; this is {platform.python_version()}.")
        return os.EX_UNAVAILABLE
    missing = missing_packages()
    if wanted.missing:
        print(*missing)
        return os.EX_OK
    if missing:
        sudo = "" if os.geteuid() == 0 else "sudo "
        print("Some system packages are missing. Install them with this line, then try again:")
        print(f"    {sudo}apt update && {sudo}apt install {' '.join(missing)}")
        return os.EX_UNAVAILABLE
    # Each holds all of the ones after it.
    enough = [LOCKS / name for name in ("dev.txt", "office.txt", "run.txt")]
    enough = enough[: 1 if wanted.dev else 2 if wanted.office else 3]
    if not (fits() and any(ready(lock) for lock in enough)):
        install(enough[-1])
    if wanted.dev:
        offer_chromium()
    return os.EX_OK


def missing_packages() -> list[str]:
    """Debian packages to install before a venv can be made and annoy compiled."""
    headers = Path(sysconfig.get_path("include")) / "Python.h"
    needed = {
        "python3-venv": importlib.util.find_spec("ensurepip") is not None,
        "g++": shutil.which("c++") is not None or shutil.which("g++") is not None,
        "python3-dev": headers.exists(),
    }
    return [package for package, there in needed.items() if not there]


def ready(lock: Path) -> bool:
    stamp = VENV / f".{lock.stem}"
    return PYTHON.exists() and stamp.exists() and stamp.read_text() == fingerprint(lock)


def fingerprint(lock: Path) -> str:
    """Changes with the locks, the project file and the interpreter."""
    parts = [lock, *(LOCKS / name for name in ALWAYS), ROOT / "pyproject.toml"]
    digest = hashlib.sha256(sys.version.encode())
    for part in parts:
        digest.update(part.read_bytes())
    return digest.hexdigest()


def fits() -> bool:
    """Whether the environment there is this folder's and this interpreter's, with a working pip."""
    try:
        lines = (VENV / "pyvenv.cfg").read_text().splitlines()
    except FileNotFoundError:
        return False
    made = dict(line.split(" = ", 1) for line in lines if " = " in line)
    return (
        made.get("version") == platform.python_version()
        and made.get("command", "").endswith(f" {VENV}")
        and (made.get("include-system-site-packages") == "true" or not on_a_pi())
        and subprocess.run([PYTHON, "-c", "import pip"], check=False).returncode == 0
    )


def on_a_pi() -> bool:
    """libcamera and picamera2 of Raspberry Pi OS are system packages; see them when there."""
    return importlib.util.find_spec("picamera2") is not None


def install(lock: Path) -> None:
    environment = dict(os.environ)
    # The pip of Debian 12 would otherwise compile annoy in a way it warns of at length.
    environment.setdefault("PIP_USE_PEP517", "1")
    if platform.machine() == "x86_64":
        environment.setdefault("ANNOY_COMPILER_ARGS", PORTABLE_ANNOY)
    if not fits():
        system = ["--system-site-packages"] if on_a_pi() else []
        run([sys.executable, "-m", "venv", "--clear", *system, str(VENV)], environment)
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    locked = [*pip, "--no-build-isolation", "--require-hashes", "-r"]
    print(f"Installing the locked dependencies ({lock.name}); annoy is compiled, which takes")
    print("about a minute on a Raspberry Pi …", flush=True)
    run([*locked, str(LOCKS / "build.txt")], environment)
    run([*locked, str(lock)], environment)
    if on_a_pi():
        run([*locked, str(LOCKS / "pi.txt")], environment)
    run([*pip, "--no-build-isolation", "--no-deps", "--editable", str(ROOT)], environment)
    # A service's user may not write here: compiled once for all, or again at each of its starts.
    run([str(PYTHON), "-m", "compileall", "-q", str(ROOT / "kiosk")], environment)
    (VENV / f".{lock.stem}").write_text(fingerprint(lock))
    print("The environment is ready.", flush=True)


def run(command: list[str], environment: dict[str, str]) -> None:
    finished = subprocess.run(command, env=environment, check=False)
    if finished.returncode:
        sys.exit(f"setup: this failed with code {finished.returncode}: {' '.join(command)}")


def offer_chromium() -> None:
    """The browser tests need Chromium: install it when that needs nobody's password."""
    if any(shutil.which(name) for name in CHROMIUM):
        return
    line = "apt-get install -y --no-install-recommends chromium fonts-dejavu-core"
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing Chromium for the browser tests …", flush=True)
        quiet = {
            "stdout": subprocess.DEVNULL,
            "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        }
        subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)  # type: ignore[call-overload]
        subprocess.run(line.split(), check=False, **quiet)  # type: ignore[call-overload]
    if not any(shutil.which(name) for name in CHROMIUM):
        print(f"Chromium is not installed: the browser tests will be skipped.\n    sudo {line}")


if __name__ == "__main__":
    sys.exit(main())
