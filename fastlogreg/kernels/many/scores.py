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
from .emit import PLAN

BLOCK = 256  # examples


@inlined
def scratch(K: int, block: int) -> Places:
    """Make what a block is computed in."""
    return Places(
        np.empty(0),
        np.empty(K * block),
        np.empty(K * block),
        np.empty(block),
        np.empty(block),
        np.empty(0, np.int64),
        np.zeros(PLAN, np.int64),
    )


@inlined
def take(z: Any, first: int, m: int, count: int, t: float, slope: Any, out: Any, K: int) -> None:
    """Copy z + t slope of `count` examples to scratch; slope may be empty."""
    for k in range(K):
        there, here = k * m + first, k * BLOCK
        for i in range(count):
            out[here + i] = z[there + i]
            if slope.size:
                out[here + i] += t * slope[there + i]
        for i in range(count, (count + 7) & -8):
            out[here + i] = 0.0


@inlined
def take_targets(targets: Targets, lo: int, count: int, places: Places) -> None:
    """Copy labels and weights of a block; 0 behind them."""
    own_labels, weight, _, _ = targets
    labels, s = places.labels, places.s
    for i in range((count + 7) & -8):
        labels[i] = own_labels[lo + i] if i < count else 0
        s[i] = 0.0
        if i < count:
            s[i] = weight[lo + i] if weight.size else 1.0


@exact
def terms(z: Any, labels: Any, weight: Any, K: int, dz: Any) -> float:
    """Return the sum of the losses and fill dz (K, m), flat."""
    m = labels.size
    places, row = scratch(K, BLOCK), np.zeros(4 * ((K + 7) & -8))
    for lo in range(0, m, BLOCK):
        count = min(BLOCK, m - lo)
        take(z, lo, m, count, 0.0, z[:0], places.z, K)
        take_targets(Targets(labels, weight, labels, weight), lo, count, places)
        softmax_block(K, BLOCK, (count + 7) & -8, places, row)
        for k in range(K):
            for i in range(count):
                dz[k * m + lo + i] = places.z[k * BLOCK + i]
    return float(row[0])


@exact
def along_line(z: Any, slope: Any, labels: Any, weight: Any, K: int, t: float) -> Any:
    """Sum the losses at z + t slope, and their first and second derivatives by t."""
    m = labels.size
    places, row = scratch(K, BLOCK), np.zeros(LANES)
    for lo in range(0, m, BLOCK):
        count = min(BLOCK, m - lo)
        take(z, lo, m, count, t, slope, places.z, K)
        take(slope, lo, m, count, 0.0, slope[:0], places.extra, K)
        take_targets(Targets(labels, weight, labels, weight), lo, count, places)
        line_block(K, BLOCK, (count + 7) & -8, places, row)
    return row[0], row[1], row[2]


@exact
def moments(z: Any, labels: Any, weight: Any, shift: Any, db: Any, curvature: Any) -> float:
    """Sum the losses at z + shift; fill db (K,) and curvature (K, K), zeros on entry."""
    m, K = labels.size, db.size
    padded = (K + 7) & -8
    places, row = scratch(K, BLOCK), np.zeros(4 * padded)
    dz, a, s, products = places.z, places.extra, places.s, np.zeros(K * K * LANES)
    for lo in range(0, m, BLOCK):
        count = min(BLOCK, m - lo)
        full = (count + 7) & -8
        take(z, lo, m, count, 0.0, z[:0], dz, K)
        for k in range(K):
            for i in range(k * BLOCK, k * BLOCK + full):
                dz[i] += shift[k]
                a[i] = dz[i]
        take_targets(Targets(labels, weight, labels, weight), lo, count, places)
        softmax_block(K, BLOCK, full, places, row)
        probabilities_block(K, BLOCK, full, a)
        for k in range(K):
            for i in range(full):
                dz[k * BLOCK + i] = s[i] * a[k * BLOCK + i]
        for k in range(K):
            for j in range(k):
                at = (k * K + j) * LANES
                lanes = load(products, at)
                for i in range(0, full, LANES):
                    lanes = fma(load(dz, k * BLOCK + i), load(a, j * BLOCK + i), lanes)
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
