# SPDX-License-Identifier: Apache-2.0
"""`kiosk explain`: why a decision came out as it did, for a person."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from kiosk.cli.options import Verbs, add_config, add_state, load_config
from kiosk.cli.visible import visible
from kiosk.config import state_directory
from kiosk.errors import StateError
from kiosk.journal import JOURNAL_FILE, Story, story
from kiosk.replay.reasons import MOMENTS, because, otherwise, shown, votes
from kiosk.values import Match

_LABEL = 12
_CANDIDATES = 5


def register(subparsers: Verbs) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "explain",
        help="why a decision came out as it did",
        description="Say in plain words what was seen, which rule answered, against which number "
        "it was held, and what would have changed it.",
    )
    parser.add_argument(
        "decision",
        metavar="DECISION_ID",
        help="the beginning of a decision's id, as `kiosk journal --json` prints it; `last`: the "
        "newest",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object, all evidence")
    add_journal(parser)
    add_config(parser)
    parser.set_defaults(run=run)


def add_journal(parser: argparse.ArgumentParser) -> None:
    """--state and --journal, for verbs that read a journal."""
    place = parser.add_mutually_exclusive_group()
    add_state(place)
    place.add_argument(
        "--journal", type=Path, metavar="FILE", help="a journal, such as one copied from a kiosk"
    )


def journal_path(args: argparse.Namespace) -> Path:
    """The journal that the arguments name."""
    if args.journal is not None:
        return Path(args.journal)
    return Path(args.state or state_directory(load_config(args))) / JOURNAL_FILE


def run(args: argparse.Namespace) -> int:
    """Print the explanation. Raises DecisionMissing, UsageError or StateError."""
    found = story(journal_path(args), args.decision)
    if not found.evidence:
        raise StateError(found.damage)
    if args.json:
        print(json.dumps(as_json(found), ensure_ascii=False))
    else:
        for line in lines(found):
            print(visible(line))
    return os.EX_OK


def as_json(found: Story) -> dict[str, Any]:
    """The whole evidence, and the same sentences as in the text."""
    return {
        **found.entry,
        "because": because(found),
        "otherwise": otherwise(found),
        "votes": [dataclasses.asdict(vote) for vote in votes(found.looks)],
        "quality": _quality_facts(found),
        "hints": sorted({look.hint.value for look in found.looks if look.hint is not None}),
        "features_kept": found.has_features,
        "afterwards": [dict(entry) for entry in found.afterwards],
        "damage": found.damage,
    }


def lines(found: Story) -> Iterator[str]:
    """The explanation, a label and a sentence per line."""
    entry, evidence = found.entry, found.evidence
    at = datetime.fromisoformat(str(entry["at"])).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    yield _line("decision", f"{found.decision_id}, {at}, visit {entry['visit_id']}")
    yield _line("said", _said(found))
    yield _line("rule", f"{entry['rule']}: {because(found)}")
    yield _line("moment", MOMENTS.get(str(evidence.get("moment")), "not recorded"))
    yield _line("changed by", otherwise(found))
    yield _line("item", _item(found))
    if quality := _quality(found):
        yield _line("quality", quality)
    yield from _candidates(found)
    yield from _frames(found)
    codes = evidence.get("codes", ())
    yield _line("barcode", ", ".join(f"{c['text']} ({c['symbology']})" for c in codes) or "none")
    yield from _made_with(found)
    yield _line("time", _time(found))
    yield from _afterwards(found)
    if found.damage:
        yield _line("damage", found.damage)


def _line(label: str, text: str) -> str:
    return f"{label:<{_LABEL}} {text}"


def _said(found: Story) -> str:
    outcome, matches = str(found.entry["outcome"]), shown(found)
    if found.entry["sku"]:
        return f"{outcome} {found.entry['sku']}"
    if outcome == "choose":
        return f"choose: {', '.join(match.sku for match in matches)}"
    kind = found.evidence.get("category")
    return f"{outcome}, but {kind}" if kind else outcome


def _item(found: Story) -> str:
    evidence = found.evidence
    x1, y1, x2, y2 = evidence["box"]
    width, height = evidence["frame_size"]
    whole = "" if not found.looks or found.looks[-1].whole else ", over the edge"
    return f"{x1:.0f},{y1:.0f} to {x2:.0f},{y2:.0f} of {width}x{height} pixels{whole}"


def _quality_facts(found: Story) -> dict[str, float] | None:
    quality = found.looks[-1].quality if found.looks else None
    return None if quality is None else dataclasses.asdict(quality)


def _quality(found: Story) -> str:
    quality = found.looks[-1].quality if found.looks else None
    if quality is None:
        return ""
    hints = {look.hint.value.replace("_", " ") for look in found.looks if look.hint is not None}
    return (
        f"{quality.side_px:.0f} pixels long, sharpness {quality.sharpness:.2f}, brightness "
        f"{quality.brightness:.2f}, dark {quality.dark:.0%}, blown out {quality.clipped:.0%}, "
        f"moved {quality.moved:.0%}, covered {quality.covered:.0%}"
        + (f"; hints: {', '.join(sorted(hints))}" if hints else "")
    )


def _candidates(found: Story) -> Iterator[str]:
    yield _line("candidates", f"{'similarity':>10}  {'evidence':>8}  {'points':>6}  {'print':>5}")
    for number, match in enumerate(shown(found)[:_CANDIDATES], 1):
        yield _line(f"  {number}", f"{_numbers(match)}  {match.sku}{_marks(match)}")
    margin = found.evidence.get("margin")
    if margin is not None:
        yield _line("  lead", f"{margin:.3f} over the runner-up")


def _numbers(match: Match) -> str:
    points, strength = "-", "-"
    if match.verified is not None:
        points, strength = str(match.verified.points), f"{match.verified.strength:.2f}"
    return f"{match.similarity:>10.3f}  {match.evidence:>8.3f}  {points:>6}  {strength:>5}"


def _marks(match: Match) -> str:
    marks = [f"look-alikes {match.group}"] if match.group else []
    marks += ["refused"] if match.refused else []
    marks += ["added on the kiosk"] if match.added else []
    marks += [] if match.accept is None else [f"its own limit {match.accept:.3f}"]
    return f"  ({', '.join(marks)})" if marks else ""


def _frames(found: Story) -> Iterator[str]:
    if not found.looks:
        yield _line("frames", "not kept")
        return
    yield _line("frames", f"{len(found.looks)} kept, the oldest first; the last one settled it")
    for vote in votes(found.looks):
        spoiled = "" if vote.counts else f"  (does not count: {vote.hint.replace('_', ' ')})"
        yield _line(
            f"  {vote.sequence}",
            f"{vote.outcome:<8}  {vote.similarity:.3f}  lead {vote.margin:.3f}  {vote.sku}  "
            f"{vote.rule}{spoiled}",
        )


def _made_with(found: Story) -> Iterator[str]:
    hashes, limits = found.evidence["hashes"], found.thresholds
    yield _line(
        "release", f"{hashes['release']}; limits: {limits.method}, {limits.samples} samples"
    )
    models = ", ".join(f"{name} {hashes[name][:12]}" for name in ("detector", "embedder"))
    yield _line("models", f"{models}; options {hashes.get('config') or 'not recorded'}")


def _time(found: Story) -> str:
    timings = found.evidence.get("timings", {})
    stages = ", ".join(
        f"{name.removesuffix('_ms')} {timings[name]:.0f}"
        for name in ("locate_ms", "embed_ms", "search_ms", "verify_ms")
        if timings.get(name) is not None
    )
    waited = found.evidence.get("waited_ms")
    before = "" if waited is None else f"{waited:.0f} ms from lying still; "
    return f"{before}the last frame took {timings.get('total_ms') or 0:.0f} ms ({stages})"


def _afterwards(found: Story) -> Iterator[str]:
    if not found.afterwards:
        yield _line("afterwards", "nobody said anything")
    for entry in found.afterwards:
        at = datetime.fromisoformat(str(entry["at"])).astimezone().strftime("%H:%M:%S")
        what = {
            "confirmation": "a person said that it is",
            "refusal": "a person said that it is not",
            "refusal-undone": "a person took back that it is not",
        }.get(str(entry["kind"]), str(entry["kind"]))
        yield _line("afterwards", f"{at} {what} {entry['sku'] or ''}".rstrip())
