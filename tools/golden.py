# SPDX-License-Identifier: Apache-2.0
"""What the shipped models answer, written down: a build or a processor that differs is noticed.

    python -m tools.golden                # after models/ changed

Owns tests/golden/*.npz: per model its sha256, a thumbnail of each picture it was asked, and its
answers on one thread. The pictures are those of tests/renders, cut as the product cuts them.
"""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from kiosk.errors import KioskError
from kiosk.values import Box
from kiosk.vision.embed import Embedder
from kiosk.vision.image import letterbox
from kiosk.vision.session import OnnxSession

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
ROOT = Path(__file__).resolve().parent.parent
MODELS, RENDERS, GOLDEN = ROOT / "models", ROOT / "tests" / "renders", ROOT / "tests" / "golden"
NAMES = ("detector", "embedder")
AGAIN = "run `python -m tools.golden`, look at what changed, and commit tests/golden"


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture of tests/renders: BGR pixels, and its item's box where it shows one."""

    name: str
    sku: str
    role: str
    pixels: U8
    box: Box | None


def shots(folder: Path = RENDERS) -> list[Shot]:
    """Every picture of the set, in the manifest's order. Raises OSError when one is missing."""
    found = []
    with (folder / "manifest.csv").open(newline="") as handle:
        for row in csv.DictReader(handle):
            pixels = cv2.imread(str(folder / row["path"]), cv2.IMREAD_COLOR)
            if pixels is None:
                raise OSError(f"{folder / row['path']}: cannot be read; make the set again")
            corners = [row[key] for key in ("x1", "y1", "x2", "y2")]
            box = Box(*map(float, corners)) if all(corners) else None
            image = np.asarray(pixels, np.uint8)
            found.append(Shot(row["path"], row["sku"], row["role"], image, box))
    return found


def inputs(name: str, session: OnnxSession, pictures: Sequence[Shot]) -> U8:
    """The model's input for each picture that shows an item: N×S×S×3 BGR uint8."""
    showing = [(shot.pixels, shot.box) for shot in pictures if shot.box is not None]
    if name == "embedder":
        cutter = Embedder(session)
        return np.stack([cutter.crop(pixels, box) for pixels, box in showing])
    size = session.card.input
    side, pad = int(size["width"]), int(size.get("pad", 114))
    return np.stack([letterbox(p, side, int(size["height"]), pad)[0] for p, _ in showing])


def answers(session: OnnxSession, batch: U8) -> dict[str, F32]:
    """Outputs by name, one picture at a time."""
    each = [session.run(batch[k : k + 1]) for k in range(len(batch))]
    return {name: np.concatenate([one[name] for one in each]) for name in each[0]}


def outline(batch: U8) -> F32:
    """Mean colours of 8×8 cells of each input: the same on every machine to about one level."""
    small = [cv2.resize(image, (8, 8), interpolation=cv2.INTER_AREA) for image in batch]
    return np.asarray(small, np.float32)


def record(name: str, models: Path, folder: Path) -> dict[str, float]:
    """Write one model's golden file; gives the largest change of each output, where comparable."""
    session = OnnxSession(models / f"{name}.toml", threads=1)
    batch = inputs(name, session, shots())
    found = answers(session, batch)
    path = folder / f"{name}.npz"
    changes = {}
    if path.exists():
        with np.load(path) as old:
            for key, values in found.items():
                if key in old and old[key].shape == values.shape:
                    changes[key] = float(np.abs(old[key] - values).max())
    folder.mkdir(parents=True, exist_ok=True)
    kept: dict[str, Any] = {"model": session.card.sha256, "asked": outline(batch), **found}
    partial = path.with_suffix(".part.npz")
    with partial.open("wb") as handle:
        np.savez_compressed(handle, **kept)
    partial.replace(path)
    return changes


def main(arguments: Sequence[str] | None = None) -> None:
    """Write both golden files and say what changed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, default=MODELS)
    parser.add_argument("--out", type=Path, default=GOLDEN)
    args = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    for name in NAMES:
        try:
            changes = record(name, args.models, args.out)
        except KioskError as error:
            parser.exit(error.exit_code, f"golden: {error}\n")
        except OSError as error:
            parser.exit(os.EX_IOERR, f"golden: {error}\n")
        said = ", ".join(f"{key} by up to {value:.3g}" for key, value in changes.items())
        print(f"{name}: {'changed ' + said if said else 'written, nothing to compare with'}")


if __name__ == "__main__":
    main()
