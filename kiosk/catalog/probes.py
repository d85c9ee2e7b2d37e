# SPDX-License-Identifier: Apache-2.0
"""`probes.npz`: the camera views a release was calibrated with, so that it can be measured again.

A kiosk never opens it. Written with nothing but the numbers, so that equal probes are equal bytes.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from kiosk.catalog.details import pack, unpack
from kiosk.catalog.leave_out import Probes
from kiosk.errors import CatalogError

_NAMES = ("vectors", "pictures", "looked_vectors", "looked_pictures", "details")


def write_probes(path: Path, probes: Probes, looked: Probes) -> None:
    """Write both sets; `looked` has local features. Raises OSError."""
    details = b"".join(pack(each) for each in looked.details)
    np.savez(
        path,
        vectors=probes.vectors.astype(np.float16),
        pictures=probes.pictures.astype(np.int32),
        looked_vectors=looked.vectors.astype(np.float16),
        looked_pictures=looked.pictures.astype(np.int32),
        details=np.frombuffer(details, np.uint8),
    )


def read_probes(path: Path, pictures: int, dimension: int) -> tuple[Probes, Probes]:
    """Both sets, for a release of so many pictures and numbers. Raises CatalogError."""
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in _NAMES}
        sets = (
            Probes(found["vectors"], found["pictures"]),
            Probes(
                found["looked_vectors"],
                found["looked_pictures"],
                unpack(found["details"].tobytes()),
            ),
        )
        for each in sets:
            shape = (len(each.pictures), dimension)
            inside = ((each.pictures >= 0) & (each.pictures < pictures)).all()
            if each.vectors.shape != shape or not inside or not np.isfinite(each.vectors).all():
                raise ValueError(f"{each.vectors.shape} vectors of {shape}")
        if not len(sets[0].pictures) or len(sets[1].details) not in (0, len(sets[1].pictures)):
            raise ValueError("its parts differ in number")
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise CatalogError(
            f"{path}: cannot be used ({error}); build the catalog again from its pictures"
        ) from error
    return sets
