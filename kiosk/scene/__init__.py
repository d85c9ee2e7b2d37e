# SPDX-License-Identifier: Apache-2.0
"""The demo camera's counter scene: rendered frames with ground truth, for people without a camera
and for tests.

Chosen only explicitly; nothing in the kiosk falls back to it.
"""

from kiosk.scene.products import PRODUCTS, Product
from kiosk.scene.render import Scene, SceneFrame, TruthItem
from kiosk.scene.studio import reference_views
from kiosk.scene.timeline import Visit

__all__ = ["PRODUCTS", "Product", "Scene", "SceneFrame", "TruthItem", "Visit", "reference_views"]
