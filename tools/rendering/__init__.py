# SPDX-License-Identifier: Apache-2.0
"""How made-up items look: labels, solids, light. `tools.render` is the door to all of it."""
