# SPDX-License-Identifier: Apache-2.0
"""Where the release lies that a kiosk with this configuration answers from."""

from __future__ import annotations

from pathlib import Path

from kiosk.config import Config, catalog_directory, state_directory
from kiosk.errors import StateError
from kiosk.models import Models
from kiosk.store.opening import Opened, open_release
from kiosk.store.store import STORE_FOLDER, Store


def store_of(config: Config) -> Store:
    """The store in the state directory, whether there is one or not."""
    return Store(state_directory(config) / STORE_FOLDER)


def answering_folder(config: Config) -> Path:
    """The configured release folder, else what the store names, else `catalog` in the state
    directory. Raises StateError when the store cannot be read.
    """
    if not config.catalog.directory:
        store = store_of(config)
        try:
            current = store.pointer().current
        except OSError as error:
            raise StateError(
                f"{store.path}: cannot be read ({error.strerror}); fix its permissions"
            ) from error
        if current is not None:
            return store.release(current)
    return catalog_directory(config)


def derived_folder(config: Config, folder: Path) -> Path | None:
    """Where the index over that release is kept; None: inside it."""
    store = store_of(config)
    return store.derived if folder.parent == store.releases.folder else None


def open_answering(config: Config, own: Models, folder: Path | None = None) -> Opened:
    """What answers on this kiosk, or the release in `folder`, with the models that belong to it.

    `own`: the kiosk's. Raises CatalogError, ModelError, EmbeddingError.
    """
    path = folder or answering_folder(config)
    return open_release(path, config, own, derived=derived_folder(config, path))
