# SPDX-License-Identifier: Apache-2.0
"""One sync pass: ask the channel, prove what it says, fetch what is missing, hand it to the store.

The only part of the kiosk that may reach out. Whatever comes, the kiosk answers as before.
"""
