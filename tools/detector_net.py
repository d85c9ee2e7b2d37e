# SPDX-License-Identifier: Apache-2.0
"""The item detector's network: Lite0 to stride 32, a small neck, an anchor-free head at stride 8.

Owns the network, its loss and its ONNX graph, side by side so that they stay the same thing. Every
cell of the 32×32 map says how sure it is to be the centre of an item, and the logarithm of the
distances (in cells) to its box's left, top, right and bottom edge: a logarithm keeps relative
precision.
"""

from __future__ import annotations

import numpy as np
import onnx
import torch
from torch import nn
from torch.nn import functional

from tools.lite0 import ConvUnit, Lite0, OnnxGraph, pretrained

STRIDE = 8
TOP_K = 32
TAPS = (4, 10, 13)  # blocks whose outputs feed the neck: stride 8, 16, 32
EARLY = TAPS[0] + 1  # blocks whose output can be kept instead of the picture while they are frozen


class Separable(nn.Module):  # type: ignore[misc]  # no torch where this is checked
    """5×5 depthwise and 1×1 convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depth = ConvUnit(channels, channels, 5, groups=channels, norm=True, relu=False)
        self.point = ConvUnit(channels, channels, norm=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Same shape out as in."""
        with torch.autocast(x.device.type, enabled=False):  # its gradient is slow in bfloat16
            wide = self.depth(x.float())
        y: torch.Tensor = self.point(wide)
        return y


class DetectorNet(nn.Module):  # type: ignore[misc]  # no torch where this is checked
    """Normalised N×3×S×S to centre logits N×1×S/8×S/8 and log edges N×4×S/8×S/8."""

    def __init__(self, backbone: Lite0, channels: int = 96) -> None:
        super().__init__()
        self.backbone = backbone
        self.laterals = nn.ModuleList(
            ConvUnit(c, channels, norm=True, relu=False) for c in (40, 112, 192)
        )
        self.deep = nn.ModuleList([Separable(channels), Separable(channels)])
        self.merge16 = Separable(channels)
        self.merge8 = Separable(channels)
        self.tower = Separable(channels)
        self.centre = ConvUnit(channels, 1, relu=False)
        self.edges = ConvUnit(channels, 4, relu=False)
        with torch.no_grad():
            assert self.centre.conv.bias is not None and self.edges.conv.bias is not None
            self.centre.conv.bias.fill_(-3.5)
            self.edges.conv.bias.fill_(1.2)
            self.edges.conv.weight.mul_(0.1)

    def freeze(self, blocks: int) -> None:
        """Let the stem and so many first blocks stay as they are, and all 5×5 depthwise kernels of
        the backbone: their gradient takes longer than all the rest and they have least to learn.
        """
        self.backbone.stem.requires_grad_(False)
        for k, block in enumerate(self.backbone.blocks):
            block.requires_grad_(k >= blocks)
            if block.depthwise.conv.kernel_size == (5, 5):
                block.depthwise.requires_grad_(False)

    def early(self, x: torch.Tensor) -> torch.Tensor:
        """Normalised N×3×S×S to the N×40×S/8×S/8 output of the first `EARLY` blocks."""
        x = self.backbone.stem(x)
        for block in self.backbone.blocks[:EARLY]:
            x = block(x)
        return x

    def late(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The rest of the network."""
        taps = [x]
        for k in range(EARLY, TAPS[-1] + 1):
            x = self.backbone.blocks[k](x)
            if k in TAPS:
                taps.append(x)
        fine, middle, coarse = (unit(tap) for unit, tap in zip(self.laterals, taps, strict=True))
        for layer in self.deep:
            coarse = layer(coarse)
        middle = self.merge16(middle + functional.interpolate(coarse, scale_factor=2.0))
        fine = self.merge8(fine + functional.interpolate(middle, scale_factor=2.0))
        fine = self.tower(fine)
        return self.centre(fine), self.edges(fine)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """See the class."""
        return self.late(self.early(x))


def new_net() -> DetectorNet:
    """Pretrained backbone, fresh neck and head."""
    return DetectorNet(pretrained(depth=TAPS[-1] + 1, with_head=False))


def targets(boxes: torch.Tensor, cells: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What the head should say. boxes: N×B×4 pixels, negative rows empty.

    Returns the centre heat N×1×H×W (1 at the centre cell, a Gaussian of the box's shape around it),
    the box of each cell N×4×H×W in cells, and the weight of that box N×1×H×W.
    """
    boxes = boxes / STRIDE
    real = (boxes[..., 2] > boxes[..., 0]).float()
    centre = (boxes[..., :2] + boxes[..., 2:]) / 2
    size = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0.1)
    grid = torch.arange(cells, dtype=torch.float32) + 0.5
    at = (centre.floor() + 0.5).clamp(0.5, cells - 0.5)
    sigma = (size * 0.12).clamp(min=0.45)
    dx = ((grid[None, None] - at[..., 0:1]) / sigma[..., 0:1]).square()
    dy = ((grid[None, None] - at[..., 1:2]) / sigma[..., 1:2]).square()
    heat = torch.exp(-0.5 * (dx[:, :, None, :] + dy[:, :, :, None])) * real[..., None, None]
    # small items win where boxes overlap
    area = (size.prod(-1) + 1e6 * (1 - real))[..., None, None]
    owner = torch.where(heat > 0.25, area, torch.full_like(area, 1e9)).argmin(1)
    best = heat.gather(1, owner[:, None])
    index = owner.flatten(1)[..., None].expand(-1, -1, 4)
    per_cell = boxes.gather(1, index).permute(0, 2, 1).unflatten(2, (cells, cells))
    weight = torch.where(best > 0.25, best, torch.zeros_like(best))
    return heat.amax(1, keepdim=True), per_cell, weight / _share(owner, weight)


def _share(owner: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """What to divide each cell's weight by so that an item of few cells counts, too.

    owner: N×H×W index of the item, weight: N×1×H×W. An item's cells together weigh its fourth root.
    """
    items, flat = owner.flatten(1), weight.flatten(1)
    total = torch.zeros(len(owner), int(items.max()) + 1).scatter_add_(1, items, flat)
    return total.gather(1, items).clamp(min=0.2).pow(0.75).view_as(weight)


def decode(edges: torch.Tensor) -> torch.Tensor:
    """Log edges N×4×H×W to boxes N×4×H×W in cells."""
    height, width = edges.shape[2:]
    reach = torch.exp(edges.clamp(-4.0, 4.0))
    xs = (torch.arange(width, dtype=torch.float32) + 0.5).view(1, 1, 1, width)
    ys = (torch.arange(height, dtype=torch.float32) + 0.5).view(1, 1, height, 1)
    return torch.cat(
        [xs - reach[:, 0:1], ys - reach[:, 1:2], xs + reach[:, 2:3], ys + reach[:, 3:4]], 1
    )


def agreed(boxes: torch.Tensor, heat: torch.Tensor) -> torch.Tensor:
    """Boxes N×4×H×W averaged over each cell and its eight neighbours, the sure ones counting most.

    The neighbours of a peak saw the same item; together they place its box better.
    """
    weight = heat.square()
    total = functional.avg_pool2d(boxes * weight, 3, 1, 1)
    return total / (functional.avg_pool2d(weight, 3, 1, 1) + 1e-9)


def overlap_loss(found: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """1 - complete IoU (overlap, centre distance) of N×4×H×W boxes, N×1×H×W."""
    low = torch.maximum(found[:, :2], truth[:, :2])
    high = torch.minimum(found[:, 2:], truth[:, 2:])
    inter = (high - low).clamp(min=0).prod(1, keepdim=True)
    area = (found[:, 2:] - found[:, :2]).prod(1, keepdim=True)
    area = area + (truth[:, 2:] - truth[:, :2]).prod(1, keepdim=True)
    iou = inter / (area - inter + 1e-6)
    hull = torch.maximum(found[:, 2:], truth[:, 2:]) - torch.minimum(found[:, :2], truth[:, :2])
    apart = (found[:, :2] + found[:, 2:] - truth[:, :2] - truth[:, 2:]) / 2
    distance = apart.square().sum(1, keepdim=True) / (hull.square().sum(1, keepdim=True) + 1e-6)
    return 1 - iou + distance


def loss(logits: torch.Tensor, edges: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """Focal loss of the centres + overlap loss of the boxes + a pull on the log edges."""
    heat, truth, weight = targets(boxes, logits.shape[-1])
    p = logits.sigmoid().clamp(1e-5, 1 - 1e-5)
    peak = (heat > 0.999).float()
    hit = -torch.log(p) * (1 - p).square() * peak
    miss = -torch.log(1 - p) * p.square() * (1 - heat).pow(4) * (1 - peak)
    centres = (hit + miss).sum() / peak.sum().clamp(min=1)
    share = weight / weight.sum().clamp(min=1e-3)
    return centres + 2.0 * (overlap_loss(decode(edges), truth) * share).sum()


def write_graph(net: DetectorNet, side: int) -> onnx.ModelProto:
    """The float model: `pixels` to `boxes` (N, 32, 4) in input pixels and `scores` (N, 32)."""
    graph, cells = OnnxGraph(), side // STRIDE
    taps = graph.backbone(net.backbone, "pixels")
    fine, middle, coarse = (
        graph.conv(unit, taps[k], f"lateral{k}") for k, unit in zip(TAPS, net.laterals, strict=True)
    )

    def separable(layer: Separable, x: str, name: str) -> str:
        return graph.conv(layer.point, graph.conv(layer.depth, x, f"{name}.d"), f"{name}.p")

    def joined(x: str, deeper: str, name: str) -> str:
        scales = graph.constant(f"{name}.scales", np.array([1, 1, 2, 2], np.float32))
        up = graph.node(
            "Resize", [deeper, "", scales], f"{name}.up", mode="nearest",
            coordinate_transformation_mode="asymmetric", nearest_mode="floor",
        )  # fmt: skip
        return graph.node("Add", [x, up], f"{name}.sum")

    for k, layer in enumerate(net.deep):
        assert isinstance(layer, Separable)
        coarse = separable(layer, coarse, f"deep{k}")
    middle = separable(net.merge16, joined(middle, coarse, "n16"), "merge16")
    fine = separable(net.merge8, joined(fine, middle, "n8"), "merge8")
    fine = separable(net.tower, fine, "tower")
    _write_decode(
        graph, graph.conv(net.centre, fine, "centre"), graph.conv(net.edges, fine, "edges"), cells
    )
    return graph.model(side, [("boxes", ["N", TOP_K, 4]), ("scores", ["N", TOP_K])])


def _write_decode(graph: OnnxGraph, centre: str, edges: str, cells: int) -> None:
    """Peaks, boxes in input pixels and the best 32, all in float."""
    heat = graph.node("Sigmoid", [centre], "heat")
    top = graph.node(
        "MaxPool", [heat], "heat.max", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1]
    )
    peak = graph.node("GreaterOrEqual", [heat, top], "heat.peak")
    kept = graph.node("Where", [peak, heat, graph.constant("nought", np.float32(0))], "heat.kept")
    flat = graph.constant("flat", np.array([0, -1], np.int64))
    count = graph.constant("count", np.array([TOP_K], np.int64))
    graph.nodes.append(
        onnx.helper.make_node(
            "TopK", [graph.node("Reshape", [kept, flat], "heat.flat"), count],
            ["scores", "best"], name="best", axis=1, largest=1, sorted=1,
        )
    )  # fmt: skip
    low, high = graph.constant("low", np.float32(-4)), graph.constant("high", np.float32(4))
    reach = graph.node("Exp", [graph.node("Clip", [edges, low, high], "edges.clip")], "edges.reach")
    sign = np.array([-1, -1, 1, 1], np.float32).reshape(1, 4, 1, 1) * STRIDE
    signed = graph.node("Mul", [reach, graph.constant("sign", sign)], "edges.signed")
    axis = (np.arange(cells, dtype=np.float32) + 0.5) * STRIDE
    xs, ys = np.meshgrid(axis, axis)
    grid = graph.constant("grid", np.stack([xs, ys, xs, ys])[None].astype(np.float32))
    box = graph.node("Add", [signed, grid], "edges.box")
    pool = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [1, 1]}
    weight = graph.node("Mul", [heat, heat], "edges.weight")
    total = graph.node("AveragePool", [graph.node("Mul", [box, weight], "edges.weighed")],
                       "edges.total", **pool)  # fmt: skip
    least = graph.constant("least", np.float32(1e-9))
    mass = graph.node("AveragePool", [weight], "edges.mass", **pool)
    mass = graph.node("Add", [mass, least], "edges.mass.safe")
    box = graph.node("Div", [total, mass], "edges.agreed")  # see `agreed`
    low = graph.constant("frame.low", np.float32(0))
    high = graph.constant("frame.high", np.float32(cells * STRIDE))
    box = graph.node("Clip", [box, low, high], "edges.inside")
    shape = graph.constant("shape", np.array([0, 4, -1], np.int64))
    rows = graph.node("Reshape", [box, shape], "edges.rows")
    rows = graph.node("Transpose", [rows], "edges.columns", perm=[0, 2, 1])
    column = graph.node(
        "Unsqueeze", ["best", graph.constant("last", np.array([2], np.int64))], "best.column"
    )
    wide = graph.constant("wide", np.array([1, 1, 4], np.int64))
    index = graph.node("Expand", [column, wide], "best.wide")
    graph.node("GatherElements", [rows, index], "boxes", axis=1)
