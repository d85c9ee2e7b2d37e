# SPDX-License-Identifier: Apache-2.0
"""Ten thousand kiosks on one origin, simulated with the product's own rules and bytes.

    python -m tools.fleet [--kiosks N] [--before RELEASE --after RELEASE]

When a kiosk asks is `kiosk.sync.schedule`, whose turn it is `kiosk.announcement`, how often a
release is tried `kiosk.store.pointer`; what a poll or a rollback costs is measured on a repository
that the real publisher makes in memory. Time is simulated: no socket, no sleep, the same numbers
for the same seed. What a release costs is the difference of two built ones, where two are given.
"""

from __future__ import annotations

import argparse
import hashlib
import heapq
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kiosk.announcement import Gate, Rollout, Wave, bucket, moment, permille_at
from kiosk.store.pointer import MOST_TRIES
from kiosk.sync import schedule
from kiosk.sync.patience import LIMIT_S
from tools.fleet_costs import difference, measured

HOUR_S, DAY_S = 3600.0, 86400.0
BOOT_SPREAD_S = 300.0
"""How far apart kiosks boot when the power of a region comes back (one standard deviation)."""
START_S = 20.0
"""From the start of the program to its first answer, so what a failed try costs."""
REACTION_S = 1800.0
REPORTS = 3
"""Head office pauses a release so long after so many kiosks have reported that they put it back."""
LAST_MILE, ORIGIN = 2e6, 125e6
"""Bytes a second: of a shop's connection, and of the origin (1 Gbit/s)."""
WAVES = ((0.0, 10), (6.0, 100), (12.0, 500), (24.0, 1000))
"""Hours after the publication, permille."""
MEASURED_BYTES = 1_488_649
"""Of a release when none is given: 1 % changed of 100,000 references, by `tools.measure_sync`."""
START = datetime(2026, 12, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Policy:
    """When kiosks ask. `following`: from an answer to the next question, at a time of day."""

    name: str
    first: Callable[[float], float] = schedule.first_poll_s
    following: Callable[[float, float], float] = lambda now_s, share: schedule.poll_s(share)
    retry: Callable[[int, float], float] = schedule.retry_s
    retry_for_s: float = LIMIT_S
    """One pass goes on trying for so long; the next one begins again."""


PRODUCT = Policy("as built")
ON_THE_QUARTER = Policy(
    "all on the quarter of the hour",
    first=lambda share: 0.0,
    following=lambda now_s, share: schedule.POLL_S - now_s % schedule.POLL_S + 5 * share,
)
EVERY_10_S = Policy(
    "again every 10 s", retry=lambda failures, share: 10.0, retry_for_s=float("inf")
)


@dataclass(frozen=True, slots=True)
class Polls:
    """Every question of a fleet, in order of time."""

    at_s: NDArray[np.float64]
    kiosk: NDArray[np.int64]
    answered: NDArray[np.bool_]

    def per_second(self, since_s: float, until_s: float) -> NDArray[np.int64]:
        """How many came in each second."""
        inside = self.at_s[(self.at_s >= since_s) & (self.at_s < until_s)] - since_s
        return np.bincount(inside.astype(np.int64), minlength=int(until_s - since_s))

    def since(self, since_s: float) -> Polls:
        """Those from then on."""
        later = self.at_s >= since_s
        return Polls(self.at_s[later], self.kiosk[later], self.answered[later])


def polls(
    boots_s: NDArray[np.float64],
    policy: Policy,
    until_s: float,
    *,
    seed: int,
    down: tuple[float, float] = (0.0, 0.0),
) -> Polls:
    """Let kiosks that boot at `boots_s` ask until `until_s`; nobody answers within `down`."""
    share = random.Random(seed).random
    # (time, kiosk, failures in this pass, when the pass began)
    queue = [(boot + policy.first(share()), n, 0, -1.0) for n, boot in enumerate(boots_s)]
    heapq.heapify(queue)
    at, who, told = [], [], []
    while queue and queue[0][0] < until_s:
        now, kiosk, failures, begun = heapq.heappop(queue)
        answered = not down[0] <= now < down[1]
        at.append(now)
        who.append(kiosk)
        told.append(answered)
        begun = begun if begun >= 0 else now
        if not answered:
            failures += 1
            wait = policy.retry(failures, share())
            if now - begun + wait <= policy.retry_for_s:
                heapq.heappush(queue, (now + wait, kiosk, failures, begun))
                continue
        heapq.heappush(queue, (now + policy.following(now, share()), kiosk, 0, -1.0))
    return Polls(np.array(at), np.array(who), np.array(told, dtype=bool))


def sent(arrivals_s: NDArray[np.float64], size: int, step_s: float = 1.0) -> tuple[float, float]:
    """Peak bit/s of the origin, and when the last transfer ends; all share the origin evenly."""
    waiting = np.sort(arrivals_s)
    served = now = peak = 0.0  # `served`: bytes that a transfer under way since ever would have
    ends: list[float] = []
    taken = 0
    while taken < len(waiting) or ends:
        while taken < len(waiting) and waiting[taken] <= now:
            heapq.heappush(ends, served + size)
            taken += 1
        if not ends:
            now = float(waiting[taken])
            continue
        rate = min(LAST_MILE, ORIGIN / len(ends))
        peak = max(peak, rate * len(ends) * 8)
        served += rate * step_s
        now += step_s
        while ends and ends[0] <= served:
            heapq.heappop(ends)
    return peak, now


@dataclass(frozen=True, slots=True)
class Drill:
    """What became of a bad release: how many had it, are back, and when it was over."""

    activated: int
    back: int
    """Of these, on their previous release again, by themselves."""
    paused_s: float
    """When head office paused it; infinite: never."""
    last_activation_s: float
    longest_s: float
    """That any kiosk spent on it."""


def its_turn(asked: Polls, kiosks: int, rollout: Rollout) -> NDArray[np.bool_]:
    """Of each question, whether whoever asks takes the release then: `takes`, for all at once."""
    ids = (hashlib.sha256(b"%d" % number).hexdigest()[:32] for number in range(kiosks))
    places = np.array([bucket(rollout.salt, each) for each in ids])
    begun = ((moment(each.after) - START).total_seconds() for each in rollout.waves)
    steps = sorted({float(asked.at_s[0]), *begun})
    shares = [permille_at(rollout, START + timedelta(seconds=step)) for step in steps]
    step = np.searchsorted(np.array(steps), asked.at_s, side="right") - 1
    turn: NDArray[np.bool_] = places[asked.kiosk] < np.array(shares)[step]
    return turn


def first_turns(asked: Polls, kiosks: int, rollout: Rollout) -> tuple[list[float], list[int]]:
    """When each kiosk first asked in its turn, and which one that was, in order of time."""
    turn = its_turn(asked, kiosks, rollout)
    who, first = np.unique(asked.kiosk[turn], return_index=True)
    order = np.argsort(first)
    return asked.at_s[turn][first][order].tolist(), who[order].tolist()


def bad_release(asked: Polls, kiosks: int, rollout: Rollout, *, fails_s: float, seed: int) -> Drill:
    """A release that passes its gate and then fails within `fails_s` of every start.

    `asked` begins when it is published. Each kiosk tries it MOST_TRIES times, puts it back and says
    so with its next upload, which comes as often as a poll.
    """
    dice = np.random.default_rng(seed)
    on_it: list[tuple[float, float]] = []
    reports: list[float] = []
    paused_s = float("inf")
    for at_s in first_turns(asked, kiosks, rollout)[0]:
        if len(reports) >= REPORTS:
            paused_s = sorted(reports)[REPORTS - 1] + REACTION_S
        if at_s >= paused_s:
            break  # whoever asks from now on is told of the pause
        spent = sum(START_S + float(dice.uniform(0, fails_s)) for _ in range(MOST_TRIES))
        on_it.append((at_s, spent))
        reports.append(at_s + spent + schedule.poll_s(float(dice.random())) * float(dice.random()))
    end = float(asked.at_s[-1])
    return Drill(
        activated=len(on_it),
        back=sum(at + spent <= end for at, spent in on_it),
        paused_s=paused_s,
        last_activation_s=max((at for at, _ in on_it), default=0.0),
        longest_s=max((spent for _, spent in on_it), default=0.0),
    )


def rollout_of(waves: tuple[tuple[float, int], ...] = WAVES) -> Rollout:
    """As announced at START."""
    made = (Wave((START + timedelta(hours=after)).isoformat(), share) for after, share in waves)
    return Rollout(salt="fleet", waves=tuple(made))


def first_answers(asked: Polls, after_s: float) -> NDArray[np.float64]:
    """Seconds after `after_s` at which each kiosk got its first answer from then on."""
    late = (asked.at_s >= after_s) & asked.answered
    _, first = np.unique(asked.kiosk[late], return_index=True)
    return asked.at_s[late][first] - after_s


Row = tuple[str, str]


def rows(kiosks: int, release_bytes: int, seed: int) -> Iterator[Row]:
    """Everything that is printed: what, and the numbers."""
    costs = measured()
    steady = np.random.default_rng(seed).uniform(-schedule.POLL_S, 0, kiosks)
    asked = polls(steady, PRODUCT, 26 * HOUR_S, seed=seed)
    rate = asked.per_second(HOUR_S, HOUR_S + DAY_S)
    yield (
        "a day without a change",
        f"{np.percentile(rate, 50):.0f} polls/s in the middle, {np.percentile(rate, 99):.0f} "
        f"at p99, {rate.max()} at most; {costs.poll} bytes each, "
        f"{costs.poll * rate.sum() / 1e9:.2f} GB a day",
    )
    boots = np.abs(np.random.default_rng(seed).normal(0, BOOT_SPREAD_S, kiosks))
    for policy in (PRODUCT, ON_THE_QUARTER):
        storm = polls(boots, policy, 2 * HOUR_S, seed=seed).per_second(0, 2 * HOUR_S)
        yield f"all boot after a power cut, {policy.name}", f"{storm.max()} polls/s at most"
    for policy in (PRODUCT, EVERY_10_S):
        yield _outage(steady, policy, seed)
    begun = asked.since(0.0)
    ways = (("in waves", rollout_of()), ("to all at once", Rollout(salt="fleet")))
    for name, rollout in ways:
        yield _release(name, begun, kiosks, rollout, release_bytes)
    yield "a central rollback", f"{costs.rollback} bytes for each kiosk"
    for name, rollout in ways:
        yield _drill(name, begun, kiosks, rollout, seed)


def _release(name: str, asked: Polls, kiosks: int, rollout: Rollout, size: int) -> Row:
    arrivals = np.array(first_turns(asked, kiosks, rollout)[0])
    peak, end = sent(arrivals, size)
    return (
        f"a release of {size / 1e6:.2f} MB {name}",
        f"{size * len(arrivals) / 1e9:.1f} GB, {peak / 1e6:.0f} Mbit/s at most, "
        f"the last kiosk has it after {end / HOUR_S:.2f} h",
    )


def _outage(boots_s: NDArray[np.float64], policy: Policy, seed: int) -> Row:
    down = (HOUR_S, 2 * HOUR_S)
    asked = polls(boots_s, policy, 3.5 * HOUR_S, seed=seed, down=down)
    tries = asked.per_second(*down)
    after = asked.per_second(down[1], down[1] + HOUR_S)
    answers = first_answers(asked, down[1])
    return (
        f"the origin away for 1 h, {policy.name}",
        f"{tries.max()} tries/s at most, {tries.sum():,} in all; then {after.max()} polls/s at "
        f"most, answered after {np.median(answers) / 60:.1f} min in the middle, "
        f"{np.percentile(answers, 99) / 60:.1f} min at p99",
    )


def _drill(name: str, asked: Polls, kiosks: int, rollout: Rollout, seed: int) -> Row:
    drill = bad_release(asked, kiosks, rollout, fails_s=Gate().good_after_s, seed=seed)
    return (
        f"a bad release {name}",
        f"{drill.activated} of {kiosks} kiosks ({drill.activated / kiosks:.1%}) ever had it, "
        f"{drill.back} are back by themselves, within {drill.longest_s / 60:.0f} min each; paused "
        f"after {drill.paused_s / 60:.0f} min, last activation after "
        f"{drill.last_activation_s / 60:.0f} min",
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--kiosks", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--before", type=Path, help="a release that kiosks have")
    parser.add_argument("--after", type=Path, help="the release that they fetch")
    arguments = parser.parse_args()
    size = MEASURED_BYTES
    if arguments.before and arguments.after:
        size = difference(arguments.before, arguments.after)
    print("| what | numbers |\n|---|---|")
    for what, numbers in rows(arguments.kiosks, size, arguments.seed):
        print(f"| {what} | {numbers} |")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
