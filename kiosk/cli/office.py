# SPDX-License-Identifier: Apache-2.0
"""Verbs of head office: their packages are loaded when one runs, as a kiosk lacks them."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable

from kiosk.errors import UsageError

Run = Callable[[argparse.Namespace], int]


def in_office(module: str, name: str) -> Run:
    """What runs `name` of `module`, which is imported by then."""

    def run(arguments: argparse.Namespace) -> int:
        try:
            found = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] == "kiosk":
                raise
            raise UsageError(
                f"{error.name} is not installed here: this is a command of head office; "
                "install it with `make office`, or with pip as sku-kiosk[office]"
            ) from error
        return int(getattr(found, name)(arguments))

    return run
