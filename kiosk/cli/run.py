# SPDX-License-Identifier: Apache-2.0
"""`kiosk run` and `kiosk demo`: the kiosk itself."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from contextlib import closing
from pathlib import Path

from kiosk.board import Phase
from kiosk.cli.options import Verbs, add_config, load_config
from kiosk.cli.progress import Progress
from kiosk.config import Config
from kiosk.demo import demo_overrides, prepare_catalog
from kiosk.models import load_models
from kiosk.service import Service


def register(verbs: Verbs) -> None:
    parser = verbs.add_parser(
        "run",
        help="run the kiosk: camera, recognition and page",
        description="Run the kiosk until it is stopped (Ctrl-C or SIGTERM).",
    )
    add_config(parser)
    parser.set_defaults(run=run)
    demo = verbs.add_parser(
        "demo",
        help="run the kiosk on a rendered counter with a catalog of its own",
        description="Build a small catalog of fictional products, then run the kiosk on a rendered "
        "counter. Needs no camera and no configuration.",
    )
    add_config(demo)
    demo.add_argument(
        "--state",
        type=Path,
        default=Path("demo-state"),
        metavar="DIR",
        help="where the demo catalog and journal are kept (default: %(default)s)",
    )
    demo.set_defaults(run=run_demo)


def run(arguments: argparse.Namespace) -> int:
    return _serve(load_config(arguments))


def run_demo(arguments: argparse.Namespace) -> int:
    config = load_config(arguments, *demo_overrides(arguments.state))
    locator, embedder = load_models(config.models, config.locate)
    print("Preparing the demo catalog …", flush=True)
    with closing(Progress()) as progress:
        summary = prepare_catalog(config, locator, embedder, progress)
    print(summary, flush=True)
    return _serve(config)


def _serve(config: Config) -> int:
    started = time.monotonic()
    service = Service(config)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: service.end())
    try:
        service.start()
        print(f"The kiosk is at {service.url} (stop it with Ctrl-C)", flush=True)
        _announce(service, started)
        service.wait()
    finally:
        service.stop()
    return os.EX_OK


def _announce(service: Service, started: float) -> None:
    """Say when the first decision is there, so that a person at a terminal knows it works."""
    while not service.wait(0.5):
        state = service.board.state()
        if state.phase is Phase.DECIDED and state.shown is not None:
            decision = state.shown.decision
            took = time.monotonic() - started
            print(f"First decision after {took:.1f} s: {decision.outcome}", file=sys.stderr)
            return
