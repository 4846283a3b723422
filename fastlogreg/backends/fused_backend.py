"""The production backend: every sum by the kernel that is made for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..data.design import Design, Moments
from ..maths.arrays import NONE, Labels, Vector
from ..maths.logistic import Terms
from . import fused, gram, hessians, moments, sparse, vectorized, working_set
from .base import HessianSums, InMemory, LineSums, Sums, are_compiled, dense_in_memory
from .group_hessians import leverages_of_columns
from .many_by_kernels import ManyByKernels


class Fused(InMemory, ManyByKernels):
    """Compute the sums by the production kernels, on every form of X."""

    name = "fused"
    any_form, whole_runs, interpreted = True, True, False

    def __init__(self, n_threads: int) -> None:
        self.n_threads = n_threads

    def with_threads(self, n_threads: int) -> Fused:
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
        return fused.fused(
            design, y, w, b, n_threads=self.n_threads, weight=weight, linear=linear, zs=zs
        )

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
        x = design.sparse
        if x is not None and x.hessian_is_cheap():
            # In two reads: a pass, and the pairs of non-zeros of each example.
            begin_read()
            loss, dw, db, slopes = self.sums(design, y, w, b, weight=weight, zs=zs)
            begin_read()
            H = sparse.products(x, fused.link(zs, y, weight).slopes, self.n_threads)
            return HessianSums(loss, np.append(dw, db), H, slopes)
        begin_read()
        sums = hessians.of_few_features if design.few_features else self._of_many_features()
        return sums(design, y, w, b, n_threads=self.n_threads, weight=weight, zs=zs)

    def _of_many_features(self) -> Callable[..., HessianSums]:
        return hessians.of_many_features if are_compiled() else vectorized.by_numpy

    def products(self, design: Design, slopes: Vector) -> Vector:
        products = hessians.products if are_compiled() else vectorized.products_by_numpy
        return products(design, slopes, self.n_threads)

    def products_of_each(self, design: Design, slopes: Vector) -> Vector:
        if not are_compiled():
            return np.array([self.products(design, of_row) for of_row in slopes])
        return hessians.products_of_each(design, slopes, self.n_threads)

    def working_products(
        self, design: Design, features: NDArray[np.intp], slopes: Vector
    ) -> Vector:
        if not are_compiled():
            return vectorized.working_products(design, features, slopes)
        return working_set.working_products(design, features, slopes, self.n_threads)

    def squares(self, design: Design, weight: Vector) -> Vector:
        return fused.squares(design, weight, self.n_threads)

    def moments(self, design: Design) -> Moments:
        return moments.moments(design)

    def leverages(
        self, design: Design, points: Sequence[tuple[Vector, float]], roots: Sequence[Vector]
    ) -> Iterator[tuple[int, int, Vector, Vector]]:
        return leverages_of_columns(design, points, roots)

    def terms(self, z: Vector, y: Labels, weight: Vector) -> Terms:
        return fused.link(z, y, weight)

    def along_line(
        self, z: Vector, z_slope: Vector, y: Labels, weight: Vector, t: float
    ) -> LineSums:
        from ..kernels.loss import along_line

        return LineSums(*along_line(z, z_slope, y, weight, t))

    def has_gram(self, design: Design) -> bool:
        return design.dense is not None

    def gram(self, design: Design, between: Callable[[], object]) -> Vector:
        return gram.gram(dense_in_memory(design), self.n_threads, between)

    def has_kernels_for(self, design: Design) -> bool:
        return design.few_features or are_compiled()

    def seconds(self, design: Design) -> float | None:
        return fused.seconds_on_one_core(design)
