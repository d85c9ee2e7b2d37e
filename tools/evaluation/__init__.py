# SPDX-License-Identifier: Apache-2.0
"""How well the kiosk recognises the items of a manifest, and how well others do it.

One run: manifests are read and planned (`manifests`, `plan`), the plan's references become a real
release (`catalog`), the product and its peers answer every query (`product`, `peers`), answers
become numbers with intervals (`measures`, `bootstrap`), queries are degraded (`degrade`, `sweep`),
and everything is said once as JSON, as text and as a page (`results`, `text`, `report`).
"""
