# SPDX-License-Identifier: Apache-2.0
"""Holding focus, exposure and white balance once they have settled: pure decisions.

What a camera cannot do is not asked of it: only controls it advertises are ever set.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

# libcamera's numbers, fixed by its public interface.
AF_MANUAL, AF_CONTINUOUS = 0, 2
_AF_FOCUSED, _AF_FAILED = 2, 3

_STEADY_FRAMES = 5
_GAIN_DRIFT = 0.02
_PATIENCE_FRAMES = 150
"""Frames after which a scene that never settles is held as it is."""


def starting_controls(advertised: Container[str], fps: float) -> dict[str, Any]:
    """What to set before the first frame: the frame rate, and focus that follows the item."""
    duration_us = round(1_000_000 / fps)
    wanted: dict[str, Any] = {"AfMode": AF_CONTINUOUS, "AeEnable": True, "AwbEnable": True}
    # Longer frames are allowed, so that a dim shop gets a bright picture at half the rate.
    wanted["FrameDurationLimits"] = (duration_us, duration_us * 2)
    return {name: value for name, value in wanted.items() if name in advertised}


class Settling:
    """Watches the metadata of frames until the picture is steady, then says what to hold."""

    def __init__(self, advertised: Container[str]) -> None:
        self._advertised = advertised
        self._steady = 0
        self._seen = 0
        self._gains: tuple[float, ...] = ()
        self.done = False

    def controls(self, metadata: Mapping[str, Any]) -> dict[str, Any] | None:
        """The controls that hold the picture, once; None before and after."""
        if self.done:
            return None
        self._seen += 1
        self._steady = self._steady + 1 if self._is_steady(metadata) else 0
        if self._steady < _STEADY_FRAMES and self._seen < _PATIENCE_FRAMES:
            return None
        self.done = True
        return self._held(metadata)

    def _is_steady(self, metadata: Mapping[str, Any]) -> bool:
        focused = metadata.get("AfState", _AF_FOCUSED) in (_AF_FOCUSED, _AF_FAILED)
        exposed = bool(metadata.get("AeLocked", True))
        gains = tuple(float(gain) for gain in metadata.get("ColourGains", ()))
        before, self._gains = self._gains, gains
        balanced = len(before) == len(gains) and all(
            abs(new - old) <= _GAIN_DRIFT * max(old, 0.1)
            for old, new in zip(before, gains, strict=True)
        )
        return focused and exposed and balanced

    def _held(self, metadata: Mapping[str, Any]) -> dict[str, Any]:
        held: dict[str, Any] = {"AeEnable": False, "AwbEnable": False, "AfMode": AF_MANUAL}
        # Switching off alone would keep the last values on most, but not on all sensors.
        for name in ("ExposureTime", "AnalogueGain", "ColourGains", "LensPosition"):
            if name in metadata:
                held[name] = metadata[name]
        return {name: value for name, value in held.items() if name in self._advertised}
