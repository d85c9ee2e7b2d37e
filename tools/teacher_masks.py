# SPDX-License-Identifier: Apache-2.0
"""Teacher masks: which pixels of a photo of one item are the item.

Owns the run of a salient-object network (U2-Net family, Apache-2.0) over the training photos. It
writes one 8-bit grey PNG per photo under ``--work/masks`` with the photo's relative path, and skips
what is there already, so it may be stopped at any time. The teacher never ships; photos of the test
split and of `earrings/` are never read.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import onnxruntime

MEAN_RGB = np.array([0.485, 0.456, 0.406], np.float32)
STD_RGB = np.array([0.229, 0.224, 0.225], np.float32)


def training_photos(data: Path) -> list[str]:
    """Relative paths (to `data`) of the photos that may be cut out, most useful groups first."""
    groups: list[list[str]] = [[], [], [], []]
    for folder in ("grocery", "single_items"):
        with (data / folder / "manifest.csv").open(newline="") as handle:
            for row in csv.DictReader(handle):
                path = f"{folder}/{row['path']}"
                if row["role"] == "reference":
                    groups[0].append(path)
                elif row["role"] == "unknown":
                    groups[1 if "trashnet" in path else 2].append(path)
                elif row["split"] == "train":
                    groups[3].append(path)
    for group in groups:
        random.Random(7).shuffle(group)
    head, rest = groups[0], groups[1:]
    longest = max(len(group) for group in rest)
    return head + [group[k] for k in range(longest) for group in rest if k < len(group)]


def teacher_mask(
    session: onnxruntime.InferenceSession, image: npt.NDArray[np.uint8], side: int = 320
) -> npt.NDArray[np.uint8]:
    """Saliency of a BGR uint8 H×W×3 photo as uint8 H×W, 255 = item; stretched to 0..255."""
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)[..., ::-1]
    scaled = small.astype(np.float32) / max(float(small.max()), 1.0)
    tensor = ((scaled - MEAN_RGB) / STD_RGB).transpose(2, 0, 1)[None].astype(np.float32)
    saliency = session.run(None, {session.get_inputs()[0].name: tensor})[0][0, 0]
    low, high = float(saliency.min()), float(saliency.max())
    stretched = (saliency - low) / max(high - low, 1e-6) * 255.0
    height, width = image.shape[:2]
    return np.asarray(cv2.resize(stretched.astype(np.uint8), (width, height)), np.uint8)


def main() -> None:
    """Write the masks that are missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with grocery/ …")
    parser.add_argument("--teacher", type=Path, required=True, help="u2netp.onnx or a relative")
    parser.add_argument("--work", type=Path, required=True, help="folder for masks/")
    parser.add_argument("--limit", type=int, default=4000, help="photos at most")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime as ort  # after the variable above: telemetry starts at import

    options = ort.SessionOptions()
    options.intra_op_num_threads = args.threads
    session = ort.InferenceSession(str(args.teacher), options, providers=["CPUExecutionProvider"])
    for number, relative in enumerate(training_photos(args.data)[: args.limit]):
        target = (args.work / "masks" / relative).with_suffix(".png")
        image = cv2.imread(str(args.data / relative), cv2.IMREAD_COLOR)
        if target.exists() or image is None:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(target.stem + ".part.png")
        cv2.imwrite(str(partial), teacher_mask(session, np.asarray(image, np.uint8)))
        partial.replace(target)
        if number % 100 == 0:
            print(number, relative, flush=True)


if __name__ == "__main__":
    main()
