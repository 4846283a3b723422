"""A sparse X as the kernels read it: the arrays of a scipy.sparse CSR or CSC, in place; scale and
shift folded, as ever.

The estimator's CSR (m, n_x) and the functional API's CSC (n_x, m) are the same arrays, example by
example: one read of X for cost and gradient. The other two, feature by feature, are read in place
as well, but twice, since all of z must be there before the first derivative is: scikit-learn's
`X.tocsr()` (functional: `X.tocsc()`) costs a copy and halves the time.

Built once, the indices are read to see that none is out of range or twice in its row: a wrong one
would be a crash. Nothing is ever densified but blocks of 1 MiB; a shift that is not 0 moves only b
and the sums.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..kernels.layout import HEAD, read_only
from ..machine.blas import inner
from ..machine.once import once
from ..maths.arrays import Vector
from .design import Design

VALUES = (
    "bool",
    "uint8",
    "int32",
    "int64",
    "float32",
    "float64",
)  # read in place; each but bool is a kernel of its own
SECONDS_PER_NONZERO = 1.8e-9  # of a core: a dot and a scatter, each with an access at random
_BLOCK_BYTES = (
    128 << 10
)  # of X: with w and an accumulator of 50,000 floats each it stays in a second-level cache of 1 MiB
_SHARE, _MOST_CHUNKS = 0.03, 32


class SparseMatrix(Design):
    """Hold X (n_x, m) with few non-zeros: data, indices and starts of one example (by_example) or
    feature after the other."""

    def __init__(
        self,
        data: NDArray[Any],
        indices: NDArray[Any],
        starts: NDArray[np.uint64],
        by_example: bool,
        shape: tuple[int, int],
        scale: Vector,
        shift: Vector,
    ) -> None:
        """Takes arrays that have been checked: see `sparse_design`."""
        self.data, self.indices, self.starts, self.by_example = data, indices, starts, by_example
        self.n_x, self.m = shape
        self.scale, self.shift = scale, shift
        self._partials: Vector | None = None
        rows, length = (self.m, self.n_x) if by_example else (self.n_x, self.m)
        self.block = int(min(1024, max(8, rows * _BLOCK_BYTES // max(1, self.nbytes) // 8 * 8)))
        chunks = max(
            1, min(_MOST_CHUNKS, int(_SHARE * self.nbytes) // (8 * length), -(-rows // self.block))
        )
        self.chunk = -(-rows // (chunks * 8)) * 8
        self.n_chunks = -(-rows // self.chunk)

    @property
    def sparse(self) -> SparseMatrix:
        return self

    @property
    def nbytes(self) -> int:
        """Return the bytes of X as it was given: indptr in the type of the indices."""
        return int(
            self.data.nbytes + self.indices.nbytes + self.starts.size * self.indices.itemsize
        )

    @property
    def elements(self) -> int:
        return int(self.data.size)

    @property
    def seconds_per_element(self) -> float:
        return SECONDS_PER_NONZERO

    def parts(self) -> Iterator[tuple[int, int, SparseMatrix]]:
        yield 0, self.m, self

    def rescaled(self, scale: Vector, shift: Vector) -> SparseMatrix:
        new = self._like(self.data, self.indices, self.starts, self.m, scale, shift)
        new._partials = self._partials
        return self.with_moments(new)

    def rows(self, indices: NDArray[np.intp]) -> SparseMatrix:
        if self.by_example:
            begin = self.starts[indices].astype(np.int64)
            counts = self.starts[indices + 1].astype(np.int64) - begin
            ends = np.cumsum(counts)
            taken = np.arange(int(ends[-1])) + np.repeat(begin - (ends - counts), counts)
            data, minor = self.data[taken], self.indices[taken]
            starts = np.append(np.uint64(0), ends.astype(np.uint64))
        else:
            from ..kernels.sparse import take_minor

            place, starts = np.full(self.m, -1), np.zeros(self.n_x + 1, np.uint64)
            place[indices] = np.arange(len(indices))
            take_minor(*self.arrays, place, starts, self.data[:0].copy(), self.indices[:0].copy())
            data, minor = (
                np.empty(int(starts[-1]), self.data.dtype),
                np.empty(int(starts[-1]), self.indices.dtype),
            )
            take_minor(*self.arrays, place, starts, data, minor)
        return self._like(
            read_only(data),
            read_only(minor),
            read_only(starts),
            len(indices),
            self.scale,
            self.shift,
        )

    def every(self, step: int) -> NDArray[Any]:
        chosen = self.rows(np.arange(0, self.m, step))
        itself = chosen.rescaled(np.ones(self.n_x), np.zeros(self.n_x))
        return np.concatenate([x for _, _, x in itself.float_blocks()])

    def float_blocks(self, least: int = 64) -> Iterator[tuple[int, int, Vector]]:
        """Feature by feature, each block is a read of all of X."""
        from ..kernels.sparse import fill

        step = max(least, (1 << 17) // self.n_x)
        for lo in range(0, self.m, step):
            hi = min(self.m, lo + step)
            x = np.zeros((hi - lo, self.n_x))
            fill(*self.arrays, self.by_example, lo, hi, x)
            yield lo, hi, x * self.scale + self.shift

    def require_finite(self, names: Sequence[str] | None = None) -> None:
        found = self.find_non_finite()
        if found is None:
            return
        example, feature, value = found
        name = f" {names[feature]!r}" if names is not None else ""
        raise ValueError(
            f"X must be finite; got {value} in row {example} (example), column {feature}{name} "
            "(feature), counted from 0: "
            f"X[{feature}, {example}] in the (n_x, m) form. Remove or impute such values first"
        )

    @property
    def form(self) -> str:
        order = "by example" if self.by_example else "by feature"
        return (
            f"{self.n_x} x {self.m} sparse {order}, {len(self.data)} of {self.data.dtype.str} at "
            f"{self.indices.dtype.str}, "
            f"chunks of {self.chunk}, blocks of {self.block}"
        )

    def digest(self) -> str:
        """SHA-256 of where the rows start, and of 4 MiB of values and indices spread over X."""
        found = hashlib.sha256(np.ascontiguousarray(self.starts).data)
        size = len(self.data)
        for lo in np.unique(np.linspace(0, max(0, size - 4096), 64).astype(np.intp)):
            for array in (self.data, self.indices):
                found.update(np.ascontiguousarray(array[lo : lo + 4096]).data)
        return found.hexdigest()

    def find_non_finite(self) -> tuple[int, int, float] | None:
        """Return (example, feature, value) of the first NaN or infinity in the order of X; None
        where all is finite."""
        if self.data.dtype.kind != "f":
            return None
        from ..kernels.sparse import first_non_finite

        k = first_non_finite(self.data, 0)
        if k < 0:
            return None
        major, minor = (
            int(np.searchsorted(self.starts, np.uint64(k), side="right")) - 1,
            int(self.indices[k]),
        )
        example, feature = (major, minor) if self.by_example else (minor, major)
        return example, feature, float(self.data[k])

    @property
    def has_examples_at_hand(self) -> bool:
        return self.n_x <= 1 << 16  # a hundred dense ones are 50 MB

    @property
    def sample_size(self) -> int:
        return max(self.m, self.n_x)  # all of them, which is enough

    @property
    def partials(self) -> Vector:
        """Return the accumulators: their number follows from the shape.

        Together they are at most 3 % of X, or one. They are made at the first pass.
        """
        if self._partials is None:
            self._partials = np.zeros(
                (self.n_chunks, HEAD + (self.n_x if self.by_example else self.m))
            )
        return self._partials

    def hessian_is_cheap(self) -> bool:
        """Return whether it takes less by its non-zeros than by dense blocks; those would be a read
        of X each by feature."""
        return not self.by_example or self.hessian_work < super().hessian_work

    @once
    def hessian_work(self) -> float:
        """Return the work of each pair of an example's non-zeros; by feature, of each feature and
        non-zero."""
        if not self.by_example:
            return 25.0 * self.n_x * self.data.size
        counts = np.diff(self.starts).astype(np.float64)
        return 17.0 * inner(counts, counts)

    @property
    def arrays(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.uint64]]:
        """Return data, indices and starts, as the kernels take them."""
        return self.data, self.indices, self.starts

    def _like(
        self,
        data: NDArray[Any],
        indices: NDArray[Any],
        starts: NDArray[np.uint64],
        m: int,
        scale: Vector,
        shift: Vector,
    ) -> SparseMatrix:
        return SparseMatrix(data, indices, starts, self.by_example, (self.n_x, m), scale, shift)


def sparse_design(X: Any, scale: Vector, shift: Vector) -> SparseMatrix:
    """X (n_x, m), a scipy.sparse CSC or CSR whose shape has been checked; nothing is copied but
    indptr, to 64 bits.

    ValueError for another format, a type of values that kernels do not read, and indices or indptr
    that make no matrix.
    """
    n_x, m = X.shape
    by_example = X.format == "csc"
    rows, length, what = (m, n_x, "example") if by_example else (n_x, m, "feature")
    data, indices, indptr = X.data, X.indices, X.indptr
    if data.dtype.name not in VALUES or not data.dtype.isnative:
        raise ValueError(
            f"X must hold {', '.join(VALUES)} where it is sparse; got {data.dtype}. Convert it: "
            "X.astype(np.float32)"
        )
    if {indices.dtype, indptr.dtype} - {np.dtype(np.int32), np.dtype(np.int64)}:
        raise ValueError(
            f"X.indices and X.indptr must be int32 or int64; got {indices.dtype} and "
            f"{indptr.dtype}. Convert them with astype"
        )
    steps = np.diff(indptr) if indptr.shape == (rows + 1,) else np.array([-1])
    if int(steps.min()) < 0 or int(indptr[0]) != 0:
        raise ValueError(
            f"X.indptr must be {rows + 1} numbers that rise from 0, one for each {what} and one "
            "more; it is not: "
            f"X is no valid {X.format} matrix. Build it anew, for instance from (data, (row, "
            "column))"
        )
    nnz = int(indptr[-1])
    if data.ndim != 1 or indices.ndim != 1 or min(data.size, indices.size) < nnz:
        raise ValueError(
            f"X.data and X.indices must have the {nnz} elements that X.indptr promises; got "
            f"shapes {data.shape} and "
            f"{indices.shape}. Build X anew, for instance from (data, (row, column))"
        )
    for name, array in (("data", data), ("indices", indices)):
        if not (array.flags.c_contiguous and array.flags.aligned):
            raise ValueError(f"X.{name} must be a contiguous array; it is strided. Take X.copy()")
    unsigned = read_only(indices[:nnz].view(f"u{indices.dtype.itemsize}"))
    starts = read_only(indptr.astype(np.int64).view(np.uint64))
    _check_indices(unsigned, starts, length, "feature" if by_example else "example", what)
    values = data[:nnz].view(np.uint8) if data.dtype == np.bool_ else data[:nnz]
    return SparseMatrix(read_only(values), unsigned, starts, by_example, (n_x, m), scale, shift)


def _check_indices(
    indices: NDArray[Any], starts: NDArray[np.uint64], length: int, of: str, what: str
) -> None:
    """One read of the indices; a second where a row is not sorted, to see that none is there
    twice."""
    from ..kernels.sparse import OUT_OF_RANGE, REPEATED, check_rows

    code, row = check_rows(indices, starts, length, np.zeros(0, np.int64))
    if code == REPEATED:
        code, row = check_rows(indices, starts, length, np.zeros(length, np.int64))
    if code == OUT_OF_RANGE:
        part = indices[int(starts[row]) : int(starts[row + 1])].view(f"i{indices.dtype.itemsize}")
        wrong = part[(part < 0) | (part >= length)][0]
        raise ValueError(
            f"X.indices must be from 0 to {length - 1}, the {length} {of}s of X; got {wrong} in "
            f"{what} {row}. Give X the "
            f"shape that its indices need, or mend them"
        )
    if code == REPEATED:
        raise ValueError(
            f"X must not have an index twice in a row; {what} {row} (counted from 0) has. Call "
            "X.sum_duplicates() first, "
            f"which adds them up in place"
        )
