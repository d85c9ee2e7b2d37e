# SPDX-License-Identifier: Apache-2.0
"""What is enrolled, what is asked and what is unknown: one plan for every system of a run.

The rule: nothing that is asked is enrolled, and no SKU is both enrolled and unknown.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kiosk.errors import SourceError, UsageError
from tools.evaluation.manifests import PHOTO, REFERENCE, UNKNOWN, Picture, Problem

ANY_SPLIT = "any"
LEFT_OUT = "left out"
"""Source of the unknowns that were taken out of the catalog."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The options that shape a plan."""

    split: str = "test"
    """Split of the photos that are asked; `any` for all."""
    enrol: int = 0
    """Photos of other splits enrolled per SKU, beside its references."""
    photos_only: bool = False
    """Enrol these photos alone, without the references."""
    leave_out: float = 0.0
    """Share of the SKUs that is not enrolled."""
    step: int = 1
    """Ask every so manieth photo."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """Pictures by their part in the run."""

    references: tuple[Picture, ...]
    queries: tuple[Picture, ...]
    """Photos of enrolled SKUs."""
    unknowns: tuple[Picture, ...]
    """Photos of items that are in no catalog; `source` says why."""
    left_out: tuple[str, ...]
    problems: tuple[Problem, ...]

    @property
    def skus(self) -> tuple[str, ...]:
        """The enrolled SKUs, sorted."""
        return tuple(sorted({each.sku for each in self.references}))


def planned(pictures: Sequence[Picture], others: Sequence[Picture], choice: Choice) -> Plan:
    """A plan from the rows of the manifests and of the manifests of unknown items (`others`).

    Raises UsageError for impossible options, SourceError when nothing is left to enrol or ask.
    """
    _check(choice)
    references = _references(pictures, choice)
    if not references:
        raise SourceError(_nothing("to enrol: no row has the role `reference`", pictures))
    enrolled = {each.sku for each in references}
    left_out = _left_out(enrolled, choice)
    enrolled -= left_out
    taken = {each.file for each in references}
    photos = [
        each
        for each in pictures
        if each.role == PHOTO and choice.split in (ANY_SPLIT, each.split) and each.file not in taken
    ]
    if not photos:
        raise SourceError(_nothing(f"to ask: no photo of split {choice.split!r}", pictures))
    strange, problems = _strangers(pictures, others, enrolled, taken)
    problems += [
        Problem(sku, f"{count} photos, but no reference in any manifest: not asked")
        for sku, count in sorted(Counter(each.sku for each in photos).items())
        if sku not in enrolled | left_out
    ]
    queries = [each for each in photos if each.sku in enrolled]
    if not queries:
        raise SourceError(_nothing("to ask: no photo shows an enrolled SKU", pictures))
    removed = [replace(each, source=LEFT_OUT) for each in photos if each.sku in left_out]
    return Plan(
        references=tuple(each for each in references if each.sku in enrolled),
        queries=tuple(queries[:: choice.step]),
        unknowns=(*removed[:: choice.step], *strange[:: choice.step]),
        left_out=tuple(sorted(left_out)),
        problems=tuple(problems),
    )


def without(plan: Plan, lost: Iterable[str]) -> Plan:
    """The plan when these SKUs could not be enrolled: their photos are not asked, and it is told.

    Raises SourceError when nothing is left.
    """
    gone = frozenset(lost)
    if not gone:
        return plan
    counts = Counter(each.sku for each in plan.queries if each.sku in gone)
    problems = [
        Problem(sku, f"no usable reference, so its {counts[sku]} photos are not asked")
        for sku in sorted(gone)
    ]
    queries = tuple(each for each in plan.queries if each.sku not in gone)
    if not queries:
        raise SourceError("nothing to ask: no SKU with photos has a usable reference")
    return replace(
        plan,
        references=tuple(each for each in plan.references if each.sku not in gone),
        queries=queries,
        problems=(*plan.problems, *problems),
    )


def _check(choice: Choice) -> None:
    if choice.step < 1:
        raise UsageError(f"--step {choice.step}: give 1 or more")
    if choice.seed < 0:
        raise UsageError(f"--seed {choice.seed}: give 0 or more")
    if choice.enrol < 0:
        raise UsageError(f"--enrol {choice.enrol}: give 0 or more")
    if not 0 <= choice.leave_out < 1:
        raise UsageError(f"--leave-out {choice.leave_out:g}: give a share from 0 to below 1")
    if choice.photos_only and not choice.enrol:
        raise UsageError("--photos-only enrols photos alone: say how many with --enrol N")
    if choice.enrol and choice.split == ANY_SPLIT:
        raise UsageError("--enrol takes photos of other splits: ask one split with --split NAME")


def _references(pictures: Sequence[Picture], choice: Choice) -> list[Picture]:
    """References and, per SKU, `enrol` photos of other splits, spread evenly over its photos."""
    chosen = [] if choice.photos_only else [each for each in pictures if each.role == REFERENCE]
    if not choice.enrol:
        return chosen
    by_sku: dict[str, list[Picture]] = defaultdict(list)
    for each in pictures:
        if each.role == PHOTO and each.split != choice.split:
            by_sku[each.sku].append(each)
    known = {each.sku for each in pictures if each.role == REFERENCE}
    for sku in sorted(by_sku):
        if sku in known or choice.photos_only:
            rows = by_sku[sku]
            count = min(choice.enrol, len(rows))
            places = np.linspace(0, len(rows) - 1, count + 2)[1:-1] if count < len(rows) else None
            kept = range(len(rows)) if places is None else [int(place) for place in places]
            chosen += [rows[place] for place in kept]
    return chosen


def _left_out(enrolled: set[str], choice: Choice) -> set[str]:
    """A seeded share of the SKUs; at least one is left out and one is kept."""
    if not choice.leave_out:
        return set()
    names = sorted(enrolled)
    count = round(choice.leave_out * len(names))
    if not 1 <= count < len(names):
        raise UsageError(
            f"--leave-out {choice.leave_out:g} of {len(names)} SKUs leaves out {count}: at least "
            "one must be left out and one must stay"
        )
    order = np.random.default_rng(choice.seed).permutation(len(names))
    return {names[place] for place in order[:count]}


def _strangers(
    pictures: Sequence[Picture],
    others: Sequence[Picture],
    enrolled: set[str],
    taken: set[Path],
) -> tuple[list[Picture], list[Problem]]:
    """Pictures of items in no catalog: rows that say so, and photos of the `others`."""
    rows = [each for each in pictures if each.role == UNKNOWN]
    rows += [each for each in others if each.role in (UNKNOWN, PHOTO)]
    if others and not any(each.role in (UNKNOWN, PHOTO) for each in others):
        raise SourceError("the manifest of unknown items has no row of role `unknown` or `photo`")
    known = Counter(each.sku for each in rows if each.sku in enrolled)
    problems = [
        Problem(sku, f"is in the catalog, so its {count} pictures are not asked as unknown")
        for sku, count in sorted(known.items())
    ]
    strange = [each for each in rows if each.sku not in enrolled]
    problems += [
        Problem(each.where, f"{each.name!r} is a reference too, so it is not asked as unknown")
        for each in strange
        if each.file in taken
    ]
    return [each for each in strange if each.file not in taken], problems


def _nothing(what: str, pictures: Sequence[Picture]) -> str:
    kinds = sorted({f"{each.role}/{each.split or '(no split)'}" for each in pictures})
    return f"nothing {what}; the manifests hold {', '.join(kinds)}"
