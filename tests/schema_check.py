# SPDX-License-Identifier: Apache-2.0
"""Is a JSON value what a schema says? As much of JSON Schema as the API's document uses."""

from __future__ import annotations

from typing import Any

KINDS: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}
WORDS = {
    *("type", "properties", "required", "additionalProperties", "items", "enum", "anyOf", "$ref"),
    *("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"),
    *("description", "default"),
}


def wrongs(value: Any, schema: dict[str, Any], document: dict[str, Any], at: str = "") -> list[str]:
    """Where `value` is not what `schema` says; empty when it is."""
    assert set(schema) <= WORDS, f"{at}: the check knows no {set(schema) - WORDS}"
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/components/schemas/")
        return wrongs(value, document["components"]["schemas"][name], document, at)
    if "anyOf" in schema:
        tries = [wrongs(value, each, document, at) for each in schema["anyOf"]]
        return [] if not all(tries) else tries[0]
    kind = schema["type"]
    if not isinstance(value, KINDS[kind]) or (kind != "boolean" and isinstance(value, bool)):
        return [f"{at}: {value!r} is no {kind}"]
    found = _limits(value, schema, at)
    if kind == "object":
        known = schema.get("properties", {})
        found += [f"{at}: no {name}" for name in schema.get("required", []) if name not in value]
        for name, each in value.items():
            if name in known:
                found += wrongs(each, known[name], document, f"{at}.{name}")
            elif schema.get("additionalProperties") is False:
                found.append(f"{at}: {name} is not in the document")
    if kind == "array":
        for number, each in enumerate(value):
            found += wrongs(each, schema["items"], document, f"{at}[{number}]")
    return found


def _limits(value: Any, schema: dict[str, Any], at: str) -> list[str]:
    size = len(value) if isinstance(value, str | list) else value
    found = []
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: {value!r} is none of {schema['enum']}")
    for word in ("minimum", "minLength", "minItems"):
        if word in schema and size < schema[word]:
            found.append(f"{at}: {value!r} is below {schema[word]}")
    for word in ("maximum", "maxLength", "maxItems"):
        if word in schema and size > schema[word]:
            found.append(f"{at}: {value!r} is above {schema[word]}")
    return found
