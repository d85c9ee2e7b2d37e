# SPDX-License-Identifier: Apache-2.0
"""Which V4L2 cameras there are. A Pi has many video nodes that are codecs, not cameras."""

from __future__ import annotations

import fcntl
import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path

from kiosk.errors import CameraMissing

# struct v4l2_capability: driver[16], card[32], bus_info[32], version, capabilities, device_caps.
_CAPABILITY = struct.Struct("16s32s32sIII12x")
_VIDIOC_QUERYCAP = 0x80685600
_CAPTURE = 0x1 | 0x1000  # single and multi planar
_MEMORY_TO_MEMORY = 0x4000 | 0x8000  # codecs and scalers
_STREAMING = 0x04000000


@dataclass(frozen=True, slots=True)
class Device:
    """A capture device: its node, its stable name when it has one, and the name of its maker."""

    node: Path
    stable: Path | None
    card: str

    def __str__(self) -> str:
        return f"{self.card} ({self.stable or self.node})"


def capture_card(capability: bytes) -> str | None:
    """The card name in a `struct v4l2_capability`; None when it is not a camera."""
    _driver, card, _bus, _version, _all, caps = _CAPABILITY.unpack(capability)
    wanted = caps & _CAPTURE and caps & _STREAMING and not caps & _MEMORY_TO_MEMORY
    return str(card.split(b"\0")[0].decode("utf-8", "replace")) if wanted else None


def capture_devices(root: Path = Path("/dev")) -> list[Device]:
    """Every camera under `root`, by the number of its node."""
    stable = {link.resolve(): link for link in sorted((root / "v4l" / "by-id").glob("*"))}
    nodes = [path for path in root.glob("video*") if re.fullmatch(r"video\d+", path.name)]
    found = []
    for node in sorted(nodes, key=lambda path: int(path.name[5:])):
        card = _query(node)
        if card is not None:
            found.append(Device(node, stable.get(node.resolve()), card))
    return found


def find_device(wanted: str, root: Path = Path("/dev")) -> Path:
    """The node of `wanted`: a path, an index, or empty for the first camera.

    Raises CameraMissing with a list of what there is.
    """
    if not wanted:
        cameras = capture_devices(root)
        if cameras:
            return cameras[0].node
        raise CameraMissing("No camera found. Plug it in; the kiosk goes on looking for it.")
    path = root / f"video{wanted}" if wanted.isdecimal() else Path(wanted)
    if not path.exists():
        present = ", ".join(str(device) for device in capture_devices(root)) or "none"
        raise CameraMissing(
            f"No camera found at {path}. Plug it in, or choose another one; cameras found: "
            f"{present}."
        )
    if not os.access(path, os.R_OK | os.W_OK):
        raise CameraMissing(
            f"The camera at {path} may not be opened. Add the kiosk's user to the group `video`."
        )
    return path


def _query(node: Path) -> str | None:
    """The card name of `node`; None when it is no camera or cannot be asked."""
    answer = bytearray(_CAPABILITY.size)
    try:
        handle = os.open(node, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return None  # gone again, or not ours to open: not a camera we could use
    try:
        fcntl.ioctl(handle, _VIDIOC_QUERYCAP, answer)
    except OSError:
        return None  # the node is not a video device
    finally:
        os.close(handle)
    return capture_card(bytes(answer))
