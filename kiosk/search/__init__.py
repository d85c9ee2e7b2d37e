# SPDX-License-Identifier: Apache-2.0
"""Search: the nearest references of an embedding, by Annoy when it can be trusted, else exactly."""

from kiosk.search.exact import ExactIndex, Index
from kiosk.search.open import open_index

__all__ = ["ExactIndex", "Index", "open_index"]
