# SPDX-License-Identifier: Apache-2.0
"""The HTTP API for tills and warehouse systems on this machine: JSON under `/api/v1`."""
