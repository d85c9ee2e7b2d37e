# SPDX-License-Identifier: Apache-2.0
"""What both trainings share: their input, learning rate, averaged weights, checkpoints, log."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from tools.lite0 import PIXEL_SCALE, PIXEL_ZERO

U8 = npt.NDArray[np.uint8]


def tensor(images: U8) -> torch.Tensor:
    """N×S×S×3 BGR uint8 to the network's normalised N×3×S×S."""
    x = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float()
    return ((x - PIXEL_ZERO) * PIXEL_SCALE).contiguous(memory_format=torch.channels_last)


def rate(step: int, steps: int, peak: float, warm_up: int) -> float:
    """Learning rate: `warm_up` steps to the peak, then half a cosine down to 2 %."""
    warm = min(1.0, (step + 1) / warm_up)
    return peak * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps))))


def average(slow: nn.Module, fast: nn.Module, keep: float) -> None:
    """Move the running average of the weights a little towards the weights."""
    with torch.no_grad():
        for old, new in zip(slow.state_dict().values(), fast.state_dict().values(), strict=True):
            if old.dtype.is_floating_point:
                old.lerp_(new, 1 - keep)
            else:
                old.copy_(new)


def save(
    checkpoint: Path, net: nn.Module, slow: nn.Module, tuner: torch.optim.Optimizer, step: int
) -> None:
    """Write the checkpoint at once: one that is killed leaves the last one whole."""
    state = {"net": net.state_dict(), "average": slow.state_dict(),
             "tuner": tuner.state_dict(), "step": step}  # fmt: skip
    torch.save(state, checkpoint.with_suffix(".part"))
    checkpoint.with_suffix(".part").replace(checkpoint)


def restore(checkpoint: Path, net: nn.Module, slow: nn.Module, tuner: torch.optim.Optimizer) -> int:
    """Load the checkpoint where there is one; the steps done, 0 where there is none."""
    if not checkpoint.exists():
        return 0
    saved = torch.load(checkpoint, weights_only=True)
    net.load_state_dict(saved["net"])
    slow.load_state_dict(saved["average"])
    tuner.load_state_dict(saved["tuner"])
    return int(saved["step"])


def note(log: Path, step: int, values: dict[str, float]) -> None:
    """Append `values` to the log that `tools.curves` draws: step,metric,value."""
    new = not log.exists()
    with log.open("a") as handle:
        if new:
            handle.write("step,metric,value\n")
        handle.writelines(f"{step},{name},{value:.5g}\n" for name, value in values.items())
