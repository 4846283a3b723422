"""Several classes, or several models, by compiled kernels: what the production backend adds.

Where nothing is compiled these kernels would take minutes, and NumPy milliseconds: then it is
NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.design import Design
from ..maths.arrays import NONE, Labels, Vector
from ..maths.duality import Shares
from ..maths.softmax import BiasMoments, ClassLabels, ClassTerms
from . import class_hessians, many, vectorized_many
from .base import NO_GROUP, ClassSums, Columns, ColumnSums, LineSums, SidedSums, are_compiled

BY_NUMPY = vectorized_many.ManyByNumPy()


class ManyByKernels:
    """Compute the sums for several classes and for several models by `backends.many`."""

    n_threads: int

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
        if not are_compiled():
            return BY_NUMPY.class_sums(design, labels, W, b, weight=weight, zs=zs)
        return many.class_sums(design, labels, W, b, weight=weight, zs=zs, n_threads=self.n_threads)

    def class_products(
        self, design: Design, z: Vector, V: Vector, v_b: Vector, *, weight: Vector = NONE
    ) -> ClassSums:
        if not are_compiled():
            return BY_NUMPY.class_products(design, z, V, v_b, weight=weight)
        return many.class_products(design, z, V, v_b, weight=weight, n_threads=self.n_threads)

    def class_hessian(self, design: Design, z: Vector, *, weight: Vector = NONE) -> Vector:
        if not are_compiled():
            return BY_NUMPY.class_hessian(design, z, weight=weight)
        return class_hessians.class_hessian(design, z, weight, self.n_threads)

    def class_terms(self, z: Vector, labels: ClassLabels, weight: Vector) -> ClassTerms:
        if not are_compiled():
            return BY_NUMPY.class_terms(z, labels, weight)
        return many.class_terms(z, labels, weight)

    def class_moments(
        self, z: Vector, labels: ClassLabels, weight: Vector, shift: Vector
    ) -> BiasMoments:
        if not are_compiled():
            return BY_NUMPY.class_moments(z, labels, weight, shift)
        return many.class_moments(z, labels, weight, shift)

    def class_along_line(
        self, z: Vector, z_slope: Vector, labels: ClassLabels, weight: Vector, t: float
    ) -> LineSums:
        if not are_compiled():
            return BY_NUMPY.class_along_line(z, z_slope, labels, weight, t)
        return many.class_along_line(z, z_slope, labels, weight, t)

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
        given: Any = {"weight": weight, "group": group, "offset": offset, "zs": zs}
        if not are_compiled():
            return BY_NUMPY.column_sums(design, labels, columns, **given)
        return many.column_sums(design, labels, columns, n_threads=self.n_threads, **given)

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
        given: Any = {"weight": weight, "group": group, "offset": offset, "zs": zs}
        if not are_compiled():
            return BY_NUMPY.sided_sums(design, labels, columns, **given)
        return many.sided_sums(design, labels, columns, n_threads=self.n_threads, **given)

    def entropy(self, z: Vector, y: Labels, weight: Vector, offset: Vector, kappa: Shares) -> float:
        if not are_compiled():
            return BY_NUMPY.entropy(z, y, weight, offset, kappa)
        from ..kernels.entropy import entropy

        of_labels = [(k, float(np.log(k)) if k > 0.0 else 0.0) for k in kappa]
        zeros, ones = np.array(of_labels)
        return entropy(z, y, weight, offset, zeros, ones)
