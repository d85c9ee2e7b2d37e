# SPDX-License-Identifier: Apache-2.0
"""The `kiosk` command: its verbs, what they print, and their exit codes (`os.EX_*`)."""

from kiosk.cli.main import main

__all__ = ["main"]
