# SPDX-License-Identifier: Apache-2.0
"""The README's tables of commands and options, made from the code.

    python -m tools.readme          # rewrite them in README.md

A test fails when README.md holds anything else.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from kiosk import config
from kiosk.cli.verbs import parser

README = Path(__file__).resolve().parent.parent / "README.md"


def option_table() -> str:
    """One row per option: key, default, what it is."""
    rows = ["| option | default | meaning |", "|---|---|---|"]
    for option in config.options():
        about = option.about
        if option.choices:
            about += " (" + ", ".join(f"`{choice}`" for choice in option.choices) + ")"
        elif option.low is not None and option.high is not None:
            about += f" ({option.low:g} to {option.high:g})"
        default = json.dumps(option.default, ensure_ascii=False)
        rows.append(f"| `{option.key}` | `{default}` | {about} |")
    return "\n".join(rows)


def command_table() -> str:
    """One row per command, sub-commands included: how it is called, what it does."""
    rows = ["| command | what it does |", "|---|---|"]
    rows += [f"| `{usage}` | {about} |" for usage, about in commands(parser())]
    return "\n".join(rows)


def commands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    """(usage, help) of every verb below `parser`."""
    for action in parser._actions:
        if not isinstance(action, argparse._SubParsersAction):
            continue
        about = {choice.dest: choice.help or "" for choice in action._choices_actions}
        for name, verb in action.choices.items():
            divided = any(isinstance(each, argparse._SubParsersAction) for each in verb._actions)
            if not divided or verb.get_default("run"):  # it does something by itself, too
                usage = " ".join(verb.format_usage().removeprefix("usage: ").split())
                usage = usage.removesuffix(" ACTION ...")
                yield usage.replace(" [-h]", "").replace("|", r"\|"), about[name]
            yield from commands(verb)


def with_tables(text: str) -> str:
    """`text` with both tables between their marks replaced."""
    for name, table in (("options", option_table()), ("commands", command_table())):
        before, mark, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"\n<!-- /{name} -->")
        assert mark and end, f"README.md has no place for the {name}"
        text = before + mark + table + end + after
    return text


def main() -> int:
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
