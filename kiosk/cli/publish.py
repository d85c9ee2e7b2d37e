# SPDX-License-Identifier: Apache-2.0
"""`kiosk catalog publish` and what else is done with a repository. The work is in `publishing`."""

from __future__ import annotations

import argparse
from pathlib import Path

from kiosk.announcement import Gate
from kiosk.cli import workshop_collect
from kiosk.cli.office import in_office
from kiosk.cli.options import Verbs
from kiosk.cli.signing import add_signing
from kiosk.errors import UsageError
from kiosk.workshop.folder import is_workshop

_WORK = "kiosk.cli.publishing"
_PLACE = "a folder, s3://bucket/folder, or another address that fsspec knows"


def register(actions: Verbs) -> None:
    """Add them to the actions of `kiosk catalog`."""
    _register_publish(actions)
    back = actions.add_parser(
        "rollback",
        help="announce again what a channel announced before",
        description="A new number with old content, for all kiosks at once. Nothing is sent again.",
    )
    _add_place(back, channel=True)
    back.add_argument(
        "--to", type=int, required=True, metavar="SEQ", help="`kiosk catalog releases` lists them"
    )
    back.add_argument(
        "--workshop", type=Path, metavar="DIR", help="note it in the history of this workshop"
    )
    back.set_defaults(run=in_office(_WORK, "rollback"))
    rollout = actions.add_parser(
        "rollout",
        help="change who takes the announced release when",
        description="New waves, a pause or its end, for the release that is announced. Kiosks that "
        "have it keep it.",
    )
    _add_place(rollout, channel=True)
    rollout.add_argument("--resume", action="store_true", help="end a pause")
    _add_rollout(rollout)
    rollout.set_defaults(run=in_office(_WORK, "rollout"))
    refresh = actions.add_parser(
        "refresh",
        help="sign the dates again; run it every day",
        description="Sign the timestamp again, and what else has lost half of its time. Without it "
        "kiosks take no new release after 14 days. Changed keys become known with it too.",
    )
    _add_place(refresh)
    refresh.set_defaults(run=in_office(_WORK, "refresh"))
    _register_collect(actions)
    releases = actions.add_parser("releases", help="say what every channel announces and announced")
    _add_place(releases, signing=False)
    releases.add_argument("--json", action="store_true", help="one JSON object")
    releases.set_defaults(run=in_office(_WORK, "releases"))


def _register_publish(actions: Verbs) -> None:
    parser = actions.add_parser(
        "publish",
        help="send a release to where kiosks find it, and announce it",
        description="Send what is not there yet, read it back, sign, and announce the release last "
        "of all. Stopped at any moment, kiosks see what they saw; the same command goes on.",
    )
    parser.add_argument("release", type=Path, metavar="RELEASE", help="a release or a workshop")
    _add_place(parser, channel=True)
    parser.add_argument("--catalog", default="", metavar="NAME", help="of the catalog, at first")
    _add_rollout(parser)
    gate = Gate()
    parser.add_argument(
        "--good-after",
        type=int,
        default=gate.good_after_s,
        metavar="SECONDS",
        help=f"a kiosk keeps it on trial for at least this long (default: {gate.good_after_s})",
    )
    parser.add_argument(
        "--good-after-decisions",
        type=int,
        default=gate.good_after_decisions,
        metavar="N",
        help=f"and for this many decisions (default: {gate.good_after_decisions})",
    )
    parser.add_argument(
        "--agree-min",
        type=float,
        default=gate.agree_min,
        metavar="SHARE",
        help=f"least share of its probe queries that a kiosk must answer alike "
        f"(default: {gate.agree_min})",
    )
    parser.add_argument(
        "--p95-ms-max", type=float, default=0.0, metavar="MS", help="longest search on a kiosk"
    )
    parser.add_argument("--requires-app", default="", metavar="VERSION", help="least version")
    parser.add_argument("--requires-app-below", default="", metavar="VERSION")
    parser.add_argument("--requires-disk", type=int, default=0, metavar="BYTES")
    parser.add_argument("--requires-memory", type=int, default=0, metavar="BYTES")
    parser.set_defaults(run=in_office(_WORK, "publish"))


def _register_collect(actions: Verbs) -> None:
    collect = actions.add_parser(
        "collect",
        help="remove what no kept release needs, or nothing in a workshop",
        description="In a repository: keep what every channel announces, its last --keep releases, "
        "and what was announced in the last --days. In a workshop: keep the pictures that a row or "
        "an open proposal names, and the last --keep releases beside those that are announced. "
        "Remove the rest, except what was put there today.",
    )
    collect.add_argument("place", metavar="PLACE", help=f"a workshop, {_PLACE}")
    collect.add_argument(
        "--trust", type=Path, metavar="TRUST", help="of a repository; see `kiosk keys`"
    )
    collect.add_argument(
        "--keep", type=int, metavar="N", help="default: 1 of each channel, 3 of a workshop"
    )
    collect.add_argument(
        "--days", type=float, metavar="DAYS", help="of a repository (default: 180)"
    )
    collect.add_argument("--dry-run", action="store_true", help="only say what would go")
    collect.set_defaults(run=_collect)


def _collect(arguments: argparse.Namespace) -> int:
    """A workshop needs none of head office's packages."""
    if is_workshop(Path(arguments.place)):
        return workshop_collect.run(arguments)
    if arguments.trust is None:
        raise UsageError(
            f"{arguments.place}: is no workshop; for a repository, name its trust folder: --trust"
        )
    return in_office(_WORK, "collect")(arguments)


def _add_place(
    parser: argparse.ArgumentParser, *, channel: bool = False, signing: bool = True
) -> None:
    parser.add_argument("place", metavar="PLACE", help=_PLACE)
    if channel:
        parser.add_argument("--channel", required=True, metavar="NAME")
    parser.add_argument(
        "--trust", type=Path, required=True, metavar="TRUST", help="see `kiosk keys`"
    )
    if signing:
        add_signing(parser, of="of the channel, snapshot and timestamp", required=True)


def _add_rollout(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--wave",
        action="append",
        default=[],
        metavar="AFTER=PERMILLE",
        help="from then on this share of the kiosks takes it: now=10, +6h=100, "
        "2026-12-01T06:00+01:00=1000; may be repeated (default: all at once)",
    )
    parser.add_argument("--pause", action="store_true", help="nobody takes it for now")
    parser.add_argument(
        "--salt", default="", metavar="TEXT", help="which kiosks come first (default: random)"
    )
