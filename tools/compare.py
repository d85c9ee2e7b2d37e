# SPDX-License-Identifier: Apache-2.0
"""Do two files of one model agree? For int8 beside fp32: answers and times, side by side.

    python -m tools.compare A.onnx B.onnx PICTURES... [--score 0.4] [--json OUT]

Owns that comparison. Both models take `image`, uint8 N×S×S×3 BGR, as shipped models do. PICTURES
are files or folders, cut to the model's square as the product cuts whole pictures. Times are of
one thread, one picture a run, the models taking turns, so that a busy machine is fair to both.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from kiosk.vision.image import letterbox

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
PAD = 114
ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
Answers = dict[str, F32]
Report = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Model:
    """An ONNX session on one thread, its input's side in pixels, its file."""

    path: Path
    session: Any
    side: int

    def run(self, images: U8) -> Answers:
        """Outputs by name."""
        names = [output.name for output in self.session.get_outputs()]
        return dict(zip(names, self.session.run(names, {"image": images}), strict=True))


def opened(path: Path) -> Model:
    """Raises ValueError when the file is no shipped kind of model."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime  # after the variable: telemetry starts at import

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # the runtime's errors share no narrower parent
        raise ValueError(f"{path}: is no model that can be loaded ({error})") from error
    entry = session.get_inputs()[0]
    if entry.name != "image" or entry.type != "tensor(uint8)":
        raise ValueError(
            f"{path}: its input is {entry.name} {entry.type}, not image uint8; "
            "give it its front door first (tools.quantise)"
        )
    return Model(path, session, int(entry.shape[1]))


def pictures(paths: Sequence[Path]) -> list[Path]:
    """The files named, and those in the folders named, in order. Raises ValueError for none."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in ENDINGS)
        found += inside if path.is_dir() else [path]
    if len(found) < 2:
        raise ValueError("give at least two pictures, or a folder of them")
    return found


def squares(paths: Sequence[Path], side: int) -> U8:
    """The pictures as the model takes them: N×side×side×3 BGR uint8."""
    cut = []
    for path in paths:
        pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if pixels is None:
            raise ValueError(f"{path}: cannot be read as a picture")
        cut.append(letterbox(np.asarray(pixels, np.uint8), side, side, PAD)[0])
    return np.stack(cut)


def taking_turns(first: Model, second: Model, images: U8) -> tuple[list[Answers], list[F32]]:
    """Answers and milliseconds per picture of both models."""
    for model in (first, second):
        model.run(images[:1])
    parts: tuple[list[Answers], list[Answers]] = ([], [])
    times: tuple[list[float], list[float]] = ([], [])
    for k in range(len(images)):
        for which, model in enumerate((first, second)):
            began = time.perf_counter()
            parts[which].append(model.run(images[k : k + 1]))
            times[which].append(1e3 * (time.perf_counter() - began))
    merged = [{n: np.concatenate([one[n] for one in part]) for n in part[0]} for part in parts]
    return merged, [np.array(one, np.float32) for one in times]


def quantiles(values: npt.NDArray[Any]) -> dict[str, float]:
    """Least, 1 %, 5 % and median."""
    cuts = np.percentile(values, [0, 1, 5, 50])
    names = ("least", "p1", "p5", "median")
    return {name: round(float(v), 4) for name, v in zip(names, cuts, strict=True)}


def vectors(first: F32, second: F32) -> Report:
    """Agreement of two sets of unit vectors (N, D) of the same pictures."""
    grams = [one @ one.T for one in (first, second)]
    for gram in grams:
        np.fill_diagonal(gram, -2.0)
    nearest = [gram.argmax(1) for gram in grams]
    best = [np.sort(gram, axis=1) for gram in grams]
    tops = [one[:, -1] for one in best]
    leads = [one[:, -1] - one[:, -2] if one.shape[1] > 2 else one[:, -1] for one in best]
    same = nearest[0] == nearest[1]
    apart = leads[0] >= np.median(leads[0])
    crossed = (first @ second.T).argmax(1) == np.arange(len(first))
    return {
        "cosine": quantiles((first * second).sum(1)),
        "same_nearest_neighbour": round(float(same.mean()), 4),
        "same_nearest_neighbour_where_it_leads_clearly": round(float(same[apart].mean()), 4),
        "own_vector_of_the_other_model_nearest": round(float(crossed.mean()), 4),
        "mean_change_of_the_best_similarity": round(float((tops[1] - tops[0]).mean()), 4),
    }


def overlap(first: F32, second: F32) -> F32:
    """IoU of boxes (N, 4) pair by pair."""
    low, high = np.maximum(first[:, :2], second[:, :2]), np.minimum(first[:, 2:], second[:, 2:])
    inside = np.clip(high - low, 0, None).prod(1)
    areas = [(one[:, 2:] - one[:, :2]).clip(0).prod(1) for one in (first, second)]
    return np.asarray(inside / np.maximum(areas[0] + areas[1] - inside, 1e-9), np.float32)


def boxes(first: Answers, second: Answers, score: float) -> Report:
    """Agreement of two detectors' surest boxes; boxes (N, K, 4), scores (N, K), surest first."""
    sure = [one["scores"][:, 0] >= score for one in (first, second)]
    both = sure[0] & sure[1]
    report: Report = {
        "score": score,
        "same_decision_item_or_none": round(float((sure[0] == sure[1]).mean()), 4),
        "only_first_sees_an_item": int((sure[0] & ~sure[1]).sum()),
        "only_second_sees_an_item": int((sure[1] & ~sure[0]).sum()),
        "largest_change_of_the_best_score": round(
            float(np.abs(first["scores"][:, 0] - second["scores"][:, 0]).max()), 4
        ),
    }
    if both.any():
        iou = overlap(first["boxes"][both, 0], second["boxes"][both, 0])
        report["iou_of_best_boxes"] = quantiles(iou) | {"mean": round(float(iou.mean()), 4)}
    return report


def compare(first: Path, second: Path, paths: Sequence[Path], score: float) -> Report:
    """The whole report. Raises ValueError when the two are not the same kind of model."""
    models = [opened(first), opened(second)]
    kinds = [sorted((o.name, o.shape[1:]) for o in m.session.get_outputs()) for m in models]
    if kinds[0] != kinds[1] or models[0].side != models[1].side:
        raise ValueError(
            f"{first} gives {kinds[0]} at {models[0].side} px, {second} gives {kinds[1]} at "
            f"{models[1].side} px: only two files of one model can be compared"
        )
    images = squares(paths, models[0].side)
    (one, other), times = taking_turns(models[0], models[1], images)
    agreement = (
        vectors(one["embedding"], other["embedding"])
        if "embedding" in one
        else boxes(one, other, score)
    )
    size = [round(path.stat().st_size / 1e6, 2) for path in (first, second)]
    return {
        "pictures": len(images),
        "agreement": agreement,
        "first": {"file": first.name, "megabytes": size[0], **_times(times[0])},
        "second": {"file": second.name, "megabytes": size[1], **_times(times[1])},
        "first_takes_of_second": round(float(np.median(times[0]) / np.median(times[1])), 3),
    }


def _times(values: F32) -> dict[str, float]:
    return {
        "median_ms": round(float(np.median(values)), 2),
        "p95_ms": round(float(np.percentile(values, 95)), 2),
    }


def lines(report: Report, indent: str = "") -> list[str]:
    """The report for people."""
    found = []
    for key, value in report.items():
        if isinstance(value, dict):
            found += [f"{indent}{key.replace('_', ' ')}", *lines(value, indent + "  ")]
        else:
            found.append(f"{indent}{key.replace('_', ' ')}: {value}")
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("first", type=Path, help="an .onnx, say the int8 one")
    parser.add_argument("second", type=Path, help="an .onnx, say the fp32 one")
    parser.add_argument("pictures", type=Path, nargs="+", help="files or folders")
    parser.add_argument("--score", type=float, default=0.4, help="a detector's least score")
    parser.add_argument("--limit", type=int, help="use about this many pictures, spread")
    parser.add_argument("--json", type=Path, help="write the report here too")
    args = parser.parse_args(arguments)
    if not math.isfinite(args.score):
        parser.error(f"--score {args.score:g}: give a number, such as 0.4")
    if args.limit is not None and args.limit < 2:
        parser.error(f"--limit {args.limit}: give 2 or more, or leave it out for all pictures")
    cv2.setNumThreads(1)
    try:
        paths = pictures(args.pictures)
        if args.limit and len(paths) > args.limit:
            paths = [paths[k] for k in np.linspace(0, len(paths) - 1, args.limit).astype(int)]
        report = compare(args.first, args.second, paths, args.score)
    except ValueError as error:
        parser.error(str(error))
    print("\n".join(lines(report)))
    if args.json is not None:
        try:
            args.json.write_text(json.dumps(report, indent=1) + "\n")
        except OSError as error:
            parser.exit(
                os.EX_CANTCREAT, f"compare: {args.json}: cannot be written ({error.strerror})\n"
            )


if __name__ == "__main__":
    main()
