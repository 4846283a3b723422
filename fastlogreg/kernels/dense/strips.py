"""Feature-major X in strips of 64 examples: every feature's 64 numbers, once for z and once for dw.

    z, 64 numbers in registers, += w_j x_j  for each feature j; loss, dz = a - y; acc_j, eight
                                            numbers, += dz x_j

The second use comes from the cache: 64 examples of 30 features in float64 are 15 KiB, of 500 250
KiB. There is no sum over lanes before the end of a chunk, and no rest: the last strip of a chunk is
the one that ends where it ends, and what was counted before has weight 0. X must have 64 examples.

A run of 64 numbers is too short for the CPU to look ahead in, so what lies 128 examples ahead is
asked for, half by each phase. Zen 5, one thread, ms, in blocks (`dense.block_chunk`) / strips:
1,000,000 x 10 5.0 / 2.6, 40,000 x 500 7.0 / 5.1, float32 4.5 / 3.5, 200,000 x 30 1.85 / 1.8
(float32 on two threads 0.68 / 0.47). Strips of 32 and of 128 examples: 5.9 and 6.7 at 40,000 x 500.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..decorators import exact, inlined
from ..lanes import LANES, fma, line_elements, load, prefetch_near, splat, store, sums
from ..loss import losses_and_dz
from .groups import add_sums, not_counted

STRIP = 64
AHEAD = 2 * STRIP


@inlined
def load_strip(v: Any, i: int) -> Any:
    """v[i] to v[i + 63] as eight vectors."""
    return (
        load(v, i),
        load(v, i + 8),
        load(v, i + 16),
        load(v, i + 24),
        load(v, i + 32),
        load(v, i + 40),
        load(v, i + 48),
        load(v, i + 56),
    )


@inlined
def add_strip(x: Any, k: int, w: Any, z: Any) -> Any:
    """z, eight vectors, plus w times x[k] to x[k + 63]."""
    return (
        fma(load(x, k), w, z[0]),
        fma(load(x, k + 8), w, z[1]),
        fma(load(x, k + 16), w, z[2]),
        fma(load(x, k + 24), w, z[3]),
        fma(load(x, k + 32), w, z[4]),
        fma(load(x, k + 40), w, z[5]),
        fma(load(x, k + 48), w, z[6]),
        fma(load(x, k + 56), w, z[7]),
    )


@inlined
def add_product(x: Any, k: int, dz: Any, acc: Any) -> Any:
    """acc, one vector, plus x[k] to x[k + 63] times dz."""
    one, zero = splat(1.0), splat(0.0)
    even = fma(load(x, k + 16), dz[2], fma(load(x, k), dz[0], acc))
    odd = fma(load(x, k + 24), dz[3], fma(load(x, k + 8), dz[1], zero))
    even = fma(load(x, k + 48), dz[6], fma(load(x, k + 32), dz[4], even))
    return fma(fma(load(x, k + 56), dz[7], fma(load(x, k + 40), dz[5], odd)), one, even)


@exact
def strip_chunk(
    x: Any,
    n_x: int,
    y: Any,
    weight: Any,
    linear: bool,
    w: Any,
    b: float,
    lo: int,
    hi: int,
    zs: Any,
    row: Any,
) -> None:
    """Adds examples lo to hi to row = [J, db, sum of da/dz, five unused, dw]; zs: (m,) or empty,
    takes every z. Otherwise as `dense.block_chunk`."""
    dw, line, m = row[LANES:], line_elements(x), y.size
    lanes, acc = np.empty(STRIP), np.zeros((n_x + 7) // 8 * 8 * LANES)
    one, zero, half, bias = splat(1.0), splat(0.0), splat(0.5), splat(b)
    J = db = curvature = zero
    for i in range(lo, hi, STRIP):
        at = min(i, hi - STRIP)
        z = (bias, bias, bias, bias, bias, bias, bias, bias)
        k = at
        for j in range(n_x):
            for p in range(k + AHEAD, k + AHEAD + STRIP // 2, line):
                prefetch_near(x, p)
            z = add_strip(x, k, splat(w[j]), z)
            k += m
        store(lanes, 0, z[0])
        store(lanes, 8, z[1])
        store(lanes, 16, z[2])
        store(lanes, 24, z[3])
        store(lanes, 32, z[4])
        store(lanes, 40, z[5])
        store(lanes, 48, z[6])
        store(lanes, 56, z[7])
        if zs.size:
            for r in range(i - at, STRIP):
                zs[at + r] = lanes[r]
        for r in range(0, STRIP, 2 * LANES):
            z0, z1, u0, u1 = load(lanes, r), load(lanes, r + LANES), one, one
            if at < i:
                u0, u1 = not_counted(i - at - r), not_counted(i - at - r - LANES)
            if weight.size:
                u0, u1 = (
                    fma(load(weight, at + r), u0, zero),
                    fma(load(weight, at + r + LANES), u1, zero),
                )
            if linear:
                dz0, dz1 = fma(u0, z0, zero), fma(u1, z1, zero)
                J = fma(fma(dz1, half, zero), z1, fma(fma(dz0, half, zero), z0, J))
            else:
                loss0, dz0, slope0, loss1, dz1, slope1 = losses_and_dz(
                    z0, load(y, at + r), z1, load(y, at + r + LANES)
                )
                J, curvature = (
                    fma(u1, loss1, fma(u0, loss0, J)),
                    fma(u1, slope1, fma(u0, slope0, curvature)),
                )
                dz0, dz1 = fma(u0, dz0, zero), fma(u1, dz1, zero)
            db = fma(dz1, one, fma(dz0, one, db))
            store(lanes, r, dz0)
            store(lanes, r + LANES, dz1)
        dz = load_strip(lanes, 0)
        k = at
        for j in range(n_x):
            for p in range(k + AHEAD + STRIP // 2, k + AHEAD + STRIP, line):
                prefetch_near(x, p)
            store(acc, LANES * j, add_product(x, k, dz, load(acc, LANES * j)))
            k += m
    for j in range(0, n_x, LANES):
        a = load_strip(acc, LANES * j)
        store(dw, j, fma(sums(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]), one, load(dw, j)))
    add_sums(J, db, curvature, lanes, row)
