"""Hessians for several models or for groups of the examples, from one read of X.

    of_groups     the sum of a (1 - a) x1 x1.T over each group, a of one model. A fold's Hessian is
                  then the whole less what is held out, and no further read
    of_columns    loss, gradient and Hessian of several models, each at its own point

Each model, and each group, is summed by itself over blocks of X: what it finds does not depend on
who travels along, nor on the number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.design import Design
from ..machine.blas import inner
from ..maths.arrays import Vector
from . import hessians, sparse
from .base import Backend, Columns, are_compiled
from .small_columns import HeldHessianSums


def of_groups(
    design: Design,
    w: Vector,
    b: float,
    weight: Vector,
    group: NDArray[np.int32],
    groups: int,
    backend: Backend,
) -> Vector:
    """Return the sum of s a (1 - a) x1 x1.T over each group (groups, n_x + 1, n_x + 1)."""
    whole = design.sparse
    if whole is not None and whole.hessian_is_cheap() and backend.has_kernels_for(design):
        return _of_sparse_groups(whole, w, b, weight, group, groups, backend)
    found = [_products(design, backend) for _ in range(groups)]
    for lo, hi, x in design.float_blocks(hessians.BLOCK_BYTES // (8 * design.n_x)):
        with np.errstate(over="ignore", invalid="ignore"):
            z = np.einsum("ij,j->i", x, w) + b
            slopes = backend.terms(z, np.zeros(hi - lo, np.uint8), weight[lo:hi]).slopes
        if groups == 1:
            found[0].add(x, slopes)
            continue
        order = np.argsort(group[lo:hi], kind="stable")
        ends = np.searchsorted(group[lo:hi][order], np.arange(groups + 1))
        for g, H in enumerate(found):
            rows = order[ends[g] : ends[g + 1]]
            if rows.size:
                H.add(x[rows], slopes[rows])
    return np.array([H.whole() for H in found])


def _of_sparse_groups(
    x: Any,
    w: Vector,
    b: float,
    weight: Vector,
    group: NDArray[np.int32],
    groups: int,
    backend: Backend,
) -> Vector:
    """Sum by pairs of an example's non-zeros, with slopes that are 0 outside a group."""
    z, y = np.empty(x.m), np.zeros(x.m, np.uint8)
    backend.sums(x, y, w, b, weight=np.zeros(x.m), linear=True, zs=z)
    slopes = backend.terms(z, y, weight).slopes
    return np.array(
        [
            sparse.products(x, slopes * (group == g) if groups > 1 else slopes, backend.n_threads)
            for g in range(groups)
        ]
    )


def of_columns(
    columns: Columns,
    design: Design,
    labels: NDArray[np.int32],
    weight: Vector,
    group: NDArray[np.int32],
    backend: Backend,
) -> list[HeldHessianSums]:
    """Return loss, gradient and Hessian of each column at its own point; of small X:
    `small_columns`."""
    K, n_x = columns.b.size, design.n_x
    found = [_products(design, backend) for _ in range(K)]
    loss, held, gradient = np.zeros(K), np.zeros(K), np.zeros((K, n_x + 1))
    for lo, hi, x in design.float_blocks(hessians.BLOCK_BYTES // (8 * n_x)):
        of_group = group[lo:hi] if group.size else np.zeros(hi - lo, np.int32)
        with np.errstate(over="ignore", invalid="ignore"):
            for k in range(K):
                z = np.einsum("ij,j->i", x, columns.W[k]) + columns.b[k]
                y = (labels[lo:hi] == columns.positive[k]).view(np.uint8)
                s, h = columns.train[k][of_group], columns.held[k][of_group]
                if weight.size:
                    s, h = s * weight[lo:hi], h * weight[lo:hi]
                of_block, dz, slopes = backend.terms(z, y, s)
                loss[k] += of_block
                if h.any():
                    held[k] += backend.terms(z, y, h)[0]
                gradient[k, :-1] += np.einsum("i,ij->j", dz, x)
                gradient[k, -1] += dz.sum()
                found[k].add(x, slopes)
    return [
        HeldHessianSums(float(loss[k]), float(held[k]), gradient[k], H.whole())
        for k, H in enumerate(found)
    ]


class _ByKernel:
    """Add up slope * x1 x1.T over the examples, by kernels."""

    def __init__(self, n_x: int, n_threads: int) -> None:
        self._sums = hessians.Products(n_x, n_threads)

    def add(self, x: Vector, slopes: Vector) -> None:
        """Add some examples: x (count, n_x), slopes (count,)."""
        self._sums.add(hessians.flat(x), slopes)

    def whole(self) -> Vector:
        """Return the sum (n_x + 1, n_x + 1)."""
        return self._sums.whole()


class _ByNumPy:
    """Add up the same with NumPy alone."""

    def __init__(self, n_x: int) -> None:
        self._H = np.zeros((n_x + 1, n_x + 1))

    def add(self, x: Vector, slopes: Vector) -> None:
        """Add some examples: x (count, n_x), slopes (count,)."""
        rooted = np.append(x, np.ones((len(x), 1)), axis=1) * np.sqrt(slopes)[:, None]
        with np.errstate(over="ignore", invalid="ignore"):
            self._H += rooted.T @ rooted

    def whole(self) -> Vector:
        """Return the sum (n_x + 1, n_x + 1)."""
        return self._H


def _products(design: Design, backend: Backend) -> _ByKernel | _ByNumPy:
    """Return what adds up a Hessian, by kernels where there are some and the backend has them."""
    if backend.any_form and are_compiled():
        return _ByKernel(design.n_x, backend.n_threads)
    return _ByNumPy(design.n_x)


def leverages_of_columns(
    design: Design, points: Sequence[tuple[Vector, float]], roots: Sequence[Vector]
) -> Iterator[tuple[int, int, Vector, Vector]]:
    """Yield (first example, one past the last, z and ||R x1||^2 (K, examples)), in one read.

    points: w (n_x,) and b of each model; roots: R (n_x + 1, n_x + 1) of each.
    """
    for lo, hi, x in design.float_blocks():
        z, t = np.empty((2, len(points), hi - lo))
        with np.errstate(over="ignore", invalid="ignore"):
            for k, ((w, b), R) in enumerate(zip(points, roots)):
                z[k] = np.einsum("ij,j->i", x, w) + b
                y = x @ R[:, :-1].T + R[:, -1]
                t[k] = np.einsum("ij,ij->i", y, y)
        yield lo, hi, z, t


def radius(design: Design) -> float:
    """Return a number that no ||x|| exceeds, in one read: the largest, but where X is sparse.

    There it is the largest ||scale x|| and the length of the shift, since zeros are not read.
    """
    if design.sparse is not None:
        return _radius_of_sparse(design.sparse)
    largest = 0.0
    for _, _, x in design.float_blocks():
        with np.errstate(over="ignore", invalid="ignore"):
            largest = max(largest, float(np.einsum("ij,ij->i", x, x).max()))
    return float(np.sqrt(largest))


def _radius_of_sparse(x: Any) -> float:
    squares, scales = np.zeros(x.m), x.scale * x.scale
    starts = x.starts.astype(np.int64)
    step = 1 << 16  # numbers at a time
    for lo in range(0, x.data.size, step):
        part = slice(lo, min(lo + step, x.data.size))
        # The example, or the feature, that each number is of.
        major = np.searchsorted(starts, np.arange(part.start, part.stop), side="right") - 1
        minor = x.indices[part]
        example, feature = (major, minor) if x.by_example else (minor, major)
        values = x.data[part].astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            np.add.at(squares, example, values * values * scales[feature])
    return float(np.sqrt(squares.max())) + float(np.sqrt(inner(x.shift, x.shift)))
