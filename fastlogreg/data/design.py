"""What the objective sees of any X: its shape and its parts, row blocks that a kernel can read."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..machine.blas import inner
from ..machine.once import once

if TYPE_CHECKING:
    from ..cuda.gather import Matrix
    from .dense import DesignMatrix
    from .sparse import SparseMatrix

AnyDesign = TypeVar("AnyDesign", bound="Design")


class Moments(NamedTuple):
    """Hold the mean and the standard deviation of each feature of X itself, (n_x,) both."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]


class Design(ABC):
    """Hold X (n_x, m) with scale and shift (n_x,), as the objective sees it.

    Examples are counted from 0 over all parts.
    """

    SECONDS_PER_ELEMENT = 0.15e-9
    n_x: int
    m: int
    scale: NDArray[np.float64]
    shift: NDArray[np.float64]
    few_features = False  # whether `kernels.second_order.few_features` is for its parts
    known_moments: Moments | None = None  # once `backends.moments` has looked at X

    @property
    def dense(self) -> DesignMatrix | None:
        """Return this design if it is one dense X in memory or in a memory map, else None."""
        return None

    @property
    def sparse(self) -> SparseMatrix | None:
        """Return this design if it stores the non-zeros of X alone, else None."""
        return None

    @property
    def on_gpu(self) -> Matrix | None:
        """Return X where it lies on a GPU already, else None."""
        return None

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Return the bytes of X."""

    @property
    def elements(self) -> int:
        """Return how many numbers a pass reads."""
        return self.m * self.n_x

    @property
    def hessian_work(self) -> float:
        """Return what a Hessian takes, in products of a dense one."""
        return float(self.m) * self.n_x**2

    @property
    def has_examples_at_hand(self) -> bool:
        """Return whether a sample can be looked at: `every` is cheap beside a run."""
        return False

    @property
    def seconds_per_element(self) -> float:
        """Return the seconds that one core needs for each of them in a pass, read twice from its
        cache."""
        return self.SECONDS_PER_ELEMENT

    @abstractmethod
    def parts(self) -> Iterator[tuple[int, int, Any]]:
        """Yield (first example, one past the last, the design of these alone), in order; scale and
        shift do not matter there."""

    @abstractmethod
    def rescaled(self, scale: NDArray[np.float64], shift: NDArray[np.float64]) -> Any:
        """Return a design of the same X with another scale and shift."""

    @abstractmethod
    def rows(self, indices: NDArray[np.intp]) -> Design:
        """Return a copy of these examples (sorted), in memory, with the same scale and shift."""

    @abstractmethod
    def float_blocks(self, least: int = 64) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
        """Yield (first example, one past the last, scale * X + shift of them as dense float64
        (examples, n_x)): blocks of 1 MiB, or of so many examples at least."""

    @abstractmethod
    def require_finite(self, names: Sequence[str] | None = None) -> None:
        """ValueError naming the first row and column of X that is NaN or infinite, if any is."""

    @property
    def form(self) -> str:
        """In words, all that the order of additions follows from."""
        return f"{type(self).__name__} {self.n_x} x {self.m}"

    def digest(self) -> str:
        """SHA-256 of examples spread over X, as float64 without scale and shift: 4 MiB of them, at
        least two."""
        count = max(2, (4 << 20) // (8 * self.n_x))
        chosen = np.unique(np.linspace(0, self.m - 1, min(count, self.m)).astype(np.intp))
        found = hashlib.sha256()
        for _, _, x in (
            self.rows(chosen).rescaled(np.ones(self.n_x), np.zeros(self.n_x)).float_blocks()
        ):
            found.update(
                np.ascontiguousarray(x, np.float64).data
            )  # a long double has bytes of nothing in it
        return found.hexdigest()

    @abstractmethod
    def find_non_finite(self) -> tuple[int, int, float] | None:
        """Return (example, feature, value) of the first NaN or infinity in X; None where all is
        finite."""

    @property
    def sample_size(self) -> int:
        """Return how many examples show the moments of X.

        1000, or 100 where X is wide: there a tenth of their size is near enough.
        """
        return min(self.m, 1000, max(100, (1 << 20) // self.n_x))

    @abstractmethod
    def every(self, step: int) -> NDArray[Any]:
        """Return each step-th example of X itself, (examples, n_x)."""

    def with_moments(self, new: AnyDesign) -> AnyDesign:
        """Hand on to `new`, a design of the same X, what is known of its features."""
        new.known_moments = self.known_moments
        return new

    @once
    def plain(self) -> bool:
        """Return whether the model sees X itself, and there is nothing to fold."""
        return bool((self.scale == 1.0).all() and (self.shift == 0.0).all())

    def fold(self, w: NDArray[np.float64], b: float) -> tuple[NDArray[np.float64], float]:
        """Return (w, b) for scale * X + shift, as what gives the same z on X itself."""
        with np.errstate(invalid="ignore", over="ignore"):  # of a w that has grown without end
            return self.scale * w, b + inner(self.shift, w)

    def unfold(self, dw: NDArray[np.float64], db: float) -> NDArray[np.float64]:
        """X dz.T on X itself, as what it is on scale * X + shift."""
        with np.errstate(
            invalid="ignore", over="ignore"
        ):  # NaN in X arrives here, and is looked for by the caller
            return self.scale * dw + self.shift * db
