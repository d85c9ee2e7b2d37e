# SPDX-License-Identifier: Apache-2.0
"""The configuration: frozen dataclasses, one per TOML section, loaded with all mistakes at once."""

from kiosk.config.load import changed, deciding, default_path, load, to_toml
from kiosk.config.paths import (
    catalog_directory,
    made_state_directory,
    models_directory,
    state_directory,
)
from kiosk.config.sections import (
    BarcodeConfig,
    CameraConfig,
    CatalogConfig,
    Config,
    DecideConfig,
    JournalConfig,
    LocateConfig,
    LogConfig,
    ModelsConfig,
    SearchConfig,
    StateConfig,
    SyncConfig,
    VerifyConfig,
    WebConfig,
    options,
)

__all__ = [
    "BarcodeConfig",
    "CameraConfig",
    "CatalogConfig",
    "Config",
    "DecideConfig",
    "JournalConfig",
    "LocateConfig",
    "LogConfig",
    "ModelsConfig",
    "SearchConfig",
    "StateConfig",
    "SyncConfig",
    "VerifyConfig",
    "WebConfig",
    "catalog_directory",
    "changed",
    "deciding",
    "default_path",
    "load",
    "made_state_directory",
    "models_directory",
    "options",
    "state_directory",
    "to_toml",
]
