"""What a summary of two classes and one of several have in common: odds ratios, and columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..maths.arrays import Vector

COLUMNS = (
    "coefficient",
    "std_error",
    "z",
    "p_value",
    "lower",
    "upper",
    "odds_ratio",
    "odds_lower",
    "odds_upper",
    "certified_error",
)


class Odds:
    """Compute odds ratios from coefficients and their intervals."""

    coefficients: NDArray[np.float64]
    standard_errors: NDArray[np.float64]
    z: NDArray[np.float64]
    p_values: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    certified_errors: NDArray[np.float64]

    @property
    def odds_ratios(self) -> Vector:
        """Return exp(coefficient) of each parameter, in the shape of the coefficients."""
        return _exponential(self.coefficients)

    @property
    def odds_lower(self) -> Vector:
        """Return the lower ends of the intervals of the odds ratios, in that shape."""
        return _exponential(self.lower)

    @property
    def odds_upper(self) -> Vector:
        """Return the upper ends of the intervals of the odds ratios, in that shape."""
        return _exponential(self.upper)

    def _numbers(self) -> dict[str, list[Any]]:
        """Return the numbers of the table, a list for each of `COLUMNS`."""
        values = (
            self.coefficients,
            self.standard_errors,
            self.z,
            self.p_values,
            self.lower,
            self.upper,
            self.odds_ratios,
            self.odds_lower,
            self.odds_upper,
            self.certified_errors,
        )
        return {head: column.reshape(-1).tolist() for head, column in zip(COLUMNS, values)}


def _exponential(values: Vector) -> Vector:
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(values))
