"""The sums of a backend on a GPU: X, and z of every example, stay there between passes.

X in memory is copied once, and kept for as long as this backend. Where the GPU has no room for it,
or it comes in blocks of rows, it goes there anew in each pass, block after block while kernels work
on the one before. X of a GPU's array is read in place.

z, dz and da/dz are `cuda.arrays.Resident`. w, dw, Hessians and the sums of the losses are NumPy's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..data.design import Design, Moments
from ..maths.arrays import NONE, Labels, Vector
from ..maths.duality import Shares
from ..maths.logistic import Terms
from . import gram, moments
from .base import HessianSums, LineSums, Sums, dense_in_memory
from .fused_backend import Fused
from .group_hessians import leverages_of_columns
from .on_gpu_many import ManyOnGPU
from .on_gpu_x import Held

if TYPE_CHECKING:
    from ..cuda.engine import Engine, Example


class Cuda(ManyOnGPU):
    """Compute the sums on a GPU, on every form of X.

    grid: blocks of a kernel, None for what the GPU has room for; it changes no bit of a result.
    """

    name = "cuda"
    any_form, whole_runs, interpreted, on_device = True, False, False, True
    far = False

    def __init__(self, n_threads: int, grid: int | None = None) -> None:
        """n_threads is kept for what the CPU does."""
        self.n_threads, self.grid = n_threads, grid
        self.there = Held()
        self._engine: Engine | None = None

    @staticmethod
    def require() -> None:
        """Do nothing where a GPU can be had; else say what is missing: `cuda.device.require`."""
        from ..cuda import device

        device.require()

    @property
    def engine(self) -> Engine:
        """Return what launches kernels, made where it is first needed."""
        if self._engine is None:
            from ..cuda.engine import Engine

            self.require()
            self._engine = Engine(self.grid)
        return self._engine

    def with_threads(self, n_threads: int) -> Cuda:
        return type(self)(n_threads, self.grid)

    def room(self, *shape: int) -> Any:
        from ..cuda.arrays import Resident, empty

        self.require()
        return Resident(empty(shape))

    def all_finite(self, z: Any) -> bool:
        return bool(z.is_finite()) if hasattr(z, "is_finite") else bool(np.isfinite(z).all())

    def ones(self, m: int) -> Any:
        """Return nothing at all: to `along_line` an empty slope is 1."""
        return NONE

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
        w, b = design.fold(w, b)
        of = self._example(y, weight, fixed=not linear)
        if design.sparse is not None:
            total = self._sparse_pass(design, of, linear, (w, b), zs)
        else:
            z = self.there.place_for(zs)
            total = self.engine.one_pass(self._x(design), of, linear, w, b, z)
            self.there.give(z, zs)
        return Sums(total.loss, design.unfold(total.dw, total.db), total.db, total.slopes)

    def _example(self, y: Labels, weight: Vector, fixed: bool) -> Example:
        from ..cuda.engine import Example

        return Example(
            self.there.kept(y), self.there.kept(weight) if fixed else self.there.flat(weight)
        )

    def _x(self, design: Design) -> Any:
        return self.there.blocks(design, self.engine)

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
        z = zs if zs.size else self.room(design.m)
        loss, dw, db, slopes = self.sums(design, y, w, b, weight=weight, zs=z)
        begin_read()
        H = self.products(design, self.terms(z, y, weight).slopes)
        return HessianSums(loss, np.append(dw, db), H, slopes)

    def products(self, design: Design, slopes: Vector) -> Vector:
        if design.sparse is not None:
            return self._by_cpu().products(design, np.asarray(slopes))
        H, there = np.zeros((design.n_x + 1, design.n_x + 1)), self.there.flat(slopes)
        for block in self._x(design).blocks:
            own = there[block.lo : block.hi].reshape((1, block.hi - block.lo))
            H += self.engine.outer_products(block, own, (design.scale, design.shift))
        return H

    def products_of_each(self, design: Design, slopes: Vector) -> Vector:
        return np.array([self.products(design, of_row) for of_row in slopes])

    def working_products(
        self, design: Design, features: NDArray[np.intp], slopes: Vector
    ) -> Vector:
        several = slopes if len(slopes.shape) == 2 else [slopes]
        chosen = np.append(features, design.n_x)
        found = [self.products(design, s)[np.ix_(chosen, chosen)] for s in several]
        return np.array(found) if len(slopes.shape) == 2 else found[0]

    def squares(self, design: Design, weight: Vector) -> Vector:
        if design.sparse is not None:
            return self._by_cpu().squares(design, np.asarray(weight))
        total, there = np.zeros(design.n_x), self.there.flat(weight)
        for block in self._x(design).blocks:
            own = there[block.lo : block.hi].reshape((1, block.hi - block.lo))
            scaling = design.scale, design.shift
            total += self.engine.row_products(block, own, scaling, square=True)[0, :-1]
        return total

    def moments(self, design: Design) -> Moments:
        return moments.moments(design)

    def leverages(
        self, design: Design, points: Sequence[tuple[Vector, float]], roots: Sequence[Vector]
    ) -> Iterator[tuple[int, int, Vector, Vector]]:
        return leverages_of_columns(design, points, roots)

    def terms(self, z: Vector, y: Labels, weight: Vector) -> Terms:
        m = z.shape[0]
        dz, slopes = self.room(m), self.room(m)
        sums = self._line(z, NONE, 0.0, y, weight, dz.data, slopes.data)
        resident = hasattr(z, "is_finite")
        return Terms(
            sums.loss, *((dz, slopes) if resident else (np.asarray(dz), np.asarray(slopes)))
        )

    def along_line(
        self, z: Vector, z_slope: Vector, y: Labels, weight: Vector, t: float
    ) -> LineSums:
        none = self.there.kept(NONE)
        return self._line(z, z_slope, t, y, weight, none, none)

    def _line(
        self, z: Vector, slope: Vector, t: float, y: Labels, weight: Vector, dz: Any, slopes: Any
    ) -> LineSums:
        from ..cuda import links

        there, engine = self.there, self.engine
        chunks = engine.chunks(z.shape[0])
        partials = engine.room("partials", (chunks, 3))
        kernel = links.line_of(engine.sizes)
        s = there.kept(weight)
        engine.run(
            kernel, (chunks,), there.flat(z), there.flat(slope), t, there.kept(y), s, dz, slopes,
            partials,
        )  # fmt: skip
        return LineSums(*engine.folded(partials).tolist())

    def entropy(self, z: Vector, y: Labels, weight: Vector, offset: Vector, kappa: Shares) -> float:
        from ..cuda import links

        there, engine, m = self.there, self.engine, z.shape[0]
        out = engine.room("terms", (1, m))
        given = there.flat(z), there.kept(y), there.kept(weight), there.kept(offset)
        engine.each(links.entropies, m, *given, float(kappa.zeros), float(kappa.ones), out)
        return float(engine.sums_of_rows(out)[0])

    def has_gram(self, design: Design) -> bool:
        return False

    def gram(self, design: Design, between: Callable[[], object]) -> Vector:
        return gram.gram(dense_in_memory(design), self.n_threads, between)

    def has_kernels_for(self, design: Design) -> bool:
        return design.sparse is None

    def seconds(self, design: Design) -> float | None:
        return None  # it depends on the GPU

    def _by_cpu(self) -> Fused:
        """Return what computes of a sparse X what kernels of the GPU do not."""
        return Fused(self.n_threads)

    def _sparse_pass(
        self, design: Design, of: Example, linear: bool, point: tuple[Vector, float], zs: Any
    ) -> Any:
        from ..cuda import links
        from ..cuda.engine import Pass

        engine, there, (w, b), m = self.engine, self.there, point, design.m
        x = there.non_zeros(design)
        Z, terms = there.place_for(zs), engine.room("terms", (3, m))
        Z = Z.reshape((1, m)) if zs.size else engine.room("Z", (1, m))
        dw = engine.room("dw", (1, design.n_x))
        more = there.flat(np.array([b]))
        engine.sparse_times(x.by_example, there.matrix(w), more, Z)
        engine.each(links.binary_terms, m, Z, of.y, of.weight, linear, terms)
        engine.sparse_times(x.by_feature, terms[:1], there.kept(NONE), dw)
        db, loss, slopes = engine.sums_of_rows(terms).tolist()
        there.give(Z.reshape(m), zs)
        return Pass(loss, db, slopes, engine.read(dw)[0])
