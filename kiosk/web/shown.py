# SPDX-License-Identifier: Apache-2.0
"""How an answer stands on the operator's page: its headline, its cards and its evidence."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from kiosk.board import Shown
from kiosk.orders.values import Offer
from kiosk.values import Decision, Match, Outcome, Record, Rule
from kiosk.web import enrol_words, words

CARDS = 5


def thumbnail_url(release: str, reference: int) -> str:
    """Where the page finds a reference picture."""
    return f"/thumbnail/{quote(release, safe='')}/{reference}.jpg"


def added_url(sku: str) -> str:
    """Where the page finds the picture of what was added on this kiosk: its rows come and go."""
    return f"/added.jpg?sku={quote(sku, safe='')}"


def picture_url(release: str, match: Match | Offer) -> str:
    """Where the page finds the picture of a match, or of what an order offers."""
    return added_url(match.sku) if match.added else thumbnail_url(release, match.reference)


def show_decision(page: dict[str, Any], shown: Shown) -> None:
    """Fill the decision panel and what belongs to it."""
    decision = shown.decision
    page["decision"] = decision.decision_id
    page["confirmed"] = shown.confirmed or ""
    if decision.outcome in {Outcome.CHOOSE, Outcome.MISMATCH}:
        _show_choice(page, shown)
    elif shown.records:
        match, record = decision.matches[0], shown.records[0]
        name = record.name or record.sku
        if decision.outcome is Outcome.ACCEPTED:
            page["refuse"] = words.REFUSE
            page["texts"] |= {"name": name, "sku": record.sku, "category": record.category}
            label = words.BY_BARCODE if decision.rule is Rule.BARCODE else words.REFERENCE
            if match.added:
                label = enrol_words.ADDED_HERE
            show_evidence(page, label, "", shown, match)
        else:
            show_evidence(page, words.NEAREST_LABEL, name, shown, match)
    else:
        show_evidence(page, "", "")
    if decision.outcome is Outcome.UNKNOWN:
        page["texts"]["detail"] = _unknown(decision)


def _show_choice(page: dict[str, Any], shown: Shown) -> None:
    """Cards to tap. Of a mismatch: what it looks like, and what its barcode says."""
    decision = shown.decision
    release = decision.hashes.release
    coded = {sku for look in decision.looks for sku in look.coded}
    pairs = list(zip(decision.matches, shown.records, strict=False))
    here = {match.sku for match in decision.matches if match.added}
    mismatch = decision.outcome is Outcome.MISMATCH
    if mismatch:
        pairs = pairs[:1] + [pair for pair in pairs[1:] if pair[0].sku in coded]
    cards = [_card(match, record, release) for match, record in pairs[:CARDS]]
    for card in cards:
        if card["sku"] in coded:
            card["note"] = words.ITS_BARCODE
        elif mismatch:
            card["note"] = words.LOOKS_LIKE
        elif card["sku"] in here:
            card["note"] = enrol_words.ADDED_HERE
    page["cards"] = cards
    if shown.confirmed:
        page["texts"]["headline"] = words.CONFIRMED
        show_evidence(page, "", words.COMPARE_DONE)
        return
    page["refuse"] = "" if mismatch else words.REFUSE_ALL
    why = words.WHY_ASKED.get(decision.rule, "")
    if decision.category:
        why = words.A_KIND_OF.format(category=decision.category, why=why)
    show_evidence(page, why, words.COMPARE_MISMATCH if mismatch else words.COMPARE)


def _unknown(decision: Decision) -> str:
    """What is known of an item all the same: its kind, and a code that nobody filed."""
    parts = [words.DETAILS["unknown"]]
    if decision.category:
        parts = [words.LOOKS_LIKE_KIND.format(category=decision.category)]
    if not any(look.coded for look in decision.looks):
        parts += [words.UNFILED_CODE.format(code=code.text) for code in decision.codes[:1]]
    return " ".join(parts)


def show_last(page: dict[str, Any], shown: Shown) -> None:
    outcome = shown.decision.outcome
    said = shown.confirmed or shown.decision.sku
    for match, record in zip(shown.decision.matches, shown.records, strict=False):
        if match.sku == said:
            show_evidence(page, words.LAST, record.name or record.sku, shown, match)
            page["texts"] |= {"evidence-sku": record.sku, "evidence-percent": ""}
            return
    text = words.HEADLINES["unknown"] if outcome is Outcome.UNKNOWN else words.LAST_OPEN
    show_evidence(page, words.LAST, text)


def show_evidence(
    page: dict[str, Any],
    label: str,
    text: str,
    shown: Shown | None = None,
    match: Match | None = None,
) -> None:
    """Fill the strip: a label, a text and, of one match, its picture and evidence."""
    percent = found = ""
    if shown is not None and match is not None:
        percent = f"{100 * min(max(match.similarity, 0.0), 1.0):.0f}%"
        if match.verified is not None and match.verified.points:
            found = words.PRINT.format(count=match.verified.points)
        page["picture"] = picture_url(shown.decision.hashes.release, match)
    page["texts"] |= {
        "evidence-label": label,
        "evidence-text": text,
        "evidence-sku": found,
        "evidence-percent": percent,
    }


def _card(match: Match, record: Record, release: str) -> dict[str, str]:
    return {
        "sku": match.sku,
        "name": record.name or record.sku,
        "category": record.category,
        "picture": picture_url(release, match),
        "note": "",
    }
