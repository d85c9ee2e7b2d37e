# SPDX-License-Identifier: Apache-2.0
"""A decision of the journal made again, on the release it was made with or on another one.

No picture and no model is needed: the stored embeddings are searched, the stored local features
compared, and the rule of the live kiosk asked.
"""

from kiosk.replay.again import Replayed, again
from kiosk.replay.differ import TOLERANCE, differences
from kiosk.replay.flips import Effect, Flip, Tally, flips

__all__ = ["TOLERANCE", "Effect", "Flip", "Replayed", "Tally", "again", "differences", "flips"]
