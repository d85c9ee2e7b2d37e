# SPDX-License-Identifier: Apache-2.0
"""One decision made again from what the journal kept of it.

Similarities come from the embedding of every kept look. The second look of the look that settled it
is taken again where its local features are kept; all others carry what was found then: on the same
release their own, on another one that of the settling look where there is one, for it is the same
item. The answer is what `kiosk.decide.conclude`, the live kiosk's own rule, says of that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kiosk.catalog.details import COMPARED_SKUS
from kiosk.catalog.snapshot import Candidate, Snapshot
from kiosk.decide import Conclusion, Moment, Verdict, conclude, judge
from kiosk.errors import CatalogError, EmbeddingError, StateError
from kiosk.journal import Story
from kiosk.recognise.second_look import by_evidence, compared, turns
from kiosk.refusals import Refusals
from kiosk.values import Features, Look, Match, Outcome, Verified
from kiosk.verify import joined

FEATURES_GONE = "there are no local features of it: the second look is as it was then"
ADDED_HERE = "an item that was added on the kiosk took part, and a release does not have it"
NO_DETAILS = "this release has no second look to compare with: it is as it was then"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a decision comes to now."""

    verdict: Verdict
    moment: Moment
    looks: tuple[Look, ...]
    """As this release sees them."""
    same_release: bool
    remarks: tuple[str, ...]
    """What could not be made again, and what stands in for it."""


def again(
    story: Story, snapshot: Snapshot, agreement_frames: int, refusals: Refusals | None = None
) -> Replayed:
    """Make the decision of `story` again with the release in `snapshot`.

    `refusals`: those that count on another release; None: as they were then. Raises StateError when
    the journal kept too little, or what it kept is damaged.
    """
    if story.damage:
        raise StateError(story.damage)
    if not story.looks or any(look.embedding is None for look in story.looks):
        raise StateError(
            f"decision {story.decision_id}: the journal keeps no embeddings of it, an older kiosk "
            "wrote it; it can be explained, but not made again"
        )
    same = snapshot.release == story.looks[-1].release
    settling, remarks = _settling(story.looks[-1], snapshot, same, refusals)
    found = {} if same else _prints(settling, story.looks[:-1], snapshot)
    looks = tuple(
        _carried(look, snapshot, {**_recorded(look), **found}, same) for look in story.looks[:-1]
    )
    seen = tuple(
        _marked(look, then, snapshot, same, refusals)
        for look, then in zip((*looks, settling), story.looks, strict=True)
    )
    if any(match.added for look in story.looks for match in look.matches):
        remarks = (*remarks, ADDED_HERE)
    conclusion = _concluded(seen, agreement_frames, story)
    return Replayed(conclusion.verdict, conclusion.moment, seen, same, remarks)


def _concluded(looks: Sequence[Look], frames: int, story: Story) -> Conclusion:
    """What the live rule says: early if it can, else as when the time is up."""
    moments = [Moment.EARLY]
    if story.evidence.get("moment") == Moment.AGAIN.value:
        moments.append(Moment.AGAIN)
    for moment in (*moments, Moment.LATE):
        found = conclude(looks, frames, moment)
        if found is not None:
            return found
    raise AssertionError("when the time is up there is always an answer")


def _settling(
    look: Look, snapshot: Snapshot, same: bool, refusals: Refusals | None
) -> tuple[Look, tuple[str, ...]]:
    """The look that settled it, its second look taken again where that can be."""
    candidates = _candidates(look, snapshot)
    matches = tuple(candidate.match for candidate in candidates)
    if not _looked_twice(look, matches, snapshot, same, refusals):
        return _with(look, matches, snapshot), ()
    recorded = _recorded(look)
    if look.features is None:
        return _carried(look, snapshot, recorded, same), (FEATURES_GONE,) if recorded else ()
    order = turns(candidates, snapshot.details)
    if not order:
        return _carried(look, snapshot, recorded, same), (NO_DETAILS,) if recorded else ()
    made = compared(look.features, matches, order, math.inf).matches
    return _with(look, _unfinished(look, made) if same else made, snapshot), ()


def _prints(
    settling: Look, earlier: Sequence[Look], snapshot: Snapshot
) -> dict[str, Verified | None]:
    """What the settling look shows of each SKU, also of those that only an earlier look lists."""
    found: dict[str, Verified | None] = dict(_recorded(settling))
    features = _compared_features(settling)
    if features is None:
        return found
    more = {
        candidate.match.sku: candidate
        for look in earlier
        for candidate in _candidates(look, snapshot)
        if candidate.match.sku not in found
    }
    rest = tuple(more.values())
    matches = [candidate.match for candidate in rest]
    made = compared(features, matches, turns(rest, snapshot.details), math.inf).matches
    return found | {match.sku: match.verified for match in made if match.verified is not None}


def _looked_twice(
    look: Look,
    matches: Sequence[Match],
    snapshot: Snapshot,
    same: bool,
    refusals: Refusals | None,
) -> bool:
    """On the release it was made with as it was then; on another one as the live kiosk would."""
    if same:
        return any(match.fused is not None for match in look.matches)
    doubted = refusals is not None and refusals.concern(matches)
    return doubted or judge(matches, snapshot.thresholds).outcome is not Outcome.ACCEPTED


def _unfinished(look: Look, made: Sequence[Match]) -> tuple[Match, ...]:
    """What there was no time for then is left out again: this machine may be faster."""
    then = {match.sku: match for match in look.matches}
    return by_evidence(
        [
            replace(match, verified=None, fused=then[match.sku].fused)
            if match.sku in then and then[match.sku].verified is None
            else match
            for match in made
        ]
    )


def _carried(
    look: Look, snapshot: Snapshot, verified: Mapping[str, Verified | None], same: bool
) -> Look:
    """A look with new similarities and the second look of another time."""
    matches = [candidate.match for candidate in _candidates(look, snapshot)]
    joint = [
        replace(match, verified=found, fused=joined(match.similarity, found))
        if (found := verified.get(match.sku)) is not None
        else match
        for match in matches
    ]
    return _with(look, _unfinished(look, joint) if same else by_evidence(joint), snapshot)


def _marked(
    look: Look, then: Look, snapshot: Snapshot, same: bool, refusals: Refusals | None
) -> Look:
    """The look with what people said is not a SKU, and with what its barcodes name."""
    assert look.embedding is not None
    coded = then.coded if same else snapshot.coded(then.codes)
    coded = tuple(sku for sku in coded if _holds(snapshot, sku))
    listed = {match.sku for match in look.matches}
    named = tuple(snapshot.named(sku, look.embedding).match for sku in coded if sku not in listed)
    if refusals is not None and not same:
        matches = (
            *refusals.marked(look.matches, look.embedding, _compared_features(look)),
            *refusals.marked(named, look.embedding),
        )
    else:
        refused = {match.sku for match in then.matches if match.refused}
        matches = tuple(
            replace(match, refused=True) if match.sku in refused else match
            for match in (*look.matches, *named)
        )
    return replace(look, matches=by_evidence(matches), coded=coded)


def _holds(snapshot: Snapshot, sku: str) -> bool:
    """False for what was added on the kiosk."""
    try:
        snapshot.record(sku)
    except CatalogError:
        return False
    return True


def _compared_features(look: Look) -> Features | None:
    taken = any(match.verified is not None for match in look.matches)
    return look.features if taken else None


def _candidates(look: Look, snapshot: Snapshot) -> tuple[Candidate, ...]:
    assert look.embedding is not None
    try:
        return snapshot.candidates(look.embedding, COMPARED_SKUS)
    except EmbeddingError as error:
        raise StateError(
            f"a look cannot be searched ({error}): its embedding is damaged"
        ) from error


def _recorded(look: Look) -> dict[str, Verified | None]:
    return {match.sku: match.verified for match in look.matches if match.verified is not None}


def _with(look: Look, matches: Sequence[Match], snapshot: Snapshot) -> Look:
    return replace(
        look,
        matches=tuple(matches),
        thresholds=snapshot.thresholds,
        release=snapshot.release,
    )
