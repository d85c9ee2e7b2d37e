# SPDX-License-Identifier: Apache-2.0
"""`kiosk upload`: send what the journal holds to head office, once; and say how that stands."""

from __future__ import annotations

import argparse

from kiosk.cli.options import Verbs, add_config, add_state


def register(verbs: Verbs) -> None:
    parser = verbs.add_parser(
        "upload",
        help="send the journal to head office, as far as it has not got it",
        description="One pass: what upload.url (or upload.mqtt) has not got yet is sent in "
        "batches. Interrupted anywhere, the next pass goes on; nothing is lost or counted twice.",
    )
    add_state(parser)
    add_config(parser)
    parser.set_defaults(run=run)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=False)
    show = actions.add_parser(
        "show", help="say how much of the journal waits, since when, and what is in the way"
    )
    add_state(show)
    add_config(show)
    show.set_defaults(run=run_show)


def run(arguments: argparse.Namespace) -> int:
    """Raises ConfigError, BusyError, Offline, Held, StateError."""
    # What reaches out is loaded by nothing else: importing urllib3 alone opens a socket.
    from kiosk.cli import uploadwork

    return uploadwork.run(arguments)


def run_show(arguments: argparse.Namespace) -> int:
    """Raises ConfigError, StateError."""
    from kiosk.cli import uploadshow

    return uploadshow.run(arguments)
