"""Several classes, or several models, on a GPU: Z and dZ (K, m) stay there."""

from __future__ import annotations

from collections.abc import Callable
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

# What makes rows of numbers of the Z of some examples: (R, examples), the first ones times x.
Link = Callable[[slice, Any], Any]


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

        def link(here: slice, Z: Any) -> Any:
            return self._terms(Z, labels, weight, here)

        sums, dw = self._pass(design, (W, b), link, K, zs)
        return ClassSums(float(sums[K]), dw, sums[:K])

    def class_products(
        self, design: Design, z: Vector, V: Vector, v_b: Vector, *, weight: Vector = NONE
    ) -> ClassSums:
        from ..cuda import links

        K, there, engine = v_b.size, self.there, self.engine
        at, s = there.matrix(z), there.kept(weight)

        def link(here: slice, U: Any) -> Any:
            count = U.shape[1]
            rows, own = engine.room("terms", (K, count)), s[here] if s.size else s
            whole = count == design.m
            engine.each(links.softmax_bends, count, at if whole else at[:, here], U, own, rows)
            return rows

        sums, dw = self._pass(design, (V, v_b), link, K, NONE)
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
        K = b.size
        sides = 2 * K if sided else K
        vectors = [there.kept(array) for array in given]
        of_column = there.flat(positive), there.matrix(train), there.matrix(held)

        def link(here: slice, Z: Any) -> Any:
            count = Z.shape[1]
            rows = engine.room("terms", (sides + 3 * K, count))
            own, *others = (array[here] if array.size else array for array in vectors)
            engine.each(links.column_terms, K * count, Z, own, *of_column, *others, sided, rows)
            return rows

        sums, dw = self._pass(design, (W, b), link, sides, zs)
        loss, outside, slopes = sums[sides:].reshape(3, K)
        return loss, outside, dw, sums[:sides], slopes

    # ------------------------------------------------------------ X

    def _terms(self, Z: Any, labels: ClassLabels, weight: Vector, here: slice = slice(None)) -> Any:
        """Return rows of dZ, and of the losses behind them, (K + 1, m), of the examples here."""
        from ..cuda import links

        K, m = Z.shape
        rows, s = self.engine.room("terms", (K + 1, m)), self.there.kept(weight)
        own = self.there.kept(labels)[here], s[here] if s.size else s
        self.engine.each(links.softmax_terms, m, Z, *own, rows)
        return rows

    def _pass(
        self, design: Design, point: tuple[Vector, Vector], link: Link, sides: int, zs: Any
    ) -> tuple[Vector, Vector]:
        """Return the sum of each row that `link` makes of Z, and that of the first rows times x.

        X is on the GPU once: a block that comes and goes serves both of its reads. zs (K, m), if
        given, takes Z. The products (sides, n_x) are on scale * X + shift.
        """
        engine, there, (W, b) = self.engine, self.there, point
        K, m = len(W), design.m
        with np.errstate(invalid="ignore", over="ignore"):
            b = np.array([own + inner(design.shift, w) for w, own in zip(W, b)])
            W = design.scale * W
        place: Any = there.place_for(zs).reshape((K, m)) if zs.size else None
        if design.sparse is not None:
            whole = engine.room("Z", (K, m)) if place is None else place
            sums, dw = self._sparse_pass_of(design, (W, b), link, sides, whole)
        else:
            sums, dw = np.zeros(0), np.zeros((sides, design.n_x))
            for block in there.blocks(design, engine).blocks:
                count, here = block.hi - block.lo, slice(block.lo, block.hi)
                whole = place is not None and count == m
                Z = place if whole else engine.room("Z", (K, count))
                engine.scores(block, W, b, Z)
                rows = link(here, Z)
                found = engine.sums_of_rows(rows)
                sums = found if not sums.size else sums + found
                dw += engine.row_products(block, rows[:sides])[:, :-1]
                if place is not None and not whole:
                    for k in range(K):
                        place[k, here].copy_to_device(Z[k], stream=engine.stream)
        if place is not None:
            there.give(place, zs)
        with np.errstate(invalid="ignore", over="ignore"):
            return sums, design.scale * dw + design.shift * sums[:sides, None]

    def _sparse_pass_of(
        self, design: Design, point: tuple[Vector, Vector], link: Link, sides: int, Z: Any
    ) -> tuple[Vector, Vector]:
        engine, there, (W, b) = self.engine, self.there, point
        x = there.non_zeros(design)
        engine.sparse_times(x.by_example, there.matrix(W), there.flat(b), Z)
        rows = link(slice(0, design.m), Z)
        sums, out = engine.sums_of_rows(rows), engine.room("dw", (sides, design.n_x))
        engine.sparse_times(x.by_feature, rows[:sides], there.kept(NONE), out)
        return sums, engine.read(out)
