# SPDX-License-Identifier: Apache-2.0
"""The shapes of what the API takes and gives, as JSON Schema; words come from the vocabulary."""

from __future__ import annotations

from typing import Any

from kiosk.board import Phase
from kiosk.orders.draft import MAX_LINES, MAX_NUMBER, MAX_QUANTITY, MAX_TEXT
from kiosk.orders.values import By, Stage, Undone, Verdict
from kiosk.values import MOST_CUSTOM, Outcome

Json = dict[str, Any]


def _object(needed: Json, **optional: Json) -> Json:
    """An object with exactly these fields."""
    return {
        "type": "object",
        "properties": {**needed, **optional},
        "required": list(needed),
        "additionalProperties": False,
    }


def _list(of: Json) -> Json:
    return {"type": "array", "items": of}


def _named(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _one_of(words: Any) -> Json:  # noqa: ANN401 - an enumeration's class
    return {"type": "string", "enum": [word.value for word in words]}


def _or_null(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}


TEXT: Json = {"type": "string"}
SHORT: Json = {"type": "string", "maxLength": MAX_TEXT}
YES_NO: Json = {"type": "boolean"}
NUMBER: Json = {"type": "number"}
WHOLE: Json = {"type": "integer", "minimum": 0}
QUANTITY: Json = {"type": "integer", "minimum": 1, "maximum": MAX_QUANTITY}
TIME: Json = {"type": "string", "description": "UTC, ISO 8601; empty: not yet"}
NAME: Json = {"type": "string", "minLength": 1, "maxLength": MAX_NUMBER}
CUSTOM: Json = {
    "type": "string",
    "maxLength": MOST_CUSTOM,
    "description": "of the catalog picture that is most alike, as its owner gave it; empty: none",
}
ARTICLE: Json = {"sku": TEXT, "barcode": TEXT}

LIST: Json = {
    "lines": {**_list(_named("NewLine")), "minItems": 1, "maxItems": MAX_LINES},
    "csv": {
        "type": "string",
        "description": "sku,quantity or barcode,quantity[,name]; header optional; , ; tab or |",
    },
}
DIFFERENCES: Json = _object(
    {
        "missing": _list(_object({"line": WHOLE, **ARTICLE, "text": TEXT, "missing": WHOLE})),
        "over": _list(_object({"line": WHOLE, **ARTICLE, "text": TEXT, "over": WHOLE})),
        "not_on_list": _list(_object({"sku": TEXT, "shown": WHOLE})),
    }
)
LINE: Json = {"line": WHOLE, **ARTICLE, "text": TEXT, "quantity": QUANTITY}
COUNT: Json = {
    "verdict": _one_of(Verdict),
    "by": _one_of(By),
    "at": TIME,
    "line": {**WHOLE, "description": "0: none"},
    "sku": TEXT,
    "visit_id": TEXT,
    "decision_id": TEXT,
    "reason": TEXT,
    "undone": {**_one_of(Undone), "description": "empty: it stands"},
}

SCHEMAS: Json = {
    "Error": _object(
        {
            "error": _object(
                {
                    "code": {**TEXT, "description": "stays the same across versions"},
                    "message": TEXT,
                    "mistakes": _list(TEXT),
                }
            )
        }
    ),
    "Nothing": _object({}),
    "NewLine": _object(
        {},
        sku=SHORT,
        barcode=SHORT,
        code={**SHORT, "description": "a SKU or a barcode, whichever the catalog knows"},
        quantity={**QUANTITY, "default": 1},
        text=SHORT,
    ),
    "List": _object({}, **LIST),
    "NewOrder": _object({"number": NAME}, **LIST, open={**YES_NO, "default": False}),
    "Expect": _object({}, line={**WHOLE, "default": 0, "description": "0: any line"}),
    "ByHand": _object({"line": WHOLE}, quantity={**QUANTITY, "default": 1}, reason=SHORT),
    "Undo": _object({}, count={**WHOLE, "default": 0, "description": "0: the last that stands"}),
    "Sign": _object({"name": NAME}),
    "Order": _object(
        {
            "id": TEXT,
            "number": TEXT,
            "stage": _one_of(Stage),
            "created_at": TIME,
            "closed_at": TIME,
            "expecting": WHOLE,
            "complete": YES_NO,
            "lines": _list(_object({**LINE, "counted": WHOLE, "over": WHOLE})),
            "differences": DIFFERENCES,
            "counts": _list(_object({"count": WHOLE, "quantity": QUANTITY, **COUNT})),
            "result": _or_null(_named("Result")),
        }
    ),
    "Orders": _object(
        {
            "orders": _list(
                _object(
                    {
                        "id": TEXT,
                        "number": TEXT,
                        "stage": _one_of(Stage),
                        "created_at": TIME,
                        "closed_at": TIME,
                        "lines": WHOLE,
                        "quantity": WHOLE,
                        "outcome": TEXT,
                    }
                )
            )
        }
    ),
    "Result": _object(
        {
            "outcome": {"type": "string", "enum": ["complete", "with differences"]},
            "signed_by": TEXT,
            "closed_at": TIME,
            "sha256": TEXT,
            "unchanged": {**YES_NO, "description": "what is stored still has this sha256"},
            "differences": DIFFERENCES,
        }
    ),
    "SignedResult": _object(
        {
            "format": WHOLE,
            "order_id": TEXT,
            "number": TEXT,
            "created_at": TIME,
            "closed_at": TIME,
            "signed_by": TEXT,
            "release": TEXT,
            "outcome": TEXT,
            "lines": _list({"type": "object"}),
            "differences": DIFFERENCES,
            "counts": _list({"type": "object"}),
        }
    ),
    "State": _object(
        {
            "version": WHOLE,
            "phase": _one_of(Phase),
            "hint": TEXT,
            "camera": _object({"ok": YES_NO, "message": TEXT}),
            "catalog": _object({"ok": YES_NO, "message": TEXT, "release": TEXT}),
            "decisions": {
                **_list(_named("Decision")),
                "description": "of the items in view, the most prominent first",
            },
            "order": _or_null(_named("OpenOrder")),
        }
    ),
    "Decision": _object(
        {
            "decision_id": TEXT,
            "visit_id": TEXT,
            "at": TIME,
            "outcome": _one_of(Outcome),
            "rule": TEXT,
            "sku": _or_null(TEXT),
            "category": TEXT,
            "confirmed": _or_null(TEXT),
            "similarity": NUMBER,
            "margin": NUMBER,
            "box": _list(NUMBER),
            "codes": _list(TEXT),
            "candidates": _list(
                _object(
                    {
                        "sku": TEXT,
                        "name": TEXT,
                        "category": TEXT,
                        "similarity": NUMBER,
                        "custom_content": CUSTOM,
                    }
                )
            ),
            "release": TEXT,
        }
    ),
    "OpenOrder": _object(
        {
            "id": TEXT,
            "number": TEXT,
            "expecting": WHOLE,
            "complete": YES_NO,
            "trouble": TEXT,
            "last": _or_null(
                _object(
                    {
                        "verdict": _one_of(Verdict),
                        "sku": TEXT,
                        "name": TEXT,
                        "by": _one_of(By),
                        "line": WHOLE,
                        "reason": TEXT,
                        "decision_id": TEXT,
                    }
                )
            ),
            "lines": _list(
                _object(
                    {
                        "line": WHOLE,
                        **ARTICLE,
                        "name": TEXT,
                        "quantity": QUANTITY,
                        "counted": WHOLE,
                        "over": WHOLE,
                        "known": {**YES_NO, "description": "the camera can tell this article"},
                    }
                )
            ),
        }
    ),
    "Asked": _object({"sku": {**SHORT, "minLength": 1}}),
    "Comparison": _object(
        {
            "sku": TEXT,
            "answer": {"type": "string", "enum": ["yes", "no", "unsure"]},
            "reason": TEXT,
            "evidence": _or_null(NUMBER),
            "decision_id": TEXT,
            "release": TEXT,
        }
    ),
}
