# SPDX-License-Identifier: Apache-2.0
"""Where things are: the folders that follow from a configuration."""

from __future__ import annotations

import os
from pathlib import Path

from kiosk.config.sections import Config
from kiosk.errors import StateError


def state_directory(config: Config) -> Path:
    """Journal and catalog live here: as configured, else systemd's, else the user's own."""
    if config.state.directory:
        return Path(config.state.directory).expanduser()
    given = os.environ.get("STATE_DIRECTORY")  # set by systemd; several are split by colons
    if given:
        return Path(given.split(":")[0])
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "kiosk"


def made_state_directory(config: Config) -> Path:
    """The state directory, made when it is missing. Raises StateError."""
    directory = state_directory(config)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(
            f"{directory}: the state directory cannot be made ({error.strerror}); fix its "
            "permissions or set state.directory"
        ) from error
    return directory


def catalog_directory(config: Config) -> Path:
    """The release folder the kiosk answers from."""
    if config.catalog.directory:
        return Path(config.catalog.directory).expanduser()
    return state_directory(config) / "catalog"


def models_directory(directory: str) -> Path:
    """The ONNX files and cards: as configured, else those that came with the program."""
    if directory:
        return Path(directory).expanduser()
    package = Path(__file__).resolve().parent.parent
    installed = package / "models"
    return installed if installed.is_dir() else package.parent / "models"
