# SPDX-License-Identifier: Apache-2.0
"""What can be configured. Each option states its unit, its range and its reason in one line.

The help texts are the README's options table; a test holds the two together.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Value = bool | int | float | str


def option(
    default: Value,
    about: str,
    *,
    choices: tuple[Value, ...] = (),
    low: float | None = None,
    high: float | None = None,
) -> Any:  # noqa: ANN401 - a dataclass field stands for a value of its annotated type
    """A field with its help text and its limits (inclusive)."""
    limits = {"about": about, "choices": choices, "low": low, "high": high}
    return field(default=default, metadata=limits)


@dataclass(frozen=True, slots=True)
class CameraConfig:
    source: str = option(
        "v4l2",
        "where frames come from",
        choices=("v4l2", "picamera2", "files", "demo"),
    )
    device: str = option(
        "",
        "v4l2: `/dev/v4l/by-id/…` or an index; picamera2: an index; files: a folder, a video "
        "file or a URL; empty: the first camera",
    )
    width: int = option(1280, "pixels asked of the camera, before rotation", low=160, high=4096)
    height: int = option(960, "pixels asked of the camera, before rotation", low=120, high=4096)
    fps: float = option(15.0, "frames per second asked of the camera", low=1, high=120)
    rotation: int = option(0, "degrees to turn the picture clockwise", choices=(0, 90, 180, 270))
    lock: bool = option(
        False, "picamera2: hold focus, exposure and white balance once they have settled"
    )
    loop: bool = option(True, "files: start again at the end")
    stall_s: float = option(
        2.0, "seconds without a good frame before the camera is reopened", low=0.5, high=60
    )
    seed: int = option(1, "demo: which order of visits is played", low=0, high=2**31 - 1)


@dataclass(frozen=True, slots=True)
class ModelsConfig:
    directory: str = option("", "folder of the ONNX files and cards; empty: those that came along")
    threads: int = option(2, "CPU threads for one model run", low=1, high=16)


@dataclass(frozen=True, slots=True)
class LocateConfig:
    score: float = option(
        0.0, "least detector score of an item; 0: the default on the model's card", low=0, high=1
    )
    overlap: float = option(
        0.5, "two boxes that overlap more (intersection over union) are one item", low=0.1, high=0.9
    )
    items: int = option(8, "most items looked for in one frame", low=1, high=32)


@dataclass(frozen=True, slots=True)
class CatalogConfig:
    directory: str = option("", "the release folder; empty: `catalog` in the state directory")
    poll_s: float = option(
        1.0, "seconds between looks for a new release in that folder", low=0.1, high=3600
    )
    risk: float = option(
        0.001,
        "wrong-accept rate that a release is built and calibrated for; what it can state of that "
        "is printed",
        low=0.0001,
        high=0.2,
    )


@dataclass(frozen=True, slots=True)
class SearchConfig:
    recall: float = option(
        0.99, "least share of true neighbours Annoy must find in the self-test", low=0.5, high=1
    )
    neighbours: int = option(
        50, "references fetched before they are grouped by SKU", low=5, high=1000
    )
    overlay: int = option(
        8192,
        "newer references that are searched one by one beside the Annoy file before it is built "
        "anew, at the lowest priority",
        low=64,
        high=1_000_000,
    )


@dataclass(frozen=True, slots=True)
class VerifyConfig:
    on: bool = option(
        True, "compare the print of the nearest SKUs where similarity does not settle it"
    )
    budget_ms: float = option(
        400.0,
        "longest time in milliseconds for that in one frame; candidates left over are not "
        "compared, and then none is accepted by its print",
        low=1,
        high=10000,
    )


@dataclass(frozen=True, slots=True)
class BarcodeConfig:
    mode: str = option(
        "choose",
        "when barcodes are read: `asked`: with the button on the page; `choose`: then, and where "
        "appearance alone does not settle it; `always`: in every look",
        choices=("off", "asked", "choose", "always"),
    )


@dataclass(frozen=True, slots=True)
class DecideConfig:
    agreement_frames: int = option(
        3, "frames in a row that must say the same before a SKU is accepted", low=1, high=60
    )
    time_limit_s: float = option(
        1.5, "seconds an item lies there before the kiosk asks or says unknown", low=0.2, high=30
    )
    hint_limit_s: float = option(
        5.0,
        "longest time in seconds it waits instead while a hint says how to show the item better",
        low=0.2,
        high=60,
    )
    items: int = option(
        3, "most items in one frame that get a decision of their own", low=1, high=8
    )
    absent_frames: int = option(
        4, "empty frames in a row after which the item has left", low=1, high=120
    )
    candidates: int = option(5, "most pictures offered to choose from", low=2, high=5)


@dataclass(frozen=True, slots=True)
class JournalConfig:
    keep_days: int = option(365, "days after which entries are deleted", low=1, high=36500)
    keep_features_days: int = option(
        30,
        "days after which the local features of a decision (22 KB) are deleted; what remains can "
        "still be replayed, with the second look as it was; 0: never stored",
        low=0,
        high=36500,
    )
    keep_mb: int = option(
        512,
        "most megabytes of the journal; beyond, local features go first, then looks, then "
        "decisions, then what people said, each oldest first",
        low=8,
        high=1_000_000,
    )
    commit_s: float = option(
        0.2, "longest time in seconds an entry waits for its batch to be written", low=0.01, high=10
    )


@dataclass(frozen=True, slots=True)
class UploadConfig:
    url: str = option("", "where `kiosk upload` sends the journal: `https://…`; empty: nowhere")
    mqtt: str = option("", "or `mqtt://user@host/prefix`, `mqtts://…`: to a broker instead")
    token_file: str = option("", "file with the token (or the broker's password) of this kiosk")
    timeout_s: float = option(20.0, "seconds to wait for an answer", low=1, high=300)
    deadline_s: float = option(
        300.0, "seconds after which a pass begins no further batch", low=1, high=86400
    )


@dataclass(frozen=True, slots=True)
class StateConfig:
    directory: str = option(
        "",
        "where journal and catalog live; empty: systemd's state directory, "
        "else `~/.local/state/kiosk`",
    )


@dataclass(frozen=True, slots=True)
class SyncConfig:
    source: str = option(
        "",
        "where the catalog is published: an http(s) address, or a folder such as a USB stick; "
        "empty: this kiosk gets no releases by itself",
    )
    channel: str = option("stable", "which releases this kiosk takes; a few take `canary` first")
    root: str = option(
        "",
        "the `root.json` that head office gave; empty: the one that `kiosk sync enrol` took",
    )
    reserve_mb: int = option(
        256, "megabytes that stay free on the disk whatever a release needs", low=1, high=1_000_000
    )
    silence_s: float = option(
        20.0, "longest time in seconds that a server may say nothing", low=0.1, high=600
    )
    deadline_s: float = option(
        1800.0,
        "longest time in seconds for one pass; what came is kept and the next one goes on",
        low=1,
        high=86_400,
    )
    least_bytes_per_s: float = option(
        500.0, "a server slower than this is left for the next pass", low=0, high=1e9
    )


@dataclass(frozen=True, slots=True)
class WebConfig:
    host: str = option("127.0.0.1", "address the page listens on")
    port: int = option(8080, "port the page listens on; 0: any free one", low=0, high=65535)
    streams: int = option(8, "most pages that may follow events at once", low=1, high=64)
    preview_width: int = option(640, "pixels; width of the live picture", low=160, high=1920)


@dataclass(frozen=True, slots=True)
class LogConfig:
    level: str = option(
        "info", "least severity that is logged", choices=("debug", "info", "warning", "error")
    )


@dataclass(frozen=True, slots=True)
class Config:
    camera: CameraConfig = field(default_factory=CameraConfig)
    models: ModelsConfig = field(default_factory=ModelsConfig)
    locate: LocateConfig = field(default_factory=LocateConfig)
    catalog: CatalogConfig = field(default_factory=CatalogConfig)
    search: SearchConfig = field(default_factory=SearchConfig)
    verify: VerifyConfig = field(default_factory=VerifyConfig)
    barcode: BarcodeConfig = field(default_factory=BarcodeConfig)
    decide: DecideConfig = field(default_factory=DecideConfig)
    journal: JournalConfig = field(default_factory=JournalConfig)
    upload: UploadConfig = field(default_factory=UploadConfig)
    state: StateConfig = field(default_factory=StateConfig)
    sync: SyncConfig = field(default_factory=SyncConfig)
    web: WebConfig = field(default_factory=WebConfig)
    log: LogConfig = field(default_factory=LogConfig)


@dataclass(frozen=True, slots=True)
class Option:
    """One option as documentation and checks need it."""

    section: str
    name: str
    kind: type
    default: Value
    about: str
    choices: tuple[Value, ...]
    low: float | None
    high: float | None

    @property
    def key(self) -> str:
        return f"{self.section}.{self.name}"


def options() -> Iterator[Option]:
    """Every option, in the order of the file."""
    config = Config()
    for section in dataclasses.fields(config):
        for entry in dataclasses.fields(getattr(config, section.name)):
            limits = dict(entry.metadata)
            default: Any = entry.default
            yield Option(section.name, entry.name, type(default), default, **limits)
