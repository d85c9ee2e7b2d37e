# SPDX-License-Identifier: Apache-2.0
"""Who computes a build: this process, a pool of processes, or a cluster.

The rule of all three: the same pure `embed(batch)`, results in any order, each job computed at
least once. What is done with the results is the build's business.
"""
