"""What an objective asks of a backend: sums over the examples of a design.

A backend is one way to write the same mathematics. It knows no penalty, no mean over the examples
and no count of the reads: these are the objective's. A design says what X is and computes nothing.
So every method takes the design; a backend itself holds no more than how many threads it may use,
and X once more where it needs another dtype. `backends.choice` makes one from a name.

The point is w (n_x,) and b on scale * X + shift, as the model sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..data.dense import DesignMatrix
from ..data.design import Design, Moments
from ..maths.arrays import NONE, Labels, Vector
from ..maths.duality import Shares
from ..maths.logistic import Terms
from ..maths.softmax import BiasMoments, ClassLabels, ClassTerms

NO_GROUP: NDArray[np.int32] = np.empty(0, np.int32)  # every example is of group 0


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


class ClassSums(NamedTuple):
    """Hold the sums of a softmax pass: of the loss, dz x (K, n_x) and dz (K,), all weighted."""

    loss: float
    dw: Vector
    db: Vector


class Columns(NamedTuple):
    """Hold K binary models that share a read: the columns of w.

    W (K, n_x) and b (K,). positive (K,) int32: y is 1 in column k where labels == positive[k].
    train and held (K, G): the weight of an example of group g in the sums of column k, and in its
    held-out loss; times the example's own weight. So a fold is a pattern of groups, and no copy.
    """

    W: Vector
    b: Vector
    positive: NDArray[np.int32]
    train: Vector
    held: Vector


class Models(NamedTuple):
    """Hold F softmax models of K classes that share a read, each on X with a scale and shift.

    W (F, K, n_x), b (F, K), for the design of each. weights (rows, m) are of the examples; row (F,)
    int32 says which are a model's.
    """

    designs: Sequence[Design]
    W: Vector
    b: Vector
    weights: Vector
    row: NDArray[np.int32]


class ColumnSums(NamedTuple):
    """Hold the sums of a pass for each column.

    loss, held (of the held-out examples), db, slopes (K,) and dw (K, n_x), as in `Sums`.
    """

    loss: Vector
    held: Vector
    dw: Vector
    db: Vector
    slopes: Vector


class SidedSums(NamedTuple):
    """Hold the sums of a pass for each column, the derivatives of the two labels kept apart.

    loss, held, slopes (K,): over all examples, as in `ColumnSums`. dw (2, K, n_x), db (2, K): of
    the examples with y = 0, then of those with y = 1.
    """

    loss: Vector
    held: Vector
    dw: Vector
    db: Vector
    slopes: Vector


class Backend(Protocol):
    """Compute the sums that an objective is made of.

    name: as users give it. n_threads: it may use, without a change of a bit. any_form: whether X
    may be sparse or come in blocks, or must lie in memory. whole_runs: whether solvers may run
    `kernels.whole_runs` in its place, which is the same mathematics. interpreted: whether a pass
    takes Python's own time, a hundred times what the others take. on_device: whether z stays on a
    GPU. There it is an array of the backend's own, which gives NumPy a copy where NumPy asks.
    far: whether X lies elsewhere, so that two reads there are better than one that brings it here.
    """

    name: str
    n_threads: int
    any_form: bool
    whole_runs: bool
    interpreted: bool
    far: bool
    on_device: bool

    @staticmethod
    def require() -> None:
        """Do nothing where the backend can work here; else raise what says what is missing."""
        ...

    def room(self, *shape: int) -> Any:
        """Return where a pass puts z, (m,) or (K, m)."""
        ...

    def all_finite(self, z: Any) -> bool:
        """Return whether every number of z, or of a difference of two z, is finite."""
        ...

    def ones(self, m: int) -> Vector:
        """Return what `along_line` takes for a slope of 1."""
        ...

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

    def products_of_each(self, design: Design, slopes: Vector) -> Vector:
        """Sum the same for each row of slopes (K, m): (K, n_x + 1, n_x + 1)."""
        ...

    def working_products(
        self, design: Design, features: NDArray[np.intp], slopes: Vector
    ) -> Vector:
        """Sum slope * x1 x1.T over the examples, x1 being x of these features and a 1 behind it.

        features (n,), which rise. slopes (m,) give (n + 1, n + 1), and (G, m) one for each row,
        from one read of X; where the layout allows it, of these features alone.
        """
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

    def class_sums(
        self,
        design: Design,
        labels: ClassLabels,
        W: Vector,
        b: Vector,
        *,
        weight: Vector = NONE,
        zs: Vector = NONE,
    ) -> ClassSums:
        """Sum over the examples at (W (K, n_x), b (K,)) by softmax, in one read of X.

        labels (m,) int32 of 0 .. K - 1. zs (K, m), if given, takes the z of every example.
        """
        ...

    def class_products(
        self, design: Design, z: Vector, V: Vector, v_b: Vector, *, weight: Vector = NONE
    ) -> ClassSums:
        """Multiply the sum of the Hessians at z (K, m) by (V (K, n_x), v_b (K,)): one read of X.

        dw and db are the product; the loss is 0.
        """
        ...

    def class_hessian(self, design: Design, z: Vector, *, weight: Vector = NONE) -> Vector:
        """Sum the Hessians at z (K, m): (K (n_x + 1), K (n_x + 1)), class by class; one read."""
        ...

    def class_terms(self, z: Vector, labels: ClassLabels, weight: Vector) -> ClassTerms:
        """Return the sum of the losses and dZ (K, m), from z (K, m)."""
        ...

    def class_moments(
        self, z: Vector, labels: ClassLabels, weight: Vector, shift: Vector
    ) -> BiasMoments:
        """Return the sum of the losses and its derivatives by b, where z_k is shift_k larger."""
        ...

    def class_along_line(
        self, z: Vector, z_slope: Vector, labels: ClassLabels, weight: Vector, t: float
    ) -> LineSums:
        """Sum the softmax losses at z + t z_slope, (K, m) both, and their derivatives by t."""
        ...

    def column_sums(
        self,
        design: Design,
        labels: ClassLabels,
        columns: Columns,
        *,
        weight: Vector = NONE,
        group: NDArray[np.int32] = NO_GROUP,
        offset: Vector = NONE,
        zs: Vector = NONE,
    ) -> ColumnSums:
        """Sum over the examples for K binary models, in one read of X.

        group (m,) int32 of 0 .. G - 1, or none: all are of group 0. offset (m,), or none, is added
        to every z of an example. zs (K, m) takes every z, with the offset.
        """
        ...

    def entropy(self, z: Vector, y: Labels, weight: Vector, offset: Vector, kappa: Shares) -> float:
        """Sum weight * [H(q) + (q - y) o] of the dual point at z; no read of X."""
        ...

    def sided_sums(
        self,
        design: Design,
        labels: ClassLabels,
        columns: Columns,
        *,
        weight: Vector = NONE,
        group: NDArray[np.int32] = NO_GROUP,
        offset: Vector = NONE,
        zs: Vector = NONE,
    ) -> SidedSums:
        """Sum as `column_sums` does, with the derivatives of the two labels kept apart."""
        ...

    def has_gram(self, design: Design) -> bool:
        """Return whether `gram` can be had of it."""
        ...

    def gram(self, design: Design, between: Callable[[], object]) -> Vector:
        """Return X.T X (m, m), in a read of X; `between` is called now and then, for budgets."""
        ...

    def leverages(
        self, design: Design, points: Sequence[tuple[Vector, float]], roots: Sequence[Vector]
    ) -> Iterator[tuple[int, int, Vector, Vector]]:
        """Yield `group_hessians.leverages_of_columns`: some examples, their z and ||R x1||^2."""
        ...

    def has_kernels_for(self, design: Design) -> bool:
        """Return whether Hessians of such a size, and their factors, come from kernels."""
        ...

    def seconds(self, design: Design) -> float | None:
        """Return what a pass should take on one core; None where nobody knows."""
        ...


class InMemory:
    """Keep z in memory, as NumPy's arrays."""

    on_device, far = False, False

    @staticmethod
    def require() -> None:
        """Do nothing: NumPy is there."""

    def room(self, *shape: int) -> Any:
        return np.empty(shape)

    def all_finite(self, z: Any) -> bool:
        return bool(np.isfinite(z).all())

    def ones(self, m: int) -> Vector:
        return np.ones(m)


def dense_in_memory(design: Design) -> DesignMatrix:
    """Return the dense X in memory that callers have made sure of."""
    assert design.dense is not None, f"X is not dense and in memory: {design.form}"
    return design.dense


def are_compiled() -> bool:
    """Return whether kernels are machine code: interpreted they take minutes for milliseconds."""
    import numba

    return not numba.config.DISABLE_JIT
