# SPDX-License-Identifier: Apache-2.0
"""How good a detector's boxes are on scenes of held-out SKUs, beside a peer and a centre box.

Owns the measures: IoU of the best box, recall and precision at IoU 0.5 after plain NMS, false boxes
per empty scene.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import onnxruntime

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]
# images (n, S, S, 3) BGR uint8 -> boxes (n, k, 4) xyxy pixels, scores (n, k)
Detector = Callable[[U8], tuple[F32, F32]]


@dataclass(frozen=True, slots=True)
class Score:
    """Figures of one detector at one threshold, in shares of one."""

    top_iou: float  # mean over scenes with items: the surest box against the item it meets best
    one_iou: float  # the same over scenes with exactly one item
    recall: float
    precision: float
    false_per_empty: float
    empty_with_any: float
    wide: float  # geometric mean of found over true side, boxes that meet their item

    def line(self) -> str:
        """One line for people."""
        return (
            f"top IoU {self.top_iou:.3f}  single-item IoU {self.one_iou:.3f}  "
            f"recall {self.recall:.3f}  precision {self.precision:.3f}  "
            f"false/empty {self.false_per_empty:.4f}  empty with any {self.empty_with_any:.4f}  "
            f"sides {self.wide:.3f}"
        )


def iou(first: F32, second: F32) -> F32:
    """IoU of every box in (n, 4) with every box in (m, 4), n×m."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    inter = (high - low).clip(min=0).prod(2)
    areas = [(b[:, 2:] - b[:, :2]).clip(min=0).prod(1) for b in (first, second)]
    return np.asarray(inter / (areas[0][:, None] + areas[1][None] - inter + 1e-9), np.float32)


def suppress(boxes: F32, scores: F32, threshold: float, overlap: float = 0.5) -> tuple[F32, F32]:
    """Plain NMS of one scene's boxes, surest first."""
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] >= threshold]
    kept: list[int] = []
    for k in order:
        if not kept or iou(boxes[k : k + 1], boxes[kept]).max() < overlap:
            kept.append(int(k))
    return boxes[kept], scores[kept]


def measure(found: tuple[F32, F32], truth: F32, threshold: float) -> Score:
    """Compare boxes (n, k, 4) and scores (n, k) with the true boxes (n, b, 4), negative = none."""
    top, single, hits, items, claims, false, empties, any_false = [], [], 0, 0, 0, 0, 0, 0
    ratios: list[float] = []
    for boxes, scores, real in zip(*found, truth, strict=True):
        real = real[real[:, 2] > 0]
        kept, _ = suppress(boxes, scores, threshold)
        claims += len(kept)
        if not len(real):
            empties, false = empties + 1, false + len(kept)
            any_false += bool(len(kept))
            continue
        surest = boxes[[int(np.argmax(scores))]]
        value = float(iou(surest, real).max()) if scores.max() >= threshold else 0.0
        top.append(value)
        if len(real) == 1:
            single.append(value)
        items += len(real)
        if len(kept):
            overlap = iou(kept, real)
            while overlap.size and overlap.max() >= 0.5:
                row, column = np.unravel_index(int(overlap.argmax()), overlap.shape)
                hits, overlap[row], overlap[:, column] = hits + 1, 0, 0
                sides = (kept[row, 2:] - kept[row, :2]) / (real[column, 2:] - real[column, :2])
                ratios.append(float(np.log(sides.clip(0.1, 10)).mean()))
    return Score(
        float(np.mean(top or [0])), float(np.mean(single or [0])), hits / max(items, 1),
        hits / max(claims, 1), false / max(empties, 1), any_false / max(empties, 1),
        float(np.exp(np.mean(ratios or [0]))),
    )  # fmt: skip


def best_threshold(found: tuple[F32, F32], truth: F32) -> float:
    """The score that makes the F1 of precision and recall largest, empty scenes counted."""
    grid = np.arange(0.10, 0.81, 0.05)
    scores = [measure(found, truth, float(t)) for t in grid]
    f1 = [2 * s.precision * s.recall / max(s.precision + s.recall, 1e-9) for s in scores]
    return float(round(grid[int(np.argmax(f1))], 2))


def centre_box(images: U8) -> tuple[F32, F32]:
    """A box of 60 % in the middle, for ever sure."""
    side = images.shape[1]
    box = np.array([0.2, 0.2, 0.8, 0.8], np.float32) * side
    return np.tile(box, (len(images), 1, 1)), np.ones((len(images), 1), np.float32)


def session(path: Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """An onnxruntime session on the CPU, telemetry off."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime as ort  # after the variable above: telemetry starts at import

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def model(path: Path, threads: int = 1) -> Detector:
    """Our own detector, 32 scenes a batch."""
    net = session(path, threads)

    def run(images: U8) -> tuple[F32, F32]:
        parts = [net.run(["boxes", "scores"], {"image": images[k : k + 32]})
                 for k in range(0, len(images), 32)]  # fmt: skip
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    return run


def peer(path: Path) -> Detector:
    """mobile_object_localizer_v1: RGB uint8 192×192, boxes y1 x1 y2 x2 relative."""
    net = session(path)
    entry, names = net.get_inputs()[0], [o.name for o in net.get_outputs()]

    def run(images: U8) -> tuple[F32, F32]:
        boxes, scores, side = [], [], images.shape[1]
        for image in images:
            small = cv2.resize(image, (192, 192), interpolation=cv2.INTER_AREA)[None, ..., ::-1]
            raw, _, sure, _ = net.run(names, {entry.name: np.ascontiguousarray(small)})
            boxes.append(raw[0][:, [1, 0, 3, 2]] * side)
            scores.append(sure[0])
        return np.stack(boxes).astype(np.float32), np.stack(scores).astype(np.float32)

    return run


def scenes(folder: Path, limit: int) -> tuple[U8, F32]:
    """Images and boxes of the shards in a folder, at most `limit`."""
    shards = [np.load(path) for path in sorted(folder.glob("[0-9]*[0-9].npz"))]
    images = np.concatenate([s["images"] for s in shards])[:limit]
    return images, np.concatenate([s["boxes"] for s in shards])[:limit].astype(np.float32)


def main() -> None:
    """Print one line per detector and threshold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, nargs="+", help="detectors of ours")
    parser.add_argument("--work", type=Path, required=True, help="holds scenes/validation")
    parser.add_argument("--peer", type=Path, help="mobile_object_localizer_v1.onnx")
    parser.add_argument("--threshold", type=float, help="default: each one's best F1")
    parser.add_argument("--limit", type=int, default=1000)
    args = parser.parse_args()
    images, truth = scenes(args.work / "scenes" / "validation", args.limit)
    detectors = {path.name: model(path) for path in args.models}
    if args.peer:
        detectors[args.peer.name] = peer(args.peer)
    detectors["60 % centre box"] = centre_box
    for name, detector in detectors.items():
        found = detector(images)
        threshold = args.threshold or best_threshold(found, truth)
        print(f"{name} @ {threshold:.2f}: {measure(found, truth, threshold).line()}")


if __name__ == "__main__":
    main()
