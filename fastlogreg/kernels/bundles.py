"""What travels together from kernel to kernel, as NamedTuples: no kernel takes more than ten
arguments.

Numba passes the fields of a NamedTuple as so many arguments: a bundle costs nothing inside. What is
None or not stands outside the bundles, as an argument of its own: see `kernels.dense.chunks`.
Needs no Numba.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Examples(NamedTuple):
    """What a pass reads.

    x: X as a flat view of a dtype that Numba has, or of `kernels.layout.HALF`; or `Compressed`.
    n_x: features. y: (m,) uint8. weight: (m,) float64, or empty. linear: whether the loss is the
    linear one of `kernels.loss.link`.
    """

    x: Any
    n_x: int
    y: Any
    weight: Any
    linear: bool


class Compressed(NamedTuple):
    """A sparse X: row i, an example or a feature, is data[starts[i] : starts[i + 1]]."""

    data: Any
    indices: Any
    starts: Any


class Point(NamedTuple):
    """Where a pass computes: w (n_x rounded up to eights, zeros last), or w as digits; and b."""

    w: Any
    b: float


class Scaling(NamedTuple):
    """How the model sees X: scale * x + shift, feature by feature; rounded up with zeros."""

    scale: Any
    shift: Any


class Places(NamedTuple):
    """Where a chunk leaves what is not summed.

    block: examples in a block. z, dz: scratch, `block` rounded up to eights. zs: (m,), takes every
    z; or empty.
    """

    block: int
    z: Any
    dz: Any
    zs: Any


class Work(NamedTuple):
    """The chunks that threads share.

    chunk: examples in a chunk. block: examples in a block of it. partials: a row for each chunk.
    counters: int64, all 0 at first, or with what `kernels.helpers.share` finds there.
    """

    chunk: int
    block: int
    partials: Any
    counters: Any


class Way(NamedTuple):
    """Which kernel reads X: one of the five is given, the others are None.

    sixteen: (short, near). groups: (four, near, ahead). strips: (near,). digits: (w as digits,
    [unit]). blocks: True. feature_major: True for such an X, else None. near: True where lines are
    asked for in the first-level cache, None in the second. ahead: elements between what is read and
    what is asked for.
    """

    sixteen: Any
    groups: Any
    strips: Any
    digits: Any
    blocks: Any
    feature_major: Any


class Descent(NamedTuple):
    """The rules of a compiled gradient descent.

    decay: lambda / m. radius: the largest ||x||. alpha: the learning rate. It stops where the
    measure is at most tol, or J is not below limit.
    """

    decay: float
    radius: float
    alpha: float
    tol: float
    limit: float


class Regularized(NamedTuple):
    """What makes J of the sums; total: of the weights. decay: lambda / total."""

    total: float
    decay: float
    intercept: bool


class Problem(NamedTuple):
    """What compiled Newton steps are made on; partials: a row of sums for each chunk."""

    examples: Examples
    scaling: Scaling
    regularized: Regularized
    chunk: int
    partials: Any


class ClassProblem(NamedTuple):
    """What compiled Newton steps of several classes are made on.

    x: float64, flat, (n_x + 1, stride), a row of ones last. labels, weight: (stride,); weight is 0
    behind the last example.
    """

    x: Any
    labels: Any
    weight: Any
    classes: int
    regularized: Regularized


class Stopping(NamedTuple):
    """Where compiled Newton steps stop.

    tol: on the suboptimality bound. least: see `kernels.second_order.cholesky.factor`.
    """

    tol: float
    least: float


class Path(NamedTuple):
    """Points of compiled Newton steps.

    Of point k: thetas[k] (width,), numbers[k] = [J, curvature along b, bound], gradients[k]
    (n_x + 1,),
    zs[k % 2] (m,) and H[k % 2].
    """

    thetas: Any
    numbers: Any
    zs: Any
    gradients: Any
    H: Any
