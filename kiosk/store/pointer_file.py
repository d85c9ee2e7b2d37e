# SPDX-License-Identifier: Apache-2.0
"""The pointer as bytes: JSON with a checksum, so that a torn or rotten file is known as one."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

from kiosk.announcement import Gate
from kiosk.errors import CatalogError
from kiosk.store.pointer import Installed, Phase, Pointer, Quarantined

FORMAT = 1


def to_json(pointer: Pointer) -> bytes:
    """The file, for people too."""
    body = dataclasses.asdict(pointer)
    text = json.dumps({"format": FORMAT, "checksum": _checksum(body), **body}, indent=1)
    return (text + "\n").encode()


def parse(data: bytes) -> Pointer:
    """Raises CatalogError for anything but what `to_json` gave."""
    try:
        body = json.loads(data.decode("utf-8"))
        if not isinstance(body, dict):
            raise TypeError("it is not a table")
        if body.pop("format") != FORMAT:
            raise ValueError("it is of another version of this program")
        if body.pop("checksum") != _checksum(body):
            raise ValueError("its checksum is wrong")
        return _pointer(body)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CatalogError(f"the pointer is damaged ({error})") from error


def _checksum(body: dict[str, Any]) -> str:
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _pointer(body: dict[str, Any]) -> Pointer:
    return Pointer(
        **{
            **body,
            "current": _installed(body["current"]),
            "previous": _installed(body["previous"]),
            "phase": Phase(body["phase"]),
            "gate": Gate(**body["gate"]),
            "pinned": tuple(body["pinned"]),
            "quarantined": tuple(Quarantined(**each) for each in body["quarantined"]),
        }
    )


def _installed(body: dict[str, Any] | None) -> Installed | None:
    return None if body is None else Installed(**body)
