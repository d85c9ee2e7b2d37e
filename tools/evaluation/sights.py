# SPDX-License-Identifier: Apache-2.0
"""What a picture shows before any catalog is asked: box, vector, local features, quality.

Seen once and kept in one SQLite file, by the content of the picture, what was done to it, the
models and what they see in a test picture: thresholds can then be tried again in seconds, and a run
that was stopped goes on where it was. What another program saw is never read: keys differ.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import kiosk
from kiosk import verify
from kiosk.values import Box, Detection, Embedding, Features, Pixels, Quality, Verified
from kiosk.vision.boxes import touches_edge
from kiosk.vision.decode import decode_picture, read_bytes
from kiosk.vision.embed import Embedder
from kiosk.vision.features import features, method
from kiosk.vision.locate import Locator, subject
from kiosk.vision.packed import pack, unpack
from kiosk.vision.quality import measure
from tools.evaluation.manifests import Picture

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sights(key TEXT PRIMARY KEY, body TEXT NOT NULL, embedding BLOB,
    features BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS qualities(key TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pairs(sight TEXT, picture TEXT, points INTEGER, coverage REAL,
    colour REAL, strength REAL, PRIMARY KEY(sight, picture)) WITHOUT ROWID;
"""
PRODUCT = Path(kiosk.__file__).parent
_COMMIT_EVERY_S = 2.0
_KEY = 32


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What one picture shows; its local features are fetched from `Sights` when needed."""

    key: str
    size: tuple[int, int]
    """Width, height in pixels."""
    box: Box | None = None
    """Of the item; None: nothing was found."""
    whole: bool = True
    """The item does not touch the edge of the picture."""
    embedding: Embedding | None = None


Change = Callable[[Pixels], Pixels]
"""What is done to a picture before it is looked at."""


class Eyes:
    """The stages of the kiosk that know no catalog, in its order and at its precision."""

    def __init__(self, models: tuple[Locator, Embedder]) -> None:
        self._locator, self._embedder = models
        self.name = _digest(
            json.dumps([model.card.body for model in models], sort_keys=True, default=str),
            repr(self._locator.config),
            method(),
            self._fingerprint(),
        )
        """Names everything that shapes what is seen."""

    def _fingerprint(self) -> str:
        """What the stages make of a made-up picture: other code that sees the same is the same."""
        random = np.random.default_rng(0)
        coarse = random.integers(0, 256, (12, 16, 3), np.uint8)
        pixels = np.repeat(np.repeat(coarse, 32, axis=0), 32, axis=1)
        pixels[130:200, 180:280] = random.integers(0, 256, (70, 100, 3), np.uint8)
        found = [str(self._locator.locate(pixels))]
        for box in (Box(180, 130, 280, 200), Box(0.5, 20.5, 500.5, 380.5)):
            found.append(str(self._locator.refined(pixels, Detection(box, 1.0)).box))
            vector = self._embedder.embed([self._embedder.crop(pixels, box)])[0]
            found += [vector.astype(np.float16).tobytes().hex(), pack(features(pixels, box)).hex()]
        return _digest(*found)

    def see(self, pixels: Pixels, key: str) -> tuple[Seen, Features | None]:
        """Look at a BGR uint8 (H, W, 3) picture."""
        height, width = pixels.shape[:2]
        item = subject(self._locator.locate(pixels), width, height)
        if item is None:
            return Seen(key, (width, height)), None
        box = self._locator.refined(pixels, item).box
        vector = self._embedder.embed([self._embedder.crop(pixels, box)])[0]
        seen = Seen(
            key=key,
            size=(width, height),
            box=box,
            whole=not touches_edge(box, width, height),
            # At the precision in which the kiosk keeps it and a replay sees it.
            embedding=vector.astype(np.float16).astype(np.float32),
        )
        return seen, features(pixels, box)


class Sights:
    """Kept sights and kept comparisons. Use `opened`."""

    def __init__(self, connection: sqlite3.Connection, eyes: Eyes) -> None:
        self._connection = connection
        self._eyes = eyes
        self._committed_s = time.monotonic()

    def of(self, picture: Picture, change: Change | None = None, name: str = "") -> Seen:
        """What `picture` shows after `change`, which `name` names with all its settings.

        Raises ImageError when the picture cannot be read.
        """
        data = read_bytes(picture.path, picture.name)
        key = _digest(hashlib.sha256(data).hexdigest(), name, self._eyes.name)
        kept = self._kept(key)
        if kept is not None:
            return kept
        pixels = decode_picture(data, picture.name)
        seen, found = self._eyes.see(pixels if change is None else change(pixels), key)
        self._keep(seen, found)
        return seen

    def features(self, seen: Seen) -> Features:
        """Local features of the item that was seen."""
        row = self._connection.execute("SELECT features FROM sights WHERE key = ?", (seen.key,))
        return unpack(row.fetchone()[0])[0]

    def pairs(self, seen: Seen) -> dict[str, Verified]:
        """Comparisons with catalog pictures that are kept, by the picture's name."""
        rows = self._connection.execute(
            "SELECT picture, points, coverage, colour, strength FROM pairs WHERE sight = ?",
            (seen.key,),
        )
        return {name: Verified(*numbers) for name, *numbers in rows}

    def keep_pairs(self, seen: Seen, found: Iterable[tuple[str, Verified]]) -> None:
        self._connection.executemany(
            "INSERT OR REPLACE INTO pairs VALUES(?,?,?,?,?,?)",
            [(seen.key, name, *dataclasses.astuple(one)) for name, one in found],
        )
        self._commit()

    def quality(self, seen: Seen, picture: Picture, change: Change) -> Quality | None:
        """How well the item is seen; `seen` is what `picture` shows after `change`."""
        if seen.box is None:
            return None
        key = _digest(seen.key, code_of(PRODUCT / "vision", "quality"))
        row = self._connection.execute("SELECT body FROM qualities WHERE key = ?", (key,))
        kept = row.fetchone()
        if kept is not None:
            return Quality(**json.loads(kept[0]))
        pixels = decode_picture(read_bytes(picture.path, picture.name), picture.name)
        quality = measure(change(pixels), seen.box)
        body = json.dumps(dataclasses.asdict(quality))
        self._connection.execute("INSERT OR REPLACE INTO qualities VALUES(?,?)", (key, body))
        self._commit()
        return quality

    def _kept(self, key: str) -> Seen | None:
        row = self._connection.execute(
            "SELECT body, embedding FROM sights WHERE key = ?", (key,)
        ).fetchone()
        if row is None:
            return None
        body: dict[str, Any] = json.loads(row[0])
        size = (int(body["size"][0]), int(body["size"][1]))
        if row[1] is None:
            return Seen(key, size)
        vector = np.frombuffer(row[1], np.float32)
        return Seen(key, size, Box(*body["box"]), bool(body["whole"]), vector)

    def _keep(self, seen: Seen, found: Features | None) -> None:
        box = seen.box
        body = {
            "size": seen.size,
            "box": None if box is None else [box.x1, box.y1, box.x2, box.y2],
            "whole": seen.whole,
        }
        vector = None if seen.embedding is None else seen.embedding.tobytes()
        self._connection.execute(
            "INSERT OR REPLACE INTO sights VALUES(?,?,?,?)",
            (seen.key, json.dumps(body), vector, None if found is None else pack(found)),
        )
        self._commit()

    def _commit(self) -> None:
        """Now and then: a kill loses two seconds of work."""
        now = time.monotonic()
        if now - self._committed_s >= _COMMIT_EVERY_S:
            self._connection.commit()
            self._committed_s = now


@contextmanager
def opened(path: Path, models: tuple[Locator, Embedder]) -> Iterator[Sights]:
    """The kept sights in the file `path`, which is made when it is not there."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.executescript(_SCHEMA)
        try:
            yield Sights(connection, Eyes(models))
        finally:
            connection.commit()


def picture_name(reference: Features) -> str:
    """Names a catalog picture by what a comparison sees of it, and how it compares."""
    return _digest(
        hashlib.sha256(pack(reference)).hexdigest(), verify.method(), code_of(PRODUCT / "verify")
    )


def code_of(folder: Path, *names: str) -> str:
    """Names the source of these modules of a folder, or of all: what they make is kept only as long
    as they stay.
    """
    paths = [folder / f"{name}.py" for name in names] or sorted(folder.glob("*.py"))
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:_KEY]
