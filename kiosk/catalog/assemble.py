# SPDX-License-Identifier: Apache-2.0
"""Putting the files of a release together from enrolled pictures, in one fixed order.

Row order in a segment is picture order; a picture's views follow each other. The manifest is
written last, and everything is on the disk before the caller gives the folder its name.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from kiosk.catalog.calibration import Calibration
from kiosk.catalog.details import method
from kiosk.catalog.earlier import Earlier, earlier
from kiosk.catalog.enrol import Enrolment
from kiosk.catalog.gate import queries_for
from kiosk.catalog.leave_out import Probes, evenly
from kiosk.catalog.manifest import MODELS, PROBES, FileEntry, Manifest, ModelName, SegmentEntry
from kiosk.catalog.material import Material, file_entry, write_segment
from kiosk.catalog.measuring import finished
from kiosk.catalog.probes import write_probes
from kiosk.catalog.result import Result
from kiosk.catalog.reuse import Plan, plan
from kiosk.catalog.sources import SourcePicture
from kiosk.catalog.strangers import Strangers
from kiosk.catalog.work import Workplace
from kiosk.errors import CatalogError
from kiosk.values import Record
from kiosk.vision.augment import CAMERA
from kiosk.vision.session import Card

MOST_PROBED_PICTURES = 3200
"""Pictures whose camera views a calibration uses: enough SKUs for a rate of 0.1 %, and bounded."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A picture whose result is in the workplace under `key`."""

    picture: SourcePicture
    digest: str
    """sha256 of the picture's bytes."""
    key: str
    probed: bool = False
    """Its result holds local features of camera views."""
    lasting: str = ""
    """The key that it would have were it not probed: which pictures are, changes with every build,
    and what a release holds of a picture does not depend on it. Empty: `key`."""


def assemble(
    work: Workplace,
    enrolled: Sequence[Enrolled],
    known: Mapping[str, Record],
    enrolment: Enrolment,
    strangers: Strangers,
    risk: float,
    *,
    base: Path | None = None,
    models: Mapping[str, Path] = MappingProxyType({}),
) -> tuple[Manifest, Calibration]:
    """Write the whole release to `work.release`, durably; `risk`: the wrong-accept rate asked for.

    `base`: a release folder whose segments are used again for the pictures that have not changed
    (same `lasting` key, SKU and name); the answers are those of a release without it. Only results
    of other pictures and of those that are probed are asked of `work`. `models`: files that the
    release brings along, by name below `models/`. Raises OSError, sqlite3.Error, CatalogError.
    """
    folder = work.release
    folder.mkdir(parents=True)
    identities = [
        (one.picture.sku, one.picture.name, one.digest, one.lasting or one.key, one.picture.custom)
        for one in enrolled
    ]
    with closing(earlier(base, enrolment)) as before:
        planned = plan(identities, known, before.segments)
        segments, files = before.share(folder, planned.kept, planned.dead)
        if planned.written or planned.records:
            made = _written(work, enrolled, known, enrolment, before, planned)
            segments, files = (*segments, made[0]), (*files, *made[1])
    views = _views(enrolled, work, before, planned)
    for name, path in models.items():
        (folder / MODELS).mkdir(exist_ok=True)
        shutil.copyfile(path, folder / MODELS / name)
    write_probes(folder / PROBES, *_probes(work, enrolled, details=enrolment.details))
    others = [f"{MODELS}/{name}" for name in models]
    return finished(
        folder,
        Manifest(
            release="",
            built_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            skus=len({one.picture.sku for one in enrolled}),
            pictures=len(enrolled),
            references=sum(map(len, views)),
            dimension=enrolment.embedder.dimension,
            embedder=_name(enrolment.embedder.card),
            detector=_name(enrolment.locator.card),
            augmentation=_recipes(views, enrolment),
            segments=segments,
            files=(*files, *(file_entry(folder, name) for name in [PROBES, *others])),
            features=method() if enrolment.details else "",
        ),
        strangers,
        risk,
    )


def _written(
    work: Workplace,
    enrolled: Sequence[Enrolled],
    known: Mapping[str, Record],
    enrolment: Enrolment,
    before: Earlier,
    planned: Plan,
) -> tuple[SegmentEntry, tuple[FileEntry, ...]]:
    """The segment of all that is new or written anew."""

    def materials() -> Iterator[Material]:
        for number, home in planned.written:
            if home is None:
                yield _material(enrolled[number], _result(work, enrolled[number]))
            else:
                yield replace(before.material(home), custom=enrolled[number].picture.custom)

    return write_segment(
        work.release,
        [known[sku] for sku in planned.records],
        materials(),
        queries=_queries(work, enrolled, before, planned, enrolment.embedder.dimension),
        details=enrolment.details,
    )


def _material(one: Enrolled, result: Result) -> Material:
    return Material(
        sku=one.picture.sku,
        name=one.picture.name,
        sha256=one.digest,
        key=one.lasting or one.key,
        box=result.box,
        views=result.views,
        vectors=result.vectors,
        thumbnail=result.thumbnail,
        features=result.features[0] if result.features else None,
        custom=one.picture.custom,
    )


def _queries(
    work: Workplace,
    enrolled: Sequence[Enrolled],
    before: Earlier,
    planned: Plan,
    dimension: int,
) -> NDArray[np.float16]:
    """Camera views of some of a segment's pictures; of those that are copied, what there was."""
    count = queries_for(len(planned.written), first=not planned.kept)
    new = np.array([number for number, home in planned.written if home is None], np.intp)
    merged = {home[0] for _, home in planned.written if home is not None}
    chosen = [_result(work, enrolled[number]).probes[:1] for number in evenly(new, count).tolist()]
    old = [before.queries(number) for number in sorted(merged)]
    every = np.concatenate([np.zeros((0, dimension), np.float16), *old, *chosen])
    return every[evenly(np.arange(len(every)), count)]


def _views(
    enrolled: Sequence[Enrolled], work: Workplace, before: Earlier, planned: Plan
) -> list[tuple[str, ...]]:
    """The views that each picture has references of."""
    found = [
        before.segments[number].pictures[at].views
        for number in planned.kept
        for at in np.flatnonzero(~planned.dead[number]).tolist()
    ]
    for number, home in planned.written:
        found.append(
            _result(work, enrolled[number]).views
            if home is None
            else before.segments[home[0]].pictures[home[1]].views
        )
    return found


def _result(work: Workplace, one: Enrolled) -> Result:
    result = work.find(one.key)
    if result is None:
        raise CatalogError(f"{work.path}: was changed during the build; run the build again")
    return result


def _probes(
    work: Workplace, enrolled: Sequence[Enrolled], *, details: bool
) -> tuple[Probes, Probes]:
    """Camera views of evenly chosen pictures, the first of every SKU before any other's second;
    and those that were looked at in detail. Memory stays bounded.
    """
    first: dict[str, int] = {}
    for number, one in enumerate(enrolled):
        first.setdefault(one.picture.sku, number)
    firsts = evenly(np.array(sorted(first.values()), np.intp), MOST_PROBED_PICTURES)
    others = np.setdiff1d(np.arange(len(enrolled)), firsts)
    more = evenly(others, MOST_PROBED_PICTURES - len(firsts))
    looked = [number for number, one in enumerate(enrolled) if one.probed and details]
    chosen = np.union1d(np.union1d(firsts, more), np.array(looked, np.intp)).astype(np.int32)
    results = [_result(work, enrolled[int(number)]) for number in chosen]
    count = len(CAMERA)
    return Probes(
        np.concatenate([result.probes[:count] for result in results]), np.repeat(chosen, count)
    ), Probes(
        np.concatenate([result.probes[count:] for result in results]),
        np.repeat(chosen, [len(result.probes) - count for result in results]),
        tuple(found for result in results for found in result.features[1:]),
    )


def _recipes(views: Sequence[tuple[str, ...]], enrolment: Enrolment) -> tuple[str, ...]:
    """The recipes that were used, in words."""
    used = {view for each in views for view in each}
    return tuple(str(view) for view in enrolment.views(mirrored=True) if view.name in used)


def _name(card: Card) -> ModelName:
    return ModelName(card.name, card.version, card.sha256)
