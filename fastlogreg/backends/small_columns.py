"""Several binary models on a small X of few features: loss, gradient and Hessian of one after the
other, each by `kernels.second_order.few_features`.

Such a kernel takes less time than Python around it. So what does not change from read to read is
made once: room, and the labels and weights of a model, which follow from its fold. The sums are
those of `hessians.of_few_features`, bit by bit.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data.design import Design
from ..kernels.bundles import Examples, Scaling, Work
from ..kernels.layout import HEAD, LINE_NUMBERS
from ..machine.threads import run_on
from ..maths.arrays import Vector
from .base import Backend, Columns, are_compiled, dense_in_memory
from .fused import threads_for
from .hessians import BLOCK_BYTES


class HeldHessianSums(NamedTuple):
    """Hold what `HessianSums` has, and the sum of the held-out losses."""

    loss: float
    held: float
    gradient: Vector
    hessian: Vector


class _Targets(NamedTuple):
    """What one model makes of the examples: y, and the weights in J and in the held-out loss."""

    y: NDArray[np.uint8]
    train: Vector
    held: Vector | None


def are_small(design: Design, backend: Backend) -> bool:
    """Tell whether X is dense, of few features, in place, and stays in a cache."""
    x = design.dense
    if x is None or not (x.in_place and x.few_features and x.nbytes <= BLOCK_BYTES):
        return False
    return backend.any_form and are_compiled()


class SmallColumns:
    """Computes the sums of models on X where `are_small`.

    labels (m,) int32, group (m,) int32 or none, weight (m,) or none: of the examples.
    """

    def __init__(
        self,
        design: Design,
        labels: NDArray[np.int32],
        weight: Vector,
        group: NDArray[np.int32],
        backend: Backend,
    ) -> None:
        from ..kernels.second_order.few_features import TILE

        self.design = x = dense_in_memory(design)
        self.labels, self.weight, self.group, self.backend = labels, weight, group, backend
        self.n_x, self.width = x.n_x, -(-(x.n_x + 1) // TILE) * TILE
        scale, shift, self.theta = np.zeros((3, self.width))
        scale[: x.n_x], shift[: x.n_x], shift[x.n_x] = x.scale, x.shift, 1.0
        self.scaling = Scaling(scale, shift)
        self.partials = np.empty((x.n_chunks, HEAD + (self.width + 1) * self.width))
        self.total, self.z = np.empty(self.partials.shape[1]), np.empty(x.m)
        self.runs = min(threads_for(x, backend.n_threads), x.n_chunks)
        self.counters = np.zeros(self.runs * LINE_NUMBERS, np.int64)
        self.known: dict[tuple[int, bytes, bytes], _Targets] = {}

    def sums(self, columns: Columns) -> list[HeldHessianSums]:
        """Return loss, gradient and Hessian of each model at its own point: one read of X."""
        [(_, _, x)] = self.design.flat_blocks()
        with np.errstate(over="ignore", invalid="ignore"):
            return [self._sums(x, columns, k) for k in range(columns.b.size)]

    def _sums(self, x: NDArray[np.generic], columns: Columns, k: int) -> HeldHessianSums:
        from ..kernels.partials import add_partials
        from ..kernels.second_order.few_features import fill_in, run_hessian_chunks

        own, n_x, total = self._targets(columns, k), self.n_x, self.total
        self.theta[:n_x], self.theta[n_x] = columns.W[k], columns.b[k]
        self.counters[:] = 0
        work = partial(
            run_hessian_chunks,
            self.design.feature_major,
            Examples(x, n_x, own.y, own.train, False),
            self.scaling,
            self.theta,
            self.z,
            Work(self.design.chunk, self.design.block, self.partials, self.counters),
        )
        run_on(self.runs, work)
        add_partials(self.partials, total)
        total += 0.0  # no sum is -0: those of several parts are not
        H = np.empty((n_x + 1, n_x + 1))
        fill_in(total[HEAD + self.width :].reshape(self.width, self.width), H)
        held = 0.0
        if own.held is not None:
            held = self.backend.terms(self.z, own.y, own.held).loss
        return HeldHessianSums(float(total[0]), held, total[HEAD : HEAD + n_x + 1].copy(), H)

    def _targets(self, columns: Columns, k: int) -> _Targets:
        """Make them, or find them among those kept: as many as take no more memory than a block."""
        positive, train, held = columns.positive[k], columns.train[k], columns.held[k]
        key = int(positive), train.tobytes(), held.tobytes()
        found = self.known.get(key)
        if found is None:
            y = (self.labels == positive).view(np.uint8)
            found = _Targets(y, self._weights(train), self._weights(held) if held.any() else None)
            if (len(self.known) + 1) * 17 * y.size <= BLOCK_BYTES:
                self.known[key] = found
        return found

    def _weights(self, of_group: Vector) -> Vector:
        """Return the weight of each example (m,): its own, times that of its group."""
        one = not self.group.size
        s = np.full(self.design.m, of_group[0]) if one else of_group[self.group]
        return s * self.weight if self.weight.size else s
