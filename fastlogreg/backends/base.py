"""What an objective asks of a backend: sums over the examples of a design.

A backend is one way to write the same mathematics. It knows no penalty, no mean over the examples
and no count of the reads: these are the objective's. A design says what X is and computes nothing.
So every method takes the design; a backend itself holds no more than how many threads it may use,
and X once more where it needs another dtype. `backends.choice` makes one from a name.

The point is w (n_x,) and b on scale * X + shift, as the model sees it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from ..data.dense import DesignMatrix
from ..data.design import Design, Moments
from ..maths.arrays import NONE, Labels, Vector
from ..maths.logistic import Terms


class Sums(NamedTuple):
    """Hold the sums of a pass: of the loss, dz x (n_x,), dz and da/dz, all weighted.

    slopes is NaN from the lectures' loops, which do not sum da/dz.
    """

    loss: float
    dw: Vector
    db: float
    slopes: float


class HessianSums(NamedTuple):
    """Hold the sums of a pass with a Hessian.

    loss; gradient (n_x + 1,), by [w, b]; hessian (n_x + 1, n_x + 1), the sum of da/dz x1 x1.T, x1
    being x and a 1 behind it; slopes, the sum of da/dz.
    """

    loss: float
    gradient: Vector
    hessian: Vector
    slopes: float


class LineSums(NamedTuple):
    """Hold the sum of the losses at a place on a line, and its first two derivatives there."""

    loss: float
    first: float
    second: float


class Backend(Protocol):
    """Compute the sums that an objective is made of.

    name: as users give it. n_threads: it may use, without a change of a bit. any_form: whether X
    may be sparse or come in blocks, or must lie in memory. whole_runs: whether solvers may run
    `kernels.whole_runs` in its place, which is the same mathematics. interpreted: whether a pass
    takes Python's own time, a hundred times what the others take.
    """

    name: str
    n_threads: int
    any_form: bool
    whole_runs: bool
    interpreted: bool

    def with_threads(self, n_threads: int) -> Backend:
        """Return such a backend for another number of threads."""
        ...

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
        """Sum over the examples at (w, b), in one read of X.

        weight (m,) or none. linear: dz = weight * z and the loss is half of dz * z, whatever y is.
        zs (m,), if given, takes the z of every example.
        """
        ...

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
        """Sum over the examples at (w, b), with the Hessian; begin_read is called before a read."""
        ...

    def products(self, design: Design, slopes: Vector) -> Vector:
        """Sum slope * x1 x1.T over the examples, (n_x + 1, n_x + 1), from slopes (m,)."""
        ...

    def squares(self, design: Design, weight: Vector) -> Vector:
        """Sum weight * x^2 over the examples, for each feature (n_x,); weight (m,)."""
        ...

    def moments(self, design: Design) -> Moments:
        """Return mean and deviation of each feature of X itself; the design keeps them."""
        ...

    def terms(self, z: Vector, y: Labels, weight: Vector) -> Terms:
        """Return the sum of the losses, and dz and da/dz of each example (m,), from z (m,)."""
        ...

    def along_line(
        self, z: Vector, z_slope: Vector, y: Labels, weight: Vector, t: float
    ) -> LineSums:
        """Sum the losses at z + t z_slope, and their derivatives by t; no read of X."""
        ...

    def has_gram(self, design: Design) -> bool:
        """Return whether `gram` can be had of it."""
        ...

    def gram(self, design: Design, between: Callable[[], object]) -> Vector:
        """Return X.T X (m, m), in a read of X; `between` is called now and then, for budgets."""
        ...

    def has_kernels_for(self, design: Design) -> bool:
        """Return whether Hessians of such a size, and their factors, come from kernels."""
        ...

    def seconds(self, design: Design) -> float | None:
        """Return what a pass should take on one core; None where nobody knows."""
        ...


def dense_in_memory(design: Design) -> DesignMatrix:
    """Return the dense X in memory that callers have made sure of."""
    assert design.dense is not None, f"X is not dense and in memory: {design.form}"
    return design.dense
