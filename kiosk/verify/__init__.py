# SPDX-License-Identifier: Apache-2.0
"""The geometric second look: does a crop show the very print of a reference? Arrays in, values
out; it knows of no catalog.
"""

from kiosk.verify.again import compare_all
from kiosk.verify.evidence import NOTHING, compare, joined, method
from kiosk.verify.weights import APART

__all__ = ["APART", "NOTHING", "compare", "compare_all", "joined", "method"]
