# SPDX-License-Identifier: Apache-2.0
"""Quantise a trained detector, measure it beside its float self and peers, write models/detector.*.

Owns what the detector's card claims: every figure is measured here, on scenes of held-out SKUs.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from tools import cards
from tools import evaluate_detector as measures
from tools.detector_net import TOP_K
from tools.quantise import front_door, quantise

WEAK_AT = [
    "items under about 8 % of the frame's longer side",
    "glass and clear plastic, and items of the counter's own colour",
    "items that touch or cover each other: may come as one box, or the lower one not at all",
    "piles and shelves: it is made for items on a counter, not for counting fruit in a crate",
    "small filled mats, printed marks, cables and odd hands may look like an item: see "
    "false_boxes_per_empty_scene (drawn to be hard)",
    "boxes of items it never saw are often a tenth too wide",
    "trained on drawn scenes and shrunken photos, never on frames of the kiosk's own camera",
]
COMMANDS = [
    "python -m tools.teacher_masks --data DATA --teacher u2netp.onnx --work WORK --limit 2800",
    "python -m tools.hands --work WORK",
    "python -m tools.composites --data DATA --work WORK --validation --shards 1",
    "python -m tools.composites --data DATA --work WORK",
    "python -m tools.train_detector --work WORK --name first --frozen 11 --steps 1160",
    "python -m tools.train_detector --work WORK --name second --start WORK/first.pt --frozen 11 "
    "--steps 500 --rate 1.2e-3 --seed 2",
    "python -m tools.train_detector --work WORK --name third --start WORK/second.pt --frozen 8 "
    "--steps 240 --rate 8e-4 --seed 3",
    "python -m tools.export_detector --work WORK --name third --threshold 0.4 --peer PEER.onnx "
    "--models models --version 3",
]


def float_nodes(model: onnx.ModelProto) -> list[str]:
    """The two last convolutions and the decoding stay float: they are small and decide the box."""
    return [
        n.name for n in model.graph.node
        if n.name.split(".")[0] in ("heat", "edges", "best", "boxes", "centre")
    ]  # fmt: skip


def table(score: measures.Score) -> dict[str, float]:
    """A measured score for the card."""
    return {
        "mean_iou_best_box": round(score.top_iou, 3),
        "mean_iou_single_item": round(score.one_iou, 3),
        "recall_at_iou50": round(score.recall, 3),
        "precision_at_iou50": round(score.precision, 3),
        "false_boxes_per_empty_scene": round(score.false_per_empty, 3),
        "empty_scenes_with_any_box": round(score.empty_with_any, 3),
    }


def same_for_threads(path: Path, images: npt.NDArray[np.uint8]) -> float:
    """Largest difference of a score between one thread and four."""
    one, four = (measures.model(path, threads)(images) for threads in (1, 4))
    return float(np.abs(one[1] - four[1]).max())


def card(side: int, threshold: float, measured: dict[str, Any], version: str) -> dict[str, Any]:
    """Everything but sha256 and opset."""
    return {
        "name": "kiosk item detector", "version": version, "file": "detector.onnx",
        "licence": "Apache-2.0",
        "quantisation": "static QDQ: int8 weights per channel, uint8 activations; "
                        "last convolutions and decoding float",
        "summary": "Class-agnostic boxes of items on a counter. EfficientNet-Lite0 to stride 32, "
                   "small neck, anchor-free head at stride 8. A bare hand is no item.",
        "credits": cards.CREDITS, "trained_on": [*cards.TRAINED_ON, "COCO photos (backgrounds)"],
        "weak_at": WEAK_AT, "reproduce": COMMANDS,
        "input": cards.image_input(side, "letterbox", 114),
        "outputs": {
            "boxes": cards.tensor([-1, TOP_K, 4], "x1, y1, x2, y2 in input pixels, surest first"),
            "scores": cards.tensor([-1, TOP_K], "0..1, one per box; 0: no further peak"),
        },
        "defaults": {"score": threshold, "nms_iou": 0.5},
        "measured": measured,
    }  # fmt: skip


def main() -> None:
    """Quantise, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--name", default="detector", help="of the float graph in --work")
    parser.add_argument("--peer", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--method", default="minmax", choices=["minmax", "percentile", "entropy"])
    parser.add_argument("--calibration", type=int, default=256, help="training scenes")
    parser.add_argument("--threshold", type=float, help="default: the best F1 of the int8 model")
    parser.add_argument("--version", default="1")
    args = parser.parse_args()
    source = args.work / f"{args.name}.float.onnx"
    floating = args.work / f"{args.name}.fp32.onnx"
    onnx.save(front_door(onnx.load(str(source))), str(floating))
    target = args.models / "detector.onnx"
    pictures, _ = measures.scenes(args.work / "scenes" / "train", args.calibration)
    quantise(source, target, pictures, args.method, float_nodes(onnx.load(str(source))))
    images, truth = measures.scenes(args.work / "scenes" / "validation", 1000)
    found = measures.model(target)(images)
    threshold = args.threshold or measures.best_threshold(found, truth)
    measured: dict[str, Any] = {
        "scenes": len(images), "empty_scenes": int((truth[:, 0, 2] <= 0).sum()),
        "score_threshold": threshold, "int8": table(measures.measure(found, truth, threshold)),
    }  # fmt: skip
    measured["fp32"] = table(measures.measure(measures.model(floating)(images), truth, threshold))
    other = measures.peer(args.peer)(images)
    level = measures.best_threshold(other, truth)
    measured["mobile_object_localizer_v1"] = {
        "score_threshold": level,
        **table(measures.measure(other, truth, level)),
    }
    measured["centre_box"] = table(measures.measure(measures.centre_box(images), truth, 0.5))
    measured["largest_score_difference_1_vs_4_threads"] = same_for_threads(target, images[:64])
    cards.write(
        args.models / "detector.toml", card(images.shape[1], threshold, measured, args.version)
    )
    for level in np.arange(0.2, 0.61, 0.05):
        print(f"int8 @ {level:.2f}: {measures.measure(found, truth, float(level)).line()}")


if __name__ == "__main__":
    main()
