"""The summary of a fitted estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..checks.penalties import require_no_offset
from ..data.matrix_like import MatrixLike
from ..inference.class_summarise import check_classes_how, summarise_classes
from ..inference.fitted import Fitted, How, require_no_reference
from ..inference.summarise import summarise
from ..inference.summarise_reduced import summarise_reduced
from ..inference.summary import Summary
from ..maths.arrays import NONE, Vector
from .data_of_fit import DATA, kept_data
from .examined import Examined
from .examples import Examples
from .input import penalty_of
from .multiclass import objective_of
from .sparse_coefficients import dense_coef
from .standardise import standardised


class Summaries(Examined):
    """Add `summary` to an estimator."""

    def __getstate__(self) -> Any:
        state = super().__getstate__()  # type: ignore[misc]
        return {name: value for name, value in state.items() if name != DATA}

    def summary(
        self,
        X: MatrixLike | None = None,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
        *,
        trials: ArrayLike | None = None,
        covariance: str = "hessian",
        groups: ArrayLike | None = None,
        interval: str = "wald",
        level: float = 0.95,
        reference: Any = None,
    ) -> Summary | Any:
        """Return standard errors, tests, intervals and the quality of the fit.

        Parameters
        ----------
        X, y, sample_weight, offset
            The data of the fit. Without X and y those of the last fit are taken. The estimator
            keeps an X of at most 64 MiB alive, a larger one only while the caller has it, and
            none where it was pickled or copied.
        trials : array of shape (n_samples,) or None, default=None
            Those of `fit_grouped`; y then holds the successes. A row counts as often as it has
            trials; robust covariances take a row as one observation.
        covariance : str, default="hessian"
            "hessian", "HC0", "HC1" (R), "HC1-stata", "HC2", "HC3", "cluster" (Stata, R) or
            "cluster-statsmodels". After a fit with `bias_reduction` "hessian" is brglm2's, and
            "logistf" that of R's logistf.
        groups : array of shape (n_samples,) or None, default=None
            The cluster of each row, for "cluster".
        interval : {"wald", "profile"}, default="wald"
            How intervals are made.
        level : float, default=0.95
            Of the intervals.
        reference : label or None, default=None
            Of several classes, the one that each other is compared with; None for the first of
            `classes_`.

        Returns
        -------
        Summary, or ClassSummary for three classes or more
            Of the coefficients for X as it was given, also with `standardize`.

        Raises
        ------
        ValueError
            Where the data of the fit are gone, or these are others; after a fit with L1, bounds or
            groups; and as `fastlogreg.summary`.

        Examples
        --------
        >>> import numpy as np
        >>> import fastlogreg as flr
        >>> X, y = np.arange(8.0)[:, None], [0, 0, 1, 0, 1, 0, 1, 1]
        >>> model = flr.LogisticRegression(C=np.inf, tol=1e-12).fit(X, y)
        >>> model.summary().standard_errors.round(4)
        array([1.7329, 0.4322])
        """
        kind = getattr(self, "bias_reduction", None)
        how = How(covariance, groups, interval, level)
        if kind is None:
            how = how.checked()
        if (X is None) != (y is None):
            raise ValueError("X and y must be given together, or both left out")
        if X is None:
            X, y, sample_weight, offset, trials = kept_data(self)
        fitted = fitted_on(self, (X, y, sample_weight, trials), offset, how)
        if len(fitted.labels) > 2:
            return summarise_classes(fitted, how, reference)
        require_no_reference(reference)
        if kind is None:
            return summarise(fitted, how)
        return summarise_reduced(fitted, how, kind, not getattr(self, "standardize", False))


def fitted_on(estimator: Any, data: tuple[Any, ...], offset: Any, how: How) -> Fitted:
    """Return the model with its data, checked: X, y, sample_weight and trials."""
    for name, plain in (("l1_ratio", 0.0), ("bounds", None), ("feature_groups", None)):
        value = getattr(estimator, name)
        if value is not None and value != plain:
            raise ValueError(
                f"summary needs {name}={plain}: what a penalty with corners or a bound chooses has "
                "no standard error of its own. Fit the chosen columns without it, on other rows"
            )
    if not hasattr(estimator, "cost_"):
        raise ValueError(
            "summary needs a fit by `fit`; this one comes from partial_fit or another estimator"
        )
    K = len(estimator.classes_)
    if K > 2:
        check_classes_how(how, K)
        require_no_offset(offset, K)
    examples: Examples = estimator._examples(*data)
    design, rows, backend = examples
    if rows.exponent:
        raise ValueError("sample_weight must be below 2^500 for a summary")
    lambda_ = penalty_of(estimator._lambda(), rows)
    names = getattr(estimator, "feature_names_in_", None)
    return Fitted(
        design,
        rows.codes,
        dense_coef(estimator).T,
        np.asarray(estimator.intercept_, np.float64),
        tuple(f"x{j + 1}" for j in range(design.n_x)) if names is None else tuple(map(str, names)),
        rows.weight,
        examples.offset(offset),
        _curvature(estimator, design, rows, lambda_) if lambda_ else NONE,
        bool(estimator.fit_intercept),
        float(estimator.cost_),
        tuple(rows.classes.tolist()),
        estimator._threads(),
        backend,
    )


def _curvature(estimator: Any, design: Any, rows: Any, lambda_: float) -> Vector:
    """Return the curvature of the penalty for each weight of X as it was given."""
    D = np.full(design.n_x, lambda_)
    if estimator.penalty_weights is not None:
        D = D * np.asarray(estimator.penalty_weights, np.float64)
        if not np.isfinite(D).all():
            raise ValueError(
                "summary needs finite penalty_weights: leave columns of infinity out of X"
            )
    if estimator.standardize:
        objective = objective_of(design, rows, 0.0, estimator._threads(), estimator.fit_intercept)
        D = D / standardised(objective).scale ** 2
    return D
