# SPDX-License-Identifier: Apache-2.0
"""What a tap sends: short texts in a JSON object, and nothing else."""

from __future__ import annotations

from flask import request

MAX_TEXT = 200


def asked(name: str) -> str:
    """The text called `name` in the request's JSON; empty when there is none, or it is too long."""
    try:
        body = request.get_json(silent=True)
    except RecursionError:  # brackets within brackets: no JSON of ours
        body = None
    value = body.get(name) if isinstance(body, dict) else None
    return value if isinstance(value, str) and len(value) <= MAX_TEXT else ""
