# SPDX-License-Identifier: Apache-2.0
"""Make the embedder: pretrained features, a learned projection, int8, and a measured card.

Owns what the embedder's card claims. The projection is learned on training photos only; grocery
test photos are opened once, to be reported, and `earrings/` never.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnx

from kiosk.values import Box
from kiosk.vision.embed import Embedder
from kiosk.vision.locate import Locator
from tools import cards, cutouts
from tools import evaluate_embedder as measures
from tools.composites import composite
from tools.evaluate_embedder import Photos
from tools.lite0 import OnnxGraph, pretrained
from tools.projection import Projection, whitening
from tools.quantise import front_door, quantise

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
COMMANDS = ["python -m tools.export_embedder --data DATA --work WORK --models models"]
NOTE = (
    "43 SKUs, one web picture each, one crop a photo, no augmented references; the projection saw "
    "train photos of the same SKUs, so the cross-validated figures are the honest ones for new SKUs"
)
WEAK_AT = [
    "look-alikes: flavours and fat contents of one brand, apples of near varieties",
    "a side of the package that no reference shows; text is not read",
    "ImageNet features with a linear projection, not trained on products: expect about half of "
    "natural photos right at once from a single web picture, so enrol several views",
    "known from unknown by similarity alone: see auroc_known_unknown",
    "crops smaller than about 100 pixels, strong blur, coloured light",
]


def feature_graph() -> OnnxGraph:
    """Lite0 up to `features`: N×1280 averages over the last map."""
    graph = OnnxGraph()
    outputs = graph.backbone(pretrained(), "pixels")
    graph.node("ReduceMean", [outputs[-1]], "features", axes=[2, 3], keepdims=0)
    return graph


def embedder_graph(projection: Projection, side: int) -> onnx.ModelProto:
    """`pixels` to `embedding`, unit length."""
    graph = feature_graph()
    first = graph.node("LpNormalization", ["features"], "direction", axis=1, p=2)
    weight = graph.constant("projection.w", projection.weight)
    bias = graph.constant("projection.b", projection.bias)
    mapped = graph.node("Gemm", [first, weight, bias], "projected")
    graph.node("LpNormalization", [mapped], "embedding", axis=1, p=2)
    return graph.model(side, [("embedding", ["N", projection.weight.shape[1]])])


def rendered(data: Path, cutter: Embedder, each: int, seed: int) -> U8:
    """Crops of drawn scenes, `each` of every 3-D product, the boxes a little wrong."""
    rng = np.random.default_rng(seed)
    rooms = cutouts.backgrounds(data, validation=False)
    by_sku: dict[str, list[cutouts.Cutout]] = {}
    for cut in cutouts.renders(data, validation=False) + cutouts.renders(data, validation=True):
        by_sku.setdefault(cut.sku, []).append(cut)
    pictures = []
    for cuts in by_sku.values():
        left = each
        while left:
            one = cutouts.Library([cuts[int(rng.integers(len(cuts)))]], [], rooms, [])
            image, boxes = composite(rng, one, 320, 1)
            if len(boxes) == 1 and (boxes[0, 2:] - boxes[0, :2]).max() >= 70:
                pictures.append(shaken(rng, image, boxes[0], cutter))
                left -= 1
    return np.stack(pictures)


def shaken(rng: np.random.Generator, image: U8, box: F32, cutter: Embedder) -> U8:
    """A crop whose box edges are off by some 4 %."""
    size = np.tile(box[2:] - box[:2], 2)
    x1, y1, x2, y2 = (float(v) for v in box + rng.normal(0, 0.04, 4) * size)
    return cutter.crop(image, Box(x1, y1, x2, y2))


def thinned(photos: Photos, most: int, seed: int) -> list[Path]:
    """At most `most` paths, drawn once."""
    order = np.random.default_rng(seed).permutation(len(photos.paths))[:most]
    return [photos.paths[int(k)] for k in sorted(order)]


def folds(
    catalog: Photos, asked: Photos, features: dict[str, F32], dim: int, power: float, shrink: float
) -> dict[str, float]:
    """Train photos against all references; a fifth of the SKUs at a time is new to the map."""
    skus = np.array(sorted(set(catalog.sku.tolist())))
    order = np.random.RandomState(0).permutation(skus).tolist()
    fold = {sku: place for place, sku in enumerate(order)}
    parts = []
    half = len(features["unknown"]) // 2
    for number in range(5):
        mine = np.array([fold[s] % 5 == number for s in asked.sku.tolist()])
        seen = np.array([fold[s] % 5 != number for s in catalog.sku.tolist()])
        groups = [
            (np.concatenate([features["reference"][seen], features["train"][~mine]]), 1.0),
            (features["rendered"], 1.0), (features["unknown"][:half], 1.0),
        ]  # fmt: skip
        to = whitening(groups, dim, power, shrink)
        some = Photos([], asked.sku[mine], asked.packaged[mine])
        found = measures.report(
            to(features["train"][mine]), some, to(features["reference"]), catalog,
            to(features["unknown"][half:]),
        )  # fmt: skip
        weight = {k: some.packaged.sum() if "pack" in k else mine.sum() for k in found}
        parts.append({k: (v, float(weight[k])) for k, v in found.items()})
    return {
        k: round(sum(p[k][0] * p[k][1] for p in parts) / max(sum(p[k][1] for p in parts), 1), 3)
        for k in parts[0]
    }


def card(args: argparse.Namespace, measured: dict[str, Any]) -> dict[str, Any]:
    """Everything but sha256 and opset."""
    return {
        "name": "kiosk item embedder", "version": args.version, "file": "embedder.onnx",
        "licence": "Apache-2.0",
        "quantisation": "static QDQ: int8 weights per channel, uint8 activations; projection float",
        "summary": "EfficientNet-Lite0 features, averaged, projected by a shrunken PCA whitening "
                   "to unit length.",
        "credits": cards.CREDITS, "trained_on": cards.TRAINED_ON, "weak_at": WEAK_AT,
        "reproduce": COMMANDS,
        "input": cards.image_input(args.side, args.fit, measures.PAD, margin=args.margin),
        "outputs": {
            "embedding": cards.tensor([-1, args.dim], "unit length; compare by dot product")
        },
        "measured": measured,
    }  # fmt: skip


def final_figures(
    data: Path, finder: Locator, cutter: Embedder, models: dict[str, Path]
) -> dict[str, Any]:
    """Grocery test photos, reported once, with and without the detector, for every model."""
    catalog = measures.photos(data, "grocery", "reference", "")
    asked = measures.photos(data, "grocery", "photo", "test")
    spare = measures.photos(data, "single_items", "unknown", "train")
    spare_paths = thinned(spare, 1800, 0)[1::3]
    result: dict[str, Any] = {}
    for crops_from, boxes in (("detector", finder), ("whole_image", None)):
        pictures = [measures.squares(p, boxes, cutter)
                    for p in (asked.paths, catalog.paths, spare_paths)]  # fmt: skip
        for name, path in models.items():
            query, reference, unknown = (measures.embed(path, p) for p in pictures)
            result[f"{name}_{crops_from}"] = measures.report(
                query, asked, reference, catalog, unknown
            )
            print(name, crops_from, result[f"{name}_{crops_from}"], flush=True)
    return result


def gather(args: argparse.Namespace, finder: Locator, cutter: Embedder) -> dict[str, U8]:
    """Training crops: references, shop photos, items in no catalog, scenes of 3-D products."""
    spare = thinned(measures.photos(args.data, "single_items", "unknown", "train"), 1800, 0)
    catalog = measures.photos(args.data, "grocery", "reference", "")
    asked = measures.photos(args.data, "grocery", "photo", "train")
    return {
        "reference": measures.squares(catalog.paths, finder, cutter),
        "train": measures.squares(asked.paths, finder, cutter),
        "unknown": measures.squares(spare[0::3], finder, cutter),  # [1::3] is for measuring
        "rendered": rendered(args.data, cutter, 14, 5),
    }


def export(args: argparse.Namespace) -> None:
    """Features, projection, graphs, figures, card."""
    finder = measures.locator(args.models / "detector.toml")
    cutter = measures.cropper(args.side, args.fit, args.margin)
    pictures = gather(args, finder, cutter)
    base = args.work / "features.fp32.onnx"
    graph = feature_graph().model(args.side, [("features", ["N", 1280])])
    onnx.save(front_door(graph), str(base))
    features = {k: measures.embed(base, p, "features") for k, p in pictures.items()}
    np.savez(args.work / "embedder_features.npz", **features)  # type: ignore[arg-type]  # numpy stub
    catalog = measures.photos(args.data, "grocery", "reference", "")
    asked = measures.photos(args.data, "grocery", "photo", "train")
    crossed = folds(catalog, asked, features, args.dim, args.power, args.shrink)
    print("train photos, cross-validated over SKUs:", crossed, flush=True)
    groups = [(np.concatenate([features["reference"], features["train"]]), 1.0),
              (features["rendered"], 1.0), (features["unknown"], 1.0)]  # fmt: skip
    projection = whitening(groups, args.dim, args.power, args.shrink)
    source, floating = args.work / "embedder.float.onnx", args.work / "embedder.fp32.onnx"
    onnx.save(embedder_graph(projection, args.side), str(source))
    onnx.save(front_door(onnx.load(str(source))), str(floating))
    target = args.models / "embedder.onnx"
    mixed = np.concatenate([v[:: max(1, len(v) // 80)][:80] for v in pictures.values()])
    quantise(source, target, mixed, args.method, [])
    figures = {
        "detector_version": finder.card.version,
        "grocery_train_cross_validated_over_skus_fp32": crossed,
        "grocery_test": final_figures(
            args.data, finder, cutter, {"int8": target, "fp32": floating}
        ),
        "note": NOTE,
    }
    cards.write(args.models / "embedder.toml", card(args, figures))


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True, help="holds detector.*")
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--fit", default="letterbox", choices=["letterbox", "square", "stretch"])
    parser.add_argument("--margin", type=float, default=0.0)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--power", type=float, default=0.5)
    parser.add_argument("--shrink", type=float, default=0.1)
    parser.add_argument("--method", default="minmax", choices=["minmax", "percentile", "entropy"])
    parser.add_argument("--version", default="1")
    cv2.setNumThreads(1)
    export(parser.parse_args())


if __name__ == "__main__":
    main()
