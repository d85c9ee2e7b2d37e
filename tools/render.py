# SPDX-License-Identifier: Apache-2.0
"""Made-up items in any number, seen from any side: to train the embedder on instances and to test.

    python -m tools.render --out DIR --identities N --views K --seed S

Owns the door to `tools.rendering`. An identity is one SKU that exists nowhere; a view is one look
at it. Everything follows from the seeds alone. Nothing here reads a file.
"""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from tools.rendering import flat, jewels, light, produce, solids, turned
from tools.rendering.design import (
    JEWELS,
    KINDS,
    PRODUCE,
    SOLIDS,
    TURNED,
    TWINS,
    U8,
    Design,
    Rng,
    twin_of,
    ways,
)
from tools.rendering.design import design as drawn

__all__ = ["KINDS", "TWINS", "Identity", "front", "identity", "twin", "view", "ways"]

SIDES_PX = 32, 4096
"""Least and most pixels along a picture that the command draws."""
TRIES = 4
SHOWS = 0.12
"""Least mean difference of two fronts' channels, of 255, that a camera could tell from noise."""
Skin = solids.Skin | turned.Skin | flat.Skin | produce.Skin


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """One made-up SKU: what it is and its printed skin (about 0.5 MB)."""

    design: Design
    skin: Skin


def _dressed(one: Design) -> Identity:
    if one.kind in SOLIDS:
        return Identity(one, solids.dress(one))
    if one.kind in TURNED:
        return Identity(one, turned.dress(one))
    if one.kind in JEWELS:
        return Identity(one, jewels.dress(one))
    if one.kind in PRODUCE:
        long = one.kind == "long_fruit"
        return Identity(one, turned.long_fruit(one) if long else produce.dress(one))
    make = {"pouch": flat.pouch, "tube": flat.tube, "blister": flat.blister}[one.kind]
    return Identity(one, make(one))


def identity(seed: int, kind: str | None = None) -> Identity:
    """Made-up SKU number `seed` (any integer from 0); its kind is one of KINDS, drawn when None."""
    return _dressed(drawn(seed, kind))


def twin(one: Identity, how: str, seed: int = 0) -> Identity:
    """Another SKU that differs in one thing: `how` is one of `ways(one.design)`.

    colour: the hue of its main area; word: its name or its flavour's; picture: its flavour's
    picture or stones; size: its height. Raises ValueError where that would not show.
    """
    plain = front(one, 96).astype(np.int16)
    for attempt in range(TRIES):  # a changed word may lie under a sign or a bubble: take another
        other = _dressed(twin_of(one.design, how, seed * TRIES + attempt))
        if float(np.abs(front(other, 96) - plain).mean()) > SHOWS:
            break
    return other


def view(one: Identity, rng: Rng, side: int = 256) -> U8:
    """A look from a random side: BGRA uint8 side×side×4, the item nearly filling it.

    Alpha is how much of each pixel the item covers; colours are not multiplied by it.
    """
    return _seen(one, rng, light.pose(rng), side)


def front(one: Identity, side: int = 256) -> U8:
    """The catalog picture: straight on, even light; BGRA uint8 side×side×4, always the same."""
    return _seen(one, np.random.default_rng(0), light.FRONT, side)


def _seen(one: Identity, rng: Rng, at: light.Pose, side: int) -> U8:
    skin = one.skin
    if isinstance(skin, dict):
        return solids.view(one.design, skin, rng, at, side)
    if isinstance(skin, turned.Skin):
        fruit = one.design.kind == "long_fruit"
        return turned.view(turned.spun(skin, rng) if fruit else skin, rng, at, side)
    if isinstance(skin, produce.Skin):
        return produce.view(one.design, skin, rng, at, side)
    if one.design.kind in JEWELS:
        return jewels.view(one.design, skin, rng, at, side)
    return flat.view(skin, rng, at, side)


def _category(kind: str) -> str:
    return "jewellery" if kind in JEWELS else "produce" if kind in PRODUCE else "packaged"


def write_set(out: Path, identities: int, views: int, seed: int, side: int, form: str) -> None:
    """A front and `views` looks of each identity, and manifest.csv, in `out`."""
    rows = [("path", "sku", "role", "split", "category")]
    for number in range(identities):
        one = identity(seed * 1_000_003 + number)
        sku, category = f"made_{seed}_{number:05d}", _category(one.design.kind)
        (out / sku).mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng([seed, number, 99])
        looks = [
            ("reference", front(one, side)),
            *(("render", view(one, rng, side)) for _ in range(views)),
        ]
        for k, (role, pixels) in enumerate(looks):
            name = f"{sku}/{k:02d}.{form}"
            quality = [cv2.IMWRITE_WEBP_QUALITY, 90] if form == "webp" else []
            if not cv2.imwrite(str(out / name), pixels, quality):
                raise OSError(f"{out / name}: cannot be written; is the disk full?")
            rows.append((name, sku, role, "train", category))
    with (out / "manifest.csv").open("w", newline="") as handle:
        csv.writer(handle, lineterminator="\n").writerows(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a set of renders with its manifest."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--identities", type=int, default=100)
    parser.add_argument("--views", type=int, default=8, help="looks per identity beside its front")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--side", type=int, default=256, help="pixels, square")
    parser.add_argument("--form", choices=("webp", "png"), default="webp")
    args = parser.parse_args(arguments)
    for name, least in (("identities", 1), ("views", 0), ("seed", 0)):
        if getattr(args, name) < least:
            parser.error(f"--{name} {getattr(args, name)}: give {least} or more")
    if not SIDES_PX[0] <= args.side <= SIDES_PX[1]:
        parser.error(f"--side {args.side}: give {SIDES_PX[0]} to {SIDES_PX[1]} pixels")
    cv2.setNumThreads(1)
    try:
        write_set(args.out, args.identities, args.views, args.seed, args.side, args.form)
    except OSError as error:
        parser.exit(os.EX_CANTCREAT, f"render: {error}\n")


if __name__ == "__main__":
    main()
