# SPDX-License-Identifier: Apache-2.0
"""Where reference pictures come from: the seam between the pages and the catalog."""

from __future__ import annotations

from typing import Protocol


class Gallery(Protocol):
    """Gives the thumbnails of the release on show. Called from several threads."""

    def thumbnail(self, release: str, reference: int) -> bytes | None:
        """JPEG bytes of one reference; None when that release is not open or has no such row."""


class NoGallery:
    """A gallery without pictures, for a kiosk without a catalog."""

    def thumbnail(self, release: str, reference: int) -> bytes | None:
        return None
