# SPDX-License-Identifier: Apache-2.0
""" "Not this": the tap that says an answer is wrong, and the tap that takes that back."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Response, jsonify

from kiosk.web import words
from kiosk.web.asked import asked


def add_refusals(app: Flask, refuse: Callable[[str], bool], undo: Callable[[str], bool]) -> None:
    """POST `/refuse` {"decision_id"}, `/undo-refusal` {"id"}: 200, 409 not done, 400 badly asked.

    refuse(decision_id) and undo(refusal_id) do it and say whether they could.
    """

    @app.post("/refuse")
    def refusal() -> tuple[Response, int]:
        decision_id = asked("decision_id")
        if not decision_id:
            return jsonify(saved=False, message=words.WRONG_REFUSAL), 400
        if not refuse(decision_id):
            return jsonify(saved=False, message=words.NOT_SAVED), 409
        return jsonify(saved=True, message=words.REFUSED), 200

    @app.post("/undo-refusal")
    def undone() -> tuple[Response, int]:
        refusal_id = asked("id")
        if not refusal_id:
            return jsonify(saved=False, message=words.WRONG_UNDO), 400
        if not undo(refusal_id):
            return jsonify(saved=False, message=words.NOT_UNDONE), 409
        return jsonify(saved=True, message=words.REFUSAL_UNDONE), 200
