# SPDX-License-Identifier: Apache-2.0
"""The demo: a catalog of the fictional products, built with the real builder from real files."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from kiosk.catalog.build import BuildOptions, PictureReport, build
from kiosk.catalog.manifest import read_manifest
from kiosk.catalog.trusted import trust
from kiosk.config import Config, catalog_directory, made_state_directory
from kiosk.errors import CatalogError
from kiosk.scene import PRODUCTS, Product, reference_views
from kiosk.vision.embed import Embedder
from kiosk.vision.image import to_jpeg
from kiosk.vision.locate import Locator

WIDTH, HEIGHT = 960, 720
Tell = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and of how many (0: unknown)."""


def _silent(what: str, done: int, total: int) -> None:
    """Tell nobody."""


def demo_overrides(state: Path) -> tuple[str, ...]:
    """Options that make any configuration the demo's."""
    return (
        "camera.source=demo",
        f"camera.width={WIDTH}",
        f"camera.height={HEIGHT}",
        f"state.directory={state.absolute()}",
    )


def prepare_catalog(
    config: Config, locator: Locator, embedder: Embedder, tell: Tell = _silent
) -> str:
    """Make the demo's catalog unless a good one of these models is there; says what was done.

    `tell` hears how far it is, in this thread.
    """

    def enrolled(report: PictureReport, done: int, total: int) -> None:
        tell("Enrolling picture", done, total)
        if done == total:
            tell("Finishing the catalog", 0, 0)

    out = catalog_directory(config)
    if _usable(out, locator, embedder):
        return f"The demo catalog is ready ({out})."
    source = made_state_directory(config) / "demo-pictures"
    pictures = write_source(source, tell)
    report = build(
        source,
        out,
        locator=locator,
        embedder=embedder,
        options=BuildOptions(replace=True, risk=config.catalog.risk),
        progress=enrolled,
    )
    shutil.rmtree(source)
    return f"The demo catalog is ready: {report.skus} SKUs from {pictures} pictures ({out})."


def write_source(folder: Path, tell: Tell = _silent) -> int:
    """The catalog's products as a shop owner would hand them in: a folder per SKU and skus.csv.

    Gives the number of pictures. What is in no catalog is left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known = [product for product in PRODUCTS if product.in_catalog]
    with (folder / "skus.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["sku", "name", "category", "barcode"])
        rows.writerows([each.sku, each.name, each.category, each.barcode] for each in known)
    # Drawing is plain computing, a second per product: all cores, in processes that share nothing.
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        pictures = 0
        tell("Drawing product", 0, len(known))
        drawn = pool.map(_write_pictures, [folder] * len(known), known)
        for done, count in enumerate(drawn, 1):
            pictures += count
            tell("Drawing product", done, len(known))
        return pictures


def _write_pictures(source: Path, product: Product) -> int:
    folder = source / product.sku
    folder.mkdir(exist_ok=True)
    views = reference_views(product)
    for number, view in enumerate(views):
        (folder / f"{number:02}.jpg").write_bytes(to_jpeg(view, quality=92))
    return len(views)


def _usable(out: Path, locator: Locator, embedder: Embedder) -> bool:
    try:
        manifest = read_manifest(out)
        calibrated = trust(out, manifest).on
    except CatalogError:
        return False
    made_with = (manifest.detector.sha256, manifest.embedder.sha256)
    return calibrated and made_with == (locator.card.sha256, embedder.card.sha256)
