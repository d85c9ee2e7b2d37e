# SPDX-License-Identifier: Apache-2.0
"""Shared by all tests: nothing phones home, and OpenCV keeps to one thread as in the kiosk."""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
