# SPDX-License-Identifier: Apache-2.0
"""Catalogs of random halves of the SKUs, at every asked rate, and everything held against them.

Photos of enrolled SKUs are known, those of the other half are articles like them that are in no
catalog, and photos of quite other things come on top. One still photo stands for an item that lies
there until the kiosk has decided; that it is cut off or badly seen holds nothing back here, so the
rates are those of the rule alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from kiosk.catalog.claims import LISTED, OTHERS, UNLISTED
from kiosk.config import DecideConfig
from kiosk.errors import ImageError
from kiosk.values import Claim, Thresholds
from kiosk.vision.embed import Embedder
from kiosk.vision.locate import Locator
from tools.evaluation.answers import Progress
from tools.evaluation.cases import Case, Kind, Said, case
from tools.evaluation.held import Held, decided
from tools.evaluation.manifests import PHOTO, Picture, Problem
from tools.evaluation.plan import ANY_SPLIT, Choice, Plan, planned
from tools.evaluation.rates import Rates, rates
from tools.evaluation.releases import Releases
from tools.evaluation.sights import Seen, Sights

CLAIMED = {Kind.KNOWN: LISTED, Kind.LEFT_OUT: UNLISTED, Kind.OTHER: OTHERS}
"""Which claim of a release is about what."""
SHARE = 0.5
"""Of the SKUs, left out of each catalog."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """One half under one asked rate."""

    half: int
    risk: float
    plan: Plan
    thresholds: Thresholds


@dataclass(slots=True)
class Halves:
    """All catalogs and all cases."""

    catalogs: list[Catalog] = field(default_factory=list)
    cases: dict[tuple[float, Kind], list[Case]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def rates(self, seed: int) -> dict[float, dict[Kind, Rates]]:
        """By asked rate and by what was shown."""
        found: dict[float, dict[Kind, Rates]] = {}
        for (risk, kind), cases in self.cases.items():
            claims = {
                each.half: claim_of(each.thresholds, kind)
                for each in self.catalogs
                if each.risk == risk
            }
            found.setdefault(risk, {})[kind] = rates(cases, claims, seed)
        return found

    def wrong(self) -> dict[float, list[Case]]:
        """The cases that were accepted wrongly, by asked rate."""
        found: dict[float, list[Case]] = {}
        for (risk, _), cases in self.cases.items():
            wrong = [each for each in cases if each.said is Said.WRONG]
            found.setdefault(risk, []).extend(wrong)
        return found


def plans(pictures: Sequence[Picture], choice: Choice, halves: int) -> list[Plan]:
    """A plan for each half, every one with another seed. Raises UsageError, SourceError.

    All halves ask the same photos: every so manieth of the split.
    """
    asked = [
        each for each in pictures if each.role == PHOTO and choice.split in (ANY_SPLIT, each.split)
    ]
    kept = {each.file for each in asked[:: max(1, choice.step)]}
    dropped = {each.file for each in asked} - kept
    some = [each for each in pictures if each.file not in dropped]
    # Step 0 or less is for `planned` to refuse.
    whole = replace(choice, leave_out=SHARE, step=min(1, choice.step))
    return [planned(some, [], replace(whole, seed=choice.seed + n)) for n in range(halves)]


def claim_of(thresholds: Thresholds, kind: Kind) -> Claim | None:
    """What a release states of this kind; None: nothing."""
    return next((each for each in thresholds.claims if each.about == CLAIMED[kind]), None)


@dataclass(frozen=True, slots=True)
class Workbench:
    """What all measurements need."""

    models: tuple[Locator, Embedder]
    sights: Sights
    releases: Releases
    progress: Progress

    def seen(
        self, pictures: Sequence[Picture], what: str, problems: list[Problem]
    ) -> dict[Path, Seen]:
        """Every picture looked at, by its file; those that cannot be read become problems."""
        found: dict[Path, Seen] = {}
        for done, picture in enumerate(pictures):
            self.progress(what, done, len(pictures))
            try:
                found[picture.file] = self.sights.of(picture)
            except ImageError as error:
                problems.append(Problem(picture.where, f"{error} [{error.code}]"))
        return found

    def opened(self, references: Sequence[Picture], risk: float) -> Held:
        """The release of these pictures at this asked rate."""
        release = self.releases.of(references, risk)
        return Held(release, self.models[1].card.sha256, self.sights)


def measured(
    bench: Workbench,
    parts: Sequence[Plan],
    others: Sequence[Picture],
    risks: Sequence[float],
) -> Halves:
    """Hold every photo against every catalog that has something to say of it."""
    result = Halves()
    photos = {each.file: each for plan in parts for each in (*plan.queries, *plan.unknowns)}
    seen = bench.seen(list(photos.values()), "photos", result.problems)
    seen |= bench.seen(others, "other things", result.problems)
    for number, plan in enumerate(parts):
        for risk in risks:
            bench.progress(f"half {number + 1}, asked {risk:g}", number, len(parts))
            with closing(bench.opened(plan.references, risk)) as held:
                result.catalogs.append(Catalog(number, risk, plan, held.thresholds))
                for kind, pictures in _shown(plan, others):
                    cases = result.cases.setdefault((risk, kind), [])
                    cases += _asked(held, number, kind, pictures, seen)
    result.problems += bench.releases.problems
    return result


def _shown(plan: Plan, others: Sequence[Picture]) -> Iterator[tuple[Kind, Sequence[Picture]]]:
    yield Kind.KNOWN, plan.queries
    yield Kind.LEFT_OUT, plan.unknowns
    if others:
        yield Kind.OTHER, others


def _asked(
    held: Held,
    number: int,
    kind: Kind,
    pictures: Sequence[Picture],
    seen: Mapping[Path, Seen],
) -> Iterator[Case]:
    config = DecideConfig()
    for picture in pictures:
        sight = seen.get(picture.file)
        if sight is None:
            continue
        look = held.look(sight)
        clear = None if look is None else replace(look, whole=True, hint=None)
        decision = None if clear is None else decided(clear, config)
        yield case(picture, number, look, decision, listed=kind is Kind.KNOWN)
