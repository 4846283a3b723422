"""A fit by a formula on a data frame, as R writes it, through the package formulaic."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks.extras import require
from .logistic import LogisticRegression

INTERCEPT = "Intercept"


class FormulaModel(LogisticRegression):
    """Be a fitted `LogisticRegression` that takes data frames, and makes X of them by its formula.

    Attributes
    ----------
    formula_ : str
        The formula.
    model_spec_ : formulaic.ModelSpecs
        What formulaic remembers of the columns: levels, contrasts, transformations.
    feature_names_in_ : ndarray of shape (n_features,)
        The columns of X, with the names of levels.
    """

    def design_frame(self, frame: Any) -> Any:
        """Return X (n_samples, n_features) of a data frame, by the formula.

        Parameters
        ----------
        frame : data frame
            It needs the columns on the right of the formula.

        Returns
        -------
        data frame of shape (n_samples, n_features)
            X, without the column of the intercept.

        Raises
        ------
        ValueError
            For a level that the fit has not seen, a missing column or a missing value.
        """
        spec = self.model_spec_.rhs
        _require_columns(frame, spec.required_variables, self.formula_)
        _require_known_levels(frame, spec)
        return _without_intercept(_matrix(spec, frame))

    def decision_function(
        self, X: Any, *, offset: ArrayLike | None = None, n_threads: int | None = None
    ) -> Any:
        """Return z of each row of a data frame: see `LogisticRegression.decision_function`."""
        return super().decision_function(self._taken(X), offset=offset, n_threads=n_threads)

    def predict_proba(
        self,
        X: Any,
        out: NDArray[Any] | None = None,
        *,
        offset: ArrayLike | None = None,
        n_threads: int | None = None,
    ) -> Any:
        """Return the probabilities of each row of a data frame."""
        return super().predict_proba(self._taken(X), out, offset=offset, n_threads=n_threads)

    def _taken(self, X: Any) -> Any:
        """Make X of a data frame; what has the columns of X already is left as it is."""
        names = [str(name) for name in getattr(X, "columns", ())]
        fitted = getattr(self, "feature_names_in_", None)
        if not hasattr(self, "model_spec_") or not names or fitted is None or names == list(fitted):
            return X
        return self.design_frame(X)


def fit_formula(
    formula: str,
    frame: Any,
    *,
    sample_weight: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    **parameters: Any,
) -> FormulaModel:
    """Fit by a formula on a data frame: `fit_formula("low ~ age + C(race) + smoke", frame)`.

    There is no penalty unless C is given: R's glm and statsmodels have none.

    Parameters
    ----------
    formula : str
        The label on the left of ~, the features on the right. C(race) makes a column for each
        level but the first. "- 1" or "0 +" leaves out the intercept.
    frame : data frame
        The examples, in rows: pandas'.
    sample_weight, offset : array of shape (n_samples,) or None, default=None
        As in `LogisticRegression.fit`.
    **parameters
        Those of `LogisticRegression`. C is infinity by default here, and tol 1e-10.

    Returns
    -------
    FormulaModel
        A fitted estimator that predicts on data frames, and has `formula_`.

    Raises
    ------
    ModuleNotFoundError
        Where formulaic is not installed.
    ValueError or TypeError
        As `LogisticRegression.fit`; for a formula without a label, with columns that the frame has
        not, or without features; for missing values, and for fit_intercept.

    References
    ----------
    G. Wilkinson and C. Rogers, "Symbolic description of factorial models for analysis of
    variance", 1973. The language is formulaic's.

    Examples
    --------
    >>> import pandas as pd
    >>> import fastlogreg as flr
    >>> frame = pd.DataFrame({"y": [0, 1, 0, 1], "x": [0.0, 1.0, 2.0, 3.0]})
    >>> flr.fit_formula("y ~ x", frame).coef_.round(3)
    array([[0.908]])
    """
    formulaic = require("formulaic", "formula", "fit_formula")
    if not isinstance(formula, str) or "~" not in formula:
        raise ValueError(
            f'formula must be a text with a label before ~, as "y ~ age"; got {formula!r}'
        )
    if "fit_intercept" in parameters:
        raise ValueError(
            'fit_intercept must be said by the formula: "- 1" leaves it out; got '
            f"fit_intercept={parameters['fit_intercept']!r}"
        )
    parsed = formulaic.Formula(formula)
    _require_columns(frame, parsed.required_variables, formula)
    found = _matrix(parsed, frame)
    X, left = found.rhs, found.lhs
    label = formula.split("~")[0].strip()
    y = np.asarray(frame[label]) if label in frame.columns else _label_of(left, formula)
    names = [str(name) for name in X.columns]
    intercept = INTERCEPT in names
    X = _without_intercept(X)
    if X.shape[1] == 0:
        raise ValueError(f"formula must have a feature after ~; got {formula!r}")
    parameters = {"C": np.inf, "tol": 1e-10, **parameters}
    model = FormulaModel(**parameters, fit_intercept=intercept)
    model.fit(X, y, sample_weight, offset)
    model.formula_, model.model_spec_ = formula, found.model_spec
    return model


def _matrix(spec: Any, frame: Any) -> Any:
    """Return what formulaic makes of a frame; ValueError where a value is missing."""
    try:
        return spec.get_model_matrix(frame, na_action="raise")
    except ValueError as error:
        raise ValueError(f"frame must have no missing values for the formula: {error}") from error


def _label_of(left: Any, formula: str) -> NDArray[Any]:
    """Return y (m,) of what stands left of ~: of two columns of levels the second one."""
    names = [str(name) for name in left.columns]
    if left.shape[1] == 1:
        return np.asarray(left)[:, 0]
    if left.shape[1] == 2:  # a label in words has a column for each
        return np.asarray(left)[:, 1]
    raise ValueError(
        f"formula must have one label of two classes before ~; got columns {names} from {formula!r}"
    )


def _require_columns(frame: Any, needed: Any, formula: str) -> None:
    there = [str(name) for name in getattr(frame, "columns", ())]
    if not there:
        raise TypeError(
            f"frame must be a data frame with named columns; got {type(frame).__name__}"
        )
    missing = sorted({str(name) for name in needed} - set(there))
    if missing:
        raise ValueError(
            f"frame must have every column of {formula!r}; {', '.join(missing)} not in "
            f"{', '.join(there[:20])}"
        )


def _require_known_levels(frame: Any, spec: Any) -> None:
    """ValueError naming a level that the fit has not seen: formulaic makes zeros of it."""
    for factor, (_, state) in spec.encoder_state.items():
        known = state.get("categories") if isinstance(state, dict) else None
        name = str(factor).removeprefix("C(").split(",")[0].rstrip(")").strip()
        if known is None or name not in frame.columns:
            continue
        unseen = [one for one in frame[name].unique().tolist() if one not in list(known)]
        if unseen:
            raise ValueError(
                f"{name} must have levels of the fit: {', '.join(map(str, known))}; got {unseen[0]}"
            )


def _without_intercept(X: Any) -> Any:
    names = [name for name in X.columns if str(name) != INTERCEPT]
    found = X[names]
    found.columns = [str(name) for name in names]
    return found
