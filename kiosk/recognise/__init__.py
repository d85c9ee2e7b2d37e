# SPDX-License-Identifier: Apache-2.0
"""One frame through the stages: locate, embed, search, verify. What it means is for `kiosk.decide`.

The second look is taken only where similarity alone does not settle the matter, and ends when its
time is up; barcodes are read only where they may help.
"""

from kiosk.recognise.listed import LISTED_SKUS
from kiosk.recognise.recogniser import NO_CATALOG, Recogniser, still

__all__ = ["LISTED_SKUS", "NO_CATALOG", "Recogniser", "still"]
