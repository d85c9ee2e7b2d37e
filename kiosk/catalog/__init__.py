# SPDX-License-Identifier: Apache-2.0
"""Catalogs: releases built from pictures, checked, and opened as one snapshot."""
