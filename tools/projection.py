# SPDX-License-Identifier: Apache-2.0
"""The linear map from pooled features to embeddings, learned in closed form.

Owns which directions are kept and how strongly they are evened out. Every group of features counts
with its weight, however many photos it has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Projection:
    """embedding = l2(l2(feature) @ weight + bias); weight (1280, dim), bias (dim,)."""

    weight: F32
    bias: F32

    def __call__(self, features: F32) -> F32:
        """Embeddings of (n, 1280) pooled features."""
        return unit(unit(features) @ self.weight + self.bias)


def unit(rows: F32) -> F32:
    """Rows scaled to length one."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(length, 1e-12), np.float32)


def whitening(groups: list[tuple[F32, float]], dim: int, power: float, shrink: float) -> Projection:
    """PCA to `dim` directions, divided by (variance + shrink · mean variance)^(power / 2)."""
    rows = [(unit(features).astype(np.float64), weight) for features, weight in groups]
    total = sum(weight for _, weight in rows)
    mean: F64 = np.sum([w * x.mean(0) for x, w in rows], axis=0) / total
    cover: F64 = np.sum([w * (x - mean).T @ (x - mean) / len(x) for x, w in rows], axis=0) / total
    variance, directions = np.linalg.eigh(cover)
    variance, directions = variance[::-1], directions[:, ::-1]
    weight = directions[:, :dim] / (variance[:dim] + shrink * variance.mean()) ** (power / 2)
    return Projection(weight.astype(np.float32), (-mean @ weight).astype(np.float32))
