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
import math
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch

from tools import cutouts
from tools import evaluate_embedder as measures
from tools.camera_views import Picture, camera_view
from tools.embedder_net import EmbedderNet
from tools.instances import Instances
from tools.lite0 import PIXEL_SCALE, PIXEL_ZERO, pretrained
from tools.projection import Projection, unit, whitening

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
Rows = npt.NDArray[np.intp]
TEMPERATURE = 0.07
MEMORY = 4096
ALIKE = 0.8
"""From this SSCD similarity on two pictures of different SKUs may well be one: not pushed apart."""
WISHES = ("contrast", "sscd", "before", "relation")
SSCD_SHARE = 0.7
"""Weight of SSCD beside ImageNet features in how alike two SKUs are to the teachers."""
SHARES = {"products3d": 10, "made-up": 20, "single_items": 18, "grocery": 12}
"""SKUs drawn for a batch from each source, two views of each."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Two views of each drawn SKU."""

    images: U8
    rows: Rows
    """Which picture each view shows."""
    labels: Rows


class Draw:
    """Draws batches: SKUs of every source, twins together, two views of each SKU."""

    def __init__(self, known: Instances, rows: Rows, rooms: list[U8], side: int) -> None:
        self._known, self._rooms, self._side = known, rooms, side
        _, self._labels = np.unique(known.labels, return_inverse=True)
        self._pictures: dict[str, dict[str, dict[str, list[int]]]] = {}
        for row in rows.tolist():
            source = self._pictures.setdefault(str(known.sources[row]), {})
            family = source.setdefault(str(known.families[row]), {})
            family.setdefault(str(known.labels[row]), []).append(row)

    def batch(self, rng: np.random.Generator) -> Batch:
        """One batch; the same `rng` state draws the same batch."""
        chosen: list[int] = []
        for source, families in self._pictures.items():
            names, count = list(families), 0
            for k in rng.permutation(len(names)).tolist():
                for own in families[names[k]].values():
                    if count < SHARES[source]:
                        chosen += [int(v) for v in rng.choice(own, 2, replace=len(own) < 2)]
                        count += 1
                if count >= SHARES[source]:
                    break
        known = self._known
        views = [
            camera_view(rng, Picture(known.pixels[r], known.boxes[r]), self._rooms, self._side)
            for r in chosen
        ]
        rows = np.array(chosen)
        return Batch(np.stack(views), rows, self._labels[rows])

    def endless(self, seed: int, begin: int) -> Iterator[Batch]:
        """Batches from step `begin` on, drawn ahead by a thread of their own."""
        ready: queue.Queue[Batch] = queue.Queue(4)

        def fill() -> None:
            step = begin
            while True:
                ready.put(self.batch(np.random.default_rng([seed, step])))
                step += 1

        threading.Thread(target=fill, daemon=True).start()
        while True:
            yield ready.get()


def tensor(images: U8) -> torch.Tensor:
    """N×S×S×3 BGR uint8 to the network's normalised N×3×S×S."""
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    return ((x - PIXEL_ZERO) * PIXEL_SCALE).contiguous(memory_format=torch.channels_last)


class Memory:
    """Embeddings of past batches to contrast with (cross-batch memory, Wang et al. 2020)."""

    def __init__(self, dim: int) -> None:
        self.embeddings = torch.zeros(0, dim)
        self.labels = torch.zeros(0, dtype=torch.long)
        self.rows = torch.zeros(0, dtype=torch.long)

    def add(self, embeddings: torch.Tensor, labels: torch.Tensor, rows: torch.Tensor) -> None:
        """Keep the newest MEMORY."""
        self.embeddings = torch.cat([embeddings.detach(), self.embeddings])[:MEMORY]
        self.labels = torch.cat([labels, self.labels])[:MEMORY]
        self.rows = torch.cat([rows, self.rows])[:MEMORY]


def contrast(
    embeddings: torch.Tensor, labels: torch.Tensor, rows: torch.Tensor, past: Memory,
    sscd: torch.Tensor, families: torch.Tensor,
) -> torch.Tensor:  # fmt: skip
    """Supervised contrastive loss (Khosla et al. 2020) over the batch and the memory."""
    others = torch.cat([embeddings, past.embeddings])
    other_labels = torch.cat([labels, past.labels])
    other_rows = torch.cat([rows, past.rows])
    logits = embeddings @ others.T / TEMPERATURE
    same = labels[:, None] == other_labels[None]
    kin = families[rows][:, None] == families[other_rows][None]
    doubtful = ~same & ~kin & (sscd[rows] @ sscd[other_rows].T > ALIKE)
    own = torch.zeros_like(same)
    own.fill_diagonal_(True)
    logits = logits.masked_fill(own | doubtful, -1e4)
    chance = logits - logits.logsumexp(1, keepdim=True)
    friends = same & ~own
    return -((chance * friends).sum(1) / friends.sum(1).clamp(min=1)).mean()


def rate(step: int, steps: int, peak: float) -> float:
    """Learning rate: a short warm-up, then half a cosine down to 2 %."""
    warm = min(1.0, (step + 1) / 60)
    return peak * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps))))


@dataclass(frozen=True, slots=True, eq=False)
class Exam:
    """Reference pictures and shop photos that show how training goes; they teach nothing."""

    catalog: measures.Photos
    asked: measures.Photos
    references: U8
    queries: U8

    @classmethod
    def of(cls, args: argparse.Namespace) -> Exam:
        """Every third grocery train photo, cut as the product cuts it."""
        finder = measures.locator(args.models / "detector.toml", score=0.15)
        cutter = measures.cropper(args.exam_side, "letterbox", 0.0)
        catalog = measures.photos(args.data, "grocery", "reference", "")
        every = measures.photos(args.data, "grocery", "photo", "train")
        asked = measures.Photos(every.paths[::3], every.sku[::3], every.packaged[::3])
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


def _start(known: Instances, rows: Rows, dim: int) -> Projection:
    """Whitened ImageNet features, every source counting alike: where training begins."""
    groups = [(known.lite0[rows[known.sources[rows] == source]], 1.0)
              for source in np.unique(known.sources[rows]).tolist()]  # fmt: skip
    return whitening(groups, dim, 0.5, 0.1)


def _write(log: Path, step: int, marks: dict[str, float]) -> None:
    new = not log.exists()
    with log.open("a") as handle:
        if new:
            handle.write("step,metric,value\n")
        handle.writelines(f"{step},{name},{value:.5f}\n" for name, value in marks.items())


def train(args: argparse.Namespace) -> None:
    """Steps from the last checkpoint to --steps."""
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    known = Instances.load(args.work / "instances.npz")
    rows = np.flatnonzero(~np.isin(known.sources, args.without))
    begun = _start(known, rows, args.dim)
    net = EmbedderNet(pretrained(), begun, args.frozen).to(memory_format=torch.channels_last)
    if args.start:
        net.load_state_dict(torch.load(args.start, weights_only=True)["average"])
    slow = copy.deepcopy(net)
    fresh = [p for m in (net.projection, net.as_sscd, net.as_before) for p in m.parameters()]
    tuner = torch.optim.AdamW(
        [{"params": list(net.backbone.parameters()), "scale": args.backbone},
         {"params": fresh, "scale": 1.0}], weight_decay=0.02,
    )  # fmt: skip
    checkpoint, begin = args.work / f"{args.name}.pt", 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        net.load_state_dict(saved["net"])
        slow.load_state_dict(saved["average"])
        tuner.load_state_dict(saved["tuner"])
        begin = saved["step"]
    exam, log = Exam.of(args), args.work / f"{args.name}.csv"
    print(f"step {begin} {exam.marks(slow)}", flush=True)
    source = Draw(known, rows, cutouts.backgrounds(args.data, False), args.side).endless(
        args.seed, begin
    )
    teachers = Teachers(known, begun)
    past, began, sums = Memory(args.dim), time.monotonic(), np.zeros(len(WISHES))
    for step in range(begin, args.steps):
        for group in tuner.param_groups:
            group["lr"] = rate(step, args.steps, args.rate) * group["scale"]
        wishes = teachers.wishes(net, next(source), past)
        tuner.zero_grad()
        sum(w * v for w, v in zip(args.weights, wishes, strict=True)).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        tuner.step()
        with torch.no_grad():
            keep = min(0.995, (step + 1) / (step + 10))
            for old, new in zip(slow.parameters(), net.parameters(), strict=True):
                old.lerp_(new, 1 - keep)
        sums += [float(v.detach()) for v in wishes]
        if (step + 1) % 25 == 0:
            marks = dict(zip(WISHES, (sums / 25).tolist(), strict=True))
            speed = 25 / (time.monotonic() - began)
            print(f"step {step + 1} {marks} {speed:.2f} steps/s", flush=True)
            _write(log, step + 1, marks)
            began, sums = time.monotonic(), np.zeros(len(WISHES))
        if (step + 1) % args.every == 0 or step + 1 == args.steps:
            state = {"net": net.state_dict(), "average": slow.state_dict(),
                     "tuner": tuner.state_dict(), "step": step + 1}  # fmt: skip
            torch.save(state, checkpoint.with_suffix(".part"))
            checkpoint.with_suffix(".part").replace(checkpoint)
            marks = exam.marks(slow)
            _write(log, step + 1, marks)
            print(f"step {step + 1} {marks}", flush=True)
            began = time.monotonic()


class Teachers:
    """What the pictures' teachers say, and how far the network is from it."""

    def __init__(self, known: Instances, begun: Projection) -> None:
        self._sscd = torch.from_numpy(unit(known.sscd))
        self._before = torch.from_numpy(unit(begun(known.lite0)))
        both = torch.cat([self._before, SSCD_SHARE * self._sscd], 1)
        self._both = both / both.norm(dim=1, keepdim=True)
        _, families = np.unique(known.families, return_inverse=True)
        self._families = torch.from_numpy(families)

    def wishes(self, net: EmbedderNet, batch: Batch, past: Memory) -> tuple[torch.Tensor, ...]:
        """The losses of a batch, in the order of WISHES."""
        net.train()
        rows, labels = torch.from_numpy(batch.rows), torch.from_numpy(batch.labels)
        with torch.autocast("cpu", torch.bfloat16):
            embedding, sscd, before = net(tensor(batch.images))
        found = self._both[rows] @ self._both[rows].T
        strange = (labels[:, None] != labels[None]).float()
        near = strange * (embedding @ embedding.T - found).square()
        apart = contrast(embedding, labels, rows, past, self._sscd, self._families)
        past.add(embedding, labels, rows)
        return (
            apart,
            1 - (sscd * self._sscd[rows]).sum(1).mean(),
            1 - (before * self._before[rows]).sum(1).mean(),
            near.sum() / strange.sum(),
        )


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="holds instances.npz")
    parser.add_argument("--models", type=Path, default=Path("models"), help="holds detector.*")
    parser.add_argument("--name", default="embedder", help="of the checkpoint and the log")
    parser.add_argument("--start", type=Path, help="a checkpoint to start from")
    parser.add_argument("--without", action="append", default=[], help="a source to leave out")
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--side", type=int, default=192, help="pixels in training")
    parser.add_argument("--exam-side", type=int, default=224, help="pixels as shipped")
    parser.add_argument("--frozen", type=int, default=5, help="blocks that do not learn")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--backbone", type=float, default=0.04, help="its share of the rate")
    parser.add_argument("--weights", type=float, nargs=len(WISHES), default=[1.0, 1.0, 3.0, 30.0])
    parser.add_argument("--every", type=int, default=50, help="steps between checkpoints")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    cv2.setNumThreads(1)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
