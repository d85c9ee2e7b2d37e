# SPDX-License-Identifier: Apache-2.0
"""The folder of a workshop: which database it has, its pictures, results kept, releases built.

`workshop.toml` is written last and makes a folder a workshop; a making that was cut short is
finished by making it again.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from kiosk.catalog.manifest import NAME as RELEASE_MANIFEST
from kiosk.catalog.sources import Source
from kiosk.durable import sync, write_durably
from kiosk.errors import StateError, WorkshopError
from kiosk.workshop import source, sqlite
from kiosk.workshop.pictures import Pictures
from kiosk.workshop.repository import Repository
from kiosk.workshop.sql import SqlRepository
from kiosk.workshop.sqlite import WORKSHOP_FILE

SETTINGS = "workshop.toml"
PICTURES, RELEASES, CACHE = "pictures", "releases", "cache.sqlite"
DEFAULT_NAME = "catalog"
_FORMAT = 1
_NAME = re.compile("[a-z][a-z0-9_]{0,39}")
_OWN = {PICTURES, RELEASES, CACHE, SETTINGS, f".{SETTINGS}.new", WORKSHOP_FILE}
_OWN |= {f"{name}-{kind}" for name in (WORKSHOP_FILE, CACHE) for kind in ("wal", "shm", "journal")}


@dataclass(frozen=True, slots=True)
class Settings:
    name: str = DEFAULT_NAME
    """Of the catalog: several may lie in one PostgreSQL database."""
    database: str = ""
    """`postgresql://…` without a password; empty: `workshop.sqlite` in the folder."""
    pictures: str = PICTURES
    """Folder of the pictures, relative to the workshop or absolute, such as a shared disk."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """An open workshop. Use `workshop`, or close its `repository` and its `pictures`; a later call
    opens either again.
    """

    folder: Path
    settings: Settings
    repository: Repository
    pictures: Pictures

    @property
    def cache(self) -> Path:
        """The file that keeps the results of builds."""
        return self.folder / CACHE

    @property
    def releases(self) -> Path:
        """The folder that releases are built into."""
        return self.folder / RELEASES

    @contextmanager
    def source(self) -> Iterator[tuple[Source, int]]:
        """What is to be built, and the number (`seq`) of the contents it is; for `Built`.

        No connection to the database is held meanwhile: a build may take hours.
        """
        with ExitStack() as stack:
            stack.enter_context(self.pictures.held())
            with self.repository.reading() as reading:
                copied = source.frozen(reading, self.pictures, self.folder)
                made, number = stack.enter_context(copied), reading.seq
            self.repository.close()  # the next call opens it again
            yield made, number

    def last_release(self) -> Path:
        """The folder of the newest release that is still there. Raises WorkshopError."""
        for built in self.repository.releases():
            folder = self.releases / built.folder
            if (folder / RELEASE_MANIFEST).is_file():
                return folder
        raise WorkshopError(
            f"{self.folder}: no release of it was built, or none is there any more; run "
            f"`kiosk catalog build {self.folder}` first"
        )


def is_workshop(folder: Path) -> bool:
    return (folder / SETTINGS).is_file()


def init(folder: Path, settings: Settings = Settings()) -> bool:
    """Make a workshop; False: there is one already, with the same settings.

    Raises WorkshopError when the folder is something else, or the database does not answer;
    StateError when the disk refuses. Then the same call may be made again.
    """
    _check(settings)
    if is_workshop(folder):
        there = _read(folder)
        if there == settings:
            return False
        raise WorkshopError(
            f"{folder}: is a workshop already, with other settings (catalog {there.name!r}, "
            f"database {there.database or WORKSHOP_FILE}); choose another folder"
        )
    try:
        if folder.exists() and (not folder.is_dir() or _foreign(folder)):
            raise WorkshopError(f"{folder}: holds something else; choose a new or empty folder")
        for made in (folder, folder / RELEASES, folder / settings.pictures):
            made.mkdir(parents=True, exist_ok=True)
        _create(folder, settings)
        with closing(_repository(folder, settings)) as repository:
            _pictures(folder, settings, repository).register()
        sync(folder.parent)
        write_durably(folder / SETTINGS, _written(settings).encode())
    except OSError as error:
        raise StateError(
            f"{folder}: cannot be made ({error.strerror}); free space or choose a folder that may "
            "be written"
        ) from error
    return True


@contextmanager
def workshop(folder: Path) -> Iterator[Workshop]:
    """Open a workshop for the length of a block. Raises WorkshopError."""
    opened = open_workshop(folder)
    try:
        yield opened
    finally:
        opened.pictures.close()
        opened.repository.close()


def open_workshop(folder: Path) -> Workshop:
    """Open a workshop, for one thread. Raises WorkshopError saying what to do."""
    if not is_workshop(folder):
        raise WorkshopError(
            f"{folder}: is no workshop; make one with `kiosk catalog init {folder}`"
        )
    settings = _read(folder)
    pictures = folder / settings.pictures
    if not pictures.is_dir():
        raise WorkshopError(
            f"{pictures}: the pictures of the workshop are missing; mount or restore that folder"
        )
    repository = _repository(folder, settings)
    return Workshop(folder, settings, repository, _pictures(folder, settings, repository))


def _check(settings: Settings) -> None:
    if not _NAME.fullmatch(settings.name):
        raise WorkshopError(
            f"{settings.name!r} cannot be the name of a catalog; use a to z, 0 to 9 and _, at most "
            "40, beginning with a letter"
        )
    if settings.database:
        _postgres().check_address(settings.database)


def _foreign(folder: Path) -> bool:
    """Something lies in it that no making of a workshop has left."""
    return any(path.name not in _OWN for path in folder.iterdir())


def _create(folder: Path, settings: Settings) -> None:
    if not settings.database:
        sqlite.create(folder / WORKSHOP_FILE)
        return
    _postgres().create(settings.database, settings.name)


def _repository(folder: Path, settings: Settings) -> Repository:
    if not settings.database:
        return SqlRepository(sqlite.SqliteDatabase(folder / WORKSHOP_FILE))
    return SqlRepository(_postgres().PostgresDatabase(settings.database, settings.name))


def _pictures(folder: Path, settings: Settings, repository: Repository) -> Pictures:
    where = settings.database or (folder / WORKSHOP_FILE).resolve()
    words = f"catalog {settings.name!r} in {where}"
    return Pictures(folder / settings.pictures, lambda: (repository.identity(), words))


def _postgres() -> ModuleType:
    """`kiosk.workshop.postgres`; its driver is installed only where somebody wants it."""
    try:
        from kiosk.workshop import postgres
    except ImportError as error:
        raise WorkshopError(
            f"a workshop in PostgreSQL needs its driver ({error}); install `sku-kiosk[office]`"
        ) from error
    return postgres


def _written(settings: Settings) -> str:
    values = {"name": settings.name, "database": settings.database, "pictures": settings.pictures}
    lines = [f"{name} = {_quoted(value)}" for name, value in values.items()]
    return "\n".join(["# A workshop of `kiosk catalog`.", f"format = {_FORMAT}", *lines, ""])


def _quoted(text: str) -> str:
    """A basic string of TOML."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in escaped) + '"'


def _read(folder: Path) -> Settings:
    path = folder / SETTINGS
    try:
        body = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WorkshopError(f"{path}: cannot be read ({error}); restore it") from error
    known = {"name", "database", "pictures"}
    if body.get("format") != _FORMAT:
        raise WorkshopError(
            f"{path}: has format {body.get('format')!r}, this kiosk knows {_FORMAT}; use the "
            "version that wrote it"
        )
    values = {name: body.get(name) for name in known}
    if set(body) - known - {"format"} or not all(isinstance(v, str) for v in values.values()):
        raise WorkshopError(f"{path}: needs the texts {', '.join(sorted(known))}; restore it")
    return Settings(**{name: str(value) for name, value in values.items()})
