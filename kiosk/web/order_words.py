# SPDX-License-Identifier: Apache-2.0
"""Every word people read on the order page, beside `words`, ready for translation."""

from __future__ import annotations

from kiosk.orders.values import By, Verdict

TITLE = "Check an order"
HEADLINES = {
    Verdict.MATCH: "Match",
    Verdict.WRONG_ITEM: "Wrong item",
    Verdict.NOT_ON_LIST: "Not on the list",
    Verdict.ALREADY_COUNTED: "Already counted",
    Verdict.UNSURE: "Not sure",
    "ready": "Place an item",
    "looking": "Hold still…",
    "nocamera": "Waiting for the camera",
}
DETAILS = {
    Verdict.NOT_ON_LIST: "Put it aside. It is noted until somebody puts it back.",
    Verdict.ALREADY_COUNTED: "The list wants no more of these.",
    "ready": "Every item of the list, one after the other.",
    "looking": "Comparing it with the list.",
}
BY = {By.CAMERA: "", By.BARCODE: "by its barcode", By.PERSON: "by hand"}
WHICH = "Which one is it? Tap it."
UNKNOWN = "Turn it, show its barcode, or count it by hand."
GONE = "It was taken away before that was clear: show it again."
COMPLETE = "The list is complete: close and sign."
OF = "{counted} of {quantity}"
LINE_OF = "{counted} of {quantity} counted"
NOT_LISTED = "not on the list"
LISTED = "on the list"
TOO_MANY = "{over} too many"
MISSING = "{missing} missing"
NEVER_SEEN = "only by barcode or by hand"
EXPECTED = "Only this one now"
EXPECTING = "Expecting: {name}"

UNDO = "Undo"
BY_HAND = "By hand"
CLOSE = "Close and sign"
ONLY_MISSING = "Missing only"
OTHER_ORDER = "Orders"
CHOOSE_LINE = "Tap the line first that is to be counted by hand."

WAITING = "Orders that wait"
NO_WAITING = "None. Another program sends them, or they are made here."
NEW = "New list"
NUMBER = "Order number or name"
ROWS = "Scan, type or paste: one code a line, or code,quantity"
FILE = "CSV file"
START = "Start checking"
COUNTED = "{counted} of {quantity}"

SIGN_TITLE = "Close this order?"
SIGN_COMPLETE = "Everything on the list is there, and nothing else."
SIGN_DIFFERENT = "There are differences. They are signed as they stand."
SIGN_MISSING = "Missing"
SIGN_EXTRA = "Too many or not on the list"
PUT_BACK = "Put back"
NAME = "Your name"
SIGN = "Sign"
CANCEL = "Back"
SIGNED = "Signed: {outcome}. It is kept in the journal."

HAND_TITLE = "Count by hand"
HAND_REASONS = ("Label damaged", "Too large for the camera", "Sealed box", "Camera not sure")
SILENT = "Nothing was saved: the kiosk does not answer. Try again."
