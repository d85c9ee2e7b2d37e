# SPDX-License-Identifier: Apache-2.0
"""The SKU kiosk: look at an item, say which SKU it is, offline."""

__version__ = "0.1.0"
