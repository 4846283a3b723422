"""The vectorized form, NumPy alone: the reference for every other backend."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.dense import DesignMatrix
from ..data.design import Design
from ..maths import logistic, reference
from ..maths.arrays import NONE, Vector
from .fused import Sums

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
) -> tuple[float, Vector, Vector]:
    """`of_many_features` with NumPy alone, on BLAS's own threads."""
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
    return J, gradient, H


def products_by_numpy(design: Design, slopes: Vector, n_threads: int = 1) -> Vector:
    """`products` with NumPy alone, on BLAS's own threads."""
    H = np.zeros((design.n_x + 1, design.n_x + 1))
    for lo, hi, x in design.float_blocks(min(design.n_x, LONGEST)):
        _add_by_numpy(x, slopes[lo:hi], H)
    H[:-1, -1] = H[-1, :-1]
    return H


def _add_by_numpy(x: Vector, slopes: Vector, H: Vector) -> None:
    """H[:, :-1] += the same of a block x (examples, n_x), and the corner."""
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
    """The same by the vectorized reference; X: design.X as float64."""
    w, b = design.fold(w, b)
    Z = reference.forward(w[:, None], b, X)
    if zs.size:
        zs[:] = Z[0]
    if linear:
        dZ = weight * Z
        losses, slopes = 0.5 * dZ * Z, np.zeros(1)
    else:
        sign = 1.0 - 2.0 * y
        dZ, losses = sign * logistic.sigmoid(sign * Z), logistic.loss(Z, y)
        slopes = np.abs(dZ) * logistic.sigmoid(-sign * Z)
        if weight.size:
            dZ, losses, slopes = weight * dZ, weight * losses, weight * slopes
    db = float(np.sum(dZ))
    with np.errstate(invalid="ignore", over="ignore"):
        return float(np.sum(losses)), design.unfold((X @ dZ.T)[:, 0], db), db, float(np.sum(slopes))


def numpy_squares(design: Design, weight: Vector) -> Vector:
    """The same with NumPy alone, block by block."""
    total = np.zeros(design.n_x)
    for lo, hi, x in design.float_blocks():
        total += weight[lo:hi] @ (x * x)
    return total


def numpy_radius(design: DesignMatrix) -> float:
    """The same with NumPy alone, block by block."""
    squares = [0.0]
    step = max(1, (1 << 20) // design.n_x)
    for lo in range(0, design.m, step):
        x = design.X[:, lo : lo + step] * design.scale[:, None] + design.shift[:, None]
        squares.append(float(np.max(np.sum(x * x, axis=0))))
    return float(np.sqrt(max(squares)))


def numpy_link(z: Vector, y: NDArray[np.uint8], weight: Vector) -> tuple[float, Vector, Vector]:
    """The same with NumPy alone."""
    sign = 1.0 - 2.0 * y
    a = logistic.sigmoid(sign * z)
    dz, slopes, losses = sign * a, a * logistic.sigmoid(-sign * z), logistic.loss(z, y)
    if weight.size:
        return float(weight @ losses), weight * dz, weight * slopes
    return float(losses.sum()), dz, slopes


def numpy_along_line(
    z: Vector, z_slope: Vector, y: NDArray[np.uint8], weight: Vector, t: float
) -> tuple[float, float, float]:
    """`kernels.loss.along_line` with NumPy alone."""
    J, dz, slopes = numpy_link(z + t * z_slope, y, weight)
    return J, float(dz @ z_slope), float(slopes @ (z_slope * z_slope))
