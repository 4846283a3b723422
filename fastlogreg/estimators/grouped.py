"""A fit to successes among trials, as a mixin of the estimator."""

from __future__ import annotations

import time
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from ..checks.labels import LabelledRows
from ..checks.targets import check_counts
from ..data.matrix_like import MatrixLike
from .data_of_fit import keep_data
from .fitted import interrupts_passed_on
from .fitting import fit_rows
from .input import checked
from .penalties import solver_for

Model = TypeVar("Model", bound="Grouped")


class Grouped:
    """Fit to counts; a row stands for all its trials."""

    solver: Any
    class_weight: Any

    def fit_grouped(
        self: Model,
        X: MatrixLike,
        successes: ArrayLike,
        trials: ArrayLike,
        offset: ArrayLike | None = None,
    ) -> Model:
        """Fit to successes among trials, as R's glm does with cbind(successes, failures).

        It is the fit to a row for each trial, and reads each row of X once. `classes_` are 0 and 1,
        1 being a success.

        Parameters
        ----------
        X : array, data frame, sparse matrix or RowBlocks of shape (n_samples, n_features)
            The rows of the table.
        successes : array of shape (n_samples,)
            How many trials of each row succeeded; whole or not.
        trials : array of shape (n_samples,)
            How many there were, above 0.
        offset : array of shape (n_samples,) or None, default=None
            A part of z that is known. With it, or with L1, bounds, groups or penalty weights, a
            row becomes two in memory: X must be there, as an array or CSR.

        Returns
        -------
        LogisticRegression
            This estimator, fitted.

        Raises
        ------
        ValueError or TypeError
            As `fit`; for trials that are not above 0, successes outside 0 to trials, successes or
            failures that are missing altogether, and where class_weight is set.

        References
        ----------
        P. McCullagh and J. Nelder, "Generalized Linear Models", 1989, chapter 4.

        Examples
        --------
        >>> import fastlogreg as flr
        >>> model = flr.LogisticRegression(C=float("inf"))
        >>> model.fit_grouped([[0.0], [1.0]], successes=[5, 15], trials=[20, 20]).coef_.round(4)
        array([[2.1972]])
        """
        data = X, successes, None, offset, trials
        begun, options = time.perf_counter(), self._options(solver_for(self, offset))  # type: ignore[attr-defined]
        rows = counted_rows(successes, trials, self.class_weight)
        with interrupts_passed_on():
            X, _ = checked(self, X, (rows.codes > 0.5).astype(np.uint8))
            fit_rows(self, X, rows, offset, options, begun)
            keep_data(self, *data)
        return self


def counted_rows(successes: Any, trials: Any, class_weight: Any) -> LabelledRows:
    """Return rows whose labels are successes / trials, and whose weights are the trials."""
    if class_weight is not None:
        raise ValueError(
            "class_weight must be None for counts, which have weights of their own: the "
            f"trials; got {class_weight!r}"
        )
    share, n = check_counts(successes, trials)
    codes = share if (share != share.round()).any() else share.astype(np.uint8)
    return LabelledRows(np.arange(2), codes, n, 0)
