"""The summary of a model of several classes: each class against a reference class."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .odds import Odds


@dataclass(frozen=True, repr=False)
class ClassSummary(Odds):
    """Hold, for each class but the reference, estimates with standard errors, tests and intervals.

    Row k is of log(P(classes[k]) / P(reference)). Its coefficients are those of that class less
    those of the reference. NaN stands for a number that means nothing: `notes` say why.

    Attributes
    ----------
    names : tuple of str
        The P parameters of a class, "intercept" first.
    classes : tuple
        The labels of the K - 1 classes that are compared.
    reference : object
        The label of the class that they are compared with.
    coefficients, standard_errors, z, p_values : ndarray of shape (K - 1, P)
        Estimates, their standard errors, quotients, and two-sided p-values of "it is 0".
    lower, upper : ndarray of shape (K - 1, P)
        Ends of the interval of each coefficient.
    level : float
        The level of the intervals, 0.95 for instance.
    interval : str
        "wald".
    covariance : ndarray of shape ((K - 1) P, (K - 1) P)
        The covariance matrix of the estimates, class by class.
    covariance_kind, convention : str
        Which covariance that is, and in words.
    log_likelihood, null_log_likelihood : float
        At the estimates, and with the intercepts alone.
    deviance, null_deviance : float
        -2 log-likelihood of both.
    aic, bic : float
        -2 log-likelihood + 2 df, and + log(total) df.
    degrees_of_freedom : float
        Estimated parameters; with a penalty the trace of H^-1 I.
    mcfadden : float
        Pseudo R2.
    statistic, statistic_df, p_value : float
        Likelihood-ratio test of the model against the intercepts alone.
    examples : int
        Rows of positive weight.
    total : float
        The sum of the weights.
    certified_errors : ndarray of shape (K - 1, P)
        A proved bound on how far each coefficient is from the optimum, in standard errors;
        infinite where nothing is proved. Rounding is not in it.
    penalised : bool
        Whether the fit had a penalty.
    notes : tuple of str
        What to know of these numbers.
    passes : int
        Reads of X that the summary took.
    digest : str
        Of labels and weights, to tell the same examples from others.

    References
    ----------
    Agresti, Categorical Data Analysis, 2013, section 8.1. McFadden, Conditional logit analysis of
    qualitative choice behavior, 1974.

    Examples
    --------
    >>> import numpy as np
    >>> import fastlogreg as flr
    >>> X, Y = np.arange(9.0)[None, :], np.array([[0, 1, 0, 2, 1, 0, 1, 2, 2]])
    >>> result = flr.train(X, Y, classes=3, solver="auto", tol=1e-12)
    >>> summary = flr.summary(result, X, Y, names=["dose"], reference=2)
    >>> summary.classes
    (0, 1)
    >>> summary.standard_errors.shape
    (2, 2)
    >>> summary.wald_test("0:dose = 0, 1:dose = 0").df
    2
    """

    names: tuple[str, ...]
    classes: tuple[Any, ...]
    reference: Any
    coefficients: NDArray[np.float64]
    standard_errors: NDArray[np.float64]
    z: NDArray[np.float64]
    p_values: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    level: float
    covariance: NDArray[np.float64]
    convention: str
    log_likelihood: float
    null_log_likelihood: float
    aic: float
    bic: float
    degrees_of_freedom: float
    mcfadden: float
    statistic: float
    statistic_df: int
    p_value: float
    examples: int
    total: float
    certified_errors: NDArray[np.float64]
    penalised: bool
    notes: tuple[str, ...] = ()
    passes: int = 0
    digest: str = field(default="", repr=False)
    interval: str = "wald"
    covariance_kind: str = "hessian"

    @property
    def deviance(self) -> float:
        """Return -2 log-likelihood."""
        return -2.0 * self.log_likelihood

    @property
    def null_deviance(self) -> float:
        """Return -2 log-likelihood of the intercepts alone."""
        return -2.0 * self.null_log_likelihood

    @property
    def bias_reduction(self) -> None:
        """Return None: bias reduction is for two classes."""
        return None

    def columns(self) -> dict[str, list[Any]]:
        """Return the table as columns: an entry for each class and parameter in each."""
        return {
            "class": [label for label in self.classes for _ in self.names],
            "name": list(self.names) * len(self.classes),
            **self._numbers(),
        }

    def to_frame(self) -> Any:
        """Return the table as a data frame, a row for each class and parameter.

        Returns
        -------
        pandas.DataFrame or polars.DataFrame
            pandas' with class and name as index, where pandas is installed; else polars'.

        Raises
        ------
        ModuleNotFoundError
            Where neither is installed.
        """
        from .summary_table import frame

        return frame(self.columns(), ["class", "name"])

    def to_latex(self) -> str:
        """Return the coefficients as a LaTeX tabular, class by class.

        Returns
        -------
        str
            It needs no package of LaTeX.
        """
        from .class_table import latex

        return latex(self)

    @property
    def _all_names(self) -> tuple[str, ...]:
        return tuple(f"{label}:{name}" for label in self.classes for name in self.names)

    def __str__(self) -> str:
        from .class_table import text

        return text(self)

    def __repr__(self) -> str:
        return (
            f"ClassSummary({len(self.classes)} classes against {self.reference!r}, "
            f"{len(self.names)} coefficients each, {self.examples} examples, "
            f"log_likelihood={self.log_likelihood:.6g})"
        )

    def _repr_html_(self) -> str:
        from .class_table import html

        return html(self)
