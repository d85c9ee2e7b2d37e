# SPDX-License-Identifier: Apache-2.0
"""Does preparing references help? The same photos asked of catalogs prepared in different ways.

    python -m tools.preparation MANIFEST [--step K] [--photos N] [--models DIR] [--way NAME]...

Two catalogs of the manifest (see `tools.evaluate`): its references, such as one pack shot per SKU,
and N photos of the train split per SKU without them. Each is built as pictures are, with the
background taken away, with the light made even, with both, and without augmentation; the test
photos are asked as they are. `less plain` is top-1 against the first row, photo by photo, with its
95 % interval over SKUs: a step whose interval holds 0 has shown nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from kiosk.cli.progress import Progress
from kiosk.vision.prepare import CLEAN, LIGHT
from tools.evaluation.bootstrap import Estimate
from tools.evaluation.measures import ALL, Group
from tools.evaluation.plan import Choice
from tools.evaluation.results import Result
from tools.evaluation.run import Request, evaluate

WAYS: tuple[tuple[str, tuple[str, ...], bool], ...] = (
    ("as they are", (), True),
    ("clean", (CLEAN,), True),
    ("light", (LIGHT,), True),
    ("clean, light", (CLEAN, LIGHT), True),
    ("not augmented", (), False),
)
"""Name, steps, augmentation; the first is what the others are held against."""
_SEED = 0


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.preparation")
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--step", type=int, default=3, metavar="K", help="ask every K-th photo (3)")
    parser.add_argument("--photos", type=int, default=3, metavar="N", help="per SKU (3)")
    parser.add_argument("--models", default="", metavar="DIR", help="default: the shipped")
    parser.add_argument(
        "--way",
        action="append",
        choices=[name for name, _, _ in WAYS[1:]],
        help="only this one beside the first; may be repeated (default: all)",
    )
    wanted = parser.parse_args(arguments)
    catalogs = {
        "references": Choice(step=wanted.step),
        f"{wanted.photos} photos": Choice(step=wanted.step, enrol=wanted.photos, photos_only=True),
    }
    print(f"{'catalog':<12} {'prepared':<14} {'top-1':>6} {'top-5':>6} {'accepted':>9} {'wrong':>6}"
          f"  {'less plain':<26}", flush=True)  # fmt: skip
    for catalog, choice in catalogs.items():
        plain: Result | None = None
        for name, steps, augment in WAYS:
            if plain is not None and name not in (wanted.way or [name]):
                continue
            found = _asked(wanted, choice, steps, augment)
            plain = plain or found
            print(f"{catalog:<12} {name:<14} {_row(found, plain)}", flush=True)


def _asked(
    wanted: argparse.Namespace, choice: Choice, steps: tuple[str, ...], augment: bool
) -> Result:
    request = Request(
        manifests=(wanted.manifest,),
        choice=choice,
        models=wanted.models,
        prepare=steps,
        augment=augment,
    )
    progress = Progress()
    try:
        return evaluate(request, progress).product
    finally:
        progress.close()


def _row(found: Result, plain: Result) -> str:
    """The numbers of one way, and its top-1 less that of the plain one."""
    measured = found.known[ALL]
    group, beside = (Group(each.answers, (_SEED, 0), decides=True) for each in (found, plain))
    ahead = group.clusters.difference(group.right(), beside.right())
    top1, top5 = (measured.estimates[name].value or 0.0 for name in ("top1", "top5"))
    return (
        f"{top1:>6.3f} {top5:>6.3f} {measured.accepted:>9} {measured.accepted_wrong:>6}  "
        f"{'' if found is plain else _signed(ahead)}"
    ).rstrip()


def _signed(estimate: Estimate) -> str:
    value, low, high = (each or 0.0 for each in (estimate.value, estimate.low, estimate.high))
    return f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"


if __name__ == "__main__":
    main()
