# SPDX-License-Identifier: Apache-2.0
"""Workshops under several processes at once, kills, full disks, and a server that goes away."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from import_parts import picture_files
from killed_process import LIFE_S, codes, forked
from postgres_server import PostgresServer, running_server
from tiny_models import open_models, write_picture
from waiting import until

from kiosk.catalog.build import build
from kiosk.errors import BusyError, StateError, WorkshopUnreachable
from kiosk.workshop import postgres as in_postgres
from kiosk.workshop import rows
from kiosk.workshop import sqlite as in_sqlite
from kiosk.workshop.adding import add
from kiosk.workshop.changes import Change, Picture, PutPicture, PutSku, RemovePicture, Result
from kiosk.workshop.database import Database, Row, Session, T
from kiosk.workshop.folder import init, workshop
from kiosk.workshop.pictures import Pictures
from kiosk.workshop.repository import Note, Repository, Step
from kiosk.workshop.sql import SqlRepository

A, B = "a" * 64, "b" * 64
Opened = Callable[[], Database]
Fresh = Callable[[], Opened]


@pytest.fixture(params=["sqlite", "postgres"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Fresh:
    """Makes one more database; what it gives opens that in whichever process calls it."""
    numbers = count()
    if request.param == "sqlite":

        def in_file() -> Opened:
            path = tmp_path / f"{next(numbers)}.sqlite"
            in_sqlite.create(path)
            return lambda: in_sqlite.SqliteDatabase(path)

        return in_file
    address = request.getfixturevalue("postgres").database()

    def on_server() -> Opened:
        name = f"toys{next(numbers)}"
        in_postgres.create(address, name)
        return lambda: in_postgres.PostgresDatabase(address, name)

    return on_server


@pytest.fixture
def opened(fresh: Fresh) -> Opened:
    return fresh()


def keys(database: Database) -> list[tuple[str, str]]:
    with closing(SqlRepository(database)) as repository, repository.reading() as reading:
        return [(picture.sku, picture.name) for picture in reading.pictures()]


class Killed:
    """A database whose process is killed when it comes to statement number `at`."""

    def __init__(self, inner: Database, at: int) -> None:
        self._inner = inner
        self._at = at
        self.statements = 0

    def write(self, work: Callable[[Session], T]) -> T:
        def counted(session: Session) -> T:
            result = work(_Counting(session, self))
            self.count()  # everything is written, nothing is committed
            return result

        return self._inner.write(counted)

    def reading(self) -> AbstractContextManager[Session]:
        return self._inner.reading()

    def close(self) -> None:
        self._inner.close()

    def count(self) -> None:
        self.statements += 1
        if self.statements == self._at:
            os.kill(os.getpid(), signal.SIGKILL)


class _Counting:
    def __init__(self, inner: Session, killed: Killed) -> None:
        self._inner = inner
        self._killed = killed

    def rows(self, statement: str, *values: Any) -> list[Row]:
        self._killed.count()
        return self._inner.rows(statement, *values)

    def many(self, statement: str, rows: Iterable[Row]) -> None:
        self._killed.count()
        self._inner.many(statement, rows)

    def stream(self, statement: str, *values: Any) -> Iterator[Row]:
        return self._inner.stream(statement, *values)


LINES = 12
AT_ONCE = 6


def line(number: int) -> list[Change]:
    """Line `number` of an import: every third takes the picture of the line before away."""
    if number % 3 == 0:
        return [RemovePicture(f"s{(number - 1) % 4}", f"{number - 1}")]
    sku = f"s{number % 4}"
    return [PutSku(sku, f"Name {number}"), PutPicture(Picture(sku, f"{number}", A))]


def run_import(repository: Repository) -> None:
    job = repository.begin_import("csv:abc", "list.csv")
    while job.next_line <= LINES:
        to_line = min(job.next_line + AT_ONCE, LINES + 1)
        batch = [change for n in range(job.next_line, to_line) for change in line(n)]
        repository.apply(batch, step=Step(job.job_id, job.next_line, to_line))
        job = repository.begin_import("csv:abc", "list.csv")
    repository.finish_import(job.job_id, Note("import", "list.csv", "", tuple(job.counts.items())))


def killed_import(opened: Opened, statement: int) -> int:
    """Kill an import at a statement, let another process finish it; how the first one ended."""
    (code,) = codes(lambda: run_import(SqlRepository(Killed(opened(), statement))))
    if code:
        with closing(SqlRepository(opened())) as repository:
            run_import(repository)
    return code


def test_an_import_killed_at_any_statement_goes_on_without_loss_or_doubles(
    fresh: Fresh, request: pytest.FixtureRequest
) -> None:
    # On a server a transaction is the server's own: every fifth moment will do.
    stride = 5 if request.node.callspec.params["fresh"] == "postgres" else 1
    expected = sorted((f"s{n % 4}", f"{n}") for n in range(1, LINES + 1) if n % 3 == 1)
    for statement in count(1, stride):
        opened = fresh()
        code = killed_import(opened, statement)
        assert keys(opened()) == expected
        with closing(SqlRepository(opened())) as repository:
            told = [dict(event.note.figures) for event in repository.history()]
            with repository.reading() as reading:
                names = {sku.record.sku: sku.record.name for sku in reading.skus()}
        assert names == {"s0": "Name 8", "s1": "Name 5", "s2": "Name 10", "s3": "Name 11"}
        # Killed after all was done: then the second process has imported the file once more.
        again = {"added": 4, "unchanged": 4, "removed": 4, "sku_replaced": 8}
        once = {"added": 8, "removed": 4, "sku_added": 4, "sku_replaced": 4}
        assert told in ([once], [again, once])
        if code == 0:
            break
        assert code == -signal.SIGKILL
    assert statement > 20


def test_a_process_killed_before_its_first_step_has_changed_nothing(opened: Opened) -> None:
    def killed() -> None:
        SqlRepository(Killed(opened(), 3)).apply([PutSku("a"), PutSku("b")], note=Note("add", "a"))

    assert codes(killed) == [-signal.SIGKILL]
    with closing(SqlRepository(opened())) as repository, repository.reading() as reading:
        assert (reading.counts(), reading.seq, repository.history()) == ((0, 0), 0, [])


def test_two_imports_at_once_give_the_union_of_both(opened: Opened) -> None:
    def importing(mark: str) -> Callable[[], None]:
        def work() -> None:
            with closing(SqlRepository(opened())) as repository:
                for n in range(30):
                    some = [Picture("both", f"{mark}{n}-{k}", A) for k in range(5)]
                    repository.apply([*map(PutPicture, some), PutSku(f"{mark}{n}")])

        return work

    assert codes(*map(importing, "xyz")) == [0, 0, 0]
    assert len(keys(opened())) == 3 * 30 * 5
    with closing(SqlRepository(opened())) as repository, repository.reading() as reading:
        assert reading.counts() == (1 + 3 * 30, 3 * 30 * 5)
        assert reading.seq == 3 * 30


def test_two_processes_with_the_same_import_do_each_line_once(opened: Opened) -> None:
    def work() -> None:
        with closing(SqlRepository(opened())) as repository:
            try:
                run_import(repository)
            except BusyError:
                os._exit(7)

    found = set(codes(work, work, work))
    assert 0 in found and found <= {0, 7}
    with closing(SqlRepository(opened())) as repository:
        for event in repository.history():
            assert sum(v for k, v in event.note.figures if not k.startswith("sku")) == LINES


def test_a_reader_sees_whole_batches_only(opened: Opened) -> None:
    def writing() -> None:
        with closing(SqlRepository(opened())) as repository:
            for n in range(20):
                sha256 = A if n % 2 else B
                repository.apply([PutPicture(Picture("a", f"{k}", sha256)) for k in range(50)])

    with forked(writing) as child, closing(SqlRepository(opened())) as repository:
        done = False
        while not done:
            done = child.ended()
            with repository.reading() as reading:
                kinds = {picture.sha256 for picture in reading.pictures()}
                assert len(kinds) == (1 if reading.seq else 0)


def limited(most_bytes: int, work: Callable[[], None]) -> Callable[[], None]:
    """`work` on a disk that takes no file larger than that."""

    def run() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
        work()

    return run


def test_a_full_disk_leaves_the_workshop_as_it_was_and_is_told(tmp_path: Path) -> None:
    path = tmp_path / "workshop.sqlite"
    in_sqlite.create(path)
    with closing(SqlRepository(in_sqlite.SqliteDatabase(path))) as repository:
        repository.apply([PutPicture(Picture("a", "1", A))])

    def work() -> None:
        many = [PutPicture(Picture("b", f"{n}", A, custom="x" * 2000)) for n in range(500)]
        repository = SqlRepository(in_sqlite.SqliteDatabase(path))
        with pytest.raises(StateError, match="free space"):
            repository.apply([PutSku("a", "Ape"), *many])
        # What fits is still taken, by the same process.
        assert repository.apply([PutPicture(Picture("a", "2", A))]) == (Result.ADDED,)

    assert codes(limited(300_000, work)) == [0]
    assert keys(in_sqlite.SqliteDatabase(path)) == [("a", "1"), ("a", "2")]


def test_a_full_disk_leaves_no_piece_of_a_picture(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()

    def work() -> None:
        pictures = Pictures(folder)
        with pytest.raises(StateError, match="free space"):
            pictures.keep(b"x" * 20_000, A)

    assert codes(limited(10_000, work)) == [0]
    assert not picture_files(folder)


STORING = """
import os, sys
from pathlib import Path
from kiosk.workshop.changes import Picture, PutPicture
from kiosk.workshop.folder import workshop
with workshop(Path(sys.argv[1])) as shop:
    for number in range(int(sys.argv[2])):
        shop.pictures.keep(b"%d" % number, f"{number:064x}")
    shop.pictures.settle()
    shop.repository.apply([PutPicture(Picture("a", "1", "0" * 64))])
    os._exit(0)  # what closing would sync is not what counts
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="apt-get install strace")
@pytest.mark.parametrize("pictures", [1, 40])
def test_pictures_are_on_the_disk_before_they_get_their_names_and_rows(
    tmp_path: Path, pictures: int
) -> None:
    init(tmp_path / "shop")
    calls = "trace=rename,renameat,renameat2,fsync,fdatasync,syncfs,pwrite64"
    seen = tmp_path / "seen"
    whole = ["strace", "-f", "-y", "-e", calls, "-o", str(seen), sys.executable, "-c", STORING]
    shop = str(tmp_path / "shop")
    subprocess.run([*whole, shop, str(pictures)], check=True, timeout=LIFE_S)
    told = seen.read_text().splitlines()

    def places(*texts: str) -> list[int]:
        return [n for n, line in enumerate(told) if all(text in line for text in texts)]

    renamed = places("rename", "/pictures/")
    assert len(renamed) == pictures
    before = places("fsync(", "/pictures/.incoming/0000") if pictures == 1 else places("syncfs(")
    after = places("fsync(", "/pictures/00>")
    rows = places("pwrite64", "workshop.sqlite-wal")
    committed = places("sync(", "workshop.sqlite-wal")
    assert before[0] < renamed[0] <= renamed[-1] < after[-1] < rows[0]
    assert rows[-1] < committed[-1]


def test_pictures_that_vanish_or_change_cost_only_themselves(tmp_path: Path, models: Path) -> None:
    init(tmp_path / "shop")
    with workshop(tmp_path / "shop") as shop:
        for item in range(4):
            write_picture(tmp_path / f"{item}.png", item, 0)
            add(shop, PutSku(f"s{item}"), [tmp_path / f"{item}.png"], Picture("", "", ""))
        with shop.repository.reading() as reading:
            kept = [shop.pictures.path(picture.sha256) for picture in reading.pictures()]
        kept[0].unlink()
        kept[1].write_bytes(kept[2].read_bytes())
        locator, embedder = open_models(models)
        with shop.source() as (source, _):
            report = build(source, shop.releases / "r", locator=locator, embedder=embedder)
    assert report.enrolled == 2
    failed = {one.name: one.code for one in report.failed}
    assert failed == {"s0/0.png": "Unreadable", "s1/1.png": "Changed"}


@pytest.fixture
def address(postgres: PostgresServer) -> str:
    made = postgres.database()
    in_postgres.create(made, "toys")
    return made


def test_a_connection_that_is_cut_in_the_middle_of_a_batch_undoes_the_batch(address: str) -> None:
    class Cut(Killed):
        def count(self) -> None:
            self.statements += 1
            if self.statements == self._at:
                with psycopg.connect(address, autocommit=True) as other:
                    other.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )

    for at in count(1):
        database = Cut(in_postgres.PostgresDatabase(address, "toys"), at)
        with closing(SqlRepository(database)) as repository:
            before = keys(in_postgres.PostgresDatabase(address, "toys"))
            try:
                repository.apply([PutPicture(Picture("a", f"{at}", A)), PutSku("a", f"{at}")])
                break
            except WorkshopUnreachable as error:
                assert "run the same command again" in str(error)
            assert keys(in_postgres.PostgresDatabase(address, "toys")) == before
            # The same object goes on with a connection of its own.
            put = PutPicture(Picture("b", f"{at}", A))
            assert repository.apply([put]) == (Result.ADDED,)
    assert at > 5


def test_a_server_looks_up_what_a_batch_touches_and_never_reads_a_whole_table(address: str) -> None:
    database = in_postgres.PostgresDatabase(address, "toys")
    with closing(SqlRepository(database)) as repository:
        repository.apply([PutPicture(Picture(f"s{n // 5}", f"{n}", A)) for n in range(3000)])
        keys = [text for n in range(400) for text in (f"s{n // 5}", f"{n}")]
        with database.reading() as session:
            plan = session.rows(f"EXPLAIN {rows.pictures_named(400)}", *keys)
    assert any("Index Scan using pictures_pkey" in step for (step,) in plan)
    assert not any("Seq Scan on pictures" in step for (step,) in plan)


def test_a_deadlock_with_somebody_else_is_tried_again(address: str) -> None:
    with closing(SqlRepository(in_postgres.PostgresDatabase(address, "toys"))) as repository:
        repository.apply([PutSku("a")])

    def work() -> None:
        with closing(SqlRepository(in_postgres.PostgresDatabase(address, "toys"))) as repository:
            assert repository.apply([PutSku("a", "Ape")]) == (Result.REPLACED,)

    with psycopg.connect(address) as other:
        # Of two that wait for each other, the one that looks first gives way: not this one.
        other.execute("SET deadlock_timeout = '60s'")
        other.execute("SELECT * FROM kiosk_toys.skus FOR UPDATE")
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        with forked(work) as child:
            with psycopg.connect(address, autocommit=True) as looking:
                until(lambda: looking.execute(waits).fetchall() != [(0,)], "a lock waited for")
            other.execute("UPDATE kiosk_toys.state SET seq = seq")
            other.commit()
            assert child.code() == 0


def test_a_server_that_restarts_is_found_again() -> None:
    with running_server() as server:
        made = server.database()
        in_postgres.create(made, "toys")
        with closing(SqlRepository(in_postgres.PostgresDatabase(made, "toys"))) as repository:
            job = repository.begin_import("csv:abc", "list.csv")
            repository.apply([PutSku("a")], step=Step(job.job_id, 1, 2))
            server.stop()
            for _ in range(2):
                with pytest.raises(WorkshopUnreachable):
                    repository.apply([PutSku("b")], step=Step(job.job_id, 2, 3))
            server.start()
            assert repository.begin_import("csv:abc", "list.csv").next_line == 2
            repository.apply([PutSku("b")], step=Step(job.job_id, 2, 3))
            with repository.reading() as reading:
                assert [sku.record.sku for sku in reading.skus()] == ["a", "b"]


def test_two_people_make_the_same_workshop_at_once(postgres: PostgresServer) -> None:
    made = postgres.database()
    assert codes(*[lambda: in_postgres.create(made, "toys")] * 4) == [0] * 4
    assert keys(in_postgres.PostgresDatabase(made, "toys")) == []
