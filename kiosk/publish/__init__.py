# SPDX-License-Identifier: Apache-2.0
"""Publishing: keys, signed metadata, and a repository of plain files that any server can give out.

Nothing here runs on a kiosk. The rule: whatever stops a publisher, readers see the state before or
the state after. Immutable files are only ever added; `timestamp.json` is replaced last.
"""
