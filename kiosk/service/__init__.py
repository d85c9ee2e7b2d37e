# SPDX-License-Identifier: Apache-2.0
"""The composition root: every part is built here by hand, started in order, stopped in reverse."""

from kiosk.service.service import Service

__all__ = ["Service"]
