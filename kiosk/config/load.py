# SPDX-License-Identifier: Apache-2.0
"""From a TOML file and `KEY=VALUE` overrides to a `Config`: every mistake is reported at once."""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import os
import tomllib
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kiosk.config.sections import Config, Option, Value, options
from kiosk.errors import ConfigError

SYSTEM_PATH = Path("/etc/kiosk/kiosk.toml")
DECIDING = ("barcode", "decide", "locate", "search", "verify")
"""Sections whose options shape a decision."""


def default_path() -> Path | None:
    """The file used when none is named: `$KIOSK_CONFIG`, else the system's if it exists."""
    named = os.environ.get("KIOSK_CONFIG")
    if named:
        return Path(named)
    return SYSTEM_PATH if SYSTEM_PATH.exists() else None


def load(path: Path | None = None, overrides: Iterable[str] = ()) -> Config:
    """The configuration of `path` (None: all defaults) with `section.key=value` overrides on top.

    Raises ConfigError with one line per mistake: key path, value, reason and, for an unknown key,
    the nearest known one.
    """
    source = str(path) if path else "the command line"
    mistakes: list[str] = []
    given = _flatten(_read(path), mistakes) if path else {}
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals:
            mistakes.append(f"--set {override!r}: write it as section.key=value")
            continue
        given[key.strip()] = _literal(text.strip(), key.strip())
    known = {option.key: option for option in options()}
    accepted: dict[str, dict[str, Value]] = {}
    for key, raw in given.items():
        option = known.get(key)
        if option is None:
            mistakes.append(f"{key}: there is no such option{_near(key, known)}")
            continue
        reason = _wrong(option, raw)
        if reason:
            mistakes.append(f"{key} = {json.dumps(raw, default=str)}: {reason}")
        else:
            accepted.setdefault(option.section, {})[option.name] = option.kind(raw)
    if mistakes:
        raise ConfigError(source, mistakes)
    base = Config()
    sections = {name: type(getattr(base, name))(**values) for name, values in accepted.items()}
    return Config(**sections)


def to_toml(config: Config) -> str:
    """The whole configuration as a TOML file."""
    return _render(config, options())


def changed(config: Config) -> str:
    """Only what differs from the defaults, as TOML; empty when nothing does."""
    different = [
        option
        for option in options()
        if getattr(getattr(config, option.section), option.name) != option.default
    ]
    return _render(config, different)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(str(path), ["there is no such file; check --config"]) from None
    except OSError as error:
        raise ConfigError(str(path), [f"cannot be read: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), [f"is not valid TOML: {error}"]) from error


def _flatten(tables: dict[str, Any], mistakes: list[str]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for section, body in tables.items():
        if isinstance(body, dict):
            flat.update({f"{section}.{name}": value for name, value in body.items()})
        else:
            mistakes.append(f"{section}: stands outside a [section]{_near_name(section)}")
    return flat


def _literal(text: str, key: str) -> Any:  # noqa: ANN401 - whatever the text says
    """An override's value: TOML when it reads as TOML of the option's type, else the plain text."""
    kinds = {option.key: option.kind for option in options()}
    if kinds.get(key) is str:
        return text.strip('"')
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _wrong(option: Option, raw: object) -> str:
    """Why `raw` cannot be the option's value; empty when it can."""
    numeric = isinstance(raw, int | float) and not isinstance(raw, bool)
    if option.kind is float:
        fits = numeric and math.isfinite(float(raw))  # type: ignore[arg-type]
    else:
        fits = type(raw) is option.kind
    if not fits:
        names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
        return f"must be {names[option.kind]}"
    if option.choices and raw not in option.choices:
        nearest = difflib.get_close_matches(str(raw), [str(choice) for choice in option.choices], 1)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
        return "must be one of " + ", ".join(json.dumps(choice) for choice in option.choices) + hint
    if option.low is None or option.high is None or not isinstance(raw, int | float):
        return ""
    inside = option.low <= raw <= option.high
    return "" if inside else f"must be from {option.low:g} to {option.high:g}"


def _near(key: str, known: Iterable[str]) -> str:
    known = list(known)
    near = difflib.get_close_matches(key, known, 1, cutoff=0.6)
    if not near:  # the right name in the wrong section
        near = [other for other in known if other.split(".")[1] == key.split(".")[-1]][:1]
    return f"; did you mean {near[0]}?" if near else "; `kiosk config` lists them all"


def _near_name(name: str) -> str:
    near = [option.key for option in options() if option.name == name]
    return f"; did you mean {near[0]}?" if near else ""


def _render(config: Config, chosen: Iterable[Option]) -> str:
    lines: list[str] = []
    section = ""
    for option in chosen:
        if option.section != section:
            section = option.section
            lines += ["", f"[{section}]"] if lines else [f"[{section}]"]
        value = getattr(getattr(config, option.section), option.name)
        lines.append(f"{option.name} = {json.dumps(value, ensure_ascii=False)}")
    return "\n".join(lines) + "\n" if lines else ""


def deciding(config: Config) -> str:
    """12 hex digits that name the options which shape a decision."""
    sections = {name: asdict(getattr(config, name)) for name in DECIDING}
    text = json.dumps(sections, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
