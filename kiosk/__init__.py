# SPDX-License-Identifier: Apache-2.0
"""The SKU kiosk: look at an item, say which SKU it is, offline."""

import os

__version__ = "0.1.0"

# Before numpy is imported, hence here: its matrices are small in this program, and on a busy
# machine threads that wait for each other cost more than they share.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
