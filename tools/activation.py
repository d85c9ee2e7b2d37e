# SPDX-License-Identifier: Apache-2.0
"""How long a release takes from the pointer to the first answer with a row of it: a running kiosk
on its rendered counter, and `kiosk sync` as a process of its own, as on a device.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kiosk.catalog.enrol import Enrolment
from kiosk.config import Config, StateConfig
from kiosk.models import load_models
from kiosk.publish import announce
from kiosk.publish.announce import Wish
from kiosk.service.service import Service
from kiosk.store import STORE_FOLDER, Store
from tools.made_up import Bare, unit
from tools.measure_sync import office

ASK_S = 0.01
LIMIT_S = 600.0
PICTURES_PER_SKU = 4
CHANGED = 0.01


class Asked(Service):
    """A kiosk that can be asked for a vector, beside what its camera shows."""

    def answer(self, query: NDArray[np.float32]) -> tuple[str, float]:
        """The release that answers, and the similarity of its best reference."""
        with self._slot.borrow() as snapshot:
            if snapshot is None:
                return "", 0.0
            return snapshot.release, snapshot.match(query, 1)[0].similarity


def activation(pictures: int) -> None:
    """Prints seconds, for a release in which 1 % of so many pictures is another."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        keys = [f"{at // PICTURES_PER_SKU} {at}" for at in range(pictures)]
        bare = Bare(Enrolment(*load_models(Config().models, Config().locate)), place)
        first = bare.write("first", [keys])
        chosen = np.random.default_rng(1).choice(pictures, round(CHANGED * pictures), replace=False)
        gone = np.zeros(pictures, np.bool_)
        gone[chosen] = True
        news = [f"{keys[at]} anew" for at in sorted(chosen.tolist())]
        second = bare.write("second", [keys, news], gone)
        head_office, root = office(place / "repository")
        (place / "root.json").write_bytes(root)
        announce.publish(head_office, place / "first", Wish("stable"))
        tested_s = _synced(place)
        print(
            f"first install of {first.references:,} references: self-test (with its index) and "
            f"activation {tested_s:.1f} s"
        )
        old, new = (
            unit(bare.result(key).vectors[0].astype(np.float32)).astype(np.float32)
            for key in (next(key for at, key in enumerate(keys) if not gone[at]), news[-1])
        )
        with _running(place) as service:
            opened_s = _until(service, old, first.release)
            print(f"the kiosk opened it and answered {opened_s:.1f} s after it began")
            print(f"similarity to a new row before: {service.answer(new)[1]:.2f}")
            announce.publish(head_office, place / "second", Wish("stable"))
            _second(service, place, new, second.release)


def _second(service: Asked, place: Path, query: NDArray[np.float32], release: str) -> None:
    """The next pass, and how the running kiosk takes it over."""
    pointed: list[float] = []
    store = Store(place / "state" / STORE_FOLDER)

    def watch() -> None:
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            current = store.pointer().current
            if current is not None and current.release == release:
                pointed.append(time.monotonic())
                return
            time.sleep(ASK_S / 2)

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    passing: list[float] = []
    syncing = threading.Thread(target=lambda: passing.append(_synced(place)), daemon=True)
    syncing.start()
    watching.join()
    _until(service, query, release)
    answered = time.monotonic()
    syncing.join()
    print(
        f"{CHANGED:.0%} changed: self-test and activation {passing[0]:.1f} s; a new row is found "
        f"{answered - pointed[0]:.2f} s after the pointer names its release"
    )


def _until(service: Asked, query: NDArray[np.float32], release: str) -> float:
    """Seconds until `release` answers with a row that is `query`."""
    begun = time.monotonic()
    while time.monotonic() - begun < LIMIT_S:
        found, similarity = service.answer(query)
        if found == release and similarity > 0.99:
            return time.monotonic() - begun
        time.sleep(ASK_S)
    raise SystemExit(f"release {release} did not answer within {LIMIT_S:.0f} s")


def _synced(place: Path) -> float:
    """`kiosk sync` from the repository; gives how long its self-test took, in seconds."""
    command = [sys.executable, "-m", "kiosk", "sync", "--from", str(place / "repository")]
    command += ["--state", str(place / "state"), "--set", f"sync.root={place / 'root.json'}"]
    begun = ended = 0.0
    said = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            said.append(line)
            if line.startswith("testing release"):
                begun = time.monotonic()
            elif begun and not ended:
                ended = time.monotonic()
    if child.returncode != 0 or not ended:
        raise SystemExit(f"kiosk sync failed: {''.join(said)}")
    return ended - begun


@contextmanager
def _running(place: Path) -> Iterator[Asked]:
    """A kiosk on the rendered counter, with its state there."""
    base = Config()
    config = replace(
        base,
        state=StateConfig(directory=str(place / "state")),
        camera=replace(base.camera, source="demo"),
        web=replace(base.web, port=0),
    )
    service = Asked(config)
    try:
        service.start()
        yield service
    finally:
        service.stop()
