"""Any X, scale and shift, as what the kernels read; never a copy of X.

The model sees scale * X + shift. With z = w.T (scale * X + shift) + b this is the same as (scale *
w, b + shift.w) on X itself, and the gradient folds back: dw = scale * (X dz.T) + shift * sum(dz).
So only vectors of n_x are ever scaled.

`Design` is what the objective sees of any X: its shape, and its parts, row blocks that a kernel can
be run on. A dense X in memory or in a memory map is one part.

Three forms, told apart once: example-major (each example contiguous), feature-major (each feature
contiguous), both read in place, and anything else (strided views, foreign byte order, int64, long
double): converted, one block at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks.arguments import find_non_finite, require_finite
from ..kernels.bundles import Way
from ..kernels.layout import (
    BYTES,
    HALF,
    HEAD,
    IN_PLACE,
    LANES,
    LONG,
    NARROW,
    STRIP,
    VIEWS,
    WIDE,
    chunk_and_block,
    is_wide,
    read_only,
)
from ..machine.caches import last_level_cache
from ..machine.file_ahead import reading_ahead, spans_of_runs
from ..machine.mapped_files import MappedFile
from ..machine.once import once
from .design import Design
from .tuning import tuning

_BLOCK_BYTES = 4 << 20  # of a converted block
# Of X, which rows of partials may take, all at once; and the chunks from which halves are long.
LARGE_SHARE, MANY_CHUNKS = 0.025, 32
NO_FILE = nullcontext()


class DesignMatrix(Design):
    """Hold a dense X (n_x, m), and the shape of the work: chunks and blocks, which follow from the
    shape, the dtype and the order of X alone."""

    def __init__(
        self, X: NDArray[Any], scale: NDArray[np.float64], shift: NDArray[np.float64]
    ) -> None:
        self.X, self.scale, self.shift = X, scale, shift
        self.n_x, self.m = X.shape
        if X.dtype in VIEWS:
            X = X.view(VIEWS[X.dtype])
        by_example, by_feature = X.flags.f_contiguous, X.flags.c_contiguous
        compiled = (X.dtype in IN_PLACE or X.dtype == HALF) and X.flags.aligned
        self.in_place = compiled and (by_example or by_feature)
        self.by_example = not self.in_place or (by_example and not (by_feature and self.n_x == 1))
        self._source = X
        self.few_features = self.n_x <= NARROW
        self.file = MappedFile.of(self.X)
        self.byte_way = self._byte_way()
        self.slab = self._slab()
        self.at_a_time = self._at_a_time()
        self.chunk, self.block = chunk_and_block(
            self.m, self.n_x, X.dtype.itemsize, self.by_example, self.byte_way
        )
        if self.at_a_time:
            self.block = max(2 * LANES, self.at_a_time)

    @property
    def dense(self) -> DesignMatrix:
        return self

    @property
    def nbytes(self) -> int:
        return int(self.X.nbytes)

    @property
    def has_examples_at_hand(self) -> bool:
        return True

    def parts(self) -> Iterator[tuple[int, int, DesignMatrix]]:
        yield 0, self.m, self

    def rescaled(self, scale: NDArray[np.float64], shift: NDArray[np.float64]) -> DesignMatrix:
        new = self.with_moments(DesignMatrix(self.X, scale, shift))
        new.partials = self.partials  # one room for both: a run works on one of them at a time
        return new

    def rows(self, indices: NDArray[np.intp]) -> DesignMatrix:
        self.check_file()
        return DesignMatrix(np.ascontiguousarray(self.X.T[indices]).T, self.scale, self.shift)

    def every(self, step: int) -> NDArray[Any]:
        self.check_file()
        return self.X.T[
            ::step
        ]  # a view: to pick 1000 of 20,000 x 500 takes longer than to read them

    def require_finite(self, names: Sequence[str] | None = None) -> None:
        self.check_file()
        require_finite(self.X, names)

    def find_non_finite(self) -> tuple[int, int, float] | None:
        self.check_file()
        found = find_non_finite(self.X)
        return None if found is None else (*found, float(self.X[found[1], found[0]]))

    def check_file(self) -> None:
        """OSError where X is mapped from a file that has vanished or become too short: once before
        each read of X."""
        if self.file is not None:
            self.file.check()

    @property
    def form(self) -> str:
        order = "example-major" if self.by_example else "feature-major"
        way = f", as integers by {self.byte_way}" if self.byte_way else ""
        return (
            f"{self.n_x} x {self.m} {self.X.dtype.str} {order}, chunks of {self.chunk}, "
            f"blocks of {self.block}{way}"
        )

    @property
    def feature_major(self) -> bool | None:
        """Return the layout as the kernels are told it."""
        return None if self.by_example else True

    def _at_a_time(self) -> int:
        """Examples that `kernels.dense.groups` or `kernels.dense.strips` takes at a time; 0 where
        neither is for X, or X has fewer."""
        if self.of_bytes or self.slab or (self.by_example and self.n_x < LANES):
            return 0
        count = STRIP if not self.by_example else 2 * LANES if self.n_x <= NARROW else LANES
        return count if self.m >= count else 0

    def way(self, digits: Any = None) -> Way:
        """Tell the kernels how to read X: see `kernels.dense.chunks`. digits: w as such, where
        `of_bytes`."""
        return Way(
            sixteen=self._told if self.at_a_time == 2 * LANES else None,
            groups=self._told if self.at_a_time == LANES else None,
            strips=self._told if self.at_a_time == STRIP else None,
            digits=digits,
            blocks=not (self.at_a_time or self.of_bytes) or None,
            feature_major=self.feature_major,
        )

    @once
    def fits(self) -> bool:
        """Return whether X fits the last-level cache."""
        return self.nbytes <= last_level_cache()

    @once
    def _told(self) -> tuple[Any, ...]:
        """Return what `Way` tells the kernel of `at_a_time`. What it asks for ahead is by the CPU's
        table, and without any say in the results."""
        table = tuning().table
        near = table.short == 1 or None
        if self.at_a_time == STRIP:
            return (near,)
        if self.at_a_time == 2 * LANES:
            return LANES < self.n_x <= 2 * LANES or None, near
        size = self._source.itemsize
        eight = LANES * self.n_x * size
        asking = table.of_groups(eight, self.fits)
        near, four = asking.level == 1 or None, self.n_x >= LONG and size == 8
        ahead = 4 * self.n_x if four else asking.bytes_ahead(eight) // size
        return four or None, near, ahead

    def _byte_way(self) -> str | None:
        """Return the way of `kernels.uint8.choice` by which X is read: bytes, enough of them in a
        row, and a CPU that can; else None."""
        wide = not self.by_example and self.n_x > WIDE
        if (
            self._source.dtype != np.uint8
            or not self.in_place
            or wide
            or self.n_x < BYTES[not self.by_example]
        ):
            return None
        try:
            from ..kernels.uint8.choice import byte_products
        except ImportError:  # without Numba there is no kernel at all
            return None
        return byte_products()

    @property
    def of_bytes(self) -> bool:
        """Return whether X is read as integers."""
        return self.byte_way is not None

    @property
    def places(self) -> tuple[slice, slice]:
        """Return where a vector for the kernels, rounded up to eights, has the features: two
        slices, the second one for the last n_x % 8, which `kernels.dense.groups` has at the end."""
        whole = self.n_x - self.n_x % 8
        return slice(0, whole), slice(whole + self.gap, self.n_x + self.gap)

    @property
    def gap(self) -> int:
        """Return how far the features of the second slice are moved."""
        return -self.n_x % 8 if self.at_a_time and self.by_example else 0

    def _slab(self) -> int:
        """Features in a slab, a multiple of 8, where X is read by slabs (`kernels.dense`), else 0:
        at most 64 slabs, whose z's are at most 4 % of X."""
        if self.by_example or not is_wide(self.m, self.n_x, self.X.itemsize):
            return 0
        slabs = min(64, self.n_x * self.X.itemsize // 200)
        return -(-self.n_x // (8 * slabs)) * 8

    @property
    def n_chunks(self) -> int:
        """Rows of partials that a pass fills."""
        return int(-(-self.n_x // self.slab)) if self.slab else int(-(-self.m // self.chunk))

    @once
    def window(self) -> int:
        """Return for how many chunks a pass has rows of partials at a time: all, or half of them.

        Half where X is bytes by example, and the rows of all chunks would be a large share of it.
        """
        width = 8 * (HEAD + self.n_x)
        large = self.n_chunks * width > LARGE_SHARE * self.nbytes and self.n_chunks >= MANY_CHUNKS
        return (
            -(-self.n_chunks // 2) if large and self.in_place and self.by_example else self.n_chunks
        )

    @once
    def partials(self) -> NDArray[np.float64]:
        """Return where chunks put their sums, kept from pass to pass: fresh pages would cost
        time."""
        width = -(-self.m // 8) * 8 if self.slab else HEAD + -(-self.n_x // 8) * 8
        return np.empty((self.n_chunks, width))

    def read_ahead(
        self, lo: int, hi: int, chunk: int, counters: NDArray[np.int64]
    ) -> AbstractContextManager[None]:
        """Have a mapped X read ahead of the threads that take the chunks of examples lo to hi.

        counters: (runs,), how many chunks of each run have been taken.
        """
        if self.file is None:
            return NO_FILE
        spans = []
        if self.by_example and self.in_place:
            size, n, runs = self.n_x * self.X.itemsize, -(-(hi - lo) // chunk), counters.size
            bounds = [(r * n // runs, (r + 1) * n // runs) for r in range(runs)]
            first = self.file.first + lo * size
            spans = spans_of_runs(counters, chunk * size, bounds, first, first + (hi - lo) * size)
        return reading_ahead(self.file, spans)

    @once
    def _flat(self) -> NDArray[Any]:
        """Return X as the kernels take it, where it is read in place."""
        return read_only(self._source.reshape(-1, order="F" if self.by_example else "C"))

    def flat_blocks(self) -> Iterator[tuple[int, int, NDArray[Any]]]:
        """Yield (first example, one past the last, their X as a flat read-only array of a type that
        the kernels take).

        One block, X itself, where X can be read in place; otherwise converted blocks of whole
        chunks, each in the place of the one before.
        """
        self.check_file()
        if self.in_place:
            yield 0, self.m, self._flat
            return
        native = self.X.dtype.newbyteorder("=")
        target = native if native in IN_PLACE or native in VIEWS else np.dtype(np.float64)
        step, lo = max(1, _BLOCK_BYTES // (self.chunk * self.n_x * target.itemsize)) * self.chunk, 0
        buffer = np.empty(min(self.m, step + 2 * LANES) * self.n_x, target)
        while lo < self.m:
            hi = (
                self.m if self.m - lo - step < 2 * LANES else lo + step
            )  # none of fewer than are taken at a time
            block = buffer[: (hi - lo) * self.n_x]
            with np.errstate(over="ignore"):  # of a long double: it is infinite from here on
                np.copyto(block.reshape(hi - lo, self.n_x), self.X[:, lo:hi].T, casting="unsafe")
            yield lo, hi, read_only(block.view(VIEWS.get(target, target)))
            lo = hi

    def float_blocks(self, least: int = 64) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
        """Yield views of X where nothing has to be changed."""
        self.check_file()
        step = max(least, (1 << 17) // self.n_x)
        for lo in range(0, self.m, step):
            x = self.X[:, lo : lo + step].T
            if not (self.plain and x.dtype == np.float64):
                x = x * self.scale
                x += self.shift
            yield lo, lo + len(x), x
