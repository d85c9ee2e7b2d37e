# SPDX-License-Identifier: Apache-2.0
"""Who is on the counter at frame n: visits, poses and hands, pure and deterministic for a seed.

One round shows every product once, in an order drawn from the seed; rounds follow each other for
ever.
"""

import bisect
import math
import random
from dataclasses import dataclass
from typing import Literal

from kiosk.scene.products import PRODUCTS, Product
from kiosk.scene.view import Pose

Phase = Literal["entering", "resting", "leaving"]

OPENING = ("CTN-GRANOLA", "CAN-ZINGO-TEAL", "BTL-OLIVE", "RNG-SAPPHIRE", "CTN-TEA", "CAN-COFFEE")
"""The first visits of a scene: the most photogenic items."""
ENTER_S, REST_S, LEAVE_S = 0.75, 2.5, 0.75
FLAT = ("rings", "pendants", "toys")


@dataclass(frozen=True, slots=True)
class Stay:
    """One product during a visit: where it rests and how it turns (cm, radians)."""

    product: Product
    rest: Pose
    spin: float
    sway: float
    arrive: float


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit: its frames [first, last), its products and who brings them."""

    number: int
    first: int
    last: int
    stays: tuple[Stay, ...]
    enter_side: int
    leave_side: int
    hand_in: bool
    hand_out: bool
    finger: bool
    style: int

    @property
    def products(self) -> tuple[Product, ...]:
        """The products of this visit."""
        return tuple(stay.product for stay in self.stays)

    def nearest(self, side: int) -> Stay:
        """The item that a hand from a side (-1 left, 1 right) holds."""
        return self.stays[0 if side < 0 else -1]


@dataclass(frozen=True, slots=True)
class Hold:
    """A hand at one moment: posture, which stay it belongs to, side it comes from and how far it is
    drawn back (cm).
    """

    posture: str
    stay: int
    side: int
    away: float


def phase_at(seconds: float) -> Phase:
    """Phase of a visit at a time since its start."""
    if seconds < ENTER_S:
        return "entering"
    return "resting" if seconds < ENTER_S + REST_S else "leaving"


def pose_at(visit: Visit, stay: Stay, seconds: float) -> Pose:
    """Pose of one item at a time since the start of its visit."""
    rest = stay.rest
    turn = rest.turn + stay.sway * math.sin(seconds * 1.9 + stay.arrive)
    share = min(max((seconds - ENTER_S) / REST_S, 0.0), 1.0)
    turn += stay.spin * (share * share * (3 - 2 * share) - 0.5)
    if seconds < ENTER_S:
        left = (1 - seconds / ENTER_S) ** 2.4
        lifted = visit.hand_in and stay is visit.nearest(visit.enter_side)
        return _carried(rest, visit.enter_side, left, turn + stay.arrive * left, lifted)
    if seconds > ENTER_S + REST_S:
        lifted = visit.hand_out and stay is visit.nearest(visit.leave_side)
        gone = ((seconds - ENTER_S - REST_S) / LEAVE_S) ** 2.2
        return _carried(rest, visit.leave_side, gone, turn - stay.arrive * gone, lifted)
    return Pose(rest.x, rest.z, turn, 0.0)


def _carried(rest: Pose, side: int, share: float, turn: float, lifted: bool) -> Pose:
    """Share 0 at rest, 1 outside the frame at a side (-1 left, 1 right)."""
    lift = 3.2 * math.sin(math.pi * min(share, 1.0) ** 0.6) if lifted else 0.0
    return Pose(rest.x + side * 40.0 * share, rest.z + 5.0 * share, turn, lift)


def hold_at(visit: Visit, seconds: float) -> Hold | None:
    """The hand at a time since the start of a visit, if one is in reach."""
    leave = ENTER_S + REST_S
    entering = visit.nearest(visit.enter_side)
    leaving = visit.nearest(visit.leave_side)
    if visit.hand_in and seconds < ENTER_S + 0.75:
        away = max(0.0, (seconds - ENTER_S - 0.12) / 0.63)
        return Hold(
            _grip(entering), visit.stays.index(entering), visit.enter_side, 34.0 * away**1.8
        )
    if visit.hand_out and seconds > leave - 0.65:
        away = max(0.0, (leave - 0.08 - seconds) / 0.57)
        return Hold(_grip(leaving), visit.stays.index(leaving), visit.leave_side, 34.0 * away**1.8)
    if visit.finger:
        middle = ENTER_S + (1.55 if visit.hand_in else 1.3)
        away = max(0.0, (abs(seconds - middle) - 0.35) / 0.4)
        if away < 1.0:
            return Hold("point", 0, visit.enter_side, 34.0 * away**1.6)
    return None


def _grip(stay: Stay) -> str:
    """Tall items are held around, flat ones pinched from above."""
    flat = stay.product.category in ("rings", "pendants") or stay.product.sku == "CAN-TUNA"
    return "pinch" if flat else "grip"


class Timeline:
    """All visits of a seed at a frame rate; grows as later frames are asked for."""

    def __init__(self, seed: int, fps: float) -> None:
        self._seed = seed
        self._fps = fps
        self._visits: list[Visit] = []
        self._firsts: list[int] = []
        self._round = 0
        self._clock = 0.3

    def visit(self, number: int) -> Visit:
        """Visit `number`, counted from 0."""
        while len(self._visits) <= number:
            self._add_round()
        return self._visits[number]

    def at(self, index: int) -> tuple[Visit, float] | None:
        """The visit that frame `index` falls into and the seconds since its start; None when the
        counter is empty.
        """
        while not self._visits or self._visits[-1].last <= index:
            self._add_round()
        place = bisect.bisect_right(self._firsts, index) - 1
        if place < 0 or index >= self._visits[place].last:
            return None
        visit = self._visits[place]
        return visit, (index - visit.first) / self._fps

    def next_after(self, index: int) -> Visit:
        """The first visit that starts after frame `index`."""
        while not self._visits or self._visits[-1].first <= index:
            self._add_round()
        return self._visits[bisect.bisect_right(self._firsts, index)]

    def _add_round(self) -> None:
        rng = random.Random(f"{self._seed}/{self._round}")
        order = list(PRODUCTS)
        rng.shuffle(order)
        if self._round == 0:
            order.sort(key=lambda p: OPENING.index(p.sku) if p.sku in OPENING else len(OPENING))
        self._round += 1
        while order:
            pair = len(self._visits) > len(OPENING) and len(order) > 1 and rng.random() < 0.14
            chosen = [order.pop(0) for _ in range(2 if pair else 1)]
            self._add_visit(rng, chosen)

    def _add_visit(self, rng: random.Random, chosen: list[Product]) -> None:
        number = len(self._visits)
        side = rng.choice((-1, 1))
        hand_in = number == 0 or rng.random() < 0.62
        finger = rng.random() < 0.22
        hand_out = not finger and rng.random() < 0.5
        places = (-8.6, 8.6) if len(chosen) == 2 else (rng.uniform(-3.5, 3.5),)
        stays = tuple(
            _stay(rng, product, x, number) for product, x in zip(chosen, places, strict=True)
        )
        length_s = ENTER_S + REST_S + LEAVE_S
        first = round(self._clock * self._fps)
        last = round((self._clock + length_s) * self._fps)
        away = side if rng.random() < 0.5 else -side
        self._visits.append(
            Visit(
                number, first, last, stays, side, away, hand_in, hand_out, finger, rng.randrange(3)
            )
        )
        self._firsts.append(first)
        swap = number > 3 and rng.random() < 0.2
        self._clock += length_s + (rng.uniform(0.1, 0.25) if swap else rng.uniform(0.7, 0.95))


def _stay(rng: random.Random, product: Product, x: float, number: int) -> Stay:
    """Where and how a product rests; flat things and toys turn less than boxes and cans."""
    flat = product.category in FLAT
    calm = 0.35 if product.category == "toys" else 1.0
    turn = rng.uniform(-0.12, 0.12) if flat else rng.uniform(0.06, 0.32) * rng.choice((-1, 1))
    spin = 0.0
    if rng.random() < 0.45 or number < 3:
        spin = rng.uniform(0.06, 0.14) if flat else rng.uniform(0.25, 0.5)
    arrive = rng.uniform(0.05, 0.15) if flat else rng.uniform(0.25, 0.8)
    rest = Pose(x + rng.uniform(-0.8, 0.8), rng.uniform(1.2, 4.2), calm * turn)
    spin *= calm * rng.choice((-1, 1))
    sway = calm * rng.uniform(0.01, 0.03)
    return Stay(product, rest, spin, sway, calm * arrive * rng.choice((-1, 1)))
