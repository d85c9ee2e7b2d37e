# SPDX-License-Identifier: Apache-2.0
"""What a person types for a place: a folder, or an address that fsspec knows, such as s3://…"""

from __future__ import annotations

from pathlib import Path

from kiosk.publish.explained import Explained
from kiosk.publish.folder import FolderStorage
from kiosk.publish.storage import Storage


def open_place(text: str) -> Storage:
    """Nothing is read or written yet; what is done with it raises PlaceError. PublishError."""
    scheme, sign, rest = text.partition("://")
    if not sign:
        return Explained(FolderStorage(Path(text)))
    if scheme == "file":
        return Explained(FolderStorage(Path(rest)))
    from kiosk.publish.bucket import BucketStorage  # a second to import, and folders need it not

    return Explained(BucketStorage(text))
