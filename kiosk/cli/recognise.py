# SPDX-License-Identifier: Apache-2.0
"""`kiosk recognise`: pictures from files, one answer each."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any

from kiosk.catalog.snapshot import Snapshot
from kiosk.cli.options import Verbs, add_config, load_config
from kiosk.cli.visible import visible
from kiosk.decide import Answer, Said, Verdict, judge, same
from kiosk.errors import ImageError
from kiosk.imports.filter import parse, row_of
from kiosk.models import Models, load_models
from kiosk.recognise import Recogniser, still
from kiosk.recognise.listed import Wanted
from kiosk.store.place import open_answering
from kiosk.values import Look, Match, Outcome, Rule, Verified
from kiosk.vision.decode import read_picture


def register(verbs: Verbs) -> None:
    parser = verbs.add_parser(
        "recognise",
        help="recognise the items in picture files",
        description="Recognise the item in each picture: the same stages and thresholds as the "
        "kiosk, but one look per picture, so no agreement over frames.",
    )
    add_config(parser)
    parser.add_argument(
        "--catalog", type=Path, metavar="DIR", help="release folder (default: the configured one)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object per picture and line")
    parser.add_argument(
        "--is",
        dest="asked",
        metavar="SKU",
        help="only say whether it is this SKU: yes, no or unsure; exit code 69 unless all are yes",
    )
    parser.add_argument(
        "--filter",
        metavar="EXPR",
        help="list only SKUs that match, such as: category = 'Rings' AND int_attr < 100",
    )
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    wanted = _wanted(arguments.filter)
    config = load_config(arguments)
    own = Models(*load_models(config.models, config.locate))
    opened = open_answering(config, own, arguments.catalog)
    snapshot, models = opened.snapshot, opened.models
    recogniser = Recogniser(models.locator, models.embedder, config.verify, wanted=wanted)
    failed = doubted = 0
    try:
        if arguments.asked is not None:
            snapshot.record(arguments.asked)  # a SKU that is not in there can be nothing
        for image in arguments.images:
            try:
                look = recogniser.look(still(read_picture(image)), snapshot)
            except ImageError as error:
                failed += 1
                _trouble(image, error, as_json=arguments.json)
                continue
            if arguments.asked is not None:
                doubted += not _is(image, look, arguments.asked, as_json=arguments.json)
                continue
            _answer(image, look, snapshot, config.decide.candidates, as_json=arguments.json)
    finally:
        snapshot.close()
    if failed:
        return os.EX_DATAERR
    return os.EX_UNAVAILABLE if doubted else os.EX_OK


def _wanted(text: str | None) -> Wanted | None:
    if text is None:
        return None
    parsed = parse(text)
    return lambda record: parsed.matches(row_of(record))


def _trouble(image: Path, error: ImageError, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"image": str(image), "error": error.code, "message": str(error)}))
    else:
        print(f"kiosk: {error}", file=sys.stderr)


def _is(image: Path, look: Look, sku: str, *, as_json: bool) -> bool:
    """Print whether it is that SKU, by the threshold of this very question; True for yes."""
    answer = same(look.matches, sku, look.thresholds)
    if look.subject is None:
        answer = Answer(Said.NO, "nothing there")
    if as_json:
        body = {"image": str(image), "sku": sku, "answer": answer.said.value}
        print(json.dumps({**body, "reason": answer.reason, "release": look.release}))
    else:
        print(f"{visible(str(image))}: {answer.said.value} ({visible(answer.reason)})")
    return answer.said is Said.YES


def _answer(image: Path, look: Look, snapshot: Snapshot, most: int, *, as_json: bool) -> None:
    verdict = judge(look.matches, look.thresholds)
    if as_json:
        print(json.dumps(_report(image, look, verdict, snapshot, most), ensure_ascii=False))
    elif look.subject is None:
        print(f"{visible(str(image))}: nothing there")
    else:
        print(f"{visible(str(image))}: {verdict.outcome.value} ({_reason(verdict.rule)})")
        for match in verdict.matches[: 1 if verdict.outcome is Outcome.ACCEPTED else most]:
            name = snapshot.record(match.sku).name
            print(f"    {_evidence(match)}  {visible(match.sku)}  {visible(name)}")
        if look.unverified:
            print(f"    no time to compare {look.unverified} candidates; see verify.budget_ms")


def _evidence(match: Match) -> str:
    """The similarity and, after a second look, the points of the print that were found."""
    if match.verified is None:
        return f"{match.similarity:.3f}"
    return f"{match.similarity:.3f}  {match.verified.points:>3} points"


def _reason(rule: Rule) -> str:
    """The rule in words for one look: over one picture nothing can be steady."""
    return "similar and clear" if rule is Rule.ACCEPTED else rule.value


def _rounded(found: Verified) -> dict[str, float]:
    return {name: round(value, 4) for name, value in dataclasses.asdict(found).items()}


def _report(
    image: Path, look: Look, verdict: Verdict, snapshot: Snapshot, most: int
) -> dict[str, Any]:
    found = look.subject is not None
    accepted = found and verdict.outcome is Outcome.ACCEPTED
    return {
        "image": str(image),
        "decision": verdict.outcome.value if found else "nothing there",
        "sku": verdict.sku if accepted else None,
        "rule": verdict.rule.value if found else None,
        "matches": [
            {
                "sku": match.sku,
                "name": snapshot.record(match.sku).name,
                "custom_content": snapshot.custom(match.reference),
                "similarity": round(match.similarity, 4),
                "evidence": round(match.evidence, 4),
                "verified": _rounded(match.verified) if match.verified else None,
            }
            for match in verdict.matches[:most]
        ],
        "unverified": look.unverified,
        "box": look.subject.box.as_list() if look.subject else None,
        "items": len(look.detections),
        "release": look.release,
        "timings_ms": {
            name.removesuffix("_ms"): round(value, 2)
            for name, value in dataclasses.asdict(look.timings).items()
        },
    }
