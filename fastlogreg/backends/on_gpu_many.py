"""Several classes, or several models, on a GPU: Z and dZ (K, m) stay there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..data.design import Design
from ..machine.blas import inner
from ..maths.arrays import NONE, Vector
from ..maths.softmax import BiasMoments, ClassLabels, ClassTerms
from .base import NO_GROUP, ClassSums, Columns, ColumnSums, LineSums, SidedSums
from .on_gpu_x import Held

if TYPE_CHECKING:
    from ..cuda.engine import Engine


class ManyOnGPU:
    """Compute the sums for several classes and for several models on a GPU."""

    there: Held

    @property
    def engine(self) -> Engine:
        """Return what launches kernels."""
        raise NotImplementedError

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
        K = b.size
        Z = self._scores(design, W, b, zs)
        rows = self._terms(Z, labels, weight)
        sums = self.engine.sums_of_rows(rows)
        dw = self._unfolded(design, self._row_products(design, rows[:K]), sums[:K])
        self.there.give(Z, zs)
        return ClassSums(float(sums[K]), dw, sums[:K])

    def class_products(
        self, design: Design, z: Vector, V: Vector, v_b: Vector, *, weight: Vector = NONE
    ) -> ClassSums:
        from ..cuda import links

        U = self._scores(design, V, v_b, NONE)
        K, m = U.shape
        there, rows = self.there, self.engine.room("terms", (K, m))
        self.engine.each(links.softmax_bends, m, there.matrix(z), U, there.kept(weight), rows)
        sums = self.engine.sums_of_rows(rows)
        dw = self._unfolded(design, self._row_products(design, rows), sums)
        return ClassSums(0.0, dw, sums)

    def class_hessian(self, design: Design, z: Vector, *, weight: Vector = NONE) -> Vector:
        from ..cuda import links
        from ..cuda.arrays import Resident

        engine, s = self.engine, self.there.kept(weight)
        K, m, width = z.shape[0], design.m, design.n_x + 1
        A, one = engine.room("A", (K, m)), engine.room("slopes", (1, m))
        engine.each(links.softmax_chances, m, self.there.matrix(z), A)
        H = np.empty((K, width, K, width))
        for k in range(K):
            for j in range(k + 1):
                engine.each(links.pair_slopes, m, A, k, j, s, one)
                H[k, :, j] = self.products(design, Resident(one))
                H[j, :, k] = H[k, :, j].T
        return H.reshape(K * width, K * width)

    def products(self, design: Design, slopes: Any) -> Vector:
        """Sum slope * x1 x1.T over the examples: see `base.Backend`."""
        raise NotImplementedError

    def class_terms(self, z: Vector, labels: ClassLabels, weight: Vector) -> ClassTerms:
        K = z.shape[0]
        rows = self._terms(self.there.matrix(z), labels, weight)
        loss = float(self.engine.sums_of_rows(rows[K:])[0])
        return ClassTerms(loss, self.engine.read(rows)[:K])

    def class_moments(
        self, z: Vector, labels: ClassLabels, weight: Vector, shift: Vector
    ) -> BiasMoments:
        from ..cuda import links
        from ..cuda.blocks import Block

        engine, there = self.engine, self.there
        K, m = z.shape
        Z, A = engine.room("Z", (K, m)), engine.room("A", (K, m))
        engine.each(links.add_shift, K * m, there.matrix(z), there.flat(shift), Z)
        sums = engine.sums_of_rows(self._terms(Z, labels, weight))
        engine.each(links.softmax_chances, m, Z, A)
        # A is an X of K features, one after the other: the sum of s a a.T.
        block, s = Block(0, m, A.reshape(K * m), K, False), weight if weight.size else np.ones(m)
        plain = np.ones(K), np.zeros(K)
        G = engine.outer_products(block, there.flat(s).reshape((1, m)), plain)
        return BiasMoments(float(sums[K]), sums[:K], np.diag(G[:K, K]) - G[:K, :K])

    def class_along_line(
        self, z: Vector, z_slope: Vector, labels: ClassLabels, weight: Vector, t: float
    ) -> LineSums:
        from ..cuda import links

        engine, there = self.engine, self.there
        K, m = z.shape
        at, rows = engine.room("Z", (K, m)), engine.room("terms", (3, m))
        given = there.matrix(z), there.matrix(z_slope), t
        engine.each(links.softmax_line, m, *given, there.kept(labels), there.kept(weight), at, rows)
        return LineSums(*engine.sums_of_rows(rows).tolist())

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
        given = labels, weight, group, offset
        return ColumnSums(*self._column_pass(design, columns, given, zs, sided=False))

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
        given, K = (labels, weight, group, offset), columns.b.size
        loss, held, dw, db, slopes = self._column_pass(design, columns, given, zs, sided=True)
        return SidedSums(loss, held, dw.reshape(2, K, -1), db.reshape(2, K), slopes)

    def _column_pass(
        self, design: Design, columns: Columns, given: tuple[Any, ...], zs: Any, sided: bool
    ) -> tuple[Vector, Vector, Vector, Vector, Vector]:
        from ..cuda import links

        engine, there = self.engine, self.there
        W, b, positive, train, held = columns
        K, m = b.size, design.m
        sides = 2 * K if sided else K
        Z = self._scores(design, W, b, zs)
        rows = engine.room("terms", (sides + 3 * K, m))
        labels, *others = (there.kept(array) for array in given)
        of_column = there.flat(positive), there.matrix(train), there.matrix(held)
        engine.each(links.column_terms, K * m, Z, labels, *of_column, *others, sided, rows)
        sums = engine.sums_of_rows(rows)
        db, (loss, outside, slopes) = sums[:sides], sums[sides:].reshape(3, K)
        dw = self._unfolded(design, self._row_products(design, rows[:sides]), db)
        there.give(Z, zs)
        return loss, outside, dw, db, slopes

    # ------------------------------------------------------------ X

    def _terms(self, Z: Any, labels: ClassLabels, weight: Vector) -> Any:
        """Return rows of dZ, and of the losses behind them, (K + 1, m)."""
        from ..cuda import links

        K, m = Z.shape
        rows = self.engine.room("terms", (K + 1, m))
        given = self.there.kept(labels), self.there.kept(weight)
        self.engine.each(links.softmax_terms, m, Z, *given, rows)
        return rows

    def _blocks(self, design: Design) -> Iterator[Any]:
        yield from self.there.blocks(design, self.engine).blocks

    def _scores(self, design: Design, W: Vector, b: Vector, zs: Any) -> Any:
        """Return Z (K, m) at (W, b) on scale * X + shift: where zs has it, or in a room."""
        K, m = len(W), design.m
        engine, there = self.engine, self.there
        with np.errstate(invalid="ignore", over="ignore"):
            b = np.array([own + inner(design.shift, w) for w, own in zip(W, b)])
            W = design.scale * W
        Z = there.place_for(zs).reshape((K, m)) if zs.size else engine.room("Z", (K, m))
        if design.sparse is not None:
            rows = there.non_zeros(design).by_example
            engine.sparse_times(rows, there.matrix(W), there.flat(b), Z)
            return Z
        for block in self._blocks(design):
            count = block.hi - block.lo
            if count == m:
                engine.scores(block, W, b, Z)
                continue
            part = engine.room("part", (K, count))
            engine.scores(block, W, b, part)
            for k in range(K):
                Z[k, block.lo : block.hi].copy_to_device(part[k], stream=engine.stream)
        return Z

    def _row_products(self, design: Design, D: Any) -> Vector:
        """Return the sum of D[k] x over the examples, (K, n_x), on X itself; D (K, m)."""
        K, m = D.shape
        engine = self.engine
        if design.sparse is not None:
            out = engine.room("dw", (K, design.n_x))
            rows = self.there.non_zeros(design).by_feature
            engine.sparse_times(rows, D, self.there.kept(NONE), out)
            return engine.read(out)
        total = np.zeros((K, design.n_x))
        for block in self._blocks(design):
            count, part = block.hi - block.lo, D
            if count != m:
                part = engine.room("part", (K, count))
                for k in range(K):
                    part[k].copy_to_device(D[k, block.lo : block.hi], stream=engine.stream)
            total += engine.row_products(block, part)[:, :-1]
        return total

    @staticmethod
    def _unfolded(design: Design, dw: Vector, db: Vector) -> Vector:
        with np.errstate(invalid="ignore", over="ignore"):
            return design.scale * dw + design.shift * db[:, None]
