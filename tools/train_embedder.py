# SPDX-License-Identifier: Apache-2.0
"""Train the embedder to tell instances apart, and write its checkpoint.

    python -m tools.train_embedder --data DATA --work WORK [--without grocery]

Reads WORK/instances.npz (see `tools.instances`). Four wishes at once: views of one SKU lie
together and everything else apart, its twins first of all (supervised contrast over a memory of
past batches); what SSCD says of the plain picture can be read off a camera view of it; so can what
ImageNet taught the backbone; and different SKUs are as alike as both teachers find them: contrast
alone forgets what fruit looks like. It may be stopped at any time: the same command goes on from
the last checkpoint.
"""

from __future__ import annotations

import argparse
import copy
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch

from tools import evaluate_embedder as measures
from tools.draws import Draw, Rows
from tools.embedder_losses import WISHES, Memory, Teachers
from tools.embedder_net import EmbedderNet
from tools.instances import Instances, rooms
from tools.lite0 import pretrained
from tools.projection import Projection, unit, whitening
from tools.training import average, note, rate, restore, save, tensor

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
WARM_UP = 60


@dataclass(frozen=True, slots=True, eq=False)
class Exam:
    """Reference pictures and shop photos that show how training goes; they teach nothing."""

    catalog: measures.Photos
    asked: measures.Photos
    references: U8
    queries: U8

    @classmethod
    def of(cls, args: argparse.Namespace) -> Exam:
        """Every third grocery train photo (of the fold held out), cut as the product cuts it."""
        finder = measures.locator(args.models / "detector.toml", score=0.15)
        cutter = measures.cropping(args.exam_side)
        catalog = measures.photos(args.data, "grocery", "reference", "")
        every = measures.photos(args.data, "grocery", "photo", "train")
        rows = np.arange(0, len(every.sku), 3)
        if args.hold_out:
            rows = rows[measures.fold(every.sku, *args.hold_out)[rows]]
        paths = [every.paths[row] for row in rows]
        asked = measures.Photos(paths, every.sku[rows], every.packaged[rows])
        return cls(
            catalog, asked, measures.squares(catalog.paths, finder, cutter),
            measures.squares(asked.paths, finder, cutter),
        )  # fmt: skip

    def marks(self, net: EmbedderNet) -> dict[str, float]:
        """Top-1 and top-5 shares, all and packaged."""
        references, queries = (embedded(net, some) for some in (self.references, self.queries))
        top1, top5 = measures.hits(queries, self.asked.sku, references, self.catalog.sku)
        packaged = self.asked.packaged
        pack1, pack5 = measures.hits(
            queries[packaged], self.asked.sku[packaged], references, self.catalog.sku
        )
        return {"top1": top1, "top5": top5, "packaged_top1": pack1, "packaged_top5": pack5}


def embedded(net: EmbedderNet, images: U8) -> F32:
    """Embeddings of N crops."""
    net.eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        parts = [net(tensor(images[k : k + 32]))[0] for k in range(0, len(images), 32)]
    return unit(torch.cat(parts).float().numpy())


def start(known: Instances, dim: int) -> Projection:
    """Whitened ImageNet features, every source counting alike: where training begins.

    Always without grocery pictures: every training, whatever it leaves out, begins at one place.
    """
    sources = sorted(set(known.sources.tolist()) - {"grocery"})
    groups = [(known.lite0[known.sources == source], 1.0) for source in sources]
    return whitening(groups, dim, 0.5, 0.1)


def _taught(known: Instances, args: argparse.Namespace) -> Rows:
    """The pictures that may teach: not those of sources left out, nor of the fold held out."""
    taught = ~np.isin(known.sources, args.without)
    if args.hold_out:
        grocery = np.flatnonzero(known.sources == "grocery")
        taught[grocery[measures.fold(known.labels[grocery], *args.hold_out)]] = False
    return np.flatnonzero(taught)


def train(args: argparse.Namespace) -> None:
    """Steps from the last checkpoint to --steps."""
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    known = Instances.load(args.work / "instances.npz")
    rows = _taught(known, args)
    begun = start(known, args.dim)
    net = EmbedderNet(pretrained(), begun, args.frozen).to(memory_format=torch.channels_last)
    if args.start:
        net.load_state_dict(torch.load(args.start, weights_only=True)["average"])
    slow = copy.deepcopy(net)
    fresh = [p for m in (net.projection, net.as_sscd, net.as_before) for p in m.parameters()]
    tuner = torch.optim.AdamW(
        [{"params": list(net.backbone.parameters()), "scale": args.backbone},
         {"params": fresh, "scale": 1.0}], weight_decay=0.02,
    )  # fmt: skip
    checkpoint = args.work / f"{args.name}.pt"
    begin = restore(checkpoint, net, slow, tuner)
    exam, log = Exam.of(args), args.work / f"{args.name}.csv"
    print(f"step {begin} {exam.marks(slow)}", flush=True)
    source = Draw(known, rows, rooms(known), args.side).endless(args.seed, begin)
    teachers = Teachers(known, begun)
    past, began, sums = Memory(args.dim), time.monotonic(), np.zeros(len(WISHES))
    for step in range(begin, args.steps):
        for group in tuner.param_groups:
            group["lr"] = rate(step, args.steps, args.rate, WARM_UP) * group["scale"]
        wishes = teachers.wishes(net, next(source), past)
        tuner.zero_grad()
        sum(w * v for w, v in zip(args.weights, wishes, strict=True)).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        tuner.step()
        average(slow, net, min(0.995, (step + 1) / (step + 10)))
        sums += [float(v.detach()) for v in wishes]
        if (step + 1) % 25 == 0:
            marks = dict(zip(WISHES, (sums / 25).tolist(), strict=True))
            speed = 25 / (time.monotonic() - began)
            print(f"step {step + 1} {marks} {speed:.2f} steps/s", flush=True)
            note(log, step + 1, marks)
            began, sums = time.monotonic(), np.zeros(len(WISHES))
        if (step + 1) % args.every == 0 or step + 1 == args.steps:
            save(checkpoint, net, slow, tuner, step + 1)
            marks = exam.marks(slow)
            note(log, step + 1, marks)
            print(f"step {step + 1} {marks}", flush=True)
            began = time.monotonic()


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="holds instances.npz")
    parser.add_argument("--models", type=Path, default=Path("models"), help="holds detector.*")
    parser.add_argument("--name", default="embedder", help="of the checkpoint and the log")
    parser.add_argument("--start", type=Path, help="a checkpoint to start from")
    parser.add_argument("--without", action="append", default=[], help="a source to leave out")
    parser.add_argument(
        "--hold-out", type=int, nargs=2, metavar=("K", "FOLDS"), help="grocery SKUs to examine with"
    )
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--side", type=int, default=192, help="pixels in training")
    parser.add_argument("--exam-side", type=int, default=224, help="pixels as shipped")
    parser.add_argument("--frozen", type=int, default=5, help="blocks that do not learn")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--backbone", type=float, default=0.012, help="its share of the rate")
    parser.add_argument("--weights", type=float, nargs=len(WISHES), default=[1.0, 0.5, 3.0, 100.0])
    parser.add_argument("--every", type=int, default=50, help="steps between checkpoints")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    cv2.setNumThreads(1)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
