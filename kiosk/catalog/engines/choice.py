# SPDX-License-Identifier: Apache-2.0
"""Which engine computes a build, by what its owner asked for."""

from __future__ import annotations

from kiosk.catalog.engines.jobs import Engine, Say, silent
from kiosk.catalog.engines.local import Local
from kiosk.catalog.engines.pool import MOST_WORKERS, Pool
from kiosk.catalog.engines.recipe import Recipe
from kiosk.catalog.enrol import Enrolment
from kiosk.errors import UsageError


def engine_of(
    enrolment: Enrolment, workers: int = 0, address: str = "", say: Say = silent
) -> Engine:
    """`workers` processes (0: this one), or the Dask cluster at `dask://HOST:PORT`, which says when
    it stands still. Raises UsageError for what cannot be meant.
    """
    if address and workers:
        raise UsageError("--workers is for this machine, --engine for a cluster: give one of them")
    if address:
        return _cluster(enrolment, address, say)
    if not 0 <= workers <= MOST_WORKERS:
        raise UsageError(f"--workers {workers}: give 1 to {MOST_WORKERS}")
    return Pool(Recipe.of(enrolment), workers) if workers else Local(enrolment)


def _cluster(enrolment: Enrolment, address: str, say: Say) -> Engine:
    try:
        # Here and not above: no kiosk has Dask installed, and it takes a second to import.
        from kiosk.catalog.engines.cluster import Cluster
    except ModuleNotFoundError as error:
        raise UsageError(
            f"--engine {address}: Dask is not installed here ({error}); install sku-kiosk[office]"
        ) from error
    return Cluster(Recipe.of(enrolment), address, say)
