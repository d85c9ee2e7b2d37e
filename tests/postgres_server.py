# SPDX-License-Identifier: Apache-2.0
"""A real PostgreSQL server on a Unix socket, made for a test run and gone with it.

`initdb` and `postgres` refuse to run as root: then they run as `nobody`. Where the programs are
missing, tests that need them are skipped and say which package to install.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from killed_process import LIFE_S

MISSING = "needs PostgreSQL: apt-get install postgresql"
_QUICK = ("fsync=off", "full_page_writes=off", "max_connections=50", "shared_buffers=16MB")
START_S = "120"
_names = count()


def programs() -> Path | None:
    """Where initdb, pg_ctl and postgres lie: Debian keeps them out of PATH."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: place.parent.name)
    on_path = shutil.which("pg_ctl")
    places += [Path(on_path).resolve().parent] if on_path else []
    whole = [place for place in places if (place / "initdb").exists()]
    return whole[-1] if whole else None


class PostgresServer:
    """A server that is running; `stop` and `start` it as a test needs."""

    def __init__(self, folder: Path, bin_folder: Path) -> None:
        self.folder = folder
        self._bin = bin_folder
        self._data = folder / "data"

    def database(self) -> str:
        """The address of a new, empty database that sorts as people do: `a` before `B`."""
        name = f"test_{next(_names)}"
        sorted_by = "LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C'"
        self.sql(f"CREATE DATABASE {name} ENCODING 'UTF8' {sorted_by} TEMPLATE template0")
        return f"postgresql:///{name}?host={self.folder}&user=tester"

    def sql(self, statement: str, database: str = "postgres") -> str:
        """What psql answers, unaligned."""
        call = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U", "tester"]
        return self._run(*call, "-d", database, "-c", statement)

    def make(self) -> None:
        how = ("-A", "trust", "-E", "UTF8", "--no-locale", "-N")  # whatever the terminal speaks
        self._run("initdb", "-D", self._data, "-U", "tester", *how)
        settings = [f"unix_socket_directories = '{self.folder}'", "listen_addresses = ''"]
        (self._data / "postgresql.auto.conf").write_text("\n".join([*settings, *_QUICK, ""]))

    def start(self) -> None:
        log = self.folder / "log"
        self._run("pg_ctl", "-D", self._data, "-l", log, "-w", "-t", START_S, "start")

    def stop(self) -> None:
        """As when the machine is shut down: connections are cut."""
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")

    @property
    def running(self) -> bool:
        return (self._data / "postmaster.pid").exists()

    def _run(self, program: str, *arguments: str | Path) -> str:
        call = [str(self._bin / program), *map(str, arguments)]
        who: dict[str, Any] = {}
        if os.geteuid() == 0:
            who = {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": ()}
        # pg_ctl's server keeps what it inherits open: a pipe would never end.
        with tempfile.TemporaryFile() as said:
            done = subprocess.run(
                call, stdout=said, stderr=said, cwd=self.folder, timeout=LIFE_S, **who
            )
            said.seek(0)
            text = said.read().decode(errors="replace")
        assert done.returncode == 0, f"{' '.join(call)}\n{text}"
        return text.strip()


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """A server of its own; skips the test where PostgreSQL is missing."""
    bin_folder = programs()
    if bin_folder is None:
        pytest.skip(MISSING)
    # Not pytest's folder: it is closed to `nobody`, and a socket's path has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="kiosk-pg-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody")
        server = PostgresServer(folder, bin_folder)
        server.make()
        try:
            server.start()
            yield server
        finally:
            if server.running:
                server.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One server for all tests that leave it running; each takes a `database()` of its own."""
    with running_server() as server:
        yield server
