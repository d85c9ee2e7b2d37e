# SPDX-License-Identifier: Apache-2.0
"""From the parts to what the board says of them."""

from __future__ import annotations

from collections.abc import Callable

from kiosk.board import CatalogStatus, ModelStatus, RefusalStatus, ReleaseStatus
from kiosk.catalog.details import SWITCHED_OFF
from kiosk.catalog.snapshot import Snapshot
from kiosk.refusals import RefusalDesk
from kiosk.store import Pointer
from kiosk.store.standing import standing
from kiosk.values.sync import SyncState, SyncStatus
from kiosk.vision.session import Card

BEFORE = "{}. The release before it still answers."


def model_status(card: Card) -> ModelStatus:
    return ModelStatus(
        card.name, card.version, card.sha256, str(card.body.get("quantisation", "not stated"))
    )


def catalog_status(
    snapshot: Snapshot | None, trouble: str, path: str, *, second_look: bool, lost: str = ""
) -> CatalogStatus:
    """`trouble` is why the newest release does not answer, or empty; `lost` what happened to the
    place from which what answers came.
    """
    if snapshot is None:
        return CatalogStatus(message=trouble, path=path)
    manifest = snapshot.manifest
    return CatalogStatus(
        ok=not trouble and not lost,
        message=lost or (BEFORE.format(trouble.removesuffix(".")) if trouble else ""),
        path=path,
        release=manifest.release,
        built_at=manifest.built_at,
        skus=manifest.skus,
        references=manifest.references,
        search=snapshot.engine,
        second_look=snapshot.details.name if second_look else SWITCHED_OFF,
        calibration=snapshot.calibrated,
    )


def refusal_status(desk: RefusalDesk, name_of: Callable[[str], str]) -> RefusalStatus:
    status = desk.status()
    listed = tuple((refusal, name_of(refusal.sku)) for refusal in desk.listed())
    return RefusalStatus(status.ok, status.message, listed)


def release_status(
    said: SyncStatus, pointer: Pointer, *, kiosk_id: str, fingerprint: str, source: str
) -> ReleaseStatus:
    """`said`: by the last sync pass; `source`: where releases come from, empty: nowhere."""
    current, put_away = pointer.current, pointer.quarantined[::-1]
    well, message = standing(said, pointer)
    known = bool(source or current or put_away or said.state is not SyncState.NEVER)
    return ReleaseStatus(
        ok=well if known else None,
        state=said.state,
        code=said.code,
        message=message,
        at=said.at,
        channel=said.channel,
        seq=current.seq if current else 0,
        phase=pointer.phase.value if current else "",
        previous=pointer.previous.release if pointer.previous else "",
        announced=f"{said.release} ({said.seq})" if said.release else "",
        quarantined=tuple((each.release, each.reason, each.at) for each in put_away),
        kiosk_id=kiosk_id,
        fingerprint=fingerprint,
    )
