# SPDX-License-Identifier: Apache-2.0
"""The queries of a release's gate: its pictures as a camera may see them, with the right answers.

Pictures of a catalog are more alike than a picture and a scan; these are what scans are like.
"""

from __future__ import annotations

import logging

from kiosk.additions.trying import Probes
from kiosk.catalog.gate import read_gate
from kiosk.catalog.snapshot import Snapshot
from kiosk.errors import CatalogError

log = logging.getLogger(__name__)


class GateProbes:
    """Read once for each release."""

    def __init__(self) -> None:
        self._release = ""
        self._probes: Probes | None = None

    def __call__(self, snapshot: Snapshot) -> Probes | None:
        """Those of the release of `snapshot`; None: it has none that can be used."""
        if self._release != snapshot.release:
            try:
                self._probes = read_gate(snapshot.path, snapshot.manifest)
            except CatalogError as error:  # its references are held against additions all the same
                log.info("additions are tried without probes: %s", error)
                self._probes = None
            self._release = snapshot.release
        return self._probes
