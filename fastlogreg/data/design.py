"""What the objective sees of any X: its shape and its parts, row blocks that a kernel can read."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..machine.blas import inner

AnyDesign = TypeVar("AnyDesign", bound="Design")


class Design(ABC):
    """X (n_x, m) with scale and shift (n_x,), as the objective sees it. Examples are counted from 0
    over all parts."""

    SECONDS_PER_ELEMENT = 0.15e-9
    n_x: int
    m: int
    scale: NDArray[np.float64]
    shift: NDArray[np.float64]
    few_features = False  # whether `kernels.second_order.few_features` is for its parts

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
        """(first example, one past the last, the design of these alone), in order; scale and shift
        do not matter there."""

    @abstractmethod
    def rescaled(self, scale: NDArray[np.float64], shift: NDArray[np.float64]) -> Any:
        """The same X with another scale and shift."""

    @abstractmethod
    def rows(self, indices: NDArray[np.intp]) -> Design:
        """A copy of these examples (sorted), in memory, with the same scale and shift."""

    @abstractmethod
    def float_blocks(self, least: int = 64) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
        """(first example, one past the last, scale * X + shift of them as dense float64 (examples,
        n_x)): blocks of 1 MiB, or of so many examples at least."""

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
        """(example, feature, value) of the first NaN or infinity in X; None where all is finite."""

    @property
    def sample_size(self) -> int:
        """Examples that `raw_moments` looks at: 1000, or 100 where X is wide, where a tenth of its
        size is near enough."""
        return min(self.m, 1000, max(100, (1 << 20) // self.n_x))

    @cached_property
    def raw_moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard deviation of each feature of X itself, over a sample of the
        examples."""
        x = self.every(max(1, self.m // self.sample_size))
        with np.errstate(over="ignore", invalid="ignore"):
            mean = np.asarray(np.mean(x, axis=0, dtype=np.float64))
            away = x - mean
            return mean, np.sqrt(np.einsum("ij,ij->j", away, away) / len(x))

    @abstractmethod
    def every(self, step: int) -> NDArray[Any]:
        """Return each step-th example of X itself, (examples, n_x)."""

    def with_moments(self, new: AnyDesign) -> AnyDesign:
        """`new`, a design of the same X, which need not look at it again."""
        if "raw_moments" in self.__dict__:
            new.__dict__["raw_moments"] = self.raw_moments
        return new

    def sample_mean(self) -> NDArray[np.float64] | None:
        """The mean of each feature, as the model sees it, in a sample, 0 where that is not finite:
        to centre X by. None where that would not do: with fewer examples than features the error of
        the mean is longer than what an example has of its own, and 2,000 x 12,288 then takes twice
        as many reads."""
        if self.sample_size < self.n_x:
            return None
        with np.errstate(over="ignore", invalid="ignore"):
            mean = self.scale * self.raw_moments[0] + self.shift
        return np.where(np.isfinite(mean), mean, 0.0)

    def sample_spread(self) -> NDArray[np.float64]:
        """The standard deviation of each feature, as the model sees it, of a sample: for inner
        matrices and warnings."""
        spread: NDArray[np.float64] = np.abs(self.scale) * self.raw_moments[1]
        return spread

    def fold(self, w: NDArray[np.float64], b: float) -> tuple[NDArray[np.float64], float]:
        """(w, b) for scale * X + shift, as what gives the same z on X itself."""
        with np.errstate(invalid="ignore", over="ignore"):  # of a w that has grown without end
            return self.scale * w, b + inner(self.shift, w)

    def unfold(self, dw: NDArray[np.float64], db: float) -> NDArray[np.float64]:
        """X dz.T on X itself, as what it is on scale * X + shift."""
        with np.errstate(
            invalid="ignore", over="ignore"
        ):  # NaN in X arrives here, and is looked for by the caller
            return self.scale * dw + self.shift * db
