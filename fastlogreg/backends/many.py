"""K columns in one read of X, by `kernels.many`: the classes of a softmax, or K binary models side
by side.

Inside, weights are W (K, n_x) and b (K,), one row a class or column. They are told for scale * X +
shift, which is folded into each row, and the gradients back. Z and dZ are (K, m).
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data.design import Design
from ..kernels.layout import LINE_NUMBERS, columns_shape, read_only
from ..kernels.many.bundles import (
    COLUMNS,
    DTYPES,
    MODELS,
    MODELS_PRODUCTS,
    PRODUCTS,
    SIDES,
    SOFTMAX,
    Form,
    Rows,
    Scores,
    Shape,
    Tables,
    Targets,
    Work,
)
from ..machine.blas import inner
from ..machine.threads import run_on
from ..maths.arrays import NONE, Vector, flat, in_lines
from ..maths.softmax import BiasMoments, ClassLabels, ClassTerms
from . import many_sparse
from .base import NO_GROUP, ClassSums, Columns, ColumnSums, LineSums, Models, SidedSums
from .fused import SECONDS_PER_THREAD

# What one core needs: for an element of X and a column, used twice; and for an example's loss in a
# column.
SECONDS_PER_PRODUCT, SECONDS_PER_LOSS = 0.1e-9, 1.5e-9


_NOTHING, _NO_INTEGERS = read_only(NONE), read_only(NO_GROUP)
_FIRST = np.zeros(1, np.int64)  # room, where there is one
_NO_TABLES = Tables(NO_GROUP, NONE, NONE, 0, _FIRST)


class _Totals(NamedTuple):
    heads: Vector
    dw: Vector


def threads_for(m: int, n_x: int, K: int, chunks: int, n_threads: int) -> int:
    """Return the threads worth launching."""
    seconds = m * K * (n_x * SECONDS_PER_PRODUCT + SECONDS_PER_LOSS)
    return max(1, min(n_threads, chunks, int(seconds / SECONDS_PER_THREAD)))


def class_sums(
    design: Design,
    labels: ClassLabels,
    W: Vector,
    b: Vector,
    *,
    weight: Vector = NONE,
    zs: Vector = NONE,
    n_threads: int,
) -> ClassSums:
    """Sum the softmax cross-entropy and its gradient over the examples; zs (K, m) takes every Z."""
    targets = Targets(labels, weight, NO_GROUP, NONE)
    heads, dw = _pass(design, targets, (W, b), (SOFTMAX, _NO_TABLES), zs, n_threads)
    return ClassSums(float(heads[0, 0]), *_unfolded(design, dw, heads[2]))


def class_products(
    design: Design,
    z: Vector,
    V: Vector,
    v_b: Vector,
    *,
    weight: Vector = NONE,
    n_threads: int,
) -> ClassSums:
    """Multiply (V, v_b) by the Hessian of softmax where Z is z (K, m); the loss is 0."""
    targets = Targets(NO_GROUP, weight, NO_GROUP, NONE)
    heads, dw = _pass(design, targets, (V, v_b), (PRODUCTS, _NO_TABLES), z, n_threads)
    return ClassSums(0.0, *_unfolded(design, dw, heads[2]))


def column_sums(
    design: Design,
    labels: ClassLabels,
    columns: Columns,
    *,
    weight: Vector = NONE,
    group: NDArray[np.int32] = NO_GROUP,
    offset: Vector = NONE,
    zs: Vector = NONE,
    n_threads: int,
) -> ColumnSums:
    """Sum loss and gradient of K binary models over the examples; zs (K, m) takes every z."""
    targets, link = Targets(labels, weight, group, offset), (COLUMNS, _tables(columns))
    heads, dw = _pass(design, targets, (columns.W, columns.b), link, zs, n_threads)
    loss, outside, db, slopes = heads
    return ColumnSums(loss, outside, *_unfolded(design, dw, db), slopes)


def sided_sums(
    design: Design,
    labels: ClassLabels,
    columns: Columns,
    *,
    weight: Vector = NONE,
    group: NDArray[np.int32] = NO_GROUP,
    offset: Vector = NONE,
    zs: Vector = NONE,
    n_threads: int,
) -> SidedSums:
    """Sum as `column_sums` does, with the derivatives of y = 0 and of y = 1 kept apart."""
    targets, link, K = (
        Targets(labels, weight, group, offset),
        (SIDES, _tables(columns)),
        len(columns.b),
    )
    heads, dw = _pass(design, targets, (columns.W, columns.b), link, zs, n_threads)
    loss, outside, db, slopes = heads
    dw, db = _unfolded(design, dw, db)
    return SidedSums(loss[:K], outside[:K], dw.reshape(2, K, -1), db.reshape(2, K), slopes[:K])


def _tables(columns: Columns) -> Tables:
    return Tables(
        np.ascontiguousarray(columns.positive, np.int32),
        np.ascontiguousarray(columns.train, np.float64).reshape(-1),
        np.ascontiguousarray(columns.held, np.float64).reshape(-1),
        columns.train.shape[1],
        _FIRST,
    )


def model_sums(
    models: Models,
    labels: ClassLabels,
    zs: Vector,
    rooms: NDArray[np.int64],
    *,
    products: bool = False,
    n_threads: int,
) -> list[ClassSums]:
    """Sum as `class_sums` does for each of several models, to the bits of each alone; or, as
    `class_products`, multiply each (W, b) by the Hessian at its Z.

    zs (R, K, m) takes every Z, or gives it: that of model f is zs[rooms[f]].
    """
    F, K, n_x = models.W.shape
    folded = [
        _folded(design, W, b, True) for design, W, b in zip(models.designs, models.W, models.b)
    ]
    point = (
        np.array([W for W, _ in folded]).reshape(F * K, n_x),
        np.array([b for _, b in folded]).reshape(F * K),
    )
    tables = Tables(models.row, flat(models.weights), NONE, 0, rooms)
    kind = MODELS_PRODUCTS if products else MODELS
    targets = Targets(NO_GROUP if products else labels, NONE, NO_GROUP, NONE)
    heads, dw = _pass_of_folded(models.designs[0], targets, point, (kind, tables), zs, n_threads)
    found = []
    for f, design in enumerate(models.designs):
        own = slice(f * K, (f + 1) * K)
        loss = 0.0 if products else float(heads[0, f])
        found.append(ClassSums(loss, *_unfolded(design, dw[own], heads[2, own])))
    return found


def class_terms(z: Vector, labels: ClassLabels, weight: Vector) -> ClassTerms:
    """Return the sum of the losses and dZ (K, m), from z (K, m)."""
    from ..kernels.many.scores import terms

    dZ = np.empty(z.shape)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        loss = terms(_flat(z), labels, weight, len(z), flat(dZ))
    return ClassTerms(loss, dZ)


def class_along_line(
    z: Vector, z_slope: Vector, labels: ClassLabels, weight: Vector, t: float
) -> LineSums:
    """Sum the losses at z + t z_slope, (K, m) both, and their derivatives by t."""
    from ..kernels.many.scores import along_line

    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return LineSums(*along_line(_flat(z), _flat(z_slope), labels, weight, len(z), t))


def class_moments(z: Vector, labels: ClassLabels, weight: Vector, shift: Vector) -> BiasMoments:
    """Return the sum of the losses and its derivatives by b, where z_k is shift_k larger."""
    from ..kernels.many.scores import moments

    db, curvature = np.zeros(len(z)), np.zeros((len(z), len(z)))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        loss = moments(_flat(z), labels, weight, shift, db, curvature)
    return BiasMoments(loss, db, curvature)


def _flat(z: Vector) -> Vector:
    return np.ascontiguousarray(z).reshape(-1)


def _is_plain(design: Design) -> bool:
    """Return whether X is seen as it is; then K n_x numbers need not be copied."""
    return bool((design.scale == 1.0).all() and not design.shift.any())


def _folded(design: Design, W: Vector, b: Vector, of_classes: bool) -> tuple[Vector, Vector]:
    """Return (W, b) for scale * X + shift: of columns to the bits of `Design.fold` row by row, so
    that a row has the same ones whatever stands beside it. Classes are never told apart."""
    if _is_plain(design):
        return W, b
    with np.errstate(invalid="ignore", over="ignore"):
        if of_classes:
            return design.scale * W, b + np.einsum("kj,j->k", W, design.shift)
        return design.scale * W, np.array([own + inner(design.shift, w) for w, own in zip(W, b)])


def _unfolded(design: Design, dw: Vector, db: Vector) -> tuple[Vector, Vector]:
    """Return dw and db on scale * X + shift, to the bits of `Design.unfold` row by row."""
    if _is_plain(design):
        return dw, db
    with np.errstate(invalid="ignore", over="ignore"):
        return design.scale * dw + design.shift * db[:, None], db


def _pass(
    design: Design,
    targets: Targets,
    point: tuple[Vector, Vector],
    link: tuple[int, Tables],
    zs: Vector,
    n_threads: int,
) -> _Totals:
    """Do what `_pass_of_folded` does, at a point on scale * X + shift."""
    folded = _folded(design, *point, link[0] in (SOFTMAX, PRODUCTS))
    return _pass_of_folded(design, targets, folded, link, zs, n_threads)


def _pass_of_folded(
    design: Design,
    targets: Targets,
    point: tuple[Vector, Vector],
    link: tuple[int, Tables],
    zs: Vector,
    n_threads: int,
) -> _Totals:
    """Read X once; return the sums of K numbers each, (4, K), and dW (K, n_x), on X itself.

    Where the link is SIDES, all have 2K.
    """
    W, b = point
    K, n_x = W.shape
    x = design.sparse
    if x is not None:
        threads = threads_for(x.elements, 1, K, n_threads, n_threads)
        own = Targets(*(read_only(array) for array in targets))
        return _Totals(*many_sparse.add_sums(x, own, (W, b), link, zs, threads))
    padded = in_lines(K, -(-n_x // 8) * 8)
    padded[:, :n_x] = W
    of_dz = 2 * K if link[0] == SIDES else K
    width = -(-of_dz // 8) * 8
    total = np.zeros(4 * width + of_dz * padded.shape[1])
    for lo, hi, part in design.parts():
        own = Targets(*(_part_of(array, lo, hi) for array in targets))
        _dense(part, own, Rows(padded.reshape(-1), b), link, (zs, lo), total, n_threads)
    heads = total[: 4 * width].reshape(4, width)[:, :of_dz].copy()
    return _Totals(heads, total[4 * width :].reshape(of_dz, -1)[:, :n_x])


def _part_of(array: NDArray[Any], lo: int, hi: int) -> NDArray[Any]:
    """Return a read-only view of some examples; what is empty stays so."""
    if array.size:
        return read_only(array[lo:hi])
    return _NOTHING if array.dtype == np.float64 else _NO_INTEGERS


def _dense(
    part: Any,
    targets: Targets,
    rows: Rows,
    link: tuple[int, Tables],
    zs: tuple[Vector, int],
    total: Vector,
    n_threads: int,
) -> None:
    """Add the sums of a dense part to total, by `kernels.many.chunks.run_columns`."""
    from ..kernels.many.chunks import run_columns

    (kind, tables), (z, first) = link, zs
    for lo, hi, x in part.flat_blocks():
        shape = Shape(hi - lo, part.n_x, *columns_shape(hi - lo, part.n_x, part.by_example))
        counters = np.zeros((2, LINE_NUMBERS), np.int64)
        work = partial(
            run_columns,
            Form(part.by_example, DTYPES.index(x.dtype), x.itemsize),
            kind,
            tables,
            x.view(np.uint8),
            shape,
            targets if hi - lo == part.m else Targets(*(a[lo:hi] for a in targets)),
            rows,
            Scores(flat(z), z.shape[-1], first + lo),
            Work(total, counters),
        )
        chunks = -(-shape.m // shape.chunk)
        with (
            part.read_ahead(lo, hi, shape.chunk, counters[0, :1]),
            np.errstate(over="ignore", invalid="ignore", divide="ignore"),
        ):
            run_on(threads_for(shape.m, part.n_x, rows.b.size, chunks, n_threads), work)
