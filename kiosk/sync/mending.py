# SPDX-License-Identifier: Apache-2.0
"""The release that is current lost files on this disk, and nothing newer may take its place: what
it lost is fetched again. Its manifest was proven when it came; every file is held against it.
"""

from __future__ import annotations

import logging

from kiosk.catalog.manifest import parse
from kiosk.errors import CatalogError, Held, SyncError
from kiosk.store import Pointer, Store
from kiosk.sync.fetch import fetch_missing
from kiosk.sync.origin import Origin

_log = logging.getLogger(__name__)


def mended(origin: Origin, store: Store, pointer: Pointer) -> bool:
    """Whether the current release, which was damaged, is whole again. Raises OSError.

    False where it cannot be: its manifest is gone too, or the origin does not give its files.
    """
    current = pointer.current
    if current is None or not pointer.damaged:
        return False
    data = store.releases.manifest_bytes(current.release, current.manifest)
    try:
        manifest = parse(data)
        for _ in manifest.needed:
            fetch_missing(origin, store, manifest, current.manifest)
            try:
                store.install(data)
            except Held as held:
                if held.code != "damaged_blob":
                    raise
                continue  # it was dropped, and is fetched now
            store.activate(current, pointer.gate, pointer.catalog)
            _log.info("release %s is whole again", current.release)
            return True
    except (SyncError, CatalogError) as error:
        _log.warning("release %s cannot be mended: %s", current.release, error)
    return False
