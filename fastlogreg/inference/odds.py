"""What a summary of two classes and one of several have in common: odds ratios, tests, columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..maths.arrays import Vector
from .hypotheses import WaldTest, wald_test_of

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
    """Compute odds ratios from coefficients and their intervals, and Wald's tests of them."""

    coefficients: NDArray[np.float64]
    standard_errors: NDArray[np.float64]
    z: NDArray[np.float64]
    p_values: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    certified_errors: NDArray[np.float64]
    covariance: NDArray[np.float64]
    penalised: bool

    @property
    def _all_names(self) -> tuple[str, ...]:
        """Return the names of the coefficients, in the order of the covariance."""
        raise NotImplementedError

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

    def wald_test(self, hypothesis: str) -> WaldTest:
        """Test linear hypotheses about the coefficients, all of them together.

        Parameters
        ----------
        hypothesis : str
            Equations with commas between them, as "age = 0, ht = ui" or "2 * age + lwt = 0.1". An
            expression without "=" is said to be 0. Names with other characters than letters,
            digits, "_", "." and ":" stand in backticks or quotes: "`C(race)[2]` = 0". Of several
            classes a coefficient is named by class and column: "general:write = 0".

        Returns
        -------
        WaldTest
            statistic, df and p_value, by chi-square.

        Raises
        ------
        ValueError
            For a name that is no coefficient, one that is not identified, hypotheses that repeat
            or contradict each other, and after a penalty.
        """
        if self.penalised:
            raise ValueError(
                "wald_test needs a fit without a penalty: shrunk estimates are no test of 0. Fit "
                "with C=infinity (lambda_=0)"
            )
        estimates = self.coefficients.reshape(-1), self.covariance
        return wald_test_of(hypothesis, self._all_names, *estimates)

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
