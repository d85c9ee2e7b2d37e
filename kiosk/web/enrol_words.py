# SPDX-License-Identifier: Apache-2.0
"""Every word of the page that adds an item, ready for translation."""

from __future__ import annotations

from kiosk.values import Hint

TITLE = "Add an item"
TO_STATUS = "Status"

# The form.
NAME = "Name"
SKU = "SKU"
SKU_HINT = "SKU, if it has one"
BARCODE = "Barcode"
CATEGORY = "Category"
READ = "Read barcode"
READING = "Show the barcode to the camera…"
FILED = "That barcode belongs to {sku}: views are added to it."
START = "Take the views"
KEPT = (
    "Pictures of this item are taken on purpose: they stay on this kiosk and go to head office as "
    "a proposal. Nothing else is kept as a picture."
)

# Taking views.
STEPS = (
    ("Show the front", "Lay or stand it as it comes to the counter. Take your hand away."),
    ("Turn it", "The back, or the other side that people show."),
    ("From above", "Lay it down, or stand it up: another face to the camera."),
    ("One more side", "A side that looks different. It may be added now."),
    ("Enough sides", "Add it now, or take a side that looks different."),
)
MORE = "More views of {name}"
GOOD = "Seen well: tap now"
NO_ITEM = "Put the item under the camera"
TAKE = "Take this view"
TAKING = "Looking…"
LEFT = "{left} more needed"
COUNT = "{count} of at most {most}"
REMOVE = "Tap a picture to leave it out."
FINISH = "Add it"
CANCEL = "Cancel"
TRYING = "Trying…"
TRYING_DETAIL = "Against everything this kiosk knows."

# Refused, with the reason.
ALREADY = "This is {name} already"
ALREADY_DETAIL = (
    "The kiosk takes this view for {name} ({sku}), {percent} alike. To add views of it, begin "
    "again with its SKU."
)
STEALS = "Too like {name}"
STEALS_DETAIL = (
    "{percent} alike: scans of {name} ({sku}) would be lost to it. Only head office can add it, "
    "with pictures of both."
)
YOURS = "Your view"
THEIRS = "In the catalog"
THEIRS_ADDED = "Added here: its first view"
AGAIN = "Leave this view out"

# Done.
DONE = "Added"
DONE_DETAIL = (
    "Found on this kiosk {seconds} s after your tap, also after a restart. Head office gets a "
    "proposal."
)
NOT_KEPT = "It holds until the kiosk stops: {reason}"
ANOTHER = "Add another"
UNDO = "Undo"
TO_KIOSK = "To the kiosk"

# What stands in the way of a view.
HINTS = {
    Hint.ONE_ITEM: "Only this item: take the others away",
    Hint.CLEAR_COUNTER: "Clear the counter once",
    Hint.HAND_AWAY: "Take your hand away",
    Hint.HOLD_STILL: "Hold still",
    Hint.MOVE_INTO_VIEW: "Move it fully into view",
    Hint.MOVE_AWAY: "Move it further away",
    Hint.MOVE_CLOSER: "Move it closer",
    Hint.MORE_LIGHT: "More light, please",
    Hint.LESS_LIGHT: "Too bright: tilt it",
    Hint.FOCUS: "Blurred: move it a little",
}

# In the status page and on the operator's page.
ADDITIONS = "Added here"
NONE = "Nothing was added on this kiosk."
NOTE = "Searched on this kiosk only, until head office has them in a release."
MORE_LISTED = "The {shown} newest are shown; `kiosk additions list` prints all {count}."
ADDED_LINE = "{sku} · {views} views · {at}"
ADDED_HERE = "Added on this kiosk"
UNDONE = "Undone: it is not searched any more."
NOT_UNDONE = "It is undone already."

# For whoever calls the page in another way than the browser on the kiosk.
OFF = "This kiosk cannot add items: it has no camera or no models."
WRONG_VIEW = 'Send {"view": "0"}.'
WRONG_UNDO = 'Send {"id": "..."}.'
