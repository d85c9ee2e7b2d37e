# SPDX-License-Identifier: Apache-2.0
"""Looking for what is wrong with a release before it goes live. It reads a release and judges it;
it never changes one.
"""

from kiosk.catalog.lint.checks import lint
from kiosk.catalog.lint.findings import Code, Finding, Pair, Print, Report, Severity, Shown
from kiosk.catalog.lint.page import to_html
from kiosk.catalog.lint.text import as_json, lines

__all__ = [
    "Code",
    "Finding",
    "Pair",
    "Print",
    "Report",
    "Severity",
    "Shown",
    "as_json",
    "lines",
    "lint",
    "to_html",
]
