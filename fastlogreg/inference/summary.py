"""The summary of a fitted model: what is estimated, how certain it is, and what it means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .odds import Odds


@dataclass(frozen=True, repr=False)
class Summary(Odds):
    """Hold estimates with standard errors, tests and intervals, and how well the model fits.

    NaN stands for a number that means nothing: `notes` say why. `print(summary)` shows a table.

    Attributes
    ----------
    names : tuple of str
        The P parameters, "intercept" first.
    coefficients, standard_errors, z, p_values : ndarray of shape (P,)
        Estimates, their standard errors, quotients, and two-sided p-values of "it is 0".
    lower, upper : ndarray of shape (P,)
        Ends of the interval of each coefficient.
    level : float
        The level of the intervals, 0.95 for instance.
    interval : str
        "wald" or "profile".
    covariance : ndarray of shape (P, P)
        The covariance matrix of the estimates.
    covariance_kind, convention : str
        Which covariance that is, and in words.
    log_likelihood, null_log_likelihood : float
        At the estimates, and with the intercept and the offset alone.
    deviance, null_deviance : float
        Twice what is missing to a model that says each y.
    aic, bic : float
        -2 log-likelihood + 2 df, and + log(total) df.
    degrees_of_freedom : float
        Estimated parameters; with a penalty the trace of H^-1 I.
    mcfadden, nagelkerke, tjur : float
        Pseudo R2.
    statistic, statistic_df, p_value : float
        Likelihood-ratio test of the model against the intercept alone.
    examples : int
        Rows of positive weight.
    total : float
        The sum of the weights.
    certified_errors : ndarray of shape (P,)
        A proved bound on how far each coefficient is from the optimum, in standard errors;
        infinite where nothing is proved. Rounding is not in it.
    penalised : bool
        Whether the fit had a penalty.
    bias_reduction : str or None
        The way in which the estimates are bias-reduced: "firth", "flic", "flac" or "median".
    notes : tuple of str
        What to know of these numbers.
    target : str
        What is modelled, in words.
    passes : int
        Reads of X that the summary took.
    digest : str
        Of y, weights and offset, to tell the same examples from others.

    References
    ----------
    McFadden, Conditional logit analysis of qualitative choice behavior, 1974; Nagelkerke, A note
    on a general definition of the coefficient of determination, 1991; Tjur, Coefficients of
    determination in logistic regression models, 2009.

    Examples
    --------
    >>> import numpy as np
    >>> import fastlogreg as flr
    >>> X, Y = np.arange(8.0)[None, :], np.array([[0, 0, 1, 0, 1, 0, 1, 1]])
    >>> result = flr.train(X, Y, solver="auto", tol=1e-12)
    >>> summary = flr.summary(result, X, Y, names=["dose"])
    >>> summary.names
    ('intercept', 'dose')
    >>> summary.p_values.round(3)
    array([0.23 , 0.169])
    """

    names: tuple[str, ...]
    coefficients: NDArray[np.float64]
    standard_errors: NDArray[np.float64]
    z: NDArray[np.float64]
    p_values: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    level: float
    interval: str
    covariance: NDArray[np.float64]
    covariance_kind: str
    convention: str
    log_likelihood: float
    null_log_likelihood: float
    deviance: float
    null_deviance: float
    aic: float
    bic: float
    degrees_of_freedom: float
    mcfadden: float
    nagelkerke: float
    tjur: float
    statistic: float
    statistic_df: int
    p_value: float
    examples: int
    total: float
    certified_errors: NDArray[np.float64]
    penalised: bool
    notes: tuple[str, ...] = ()
    target: str = "y = 1"
    passes: int = 0
    digest: str = field(default="", repr=False)
    bias_reduction: str | None = None

    def columns(self) -> dict[str, list[Any]]:
        """Return the table as columns: a name or number for each parameter in each."""
        return {"name": list(self.names), **self._numbers()}

    def to_frame(self) -> Any:
        """Return the table as a data frame, a row for each parameter.

        Returns
        -------
        pandas.DataFrame or polars.DataFrame
            pandas' with the names as index, where pandas is installed; else polars'.

        Raises
        ------
        ModuleNotFoundError
            Where neither is installed.
        """
        from .summary_table import frame

        return frame(self.columns(), "name")

    @property
    def _all_names(self) -> tuple[str, ...]:
        return self.names

    def __str__(self) -> str:
        from .summary_table import text

        return text(self)

    def __repr__(self) -> str:
        return (
            f"Summary({len(self.names)} coefficients, {self.examples} examples, "
            f"log_likelihood={self.log_likelihood:.6g}, covariance={self.covariance_kind!r})"
        )

    def to_latex(self) -> str:
        """Return the table of coefficients as a LaTeX tabular.

        Returns
        -------
        str
            It needs no package of LaTeX.
        """
        from .summary_table import latex

        return latex(self)

    def _repr_html_(self) -> str:
        from .summary_table import html

        return html(self)
