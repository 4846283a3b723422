"""Any X, scale and shift, as what the kernels read; never a copy of X.

The model sees scale * X + shift. With z = w.T (scale * X + shift) + b this is the same as (scale * w, b + shift.w) on X
itself, and the gradient folds back: dw = scale * (X dz.T) + shift * sum(dz). So only vectors of n_x are ever scaled.

`Design` is what the objective sees of any X: its shape, and its parts, row blocks that a kernel can be run on. A dense
X in memory or in a memory map is one part.

Three forms, told apart once: example-major (each example contiguous), feature-major (each feature contiguous), both read in
place, and anything else (strided views, foreign byte order, int64, long double): converted, one block at a time.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .mapped_files import MappedFile
from .threads import run_on
from .validation import find_non_finite, require_finite
from .vectors import inner

HALF = np.dtype([("half", "<u2")])  # kernels.intrinsics.HALF, without importing Numba here
HEAD = LANES = 8  # kernels.dense.HEAD and kernels.intrinsics.LANES, likewise
_IN_PLACE = {np.dtype(code) for code in ("u1", "i1", "u2", "i2", "i4", "f4", "f8")}
_VIEWS = {np.dtype(np.bool_): np.dtype(np.uint8), np.dtype(np.float16): HALF}
# Features above which a feature-major X is read by slabs of features, twice; the second of 64 MiB and more in 4 or 8 bytes a
# number (slabs and strips: 10,000 x 3,000 float64 12.1 and 7.3 ms, 4,000 x 12,288 17.8 and 21.6 on Zen 5).
WIDE, WIDE_LARGE = 2048, 8192
LONG = 4096  # features from which an example-major float64 X is read four examples at a time
BYTES = 96, 16  # features from which bytes are multiplied as integers (`kernels.integers`): example-major, feature-major
NARROW = 40  # features up to which an example-major X has a kernel of its own; from 8 on
_BLOCK_BYTES = 4 << 20  # of a converted block
_BYTE_BLOCK = {"digits": 600 << 10, "words": 384 << 10}


_Design = TypeVar("_Design", bound="Design")


class Design(ABC):
    """X (n_x, m) with scale and shift (n_x,), as the objective sees it. Examples are counted from 0 over all parts."""

    SECONDS_PER_ELEMENT = 0.15e-9
    n_x: int
    m: int
    scale: NDArray[np.float64]
    shift: NDArray[np.float64]
    few_features = False  # whether `kernels.hessian` is for its parts

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Bytes of X."""

    @property
    def elements(self) -> int:
        """Numbers that a pass reads."""
        return self.m * self.n_x

    @property
    def hessian_work(self) -> float:
        """What a Hessian takes, in products of a dense one, 0.01 to 0.02 ns each."""
        return float(self.m) * self.n_x**2

    @property
    def seconds_per_element(self) -> float:
        """What one core needs for each of them in a pass: read twice from its cache."""
        return self.SECONDS_PER_ELEMENT

    @abstractmethod
    def parts(self) -> Iterator[tuple[int, int, Any]]:
        """(first example, one past the last, the design of these alone), in order; scale and shift do not matter there."""

    @abstractmethod
    def rescaled(self, scale: NDArray[np.float64], shift: NDArray[np.float64]) -> Any:
        """The same X with another scale and shift."""

    @abstractmethod
    def rows(self, indices: NDArray[np.intp]) -> Design:
        """A copy of these examples (sorted), in memory, with the same scale and shift."""

    @abstractmethod
    def float_blocks(self, least: int = 64) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
        """(first example, one past the last, scale * X + shift of them as dense float64 (examples, n_x)): blocks of
        1 MiB, or of so many examples at least."""

    @abstractmethod
    def require_finite(self, names: Sequence[str] | None = None) -> None:
        """ValueError naming the first row and column of X that is NaN or infinite, if any is."""

    @property
    def form(self) -> str:
        """In words, all that the order of additions follows from."""
        return f"{type(self).__name__} {self.n_x} x {self.m}"

    def digest(self) -> str:
        """SHA-256 of examples spread over X, as float64 without scale and shift: 4 MiB of them, at least two."""
        count = max(2, (4 << 20) // (8 * self.n_x))
        chosen = np.unique(np.linspace(0, self.m - 1, min(count, self.m)).astype(np.intp))
        found = hashlib.sha256()
        for _, _, x in self.rows(chosen).rescaled(np.ones(self.n_x), np.zeros(self.n_x)).float_blocks():
            found.update(np.ascontiguousarray(x, np.float64).data)  # a long double has bytes of nothing in it
        return found.hexdigest()

    @abstractmethod
    def find_non_finite(self) -> tuple[int, int, float] | None:
        """(example, feature, value) of the first NaN or infinity in X; None where all is finite."""

    @property
    def sample_size(self) -> int:
        """Examples that `raw_moments` looks at: 1000, or 100 where X is wide, where a tenth of its size is near enough."""
        return min(self.m, 1000, max(100, (1 << 20) // self.n_x))

    @cached_property
    def raw_moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard deviation of each feature of X itself, over a sample of the examples."""
        x = self.every(max(1, self.m // self.sample_size))
        with np.errstate(over="ignore", invalid="ignore"):
            mean = np.asarray(np.mean(x, axis=0, dtype=np.float64))
            away = x - mean
            return mean, np.sqrt(np.einsum("ij,ij->j", away, away) / len(x))

    def every(self, step: int) -> NDArray[Any]:
        """Each step-th example of X itself, (examples, n_x), in the dtype of X."""
        sample = self.rows(np.arange(0, self.m, step))
        assert isinstance(sample, DesignMatrix)
        return sample.X.T

    def with_moments(self, new: _Design) -> _Design:
        """`new`, a design of the same X, which need not look at it again."""
        if "raw_moments" in self.__dict__:
            new.__dict__["raw_moments"] = self.raw_moments
        return new

    def sample_mean(self) -> NDArray[np.float64] | None:
        """The mean of each feature, as the model sees it, in a sample, 0 where that is not finite: to centre X by. None where
        that would not do: with fewer examples than features the error of the mean is longer than what an example has of
        its own, and 2,000 x 12,288 then takes twice as many reads."""
        if self.sample_size < self.n_x:
            return None
        with np.errstate(over="ignore", invalid="ignore"):
            mean = self.scale * self.raw_moments[0] + self.shift
        return np.where(np.isfinite(mean), mean, 0.0)

    def sample_spread(self) -> NDArray[np.float64]:
        """The standard deviation of each feature, as the model sees it, of a sample: for inner matrices and warnings."""
        spread: NDArray[np.float64] = np.abs(self.scale) * self.raw_moments[1]
        return spread

    def fold(self, w: NDArray[np.float64], b: float) -> tuple[NDArray[np.float64], float]:
        """(w, b) for scale * X + shift, as what gives the same z on X itself."""
        with np.errstate(invalid="ignore", over="ignore"):  # of a w that has grown without end
            return self.scale * w, b + inner(self.shift, w)

    def unfold(self, dw: NDArray[np.float64], db: float) -> NDArray[np.float64]:
        """X dz.T on X itself, as what it is on scale * X + shift."""
        with np.errstate(invalid="ignore", over="ignore"):  # NaN in X arrives here, and is looked for by the caller
            return self.scale * dw + self.shift * db


class DesignMatrix(Design):
    """A dense X (n_x, m), and the shape of the work: chunks and blocks, which follow from the shape, the dtype and the
    order of X alone."""

    def __init__(self, X: NDArray[Any], scale: NDArray[np.float64], shift: NDArray[np.float64]) -> None:
        self.X, self.scale, self.shift = X, scale, shift
        self.n_x, self.m = X.shape
        if X.dtype in _VIEWS:
            X = X.view(_VIEWS[X.dtype])
        by_example, by_feature = X.flags.f_contiguous, X.flags.c_contiguous
        compiled = (X.dtype in _IN_PLACE or X.dtype == HALF) and X.flags.aligned
        self.in_place = compiled and (by_example or by_feature)
        self.by_example = not self.in_place or (by_example and not (by_feature and self.n_x == 1))
        self._source = X
        self.few_features = self.n_x <= NARROW
        self.file = MappedFile.of(self.X)
        self.chunk, self.block = _chunk_and_block(self.m, self.n_x, X.dtype.itemsize, self.by_example, self.byte_way)
        if self.at_a_time:
            self.block = max(2 * LANES, self.at_a_time)

    @property
    def nbytes(self) -> int:
        return int(self.X.nbytes)

    def parts(self) -> Iterator[tuple[int, int, DesignMatrix]]:
        yield 0, self.m, self

    def rescaled(self, scale: NDArray[np.float64], shift: NDArray[np.float64]) -> DesignMatrix:
        return self.with_moments(DesignMatrix(self.X, scale, shift))

    def rows(self, indices: NDArray[np.intp]) -> DesignMatrix:
        self.check_file()
        return DesignMatrix(np.ascontiguousarray(self.X.T[indices]).T, self.scale, self.shift)

    def every(self, step: int) -> NDArray[Any]:
        self.check_file()
        return self.X.T[::step]  # a view: to pick 1000 of 20,000 x 500 takes longer than to read them

    def require_finite(self, names: Sequence[str] | None = None) -> None:
        self.check_file()
        require_finite(self.X, names)

    def find_non_finite(self) -> tuple[int, int, float] | None:
        self.check_file()
        found = find_non_finite(self.X)
        return None if found is None else (*found, float(self.X[found[1], found[0]]))

    def check_file(self) -> None:
        """OSError where X is mapped from a file that has vanished or become too short: once before each read of X."""
        if self.file is not None:
            self.file.check()

    @property
    def form(self) -> str:
        order = "example-major" if self.by_example else "feature-major"
        way = f", as integers by {self.byte_way}" if self.byte_way else ""
        return f"{self.n_x} x {self.m} {self.X.dtype.str} {order}, chunks of {self.chunk}, blocks of {self.block}{way}"

    @property
    def feature_major(self) -> bool | None:
        """The layout as the kernels are told it."""
        return None if self.by_example else True

    @property
    def at_a_time(self) -> int:
        """Examples that `kernels.examples` or `kernels.strips` takes at a time; 0 where neither is for X, or X has fewer."""
        if self.of_bytes or self.slab or (self.by_example and self.n_x < LANES):
            return 0
        count = 64 if not self.by_example else 2 * LANES if self.n_x <= NARROW else LANES
        return count if self.m >= count else 0

    def way(self, digits: Any = None) -> tuple[Any, ...]:
        """How the kernels are told to read X: see `kernels.dense`. digits: w as such, where `of_bytes`."""
        sixteen, groups, strips = (self.at_a_time == count for count in (2 * LANES, LANES, 64))
        short, four = LANES < self.n_x <= 2 * LANES, self.n_x >= LONG and self._source.dtype == np.float64
        blocks = not (self.at_a_time or self.of_bytes)
        return *(way or None for way in (sixteen, short, groups, four, strips)), digits, blocks or None, self.feature_major

    @cached_property
    def byte_way(self) -> str | None:
        """The way of `kernels.integers` by which X is read: bytes, enough of them in a row, and a CPU that can; else None."""
        wide = not self.by_example and self.n_x > WIDE
        if self._source.dtype != np.uint8 or not self.in_place or wide or self.n_x < BYTES[not self.by_example]:
            return None
        try:
            from .kernels.integers import byte_products
        except ImportError:  # without Numba there is no kernel at all
            return None
        return byte_products()

    @property
    def of_bytes(self) -> bool:
        """Whether it is read so."""
        return self.byte_way is not None

    @property
    def places(self) -> tuple[slice, slice]:
        """Where a vector for the kernels, rounded up to eights, has the features: two slices, the second one for the last
        n_x % 8, which `kernels.examples` has at the end."""
        whole = self.n_x - self.n_x % 8
        return slice(0, whole), slice(whole + self.gap, self.n_x + self.gap)

    @property
    def gap(self) -> int:
        """How far the latter are moved."""
        return -self.n_x % 8 if self.at_a_time and self.by_example else 0

    @cached_property
    def slab(self) -> int:
        """Features in a slab, a multiple of 8, where X is read by slabs (`kernels.dense`), else 0: at most 64 slabs, whose
        z's are at most 4 % of X."""
        if self.by_example or not _is_wide(self.m, self.n_x, self.X.itemsize):
            return 0
        slabs = min(64, self.n_x * self.X.itemsize // 200)
        return -(-self.n_x // (8 * slabs)) * 8

    @property
    def n_chunks(self) -> int:
        """Rows of partials that a pass fills."""
        return int(-(-self.n_x // self.slab)) if self.slab else int(-(-self.m // self.chunk))

    @cached_property
    def partials(self) -> NDArray[np.float64]:
        """Where chunks put their sums, kept from pass to pass: fresh pages would cost up to 3 % of one."""
        width = -(-self.m // 8) * 8 if self.slab else HEAD + -(-self.n_x // 8) * 8
        return np.empty((self.n_chunks, width))

    def flat_blocks(self) -> Iterator[tuple[int, int, NDArray[Any]]]:
        """(first example, one past the last, their X as a flat read-only array of a type that the kernels take).

        One block, X itself, where X can be read in place; otherwise converted blocks of whole chunks.
        """
        self.check_file()
        if self.in_place:
            yield 0, self.m, read_only(self._source.reshape(-1, order="F" if self.by_example else "C"))
            return
        native = self.X.dtype.newbyteorder("=")
        target = native if native in _IN_PLACE or native in _VIEWS else np.dtype(np.float64)
        step, lo = max(1, _BLOCK_BYTES // (self.chunk * self.n_x * target.itemsize)) * self.chunk, 0
        while lo < self.m:
            hi = self.m if self.m - lo - step < 2 * LANES else lo + step  # none of fewer than are taken at a time
            block = np.ascontiguousarray(self.X[:, lo:hi].T, dtype=target).reshape(-1)
            yield lo, hi, read_only(block.view(_VIEWS.get(target, target)))
            lo = hi

    def float_blocks(self, least: int = 64) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
        """Views of X where nothing has to be changed."""
        self.check_file()
        step = max(least, (1 << 17) // self.n_x)
        plain = bool((self.scale == 1.0).all() and (self.shift == 0.0).all())
        for lo in range(0, self.m, step):
            x = self.X[:, lo : lo + step].T
            if not (plain and x.dtype == np.float64):
                x = x * self.scale + self.shift
            yield lo, lo + len(x), x

    def gram(self, n_threads: int = 1, between: Callable[[], object] = lambda: None) -> NDArray[np.float64]:
        """K = Xs.T Xs, (m, m), with Xs = scale * X + shift: from bytes as integers where scale and shift are one number each,
        else by BLAS, from slabs of features of at most 8 MiB. `between` is called several times, for budgets."""
        self.check_file()
        if self.gram_of_bytes:
            return self._gram_of_bytes(n_threads, between)
        K = np.zeros((self.m, self.m))
        step = max(1, (1 << 20) // self.m)
        as_it_is = self.X.dtype == np.float64 and bool((self.scale == 1.0).all() and (self.shift == 0.0).all())
        for j in range(0, self.n_x, step):
            between()
            slab = self.X[j : j + step]
            if not as_it_is:
                slab = slab * self.scale[j : j + step, None] + self.shift[j : j + step, None]
            K += slab.T @ slab
        return K

    @property
    def gram_of_bytes(self) -> bool:
        """Whether `gram` is made by `kernels.integers`."""
        if not self.by_example or not self.of_bytes:
            return False
        from .kernels.integers import LEAST_GRAM

        uniform = bool((self.scale == self.scale[0]).all() and (self.shift == self.shift[0]).all())
        return uniform and self.m >= LEAST_GRAM

    def _gram_of_bytes(self, n_threads: int, between: Callable[[], object]) -> NDArray[np.float64]:
        """With scale s and shift t: s^2 x.T x + s t (sum x_i + sum x_j) + n_x t^2. The integers are exact."""
        from .kernels.digits import byte_sums
        from .kernels.integers import GRAM, gram

        [(_, _, x)] = self.flat_blocks()
        K, totals = np.zeros((self.m, self.m)), np.empty(self.m)
        byte_sums(x, self.n_x, totals)
        step = max(1, int(5e9 / (self.n_x * self.m * GRAM))) * GRAM  # some 0.1 s on one core
        for first in range(0, self.m, step):
            between()
            last, counter = min(self.m, first + step), np.zeros(1, np.int64)
            run_on(n_threads, partial(gram, x, self.n_x, totals, first, last, K, counter))
        K = np.tril(K) + np.tril(K, -1).T
        s, t = float(self.scale[0]), float(self.shift[0])
        sums = s * t * totals
        return s * s * K + (sums[:, None] + (sums + self.n_x * t * t)) if t else s * s * K


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """A read-only view, of the same shape, so that arrays and memory maps share one compiled kernel."""
    view = np.asarray(array).view(np.ndarray)
    view.flags.writeable = False
    return view


def _is_wide(m: int, n_x: int, itemsize: int) -> bool:
    return n_x > (WIDE_LARGE if itemsize >= 4 and m * n_x * itemsize >= 64 << 20 else WIDE)


def _chunk_and_block(m: int, n_x: int, itemsize: int, by_example: bool, byte_way: str | None) -> tuple[int, int]:
    """Examples in a chunk, a multiple of 8, and in a block of it.

    A chunk has its own partial gradient of 8 n_x bytes: with at least 192 examples that is at most 4.2 % of a uint8 X.
    At most 128 chunks, so that the sum over them stays small. A block and the next one share the second-level cache:
    256 KiB each; 1024 examples are enough for the longest rows of z.
    """
    chunk = -(-max(192, -(-m // 128)) // 8) * 8
    if byte_way is not None:
        # Sums of integers are put together for every block: it should be large. Next to none is asked for far ahead.
        block = min(1024, _BYTE_BLOCK[byte_way] // n_x)
        if not by_example:
            chunk = max(chunk, block // 8 * 8)
        return chunk, min(chunk, max(8, block // 8 * 8))
    block = min(1024, (256 << 10) // (n_x * itemsize))
    if not by_example:
        chunk = -(-chunk // 64) * 64
        if _is_wide(m, n_x, itemsize):  # rows of a block are m elements apart, each on pages of its own: they must be long
            block = 4096
            chunk = max(chunk, min(block, -(-m // 8) * 8))
    return chunk, min(chunk, max(8, block // 8 * 8))
