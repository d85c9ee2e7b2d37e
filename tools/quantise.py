# SPDX-License-Identifier: Apache-2.0
"""Turn a float graph with input `pixels` into the shipped model: uint8 `image` in, int8 inside.

Owns static quantisation (QDQ, int8 weights per channel, uint8 activations) and the model's front
door. The shipped model takes `image`, uint8 N×S×S×3 B, G, R; its first DequantizeLinear (scale
1/128, zero point 127) is the whole normalisation and loses nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from tools.lite0 import PIXEL_SCALE, PIXEL_ZERO

U8 = npt.NDArray[np.uint8]


def front_door(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace the float input `pixels` by the uint8 input `image`, in place."""
    graph = model.graph
    entry = next(i for i in graph.input if i.name == "pixels")
    side = entry.type.tensor_type.shape.dim[2].dim_value
    graph.input.remove(entry)
    graph.input.append(
        helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", side, side, 3])
    )
    quantisers = [n for n in graph.node if n.input and n.input[0] == "pixels"]
    planes = helper.make_node("Transpose", ["image"], ["planes"], "planes", perm=[0, 3, 1, 2])
    if quantisers and quantisers[0].op_type == "QuantizeLinear":
        quantised = quantisers[0].output[0]
        graph.node.remove(quantisers[0])
        for node in graph.node:
            for k, name in enumerate(node.input):
                if name == quantised:
                    node.input[k] = "planes"
        graph.node.insert(0, planes)
    else:
        scale = numpy_helper.from_array(np.array(PIXEL_SCALE, np.float32), "pixel.scale")
        zero = numpy_helper.from_array(np.array(PIXEL_ZERO, np.uint8), "pixel.zero")
        graph.initializer.extend([scale, zero])
        decode = helper.make_node(
            "DequantizeLinear", ["planes", "pixel.scale", "pixel.zero"], ["pixels"], "pixels"
        )
        graph.node.insert(0, decode)
        graph.node.insert(0, planes)
    onnx.checker.check_model(model, full_check=True)
    return model


def normalised(images: U8) -> npt.NDArray[np.float32]:
    """N×S×S×3 BGR uint8 as the float graph wants it."""
    planes = np.ascontiguousarray(images.transpose(0, 3, 1, 2)).astype(np.float32)
    return (planes - np.float32(PIXEL_ZERO)) * np.float32(PIXEL_SCALE)


def quantise(
    floating: Path, target: Path, images: U8, method: str, keep_float: Sequence[str]
) -> None:
    """Write the int8 model to `target`.

    `images`: calibration pictures, N×S×S×3 BGR uint8, prepared as the product prepares them.
    `method`: "minmax", "percentile" or "entropy". `keep_float`: nodes that are not quantised.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    from onnxruntime import quantization as q  # after the variable: telemetry starts at import

    class Reader(q.CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
        """Hands out the pictures, eight at a time."""

        def __init__(self) -> None:
            self.rest: Iterator[U8] = (images[k : k + 8] for k in range(0, len(images), 8))

        def get_next(self) -> dict[str, npt.NDArray[np.float32]] | None:
            """The next batch, None after the last."""
            batch = next(self.rest, None)
            return None if batch is None else {"pixels": normalised(batch)}

    prepared = target.with_suffix(".prepared.onnx")
    q.shape_inference.quant_pre_process(
        str(floating), str(prepared), skip_optimization=True, skip_symbolic_shape=True
    )
    pixel_range = {
        "quant_type": q.QuantType.QUInt8,
        "scale": np.array(PIXEL_SCALE, np.float32),
        "zero_point": np.array(PIXEL_ZERO, np.uint8),
    }
    methods = {"minmax": q.CalibrationMethod.MinMax, "entropy": q.CalibrationMethod.Entropy,
               "percentile": q.CalibrationMethod.Percentile}  # fmt: skip
    q.quantize_static(
        str(prepared), str(target), Reader(), quant_format=q.QuantFormat.QDQ, per_channel=True,
        op_types_to_quantize=["Conv", "Add", "Clip", "Resize", "GlobalAveragePool", "MaxPool"],
        activation_type=q.QuantType.QUInt8, weight_type=q.QuantType.QInt8,
        nodes_to_exclude=list(keep_float), calibrate_method=methods[method],
        extra_options={
            "TensorQuantOverrides": {"pixels": [pixel_range]},
            "CalibMovingAverage": method == "minmax", "CalibPercentile": 99.99,
        },
    )  # fmt: skip
    prepared.unlink()
    model = front_door(onnx.load(str(target)))
    model.producer_name = "kiosk-tools"
    onnx.save(model, str(target))
