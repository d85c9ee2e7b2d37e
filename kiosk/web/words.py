# SPDX-License-Identifier: Apache-2.0
"""Every word people read on the pages, in one place, ready for translation.

Rule: plain words; say what is wrong, what to do, and what happens by itself.
"""

from __future__ import annotations

from datetime import UTC, datetime

from kiosk.values import Hint, Rule
from kiosk.values.sync import SyncState

LANGUAGE = "en"
TITLE = "SKU kiosk"

# What the decision panel says, large, in each view; and the line below it.
HEADLINES = {
    "starting": "Starting…",
    "ready": "Place an item",
    "looking": "Hold still…",
    "accepted": "Recognised",
    "choose": "Which one is it?",
    "unknown": "Not in the catalog",
    "mismatch": "Not what its barcode says",
    "nocamera": "Waiting for the camera",
    "nocatalog": "No catalog",
}
DETAILS = {
    "starting": "The kiosk is getting ready.",
    "ready": "Put one item under the camera.",
    "looking": "Looking at the item.",
    "accepted": "",
    "choose": "",
    "mismatch": "",
    "unknown": "This item is not one of the products this kiosk knows.",
    "nocamera": "It goes on by itself as soon as there is a picture.",
    "nocatalog": "Without a catalog nothing can be recognised.",
}
CONFIRMED = "Confirmed"
REFUSE = "Not this"
REFUSE_ALL = "None of these"
READ_CODE = "Read barcode"
LOOKS_LIKE_KIND = "Of the kind {category}, but none that this kiosk knows."
UNFILED_CODE = "Its barcode {code} is not in the catalog."

HINTS: dict[str, str] = {
    Hint.CLEAR_COUNTER: "Clear the counter",
    Hint.ONE_ITEM: "One item at a time",
    Hint.HAND_AWAY: "Take your hand away",
    Hint.HOLD_STILL: "Hold still",
    Hint.MOVE_INTO_VIEW: "Move the item fully into view",
    Hint.MOVE_AWAY: "Move it further away",
    Hint.MOVE_CLOSER: "Move it closer",
    Hint.MORE_LIGHT: "More light, please",
    Hint.LESS_LIGHT: "Too bright",
    Hint.FOCUS: "The picture is blurred",
}
HINT_DETAILS: dict[str, str] = {
    Hint.CLEAR_COUNTER: "Take everything away once, so that the camera sees the empty counter.",
    Hint.ONE_ITEM: "The camera sees several. Take the others away.",
    Hint.HAND_AWAY: "It covers a part of the item.",
    Hint.HOLD_STILL: "A moving item is blurred.",
    Hint.MOVE_INTO_VIEW: "The camera sees only a part of it.",
    Hint.MOVE_AWAY: "It is too near to be seen as a whole.",
    Hint.MOVE_CLOSER: "It is too small in the picture to be told apart.",
    Hint.MORE_LIGHT: "The item is too dark to be seen well.",
    Hint.LESS_LIGHT: "Light or glare hides a part of it. Turn or tilt the item.",
    Hint.FOCUS: "Move the item a little, or wipe the camera's lens.",
}

# The evidence strip under the live picture: a small label and a line of text.
REFERENCE = "Catalog picture"
BY_BARCODE = "Its barcode told which of the look-alikes"
NEAREST_LABEL = "Nearest, only a hint"
LAST = "Last item"
LAST_OPEN = "Nothing was chosen"
ASIDES = {
    "starting": ("", "Camera, models and catalog are being loaded."),
    "ready": ("", "The answer shows here within a second."),
    "looking": ("", "Comparing with {skus} products…"),
    "hint": ("", "The answer comes as soon as the item is seen well."),
    "nocamera": ("", "If it takes longer than a minute, ask for help."),
    "nocatalog": ("For the technician", "kiosk sync, or kiosk catalog build"),
}
WHY_ASKED = {
    Rule.SMALL_MARGIN: "These look alike to the camera",
    Rule.SOME_SIMILARITY: "The camera is not sure",
    Rule.NO_AGREEMENT: "The camera could not settle on one",
    Rule.UNFINISHED: "There was no time to compare them all",
    Rule.LOOK_ALIKES: "These look alike to the camera",
    Rule.REFUSED: "Somebody here said that it is not the likeliest",
    Rule.POOR_VIEW: "The camera does not see it well",
    Rule.BARCODE: "Its barcode names the first one",
    Rule.MISMATCH: "Was the label changed?",
}
A_KIND_OF = "{category}: {why}"
COMPARE_MISMATCH = "Look at the item and tap what it is."
LOOKS_LIKE = "Looks like this"
ITS_BARCODE = "Its barcode"
CHIPS = {
    "looking": "Looking…",
    "accepted": "Recognised",
    "choose": "Which one?",
    "unknown": "Unknown",
    "mismatch": "Check barcode",
}
HINT_ICON = "hint-{}"
COMPARE = "Compare the pictures, then tap the right one."
COMPARE_DONE = "Saved. Tap another picture to change it."
LIVE = "Live picture"
SIMILAR = "similar"
PRINT = "{count} points of its print found"
OTHERS_ONE = "1 more item in view: show fewer at a time."
OTHERS_MANY = "{count} more items in view: show fewer at a time."

# The camera's trouble, over the live picture.
CAMERA_TROUBLE = "No live picture"
CAMERA_RETRIES = "The kiosk reconnects by itself."
CATALOG_HELP = "Ask whoever looks after the kiosk to install a catalog."

# The status bar.
CAMERA = "Camera"
CATALOG = "Catalog"
JOURNAL = "Journal"
BAR = {"camera": CAMERA, "catalog": CATALOG, "journal": JOURNAL}
STATUS = "Status"
ORDER = "Order"
BACK = "Back to the kiosk"
OK = "ok"
PROBLEM = "problem"
TODAY = "built today"
YESTERDAY = "1 day old"
DAYS_OLD = "{days} days old"

# What people said was wrong, on the status page.
REFUSALS = "Not this"
REFUSALS_NONE = "Nothing was called wrong here."
REFUSALS_NOTE = "Items that somebody here said are not what the kiosk took them for."
REFUSALS_MORE = "The {shown} newest are shown; `kiosk refusals list` prints all {count}."
NOT_IT = "Not {name}"
SAID_AT = "{sku} · said {at}"
UNDO = "Undo"

# How the kiosk stands with its channel, on the status page.
RELEASES = "Releases and sync"
SYNC_STATES: dict[str, str] = {
    SyncState.NEVER: "No sync yet",
    SyncState.CURRENT: "Up to date",
    SyncState.OFFLINE: "Nobody answers",
    SyncState.STALE: "Not signed anew for too long",
    SyncState.CLOCK_UNTRUSTED: "The clock cannot be right",
    SyncState.TAMPER: "Not what head office signed",
    SyncState.HELD: "A release waits",
}
SYNC_TO_DO: dict[str, str] = {
    SyncState.NEVER: "Set `sync.source`, or bring a release on a stick: "
    "`kiosk sync --from FOLDER`.",
    SyncState.CURRENT: "",
    SyncState.OFFLINE: "Nothing to do here: it is tried again by itself. If it lasts, check the "
    "network, or bring a release on a stick: `kiosk sync --from FOLDER`.",
    SyncState.STALE: "Tell head office: the channel must be signed anew. What is here goes on.",
    SyncState.CLOCK_UNTRUSTED: "Set the clock of this device; then `kiosk sync` goes on by itself.",
    SyncState.TAMPER: "What is here goes on. If it stays so in another network too, call head "
    "office.",
    SyncState.HELD: "What is here goes on answering.",
}
# In place of these two, by code: a stick is no network.
SYNC_STICKS = {
    "no_folder": "The stick is not there",
    "empty_folder": "The stick is empty",
    "no_repository": "No catalog on the stick",
    "not_whole": "The copy on the stick is not whole",
    "damaged_copy": "The copy on the stick is damaged",
    "cannot_read": "The stick cannot be read",
    "older_copy": "The stick is not newer than what is here",
}
STICK_TO_DO = "What is here goes on answering."
PHASES = {"trial": "on trial, not long in use", "good": "proven", "": ""}
QUARANTINED = "Put away: {release}"
QUARANTINED_ROW = "{reason} · {at}"
QUARANTINED_MORE = "Put away before"
QUARANTINED_MORE_ROW = "{count} more: kiosk sync show prints all"
ALLOW = "To let one come again"
ALLOW_ROW = "kiosk sync allow RELEASE"

# Messages for what a person did, and for a lost service.
NOT_THERE = "That item is not in view any more."
NO_CODES = "This kiosk reads no barcodes."
READING = "Show the barcode to the camera."
WRONG_FOCUS = 'Send {"visit": "..."}.'
NOT_SAVED = "Nothing was saved: the item has changed. Show it again."
REFUSED = "Noted: this is not it."
REFUSAL_UNDONE = "Undone."
NOT_UNDONE = "It is undone already, or was dropped for newer ones."
SERVICE_SILENT = "Nothing was saved: the kiosk does not answer. Try again."
CONNECTING = "Connecting…"
CONNECTING_DETAIL = "The kiosk's program does not answer. This clears by itself."
TOO_MANY = "Too many pages follow this kiosk at once: close one and reload."

# The status page.
STATUS_TITLE = "Kiosk status"
MODELS = "Models"
TIMINGS = "Time per stage"
TIMINGS_NOTE = "Median of the last frames that held an item."
VERSIONS = "Versions"
STAGES = {
    "locate_ms": "Locate the item",
    "embed_ms": "Describe it",
    "search_ms": "Search the catalog",
    "verify_ms": "Compare the print",
    "codes_ms": "Read barcodes",
    "judge_ms": "Judge the view and decide",
    "total_ms": "Total",
}
LABELS = {
    "state": "State",
    "source": "Source",
    "device": "Device and format",
    "fps": "Frames per second",
    "restarts": "Reopened",
    "release": "Release",
    "path": "Folder",
    "built": "Built",
    "skus": "SKUs",
    "references": "References",
    "search": "Search engine",
    "second_look": "Second look",
    "calibration": "Wrong accepts",
    "entries": "Entries",
    "waiting": "Waiting to be written",
    "decisions": "Decisions since the start",
    "python": "Python",
    "channel": "Channel",
    "since": "Since",
    "announced": "Newest announced",
    "number": "Release number",
    "phase": "Trust",
    "previous": "Falls back to",
    "kiosk_id": "This kiosk",
    "fingerprint": "Head office's fingerprint",
}
NONE = "–"
NEVER = "never"
TIMES = "{count} times"
MODEL = "{version} · {quantisation} · {sha256}"

# Refusals, for whoever calls the pages in another way than the browser on the kiosk.
WRONG_HOST = "This kiosk does not answer to the name {host}; open it by its address."
WRONG_ORIGIN = "Only the kiosk's own page may do this."
WRONG_TYPE = "Send JSON: Content-Type: application/json."
WRONG_REFUSAL = 'Send {"decision_id": "..."}.'
WRONG_UNDO = 'Send {"id": "..."}.'
WRONG_CONFIRMATION = 'Send {"decision_id": "...", "sku": "..."}.'

# Reasons of /healthz.
NO_FRAME = "no frame has gone through in the last {seconds:g} s"


def age(built_at: str, now: datetime) -> str:
    """How old a catalog is, in words; empty when its time is unknown or in the future."""
    try:
        built = datetime.fromisoformat(built_at)
    except ValueError:
        return ""
    built = built if built.tzinfo else built.replace(tzinfo=UTC)
    days = (now - built).days
    if days < 0:
        return ""
    return (TODAY, YESTERDAY)[days] if days < 2 else DAYS_OLD.format(days=days)


def sentence(text: str) -> str:
    """What a command says in a line, as a page says it; an address is no word."""
    begun = text[:1].upper() + text[1:] if text.split(" ")[0].isalpha() else text
    return begun if not text or text.endswith((".", "!", "?")) else f"{begun}."


def moment(at: str) -> str:
    """A time for people; as it came when it is none."""
    try:
        when = datetime.fromisoformat(at)
    except ValueError:
        return at
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def others(count: int) -> str:
    """That more than one item is in view; empty when there is one."""
    if count <= 0:
        return ""
    return OTHERS_ONE if count == 1 else OTHERS_MANY.format(count=count)
