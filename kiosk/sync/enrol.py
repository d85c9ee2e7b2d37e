# SPDX-License-Identifier: Apache-2.0
"""Tell a kiosk whom to believe: the root with the fingerprint that a person has from head office.

Rule: what an address gives is never believed because it came first.
"""

from __future__ import annotations

from kiosk.errors import Tampered, UsageError
from kiosk.store import Store
from kiosk.sync import trust
from kiosk.sync.anchor import ENROLLED, MAX_BYTES, fingerprint, in_groups
from kiosk.sync.origin import Origin

FIRST = f"{trust.METADATA}/1.root.json"


def offered(origin: Origin) -> bytes:
    """The first root that is published there. Raises Unanswered; Held when it is none."""
    root = origin.small(FIRST, MAX_BYTES)
    trust.root_version(root)
    return root


def enrol(store: Store, root: bytes, wanted: str, *, replace: bool) -> bool:
    """Believe `root`, whose fingerprint must be `wanted`; gives whether that is news.

    `replace`: also where another one was believed; the catalog and its numbers begin anew then.
    Raises Tampered, UsageError, OSError.
    """
    found = fingerprint(root)
    if found != wanted:
        raise Tampered(
            "other_root",
            f"what is published there has another fingerprint:\n  {in_groups(found)}\nnot\n"
            f"  {in_groups(wanted)}\nNothing was changed. Check where it comes from, and ask head "
            "office",
        )
    before = store.metadata().get(ENROLLED)
    if before == root:
        return False
    if before is not None:
        if not replace:
            raise UsageError(
                f"this kiosk believes {in_groups(fingerprint(before))}; to move it to another "
                "publisher, say so with --replace"
            )
        store.unbind()
    store.publish({ENROLLED: root})
    return True
