# SPDX-License-Identifier: Apache-2.0
"""Manifests that are sealed as they should be, and still cannot be those of a release."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from store_parts import bundle

from kiosk.catalog.manifest import (
    FEATURES,
    MAX_BYTES,
    MOST_SEGMENTS,
    NAME,
    PICTURES,
    RECORDS,
    THUMBNAILS,
    VECTORS,
    FileEntry,
    Manifest,
    SegmentEntry,
    in_segment,
    parse,
    read_manifest,
    sealed,
    to_json,
)
from kiosk.errors import CatalogError

WHOLE = parse(bundle("a").manifest)
SEGMENT = WHOLE.segments[0]


def with_files(manifest: Manifest, *names: str) -> Manifest:
    more = tuple(FileEntry(name, 1, "0" * 64) for name in names)
    files = sorted((*manifest.files, *more), key=lambda entry: entry.name)
    return dataclasses.replace(manifest, files=tuple(files))


def without(manifest: Manifest, name: str) -> Manifest:
    files = tuple(entry for entry in manifest.files if entry.name != name)
    return dataclasses.replace(manifest, files=files)


def refused(manifest: Manifest) -> str:
    with pytest.raises(CatalogError) as error:
        parse(to_json(sealed(manifest)))
    return str(error.value)


def test_a_segment_stands_in_it_once() -> None:
    twice = dataclasses.replace(WHOLE, segments=(*WHOLE.segments, SEGMENT))
    assert "named twice" in refused(twice)


def test_segments_are_bounded() -> None:
    def many(number: int) -> Manifest:
        segments = tuple(SegmentEntry(f"{at:016x}", 1, 1) for at in range(number))
        parts = [in_segment(each, name) for each in segments for name in (
            VECTORS, RECORDS, THUMBNAILS, "queries.npy"
        )]  # fmt: skip
        bare = dataclasses.replace(WHOLE, segments=segments, files=())
        return with_files(bare, *parts)

    assert len(parse(to_json(sealed(many(MOST_SEGMENTS)))).segments) == MOST_SEGMENTS == 64
    assert "too many" in refused(many(MOST_SEGMENTS + 1))


@pytest.mark.parametrize("name", [VECTORS, RECORDS, THUMBNAILS, "queries.npy"])
def test_no_file_of_a_segment_may_be_missing(name: str) -> None:
    assert SEGMENT.name in refused(without(WHOLE, in_segment(SEGMENT, name)))


def test_local_features_come_with_their_files_in_every_segment() -> None:
    named = dataclasses.replace(WHOLE, features="orb")
    assert "local features" in refused(named)
    files = [in_segment(each, name) for each in WHOLE.segments for name in (FEATURES, PICTURES)]
    whole = with_files(named, *files)
    assert parse(to_json(sealed(whole))).features == "orb"
    for name in files:
        assert "local features" in refused(without(whole, name))


def test_a_manifest_of_another_format_says_who_is_behind() -> None:
    body = json.loads(to_json(WHOLE))
    for number, word in ((2, "build the catalog again"), (4, "update the kiosk")):
        body["format"] = number
        with pytest.raises(CatalogError, match=word):
            parse(json.dumps(body).encode())
    for odd in ("2", None, [3]):
        body["format"] = odd
        with pytest.raises(CatalogError, match="update the kiosk"):
            parse(json.dumps(body).encode())


def test_a_manifest_is_read_up_to_its_largest_size(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(to_json(WHOLE).ljust(MAX_BYTES))
    assert read_manifest(tmp_path) == WHOLE
    with path.open("ab") as file:
        file.write(b" ")
    with pytest.raises(CatalogError, match="too large"):
        read_manifest(tmp_path)


def test_what_head_office_needs_is_not_among_what_a_kiosk_needs() -> None:
    probes = FileEntry("probes.npz", 1, "0" * 64, office=True)
    manifest = dataclasses.replace(WHOLE, files=(*WHOLE.files, probes))
    assert parse(to_json(sealed(manifest))).needed == WHOLE.files
    assert WHOLE.models == ()
    brought = with_files(WHOLE, "models/embedder.onnx", "modelsmith.bin")
    assert [entry.name for entry in brought.models] == ["models/embedder.onnx"]


def test_content_is_what_is_searched_and_shown() -> None:
    tombs = with_files(WHOLE, f"tombstones/{SEGMENT.name}.bits")
    assert tombs.content != WHOLE.content
    assert with_files(WHOLE, "models/embedder.onnx").content == WHOLE.content
    turned = dataclasses.replace(WHOLE, segments=WHOLE.segments[::-1])
    assert turned.content != WHOLE.content


@pytest.mark.parametrize("value", [None, [], 5, "x", True, ["x"], [["x", {}]], float("inf")])
@pytest.mark.parametrize("name", json.loads(to_json(WHOLE)))
def test_a_value_of_another_kind_is_refused_in_words(name: str, value: object) -> None:
    body = {**json.loads(to_json(WHOLE)), name: value}
    unchecked = {"built_at": str, "augmentation": list}
    try:
        parse(json.dumps(body).encode())
    except CatalogError as error:
        assert NAME in str(error)
    else:
        assert isinstance(value, unchecked[name])


def test_a_manifest_that_the_disk_does_not_give_is_said_with_its_place(tmp_path: Path) -> None:
    (tmp_path / NAME).symlink_to("/proc/self/mem")  # a regular file that cannot be read
    with pytest.raises(CatalogError, match=rf"{NAME}: cannot be read"):
        read_manifest(tmp_path)


def test_every_version_of_this_program_gives_a_release_the_same_id() -> None:
    assert WHOLE.release == "2da6b858fed65f8a"
