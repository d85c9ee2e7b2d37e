# SPDX-License-Identifier: Apache-2.0
"""The station: the loop over frames, and the answers that are on show."""

from kiosk.station.answers import Answers, Listener
from kiosk.station.loop import ODD_FRAMES, Station

__all__ = ["ODD_FRAMES", "Answers", "Listener", "Station"]
