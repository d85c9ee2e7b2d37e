# SPDX-License-Identifier: Apache-2.0
"""What a made-up item is: its kind, words, colours, picture and proportions, all from one seed.

Owns the vocabulary of the renderer. A design is small and says everything; the same design always
dresses into the same skin, so a twin is a design with one field changed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
Rng = np.random.Generator
Colour = tuple[int, int, int]
Hsv = tuple[float, float, float]
"""Hue in degrees, saturation and value 0..1."""

SOLIDS = ("box", "carton", "small_box")
TURNED = ("can", "bottle", "jar")
FLAT = ("pouch", "tube", "blister")
JEWELS = ("pendant", "ring", "earring")
PRODUCE = ("round_fruit", "long_fruit", "root")
KINDS = SOLIDS + TURNED + FLAT + JEWELS + PRODUCE
SHARES = dict(zip(KINDS, (16, 9, 8, 11, 11, 7, 10, 5, 5, 3, 3, 4, 4, 2, 2), strict=True))
"""How often each kind comes up, of 100."""
TWINS = ("colour", "word", "picture", "size")

_ONSETS = ("b", "br", "c", "ch", "d", "dr", "f", "fl", "g", "gr", "h", "j", "k", "kl", "l", "m",
           "n", "p", "pl", "r", "s", "st", "t", "tr", "v", "w", "z")  # fmt: skip
_VOWELS = ["a", "e", "i", "o", "u", "ai", "ea", "io", "oo"]
_ENDS = ("", "", "", "n", "r", "l", "s", "x", "nd", "tt", "m", "k")


@dataclass(frozen=True, slots=True)
class Design:
    """One made-up item. `main` colours its largest area; `size` is width, height, depth."""

    kind: str
    layout: int
    words: tuple[str, ...]
    main: Hsv
    picture: int
    size: tuple[float, float, float]


def made_up_word(rng: Rng, syllables: int) -> str:
    """A pronounceable word that means nothing, in lower case."""
    parts = [str(rng.choice(_ONSETS)) + str(rng.choice(_VOWELS)) for _ in range(syllables)]
    return "".join(parts) + str(rng.choice(_ENDS))


def colour_of(hsv: Hsv) -> Colour:
    """BGR of a hue (degrees), saturation and value (0..1)."""
    pixel = np.array([[[hsv[0] % 360, hsv[1], hsv[2]]]], np.float32)
    blue, green, red = cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR)[0, 0] * 255
    return int(blue), int(green), int(red)


def toned(colour: Colour, by: float) -> Colour:
    """The colour made darker (by < 1) or brighter."""
    blue, green, red = (min(255, max(0, int(v * by))) for v in colour)
    return blue, green, red


def mixed(first: Colour, second: Colour, share: float) -> Colour:
    """`share` of the second colour in the first."""
    blue, green, red = (
        int((1 - share) * a + share * b) for a, b in zip(first, second, strict=True)
    )
    return blue, green, red


def _main_colour(rng: Rng, kind: str) -> Hsv:
    if kind in JEWELS:  # gold, rose gold or silver
        return ((44.0, 0.55, 0.95), (18.0, 0.38, 0.92), (215.0, 0.05, 0.92))[int(rng.integers(3))]
    if kind == "root":
        return (
            float(rng.uniform(18, 48)),
            float(rng.uniform(0.3, 0.8)),
            float(rng.uniform(0.5, 0.9)),
        )
    if kind in PRODUCE:
        return _natural_colour(rng)
    draw = rng.random()
    if draw < 0.08:  # kraft paper
        return (
            float(rng.uniform(24, 40)),
            float(rng.uniform(0.2, 0.45)),
            float(rng.uniform(0.6, 0.8)),
        )
    if draw < 0.24:
        return float(rng.uniform(0, 360)), float(rng.uniform(0, 0.1)), float(rng.uniform(0.88, 1))
    if draw < 0.30:
        return float(rng.uniform(0, 360)), float(rng.uniform(0, 0.4)), float(rng.uniform(0.1, 0.25))
    return float(rng.uniform(0, 360)), float(rng.uniform(0.35, 1)), float(rng.uniform(0.4, 1))


def _natural_colour(rng: Rng) -> Hsv:
    hue = float(rng.choice([2, 12, 28, 46, 56, 75, 95, 120, 300]) + rng.normal(0, 5))
    if hue > 200:  # plums and aubergines are dark
        return hue, float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.15, 0.4))
    return hue, float(rng.uniform(0.5, 0.9)), float(rng.uniform(0.45, 0.92))


def _size(rng: Rng, kind: str) -> tuple[float, float, float]:
    low, high, thin, thick = {
        "box": (0.8, 1.9, 0.2, 0.6), "carton": (1.7, 2.8, 0.7, 1.0),
        "small_box": (0.3, 0.9, 0.25, 0.7), "can": (0.7, 2.4, 1.0, 1.0),
        "bottle": (2.2, 4.2, 1.0, 1.0), "jar": (0.9, 1.8, 1.0, 1.0),
        "pouch": (0.6, 1.7, 0.1, 0.2), "tube": (2.4, 4.0, 0.1, 0.2),
        "blister": (0.9, 1.9, 0.1, 0.2), "round_fruit": (0.8, 1.25, 1.0, 1.0),
        "long_fruit": (2.5, 6.0, 1.0, 1.0), "root": (1.0, 3.0, 1.0, 1.0),
    }.get(kind, (1.0, 1.6, 0.1, 0.2))  # fmt: skip
    height = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    return 1.0, height, float(rng.uniform(thin, thick))


def design(seed: int, kind: str | None = None) -> Design:
    """The made-up item number `seed`; its kind is drawn too unless one of KINDS is given."""
    rng = np.random.default_rng([seed, 71])
    weights = np.array([SHARES[name] for name in KINDS], float)
    drawn = str(rng.choice(KINDS, p=weights / weights.sum()))
    kind = kind or drawn
    lengths = (int(rng.integers(1, 4)), int(rng.integers(2, 4)), int(rng.integers(2, 4)))
    return Design(
        kind=kind,
        layout=int(rng.integers(2**31)),
        words=tuple(made_up_word(rng, length) for length in lengths),
        main=_main_colour(rng, kind),
        picture=int(rng.integers(2**31)),
        size=_size(rng, kind),
    )


def ways(one: Design) -> tuple[str, ...]:
    """The kinds of twin that show on this item: jewellery and produce bear no words."""
    if one.kind in JEWELS:
        return ("colour", "picture")
    return ("colour", "size") if one.kind in PRODUCE else TWINS


def twin_of(one: Design, how: str, seed: int) -> Design:
    """The same item with one thing changed. Raises ValueError when `how` would not show."""
    if how not in ways(one):
        raise ValueError(f"a {one.kind} has no {how!r} twin; choose one of {', '.join(ways(one))}")
    rng = np.random.default_rng([seed, one.layout, TWINS.index(how)])
    if how == "word":
        words = list(one.words)
        words[int(rng.integers(1, len(words)))] = made_up_word(rng, int(rng.integers(2, 4)))
        return replace(one, words=tuple(words))
    if how == "picture":
        return replace(one, picture=int(rng.integers(2**31)))
    if how == "size":
        width, height, depth = one.size
        stretch = float(rng.uniform(1.3, 1.6)) ** float(rng.choice([-1, 1]))
        return replace(one, size=(width, height * stretch, depth))
    hue, saturation, value = one.main
    turned = hue + float(rng.uniform(50, 310))
    if one.kind in JEWELS:
        metals = ((44.0, 0.55, 0.95), (18.0, 0.38, 0.92), (215.0, 0.05, 0.92))
        return replace(one, main=[m for m in metals if m != one.main][int(rng.integers(2))])
    if one.kind in PRODUCE:
        natural = _natural_colour(rng)
        while abs((natural[0] - hue + 180) % 360 - 180) < 25:
            natural = _natural_colour(rng)
        return replace(one, main=natural)
    if saturation < 0.35:  # white and black have no hue to turn: they get one
        saturation, value = float(rng.uniform(0.5, 0.9)), float(rng.uniform(0.5, 0.95))
    return replace(one, main=(turned % 360, saturation, value))
