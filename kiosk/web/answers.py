# SPDX-License-Identifier: Apache-2.0
"""The calls that answer at once: reference pictures, a person's tap, and whether all is well."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Response, abort, jsonify, request

from kiosk.board import Board
from kiosk.web import words
from kiosk.web.gallery import Gallery

MAX_TEXT = 200


def add_thumbnails(app: Flask, gallery: Gallery) -> None:
    """`/thumbnail/<release>/<reference>.jpg`: 404 when the release is not open or has no such."""

    @app.get("/thumbnail/<release>/<int:reference>.jpg")
    def thumbnail(release: str, reference: int) -> Response:
        jpeg = gallery.thumbnail(release, reference)
        if jpeg is None:
            abort(404)
        response = Response(jpeg, mimetype="image/jpeg")
        # A release never changes, so neither does a picture in it.
        response.headers["Cache-Control"] = "private, max-age=86400, immutable"
        return response


def add_confirm(app: Flask, confirm: Callable[[str, str], bool]) -> None:
    """POST `/confirm` {"decision_id", "sku"}: 200 saved, 409 not saved, 400 badly asked."""

    @app.post("/confirm")
    def confirmation() -> tuple[Response, int]:
        try:
            body = request.get_json(silent=True)
        except RecursionError:  # brackets within brackets: no JSON of ours
            body = None
        decision_id, sku = (_text(body, name) for name in ("decision_id", "sku"))
        if not decision_id or not sku:
            return jsonify(saved=False, message=words.WRONG_CONFIRMATION), 400
        if not confirm(decision_id, sku):
            return jsonify(saved=False, message=words.NOT_SAVED), 409
        return jsonify(saved=True, message=words.CONFIRMED), 200


def add_health(app: Flask, board: Board, version: str, fresh_s: float) -> None:
    """`/healthz`: 200 when frames go through and every part is ok, else 503 with the reasons."""

    @app.get("/healthz")
    def health() -> tuple[Response, int]:
        reasons = unwell(board, fresh_s)
        answer = jsonify(ok=not reasons, reasons=reasons, version=version)
        return answer, 503 if reasons else 200


def unwell(board: Board, fresh_s: float) -> list[str]:
    """Why the kiosk is not well; empty when a frame went through lately and every part is ok."""
    state = board.state()
    reasons = []
    if board.frame_age_s() > fresh_s:
        reasons.append(words.NO_FRAME.format(seconds=fresh_s))
    for label, part in (
        (words.CAMERA, state.camera),
        (words.CATALOG, state.catalog),
        (words.JOURNAL, state.journal),
    ):
        if not part.ok:
            reasons.append(f"{label}: {part.message}")
    return reasons


def _text(body: object, name: str) -> str:
    value = body.get(name) if isinstance(body, dict) else None
    return value if isinstance(value, str) and len(value) <= MAX_TEXT else ""
