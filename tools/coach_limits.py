# SPDX-License-Identifier: Apache-2.0
"""What seeing worse costs: the limits of the capture coach, measured on real photos.

    python -m tools.coach_limits --data DATA --work WORK [--photos 88] [--out FILE.png]

Real grocery photos, every one undegraded and in every way worse, through the product's own release
and stages. Each row keeps whether the first SKU was right and the `Quality` that was measured of
that look; `tools.coach_table` makes tables and plots of them. WORK/rows.jsonl is added to: what is
in there is not measured again, so a run may be stopped and goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import sys
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm  # type: ignore[import-untyped]  # has no stubs

from kiosk.catalog.build import BuildOptions
from kiosk.catalog.manifest import NAME
from kiosk.catalog.snapshot import Snapshot
from kiosk.config import LocateConfig, ModelsConfig, SearchConfig, VerifyConfig
from kiosk.decide import judge
from kiosk.models import load_models
from kiosk.recognise import Recogniser, still
from kiosk.values import Box, Pixels, Quality
from kiosk.vision.decode import read_picture
from kiosk.vision.image import single_threaded
from kiosk.vision.quality import measure
from tools.coach_table import Row, picture_of, table_of
from tools.evaluation.catalog import built
from tools.evaluation.degrade import DEGRADATIONS, degraded
from tools.evaluation.manifests import PHOTO, REFERENCE, Picture, read_manifests
from tools.evaluation.product import UNHURRIED_MS

PLAIN = "plain"
WAYS: dict[str, tuple[float, ...]] = {
    "small": (0.8, 0.6, 0.45, 0.35, 0.25, 0.18, 0.12, 0.08),
    "defocus": (0.003, 0.006, 0.01, 0.015, 0.025),
    "motion": (0.01, 0.02, 0.04, 0.07),
    "dark": (-1, -2, -3, -4),
    "dim": (-2, -3, -4),
    "bright": (0.5, 1, 1.5, 2, 3),
    "noise": (10, 25, 45),
    "occlusion": (0.08, 0.16, 0.25, 0.35, 0.5),
    "rotation": (15, 30, 60, 90),
    "cut-off": (0.05, 0.12, 0.2, 0.3, 0.45),
}
"""Settings of each way, see `tools.evaluation.degrade`; `dim` is darkness with a sensor's noise."""
DIM_NOISE = 6.0
"""Deviation of pixel values of a sensor short of light."""
OWN_PHOTOS = 3
"""Photos of each SKU enrolled beside its web picture, as an owner would take them."""
PACKAGES = 0.73
"""Share of packages among the photos: what a counter mostly sees."""
SEED = 3
_BY_NAME = {how.name: how for how in DEGRADATIONS}


@dataclass(frozen=True, slots=True)
class Photos:
    references: list[Picture]
    asked: list[Picture]


def photos(manifest: Path, count: int) -> Photos:
    """Web pictures and some train photos of each SKU to enrol; `count` test photos to ask."""
    pictures = read_manifests((manifest,)).pictures
    references = [each for each in pictures if each.role == REFERENCE]
    own: dict[str, list[Picture]] = defaultdict(list)
    for each in pictures:
        if each.role == PHOTO and each.split == "train":
            own[each.sku].append(each)
    for found in own.values():
        references += _evenly(found, OWN_PHOTOS)
    tests = [each for each in pictures if each.role == PHOTO and each.split == "test"]
    packages = [each for each in tests if each.category == "Packages"]
    others = [each for each in tests if each.category != "Packages"]
    first = round(PACKAGES * count)
    return Photos(references, _evenly(packages, first) + _evenly(others, count - first))


def _evenly(pictures: Sequence[Picture], most: int) -> list[Picture]:
    count = min(most, len(pictures))
    return [pictures[place] for place in np.linspace(0, len(pictures) - 1, count).astype(int)]


def worse(pixels: Pixels, way: str, setting: float, box: Box | None, name: str) -> Pixels:
    """The photo seen worse; the same pixels every time. `box` is the item's when seen well."""
    if way == PLAIN:
        return pixels
    how = _BY_NAME["dark" if way == "dim" else way]
    seed = (SEED, zlib.crc32(name.encode()), zlib.crc32(how.name.encode()))
    shown = degraded(pixels, replace(how, settings=(setting,) * 3), 1, box, seed)
    if way == "dim":
        noise = replace(_BY_NAME["noise"], settings=(DIM_NOISE,) * 3)
        shown = degraded(shown, noise, 1, box, seed)
    return shown


def looked(
    recogniser: Recogniser, snapshot: Snapshot, picture: Picture, pixels: Pixels
) -> tuple[Row, Box | None]:
    """One look: what came of it, and the box that was found."""
    look = recogniser.look(still(pixels), snapshot)
    box = look.subject.box if look.subject else None
    verdict = judge(look.matches, look.thresholds)
    row = Row(
        photo=picture.name,
        way=PLAIN,
        setting=0.0,
        top1=bool(look.matches) and look.matches[0].sku == picture.sku,
        accepted=verdict.sku is not None,
        wrong=verdict.sku not in (None, picture.sku),
        quality=measure(pixels, box) if box is not None else None,
    )
    return row, box


def measured(
    asked: Sequence[Picture],
    recogniser: Recogniser,
    snapshot: Snapshot,
    done: set[tuple[str, str, str]],
) -> Iterator[Row]:
    """The rows that are not `done` yet: every photo undegraded, then in every way worse."""
    jobs = [(PLAIN, 0.0)] + [(way, value) for way, values in WAYS.items() for value in values]
    boxes: dict[str, Box | None] = {}
    for way, setting in jobs:
        for picture in tqdm(asked, f"{way} {setting:g}", leave=False):
            key = (picture.name, way, f"{setting:g}")
            if way != PLAIN and key in done:
                continue
            pixels = read_picture(picture.path)
            if picture.name not in boxes:  # needed to say how much of the item is hidden
                plain, boxes[picture.name] = looked(recogniser, snapshot, picture, pixels)
                if key in done:
                    continue
                if way == PLAIN:
                    yield plain
                    continue
            shown = worse(pixels, way, setting, boxes[picture.name], picture.name)
            row, _ = looked(recogniser, snapshot, picture, shown)
            yield replace(row, way=way, setting=setting)


def read_rows(path: Path) -> list[Row]:
    """Rows of earlier runs; a last line that was cut off is left out."""
    if not path.exists():
        return []
    rows = []
    for line in path.read_text().splitlines(keepends=True):
        if line.endswith("\n"):
            entry = json.loads(line)
            quality = entry.pop("quality")
            rows.append(Row(**entry, quality=Quality(**quality) if quality else None))
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds grocery/")
    parser.add_argument("--work", type=Path, required=True, help="rows and the release go here")
    parser.add_argument("--photos", type=int, default=88, help="test photos that are asked")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--table", action="store_true", help="measure nothing, show what there is")
    parser.add_argument("--out", type=Path, help="draw the curves as a PNG")
    wanted = parser.parse_args(arguments)
    path = wanted.work / "rows.jsonl"
    rows = read_rows(path)
    if not wanted.table:
        wanted.work.mkdir(parents=True, exist_ok=True)
        single_threaded()
        chosen = photos(wanted.data / "grocery" / "manifest.csv", wanted.photos)
        models = load_models(ModelsConfig(threads=wanted.threads), LocateConfig())
        release = wanted.work / "release"
        if not (release / NAME).exists():
            built(chosen.references, wanted.work, models, BuildOptions(), lambda *_: None)
        recogniser = Recogniser(*models, VerifyConfig(budget_ms=UNHURRIED_MS))
        sha256 = models[1].card.sha256
        done = {(row.photo, row.way, f"{row.setting:g}") for row in rows}
        with (
            closing(Snapshot.open(release, embedder=sha256, config=SearchConfig())) as snapshot,
            path.open("a", encoding="utf-8") as file,
        ):
            for row in measured(chosen.asked, recogniser, snapshot, done):
                file.write(json.dumps(asdict(row)) + "\n")
                rows.append(row)
    print(table_of(rows))
    if wanted.out:
        picture_of(rows).save(wanted.out, optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
