# SPDX-License-Identifier: Apache-2.0
"""A reader that is not ours: python-tuf's client, fetching from any storage of ours.

What a repository is worth is judged by it: `Reader.announcement` is what a kiosk would be told.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlparse

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater

from kiosk import announcement
from kiosk.announcement import Announcement
from kiosk.catalog import manifest
from kiosk.publish.storage import Storage, blob_name, digest

BASE = "place://repository"


class StorageFetcher(FetcherInterface):
    """Reads from a storage as if it were a server; counts what was asked for."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.requests = 0
        self.bytes = 0

    def _fetch(self, url: str) -> Iterator[bytes]:
        self.requests += 1
        data = self._storage.read(urlparse(url).path.lstrip("/"))
        if data is None:
            raise DownloadHTTPError(f"{url} is not there", 404)
        self.bytes += len(data)
        yield data


class Reader:
    """One kiosk's memory of a repository."""

    def __init__(self, root: bytes, folder: Path | None = None) -> None:
        self._root = root
        self._scratch = None if folder else tempfile.TemporaryDirectory()
        self._folder = folder or Path(self._scratch.name if self._scratch else "")
        self.requests = self.bytes = 0

    def close(self) -> None:
        if self._scratch is not None:
            self._scratch.cleanup()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def announcement(self, storage: Storage, channel: str = "stable") -> Announcement:
        """Raises what python-tuf raises when it refuses."""
        fetcher = StorageFetcher(storage)
        targets = self._folder / "targets"
        targets.mkdir(parents=True, exist_ok=True)
        updater = Updater(
            str(self._folder),
            f"{BASE}/metadata/",
            str(targets),
            f"{BASE}/targets/",
            fetcher=fetcher,
            bootstrap=self._root,
        )
        updater.refresh()
        found = updater.get_targetinfo(f"{channel}.json")
        assert found is not None
        if updater.find_cached_target(found) is None:
            updater.download_target(found)
        data = (targets / f"{channel}.json").read_bytes()
        self.requests, self.bytes = fetcher.requests, fetcher.bytes
        return announcement.parse(data)


def check_blobs(storage: Storage, announced: Announcement) -> None:
    """Every byte that a kiosk would fetch for it is there."""
    listed = storage.read(blob_name(announced.manifest.sha256))
    assert listed is not None
    assert digest(listed) == announced.manifest.sha256
    assert len(listed) == announced.manifest.bytes
    for entry in manifest.parse(listed).needed:
        data = storage.read(blob_name(entry.sha256))
        assert data is not None, entry.name
        assert digest(data) == entry.sha256
