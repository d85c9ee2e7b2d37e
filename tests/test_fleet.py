# SPDX-License-Identifier: Apache-2.0
"""The fleet's simulation, small: what the product's times and waves promise is held here.

A changed constant in `kiosk.sync.schedule` that would make kiosks keep step fails a test.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from repositories import small_release

from kiosk.announcement import Gate, Rollout, takes
from kiosk.sync import schedule
from tools import fleet
from tools.fleet import EVERY_10_S, HOUR_S, ON_THE_QUARTER, PRODUCT, Policy, Polls
from tools.fleet_costs import difference, measured

KIOSKS = 600
POLLS_PER_S = KIOSKS / schedule.POLL_S


def steady(policy: Policy, until_s: float, down: tuple[float, float] = (0, 0)) -> Polls:
    boots = np.random.default_rng(5).uniform(-schedule.POLL_S, 0, KIOSKS)
    return fleet.polls(boots, policy, until_s, seed=5, down=down)


@pytest.fixture(scope="module")
def asked() -> Polls:
    return steady(PRODUCT, 26 * HOUR_S)


def test_every_kiosk_asks_as_often_as_it_should(asked: Polls) -> None:
    rate = asked.per_second(HOUR_S, 25 * HOUR_S).mean()
    assert rate == pytest.approx(POLLS_PER_S, rel=0.03)
    gaps = np.diff(asked.at_s[asked.kiosk == 7])[1:]
    assert gaps.min() >= schedule.POLL_S * (1 - schedule.POLL_SPREAD)
    assert gaps.max() <= schedule.POLL_S * (1 + schedule.POLL_SPREAD)


def test_a_power_cut_in_a_region_is_no_storm() -> None:
    boots = np.abs(np.random.default_rng(5).normal(0, fleet.BOOT_SPREAD_S, KIOSKS))
    calm = fleet.polls(boots, PRODUCT, 2 * HOUR_S, seed=5).per_second(0, 2 * HOUR_S)
    storm = fleet.polls(boots, ON_THE_QUARTER, 2 * HOUR_S, seed=5).per_second(0, 2 * HOUR_S)
    assert calm.max() < 10 * POLLS_PER_S
    assert storm.max() > 10 * calm.max()


def test_an_origin_that_comes_back_is_not_run_over() -> None:
    down = (HOUR_S, 2 * HOUR_S)
    asked = steady(PRODUCT, 3 * HOUR_S, down)
    assert not asked.answered[(asked.at_s >= down[0]) & (asked.at_s < down[1])].any()
    stubborn = steady(EVERY_10_S, 3 * HOUR_S, down)
    assert asked.per_second(*down).sum() * 10 < stubborn.per_second(*down).sum()
    answers = fleet.first_answers(asked, down[1])
    assert len(answers) == KIOSKS
    assert answers.max() <= schedule.POLL_S * (1 + schedule.POLL_SPREAD)


def test_whose_turn_it_is_is_what_a_kiosk_would_say(asked: Polls) -> None:
    rollout = fleet.rollout_of()
    turn = fleet.its_turn(asked, KIOSKS, rollout)
    for at in np.linspace(0, len(asked.at_s) - 1, 400).astype(int):
        kiosk = hashlib.sha256(b"%d" % asked.kiosk[at]).hexdigest()[:32]
        now = fleet.START + timedelta(seconds=float(asked.at_s[at]))
        assert turn[at] == takes(rollout, kiosk, now)
    assert not fleet.its_turn(asked, KIOSKS, replace(rollout, pause=True)).any()


def test_a_bad_release_ends_with_its_first_wave(asked: Polls) -> None:
    begun = asked.since(0.0)
    waves = ((0.0, 50), *fleet.WAVES[1:])
    fails_s = Gate().good_after_s
    drill = fleet.bad_release(begun, KIOSKS, fleet.rollout_of(waves), fails_s=fails_s, seed=5)
    assert fleet.REPORTS <= drill.activated < 0.1 * KIOSKS
    assert drill.back == drill.activated
    assert drill.paused_s < fleet.WAVES[1][0] * HOUR_S
    everyone = fleet.bad_release(begun, KIOSKS, Rollout(), fails_s=fails_s, seed=5)
    assert everyone.activated == everyone.back == KIOSKS


def test_all_transfers_share_the_origin() -> None:
    size = int(10 * fleet.LAST_MILE)
    peak, end = fleet.sent(np.zeros(1), size)
    assert (peak, end) == (fleet.LAST_MILE * 8, 10)
    crowd = int(4 * fleet.ORIGIN / fleet.LAST_MILE)
    peak, end = fleet.sent(np.zeros(crowd), size)
    assert peak == pytest.approx(fleet.ORIGIN * 8)
    assert end == pytest.approx(40, abs=1)


def test_what_a_poll_and_a_rollback_cost() -> None:
    costs = measured()
    assert costs.poll < 512
    assert costs.rollback < 2500


def test_what_a_release_costs_is_what_is_new_in_it(tmp_path: Path) -> None:
    before = small_release(tmp_path / "before", {"a": b"a" * 1000, "b": b"b" * 10})
    after = small_release(tmp_path / "after", {"a": b"a" * 1000, "b": b"c" * 20})
    listed = (after / "manifest.json").stat().st_size
    assert difference(before, after) == 20 + listed
    assert difference(after, after) == listed
