# SPDX-License-Identifier: Apache-2.0
"""The pages: what the operator and the technician see, and the one server that serves them."""

from kiosk.web.app import create_app
from kiosk.web.gallery import Gallery, NoGallery
from kiosk.web.server import Server

__all__ = ["Gallery", "NoGallery", "Server", "create_app"]
