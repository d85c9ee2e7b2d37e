# SPDX-License-Identifier: Apache-2.0
"""Evaluate recognition on a manifest of photos: the catalog from its references, then every query.

    python -m tools.evaluate MANIFEST.csv [--split test] [--enrol N] [--whole] [--json OUT]

The real path of the product, one look per photo: locate, embed, search, judge, with the thresholds
that the built release carries. A photo in which nothing is located counts as wrong. `--enrol N`
adds N photos per SKU of the other split to the references, as an owner would who takes photos of
his own; `--whole` skips the locator for the queries, for comparison.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from kiosk.catalog.build import BuildOptions, build
from kiosk.catalog.snapshot import Snapshot
from kiosk.config import LocateConfig, ModelsConfig, SearchConfig
from kiosk.decide import judge
from kiosk.models import load_models
from kiosk.recognise import Recogniser, still
from kiosk.values import Box, Embedding, Match, Outcome, Pixels
from kiosk.vision.decode import read_picture
from kiosk.vision.embed import Embedder

TOP = 5


@dataclass(frozen=True, slots=True)
class Query:
    path: Path
    sku: str
    category: str


@dataclass(frozen=True, slots=True)
class Answer:
    query: Query
    rank: int
    """Place of the right SKU, 1 is first; 0 when it is not among the listed."""
    outcome: str
    similarity: float

    @property
    def right(self) -> bool:
        return self.rank == 1


def queries(manifest: Path, split: str) -> list[Query]:
    """Rows with role `photo` of the wanted split."""
    with manifest.open(encoding="utf-8-sig", newline="") as file:
        return [
            Query(manifest.parent / row["path"], row["sku"], row["category"])
            for row in csv.DictReader(file)
            if row["role"] == "photo" and row["split"] == split
        ]


def gathered(manifest: Path, split: str, enrol: int, folder: Path) -> Path:
    """Copy the references and, per SKU, `enrol` photos of other splits into a folder per SKU."""
    taken: Counter[str] = Counter()
    with manifest.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            reference = row["role"] == "reference"
            extra = row["role"] == "photo" and row["split"] != split and taken[row["sku"]] < enrol
            if not (reference or extra):
                continue
            taken[row["sku"]] += extra
            path = manifest.parent / row["path"]
            (folder / row["sku"]).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / row["sku"] / path.name)
    return folder


def evaluate(
    manifest: Path, split: str, *, whole: bool, augment: bool, enrol: int = 0, step: int = 1
) -> tuple[list[Answer], Snapshot]:
    """Build the catalog in a scratch folder, then answer every `step`-th query."""
    locator, embedder = load_models(ModelsConfig(), LocateConfig())
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "release"
        source = gathered(manifest, split, enrol, Path(scratch) / "s") if enrol else manifest
        build(
            source,
            out,
            locator=locator,
            embedder=embedder,
            options=BuildOptions(augment=augment),
        )
        snapshot = Snapshot.open(out, embedder=embedder.card.sha256, config=SearchConfig())
        recogniser = Recogniser(locator, embedder)

        def located(pixels: Pixels) -> tuple[Match, ...] | None:
            look = recogniser.look(still(pixels), snapshot)
            return None if look.subject is None else look.matches

        def uncropped(pixels: Pixels) -> tuple[Match, ...] | None:
            return snapshot.match(_whole(embedder, pixels), 8)

        match = uncropped if whole else located
        answers = [_answer(query, match, snapshot) for query in queries(manifest, split)[::step]]
        snapshot.close()
        return answers, snapshot


def _whole(embedder: Embedder, pixels: Pixels) -> Embedding:
    box = Box(0, 0, pixels.shape[1], pixels.shape[0])
    embedding: Embedding = embedder.embed([embedder.crop(pixels, box)])[0]
    return embedding


def _answer(
    query: Query, match: Callable[[Pixels], tuple[Match, ...] | None], snapshot: Snapshot
) -> Answer:
    matches = match(read_picture(query.path))
    if matches is None:
        return Answer(query, 0, "nothing there", 0.0)
    order = [each.sku for each in matches]
    rank = order.index(query.sku) + 1 if query.sku in order else 0
    verdict = judge(matches, snapshot.thresholds)
    return Answer(query, rank, verdict.outcome.value, verdict.similarity)


def summary(answers: Iterable[Answer]) -> dict[str, float]:
    """Shares of the queries, and accuracy among the accepted (1.0 when none was)."""
    answers = list(answers)
    count = len(answers)
    accepted = [each for each in answers if each.outcome == Outcome.ACCEPTED]
    outcomes = Counter(each.outcome for each in answers)
    shares = {
        name: round(outcomes[name] / count, 4)
        for name in ("accepted", "choose", "unknown", "nothing there")
    }
    return {
        "queries": count,
        "top1": round(sum(each.right for each in answers) / count, 4),
        "top5": round(sum(1 <= each.rank <= TOP for each in answers) / count, 4),
        **shares,
        "accepted_count": len(accepted),
        "accepted_wrong": sum(not each.right for each in accepted),
        "accuracy_among_accepted": round(
            sum(each.right for each in accepted) / len(accepted) if accepted else 1.0, 4
        ),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--whole", action="store_true", help="queries without the locator")
    parser.add_argument("--enrol", type=int, default=0, metavar="N")
    parser.add_argument("--no-augment", action="store_true")
    parser.add_argument("--step", type=int, default=1, help="only every so manieth query")
    parser.add_argument("--json", type=Path, metavar="OUT")
    wanted = parser.parse_args()
    answers, snapshot = evaluate(
        wanted.manifest,
        wanted.split,
        whole=wanted.whole,
        augment=not wanted.no_augment,
        enrol=wanted.enrol,
        step=wanted.step,
    )
    groups: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        groups["all"].append(answer)
        groups[answer.query.category].append(answer)
    table = {name: summary(group) for name, group in groups.items()}
    limits = snapshot.thresholds
    print(
        f"thresholds: accept {limits.accept:.3f} choose {limits.choose:.3f} "
        f"margin {limits.margin:.3f} ({limits.samples} samples; {limits.method})"
    )
    for name, row in table.items():
        print(f"\n{name}")
        for key, value in row.items():
            print(f"  {key:24} {value}")
    if wanted.json:
        wanted.json.write_text(json.dumps(table, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
