# SPDX-License-Identifier: Apache-2.0
"""Enrolment at the kiosk: items that a technician added here, tried first, searched, undone."""
