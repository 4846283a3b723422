"""The cost J(w, b), its gradient and its curvature: the one place that picks a backend.

    J = (1/m) sum L(a, y) + (lambda / 2m) ||w||^2      dw = X dz.T / m + (lambda / m) w      db = sum(dz) / m

Solvers see this class and nothing below it. w is (n_x,) here, one contiguous vector; the (n_x, 1) of the lectures is
put on and taken off in `fastlogreg.api`.
"""

from __future__ import annotations

import os
import threading
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import reference
from .design_matrix import DesignMatrix
from .threads import available_threads, run_on
from .validation import require_finite

Vector = NDArray[np.float64]
_NONE: Vector = np.empty(0)
_loops_lock = threading.Lock()
_process = 0

# Below this much work for each thread, launching one costs more than it brings: 50 microseconds, at the 0.15 ns an
# element and 2.5 ns an example that one core needs.
_SECONDS_PER_THREAD, _SECONDS_PER_ELEMENT, _SECONDS_PER_EXAMPLE = 50e-6, 0.15e-9, 2.5e-9
# The Gram matrix: one element of X as float64 and its m products by BLAS; kept up to 64 MiB or 5 % of X.
_SECONDS_PER_CONVERSION, _SECONDS_PER_PRODUCT, _GRAM_BYTES = 1e-9, 0.02e-9, 64 << 20


class Objective:
    """J and its gradient on one design matrix and its labels y (m,) uint8, with penalty lambda_."""

    def __init__(
        self,
        design: DesignMatrix,
        y: NDArray[np.uint8],
        lambda_: float = 0.0,
        backend: str = "fused",
        n_threads: int | None = None,
    ) -> None:
        self.design, self.y, self.lambda_, self.backend = design, y, lambda_, backend
        self.n_threads = available_threads() if n_threads is None else n_threads
        self.passes = 0
        self._partials: Vector = _NONE.reshape(0, 0)
        self._converted: NDArray[Any] | None = None

    @property
    def n_x(self) -> int:
        return int(self.design.n_x)

    @property
    def m(self) -> int:
        return int(self.design.m)

    def cost_and_gradient(self, w: Vector, b: float) -> tuple[float, Vector, float]:
        """J, dw (n_x,) and db at (w, b), in one read of X."""
        self.passes += 1
        run = {"fused": self._fused, "loops": self._loops, "python": self._loops, "numpy": self._numpy}[self.backend]
        J, dw, db = run(w, b)
        J += self.lambda_ / (2 * self.m) * float(w @ w)
        dw += (self.lambda_ / self.m) * w
        return J, dw, db

    def check_finite(self, *results: float) -> None:
        """Called with results of a pass: where one is not finite, look for the NaN or infinity in X that caused it."""
        if not np.isfinite(results).all():
            require_finite(self.design.X)

    def largest_eigenvalue(self, passes: int = 100, K: Vector | None = None) -> float:
        """L = lambda_max(X1 X1.T) / (4m) + lambda / m by power iterations, X1 being X with a row of ones.

        The Rayleigh quotients grow towards L from below; they stop when two differ by less than a thousandth. The
        curvature of J is at most L, so gradient descent decreases J for every alpha < 2/L. With the Gram matrix K at
        hand the same eigenvalue is found from K + 1.
        """
        if K is not None:
            return _largest_eigenvalue_of(K) / (4 * self.m) + self.lambda_ / self.m
        v, v_b = np.ones(self.n_x), 1.0
        weight = np.ones(self.m)
        estimate = previous = 0.0
        for _ in range(passes):
            norm = float(np.sqrt(v @ v + v_b * v_b))
            if not norm > 0.0:
                break
            total, v, v_b = self._pass(v / norm, v_b / norm, linear=True, weight=weight)
            previous, estimate = estimate, 2.0 * total  # the pass sums z^2 / 2
            if not estimate > previous * (1.0 + 1e-3):
                break
        self.check_finite(estimate)
        return max(estimate, previous) / (4 * self.m) + self.lambda_ / self.m

    def descends_compiled(self) -> bool:
        """Whether a pass is so short that whole stretches of descent run compiled, on one thread."""
        return self.backend == "fused" and self.design.in_place and self.threads_for(self.n_threads, self.m) == 1

    def descend(self, point: Vector, best: Vector, alpha: float, tol: float, limit: float, costs: Vector) -> int:
        """Gradient descent from point for up to costs.size iterations, compiled: see `kernels.dense.descend`."""
        from .kernels.dense import HEAD, descend

        design = self.design
        partials = np.empty((design.n_chunks, HEAD + -(-self.n_x // 8) * 8))
        [(_, _, x)] = design.flat_blocks()
        made: int = descend(
            x, design.by_example, self.y, design.scale, design.shift, design.chunk, design.block, partials,
            self.lambda_ / self.m, alpha, tol, limit, point, best, costs,
        )  # fmt: skip
        self.passes += made
        return made

    def descend_gram(
        self, K: Vector, z0: Vector, w0: Vector, alpha: float, limit: float, point: Vector, best: Vector, costs: Vector
    ) -> int:
        """The same on the Gram matrix: see `kernels.gram.descend_gram`."""
        from .kernels.gram import descend_gram

        decay = self.lambda_ / self.m
        return int(
            descend_gram(K.reshape(-1), self.y, z0, float(w0 @ w0), decay, alpha, limit, point, best, costs)
        )

    def gram_pays(self, iterations: int) -> bool:
        """Whether K (m, m) and iterations on it cost less than iterations on X, and K is small enough to be kept."""
        m, n_x = self.m, self.n_x
        if self.backend != "fused" or m >= n_x or 8 * m * m > max(_GRAM_BYTES, self.design.X.nbytes // 20):
            return False
        direct = iterations * m * n_x * _SECONDS_PER_ELEMENT / self.threads_for(self.design.n_chunks, m)
        once = m * n_x * (_SECONDS_PER_CONVERSION + m * _SECONDS_PER_PRODUCT)
        return once + iterations * m * m * _SECONDS_PER_ELEMENT < direct

    def iterations_in(self, seconds: float, on_gram: bool) -> int:
        """Iterations of descent that should fit, by the estimates above; at least 1."""
        if on_gram:
            one = self.m * (self.m * _SECONDS_PER_ELEMENT + _SECONDS_PER_EXAMPLE)
        elif self.backend == "fused":
            one = self.m * (self.n_x * _SECONDS_PER_ELEMENT + _SECONDS_PER_EXAMPLE)
        else:
            return 1  # the lectures' backends: from 0.5 ns to 300 ns an element
        return max(1, int(seconds / one))

    def scores(self, w: Vector, b: float) -> Vector:
        """z (m,) of every example."""
        zs = np.empty(self.m)
        self._pass(w, b, zs=zs)
        return zs

    def combine(self, c: Vector) -> Vector:
        """(scale * X + shift) c, (n_x,): the combination of the examples with coefficients c (m,)."""
        return self._pass(np.zeros(self.n_x), 1.0, linear=True, weight=c)[1]  # z = 1, dz = c

    def _fused(self, w: Vector, b: float) -> tuple[float, Vector, float]:
        J, dw, db = self._pass(w, b)
        return J / self.m, dw / self.m, db / self.m

    def _numpy(self, w: Vector, b: float) -> tuple[float, Vector, float]:
        scale, shift = self.design.scale[:, None], self.design.shift[:, None]
        J, dw, db = reference.propagate(w[:, None], b, self._lecture_X(), self.y[None, :], 0.0, scale, shift)
        return J, dw[:, 0], db

    def _lecture_X(self) -> NDArray[Any]:
        """X for the backends of the lectures, converted once where theirs is a float64 world: NumPy's matrix product
        takes float64 alone, Numba has no float16, no long double and no foreign byte order."""
        if self._converted is None:
            X = self.design.X
            as_it_is = X.dtype == np.float64 if self.backend == "numpy" else X.dtype.char in "?bBhHiIlLqQfd"
            self._converted = X if as_it_is and X.dtype.isnative else X.astype(np.float64)
        return self._converted

    def _loops(self, w: Vector, b: float) -> tuple[float, Vector, float]:
        design = self.design
        w, b = design.fold(w, b)
        shares = max(1, min(32, self.m // 8))
        J, dw, db = np.zeros(shares), np.zeros((shares, self.n_x)), np.zeros(shares)
        arguments = (w[:, None], b, self._lecture_X(), self.y[None, :], J, dw, db)
        if self.backend == "python":
            from .kernels.loops import cost_and_gradient

            with np.errstate(invalid="ignore", over="ignore"):
                cost_and_gradient(*arguments)
        else:
            _run_loops(arguments, self.n_threads)
        return float(J[0]), design.unfold(dw[0], float(db[0])), float(db[0])

    def threads_for(self, n_chunks: int, m: int) -> int:
        """Threads worth launching for a pass over m examples."""
        seconds = m * (self.n_x * _SECONDS_PER_ELEMENT + _SECONDS_PER_EXAMPLE)
        return max(1, min(self.n_threads, n_chunks, int(seconds / _SECONDS_PER_THREAD)))

    def _pass(
        self, w: Vector, b: float, linear: bool = False, weight: Vector = _NONE, zs: Vector = _NONE
    ) -> tuple[float, Vector, float]:
        """Sums over the examples of the loss, of dz x (n_x,) and of dz: one read of X by the fused kernel.

        linear, weight, zs: see `kernels.dense.link` and `one_chunk`.
        """
        from .kernels.dense import HEAD, add_partials, run_chunks

        design, n_x, chunk = self.design, self.n_x, self.design.chunk
        w, b = design.fold(w, b)
        padded = np.zeros(-(-n_x // 8) * 8)
        padded[:n_x] = w
        if self._partials.shape[0] == 0:
            self._partials = np.empty((design.n_chunks, HEAD + padded.size))
        for lo, hi, x in design.flat_blocks():
            partials = self._partials[lo // chunk : -(-hi // chunk)]
            work = partial(
                run_chunks, x, design.by_example, n_x, self.y[lo:hi], weight[lo:hi], linear, padded, b,
                chunk, design.block, zs[lo:hi], partials, np.zeros(1, np.int64),
            )  # fmt: skip
            run_on(self.threads_for(len(partials), hi - lo), work)
        total = np.empty(HEAD + padded.size)
        add_partials(self._partials, total)
        db = float(total[1])
        return float(total[0]), design.unfold(total[HEAD : HEAD + n_x], db), db


def _largest_eigenvalue_of(K: Vector) -> float:
    """lambda_max(K + 1), every element one larger: that of X1.T X1, X1 being X with a row of ones."""
    v, estimate, previous = np.ones(len(K)), 0.0, 0.0
    for _ in range(100):
        v /= np.linalg.norm(v)
        image = K @ v + v.sum()
        previous, estimate = estimate, float(v @ image)
        if not estimate > previous * (1.0 + 1e-3):
            break
        v = image
    return max(estimate, previous)


def _run_loops(arguments: tuple[Any, ...], n_threads: int) -> None:
    """The compiled loops of the lectures, in parallel where Numba's threading layer can bear it.

    Its OpenMP layer kills a child forked after its first use and its workqueue aborts when two Python threads enter:
    one thread at a time goes in, a forked child never does. The serial loops give the same bits.
    """
    global _process
    import numba

    from .kernels.loops import compiled

    if n_threads <= 1 or numba.config.DISABLE_JIT or _process not in (0, os.getpid()):
        compiled(parallel=False)(*arguments)
        return
    _process = os.getpid()
    with _loops_lock:
        before = numba.get_num_threads()
        numba.set_num_threads(min(n_threads, numba.config.NUMBA_NUM_THREADS))
        try:
            compiled(parallel=True)(*arguments)
        finally:
            numba.set_num_threads(before)
