# SPDX-License-Identifier: Apache-2.0
"""The workshop: head office's working copy of a catalog, with its pictures and its history."""
