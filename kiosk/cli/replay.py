# SPDX-License-Identifier: Apache-2.0
"""`kiosk replay`: make decisions of the journal again, on their release or on another one."""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kiosk.catalog.manifest import read_manifest
from kiosk.catalog.snapshot import Snapshot
from kiosk.cli.explain import add_journal, journal_path
from kiosk.cli.journal import parse_since
from kiosk.cli.options import Verbs, add_config, load_config
from kiosk.cli.visible import visible
from kiosk.config import Config, deciding
from kiosk.errors import CatalogError, ReleaseNeeded, StateError, UsageError
from kiosk.journal import Story, stories, story
from kiosk.refusals import REFUSALS_FILE, Refusals
from kiosk.refusals import read as read_refusals
from kiosk.replay import Flip, Replayed, Tally, again, differences, flips
from kiosk.replay.differ import accepted, largest
from kiosk.store.place import answering_folder, derived_folder

_FLIP = "{at:<19}  {before:<30}  {after:<30}  {effect:<7}  {said}"


def register(subparsers: Verbs) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "replay",
        help="make past decisions again, also on another release",
        description="Make one decision again from what the journal kept of it: exit code 0 when "
        "it is the same, 69 when it differs. With --since: which past decisions would flip on a "
        "release that is not rolled out yet.",
    )
    parser.add_argument(
        "decision",
        nargs="?",
        metavar="DECISION_ID",
        help="the beginning of a decision's id; `last`: the newest",
    )
    parser.add_argument(
        "--since",
        metavar="WHEN",
        help="all decisions since: 2026-11-20, 2026-11-20T14:30 (local time), or 30m, 2h, 3d, 1w",
    )
    parser.add_argument(
        "--release", type=Path, metavar="DIR", help="release folder (default: the configured one)"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="with --since: take the second look as it was then, some twenty times as fast",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object per decision or flip")
    form.add_argument("--csv", action="store_true", help="with --since: the flips, with a header")
    add_journal(parser)
    add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Replay one decision, or all since a time. Raises KioskError."""
    if (args.decision is None) == (args.since is None):
        raise UsageError("name one decision to replay, or --since WHEN for all of them")
    if args.csv and args.since is None:
        raise UsageError("--csv is for --since WHEN; use --json")
    if args.quick and args.since is None:
        raise UsageError("--quick is for --since WHEN; leave it out")
    config = load_config(args)
    if args.state is not None:  # its catalog belongs to it as its journal does
        state = dataclasses.replace(config.state, directory=str(args.state))
        config = dataclasses.replace(config, state=state)
    return _one(args, config) if args.since is None else _many(args, config)


def _one(args: argparse.Namespace, config: Config) -> int:
    path = journal_path(args)
    found = story(path, args.decision)
    if found.damage:
        raise StateError(found.damage)
    folder = args.release or answering_folder(config)
    _fitting(found, folder, given=args.release is not None)
    snapshot = Snapshot.open(
        folder,
        embedder=str(found.evidence["hashes"]["embedder"]),
        config=config.search,
        derived=derived_folder(config, folder),
    )
    try:
        refusals = _refusals(path, snapshot)
        made = again(found, snapshot, config.decide.agreement_frames, refusals)
    finally:
        snapshot.close()
    made = dataclasses.replace(made, remarks=(*made.remarks, *_options(found, config)))
    changed = differences(found, made)
    if args.json:
        print(json.dumps(_report(found, made, changed), ensure_ascii=False))
    else:
        for line in _lines(found, made, changed):
            print(visible(line))
    return os.EX_UNAVAILABLE if changed else os.EX_OK


def _fitting(found: Story, folder: Path, *, given: bool) -> None:
    """Raises when the release in `folder` is not one to replay this decision with."""
    hashes = found.evidence["hashes"]
    manifest = read_manifest(folder)
    if manifest.embedder.sha256 != hashes["embedder"]:
        raise CatalogError(
            f"{folder}: its embedder {manifest.embedder.sha256[:12]}… is not the one of decision "
            f"{found.decision_id} ({hashes['embedder'][:12]}…): embeddings of two embedders cannot "
            "be compared; name a release of the same embedder"
        )
    if not given and manifest.release != hashes["release"]:
        raise ReleaseNeeded(
            f"decision {found.decision_id} was made with release {hashes['release']}, and "
            f"{folder} holds {manifest.release}: name the folder of that release with --release, "
            f"or see what the present one would say with --release {folder}"
        )


def _options(found: Story, config: Config) -> Iterator[str]:
    """A remark when this configuration is not the one that the decision was made with."""
    then, now = found.evidence["hashes"].get("config"), deciding(config)
    if then and then != now:
        yield (
            f"the options that shape a decision were others ({then} then, {now} here): name the "
            "kiosk's own with --config"
        )


def _refusals(journal: Path, snapshot: Snapshot) -> Refusals | None:
    """What this kiosk was told is not a SKU; None when the journal came without it."""
    path = journal.with_name(REFUSALS_FILE)
    if not path.is_file():
        return None
    manifest = snapshot.manifest
    refusals = Refusals(manifest.embedder.sha256, manifest.dimension)
    refusals.swap(read_refusals(path))
    return refusals


def _lines(found: Story, made: Replayed, changed: tuple[str, ...]) -> Iterator[str]:
    verdict = made.verdict
    then = f"{found.entry['outcome']} {found.entry['sku'] or ''}".rstrip()
    yield f"decision {found.decision_id}: {then} ({found.entry['rule']})"
    which = "the release it was made with" if made.same_release else "another release"
    yield f"made again from {len(made.looks)} frames on {made.looks[-1].release}, {which}"
    yield from (f"note: {remark}" for remark in made.remarks)
    now = f"{verdict.outcome.value} {accepted(made) or ''}".rstrip()
    yield f"now: {now} ({verdict.rule.value}); lead {verdict.margin:.4f}"
    for match in verdict.matches[:5]:
        yield f"    {match.similarity:.4f}  {match.evidence:.4f}  {match.sku}"
    if changed:
        yield "it differs:"
        yield from (f"  {sentence}" for sentence in changed)
    elif made.same_release:
        yield f"the same (similarities differ by {largest(found, made):.1e} at most)"
    else:
        yield "the same answer"


def _report(found: Story, made: Replayed, changed: tuple[str, ...]) -> dict[str, Any]:
    verdict = made.verdict
    return {
        "decision_id": found.decision_id,
        "same": not changed,
        "differences": list(changed),
        "same_release": made.same_release,
        "release": made.looks[-1].release,
        "then": {name: found.entry[name] for name in ("outcome", "rule", "sku")},
        "now": {
            "outcome": verdict.outcome.value,
            "rule": verdict.rule.value,
            "sku": accepted(made),
            "margin": round(verdict.margin, 6),
            "matches": [
                {
                    "sku": match.sku,
                    "similarity": round(match.similarity, 6),
                    "evidence": round(match.evidence, 6),
                }
                for match in verdict.matches
            ],
        },
        "largest_difference": largest(found, made) if made.same_release else None,
        "remarks": list(made.remarks),
    }


def _many(args: argparse.Namespace, config: Config) -> int:
    since = parse_since(args.since, datetime.now(UTC))
    path, folder = journal_path(args), args.release or answering_folder(config)
    embedder = read_manifest(folder).embedder.sha256
    derived = derived_folder(config, folder)
    snapshot = Snapshot.open(folder, embedder=embedder, config=config.search, derived=derived)
    tally = Tally()
    try:
        refusals = _refusals(path, snapshot)
        frames = config.decide.agreement_frames
        past = stories(path, since, features=not args.quick)
        found = flips(past, snapshot, frames, refusals, tally)
        _print_flips(found, tally, snapshot, args)
    finally:
        snapshot.close()
    for sentence in tally.damaged:
        print(f"kiosk: {visible(sentence)}", file=sys.stderr)
    if tally.other_embedder and not tally.replayed:
        raise CatalogError(
            f"{folder}: none of these {tally.other_embedder} decisions was made with its embedder "
            f"{embedder[:12]}…: embeddings of two embedders cannot be compared"
        )
    return os.EX_DATAERR if tally.damages else os.EX_OK


def _print_flips(
    found: Iterator[Flip], tally: Tally, snapshot: Snapshot, args: argparse.Namespace
) -> None:
    if args.csv:
        names = [field.name for field in dataclasses.fields(Flip)]
        writer = csv.DictWriter(sys.stdout, names, lineterminator="\n")
        writer.writeheader()
        for flip in found:
            writer.writerow({**dataclasses.asdict(flip), "refused": " ".join(flip.refused)})
    elif args.json:
        for flip in found:
            print(json.dumps(dataclasses.asdict(flip), ensure_ascii=False))
        print(json.dumps({"summary": _summary(tally, snapshot)}, ensure_ascii=False))
    else:
        for flip in found:
            print(visible(_flip_line(flip)))
        for line in _summary_lines(tally, snapshot):
            print(visible(line))


def _flip_line(flip: Flip) -> str:
    at = datetime.fromisoformat(flip.at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    said = [f"a person said {flip.confirmed}"] if flip.confirmed else []
    said += [f"a person said not {sku}" for sku in flip.refused]
    return _FLIP.format(
        at=at,
        before=f"{flip.before} {flip.before_sku}".rstrip(),
        after=f"{flip.after} {flip.after_sku}".rstrip(),
        effect=flip.effect.value,
        said=f"{', '.join(said)}  {flip.decision_id[:12]}".strip(),
    )


def _summary(tally: Tally, snapshot: Snapshot) -> dict[str, Any]:
    return {
        "release": snapshot.release,
        "replayed": tally.replayed,
        "flipped": tally.flipped,
        "share": round(tally.share, 6),
        "flips": [
            {"from": before, "to": after, "count": count}
            for (before, after), count in sorted(tally.flips.items())
        ],
        "effects": {effect.value: count for effect, count in sorted(tally.effects.items())},
        "without_features": tally.without_features,
        "other_embedder": tally.other_embedder,
        "not_kept": tally.not_kept,
        "damaged": tally.damages,
    }


def _summary_lines(tally: Tally, snapshot: Snapshot) -> Iterator[str]:
    yield (
        f"{tally.replayed} decisions made again on {snapshot.release}: {tally.flipped} would flip "
        f"({tally.share:.1%})"
    )
    for (before, after), count in sorted(tally.flips.items()):
        yield f"  {count:>6}  {before} -> {after}"
    if tally.flipped:
        told = ", ".join(f"{tally.effects[effect]} {effect.value}" for effect in tally.effects)
        yield f"  by what people said afterwards: {told}"
    if tally.without_features:
        yield f"  {tally.without_features} with the second look as it was then"
    if tally.other_embedder:
        yield f"  {tally.other_embedder} left out: made with another embedder"
    if tally.not_kept:
        yield f"  {tally.not_kept} left out: an older kiosk kept no embeddings of them"
    if tally.damages:
        yield f"  {tally.damages} left out: damaged"
