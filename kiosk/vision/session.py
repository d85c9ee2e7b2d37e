# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime behind a protocol: a model is loaded only when its card vouches for it.

The one importer of onnxruntime. A card is a TOML file beside the ONNX file; name, sha256, opset,
input and outputs are all checked at load, so a swapped or damaged file is a clear error and never
a wrong answer.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kiosk.errors import ModelError

# Newer runtimes write a database and ask DNS at first use unless told not to before import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime

MAX_OPSET = 17
MAX_MODEL_BYTES = 64 * 1024 * 1024
REQUIRED = ("licence", "quantisation", "trained_on", "input", "outputs")
REQUIRED_OF_INPUT = ("name", "width", "height", "normalisation")
HOUSE_INPUT = {"channel_order": "BGR", "layout": "NHWC", "dtype": "uint8"}
"""Frames go into every model as they are; a graph that wants anything else converts inside."""
_DTYPES = {"uint8": "tensor(uint8)", "float32": "tensor(float)"}


@dataclass(frozen=True, slots=True)
class Card:
    """What a model says of itself; `body` is the whole TOML table."""

    name: str
    version: str
    sha256: str
    opset: int
    path: Path
    body: Mapping[str, Any]

    @property
    def input(self) -> Mapping[str, Any]:
        return dict(self.body["input"])

    @property
    def outputs(self) -> Mapping[str, Any]:
        return dict(self.body["outputs"])

    def needs(self, *names: str) -> None:
        """Raises ModelError unless these outputs are there: another model's card is in the way."""
        missing = [name for name in names if name not in self.outputs]
        if missing:
            raise ModelError(
                f"{self.path}: its card has no output {', '.join(missing)}, it belongs to another "
                "model; restore model and card together"
            )


class Session(Protocol):
    """Runs one model. Must be safe to call from one thread at a time."""

    card: Card

    def run(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Outputs by name for a batch of (N, H, W, 3) BGR uint8 images of the card's size."""
        ...


class OnnxSession:
    """A real ONNX Runtime session on the CPU."""

    def __init__(self, card_path: Path, *, threads: int) -> None:
        """Load the model beside `card_path`. Raises ModelError when card and file disagree."""
        self.card = read_card(card_path)
        model = _checked_bytes(self.card)
        try:
            self._session = onnxruntime.InferenceSession(
                model, _session_options(threads), providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise ModelError(
                f"{self.card.path.name}: ONNX Runtime cannot load it ({error}); restore the file"
            ) from error
        self._input = str(self.card.input["name"])
        self._names = list(self.card.outputs)
        _check_signature(self._session, self.card)

    def run(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        results = self._session.run(self._names, {self._input: images})
        return dict(zip(self._names, results, strict=True))


def read_card(path: Path) -> Card:
    """Parse a model card. Raises ModelError naming what is missing."""
    try:
        body = tomllib.loads(path.read_text(encoding="utf-8"))
        file = str(body["file"])
        if Path(file).name != file:
            raise ModelError(f"{path}: file = {file!r} must be a plain name beside the card")
        for key in REQUIRED:
            body[key]
        for key in REQUIRED_OF_INPUT:
            body["input"][key]
        for key, value in HOUSE_INPUT.items():
            if body["input"][key] != value:
                raise ModelError(
                    f"{path}: input {key} = {body['input'][key]!r}, this kiosk gives {value!r}; "
                    "export the model again"
                )
        return Card(
            name=str(body["name"]),
            version=str(body["version"]),
            sha256=str(body["sha256"]),
            opset=int(body["opset"]),
            path=path.parent / file,
            body=body,
        )
    except FileNotFoundError:
        raise ModelError(f"{path}: the model card is missing; restore the models folder") from None
    except KeyError as error:
        raise ModelError(f"{path}: the card has no {error}; restore the file") from error
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(f"{path}: the card cannot be read ({error}); restore the file") from error


def _checked_bytes(card: Card) -> bytes:
    try:
        size = card.path.stat().st_size
        if size > MAX_MODEL_BYTES:
            raise ModelError(f"{card.path}: {size} bytes is too large for a model of this kiosk")
        model = card.path.read_bytes()
    except OSError as error:
        raise ModelError(f"{card.path}: cannot be read ({error.strerror}); restore it") from error
    digest = hashlib.sha256(model).hexdigest()
    if digest != card.sha256:
        raise ModelError(
            f"{card.path}: its sha256 is {digest[:12]}… but its card says {card.sha256[:12]}…; "
            "the file is damaged or was swapped: restore model and card together"
        )
    if card.opset > MAX_OPSET:
        raise ModelError(
            f"{card.path}: needs opset {card.opset}, this kiosk runs up to {MAX_OPSET}; "
            "update the kiosk or export the model again"
        )
    return model


def _session_options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    # One pool, sized by us: detector and embedder run one after the other and share the cores.
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # Idle worker threads must not burn the cores that capture and the page need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Some CPUs slow down many times over on subnormal operands.
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    options.log_severity_level = 3  # errors only: warnings here are about the graph, not the kiosk
    return options


def _check_signature(session: onnxruntime.InferenceSession, card: Card) -> None:
    """The graph's inputs and outputs are those on the card, name, type and shape."""
    inputs = {entry.name: (entry.type, entry.shape) for entry in session.get_inputs()}
    wanted = card.input
    shape = [None, wanted["height"], wanted["width"], 3]
    expected = {str(wanted["name"]): (_DTYPES.get(str(wanted.get("dtype", "uint8"))), shape)}
    _compare(card, "input", inputs, expected)
    outputs = {entry.name: (entry.type, entry.shape) for entry in session.get_outputs()}
    _compare(
        card,
        "output",
        outputs,
        {
            name: (_DTYPES.get(str(entry["dtype"])), [None, *entry["shape"][1:]])
            for name, entry in card.outputs.items()
        },
    )


def _compare(
    card: Card, side: str, graph: dict[str, Any], expected: dict[str, tuple[str | None, list[Any]]]
) -> None:
    for name, (kind, shape) in expected.items():
        if name not in graph:
            raise ModelError(
                f"{card.path}: the card names the {side} {name!r}, the graph has {sorted(graph)}; "
                "restore model and card together"
            )
        found_kind, found_shape = graph[name]
        same = len(found_shape) == len(shape) and all(
            want in (None, -1) or want == have
            for want, have in zip(shape, found_shape, strict=True)
        )
        if found_kind != kind or not same:
            raise ModelError(
                f"{card.path}: the {side} {name!r} is {found_kind} {found_shape}, its card says "
                f"{kind} {shape}; restore model and card together"
            )
