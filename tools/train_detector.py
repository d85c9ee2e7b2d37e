# SPDX-License-Identifier: Apache-2.0
"""Train the item detector on the shards of `tools/composites.py` and write its float ONNX graph.

Owns the schedule. It may be stopped at any time: the same command goes on from the last checkpoint
under --work. Shards that appear while it runs are used from the next pass on.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch

from tools import evaluate_detector
from tools.detector_net import (
    EARLY,
    STRIDE,
    DetectorNet,
    agreed,
    decode,
    loss,
    new_net,
    write_graph,
)
from tools.training import average, note, rate, restore, save, tensor

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
WARM_UP = 150


class Shards:
    """Endless shuffled batches of the shards in a folder, as what the trained part is fed.

    While the first blocks are frozen their output is computed once a scene and kept, in memory and
    in `store` (80 MB for a shard of 1,000), which saves half of a step.
    """

    def __init__(self, folder: Path, net: DetectorNet, store: Path | None) -> None:
        self._folder, self._net, self._store = folder, net, store
        self._kept: dict[str, tuple[torch.Tensor, F32]] = {}

    def _read(self, path: str) -> tuple[torch.Tensor, F32]:
        if path not in self._kept:
            with np.load(path) as shard:
                if self._store is None:
                    return torch.from_numpy(shard["images"]), shard["boxes"]
                boxes = shard["boxes"]
            self._kept[path] = (self._features(Path(path), self._store), boxes)
        return self._kept[path]

    def _features(self, path: Path, store: Path) -> torch.Tensor:
        target = store / f"{path.stem}.pt"
        if target.exists() and target.stat().st_mtime > path.stat().st_mtime:
            return torch.load(target, weights_only=True)
        with np.load(path) as shard:
            images = shard["images"]
        parts = []
        for k in range(0, len(images), 32):
            with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
                parts.append(self._net.early(tensor(images[k : k + 32])).bfloat16())
        store.mkdir(exist_ok=True)
        torch.save(torch.cat(parts), target.with_suffix(".part"))
        target.with_suffix(".part").replace(target)
        return torch.cat(parts)

    def batches(self, size: int, seed: int, skip: int) -> Iterator[tuple[torch.Tensor, F32]]:
        """Two shards mixed at a time; `skip` steps are behind us (a new order)."""
        rng = np.random.default_rng(seed + skip)
        while True:
            shards = sorted(str(path) for path in self._folder.glob("[0-9]*[0-9].npz"))
            if not shards:
                raise SystemExit(f"no shards in {self._folder}: run tools/composites.py first")
            queue = [str(path) for path in rng.permutation(np.array(shards))]
            for pair in zip(queue, queue[1:] + queue[:1], strict=True):
                halves = [self._read(path) for path in pair]
                orders = [rng.permutation(len(boxes)) for _, boxes in halves]
                # half of each one, so that a pass still sees each scene about once
                for k in range(0, min(map(len, orders)) // 2 - size // 2 + 1, size // 2):
                    picks = [order[k : k + size // 2] for order in orders]
                    parts = [data[torch.from_numpy(pick)]
                             for (data, _), pick in zip(halves, picks, strict=True)]  # fmt: skip
                    boxes = np.concatenate(
                        [found[pick] for (_, found), pick in zip(halves, picks, strict=True)]
                    )
                    yield torch.cat(parts), boxes


def predict(net: DetectorNet, images: U8) -> tuple[F32, F32]:
    """Boxes and scores as the ONNX graph gives them."""
    boxes, scores = [], []
    net.eval()
    for k in range(0, len(images), 32):
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            centre, edges = net(tensor(images[k : k + 32]))
        heat = centre.float().sigmoid()
        placed = agreed(decode(edges.float()), heat) * STRIDE
        heat = heat * (torch.nn.functional.max_pool2d(heat, 3, 1, 1) <= heat)
        top = heat.flatten(1).topk(32)
        flat = placed.flatten(2).permute(0, 2, 1)
        boxes.append(flat.gather(1, top.indices[..., None].expand(-1, -1, 4)).numpy())
        scores.append(top.values.numpy())
    return np.concatenate(boxes), np.concatenate(scores)


def optimiser(net: DetectorNet) -> torch.optim.Optimizer:
    """AdamW; the pretrained blocks learn at a sixth of the rate of the new layers."""
    old = [p for p in net.backbone.parameters() if p.requires_grad]
    known = {id(p) for p in net.backbone.parameters()}
    new = [p for p in net.parameters() if id(p) not in known]
    return torch.optim.AdamW(
        [{"params": old, "scale": 0.15}, {"params": new, "scale": 1.0}], weight_decay=0.02
    )


def resume(
    args: argparse.Namespace,
) -> tuple[DetectorNet, DetectorNet, torch.optim.Optimizer, int]:
    """Network, its average, optimiser and steps done: from the checkpoint where there is one."""
    net = new_net()
    if args.start:
        net.load_state_dict(torch.load(args.start, weights_only=True)["average"])
    net.freeze(args.frozen)
    net = net.to(memory_format=torch.channels_last)
    slow, tuner = copy.deepcopy(net), optimiser(net)
    return net, slow, tuner, restore(args.work / f"{args.name}.pt", net, slow, tuner)


def train(args: argparse.Namespace) -> None:
    """Steps from the last checkpoint to --steps."""
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    net, slow, tuner, begin = resume(args)
    checkpoint, curve = args.work / f"{args.name}.pt", args.work / f"{args.name}.csv"
    images, truth = evaluate_detector.scenes(args.work / "scenes" / "validation", 400)
    kept = args.frozen >= EARLY
    store = args.work / "features" if kept else None
    shards = Shards(args.work / "scenes" / "train", net, store)
    source = shards.batches(args.batch, args.seed, begin)
    total, began = 0.0, time.monotonic()
    for step in range(begin, args.steps):
        for group in tuner.param_groups:
            group["lr"] = rate(step, args.steps, args.rate, WARM_UP) * group["scale"]
        net.train()
        pictures, boxes = next(source)
        with torch.autocast("cpu", torch.bfloat16):
            centre, edges = net.late(pictures) if kept else net(tensor(pictures.numpy()))
        value = loss(centre.float(), edges.float(), torch.from_numpy(boxes))
        tuner.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        tuner.step()
        average(slow, net, min(0.998, (step + 1) / (step + 20)))
        total += value.item()
        if (step + 1) % 50 == 0:
            speed = 50 * args.batch / (time.monotonic() - began)
            print(f"step {step + 1} loss {total / 50:.3f} {speed:.1f} pictures/s", flush=True)
            note(
                curve,
                step + 1,
                {"loss": total / 50, "rate": rate(step, args.steps, args.rate, WARM_UP)},
            )
            total, began = 0.0, time.monotonic()
        if (step + 1) % args.every == 0 or step + 1 == args.steps:
            save(checkpoint, net, slow, tuner, step + 1)
            score = evaluate_detector.measure(predict(slow, images), truth, 0.3)
            print(f"step {step + 1} validation @ 0.30: {score.line()}", flush=True)
            note(curve, step + 1, {"mean_iou": score.top_iou, "recall": score.recall,
                                   "false_per_empty": score.false_per_empty})  # fmt: skip
            began = time.monotonic()
    onnx.save(write_graph(slow.eval(), images.shape[1]), args.work / f"{args.name}.float.onnx")


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="holds scenes/, gets checkpoints")
    parser.add_argument("--name", default="detector", help="of the checkpoint and the graph")
    parser.add_argument("--start", type=Path, help="a checkpoint to start from")
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--frozen", type=int, default=EARLY, help="blocks that do not learn")
    parser.add_argument("--every", type=int, default=200, help="steps between checkpoints")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
