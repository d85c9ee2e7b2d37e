# SPDX-License-Identifier: Apache-2.0
"""`kiosk catalog proposals`: what kiosks added themselves, taken into a workshop or not."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from kiosk.additions import Proposed, unpacked
from kiosk.additions.bundle import record_of, views_of
from kiosk.cli.options import Verbs
from kiosk.cli.visible import row, visible
from kiosk.errors import AdditionError, ImageError, UsageError, WorkshopError
from kiosk.vision.decode import decode_picture
from kiosk.workshop.changes import Change, Picture, PutPicture, PutSku
from kiosk.workshop.folder import Workshop, workshop
from kiosk.workshop.limits import outside
from kiosk.workshop.repository import Proposal, Verdict

SHORT = 8
"""Characters of an id that are printed; any beginning that only one has will do."""
WITHDRAWN = "taken back on the kiosk"
MOST_BUNDLE_BYTES = 1024 * 1024 * 1024
_TABLE = "{id:<8}  {made_at:<19}  {sku:<20}  {views:>5}  {name:<28}  {kiosk:<8}  {state}"


def register(actions: Verbs) -> None:
    """Add it to the actions of `kiosk catalog`."""
    parser = actions.add_parser(
        "proposals",
        help="accept or reject what kiosks added themselves",
        description="Items that were enrolled on a kiosk come here as proposals. An accepted one "
        "becomes pictures of its SKU in the workshop; the next build has it.",
    )
    parser.add_argument("workshop", type=Path, metavar="WORKSHOP")
    parser.set_defaults(run=run_list, all=False)
    verbs = parser.add_subparsers(title="actions", metavar="ACTION")
    importing = verbs.add_parser(
        "import",
        help="take in bundles of `kiosk additions export` and `kiosk receive parcels`",
        description="Take in bundles, each whole or not at all, with a line for each; the same one "
        "twice is one. Exit code 65 when some cannot be used.",
    )
    importing.add_argument(
        "bundles", type=Path, nargs="+", metavar="ZIP", help="a bundle, or a folder of them"
    )
    importing.set_defaults(run=run_import)
    listing = verbs.add_parser("list", help="print what waits for a decision (default)")
    listing.add_argument("--all", action="store_true", help="also what was decided")
    listing.set_defaults(run=run_list)
    accepting = verbs.add_parser("accept", help="make its pictures a part of the catalog")
    accepting.add_argument("id", metavar="ID", help="as listed, or its beginning")
    accepting.add_argument("--sku", metavar="SKU", help="file it under this SKU instead of its own")
    accepting.set_defaults(run=run_accept)
    rejecting = verbs.add_parser("reject", help="leave it out of the catalog")
    rejecting.add_argument("id", metavar="ID", help="as listed, or its beginning")
    rejecting.add_argument("--reason", default="", metavar="TEXT", help="kept with it")
    rejecting.set_defaults(run=run_reject)


def run_list(args: argparse.Namespace) -> int:
    """Print the proposals."""
    with workshop(args.workshop) as opened:
        found = opened.repository.proposals(None if args.all else Verdict.OPEN)
    headings = ("id", "made_at", "sku", "views", "name", "kiosk", "state")
    print(_TABLE.format(**{name: name for name in headings}).rstrip())
    for proposal in found:
        print(_line(proposal))
    print(f"{len(found)} proposals" if len(found) != 1 else "1 proposal")
    return os.EX_OK


def run_accept(args: argparse.Namespace) -> int:
    """Its pictures become rows of the workshop, in one transaction with the decision."""
    with workshop(args.workshop) as opened:
        proposal = _meant(opened, args.id)
        changes = _changes(opened, proposal, args.sku)
        opened.repository.decide(proposal.proposal_id, Verdict.ACCEPTED, "", changes)
    count = sum(isinstance(change, PutPicture) for change in changes)
    print(f"{count} pictures of {visible(args.sku or proposal.sku)} are in the workshop now.")
    return os.EX_OK


def run_reject(args: argparse.Namespace) -> int:
    """Nothing of it becomes a part of the catalog."""
    with workshop(args.workshop) as opened:
        proposal = _meant(opened, args.id)
        opened.repository.decide(proposal.proposal_id, Verdict.REJECTED, args.reason)
    print(f"{visible(proposal.sku)} of kiosk {visible(proposal.kiosk_id[:SHORT])} is rejected.")
    return os.EX_OK


def run_import(args: argparse.Namespace) -> int:
    """Keep what bundles propose; nothing of one that is not right, and the others all the same."""
    files = [file for given in args.bundles for file in _bundles(given)]
    failed = 0
    undone: set[str] = set()
    with workshop(args.workshop) as opened:
        for file in files:
            try:
                new = take_in(opened, _opened(file), undone)
            except (AdditionError, ImageError) as error:
                failed += 1
                print(row(f"FAILED {error.code}", file, error))
            else:
                print(row(f"{new} new", file))
        # At the end: what a kiosk took back may lie in another bundle, in any order.
        withdrawn = _withdrawn(opened, undone)
    count = f"{len(files)} bundles" if len(files) != 1 else "1 bundle"
    told = [f"{withdrawn} {WITHDRAWN}"] * (withdrawn > 0) + [f"{failed} failed"] * (failed > 0)
    print(", ".join([count, *told]))
    return os.EX_DATAERR if failed else os.EX_OK


def _bundles(given: Path) -> list[Path]:
    if not given.is_dir():
        return [given]
    return sorted(path for path in given.iterdir() if path.suffix.lower() == ".zip")


def _opened(file: Path) -> Sequence[Proposed]:
    """What is in a bundle. Raises AdditionError."""
    try:
        with file.open("rb") as opened:
            data = opened.read(MOST_BUNDLE_BYTES + 1)
    except OSError as error:
        raise AdditionError("unreadable", f"cannot be read ({error.strerror}); name a ZIP file, or "
                            "the folder that holds it") from error  # fmt: skip
    if len(data) > MOST_BUNDLE_BYTES:
        raise AdditionError("too_large", f"has more than {MOST_BUNDLE_BYTES >> 20} MiB; export it "
                            "again in parts")  # fmt: skip
    return unpacked(data)


def take_in(opened: Workshop, proposed: Sequence[Proposed], undone: set[str]) -> int:
    """Keep proposals with their pictures; how many are new. Adds to `undone` the ids of what its
    kiosk took back. Raises AdditionError, ImageError, StateError or WorkshopError: then none is.
    """
    try:
        for each in proposed:
            for view in each.views if each.pictures else ():
                named = f"{each.record.sku}, picture {view.sha256[:12]}…"
                height, width = decode_picture(each.pictures[view.sha256], named).shape[:2]
                wrong = outside(view.box, width, height)
                if wrong is not None:
                    raise AdditionError("bad_region", f"{named}: {wrong.text}; nothing of the "
                                        "bundle was taken in")  # fmt: skip
                opened.pictures.keep(each.pictures[view.sha256], view.sha256)
        opened.pictures.settle()
    except BaseException:
        opened.pictures.forget()
        raise
    undone.update(each.proposal_id for each in proposed if each.undone_at)
    return opened.repository.propose(
        [
            Proposal(each.proposal_id, each.kiosk, each.record.sku, each.body, each.at)
            for each in proposed
            if not each.undone_at
        ]
    )


def _withdrawn(opened: Workshop, undone: set[str]) -> int:
    """Reject what is open and was taken back on its kiosk; how many there were."""
    if not undone:
        return 0
    still = opened.repository.proposals(Verdict.OPEN)
    gone = [each for each in still if each.proposal_id in undone]
    for each in gone:
        opened.repository.decide(each.proposal_id, Verdict.REJECTED, WITHDRAWN)
    return len(gone)


def _changes(opened: Workshop, proposal: Proposal, other: str | None) -> list[Change]:
    """What accepting it does. Raises WorkshopError when a picture of it is gone or damaged."""
    try:
        record, views = record_of(proposal.body), views_of(proposal.body)
    except (ValueError, TypeError, KeyError) as error:
        raise WorkshopError(
            f"proposal {proposal.proposal_id[:SHORT]} is damaged ({error}); import its bundle again"
        ) from error
    sku = other or record.sku
    for view in views:
        opened.pictures.read(view.sha256, f"{record.sku}, picture {view.sha256[:12]}…")
    put = PutSku(sku, record.name, record.category or None, record.barcodes, if_new=True)
    names = [f"{proposal.proposal_id[:SHORT]}-{number:02}.jpg" for number in range(len(views))]
    return [
        put,
        *(
            PutPicture(Picture(sku, name, view.sha256, view.box))
            for name, view in zip(names, views, strict=True)
        ),
    ]


def _meant(opened: Workshop, beginning: str) -> Proposal:
    """Raises UsageError when no or more than one open proposal is meant."""
    every = opened.repository.proposals(None)
    meant = [each for each in every if beginning and each.proposal_id.startswith(beginning)]
    still = [each for each in meant if each.verdict is Verdict.OPEN]
    if len(still) == 1:
        return still[0]
    reason = "there is no such proposal"
    if still:
        reason = f"{len(still)} proposals begin so; write more of the id"
    elif meant:
        reason = f"it is {meant[0].verdict.value} already"
    raise UsageError(f"{beginning}: {reason}; see `kiosk catalog proposals {opened.folder} list`")


def _line(proposal: Proposal) -> str:
    try:
        name, views = record_of(proposal.body).name, len(views_of(proposal.body))
    except (ValueError, TypeError, KeyError):
        name, views = "?", 0
    state = proposal.verdict.value + (f": {proposal.reason}" if proposal.reason else "")
    return _TABLE.format(
        id=proposal.proposal_id[:SHORT],
        made_at=proposal.made_at[:19].replace("T", " "),
        sku=visible(proposal.sku),
        views=views,
        name=visible(name),
        kiosk=visible(proposal.kiosk_id[:SHORT]),
        state=visible(state),
    ).rstrip()
