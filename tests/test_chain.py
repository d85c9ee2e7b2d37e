# SPDX-License-Identifier: Apache-2.0
"""The whole way round, by the commands that people type: from pictures at head office to a kiosk,
and from an item added on that kiosk back into the catalog of every other one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import tiny_models
from added_parts import Bench
from killed_process import LIFE_S, lines_of, running
from waiting import DEADLINE_S

from kiosk.additions import ADDITIONS_FILE, AdditionStore
from kiosk.catalog.manifest import read_manifest
from kiosk.catalog.records import Records
from kiosk.journal import JOURNAL_FILE, Journal
from kiosk.store import STORE_FOLDER, Store


class People:
    """Somebody at a terminal, in a folder of their own."""

    def __init__(self, folder: Path, models: Path) -> None:
        self.folder = folder
        self.models = models

    def types(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "kiosk", *words],
            cwd=self.folder,
            env={**os.environ, "KIOSK_KEYS_PASSPHRASE": "a pass phrase of some length"},
            capture_output=True,
            text=True,
            check=False,
            timeout=LIFE_S,
        )
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stdout

    def publishes(self) -> None:
        self.types("catalog", "build", "ws", "--models", str(self.models))
        keys = ("--trust", "trust", "--keys", "keys")
        self.types("catalog", "publish", "ws", "repository", "--channel", "stable", *keys)

    def syncs(self) -> str:
        return self.types("sync", "--from", "repository", "--state", "state", *self._options())

    def _options(self) -> tuple[str, ...]:
        return ("--set", f"models.directory={self.models}")


@pytest.fixture(scope="module")
def people(models: Path, tmp_path_factory: pytest.TempPathFactory) -> People:
    """A workshop of six SKUs, published; a kiosk that has got it."""
    made = People(tmp_path_factory.mktemp("chain"), models)
    for item in range(6):
        for shot in range(3):
            tiny_models.write_picture(
                made.folder / "pictures" / f"sku-{item}" / f"{shot}.png", item, shot
            )
    (made.folder / "state").mkdir()
    made.types("catalog", "init", "ws")
    made.types("catalog", "import", "ws", "pictures")
    said = made.types("keys", "init", "trust", "--make", "keys")
    (line,) = (line for line in said.splitlines() if line.startswith("fingerprint"))
    fingerprint = line.removeprefix("fingerprint").strip()
    made.publishes()
    made.types(
        *("sync", "enrol", "--from", "repository", "--state", "state"),
        *("--fingerprint", fingerprint),
    )
    made.syncs()
    return made


def release_of(people: People) -> Path:
    """What answers on the kiosk."""
    store = Store(people.folder / "state" / STORE_FOLDER)
    current = store.pointer().current
    assert current is not None
    return store.release(current)


def segments(release: Path) -> set[str]:
    return {path.name for path in (release / "segments").iterdir()}


def skus(release: Path) -> set[str]:
    opened = [Records.open(path) for path in sorted(release.glob("segments/*/records.sqlite"))]
    try:
        return {sku for records in opened for sku in records.skus}
    finally:
        for records in opened:
            records.close()


@contextmanager
def head_office(folder: Path) -> Iterator[str]:
    """The receiving end, for as long as the block lasts."""
    command = [sys.executable, "-m", "kiosk", "receive", "serve", "--port", "0"]
    with running(*command, cwd=folder, stdout=subprocess.PIPE) as server:
        yield lines_of(server, 1)[0].split()[3]
        server.send_signal(signal.SIGTERM)
        assert server.wait(DEADLINE_S) == os.EX_OK


def test_pictures_at_head_office_become_what_a_kiosk_answers_from(people: People) -> None:
    release = release_of(people)
    assert skus(release) == {f"sku-{item}" for item in range(6)}
    built = people.folder / "ws" / "releases"
    assert read_manifest(release).release in {
        read_manifest(folder).release for folder in built.iterdir()
    }
    people.types("catalog", "verify", str(release))


def test_an_item_added_on_a_kiosk_comes_back_to_every_kiosk_in_the_next_release(
    people: People,
) -> None:
    state = people.folder / "state"
    journal = Journal(state / JOURNAL_FILE, commit_s=0.01, keep_days=30)
    journal.start()
    bench = Bench(people.models, release_of(people), AdditionStore(state / ADDITIONS_FILE), journal)
    addition = bench.added("new")
    bench.close()
    journal.close()

    (people.folder / "token").write_text(people.types("receive", "token", "*"))
    with head_office(people.folder) as address:
        to = ("--set", f"upload.url={address}", "--set", f"upload.token_file={state.parent}/token")
        assert "1 entries sent" in people.types("upload", "--state", "state", *to)
        assert "0 entries sent" in people.types("upload", "--state", "state", *to)
    assert "1 new" in people.types("receive", "parcels", "parcels")
    (parcel,) = (people.folder / "parcels").iterdir()
    proposals = ("catalog", "proposals", "ws")
    assert "new" in people.types(*proposals, "import", str(parcel))
    people.types(*proposals, "accept", addition.addition_id[:8])
    people.publishes()
    known, shared = skus(release_of(people)), segments(release_of(people))
    people.syncs()
    assert skus(release_of(people)) - known == {"new"}
    assert shared < segments(release_of(people))
