# SPDX-License-Identifier: Apache-2.0
"""From the board's state to what the status page shows: groups of labelled values."""

from __future__ import annotations

import platform
from dataclasses import asdict
from datetime import datetime
from importlib import metadata
from typing import Any

from kiosk.board import State
from kiosk.web import enrol_words, words
from kiosk.web.sending import SENDING, is_well, sending_rows, sending_said

PACKAGES = ("onnxruntime", "opencv-python-headless", "annoy", "numpy", "flask", "waitress")

SHOWN_REFUSALS = 30
"""The newest; more would make every event of the page heavy."""

SHOWN_QUARANTINED = 5

Rows = list[list[str]]


def status_view(state: State, now: datetime, versions: Rows) -> dict[str, Any]:
    """Groups in reading order; each has a title, whether it is well (None: no such thing), a
    message, rows of label and value; for timings bars of label and milliseconds, for refusals
    and additions what can be undone, and where to go from there."""
    return {
        "groups": [
            _camera(state),
            _catalog(state, now),
            _releases(state),
            _journal(state),
            _sending(state, now),
            _refusals(state),
            _additions(state),
            _models(state),
            _timings(state),
            _group(words.VERSIONS, None, "", versions),
        ]
    }


def versions(kiosk: str) -> Rows:
    """Versions of the kiosk, Python and the packages it stands on; read once."""
    rows = [[words.TITLE, kiosk], [words.LABELS["python"], platform.python_version()]]
    for package in PACKAGES:
        try:
            rows.append([package, metadata.version(package)])
        except metadata.PackageNotFoundError:
            rows.append([package, words.NONE])
    return rows


def _group(title: str, ok: bool | None, message: str, rows: Rows) -> dict[str, Any]:
    state = "" if ok is None else words.OK if ok else words.PROBLEM
    return {
        "title": title,
        "ok": ok,
        "state": state,
        "message": message,
        "rows": rows,
        "bars": [],
        "undo": [],
        "link": None,
    }


def _in_lines(digits: str) -> str:
    """A fingerprint as two people compare it: four groups of four digits a line."""
    groups = [digits[start : start + 4] for start in range(0, len(digits), 4)]
    return "\n".join(" ".join(groups[start : start + 4]) for start in range(0, len(groups), 4))


def _rows(**values: object) -> Rows:
    return [[words.LABELS[name], str(value) or words.NONE] for name, value in values.items()]


def _camera(state: State) -> dict[str, Any]:
    camera = state.camera
    rows = _rows(
        source=camera.source,
        device=camera.detail,
        fps=f"{camera.fps:.1f}",
        restarts=words.TIMES.format(count=camera.restarts),
    )
    return _group(words.CAMERA, camera.ok, camera.message, rows)


def _catalog(state: State, now: datetime) -> dict[str, Any]:
    catalog = state.catalog
    age = words.age(catalog.built_at, now)
    built = words.moment(catalog.built_at) + (f" · {age}" if age else "")
    rows = _rows(
        release=catalog.release,
        built=built,
        skus=f"{catalog.skus:,}",
        references=f"{catalog.references:,}",
        search=catalog.search,
        second_look=catalog.second_look,
        calibration=catalog.calibration.removeprefix("on: "),
        path=catalog.path,
    )
    return _group(words.CATALOG, catalog.ok, catalog.message, rows)


def _releases(state: State) -> dict[str, Any]:
    releases = state.releases
    stick = words.SYNC_STICKS.get(releases.code, "")
    rows = _rows(
        state=stick or words.SYNC_STATES[releases.state],
        since=words.moment(releases.at) if releases.at else "",
        channel=releases.channel,
        announced=releases.announced,
        number=releases.seq or "",
        phase=words.PHASES[releases.phase],
        previous=releases.previous,
        kiosk_id=releases.kiosk_id,
        fingerprint=_in_lines(releases.fingerprint),
    )
    for release, reason, at in releases.quarantined[:SHOWN_QUARANTINED]:
        text = words.QUARANTINED_ROW.format(reason=reason, at=words.moment(at))
        rows.append([words.QUARANTINED.format(release=release), text])
    if releases.quarantined:
        rows.append([words.ALLOW, words.ALLOW_ROW])
    to_do = words.STICK_TO_DO if stick else words.SYNC_TO_DO[releases.state]
    if len(releases.quarantined) > SHOWN_QUARANTINED:
        more = len(releases.quarantined) - SHOWN_QUARANTINED
        rows.append([words.QUARANTINED_MORE, words.QUARANTINED_MORE_ROW.format(count=more)])
    told = (words.sentence(releases.message), to_do)
    message = " ".join(filter(None, told))
    return _group(words.RELEASES, releases.ok, message, rows)


def _journal(state: State) -> dict[str, Any]:
    journal = state.journal
    rows = _rows(
        entries=f"{journal.entries:,}",
        waiting=f"{journal.waiting:,}",
        decisions=f"{state.decisions:,}",
    )
    return _group(words.JOURNAL, journal.ok, journal.message, rows)


def _sending(state: State, now: datetime) -> dict[str, Any]:
    sending = state.sending
    well = None if sending is None else is_well(sending, now)
    rows = [] if sending is None else sending_rows(sending)
    return _group(SENDING, well, sending_said(sending, now), rows)


def _refusals(state: State) -> dict[str, Any]:
    held = state.refused.listed
    said = [state.refused.message, words.REFUSALS_NOTE if held else words.REFUSALS_NONE]
    if len(held) > SHOWN_REFUSALS:
        said.append(words.REFUSALS_MORE.format(shown=SHOWN_REFUSALS, count=len(held)))
    # Well and empty it is no news; a disk that cannot keep them is.
    ok = False if not state.refused.ok else True if held else None
    group = _group(words.REFUSALS, ok, " ".join(filter(None, said)), [])
    return group | {
        "undo": [
            {
                "id": refusal.refusal_id,
                "title": words.NOT_IT.format(name=name or refusal.sku),
                "detail": words.SAID_AT.format(sku=refusal.sku, at=words.moment(refusal.at)),
                "label": words.UNDO,
                "path": "/undo-refusal",
            }
            for refusal, name in held[:SHOWN_REFUSALS]
        ]
    }


def _additions(state: State) -> dict[str, Any]:
    lines = state.added.lines
    said = [state.added.message, enrol_words.NOTE if lines else enrol_words.NONE]
    if len(lines) > SHOWN_REFUSALS:
        said.append(enrol_words.MORE_LISTED.format(shown=SHOWN_REFUSALS, count=len(lines)))
    ok = False if not state.added.ok else True if lines else None
    group = _group(enrol_words.ADDITIONS, ok, " ".join(filter(None, said)), [])
    return group | {
        "link": {"href": "/enrol", "label": enrol_words.TITLE},
        "undo": [
            {
                "id": line.addition_id,
                "title": line.record.name or line.record.sku,
                "detail": " ".join(
                    filter(
                        None,
                        [
                            enrol_words.ADDED_LINE.format(
                                sku=line.record.sku, views=line.views, at=words.moment(line.at)
                            ),
                            line.trouble,
                        ],
                    )
                ),
                "label": words.UNDO,
                "path": "/undo-addition",
            }
            for line in lines[:SHOWN_REFUSALS]
        ],
    }


def _models(state: State) -> dict[str, Any]:
    rows = [
        [
            model.name,
            words.MODEL.format(
                version=model.version, quantisation=model.quantisation, sha256=model.sha256[:12]
            ),
        ]
        for model in state.models
    ]
    return _group(words.MODELS, None, "", rows)


def _timings(state: State) -> dict[str, Any]:
    timings = asdict(state.timings)
    group = _group(words.TIMINGS, None, words.TIMINGS_NOTE, [])
    return group | {"bars": [[words.STAGES[name], timings[name]] for name in words.STAGES]}
