# SPDX-License-Identifier: Apache-2.0
"""Measure what sync costs a kiosk: requests and bytes over HTTP, from a real signed repository.

    python -m tools.measure_sync [--skus 25000] [--views 4] [--dimension 256] [--details]
    python -m tools.measure_sync --releases OLD NEW

Without --releases, two releases are made for the purpose: one picture for each SKU with random
vectors, and one in which every hundredth picture is another. Their vectors, records and tombstones
are what a real build writes; thumbnails are 3 kB of noise, local features (with --details) 22 kB,
calibration and gate are noise of their usual size. The self-test is left out: it costs no bytes.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
from securesystemslib.signer import CryptoSigner

from kiosk.catalog.manifest import CALIBRATION, GATE, FileEntry, ModelName, SegmentEntry
from kiosk.catalog.material import Material, file_entry, write_segment
from kiosk.catalog.tombstones import write_tombstones
from kiosk.publish import announce, draft
from kiosk.publish.announce import Office, Wish
from kiosk.publish.folder import FolderStorage
from kiosk.publish.ring import KeyRing
from kiosk.publish.roles import Roles
from kiosk.publish.trust import verified
from kiosk.store import Store
from kiosk.sync.origin import Limits, Traffic
from kiosk.sync.policy import Here
from kiosk.sync.sync_pass import Pass
from kiosk.sync.web import WebOrigin
from kiosk.values import POINT, Box, Record
from tools.made_up import jpeg, listed, noise, share, unit, written

CHANGED = 100
"""Every so-many-th picture is another in the second release."""
THUMBNAIL_BYTES = 3000
FEATURE_BYTES = 22_000
_LINE = "{:<34}{:>10}{:>16}"


@dataclass(frozen=True, slots=True)
class Size:
    skus: int
    views: int
    dimension: int
    details: bool


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--skus", type=int, default=25_000)
    parser.add_argument("--views", type=int, default=4, help="references of one picture")
    parser.add_argument("--dimension", type=int, default=256)
    parser.add_argument("--details", action="store_true", help="with local features")
    parser.add_argument("--releases", type=Path, nargs=2, metavar=("OLD", "NEW"))
    args = parser.parse_args(arguments)
    size = Size(args.skus, args.views, args.dimension, args.details)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        old, new = args.releases or made(place, size)
        print(_LINE.format("", "requests", "bytes"))
        for what, traffic in measured(place, old, new):
            print(_LINE.format(what, traffic.requests, f"{traffic.received:,}"))


def measured(place: Path, old: Path, new: Path) -> Iterator[tuple[str, Traffic]]:
    """What each pass of a kiosk costs, one after the other."""
    head, root = office(place / "repository")
    store = Store(place / "state" / "store")
    with serving(place / "repository") as url:
        poll = functools.partial(_pass, url, store, root)
        first = announce.publish(head, old, Wish("stable")).announcement
        yield "first install", poll(first.release)
        yield "poll without a change", poll(first.release)
        announce.refresh(head)
        yield "poll, timestamp signed again", poll(first.release)
        second = announce.publish(head, new, Wish("stable")).announcement
        yield "next release", poll(second.release)
        yield "poll without a change", poll(second.release)
        announce.roll_back(head, "stable", first.seq)
        yield "central rollback", poll(first.release)


def _pass(url: str, store: Store, root: bytes, release: str) -> Traffic:
    with closing(WebOrigin(url, Limits())) as origin:
        run = Pass(
            origin,
            store,
            lambda: root,
            "stable",
            Here(store.kiosk_id(), "999"),
            check=lambda folder, announced: "",
            now=lambda: datetime.now(UTC),
        )
        outcome = run.run()
    current = store.pointer().current
    if outcome.error is not None or current is None or current.release != release:
        raise SystemExit(f"the pass came to something else: {outcome.status.message}")
    store.good(release)  # so that a rollback finds it still here
    return origin.traffic


def office(folder: Path) -> tuple[Office, bytes]:
    """A publisher with fresh keys, root 2 of 3; and its first root."""
    roots = [CryptoSigner.generate_ed25519() for _ in range(3)]
    stable, snapshot, timestamp = (CryptoSigner.generate_ed25519() for _ in range(3))
    roles = Roles(
        root=tuple(each.public_key for each in roots),
        threshold=2,
        snapshot=(snapshot.public_key,),
        timestamp=(timestamp.public_key,),
        channels={"stable": (stable.public_key,)},
    )
    ring = KeyRing.of([*roots, stable, snapshot, timestamp])
    begun = draft.first(roles, datetime.now(UTC))
    draft.sign(begun, None, ring)
    files = begun.files()
    trust = verified((files["1.root.json"],), files["1.targets.json"])
    return Office(FolderStorage(folder), trust, ring), files["1.root.json"]


class _Quiet(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    folder.mkdir(exist_ok=True)
    handler = functools.partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def made(place: Path, size: Size) -> tuple[Path, Path]:
    """Two releases; the second shares the segment of the first."""
    old, new = place / "old", place / "new"
    segment, files = _segment(old, range(size.skus), size, seed=1)
    _finish(old, size, (segment,), files, seed=1)
    changed = range(0, size.skus, CHANGED)
    fresh, more = _segment(new, changed, size, seed=2)
    share(old, new, files)
    dead = np.zeros(size.skus, np.bool_)
    dead[::CHANGED] = True
    gone = file_entry(new, write_tombstones(new, segment, dead))
    _finish(new, size, (segment, fresh), (*files, *more, gone), seed=2)
    return old, new


def _segment(
    folder: Path, skus: range, size: Size, seed: int
) -> tuple[SegmentEntry, tuple[FileEntry, ...]]:
    random = np.random.default_rng(seed)
    records = [Record(f"SKU-{sku:08}", f"An article with the number {sku}", "") for sku in skus]

    def picture(record: Record) -> Material:
        vectors = unit(random.standard_normal((size.views, size.dimension)))
        thumbnail = jpeg(random, THUMBNAIL_BYTES)
        digest = hashlib.sha256(thumbnail).hexdigest()
        views = tuple(f"view {number}" for number in range(size.views))
        box = Box(10.0, 10.0, 200.0, 200.0)
        seen = noise(random, FEATURE_BYTES // POINT.itemsize) if size.details else None
        return Material(record.sku, "1.jpg", digest, "k", box, views, vectors, thumbnail, seen)

    queries = random.standard_normal((min(240, len(skus)), size.dimension)).astype(np.float16)
    pictures = map(picture, records)
    return write_segment(folder, records, pictures, queries=queries, details=size.details)


def _finish(
    folder: Path,
    size: Size,
    segments: Sequence[SegmentEntry],
    files: Sequence[FileEntry],
    seed: int,
) -> None:
    random = np.random.default_rng(seed)
    (folder / CALIBRATION).write_bytes(random.bytes(4000))
    (folder / GATE).write_bytes(random.bytes(6000))
    manifest = listed(
        segments,
        files,
        skus=size.skus,
        pictures=size.skus,
        views=size.views,
        dimension=size.dimension,
        model=ModelName("random", "1", "0" * 64),
    )
    written(folder, manifest, CALIBRATION, GATE)


if __name__ == "__main__":
    main()
