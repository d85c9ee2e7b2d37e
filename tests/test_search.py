# SPDX-License-Identifier: Apache-2.0
"""Real Annoy files, damaged the way disks and power cuts damage them."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kiosk.config import SearchConfig
from kiosk.errors import EmbeddingError, IndexFault
from kiosk.search import ExactIndex, OpenIndex, Rows, open_index
from kiosk.search.annoy_index import SUFFIXES, AnnoyFile, read_sidecar
from kiosk.search.exact import best_rows

CONFIG = SearchConfig()
DIMENSION = 32


def unit(rows: NDArray[np.floating]) -> NDArray[np.float16]:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


def opened(vectors: NDArray[np.float16], directory: Path) -> OpenIndex:
    rows = Rows.of(vectors, "r1")
    return open_index(rows, np.ones(len(rows), np.bool_), directory, config=CONFIG)


def the(directory: Path, suffix: str) -> Path:
    """The file of the only index there."""
    (path,) = directory.glob(f"*{suffix}")
    return path


@pytest.fixture(scope="module")
def vectors() -> NDArray[np.float16]:
    random = np.random.default_rng(5)
    centres = np.repeat(random.standard_normal((100, DIMENSION)), 20, axis=0)
    return unit(centres + 0.7 * random.standard_normal(centres.shape))


@pytest.fixture(scope="module")
def built(vectors: NDArray[np.float16], tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("index")
    opened(vectors, directory).close()
    return directory


@pytest.fixture
def directory(built: Path, tmp_path: Path) -> Path:
    for suffix in SUFFIXES:
        path = the(built, suffix)
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def query(vectors: NDArray[np.float16], row: int) -> NDArray[np.float32]:
    wide = vectors[row].astype(np.float32)
    return np.asarray(wide / np.linalg.norm(wide), np.float32)


def test_a_reference_finds_itself_with_similarity_one(
    vectors: NDArray[np.float16], directory: Path
) -> None:
    index = opened(vectors, directory)
    assert index.name == "annoy"
    for row in (0, 777, 1999):
        found = index.search(query(vectors, row), 10)
        assert found[0].reference == row
        assert found[0].similarity == pytest.approx(1.0, abs=2e-3)
        similarities = [each.similarity for each in found]
        assert similarities == sorted(similarities, reverse=True)
    index.close()


def test_annoy_and_exact_agree_on_neighbours_and_similarities(
    vectors: NDArray[np.float16], directory: Path
) -> None:
    annoy = opened(vectors, directory)
    exact = ExactIndex(Rows.of(vectors))
    same = 0
    for row in range(0, 2000, 40):
        near, true = annoy.search(query(vectors, row), 10), exact.search(query(vectors, row), 10)
        same += len({n.reference for n in near} & {n.reference for n in true})
        assert near[0].similarity == pytest.approx(true[0].similarity, abs=1e-3)
    assert same >= 0.99 * 500
    annoy.close()


def test_two_builds_give_the_same_bytes(
    vectors: NDArray[np.float16], built: Path, tmp_path: Path
) -> None:
    opened(vectors, tmp_path).close()
    assert the(tmp_path, ".ann").read_bytes() == the(built, ".ann").read_bytes()


def test_a_good_index_is_used_again_and_not_rebuilt(
    vectors: NDArray[np.float16], directory: Path
) -> None:
    before = the(directory, ".ann").stat()
    opened(vectors, directory).close()
    after = the(directory, ".ann").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def halved(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def node_cut(path: Path) -> None:
    node = 4 + 8 + DIMENSION * 4
    os.truncate(path, (path.stat().st_size // node - 5) * node)


def zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def zeroed_tail(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:-4096] + bytes(4096))


def random_page(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[8192:12288] = np.random.default_rng(1).bytes(4096)
    path.write_bytes(data)


def one_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 4
    path.write_bytes(data)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def gone(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    "damage", [halved, node_cut, zeroed, zeroed_tail, random_page, one_bit, empty, gone]
)
def test_a_damaged_annoy_file_is_never_mapped_and_is_built_again(
    vectors: NDArray[np.float16], directory: Path, damage: Callable[[Path], None]
) -> None:
    damage(the(directory, ".ann"))
    sidecar = read_sidecar(the(directory, ".json"))
    with pytest.raises(IndexFault):
        AnnoyFile(directory, sidecar)
    index = opened(vectors, directory)
    assert index.name == "annoy"
    assert index.search(query(vectors, 11), 1)[0].reference == 11
    index.close()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', "null", "[" * 100_000])
def test_a_damaged_sidecar_means_building_again(
    vectors: NDArray[np.float16], directory: Path, text: str
) -> None:
    the(directory, ".json").write_text(text)
    index = opened(vectors, directory)
    assert index.name == "annoy"
    index.close()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("items", "9"),
        ("search_k", -1),
        ("trees", None),
        ("dimension", True),
        ("segments", [["r1", -5]]),
        ("segments", [["r1"]]),
        ("segments", 7),
        ("key", "another"),
    ],
)
def test_a_sidecar_with_impossible_counts_means_building_again(
    vectors: NDArray[np.float16], directory: Path, name: str, value: object
) -> None:
    path = the(directory, ".json")
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    with pytest.raises(IndexFault):
        read_sidecar(path)
    index = opened(vectors, directory)
    assert index.name == "annoy"
    index.close()


def test_a_pipe_in_place_of_the_sidecar_is_not_waited_for(
    vectors: NDArray[np.float16], directory: Path
) -> None:
    path = the(directory, ".json")
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(IndexFault, match="not a regular file"):
        read_sidecar(path)
    index = opened(vectors, directory)
    assert index.name == "annoy"
    index.close()


def test_a_pipe_in_place_of_the_row_numbers_is_not_waited_for(
    vectors: NDArray[np.float16], directory: Path
) -> None:
    path = the(directory, ".rows.npy")
    path.unlink()
    os.mkfifo(path)
    index = opened(vectors, directory)
    assert index.name == "annoy"
    index.close()


def test_a_first_index_is_no_fault_in_the_log(
    vectors: NDArray[np.float16], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        opened(vectors, tmp_path).close()
    assert caplog.messages == ["building the index: there is none yet"]


@pytest.mark.parametrize(
    "change", [{"rows_sha256": "0" * 64}, {"dimension": 16}, {"trees": 9}, {"items": 9}]
)
def test_an_index_of_something_else_is_not_used(
    vectors: NDArray[np.float16], directory: Path, change: dict[str, object]
) -> None:
    sidecar = dataclasses.replace(read_sidecar(the(directory, ".json")), **change)
    with pytest.raises(IndexFault):
        AnnoyFile(directory, sidecar)


def test_an_index_that_finds_too_little_fails_the_self_test_and_is_tuned_again(
    vectors: NDArray[np.float16], directory: Path
) -> None:
    path = the(directory, ".json")
    body = json.loads(path.read_text())
    good = body["search_k"]
    path.write_text(json.dumps({**body, "search_k": 1}))
    index = opened(vectors, directory)
    assert index.name == "annoy"
    assert json.loads(path.read_text())["search_k"] == good
    index.close()


def test_where_no_index_can_be_written_exact_search_answers_and_says_why(
    vectors: NDArray[np.float16], tmp_path: Path
) -> None:
    (tmp_path / "derived").write_text("a file where the folder should be")
    index = opened(vectors, tmp_path / "derived")
    assert index.name.startswith("exact (")
    assert index.search(query(vectors, 3), 1)[0].reference == 3
    index.close()


def test_a_full_disk_leaves_exact_search_and_no_half_index(tmp_path: Path) -> None:
    script = """
import resource, sys
import numpy as np
from pathlib import Path
from kiosk.config import SearchConfig
from kiosk.search import Rows, open_index
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
rows = np.random.default_rng(0).standard_normal((2000, 32))
rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
several = Rows.of(rows)
index = open_index(several, np.ones(2000, bool), Path(sys.argv[1]), config=SearchConfig())
print(index.name, len(index.search(rows[5].astype(np.float32), 3)))
"""
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert run.stdout.startswith("exact ("), run.stdout
    assert run.stdout.strip().endswith(" 3")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 1e30])
@pytest.mark.parametrize("engine", ["annoy", "exact"])
def test_a_query_that_is_no_unit_vector_gets_no_neighbours(
    vectors: NDArray[np.float16], directory: Path, engine: str, value: float
) -> None:
    index = opened(vectors, directory) if engine == "annoy" else ExactIndex(Rows.of(vectors))
    with pytest.raises(EmbeddingError):
        index.search(np.full(DIMENSION, value, np.float32), 5)
    with pytest.raises(EmbeddingError):
        index.search(np.ones(DIMENSION + 1, np.float32), 5)
    index.close()


@pytest.mark.parametrize("rows", [1, 2, 3, 9, 11])
def test_tiny_catalogs_work(tmp_path: Path, rows: int) -> None:
    small = unit(np.random.default_rng(rows).standard_normal((rows, DIMENSION)))
    index = opened(small, tmp_path)
    assert index.name == "annoy"
    assert index.search(query(small, rows - 1), 50)[0].reference == rows - 1
    index.close()


def test_equal_references_do_not_fail_the_self_test(tmp_path: Path) -> None:
    same = np.repeat(unit(np.random.default_rng(1).standard_normal((1, DIMENSION))), 200, axis=0)
    index = opened(same, tmp_path)
    assert index.name == "annoy"
    index.close()


def test_large_exact_search_in_chunks_equals_the_whole() -> None:
    rows = unit(np.random.default_rng(2).standard_normal((20_500, 8)))
    queries = rows[:3].astype(np.float32)
    chunked = ExactIndex(Rows.of(rows)).similarities(queries)
    whole = np.clip(queries @ rows.astype(np.float32).T, -1, 1)
    assert np.allclose(chunked, whole, atol=1e-5)


def test_best_rows_breaks_ties_by_row() -> None:
    values = np.array([0.5, 0.9, 0.5, 0.9], np.float32)
    assert best_rows(values, 3).tolist()[:2] == [1, 3]
    assert best_rows(values, 10).tolist() == [1, 3, 0, 2]
