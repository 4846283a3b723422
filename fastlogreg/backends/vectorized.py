"""The vectorized form, NumPy alone: the reference for every other backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.dense import DesignMatrix
from ..data.design import Design, Moments
from ..maths import reference
from ..maths.arrays import NONE, Labels, Vector
from ..maths.logistic import LOGISTIC, Terms
from . import gram, moments
from .base import HessianSums, InMemory, LineSums, Sums, dense_in_memory
from .group_hessians import leverages_of_columns
from .vectorized_many import ManyByNumPy

LONGEST = 1024  # examples in a block of as many features: enough for BLAS, and no larger than H


def by_numpy(
    design: Design,
    y: NDArray[np.uint8],
    w: Vector,
    b: float,
    *,
    n_threads: int = 1,
    weight: Vector,
    zs: Vector,
) -> HessianSums:
    """Sum loss, gradient and Hessian over the examples by BLAS, on its own threads."""
    n_x = design.n_x
    H, gradient, J = np.zeros((n_x + 1, n_x + 1)), np.zeros(n_x + 1), 0.0
    with np.errstate(
        invalid="ignore", over="ignore"
    ):  # NaN in X arrives here, and is looked for by the caller
        for lo, hi, x in design.float_blocks(min(n_x, LONGEST)):
            z = zs[lo:hi] = x @ w + b
            loss, dz, slopes = numpy_link(z, y[lo:hi], weight[lo:hi])
            J += loss
            gradient[:-1] += dz @ x
            gradient[-1] += dz.sum()
            _add_by_numpy(x, slopes, H)
    H[:-1, -1] = H[-1, :-1]
    return HessianSums(J, gradient, H, float(H[-1, -1]))


def products_by_numpy(design: Design, slopes: Vector, n_threads: int = 1) -> Vector:
    """Sum slope * x1 x1.T over the examples by BLAS, on its own threads."""
    H = np.zeros((design.n_x + 1, design.n_x + 1))
    for lo, hi, x in design.float_blocks(min(design.n_x, LONGEST)):
        _add_by_numpy(x, slopes[lo:hi], H)
    H[:-1, -1] = H[-1, :-1]
    return H


def working_products(design: Design, features: NDArray[np.intp], slopes: Vector) -> Vector:
    """Sum slope * x1 x1.T over the examples, of these features alone: see `base.Backend`."""
    several, n = np.atleast_2d(slopes), features.size
    H = np.zeros((len(several), n + 1, n + 1))
    with np.errstate(invalid="ignore", over="ignore"):
        for lo, hi, x in design.float_blocks(min(design.n_x, LONGEST)):
            x1 = np.append(x[:, features], np.ones((hi - lo, 1)), axis=1)
            for s, own in zip(several[:, lo:hi], H):
                rooted = x1 * np.sqrt(s)[:, None]
                own += rooted.T @ rooted
    return H.reshape(*slopes.shape[:-1], n + 1, n + 1)


def _add_by_numpy(x: Vector, slopes: Vector, H: Vector) -> None:
    """Add the products of a block x (examples, n_x) to H[:, :-1], and the corner."""
    H[-1, :-1] += slopes @ x
    H[-1, -1] += slopes.sum()
    rooted = x * np.sqrt(slopes)[:, None]
    H[:-1, :-1] += rooted.T @ rooted


def numpy(
    design: DesignMatrix,
    X: NDArray[Any],
    y: NDArray[np.uint8],
    w: Vector,
    b: float,
    *,
    weight: Vector = NONE,
    linear: bool = False,
    zs: Vector = NONE,
) -> Sums:
    """Sum over the examples by the lectures' formulas; X: design.X as float64."""
    w, b = design.fold(w, b)
    Z = reference.forward(w[:, None], b, X)
    if zs.size:
        zs[:] = Z[0]
    if linear:
        dZ = weight * Z
        losses, slopes = 0.5 * dZ * Z, np.zeros(1)
    else:
        losses, dZ, slopes = LOGISTIC.terms(Z, y)
        if weight.size:
            dZ, losses, slopes = weight * dZ, weight * losses, weight * slopes
    db = float(np.sum(dZ))
    with np.errstate(invalid="ignore", over="ignore"):
        dw = design.unfold((X @ dZ.T)[:, 0], db)
        return Sums(float(np.sum(losses)), dw, db, float(np.sum(slopes)))


def numpy_squares(design: Design, weight: Vector) -> Vector:
    """Sum weight * x^2 over the examples, for each feature (n_x,), block by block."""
    total = np.zeros(design.n_x)
    for lo, hi, x in design.float_blocks():
        total += weight[lo:hi] @ (x * x)
    return total


def numpy_link(z: Vector, y: NDArray[np.uint8], weight: Vector) -> Terms:
    """Return the sum of the losses, and dz and da/dz of each example (m,), weighted; from z."""
    losses, dz, slopes = LOGISTIC.terms(z, y)
    if weight.size:
        return Terms(float(weight @ losses), weight * dz, weight * slopes)
    return Terms(float(losses.sum()), dz, slopes)


class Vectorized(InMemory, ManyByNumPy):
    """Compute the sums with NumPy alone, on a dense X in memory."""

    name = "numpy"
    any_form, whole_runs, interpreted = False, False, False

    def __init__(self, n_threads: int) -> None:
        """n_threads is kept for the bytes of a Gram matrix; BLAS has threads of its own."""
        self.n_threads = n_threads
        self._X = Converted(_as_float64)

    def with_threads(self, n_threads: int) -> Vectorized:
        return type(self)(n_threads)

    def sums(
        self,
        design: Design,
        y: Labels,
        w: Vector,
        b: float,
        *,
        weight: Vector = NONE,
        linear: bool = False,
        zs: Vector = NONE,
    ) -> Sums:
        x = dense_in_memory(design)
        return numpy(x, self._X.of(x), y, w, b, weight=weight, linear=linear, zs=zs)

    def sums_with_hessian(
        self,
        design: Design,
        y: Labels,
        w: Vector,
        b: float,
        *,
        weight: Vector,
        zs: Vector,
        begin_read: Callable[[], object],
    ) -> HessianSums:
        begin_read()
        return by_numpy(design, y, w, b, weight=weight, zs=zs)

    def products(self, design: Design, slopes: Vector) -> Vector:
        return products_by_numpy(design, slopes)

    def products_of_each(self, design: Design, slopes: Vector) -> Vector:
        return np.array([products_by_numpy(design, of_row) for of_row in slopes])

    def working_products(
        self, design: Design, features: NDArray[np.intp], slopes: Vector
    ) -> Vector:
        return working_products(design, features, slopes)

    def squares(self, design: Design, weight: Vector) -> Vector:
        return numpy_squares(design, weight)

    def moments(self, design: Design) -> Moments:
        return moments.moments(design)

    def leverages(
        self, design: Design, points: Sequence[tuple[Vector, float]], roots: Sequence[Vector]
    ) -> Iterator[tuple[int, int, Vector, Vector]]:
        return leverages_of_columns(design, points, roots)

    def terms(self, z: Vector, y: Labels, weight: Vector) -> Terms:
        return numpy_link(z, y, weight)

    def along_line(
        self, z: Vector, z_slope: Vector, y: Labels, weight: Vector, t: float
    ) -> LineSums:
        J, dz, slopes = self.terms(z + t * z_slope, y, weight)
        return LineSums(J, float(dz @ z_slope), float(slopes @ (z_slope * z_slope)))

    def has_gram(self, design: Design) -> bool:
        return design.dense is not None

    def gram(self, design: Design, between: Callable[[], object]) -> Vector:
        return gram.gram(dense_in_memory(design), self.n_threads, between)

    def has_kernels_for(self, design: Design) -> bool:
        return False

    def seconds(self, design: Design) -> float | None:
        return None  # it is BLAS's and the memory's


class Converted:
    """Keep X in the dtype that a backend takes, converted once; as it is where that is the one."""

    def __init__(self, convert: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
        self.convert = convert
        self._from: NDArray[Any] | None = None
        self._X: NDArray[Any] = NONE

    def of(self, design: DesignMatrix) -> NDArray[Any]:
        """Return X of this design, (n_x, m)."""
        if self._from is not design.X:
            self._from, self._X = design.X, self.convert(design.X)
        return self._X


def _as_float64(X: NDArray[Any]) -> NDArray[Any]:
    """Return X for a matrix product of NumPy, which takes float64 alone, in the native order."""
    return X if X.dtype == np.float64 and X.dtype.isnative else X.astype(np.float64)
