# SPDX-License-Identifier: Apache-2.0
"""Queries and answers, whoever gives them: the product or a peer.

A system lists SKUs best first, at most `LISTED`, and says how sure it is with one score. Only a
system that decides has an outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from kiosk.errors import ImageError
from kiosk.recognise import LISTED_SKUS
from kiosk.values import Box, Pixels
from kiosk.vision.decode import read_picture
from tools.evaluation.manifests import Picture, Problem

LISTED = LISTED_SKUS
"""SKUs an answer lists: a SKU beyond them counts as not found."""
NOTHING_FOUND = "nothing found"
UNDECIDED = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a system says of one picture."""

    ranked: tuple[str, ...]
    """SKUs, best first; empty when nothing was found."""
    score: float = float("-inf")
    """How sure it is that the first one is right; -inf when nothing was found."""
    similarity: float | None = None
    """Similarity of the asked SKU, wherever it ranks; None when it has none."""
    outcome: str = UNDECIDED
    """accepted, choose, unknown, nothing found; empty from a system that only ranks."""
    box: Box | None = None
    """Where the item was found, in pixels of the picture."""
    stages_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply to the question that was asked."""

    picture: Picture
    reply: Reply

    @property
    def rank(self) -> int:
        """Place of the asked SKU, 1 is first; 0 when it is not listed."""
        ranked = self.reply.ranked
        return ranked.index(self.picture.sku) + 1 if self.picture.sku in ranked else 0

    @property
    def answered(self) -> str | None:
        """The SKU named first."""
        return self.reply.ranked[0] if self.reply.ranked else None


class System(Protocol):
    """Whatever can be asked."""

    name: str

    def reply(self, pixels: Pixels, sku: str) -> Reply:
        """What is in a BGR uint8 (H, W, 3) picture? `sku` is only used for `Reply.similarity`."""
        ...


Progress = Callable[[str, int, int], None]
"""Told what is done, how far, and out of how many."""
Change = Callable[[Pixels, Picture], Pixels]
"""What is done to a picture before it is asked."""


def ask(
    system: System,
    pictures: Sequence[Picture],
    progress: Progress,
    change: Change | None = None,
    what: str = "",
) -> tuple[list[Answer], list[Problem]]:
    """Every picture that can be read, answered in order; the others are problems."""
    answers: list[Answer] = []
    problems: list[Problem] = []
    for done, picture in enumerate(pictures):
        progress(what or system.name, done, len(pictures))
        try:
            pixels = read_picture(picture.path)
        except ImageError as error:
            problems.append(Problem(picture.where, f"{error} [{error.code}]"))
            continue
        if change is not None:
            pixels = change(pixels, picture)
        answers.append(Answer(picture, system.reply(pixels, picture.sku)))
    if pictures:
        progress(what or system.name, len(pictures), len(pictures))
    return answers, problems
