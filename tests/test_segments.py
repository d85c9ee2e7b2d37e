# SPDX-License-Identifier: Apache-2.0
"""A release built on another answers as one built from nothing, and costs what is new in it."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import numpy as np
import pytest
from made_releases import Made, made, opened, result
from segments import only, resealed

from kiosk.catalog.calibration import Basis
from kiosk.catalog.manifest import Manifest, read_manifest, verify
from kiosk.catalog.records import PictureEntry, Place
from kiosk.catalog.reuse import MOST_SEGMENTS, Previous, merged_from, plan
from kiosk.catalog.segment import Added, MemorySegment
from kiosk.catalog.snapshot import Snapshot
from kiosk.catalog.stored import StoredSegment
from kiosk.errors import CatalogError
from kiosk.values import Box, Code, Record

SKUS = tuple(f"SKU-{number}" for number in range(7))


def shelf(skus: int = 6, pictures: int = 3) -> list[Made]:
    return [Made(f"SKU-{sku}", f"{at}.png") for sku in range(skus) for at in range(pictures)]


def new_bytes(old: Manifest, new: Manifest) -> int:
    """What a kiosk that has one needs for the other, without the manifest."""
    there = {entry.sha256 for entry in old.needed}
    return sum(entry.bytes for entry in new.needed if entry.sha256 not in there)


def answers(snapshot: Snapshot, pictures: list[Made]) -> list[object]:
    """Everything that a kiosk could ask."""
    found: list[object] = [snapshot.calibration.thresholds, snapshot.calibration.groups]
    for one in pictures:
        query = result(one).probes[0].astype(np.float32)
        near = sorted(
            (round(match.similarity, 3), match.sku, match.category, match.accept)
            for match in snapshot.match(query, 4)
        )
        best = snapshot.candidates(query, 1)[0]
        details = snapshot.details.of(best.pictures[0])
        assert details is not None
        found += [near, snapshot.thumbnail(best.match.reference), details.tones.tobytes()]
        found.append(snapshot.custom(best.match.reference))
        found += [snapshot.record(best.match.sku), len(snapshot.references(one.sku).rows)]
        found.append(snapshot.coded([Code(f"code-{one.sku}", "", Box(0, 0, 0, 0))]))
    return found


def changed(
    chance: random.Random, pictures: set[Made], records: dict[str, Record]
) -> tuple[set[Made], dict[str, Record]]:
    """A day at head office."""
    pictures, records = set(pictures), dict(records)
    for _ in range(chance.randrange(1, 5)):
        sku = chance.choice(SKUS)
        one = Made(sku, f"{chance.randrange(4)}.png", chance.randrange(3), chance.choice(("", "k")))
        what = chance.choice(("add", "add", "remove", "record", "gone"))
        if what == "record":
            codes = chance.choice(((), (f"code-{sku}",), (f"code-{sku}", "code-SKU-1")))
            records[sku] = Record(sku, f"Name {chance.random()}", chance.choice("ab"), codes)
        elif what == "gone":
            pictures -= {each for each in pictures if each.sku == sku}
        else:
            pictures -= {each for each in pictures if (each.sku, each.name) == (sku, one.name)}
            pictures |= {one} if what == "add" else set()
    return pictures or {Made(SKUS[0], "0.png")}, records


@pytest.mark.parametrize("seed", [1, 2])
def test_any_changes_over_several_builds_answer_as_a_build_from_nothing(
    models: Path, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    pictures, records = set(shelf()), dict[str, Record]()
    base: Path | None = None
    most = 0
    for day in range(5):
        delta, fresh = tmp_path / f"delta-{day}", tmp_path / f"fresh-{day}"
        made(delta, models, sorted(pictures), records, base=base)
        made(fresh, models, sorted(pictures), records)
        manifest, whole = verify(delta), verify(fresh)
        counts = (manifest.skus, manifest.pictures, manifest.references, manifest.augmentation)
        assert counts == (whole.skus, whole.pictures, whole.references, whole.augmentation)
        most = max(most, len(manifest.segments))
        one, other = opened(delta, models), opened(fresh, models)
        ordered = sorted(pictures)
        assert answers(one, ordered) == answers(other, ordered)
        left, right = one.calibration, other.calibration
        basis = Basis("", "", "", "", "")
        assert dataclasses.replace(left, basis=basis) == dataclasses.replace(right, basis=basis)
        one.close()
        other.close()
        base = delta
        pictures, records = changed(chance, pictures, records)
    assert most > 2  # segments were added, not always written anew


def test_what_did_not_change_is_the_same_file_and_a_change_costs_what_is_new(
    models: Path, tmp_path: Path
) -> None:
    old = made(tmp_path / "old", models, shelf(30, 4))
    pictures = shelf(30, 4)
    pictures[5] = dataclasses.replace(pictures[5], take=1)
    new = made(tmp_path / "new", models, pictures, base=tmp_path / "old")
    assert new.segments[0] == old.segments[0] and new.segments[1].pictures == 1
    here, there = (tmp_path / name / "segments" / old.segments[0].name for name in ("old", "new"))
    assert (here / "vectors.npy").samefile(there / "vectors.npy")
    segment = sum(each.bytes for each in old.files if "segments" in each.name)
    added = sum(each.bytes for each in new.files if new.segments[1].name in each.name)
    assert new_bytes(old, new) < added + 8000 < segment / 2


def test_nothing_changed_is_the_same_release(models: Path, tmp_path: Path) -> None:
    old = made(tmp_path / "old", models, shelf())
    again = made(tmp_path / "again", models, shelf(), base=tmp_path / "old")
    assert again.release == old.release and new_bytes(old, again) == 0


def test_a_changed_record_travels_alone_and_the_newest_is_told(
    models: Path, tmp_path: Path
) -> None:
    first = made(tmp_path / "0", models, shelf())
    told = {"SKU-2": Record("SKU-2", "Renamed", "Tea", ("code-2",))}
    new = made(tmp_path / "1", models, shelf(), told, base=tmp_path / "0")
    assert [each.references for each in new.segments] == [54, 0]
    last = made(tmp_path / "2", models, shelf(), base=tmp_path / "1")
    names = []
    for number, coded in ((1, ("SKU-2",)), (2, ())):
        snapshot = opened(tmp_path / str(number), models)
        names.append(snapshot.record("SKU-2").name)
        assert snapshot.coded([Code("code-2", "", Box(0, 0, 0, 0))]) == coded
        snapshot.close()
    assert names == ["Renamed", "Name of SKU-2"] and last.release == first.release


def test_a_picture_that_comes_back_costs_no_vectors(models: Path, tmp_path: Path) -> None:
    made(tmp_path / "0", models, shelf())
    without = made(tmp_path / "1", models, shelf()[1:], base=tmp_path / "0")
    back = made(tmp_path / "2", models, shelf(), base=tmp_path / "1")
    assert without.pictures == 17 and back.segments == without.segments
    assert [each.name for each in back.files if "tombstones" in each.name] == []


def test_beyond_most_segments_the_newest_are_merged_and_no_picture_is_lost() -> None:
    def entry(name: str) -> PictureEntry:
        return PictureEntry(0, name, "f" * 64, "key", Place(0, 1), Box(0, 0, 1, 1), ("plain",))

    record = Record("A", "", "")
    sizes = [500] + [4] * (MOST_SEGMENTS - 1)
    before = [
        Previous([record], [entry(f"{number}-{at}") for at in range(size)])
        for number, size in enumerate(sizes)
    ]
    names = sorted(one.name for each in before for one in each.pictures)
    wanted = [("A", name, "f" * 64, "key", "") for name in [*names, "~1", "~2", "~3", "~4"]]
    found = plan(wanted, {"A": record}, before)
    assert 0 in found.kept and len(found.kept) + 1 <= MOST_SEGMENTS - 2
    kept = sum(sizes[number] for number in found.kept)
    assert kept + len(found.written) == len(wanted)
    assert not any(gone.any() for gone in found.dead.values())
    assert sum(home is None for _, home in found.written) == 4
    fewer = plan(wanted[:200], {"A": record}, before)
    assert fewer.kept == () and len(fewer.written) == 200


def test_where_most_is_gone_all_is_written_anew_from_what_was_there(
    models: Path, tmp_path: Path
) -> None:
    made(tmp_path / "0", models, shelf(10))
    few = made(tmp_path / "1", models, shelf(10)[:12], base=tmp_path / "0")
    assert len(few.segments) == 1 and few.segments[0].pictures == 12
    same = made(tmp_path / "2", models, shelf(10)[:12])
    assert only(tmp_path / "1", "vectors.npy").read_bytes() == (
        only(tmp_path / "2", "vectors.npy").read_bytes()
    )
    assert few.pictures == same.pictures


def test_merging_takes_the_newest_and_never_the_oldest() -> None:
    assert merged_from([1000, 10, 10], 10) == 1
    assert merged_from([1000, 500, 10], 10) == 2
    assert merged_from([1000], 5000) == 1
    assert merged_from([1000, 900, 800], 1) == 2


def test_a_plan_of_nothing_before_writes_everything() -> None:
    known = {"A": Record("A", "", "")}
    found = plan([("A", "1", "f" * 64, "k", "")], known, [])
    assert (found.kept, found.written, found.records) == ((), ((0, None),), ("A",))
    assert plan([("A", "1", "f" * 64, "k", "")], known, [Previous((), ())]).written == ((0, None),)


@pytest.mark.parametrize("key", ["settings", f"{'f' * 64}settings"])
def test_a_key_is_known_again_with_its_digest_or_without(key: str) -> None:
    record, digest = Record("A", "", ""), "f" * 64
    place, box = Place(0, 1), Box(0, 0, 1, 1)
    entry = PictureEntry(0, "1", digest, f"{digest}settings", place, box, ("plain",))
    found = plan([("A", "1", digest, key, "")], {"A": record}, [Previous([record], [entry])])
    assert (found.kept, found.written, found.records) == ((0,), (), ())


def test_a_base_of_another_kind_gives_nothing_and_is_no_error(models: Path, tmp_path: Path) -> None:
    made(tmp_path / "old", models, shelf())
    (tmp_path / "none").mkdir()
    fresh = made(tmp_path / "fresh", models, shelf(), base=tmp_path / "none")
    assert fresh.release == read_manifest(tmp_path / "old").release
    resealed(tmp_path / "old", features="orb-1")
    other = made(tmp_path / "other", models, shelf()[1:], base=tmp_path / "old")
    assert len(other.segments) == 1


def test_a_damaged_base_is_refused(models: Path, tmp_path: Path) -> None:
    made(tmp_path / "old", models, shelf())
    path = only(tmp_path / "old", "vectors.npy")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(CatalogError, match=r"vectors\.npy: is damaged"):
        made(tmp_path / "new", models, shelf()[1:], base=tmp_path / "old")
    assert not (tmp_path / "new").exists()


def test_models_that_a_release_brings_are_files_of_it(models: Path, tmp_path: Path) -> None:
    brought = {"embedder.onnx": models / "embedder.onnx"}
    manifest = made(tmp_path / "out", models, shelf(), brought=brought)
    assert [entry.name for entry in manifest.models] == ["models/embedder.onnx"]
    assert set(manifest.models) <= set(manifest.needed)
    assert verify(tmp_path / "out") == manifest


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 0.5, 1.03])
def test_references_that_are_no_unit_vectors_are_refused(
    models: Path, tmp_path: Path, value: float
) -> None:
    made(tmp_path / "out", models, shelf())
    path = only(tmp_path / "out", "vectors.npy")
    vectors = np.load(path)
    vectors[7] = 0
    vectors[7, 3] = value
    np.save(path, vectors)
    resealed(tmp_path / "out")
    with pytest.raises(CatalogError, match="reference 7 is not a finite vector of length 1"):
        opened(tmp_path / "out", models)


@pytest.mark.parametrize("bits", [b"", b"\xff", b"\x00" * 9, b"\x00\x00\x01"])
def test_tombstones_that_do_not_fit_are_refused(models: Path, tmp_path: Path, bits: bytes) -> None:
    made(tmp_path / "0", models, shelf())
    made(tmp_path / "1", models, shelf()[1:], base=tmp_path / "0")
    (path,) = (tmp_path / "1").glob("tombstones/*.bits")
    path.write_bytes(bits)
    resealed(tmp_path / "1")
    with pytest.raises(CatalogError, match="does not fit its segment"):
        opened(tmp_path / "1", models)


def test_a_next_release_shares_what_is_open_and_the_last_user_closes_it(
    models: Path, tmp_path: Path
) -> None:
    made(tmp_path / "0", models, shelf())
    made(tmp_path / "1", models, [*shelf(), Made("SKU-9", "0.png")], base=tmp_path / "0")
    files = len(list(Path("/proc/self/fd").iterdir()))
    first = opened(tmp_path / "0", models)
    second = opened(tmp_path / "1", models, beside=first)
    shared, fresh = second._joined.segments
    assert shared is first._joined.segments[0] and isinstance(fresh, StoredSegment)
    first.close()
    query = result(Made("SKU-9", "0.png")).probes[0].astype(np.float32)
    assert second.match(query, 1)[0].sku == "SKU-9" and second.thumbnail(0)[:2] == b"\xff\xd8"
    second.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == files
    third = opened(tmp_path / "1", models, beside=first)  # closed by now: opened anew
    assert third.match(query, 1)[0].sku == "SKU-9"
    third.close()


def test_additions_are_searched_with_a_release_and_leave_no_trace(
    models: Path, tmp_path: Path
) -> None:
    made(tmp_path / "0", models, shelf())
    base = opened(tmp_path / "0", models)
    one = result(Made("NEW", "x"))
    record = Record("NEW", "New", "", ("code-NEW",))
    segment = MemorySegment([record], [Added("NEW", one.vectors, b"\xff\xd8new", one.features[0])])
    both = base.extended(segment, {"NEW": 0.97})
    query = one.probes[0].astype(np.float32)
    (match, *_) = both.match(query, 3)
    assert (match.sku, match.added, match.accept) == ("NEW", True, 0.97)
    assert both.thumbnail(match.reference) == b"\xff\xd8new" and both.record("NEW") == record
    assert both.coded([Code("code-NEW", "", Box(0, 0, 0, 0))]) == ("NEW",)
    assert both.details.of(both.candidates(query, 1)[0].pictures[0]) is one.features[0]
    old = result(shelf()[4]).probes[0].astype(np.float32)
    assert both.match(old, 1) == base.match(old, 1) and not base.match(old, 1)[0].added
    both.close()
    assert base.match(query, 1)[0].sku != "NEW"
    with pytest.raises(CatalogError):
        base.record("NEW")
    wrong = MemorySegment([record], [Added("NEW", one.vectors[:, :4] * 0 + 0.5, b"")])
    with pytest.raises(CatalogError, match="cannot be searched together"):
        base.extended(wrong)
    base.close()
