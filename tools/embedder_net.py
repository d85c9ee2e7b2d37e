# SPDX-License-Identifier: Apache-2.0
"""The embedder's network: EfficientNet-Lite0, averaged, projected to unit length; and its graph.

Owns the network and its ONNX graph, side by side so that they stay the same thing. In training two
more linear maps hang on the averaged features and answer to the teachers; they do not ship.

    python -m tools.embedder_net --features OUT.onnx    # the untrained features, a teacher
"""

from __future__ import annotations

import argparse
from pathlib import Path

import onnx
import torch
from torch import nn
from torch.nn import functional

from tools.lite0 import Lite0, OnnxGraph, pretrained
from tools.projection import Projection
from tools.quantise import front_door

FEATURES = 1280
SSCD = 512


class EmbedderNet(nn.Module):  # type: ignore[misc]  # no torch where this is checked
    """Normalised N×3×S×S to unit-length N×D, and what the two teachers would say of it."""

    def __init__(self, backbone: Lite0, start: Projection, frozen: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.frozen = frozen  # so many first blocks stay as ImageNet left them
        self.projection = nn.Linear(FEATURES, start.weight.shape[1])
        self.as_sscd = nn.Linear(FEATURES, SSCD)
        self.as_before = nn.Linear(FEATURES, start.weight.shape[1])
        with torch.no_grad():
            for layer in (self.projection, self.as_before):
                layer.weight.copy_(torch.from_numpy(start.weight.T.copy()))
                layer.bias.copy_(torch.from_numpy(start.bias))

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Unit-length N×1280."""
        with torch.no_grad():
            x = self.backbone.stem(x)
        for k, block in enumerate(self.backbone.blocks):
            with torch.set_grad_enabled(torch.is_grad_enabled() and k >= self.frozen):
                x = block(x)
        assert self.backbone.head is not None
        return functional.normalize(self.backbone.head(x).float().mean((2, 3)))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """See the class."""
        pooled = self.features(x)
        with torch.autocast("cpu", enabled=False):
            embedding, sscd, before = (
                functional.normalize(layer(pooled))
                for layer in (self.projection, self.as_sscd, self.as_before)
            )
        return embedding, sscd, before


def learned(net: EmbedderNet) -> Projection:
    """The projection as numbers."""
    layer = net.projection
    return Projection(layer.weight.detach().numpy().T.copy(), layer.bias.detach().numpy().copy())


def features_graph(backbone: Lite0) -> OnnxGraph:
    """The backbone up to `features`: N×1280 averages over the last map."""
    graph = OnnxGraph()
    outputs = graph.backbone(backbone, "pixels")
    graph.node("ReduceMean", [outputs[-1]], "features", axes=[2, 3], keepdims=0)
    return graph


def embedder_graph(backbone: Lite0, projection: Projection, side: int) -> onnx.ModelProto:
    """`pixels` to `embedding`, unit length."""
    graph = features_graph(backbone)
    first = graph.node("LpNormalization", ["features"], "direction", axis=1, p=2)
    weight = graph.constant("projection.w", projection.weight)
    bias = graph.constant("projection.b", projection.bias)
    mapped = graph.node("Gemm", [first, weight, bias], "projected")
    graph.node("LpNormalization", [mapped], "embedding", axis=1, p=2)
    return graph.model(side, [("embedding", ["N", projection.weight.shape[1]])])


def main() -> None:
    """Write the untrained features."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--features", type=Path, required=True, metavar="OUT.onnx")
    args = parser.parse_args()
    graph = features_graph(pretrained()).model(224, [("features", ["N", FEATURES])])
    onnx.save(front_door(graph), str(args.features))


if __name__ == "__main__":
    main()
