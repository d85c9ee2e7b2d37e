# SPDX-License-Identifier: Apache-2.0
"""What the embedder's training wishes for: SKUs told apart, and what its teachers know kept."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from tools.draws import Batch
from tools.embedder_net import EmbedderNet
from tools.instances import Instances
from tools.projection import Projection, unit
from tools.training import tensor

U8 = npt.NDArray[np.uint8]
TEMPERATURE = 0.07
MEMORY = 4096
ALIKE = 0.8
"""From this SSCD similarity on two pictures of different SKUs may well be one: not pushed apart."""
WISHES = ("contrast", "sscd", "before", "relation")
SSCD_SHARE = 0.7
"""Weight of SSCD beside ImageNet features in how alike two SKUs are to the teachers."""


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
