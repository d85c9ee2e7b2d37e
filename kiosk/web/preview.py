# SPDX-License-Identifier: Apache-2.0
"""The live picture as JPEG, encoded when someone asks and once for all who ask."""

from __future__ import annotations

import threading

from kiosk.board import Phase, Preview
from kiosk.values import Outcome
from kiosk.vision.image import draw_boxes, to_jpeg

# BGR. The brackets repeat what the decision panel says in words and shapes.
_COLOURS = {
    Outcome.ACCEPTED.value: (110, 214, 60),
    Outcome.CHOOSE.value: (46, 186, 255),
    Outcome.UNKNOWN.value: (226, 186, 150),
    Outcome.MISMATCH.value: (102, 122, 255),
}
_LOOKING = (245, 245, 245)
_OTHERS = (150, 150, 150)


class PreviewPicture:
    """Keeps the JPEG of the last preview asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._preview: Preview | None = None
        self._jpeg = b""

    def jpeg(self, preview: Preview) -> bytes:
        """JPEG bytes of `preview` with its boxes drawn."""
        with self._lock:
            if self._preview is not preview:
                self._jpeg = _encode(preview)
                self._preview = preview
            return self._jpeg


def _encode(preview: Preview) -> bytes:
    pixels = preview.pixels.copy()
    thickness = max(2, pixels.shape[1] // 180)
    draw_boxes(pixels, preview.others, _OTHERS, max(1, thickness // 2))
    if preview.subject is not None:
        decided = preview.phase is Phase.DECIDED
        colour = _COLOURS.get(preview.outcome, _LOOKING) if decided else _LOOKING
        draw_boxes(pixels, (preview.subject,), colour, thickness)
    return to_jpeg(pixels)
