"""What follows from Z of all examples without a read of X: the softmax loss and its derivatives.

Layout: z (K, m), flat, a row a class. A block of it is copied to scratch (K, BLOCK), whose rows are
full vectors, 0 behind the last example. Loop order: blocks, then as in `blocks`. Rounding: EXACT.
Twin: `fastlogreg.maths.softmax`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..decorators import exact, inlined
from ..lanes import fma, load, store
from ..layout import LANES
from .blocks import line_block, probabilities_block, softmax_block
from .bundles import Places, Targets
from .moves import copy_rows, fill, take_targets

BLOCK = 256  # examples


@inlined
def scratch(K: int) -> Places:
    """Make what a block is computed in."""
    none = np.empty(0, np.int64)
    z, extra, labels, s = np.empty(K * BLOCK), np.empty(K * BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    return Places(z, z, extra, labels, s, np.empty(BLOCK, np.int64), none)


@exact
def terms(z: Any, labels: Any, weight: Any, K: int, dz: Any) -> float:
    """Return the sum of the losses and fill dz (K, m), flat."""
    m, targets = labels.size, Targets(labels, weight, labels, weight)
    places, row = scratch(K), np.empty(4 * ((K + 7) & -8))
    fill(row, 0, row.size, 0.0)
    # Literals would be types of their own.
    block, start = places.s.size, K - K
    for lo in range(0, m, block):
        count = min(block, m - lo)
        full = (count + 7) & -8
        copy_rows(z, (lo, m), places.z, (0, block, full), K, count)
        take_targets(targets, (lo, lo + count), places)
        softmax_block(K, block, start, full, places, row, (start, 2 * ((K + 7) & -8)))
        copy_rows(places.z, (0, block), dz, (lo, m, count), K, count)
    return float(row[0])


@exact
def along_line(z: Any, slope: Any, labels: Any, weight: Any, K: int, t: float) -> Any:
    """Sum the losses at z + t slope, and their first and second derivatives by t."""
    m, targets = labels.size, Targets(labels, weight, labels, weight)
    places, row = scratch(K), np.empty(LANES)
    fill(row, 0, LANES, 0.0)
    block = places.s.size
    for lo in range(0, m, block):
        count = min(block, m - lo)
        full = (count + 7) & -8
        copy_rows(z, (lo, m), places.z, (0, block, full), K, count)
        copy_rows(slope, (lo, m), places.extra, (0, block, full), K, count)
        for k in range(0, K * block, block):
            for i in range(k, k + full):
                places.z[i] += t * places.extra[i]
        take_targets(targets, (lo, lo + count), places)
        line_block(K, block, full, places, row)
    return row[0], row[1], row[2]


@exact
def moments(z: Any, labels: Any, weight: Any, shift: Any, db: Any, curvature: Any) -> float:
    """Sum the losses at z + shift; fill db (K,) and curvature (K, K), zeros on entry."""
    m, K, targets = labels.size, db.size, Targets(labels, weight, labels, weight)
    padded = (K + 7) & -8
    places, row = scratch(K), np.empty(4 * padded)
    dz, a, s, products = places.z, places.extra, places.s, np.empty(K * K * LANES)
    fill(row, 0, row.size, 0.0)
    fill(products, 0, products.size, 0.0)
    block, start = s.size, K - K
    for lo in range(0, m, block):
        count = min(block, m - lo)
        full = (count + 7) & -8
        copy_rows(z, (lo, m), dz, (0, block, full), K, count)
        for k in range(K):
            for i in range(k * block, k * block + full):
                dz[i] += shift[k]
                a[i] = dz[i]
        take_targets(targets, (lo, lo + count), places)
        softmax_block(K, block, start, full, places, row, (start, 2 * padded))
        probabilities_block(K, block, start, full, a)
        for k in range(K):
            for i in range(full):
                dz[k * block + i] = s[i] * a[k * block + i]
        for k in range(K):
            for j in range(k):
                at = (k * K + j) * LANES
                lanes = load(products, at)
                for i in range(0, full, LANES):
                    lanes = fma(load(dz, k * block + i), load(a, j * block + i), lanes)
                store(products, at, lanes)
    for k in range(K):
        db[k] = row[2 * padded + k]
        for j in range(k):
            product = 0.0
            for i in range((k * K + j) * LANES, (k * K + j + 1) * LANES):
                product += products[i]
            curvature[k, j] = curvature[j, k] = -product
            curvature[k, k] += product
            curvature[j, j] += product
    return float(row[0])
