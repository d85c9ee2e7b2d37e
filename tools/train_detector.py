# SPDX-License-Identifier: Apache-2.0
"""Train the item detector on the shards of `tools/composites.py` and write its float ONNX graph.

Owns the schedule. It may be stopped at any time: the same command goes on from the last checkpoint
under --work. Shards that appear while it runs are used from the next pass on.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch

from tools import evaluate_detector
from tools.detector_net import STRIDE, DetectorNet, decode, loss, new_net, write_graph
from tools.lite0 import PIXEL_SCALE, PIXEL_ZERO

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]


def batches(folder: Path, size: int, seed: int, skip: int) -> Iterator[tuple[U8, F32]]:
    """Endless shuffled batches, mirrored at random; `skip` steps are behind us (a new order)."""
    rng = np.random.default_rng(seed + skip)
    while True:
        shards = sorted(folder.glob("[0-9]*[0-9].npz"))
        if not shards:
            raise SystemExit(f"no shards in {folder}: run tools/composites.py first")
        for path in rng.permutation(np.array([str(p) for p in shards])):
            with np.load(path) as shard:
                images, boxes = shard["images"], shard["boxes"]
            order = rng.permutation(len(images))
            for k in range(0, len(order) - size + 1, size):
                pick = order[k : k + size]
                yield mirrored(rng, images[pick], boxes[pick])


def mirrored(rng: np.random.Generator, images: U8, boxes: F32) -> tuple[U8, F32]:
    """Half of the scenes left-right swapped, and a quarter turned half round."""
    side, images, boxes = images.shape[2], images.copy(), boxes.copy()
    real = boxes[..., 2:3] > 0
    for axis, chance in ((0, 0.5), (1, 0.25)):
        turn = rng.random(len(images)) < chance
        images[turn] = images[turn, :, ::-1] if axis == 0 else images[turn, ::-1]
        low, high = boxes[turn, :, axis].copy(), boxes[turn, :, axis + 2].copy()
        boxes[turn, :, axis], boxes[turn, :, axis + 2] = side - high, side - low
    return images, np.where(real, boxes, -1).astype(np.float32)


def tensor(images: U8) -> torch.Tensor:
    """N×S×S×3 BGR uint8 to the network's normalised N×3×S×S."""
    x = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float()
    return ((x - PIXEL_ZERO) * PIXEL_SCALE).contiguous(memory_format=torch.channels_last)


def predict(net: DetectorNet, images: U8) -> tuple[F32, F32]:
    """Boxes and scores as the ONNX graph gives them."""
    boxes, scores = [], []
    net.eval()
    for k in range(0, len(images), 32):
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            centre, edges = net(tensor(images[k : k + 32]))
        heat = centre.float().sigmoid()
        heat = heat * (torch.nn.functional.max_pool2d(heat, 3, 1, 1) <= heat)
        top = heat.flatten(1).topk(32)
        flat = (decode(edges.float()) * STRIDE).flatten(2).permute(0, 2, 1)
        boxes.append(flat.gather(1, top.indices[..., None].expand(-1, -1, 4)).numpy())
        scores.append(top.values.numpy())
    return np.concatenate(boxes), np.concatenate(scores)


def rate(step: int, steps: int, peak: float) -> float:
    """Learning rate: a short warm-up, then half a cosine down to 2 %."""
    warm = min(1.0, (step + 1) / 150)
    return peak * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps))))


def optimiser(net: DetectorNet) -> torch.optim.Optimizer:
    """AdamW; the pretrained blocks learn at a sixth of the rate of the new layers."""
    old = [p for b in net.backbone.blocks[net.frozen :] for p in b.parameters()]
    known = {id(p) for p in net.backbone.parameters()}
    new = [p for p in net.parameters() if id(p) not in known]
    return torch.optim.AdamW(
        [{"params": old, "scale": 0.15}, {"params": new, "scale": 1.0}], weight_decay=0.02
    )


def average(slow: DetectorNet, fast: DetectorNet, keep: float) -> None:
    """Move the running average of the weights a little towards the weights."""
    with torch.no_grad():
        for old, new in zip(slow.state_dict().values(), fast.state_dict().values(), strict=True):
            if old.dtype.is_floating_point:
                old.lerp_(new, 1 - keep)
            else:
                old.copy_(new)


def train(args: argparse.Namespace) -> None:
    """Steps from the last checkpoint to --steps."""
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    net = new_net()
    net.frozen = args.frozen
    if args.start:
        net.load_state_dict(torch.load(args.start, weights_only=True)["average"])
    net = net.to(memory_format=torch.channels_last)
    slow, tuner, begin = copy.deepcopy(net), optimiser(net), 0
    checkpoint = args.work / f"{args.name}.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        net.load_state_dict(saved["net"])
        slow.load_state_dict(saved["average"])
        tuner.load_state_dict(saved["tuner"])
        begin = saved["step"]
    images, truth = evaluate_detector.scenes(args.work / "scenes" / "validation", 400)
    source = batches(args.work / "scenes" / "train", args.batch, args.seed, begin)
    total, began = 0.0, time.monotonic()
    for step in range(begin, args.steps):
        for group in tuner.param_groups:
            group["lr"] = rate(step, args.steps, args.rate) * group["scale"]
        net.train()
        pictures, boxes = next(source)
        with torch.autocast("cpu", torch.bfloat16):
            centre, edges = net(tensor(pictures))
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
            total, began = 0.0, time.monotonic()
        if (step + 1) % args.every == 0 or step + 1 == args.steps:
            state = {"net": net.state_dict(), "average": slow.state_dict(),
                     "tuner": tuner.state_dict(), "step": step + 1}  # fmt: skip
            torch.save(state, checkpoint.with_suffix(".part"))
            checkpoint.with_suffix(".part").replace(checkpoint)
            found = predict(slow, images)
            line = evaluate_detector.measure(found, truth, 0.3).line()
            print(f"step {step + 1} validation @ 0.30: {line}", flush=True)
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
    parser.add_argument("--frozen", type=int, default=11, help="blocks that do not learn")
    parser.add_argument("--every", type=int, default=200, help="steps between checkpoints")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
