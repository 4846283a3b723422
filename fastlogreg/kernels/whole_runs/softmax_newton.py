"""Newton's method for softmax compiled whole, for small X, where Python would take most of the
time.

    theta -> Z -> dZ, A -> J, g, H -> d = -H^-1 g -> theta + d,
    where J has not risen and the slope has fallen to half

    P_kl = sum s a_k a_l x1 x1.T,  k != l        H_kl = -P_kl        H_kk = sum over l of P_kl

So no block of H is a difference of large numbers. What the classes have in common is held as
`objective.softmax.finish_hessian` tells. Only plain steps are made here, as in `newton`; whatever
else comes is left to `solvers.newton`, which evaluates by the same kernel.

Layout: x is float64, feature by feature, a row of ones last, each row `stride` examples long:

    x       [feature 0, examples 0 .. stride - 1 | feature 1 | ... | ones]
    theta   [w of class 0, b of class 0 | class 1 | ...]

stride is m rounded up to eights; weights are 0 behind the last example. Loop order: iterations,
then blocks of examples, then pairs of classes, then pairs of features. Rounding: EXACT but for
the factor of H, so that a point has the same bits in every run that comes through it. Twins:
`fastlogreg.solvers.newton` and `fastlogreg.objective.softmax`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...maths.certificate import ROUNDING
from ...maths.certificate import bound_for_classes as _bound_for_classes
from ..bundles import ClassProblem, Path, Stopping
from ..decorators import by_name, exact
from ..lanes import fma, load, splat, store, sums
from ..layout import LANES
from ..many.links import class_loss, decay, larger, ratio, where_class
from ..second_order.cholesky import factor, solve

BLOCK = 256  # examples
LOST = 1e-9  # of the curvature of J: a penalty that is smaller does not keep w centred

bound_for_classes = exact(_bound_for_classes)


@by_name(exact)
def softmax_of_block(problem: ClassProblem, theta: Any, span: Any, z: Any, places: Any) -> float:
    """Return the sum of the losses of a block; fill z, s dZ and A (K, BLOCK), flat."""
    x, labels, weight, K, _ = problem
    lo, hi = span
    dz, a = places
    stride, width = labels.size, theta.size // K
    zero, one = splat(0.0), splat(1.0)
    J = zero
    for i in range(0, hi - lo, LANES):
        y, s8, top = load(labels, lo + i), load(weight, lo + i), splat(-np.inf)
        for k in range(K):
            z8 = zero
            for j in range(width):
                z8 = fma(splat(theta[k * width + j]), load(x, j * stride + lo + i), z8)
            store(dz, k * BLOCK + i, z8)
            store(z, k * stride + lo + i, z8)
            top = larger(top, z8)
        total = others = of_label = hidden = zero
        for k in range(K):
            z8 = load(dz, k * BLOCK + i)
            e = decay(top, z8)
            store(dz, k * BLOCK + i, e)
            total = fma(e, one, total)
            others = fma(where_class(y, k, zero, e), one, others)
            of_label = where_class(y, k, z8, of_label)
            hidden = fma(z8, zero, hidden)
        J = fma(s8, fma(hidden, one, class_loss(total, others, top, of_label)), J)
        inverse, negative = ratio(one, total), fma(others, splat(-1.0), zero)
        for k in range(K):
            e = load(dz, k * BLOCK + i)
            store(a, k * BLOCK + i, fma(e, inverse, zero))
            own = fma(where_class(y, k, negative, e), inverse, zero)
            store(dz, k * BLOCK + i, fma(s8, own, zero))
    found = np.empty(LANES)
    store(found, 0, sums((J,)))
    return float(found[0])


@by_name(exact)
def add_dots(
    x: Any, span: Any, stride: int, rows: int, c: Any, first: int, out: Any, at: int
) -> None:
    """Add to out[at + j] the sum of c[first + i] x[j, i] over a block, for j below `rows`.

    Four rows at a time; beyond the last row that one is taken again.
    """
    lo, hi = span
    found = np.empty(LANES)
    for j in range(0, rows, 4):
        last = rows - 1
        p, q = j * stride + lo, min(j + 1, last) * stride + lo
        r, t = min(j + 2, last) * stride + lo, min(j + 3, last) * stride + lo
        s0 = s1 = s2 = s3 = splat(0.0)
        for i in range(0, hi - lo, LANES):
            c8 = load(c, first + i)
            s0, s1 = fma(c8, load(x, p + i), s0), fma(c8, load(x, q + i), s1)
            s2, s3 = fma(c8, load(x, r + i), s2), fma(c8, load(x, t + i), s3)
        store(found, 0, sums((s0, s1, s2, s3)))
        for n in range(min(4, rows - j)):
            out[at + j + n] += found[n]


@by_name(exact)
def add_products(problem: ClassProblem, span: Any, places: Any, gradient: Any, P: Any) -> None:
    """Add the sums of a block to the gradient, and to P the lower triangles of P_kl, l < k."""
    x, labels, weight, K, _ = problem
    lo, hi = span
    dz, a = places
    stride, width, c = labels.size, gradient.size // K, K * BLOCK
    triangle, zero = width * (width + 1) // 2, splat(0.0)
    for k in range(K):
        add_dots(x, span, stride, width, dz, k * BLOCK, gradient, k * width)
        for other in range(k):
            for j in range(width):
                for i in range(0, hi - lo, LANES):
                    both = fma(load(a, k * BLOCK + i), load(a, other * BLOCK + i), zero)
                    both = fma(both, load(weight, lo + i), zero)
                    store(dz, c + i, fma(both, load(x, j * stride + lo + i), zero))
                at = (k * (k - 1) // 2 + other) * triangle + j * (j + 1) // 2
                add_dots(x, span, stride, j + 1, dz, c, P, at)


@by_name(exact)
def fill_in(P: Any, K: int, regularized: Any, H: Any) -> None:
    """Make of P the Hessian of J (K (n_x + 1), K (n_x + 1)): `SoftmaxObjective.finish_hessian`."""
    total, decayed, intercept = regularized
    size, width, at = H.shape[0], H.shape[0] // K, 0
    for i in range(size):
        for j in range(size):
            H[i, j] = 0.0
    for k in range(0, size, width):
        for other in range(0, k, width):
            for j in range(width):
                for i in range(j + 1):
                    product = P[at] / total
                    H[k + j, other + i] = H[k + i, other + j] = -product
                    H[k + j, k + i] += product
                    H[other + j, other + i] += product
                    at += 1
    for j in range(width):
        mean = 0.0
        for k in range(0, size, width):
            mean += H[k + j, k + j]
        mean = mean / K if mean > 0.0 else 1.0
        common = mean / K if j == width - 1 or decayed <= LOST * mean else 0.0
        for k in range(0, size, width):
            H[k + j, k + j] += decayed if j < width - 1 else 0.0
            for other in range(0, k + 1, width):
                H[k + j, other + j] += common
    for i in range(size):
        for j in range(i + 1):
            if not intercept and (i % width == width - 1 or j % width == width - 1):
                H[i, j] = 1.0 if i == j else 0.0
            H[j, i] = H[i, j]


@by_name(exact)
def bound_of_classes(J: float, gradient: Any, H: Any, K: int, decayed: float, C: Any) -> float:
    """Return `objective.softmax_proof.by_hessian`, lambda > 0; C: room (K, K + 1).

    C u = db by elimination, C being the block of H that belongs to b; db stands in the last column.
    """
    width = gradient.size // K
    n_x, size, gain, squares, mean = width - 1, 0.0, 0.0, 0.0, 0.0
    for k in range(K):
        size += H[k * width + n_x, k * width + n_x] / K
    for k in range(K):
        C[k, K] = gradient[k * width + n_x]
        for other in range(K):
            C[k, other] = H[k * width + n_x, other * width + n_x] + size / K
    for k in range(K):
        if not C[k, k] > 0.0:
            return np.inf
        for other in range(k + 1, K):
            share = C[other, k] / C[k, k]
            for i in range(k, K + 1):
                C[other, i] -= share * C[k, i]
    for k in range(K - 1, -1, -1):
        for other in range(k + 1, K):
            C[k, K] -= C[k, other] * C[other, K]
        C[k, K] /= C[k, k]
        mean += C[k, K] / K
    least, most = np.inf, -np.inf
    for k in range(K):
        u = C[k, K] - mean
        C[k, K] = u
        gain += gradient[k * width + n_x] * u
        least = u if u < least else least
        most = u if u > most else most
    for at in range(gradient.size):
        if at % width < n_x:
            rest = gradient[at]
            for k in range(K):
                rest -= H[at, k * width + n_x] * C[k, K]
            squares += rest * rest
    return ROUNDING * J + bound_for_classes(squares, gain, most - least, decayed)


@exact
def newton_steps(problem: ClassProblem, stopping: Stopping, path: Path, known: bool) -> Any:
    """Make up to len(path.thetas) - 1 iterations from point 0.

    known: whether point 0 is given but for its z; else it is evaluated first, with its bound.
    Returns how many were made, and how many times X was read.
    """
    tol, least = stopping
    thetas, numbers, zs, gradients, Hs = path
    K, stride, (total, decayed, intercept) = (
        problem.classes,
        problem.labels.size,
        problem.regularized,
    )
    last, size = thetas.shape[0] - 1, thetas.shape[1]
    width = size // K
    d, L, room = np.zeros(size), np.empty((size, size)), np.empty((K, K + 1))
    P = np.empty(K * (K - 1) // 2 * (width * (width + 1) // 2))
    places = np.empty((K + 1) * BLOCK), np.empty(K * BLOCK)
    reads = 0
    for k in range(0 if known else -1, last):
        J, before, after, moved = numbers[max(k, 0), 0], 0.0, 0.0, k < 0
        theta, gradient, H, z = thetas[k + 1], gradients[k + 1], Hs[(k + 1) & 1], zs[(k + 1) & 1]
        if k >= 0:
            if not factor(Hs[k & 1], least, L):
                return k, reads
            solve(L, gradients[k], d)
            for j in range(size):
                d[j] = -d[j]
                before += gradients[k, j] * d[j]
                theta[j] = thetas[k, j] + d[j]
                moved = moved or theta[j] != thetas[k, j]
            if not -before > 2.0**-52 * abs(J) or not moved:
                return k, reads
        found, squares = 0.0, 0.0
        for j in range(size):
            gradient[j] = 0.0
        for j in range(P.size):
            P[j] = 0.0
        for lo in range(0, stride, BLOCK):
            span = lo, min(stride, lo + BLOCK)
            found += softmax_of_block(problem, theta, span, z, places)
            add_products(problem, span, places, gradient, P)
        for j in range(size):
            gradient[j] /= total
            if j % width < width - 1:
                squares += theta[j] * theta[j]
                gradient[j] += decayed * theta[j]
            elif not intercept:
                gradient[j] = 0.0
            after += gradient[j] * d[j]
        found = found / total + 0.5 * decayed * squares
        fill_in(P, K, problem.regularized, H)
        reads += 1
        numbers[k + 1, 0] = found
        if k >= 0 and (not J + 1e-14 * abs(J) >= found or not abs(after) <= 0.5 * abs(before)):
            return k, reads
        bound = bound_of_classes(found, gradient, H, K, decayed, room)
        numbers[k + 1, 2] = bound
        if bound <= tol:
            return k + 1, reads
    return last, reads
