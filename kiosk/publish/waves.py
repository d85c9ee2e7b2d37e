# SPDX-License-Identifier: Apache-2.0
"""Waves as people write them: `now=10`, `+6h=100`, `2026-12-01T06:00+01:00=1000`. No IO."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from kiosk.announcement import MOST_WAVES, Wave, moment
from kiosk.errors import UsageError

_LATER = re.compile(r"\+([0-9]+)([mhd])")
_SHARE = re.compile(r"[0-9]{1,4}")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def waves(texts: list[str], now: datetime) -> tuple[Wave, ...]:
    """In the order of their times. Raises UsageError naming the wave that cannot be."""
    made = sorted((wave(text, now) for text in texts), key=lambda each: moment(each.after))
    if len(made) > MOST_WAVES:
        raise UsageError(f"{len(made)} waves are more than {MOST_WAVES}; give fewer")
    for before, after in zip(made, made[1:], strict=False):
        if after.permille < before.permille:
            raise UsageError(
                f"the wave {after.after}={after.permille} takes fewer kiosks than the one before; "
                "shares can only grow"
            )
    return tuple(made)


def wave(text: str, now: datetime) -> Wave:
    """Raises UsageError."""
    when, sign, share = text.rpartition("=")
    if not sign or not _SHARE.fullmatch(share) or int(share) > 1000:
        raise UsageError(
            f"{text!r} is not a wave: write AFTER=PERMILLE with 0 to 1000, such as +6h=100"
        )
    return Wave(_moment(when, text, now).isoformat(), int(share))


def _moment(when: str, text: str, now: datetime) -> datetime:
    now = now.astimezone(UTC).replace(microsecond=0)
    if when == "now":
        return now
    later = _LATER.fullmatch(when)
    try:
        if later:
            return now + timedelta(**{_UNITS[later[2]]: int(later[1])})
        return moment(when).replace(microsecond=0)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{text!r} is not a wave ({error}): AFTER is now, +30m, +6h, +2d, or a time with its "
            "zone such as 2026-12-01T06:00+01:00"
        ) from error
