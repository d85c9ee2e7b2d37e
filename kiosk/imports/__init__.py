# SPDX-License-Identifier: Apache-2.0
"""Ways into a catalog: line by line, the same changes whatever form they came in."""
