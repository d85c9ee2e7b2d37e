# SPDX-License-Identifier: Apache-2.0
"""Whether a person should do something about sync or the releases on the disk, and why."""

from __future__ import annotations

from kiosk.store.pointer import Pointer
from kiosk.values.sync import SyncState, SyncStatus

_WRONG = (SyncState.STALE, SyncState.CLOCK_UNTRUSTED, SyncState.TAMPER, SyncState.HELD)
"""Being offline is none of them."""


def standing(said: SyncStatus, pointer: Pointer) -> tuple[bool, str]:
    """Whether all is well, and what there is to say; `said`: by the last sync pass."""
    well = said.state not in _WRONG
    messages = [said.message] if said.state is not SyncState.NEVER else []
    if pointer.current is None and pointer.quarantined:
        well, last = False, pointer.quarantined[-1]
        messages.append(f"Release {last.release} was put away: {last.reason}.")
    if pointer.damaged:
        well = False
        messages.append(f"The release on this disk is damaged: {pointer.damaged}.")
    return well, " ".join(filter(None, messages))
