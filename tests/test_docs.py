# SPDX-License-Identifier: Apache-2.0
"""Documents that cannot rot: what the README says is held against the code."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from kiosk import __version__
from tools import readme

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_tables_of_options_and_commands_are_those_of_the_code() -> None:
    assert readme.with_tables(TEXT) == TEXT, "run: .venv/bin/python -m tools.readme"


@pytest.mark.parametrize("target", ["demo", "office", "test", "test-slow", "lint", "locks"])
def test_make_knows_the_targets_people_are_told_about(target: str) -> None:
    dry = subprocess.run(
        ["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert dry.returncode == 0, dry.stderr


def test_every_file_the_readme_points_to_exists() -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", TEXT):
        assert (ROOT / link).exists(), link


def test_every_module_named_in_a_command_exists() -> None:
    for name in re.findall(r"python -m (tools\.\w+)", TEXT):
        assert (ROOT / (name.replace(".", "/") + ".py")).exists(), name


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = [*project["dependencies"], *project["optional-dependencies"]["pi"]]
    listed += project["optional-dependencies"]["office"]
    listed += [one for one in project["optional-dependencies"]["dev"] if "[office]" not in one]
    for requirement in listed:
        name = re.match(r"[\w-]+", requirement)
        assert name and f"`{name[0]}`" in TEXT, f"README.md gives no reason for {requirement}"


def test_the_version_is_said_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_no_committed_text_names_a_machine_path() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in (".py", ".md", ".toml", ".service", "") and path.is_file():
            text = path.read_text(encoding="utf-8")
            assert "/work" + "/" not in text, name
