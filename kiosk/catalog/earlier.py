# SPDX-License-Identifier: Apache-2.0
"""The release that the next one is built on: its segments are shared, or pictures of them copied.

One of other models, another format or with another second look gives nothing to share, and that is
no error: everything is written anew.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kiosk.catalog.details import method
from kiosk.catalog.enrol import Enrolment
from kiosk.catalog.joined import Joined
from kiosk.catalog.manifest import (
    QUERIES,
    FileEntry,
    Manifest,
    SegmentEntry,
    check_files,
    in_segment,
    read_manifest,
)
from kiosk.catalog.material import Material, file_entry
from kiosk.catalog.reuse import Home, Previous
from kiosk.catalog.stored import StoredSegment, open_segments
from kiosk.catalog.tombstones import write_tombstones
from kiosk.errors import CatalogError

_log = logging.getLogger(__name__)


class Earlier:
    """Use `earlier`."""

    def __init__(self, path: Path, manifest: Manifest | None, joined: Joined | None) -> None:
        self._path, self._manifest, self._joined = path, manifest, joined
        self.segments: Sequence[Previous] = tuple(
            Previous(tuple(each.records()), tuple(each.entries())) for each in self._stored()
        )
        """What each holds; none: nothing can be shared."""

    def _stored(self) -> list[StoredSegment]:
        found = self._joined.segments if self._joined is not None else ()
        return [each for each in found if isinstance(each, StoredSegment)]

    def share(
        self, folder: Path, kept: Sequence[int], dead: Mapping[int, NDArray[np.bool_]]
    ) -> tuple[tuple[SegmentEntry, ...], tuple[FileEntry, ...]]:
        """Have these segments in the release in `folder`, too, each with its tombstones."""
        entries: list[SegmentEntry] = []
        files: list[FileEntry] = []
        for number in kept:
            assert self._manifest is not None
            entry = self._manifest.segments[number]
            own = [
                each for each in self._manifest.files if each.name.startswith(in_segment(entry, ""))
            ]
            for each in own:
                share_file(self._path / each.name, folder / each.name)
            entries.append(entry)
            files += own
            if dead[number].any():
                files.append(file_entry(folder, write_tombstones(folder, entry, dead[number])))
        return tuple(entries), tuple(files)

    def material(self, home: Home) -> Material:
        """A picture, to be written again. Raises CatalogError."""
        segment = self._stored()[home[0]]
        entry = self.segments[home[0]].pictures[home[1]]
        start, end = np.searchsorted(segment.pictures, [home[1], home[1] + 1])
        return Material(
            sku=segment.skus[entry.sku],
            name=entry.name,
            sha256=entry.sha256,
            key=entry.key,
            box=entry.box,
            views=entry.views,
            vectors=segment.vectors[start:end],
            thumbnail=segment.thumbnail(home[1]),
            features=segment.features(home[1]),
            custom=entry.custom,
        )

    def queries(self, number: int) -> NDArray[np.float16]:
        """(M, D) the camera views that a segment holds for the gate."""
        found: NDArray[np.float16] = np.load(self._stored()[number].path / QUERIES)
        return found

    def close(self) -> None:
        if self._joined is not None:
            self._joined.close()


def earlier(path: Path | None, enrolment: Enrolment) -> Earlier:
    """What the release folder `path` has to share with one that is made by `enrolment`.

    Raises CatalogError when it is damaged.
    """
    if path is None:
        return Earlier(Path(), None, None)
    try:
        manifest = read_manifest(path)
    except CatalogError as error:
        _log.warning("everything is written anew: %s", error)
        return Earlier(Path(), None, None)
    wanted = enrolment.embedder.card.sha256, method() if enrolment.details else ""
    if (manifest.embedder.sha256, manifest.features) != wanted:
        _log.info("%s: is of other models, everything is written anew", path)
        return Earlier(Path(), None, None)
    check_files(path, manifest)
    return Earlier(path, manifest, open_segments(path, manifest))


def share_file(here: Path, there: Path) -> None:
    """One file in two releases; a copy where the disk has no hard links. Raises OSError."""
    there.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(here, there)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(here, there)
