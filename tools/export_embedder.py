# SPDX-License-Identifier: Apache-2.0
"""Make the embedder that ships out of a training checkpoint: int8, measured, with its card.

    python -m tools.export_embedder --data DATA --work WORK --name NAME --version N

Owns what the embedder's card claims. No picture of the sets it is measured on trained it.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import torch

from kiosk.vision.embed import Cropping
from kiosk.vision.locate import Locator
from tools import cards
from tools import evaluate_embedder as measures
from tools.camera_views import Picture, camera_view
from tools.embedder_net import EmbedderNet, embedder_graph, learned
from tools.evaluate_embedder import Photos
from tools.instances import Instances, rooms
from tools.lite0 import pretrained
from tools.projection import Projection
from tools.quantise import front_door, quantise

U8 = npt.NDArray[np.uint8]
NOTE = (
    "one web picture per SKU, one crop a photo, no augmented references, similarity alone; the "
    "whole path of the product, with verification, is measured by tools.evaluate"
)
TRAINED_ON = [
    "ImageNet-1k (the pretrained EfficientNet-Lite0, Apache-2.0)",
    "SynthDet and YCB renders (products3d, Apache-2.0 / CC BY 4.0)",
    "TrashNet (MIT)",
    "clothing-dataset-small (CC0)",
    "made-up items of tools.render (ours)",
]
WEAK_AT = [
    "look-alikes: flavours and fat contents of one brand, apples of near varieties; the geometric "
    "second look helps where there is print, not on fruit",
    "a side of the package that no reference shows; text is not read",
    "loose fruit and vegetables from one web picture: about half of shop photos right at once, so "
    "enrol photos of your own",
    "known from unknown by similarity alone: see auroc",
    "crops smaller than about 100 pixels, strong blur, coloured light",
]


def calibration(known: Instances, count: int, side: int) -> U8:
    """Camera views of every so manieth training picture: the range activations have in use."""
    rng = np.random.default_rng(3)
    grounds = rooms(known)
    rows = np.linspace(0, len(known.pixels) - 1, count).astype(int)
    return np.stack(
        [camera_view(rng, Picture(known.pixels[r], known.boxes[r]), grounds, side) for r in rows]
    )


def graphs(checkpoint: Path, dim: int, side: int, work: Path) -> tuple[Path, Path]:
    """A checkpoint's averaged weights as a float graph, and with the shipped model's front door."""
    empty = Projection(np.zeros((1280, dim), np.float32), np.zeros(dim, np.float32))
    net = EmbedderNet(pretrained(), empty, frozen=16)
    net.load_state_dict(torch.load(checkpoint, weights_only=True)["average"])
    source = work / f"{checkpoint.stem}.float.onnx"
    floating = work / f"{checkpoint.stem}.fp32.onnx"
    onnx.save(embedder_graph(net.backbone, learned(net), side), str(source))
    onnx.save(front_door(onnx.load(str(source))), str(floating))
    return source, floating


def figures(
    data: Path, finder: Locator, cutter: Cropping, models: dict[str, Path]
) -> dict[str, Any]:
    """Grocery test photos and earrings, for every model, cut as the product cuts them."""
    spare = measures.photos(data, "single_items", "unknown", "train").paths[::6]
    unknown = measures.squares(spare, finder, cutter)
    result: dict[str, Any] = {}
    for folder in ("grocery", "earrings"):
        catalog = measures.photos(data, folder, "reference", "")
        asked = measures.photos(data, folder, "photo", "test")
        pictures = [measures.squares(some.paths, finder, cutter) for some in (asked, catalog)]
        for name, path in models.items():
            query, reference, stranger = (
                measures.embed(path, some) for some in (*pictures, unknown)
            )
            found = measures.report(query, asked, reference, catalog, stranger)
            found["auroc_half_of_skus_left_out"] = _left_out(query, asked, reference, catalog)
            result[f"{folder}_test_{name}"] = found
            print(folder, name, found, flush=True)
    return result


def _left_out(
    query: measures.F32, asked: Photos, reference: measures.F32, catalog: Photos
) -> float:
    """Mean AUROC of the best similarity over five catalogs that lack half of the SKUs."""
    skus, marks = np.array(sorted(set(catalog.sku.tolist()))), []
    for seed in range(5):
        kept = np.random.default_rng(seed).permutation(skus)[: len(skus) // 2]
        best = (query @ reference[np.isin(catalog.sku, kept)].T).max(1)
        inside = np.isin(asked.sku, kept)
        marks.append(measures.auroc(best[inside], best[~inside]))
    return round(float(np.mean(marks)), 3)


def card(args: argparse.Namespace, commands: list[str], measured: dict[str, Any]) -> dict[str, Any]:
    """Everything but sha256, opset and commit."""
    return {
        "name": "kiosk item embedder", "version": args.version, "file": "embedder.onnx",
        "licence": "Apache-2.0",
        "quantisation": "static QDQ: int8 weights per channel, uint8 activations; projection float",
        "summary": "EfficientNet-Lite0 trained to tell instances apart (contrast with look-alikes, "
                   "distilled from SSCD and from ImageNet features), averaged, projected to unit "
                   "length.",
        "credits": f"{cards.CREDITS}; SSCD ResNet-50 (Meta, MIT) as a teacher",
        "trained_on": TRAINED_ON,
        "weak_at": WEAK_AT, "reproduce": commands,
        "input": cards.image_input(args.side, "letterbox", measures.PAD, margin=0.0),
        "outputs": {
            "embedding": cards.tensor([-1, args.dim], "unit length; compare by dot product")
        },
        "measured": measured,
    }  # fmt: skip


def export(args: argparse.Namespace) -> None:
    """Graphs, int8, figures, card."""
    known = Instances.load(args.work / "instances.npz")
    finder = measures.locator(args.models / "detector.toml")
    cutter = measures.cropping(args.side)
    source, floating = graphs(args.work / f"{args.name}.pt", args.dim, args.side, args.work)
    target = args.models / "embedder.onnx"
    crops = calibration(known, args.calibrate, args.side)
    quantise(source, target, crops, args.method, args.keep_float)
    models = {"int8": target, "fp32": floating}
    measured = figures(args.data, finder, cutter, models)
    measured |= {"detector_version": finder.card.version, "note": NOTE}
    cards.write(args.models / "embedder.toml", card(args, args.recipe, measured))


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--models", type=Path, default=Path("models"), help="holds detector.*")
    parser.add_argument("--name", default="embedder", help="the checkpoint that ships")
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--method", default="minmax", choices=["minmax", "percentile", "entropy"])
    parser.add_argument("--calibrate", type=int, default=400, help="pictures to calibrate with")
    parser.add_argument("--keep-float", action="append", default=[], help="a node left as float")
    parser.add_argument("--version", required=True)
    parser.add_argument("--recipe", action="append", default=[], help="a command for the card")
    cv2.setNumThreads(1)
    export(parser.parse_args())


if __name__ == "__main__":
    main()
