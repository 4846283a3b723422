"""What travels together in a pass of K columns, as NamedTuples; see `kernels.bundles`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..layout import HALF

Span = tuple[int, int]  # first, one past the last
Block = tuple[Span, Span]  # of examples, and of features
HEADS = 4  # sums of K numbers before dW
# What follows from Z, see `blocks`; the last two are the first two, of several softmax models.
SOFTMAX, PRODUCTS, COLUMNS, SIDES, MODELS, MODELS_PRODUCTS = 0, 1, 2, 3, 4, 5
# Of the bytes of X, by number.
DTYPES = [*map(np.dtype, ("f8", "f4", "u1", "i1", "u2", "i2", "i4")), HALF]


class Form(NamedTuple):
    """How the bytes of X are to be read: by example or by feature; dtype: its number in
    DTYPES. itemsize: in bytes."""

    by_example: bool
    dtype: int
    itemsize: int


class Shape(NamedTuple):
    """The shape of the work; all of it follows from the shape, the dtype and the order of X.

    m, n_x: of what x holds. chunk: examples whose sums are added up as one. block: examples that
    are packed at a time, a multiple of 8. slab: features that are, a multiple of 8.
    """

    m: int
    n_x: int
    chunk: int
    block: int
    slab: int


class Targets(NamedTuple):
    """What is known of each example.

    labels: (m,) int32. weight: (m,) float64, or empty. group: (m,) int32, or empty. offset: (m,)
    float64, which is added to every z of an example, or empty.
    """

    labels: Any
    weight: Any
    group: Any
    offset: Any


class Rows(NamedTuple):
    """K rows of weights: W (K, n_x rounded up to eights, zeros last), flat; b (K,)."""

    W: Any
    b: Any


class Product(NamedTuple):
    """One of the two products with a block: Z from X (forward), or dW; packs: rows that are packed
    meanwhile, see `products`. K: the rows of W, or of dZ."""

    forward: bool
    packs: int
    K: int


class Scores(NamedTuple):
    """An array (K, all examples), flat, or an empty one; the examples of x begin at `first`.

    Of several softmax models it has rooms for more than these: (rooms, classes, all examples).
    """

    z: Any
    m: int
    first: int


class Tables(NamedTuple):
    """What tells the columns apart: see `backends.base.Columns`; train and held (K, G), flat.

    rooms: where Z is in `Scores`, a number for each softmax model: 0 where there is one alone. Of
    several models train is the weights of the examples, a row of them for each room of `Scores.m`
    numbers, and positive says which row is a model's.
    """

    positive: Any
    train: Any
    held: Any
    groups: int
    rooms: Any


class Work(NamedTuple):
    """What threads share: the sums, [loss, held, db, slopes, each K rounded up to eights, dW]; and
    counters (2, LINE_NUMBERS), 0 at first: the next chunk, and the chunk whose turn it is to add.

    K counts the rows of dZ: where the link is SIDES, they are two for each column.
    """

    total: Any
    counters: Any


class Places(NamedTuple):
    """What a thread computes a block in.

    a: the packed block. z: (K, block), flat; twice as many rows where the link is SIDES. extra:
    likewise, for what the link needs. labels, s, group: (block,), of the examples, 0 behind them.
    ahead: what `tiles` asks for meanwhile.
    """

    a: Any
    z: Any
    extra: Any
    labels: Any
    s: Any
    group: Any
    ahead: Any
