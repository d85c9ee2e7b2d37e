# SPDX-License-Identifier: Apache-2.0
"""`kiosk bench`: milliseconds per stage, memory, and the price of a large catalog."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from pathlib import Path
from typing import Any

from kiosk import bench
from kiosk.cli.options import Verbs, add_config, load_config
from kiosk.config import Config
from kiosk.errors import UsageError
from kiosk.models import Models, load_models
from kiosk.recognise import Recogniser
from kiosk.store.place import open_answering
from kiosk.vision.image import single_threaded


def register(verbs: Verbs) -> None:
    parser = verbs.add_parser(
        "bench",
        help="measure what one frame costs on this machine",
        description="Measure each stage on the pictures of a folder or on the rendered counter, "
        "or (--references) the search alone on synthetic catalogs.",
    )
    add_config(parser)
    parser.add_argument("folder", nargs="?", type=Path, help="pictures (default: rendered counter)")
    parser.add_argument("--catalog", type=Path, metavar="DIR", help="release folder")
    parser.add_argument("--frames", type=int, default=200, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--threads", default="1,2", metavar="LIST", help="model threads (default: %(default)s)"
    )
    parser.add_argument(
        "--references", type=int, metavar="N", help="measure search over N synthetic references"
    )
    parser.add_argument(
        "--visits",
        type=int,
        metavar="N",
        help="measure the time from an item at rest to its decision over N visits to the rendered "
        "counter",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    threads = _threads(arguments.threads)
    if arguments.frames <= bench.WARM_UP:
        raise UsageError(
            f"--frames {arguments.frames}: give more than {bench.WARM_UP}; the first ones warm up "
            "and are not counted"
        )
    if arguments.references is not None and arguments.references < 1:
        raise UsageError(f"--references {arguments.references}: give at least 1")
    if arguments.visits is not None and arguments.visits < 1:
        raise UsageError(f"--visits {arguments.visits}: give at least 1")
    if arguments.folder and not arguments.folder.is_dir():
        raise UsageError(f"{arguments.folder}: there is no such folder; name one with pictures")
    config = load_config(arguments)
    single_threaded()
    if arguments.references is not None:
        return _search(arguments, config)
    if arguments.visits is not None:
        return _waits(arguments, config)
    rows = [_stages(arguments, config, count) for count in threads]
    if arguments.json:
        print(json.dumps(rows))
        return os.EX_OK
    print(f"{'threads':>7}  {'stage':<7} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8}")
    for row in rows:
        for stage, cost in row["stages"].items():
            print(
                f"{row['threads']:>7}  {stage:<7} {cost['p50']:>8.2f} {cost['p95']:>8.2f} "
                f"{cost['p99']:>8.2f}"
            )
    last = rows[-1]
    print(
        f"\n{last['frames']} frames with an item per row, {last['width']}x{last['height']} pixels; "
        f"{last['references']} references, search: {last['engine']}; "
        f"resident {last['resident_mb']:.0f} MB"
    )
    return os.EX_OK


def _stages(arguments: argparse.Namespace, config: Config, threads: int) -> dict[str, Any]:
    models = dataclasses.replace(config.models, threads=threads)
    config = dataclasses.replace(config, models=models)
    opened = open_answering(config, Models(*load_models(models, config.locate)), arguments.catalog)
    snapshot = opened.snapshot
    locator, embedder = opened.models.locator, opened.models.embedder
    width, height = config.camera.width, config.camera.height
    try:
        frames = (
            bench.folder_frames(arguments.folder, arguments.frames)
            if arguments.folder
            else bench.demo_frames(
                arguments.frames, width=width, height=height, seed=config.camera.seed
            )
        )
        costs, seen = bench.stages(Recogniser(locator, embedder, config.verify), snapshot, frames)
        return {
            "threads": threads,
            "frames": seen,
            "width": width,
            "height": height,
            "references": snapshot.manifest.references,
            "engine": snapshot.engine,
            "stages": {stage: dataclasses.asdict(cost) for stage, cost in costs.items()},
            "resident_mb": round(bench.resident_mb(), 1),
        }
    finally:
        snapshot.close()


def _waits(arguments: argparse.Namespace, config: Config) -> int:
    own = Models(*load_models(config.models, config.locate))
    opened = open_answering(config, own, arguments.catalog)
    snapshot = opened.snapshot
    locator, embedder = opened.models.locator, opened.models.embedder
    recogniser = Recogniser(
        locator, embedder, config.verify, items=config.decide.items, codes=config.barcode.mode
    )
    try:
        spreads, count = bench.waits(recogniser, snapshot, config, arguments.visits)
    finally:
        snapshot.close()
    if arguments.json:
        print(json.dumps({name: dataclasses.asdict(spread) for name, spread in spreads.items()}))
        return os.EX_OK
    print(f"{'from rest to':<14} {'p50 ms':>8} {'p95 ms':>8}")
    for name, spread in spreads.items():
        if name != "decide":
            print(f"{name:<14} {spread.p50:>8.0f} {spread.p95:>8.0f}")
    rule = spreads["decide"]
    print(
        f"\n{count} decisions over {arguments.visits} visits; the rule itself takes "
        f"{rule.p50:.2f} ms per frame (p95 {rule.p95:.2f})"
    )
    return os.EX_OK


def _threads(text: str) -> list[int]:
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        counts = []
    if not counts or not all(1 <= count <= 16 for count in counts):
        raise UsageError(f"--threads {text!r}: give whole numbers from 1 to 16, as in 1,2")
    return counts


def _search(arguments: argparse.Namespace, config: Config) -> int:
    _, embedder = load_models(config.models, config.locate)
    cost = bench.search_cost(arguments.references, embedder.dimension, config.search)
    if arguments.json:
        print(json.dumps(dataclasses.asdict(cost)))
        return os.EX_OK
    print(f"{cost.references} references of {cost.dimension} dimensions, search: {cost.engine}")
    print(f"build and tune {cost.build_s:.1f} s, check and open {cost.open_s:.2f} s")
    print(f"recall@10 against exact search {cost.recall_at_10:.4f}")
    for name, spread in (("annoy", cost.annoy_ms), ("exact", cost.exact_ms)):
        print(f"{name}: p50 {spread.p50:.2f}  p95 {spread.p95:.2f}  p99 {spread.p99:.2f} ms")
    print(f"resident {cost.resident_mb:.0f} MB, models included")
    return os.EX_OK
