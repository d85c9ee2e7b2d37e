# SPDX-License-Identifier: Apache-2.0
"""Seeing: pixels, boxes, model sessions, and the stages that locate and embed an item."""
