"""What each example does to a fitted estimator, as a mixin."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..api.examples import Influence, LeaveOneOut, left_out, measured
from ..checks.labels import listed
from ..data.matrix_like import MatrixLike
from ..inference.likelihood import Likelihood
from ..maths.arrays import NONE, Vector
from .examples import Examples, examples_of
from .grouped import Grouped
from .sparse_coefficients import dense_coef


class Examined(Grouped):
    """Tell what each example does to the fit, of two classes with an L2 penalty or none."""

    def influence(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
        *,
        trials: ArrayLike | None = None,
        dfbetas: bool = False,
    ) -> Influence:
        """Measure what each row of the fit does to it: see `fastlogreg.influence`.

        Parameters
        ----------
        X, y, sample_weight, offset
            What `fit` was given.
        trials : array of shape (n_samples,) or None, default=None
            What `fit_grouped` was given; y then holds the successes. What is left out is a row,
            with all its trials.
        dfbetas : bool, default=False
            Whether to compute dfbetas too: an array as large as X.

        Returns
        -------
        Influence
            An array (n_samples,) for each measure.

        Raises
        ------
        ValueError
            For more than two classes, bias_reduction, L1, bounds, groups, and standardize with a
            penalty.
        """
        return measured(*self._likelihood(X, y, sample_weight, offset, trials), dfbetas)

    def leave_one_out(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
        *,
        trials: ArrayLike | None = None,
    ) -> LeaveOneOut:
        """Approximate what the fit without it says of each row: see `fastlogreg.leave_one_out`.

        Parameters
        ----------
        X, y, sample_weight, offset
            What `fit` was given.
        trials : array of shape (n_samples,) or None, default=None
            What `fit_grouped` was given; y then holds the successes. What is left out is a row,
            with all its trials.

        Returns
        -------
        LeaveOneOut
            Probabilities (1, n_samples), the mean loss and its standard error.

        Raises
        ------
        ValueError
            As `influence`.
        """
        return left_out(*self._likelihood(X, y, sample_weight, offset, trials))

    def _likelihood(
        self, X: Any, y: Any, sample_weight: Any, offset: Any, trials: Any
    ) -> tuple[Likelihood, Vector, Vector]:
        from sklearn.utils.validation import check_is_fitted

        model: Any = self
        check_is_fitted(model)
        if len(model.classes_) != 2:
            raise ValueError(
                f"influence is for two classes; this model has {listed(model.classes_)}"
            )
        if model.bias_reduction is not None:
            raise ValueError(
                "bias_reduction must be None for influence and leave_one_out, which ask for the "
                f"maximum of the likelihood; got {model.bias_reduction!r}. Fit without it"
            )
        lambda_ = model._lambda()
        ridge_alone = model.bounds is None and model.feature_groups is None
        if lambda_ and not (ridge_alone and model.l1_ratio == 0.0 and not model.standardize):
            raise ValueError(
                "l1_ratio must be 0, bounds and feature_groups None and standardize False for "
                "influence with a penalty. Standardise X before the fit, or set C to infinity"
            )
        examples = self._examples(X, y, sample_weight, trials)
        design, rows, backend = examples
        weight = np.ldexp(rows.weight, rows.exponent) if rows.weight.size else rows.weight
        given = Likelihood(
            design,
            rows.codes,
            weight,
            examples.offset(offset),
            bool(model.fit_intercept),
            model._threads(),
            backend,
        )
        theta = np.append(dense_coef(model)[0], model.intercept_)
        factors = 1.0 if model.penalty_weights is None else np.asarray(model.penalty_weights)
        curvature = np.full(design.n_x, lambda_) * factors if lambda_ else NONE
        return given, given.inward(theta), curvature

    def _examples(self, X: Any, y: Any, sample_weight: Any, trials: Any) -> Examples:
        """Return the examples of the fit, as they are given once more."""
        return examples_of(self, X, y, sample_weight, trials)
