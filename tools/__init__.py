# SPDX-License-Identifier: Apache-2.0
"""For people who work on the project: training, evaluation, set-up. The product imports none."""
