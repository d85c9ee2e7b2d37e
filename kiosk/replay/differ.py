# SPDX-License-Identifier: Apache-2.0
"""What a decision made again says otherwise, in sentences. None: it is the same."""

from __future__ import annotations

from collections.abc import Iterator

from kiosk.journal import Story
from kiosk.journal.looks import match_of
from kiosk.replay.again import Replayed
from kiosk.values import Match, Outcome

TOLERANCE = 1e-4
"""Numbers that differ by less are equal: another CPU adds up in another order."""


def differences(story: Story, replayed: Replayed) -> tuple[str, ...]:
    """Everything that is not as it was, the answer first; on another release only the answer."""
    answer = tuple(_answer(story, replayed))
    return (*answer, *_numbers(story, replayed)) if replayed.same_release else answer


def largest(story: Story, replayed: Replayed) -> float:
    """Greatest difference between a similarity in the journal and the same one now."""
    found = 0.0
    for then, now in zip(story.looks, replayed.looks, strict=True):
        seen = {match.sku: match for match in now.matches}
        for match in then.matches:
            if match.sku in seen:
                found = max(found, abs(match.similarity - seen[match.sku].similarity))
    return found


def accepted(replayed: Replayed) -> str | None:
    """The SKU accepted now; None for every other outcome."""
    verdict = replayed.verdict
    return verdict.sku if verdict.outcome is Outcome.ACCEPTED else None


def _answer(story: Story, replayed: Replayed) -> Iterator[str]:
    verdict = replayed.verdict
    if story.entry["outcome"] != verdict.outcome.value:
        yield f"outcome: {story.entry['outcome']} then, {verdict.outcome.value} now"
    if story.entry["sku"] != accepted(replayed):
        yield f"SKU: {story.entry['sku'] or 'none'} then, {accepted(replayed) or 'none'} now"
    if story.entry["rule"] != verdict.rule.value and replayed.same_release:
        yield f"rule: {story.entry['rule']!r} then, {verdict.rule.value!r} now"


def _numbers(story: Story, replayed: Replayed) -> Iterator[str]:
    verdict = replayed.verdict
    for name, now in (("similarity", verdict.similarity), ("margin", verdict.margin)):
        yield from _unequal(name, story.evidence.get(name), now)
    for number, (then, look) in enumerate(zip(story.looks, replayed.looks, strict=True), 1):
        seen = {match.sku: match for match in look.matches}
        # The last of the list may be others: Annoy promises nearly all neighbours, not all.
        for match in then.matches:
            if match.sku in seen or match is then.matches[0]:
                yield from _match(f"look {number}, {match.sku}", match, seen.get(match.sku))
    now_matches = {match.sku: match for match in verdict.matches}
    for facts in story.evidence.get("matches", ()):
        match = match_of(facts)
        yield from _match(match.sku, match, now_matches.get(match.sku))


def _match(where: str, then: Match, now: Match | None) -> Iterator[str]:
    if now is None:
        yield f"{where}: found then, not now"
        return
    yield from _unequal(f"{where}: similarity", then.similarity, now.similarity)
    yield from _unequal(f"{where}: evidence", then.evidence, now.evidence)


def _unequal(what: str, then: float | None, now: float) -> Iterator[str]:
    if then is None or abs(then - now) > TOLERANCE:
        was = "none" if then is None else f"{then:.4f}"
        yield f"{what}: {was} then, {now:.4f} now"
