# SPDX-License-Identifier: Apache-2.0
"""Set-up on a small project of its own: a real interpreter, venv and pip, locks without network."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent
BACKEND = """
import zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "small-1.dist-info"
    with zipfile.ZipFile(f"{folder}/small-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}/METADATA", "Metadata-Version: 2.1\\nName: small\\nVersion: 1\\n")
        wheel.writestr(f"{name}/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        wheel.writestr(f"{name}/RECORD", "")
    return "small-1-py3-none-any.whl"
"""
PYPROJECT = """
[project]
name = "small"
version = "1"
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def lay_out(folder: Path) -> Path:
    """The real tools/setup.py in a project that needs nothing from anywhere."""
    (folder / "tools" / "locks").mkdir(parents=True)
    (folder / "kiosk").mkdir()
    shutil.copy(CHECKOUT / "tools" / "setup.py", folder / "tools")
    for name in ("run.txt", "office.txt", "dev.txt", "build.txt", "pi.txt"):
        (folder / "tools" / "locks" / name).write_text("")
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "backend.py").write_text(BACKEND)
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Set up over what an interrupted first run left behind."""
    folder = lay_out(tmp_path_factory.mktemp("setup") / "project")
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").symlink_to(sys.executable)
    done = setup(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def setup(project: Path, *arguments: str, path: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(project / "tools" / "setup.py"), *arguments],
        env={**os.environ, "PATH": path or os.environ["PATH"], "PIP_NO_INDEX": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def wheel(project: Path, name: str) -> str:
    """The lock's line for a real package that lies beside it."""
    body = b"here = True\n"
    digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()
    path = project / f"{name}-1-py3-none-any.whl"
    info = f"{name}-1.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{name}.py", body)
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", f"{name}.py,sha256={digest},{len(body)}\n")
    return (
        f"{name} @ {path.as_uri()} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"
    )


def there(project: Path, name: str) -> bool:
    command = [str(project / ".venv" / "bin" / "python"), "-c", f"import {name}"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_missing_compiler_is_named_in_one_apt_line_and_nothing_is_changed(
    tmp_path: Path,
) -> None:
    project = lay_out(tmp_path / "project")
    (tmp_path / "bin").mkdir()
    before = sorted(project.rglob("*"))
    done = setup(project, path=str(tmp_path / "bin"))
    assert done.returncode == os.EX_UNAVAILABLE
    sudo = "" if os.geteuid() == 0 else "sudo "
    lines = [line.strip() for line in done.stdout.splitlines() if "apt" in line]
    assert lines == [f"{sudo}apt update && {sudo}apt install g++"]
    assert sorted(project.rglob("*")) == before
    assert setup(project, "--missing", path=str(tmp_path / "bin")).stdout == "g++\n"


def test_a_second_run_does_nothing(project: Path) -> None:
    done = setup(project)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_changed_lock_is_installed_and_a_failure_names_the_command(project: Path) -> None:
    lock = project / "tools" / "locks" / "run.txt"
    lock.write_text("nowhere==1 --hash=sha256:" + 64 * "0" + "\n")
    failed = setup(project)
    assert failed.returncode == 1
    assert " -m pip install " in failed.stderr
    assert str(lock) in failed.stderr

    lock.write_text(wheel(project, "added"))
    done = setup(project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert there(project, "added")
    assert setup(project).stdout == ""


def test_an_environment_of_another_folder_is_made_anew(project: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(project, tmp_path / "moved", symlinks=True))
    done = setup(moved)
    assert done.returncode == 0, done.stdout + done.stderr
    assert str(moved) in (moved / ".venv" / "pyvenv.cfg").read_text()
