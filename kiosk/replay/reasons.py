# SPDX-License-Identifier: Apache-2.0
"""Why a decision came out as it did, in sentences for people: each rule with the number it was held
against, and what would have changed it. Pure; speaks of nothing that is not in the story.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kiosk.decide.conclude import Moment, clear, coded, said
from kiosk.decide.rule import CLEAR_PRINT
from kiosk.journal import Story
from kiosk.journal.looks import match_of
from kiosk.values import NEVER_APART, Look, Match, Rule, Thresholds


@dataclass(frozen=True, slots=True)
class Vote:
    """What one frame said on its own."""

    sequence: int
    outcome: str
    rule: str
    sku: str
    """The best SKU, whatever the outcome; or empty."""
    similarity: float
    margin: float
    counts: bool
    """It showed the item well enough to speak for an answer."""
    hint: str
    """What stood in the way; or empty."""


def votes(looks: Sequence[Look]) -> tuple[Vote, ...]:
    """One for each look, oldest first."""
    codes = coded(looks)
    return tuple(_vote(look, codes) for look in looks)


def shown(story: Story) -> tuple[Match, ...]:
    """The matches that went with the answer. Empty when they cannot be read."""
    try:
        return tuple(match_of(facts) for facts in story.evidence.get("matches", ()))
    except (ValueError, TypeError, KeyError):
        return ()


def because(story: Story) -> str:
    """Which rule fired, and against which number it was held."""
    matches, limits = shown(story), story.thresholds
    best = matches[0] if matches else None
    similarity = _number(story.evidence.get("similarity"))
    rule = str(story.entry["rule"])
    if best is None:
        return f"{rule}: the catalog gave no SKU to compare with"
    return {
        Rule.ACCEPTED.value: f"{_frames(story)} said {best.sku}; {_accepting(best, limits)}; lead "
        f"{_number(story.evidence.get('margin'))} of {limits.margin:.3f} needed",
        Rule.BARCODE.value: f"the barcode {_codes(story)} belongs to {_coded(story)}",
        Rule.LOW_SIMILARITY.value: f"{best.sku} is the nearest with {best.evidence:.3f}, and "
        f"{limits.choose:.3f} is needed to offer it",
        Rule.SOME_SIMILARITY.value: f"{best.sku} is the nearest; {_lacking(best, limits)}",
        Rule.SMALL_MARGIN.value: f"{_two(matches)} lie {_number(story.evidence.get('margin'))} "
        f"apart, and {limits.margin:.3f} is needed to tell them",
        Rule.LOOK_ALIKES.value: f"{best.sku} has look-alikes{_group(best)}; "
        f"{_telling(best, limits)}",
        Rule.REFUSED.value: f"a person said of an item like this that it is not {best.sku}",
        Rule.UNFINISHED.value: f"the second look at {best.sku} found its print, and "
        f"{_left(story)} other candidates were not compared in time (verify.budget_ms)",
        Rule.NO_AGREEMENT.value: f"all frames together speak for {best.sku} with {similarity}, but "
        f"only {_frames(story)} said so",
        Rule.POOR_VIEW.value: f"all frames together speak for {best.sku} with {similarity}, but "
        f"the item was not seen well{_hint(story)}",
        Rule.MISMATCH.value: f"it looks like {best.sku}, and the barcode {_codes(story)} belongs "
        f"to {_coded(story)}",
    }.get(rule, rule)


def otherwise(story: Story) -> str:
    """What would have changed it, in one line."""
    matches, limits = shown(story), story.thresholds
    if not matches:
        return "a catalog that holds the item"
    best = matches[0]
    rule = str(story.entry["rule"])
    if rule == Rule.ACCEPTED.value:
        return _doubt(best, story, limits)
    return {
        Rule.BARCODE.value: "without the barcode a person would have been asked",
        Rule.LOW_SIMILARITY.value: f"evidence {best.evidence:.3f} of {limits.choose:.3f} needed to "
        "offer it: add pictures of the item to the catalog, or show it closer and better lit",
        Rule.SOME_SIMILARITY.value: f"{_lacking(best, limits)}: add pictures of {best.sku} as this "
        "camera sees it",
        Rule.SMALL_MARGIN.value: f"lead {_number(story.evidence.get('margin'))} of "
        f"{limits.margin:.3f} needed: a side that tells {_two(matches)}, or the barcode",
        Rule.LOOK_ALIKES.value: "the print that tells them apart, the barcode, or a tap",
        Rule.REFUSED.value: f"undo the refusal of {best.sku} (`kiosk refusals list`), if it was "
        "a mistake",
        Rule.UNFINISHED.value: "more time for the second look (verify.budget_ms)",
        Rule.NO_AGREEMENT.value: "the item lying still in one place until the frames agree",
        Rule.POOR_VIEW.value: f"a better view of the item{_hint(story)}",
        Rule.MISMATCH.value: "the item's own label, or its barcode filed under the right SKU",
    }.get(rule, "nothing that the journal knows of")


def _vote(look: Look, codes: frozenset[str]) -> Vote:
    verdict = said(look, codes)
    hint = look.hint.value if look.hint is not None else ""
    return Vote(
        look.sequence,
        verdict.outcome.value,
        verdict.rule.value,
        verdict.sku or "",
        verdict.similarity,
        verdict.margin,
        clear(look),
        hint or ("" if look.whole else "reaches over the edge"),
    )


def _accepting(best: Match, limits: Thresholds) -> str:
    if best.similarity >= _least(best, limits):
        return f"similarity {best.similarity:.3f} of {_least(best, limits):.3f} needed"
    return f"evidence by its print {best.evidence:.3f} of {limits.by_print:.3f} needed"


def _lacking(best: Match, limits: Thresholds) -> str:
    least = _least(best, limits)
    if least >= NEVER_APART:
        sentence = "by similarity it is never accepted"
    else:
        sentence = f"similarity {best.similarity:.3f} of {least:.3f} needed"
    if limits.by_print >= NEVER_APART:
        return sentence
    if best.verified is None:
        return f"{sentence}, or its print, which was not looked for"
    strength = best.verified.strength
    if strength < CLEAR_PRINT:
        return f"{sentence}, or its print, found with strength {strength:.2f} of {CLEAR_PRINT}"
    return f"{sentence}, or by its print {best.evidence:.3f} of {limits.by_print:.3f}"


def _telling(best: Match, limits: Thresholds) -> str:
    if limits.apart >= NEVER_APART:
        return "in this release only a barcode or a person tells them apart"
    if best.verified is None or best.verified.strength < CLEAR_PRINT:
        return "the second look did not find the print that tells them apart"
    return f"its print must lead by {limits.apart:.3f}"


def _doubt(best: Match, story: Story, limits: Thresholds) -> str:
    lead = story.evidence.get("margin")
    spare = [(best.similarity - _least(best, limits), "similarity")]
    if best.similarity < _least(best, limits):
        spare = [(best.evidence - limits.by_print, "evidence by its print")]
    if lead is not None:
        spare.append((float(lead) - limits.margin, "lead over the runner-up"))
    least, name = min(spare)
    return f"{least:.3f} less {name} would have made it a question"


def _least(best: Match, limits: Thresholds) -> float:
    return limits.accept if best.accept is None else max(best.accept, limits.accept)


def _frames(story: Story) -> str:
    agreeing, frames = story.evidence.get("agreement", (0, 0))
    row = "frame" if agreeing == 1 else "frames in a row"
    return f"{agreeing} {row} (of {frames})"


def _two(matches: Sequence[Match]) -> str:
    return " and ".join(match.sku for match in matches[:2])


def _group(best: Match) -> str:
    return f" (group {best.group})" if best.group else ""


def _left(story: Story) -> str:
    left = story.looks[-1].unverified if story.looks else 0
    return str(left) if left else "some"


def _hint(story: Story) -> str:
    hint = story.looks[-1].hint if story.looks else None
    return f" ({hint.value.replace('_', ' ')})" if hint is not None else ""


def _codes(story: Story) -> str:
    codes: Sequence[Mapping[str, str]] = story.evidence.get("codes", ())
    return ", ".join(code["text"] for code in codes) or "that was read"


def _coded(story: Story) -> str:
    named = {sku: None for look in story.looks for sku in look.coded}
    return ", ".join(named) or "no SKU of the catalog"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


MOMENTS = {
    Moment.EARLY.value: "as soon as frames in a row agreed",
    Moment.LATE.value: "when the time was up, from all frames together",
    Moment.AGAIN.value: "after it had been unknown, when frames kept offering a choice",
}
