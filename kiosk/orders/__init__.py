# SPDX-License-Identifier: Apache-2.0
"""Verification mode: what is shown is checked against an expected list, counted and signed off."""
