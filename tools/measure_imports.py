# SPDX-License-Identifier: Apache-2.0
"""How fast imports are and how much memory they take: `python -m tools.measure_imports`.

    python -m tools.measure_imports lines [--lines 1000000]   lines that share a few pictures
    python -m tools.measure_imports pictures FOLDER           a folder per SKU of real pictures

Each measurement is a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from kiosk.imports.forms import Form, find
from kiosk.workshop.dumping import dump
from kiosk.workshop.folder import init, workshop
from kiosk.workshop.importing import Importer
from kiosk.workshop.line_report import LineReport

PICTURES = 100
PER_SKU = 5


def write_lines(root: Path, count: int) -> None:
    """increment.meta with `count` lines, five to a SKU, that share a hundred pictures."""
    random = np.random.default_rng(5)
    for number in range(PICTURES):
        pixels = random.integers(0, 255, (120, 160, 3), np.uint8)
        cv2.imwrite(str(root / f"{number}.jpg"), pixels)
    with (root / "increment.meta").open("w", encoding="utf-8") as file:
        for number in range(count):
            fields = {
                "OperationType": "ADD",
                "ProductId": f"SKU-{number // PER_SKU:07}",
                "PicName": f"view-{number % PER_SKU}",
                "PicFile": f"{number % PICTURES}.jpg",
                "CategoryId": number // PER_SKU % 12,
                "IntAttr": number % 1000,
                "StrAttr": f"shelf {number % 37}",
                "CustomContent": "k1:v1,k2:v2",
            }
            file.write(json.dumps(fields) + "\n")


def run_import(source: Path, folder: Path) -> None:
    """Import and print what it took. In a process of its own."""
    init(folder)
    failed = 0

    def tell(report: LineReport) -> None:
        nonlocal failed
        failed += bool(report.code)

    with workshop(folder) as shop:
        started = time.perf_counter()
        summary = Importer(shop.repository, shop.pictures).run(find(source), "measure", tell)
        took_s = time.perf_counter() - started
    print(
        json.dumps(
            {
                "lines": summary.lines,
                "failed": failed,
                "seconds": round(took_s, 2),
                "lines_per_s": round(summary.lines / took_s, 1),
                "peak_rss_mb": _peak_mb(),
            }
        )
    )


def run_parse(source: Path) -> None:
    """Only read the lines."""
    started = time.perf_counter()
    count = sum(1 for _ in find(source).lines())
    took_s = time.perf_counter() - started
    rate = {"parsed": count, "lines_per_s": round(count / took_s, 1), "peak_rss_mb": _peak_mb()}
    print(json.dumps(rate))


def run_dump(folder: Path, out: Path) -> None:
    with workshop(folder) as shop, shop.repository.reading() as reading:
        started = time.perf_counter()
        done = dump(reading, shop.pictures, out, Form.INCREMENT)
        took_s = time.perf_counter() - started
    rate = round(done.pictures / took_s, 1)
    print(json.dumps({"dumped": done.pictures, "pictures_per_s": rate, "peak_rss_mb": _peak_mb()}))


def _peak_mb() -> int:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("lines", "pictures", "import", "parse", "dump"))
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--lines", type=int, default=1_000_000)
    arguments = parser.parse_args()
    if arguments.what == "import":
        run_import(*arguments.paths)
        return
    if arguments.what == "parse":
        run_parse(*arguments.paths)
        return
    if arguments.what == "dump":
        run_dump(*arguments.paths)
        return
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        source = arguments.paths[0] if arguments.paths else root / "source"
        if arguments.what == "lines":
            source.mkdir(exist_ok=True)
            write_lines(source, arguments.lines)
        _child("parse", source)
        _child("import", source, root / "workshop")
        _child("import", source, root / "workshop")  # again: nothing is new
        if arguments.what == "pictures":
            _child("dump", root / "workshop", root / "out")


def _child(*arguments: object) -> None:
    command = [sys.executable, "-m", "tools.measure_imports", *map(str, arguments)]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
