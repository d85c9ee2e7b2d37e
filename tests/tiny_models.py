# SPDX-License-Identifier: Apache-2.0
"""A detector and an embedder small enough to write down: real ONNX files with real cards.

`write_models` makes them, `open_models` loads them as the product does, `picture` draws items they
can tell apart. Everything is deterministic. The detector finds the one bright thing on a dark
counter; the embedder is a 4x4 grid of mean colours, 48 numbers.
"""

from __future__ import annotations

import colorsys
import hashlib
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kiosk.catalog.build import BuildOptions, build
from kiosk.config import LocateConfig
from kiosk.values import Pixels
from kiosk.vision.embed import Embedder
from kiosk.vision.locate import Locator
from kiosk.vision.session import OnnxSession

SIDE = 96
"""Pixels of the detector's square input."""
CROP = 64
"""Pixels of the embedder's square input."""
GRID = 4
DIMENSION = GRID * GRID * 3
BRIGHT = 140.0
"""A pixel whose largest channel exceeds this belongs to an item."""


def write_models(directory: Path, *, shift: float = 118.0) -> Path:
    """Write detector.onnx, embedder.onnx and their cards; gives the directory back.

    Another `shift` (the grey that counts as nothing) makes another embedder with another sha256.
    """
    directory.mkdir(parents=True, exist_ok=True)
    _write(directory, "detector", _detector(), _DETECTOR_CARD)
    _write(directory, "embedder", _embedder(shift), _EMBEDDER_CARD)
    return directory


def open_models(directory: Path, threads: int = 1) -> tuple[Locator, Embedder]:
    """The product's own Locator and Embedder on the models of `write_models`."""
    return (
        Locator(OnnxSession(directory / "detector.toml", threads=threads), LocateConfig()),
        Embedder(OnnxSession(directory / "embedder.toml", threads=threads)),
    )


def open_session(directory: Path) -> OnnxSession:
    """The embedder's session alone."""
    return OnnxSession(directory / "embedder.toml", threads=1)


def picture(item: int, shot: int = 0, width: int = 240, height: int = 180) -> Pixels:
    """Item number `item` (any integer) lying on a dark counter, BGR; each `shot` lies elsewhere.

    item -1: the empty counter.
    """
    random = np.random.default_rng((item + 1) * 1000 + shot)
    pixels = random.integers(25, 45, (height, width, 3), np.uint8)
    if item < 0:
        return pixels
    design = np.random.default_rng(item + 77)
    side = int(min(width, height) * (0.55 + 0.03 * (shot % 5)))
    left = (width - side) // 2 + int(random.integers(-8, 9))
    top = (height - side) // 2 + int(random.integers(-8, 9))
    hues = design.random(9)
    art = np.array([colorsys.hsv_to_rgb(hue, 0.85, 0.95) for hue in hues], np.float32).reshape(
        3, 3, 3
    )
    face = cv2.resize((art * 255).astype(np.uint8), (side, side), interpolation=cv2.INTER_NEAREST)
    pixels[top : top + side, left : left + side] = face
    return pixels


def write_picture(path: Path, item: int, shot: int = 0) -> Path:
    """`picture` as a file; its folder is made. PNG or JPEG by the suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture(item, shot))
    return path


def _constant(name: str, values: object, dtype: type = np.float32) -> TensorProto:
    return numpy_helper.from_array(np.array(values, dtype), name)


def _detector() -> onnx.GraphProto:
    """boxes (N, 1, 4) around all bright pixels; scores (N, 1) grow with their number."""
    columns = np.arange(SIDE, dtype=np.float32)
    node = helper.make_node
    nodes = [
        node("Cast", ["image"], ["values"], to=TensorProto.FLOAT),
        node("ReduceMax", ["values"], ["peak"], axes=[3], keepdims=0),
        node("Greater", ["peak", "bright"], ["mask"]),
        node("Cast", ["mask"], ["ones"], to=TensorProto.FLOAT),
        node("ReduceMean", ["ones"], ["share"], axes=[1, 2], keepdims=0),
        node("Mul", ["share", "gain"], ["raw"]),
        node("Min", ["raw", "top"], ["score"]),
        node("Unsqueeze", ["score", "one"], ["scores"]),
    ]
    corners = (("x", "Min", 0), ("y", "Min", 0), ("x", "Max", 1), ("y", "Max", 1))
    names = []
    for axis, side, shift in corners:
        name = f"{axis}{side}"
        nodes += [
            node("Where", ["mask", f"{axis}{shift}", f"none{side}"], [f"{name}_map"]),
            node(f"Reduce{side}", [f"{name}_map"], [f"{name}_flat"], axes=[1, 2], keepdims=0),
            node("Unsqueeze", [f"{name}_flat", "box_axes"], [name]),
        ]
        names.append(name)
    nodes.append(node("Concat", names, ["boxes"], axis=2))
    constants = [
        _constant("bright", BRIGHT),
        _constant("gain", 50.0),
        _constant("top", 0.95),
        _constant("one", [1], np.int64),
        _constant("box_axes", [1, 2], np.int64),
        _constant("noneMin", 1e6),
        _constant("noneMax", 0.0),
    ]
    for shift in (0, 1):
        constants.append(_constant(f"x{shift}", (columns + shift).reshape(1, 1, SIDE)))
        constants.append(_constant(f"y{shift}", (columns + shift).reshape(1, SIDE, 1)))
    tensor = helper.make_tensor_value_info
    return helper.make_graph(
        nodes,
        "detector",
        [tensor("image", TensorProto.UINT8, ["n", SIDE, SIDE, 3])],
        [
            tensor("boxes", TensorProto.FLOAT, ["n", 1, 4]),
            tensor("scores", TensorProto.FLOAT, ["n", 1]),
        ],
        constants,
    )


def _embedder(shift: float) -> onnx.GraphProto:
    """embedding (N, 48): mean colours of a 4x4 grid around `shift`, of unit length."""
    node = helper.make_node
    cell = CROP // GRID
    nodes = [
        node("Cast", ["image"], ["values"], to=TensorProto.FLOAT),
        node("Transpose", ["values"], ["planes"], perm=[0, 3, 1, 2]),
        node("AveragePool", ["planes"], ["grid"], kernel_shape=[cell] * 2, strides=[cell] * 2),
        node("Sub", ["grid", "shift"], ["centred"]),
        node("Flatten", ["centred"], ["flat"], axis=1),
        node("ReduceL2", ["flat"], ["length"], axes=[1], keepdims=1),
        node("Div", ["flat", "length"], ["embedding"]),
    ]
    tensor = helper.make_tensor_value_info
    return helper.make_graph(
        nodes,
        "embedder",
        [tensor("image", TensorProto.UINT8, ["n", CROP, CROP, 3])],
        [tensor("embedding", TensorProto.FLOAT, ["n", DIMENSION])],
        [_constant("shift", shift)],
    )


def _write(directory: Path, name: str, graph: onnx.GraphProto, card: str) -> None:
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    onnx.checker.check_model(model)
    data = model.SerializeToString(deterministic=True)
    (directory / f"{name}.onnx").write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    (directory / f"{name}.toml").write_text(card.replace("SHA256", digest), encoding="utf-8")


_COMMON = """
version = "1"
sha256 = "SHA256"
opset = 17
quantisation = "none"
licence = "Apache-2.0"
trained_on = "nothing: written down by hand"
"""

_DETECTOR_CARD = f"""\
name = "tiny-detector"
file = "detector.onnx"{_COMMON}
[input]
name = "image"
dtype = "uint8"
width = {SIDE}
height = {SIDE}
layout = "NHWC"
channel_order = "BGR"
normalisation = "in graph"
pad = 114

[outputs.boxes]
dtype = "float32"
shape = [-1, 1, 4]

[outputs.scores]
dtype = "float32"
shape = [-1, 1]

[defaults]
score = 0.5
"""

_EMBEDDER_CARD = f"""\
name = "tiny-embedder"
file = "embedder.onnx"{_COMMON}
[input]
name = "image"
dtype = "uint8"
width = {CROP}
height = {CROP}
layout = "NHWC"
channel_order = "BGR"
normalisation = "in graph"
fit = "square"
margin = 0.0
pad = 127

[outputs.embedding]
dtype = "float32"
shape = [-1, {DIMENSION}]
"""


def make_release(models: Path, out: Path, items: Iterable[int], shots: int = 1) -> Path:
    """A release `out` that can be opened, with `shots` pictures of each item; built beside it."""
    source = out.parent / f"{out.name}-source"
    for item in items:
        for shot in range(shots):
            write_picture(source / f"sku-{item}" / f"{shot}.png", item, shot)
    locator, embedder = open_models(models)
    build(source, out, locator=locator, embedder=embedder, options=BuildOptions())
    return out
