# SPDX-License-Identifier: Apache-2.0
"""When a look is the refused thing again, and when it is the SKU after all. Pure.

A refused view must not pull true scans of the SKU along: two photos by one camera are often more
alike than a photo and a catalog picture. So it counts as well how the refused view itself looked:
a look that is more like the SKU than the refused view was is given the benefit of it. Prints, where
both have one, decide before similarities do.

Chosen from `python -m tools.measure_refusals` on shop photos of groceries, half of the SKUs left
out (10 halves) and every photo of those taken for what it is most like. In percent: the same item
refused again / other photos of it refused / true scans of the SKU that become a choice, where the
SKU is at least so similar:

    rule                                 >= 0.60           >= 0.65           >= 0.70
    (cases)                            57/71/625         14/40/404          3/15/204
    nearer than the SKU           96.5/98.6/9.3    100.0/97.5/5.0   100.0/100.0/2.0
    ... by 0.10                   75.4/47.9/3.8    100.0/45.0/0.5    100.0/33.3/0.0
    the refused view counted    94.7/100.0/10.4   100.0/100.0/5.0   100.0/100.0/2.0
    print alone                  100.0/66.2/0.5    100.0/85.0/0.0    100.0/93.3/0.0
    both: this rule              100.0/95.8/6.2   100.0/100.0/0.7   100.0/100.0/0.5

On 300 look-alike earrings (`--mirrored --photos 1`; one photo each, so none are `other`), at least
0.65 similar, 3523 times again and 768 true: nearer than the SKU 97.0/2.0, by 0.10 54.0/0.0, the
refused view counted 97.4/1.7, print alone 99.5/0.5, both 99.8/2.2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TIE = 0.002
"""Similarities of float16 vectors closer than this are equal; a person's word wins a tie."""
REFUSED_PRINT = 0.3
"""Strength of a print from which a look is the refused thing, if it shows less of the SKU's."""
OWN_PRINT = 0.1
"""Strength of the SKU's own print from which it is the SKU, if it shows less of the refused."""

Floats = NDArray[np.floating]


def nearer(to_refused: Floats, to_sku: float, refused_to_sku: Floats) -> bool:
    """Whether similarity says that a look is one of (K,) refused views and not the SKU.

    to_refused: of the look to each of them; to_sku: of the look to the SKU's best reference;
    refused_to_sku: of each of them to the SKU's best reference when it was refused.
    """
    return bool(np.any(to_refused + refused_to_sku >= 2 * to_sku - TIE))


def by_print(refused: float, own: float) -> bool | None:
    """What prints say: True refused, False the SKU, None nothing.

    refused: greatest strength with which a refused view's print was found; own: the SKU's.
    """
    if refused >= REFUSED_PRINT and refused > own:
        return True
    return False if own >= OWN_PRINT and own > refused else None
