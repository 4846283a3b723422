"""Scores of held-out rows by a scorer of scikit-learn, from z of these rows alone."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.design import Design
from ..maths import logistic, softmax
from ..maths.arrays import NONE, Vector
from ..training.folds import Indices
from .multiclass import likeliest, log_probabilities


class KnownScores:
    """Answer as a fitted classifier of scikit-learn whose z of the rows in question is known.

    z: (rows,) of two classes, or (rows, K), as `decision_function` gives them.
    """

    def __init__(self, classes: NDArray[Any], z: Vector) -> None:
        self.classes_, self.z = classes, z

    def __sklearn_tags__(self) -> Any:
        """Say that it is a classifier, as scorers ask."""
        from sklearn.utils import ClassifierTags, Tags, TargetTags

        return Tags("classifier", TargetTags(required=True), classifier_tags=ClassifierTags())

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def decision_function(self, X: Any) -> Vector:
        """Return z, whatever X is."""
        return self.z

    def predict_proba(self, X: Any) -> Vector:
        """Return the probability of each class."""
        if self.z.ndim == 2:
            return np.ascontiguousarray(softmax.softmax(self.z.T).T)
        return np.column_stack([logistic.sigmoid(-self.z), logistic.sigmoid(self.z)])

    def predict_log_proba(self, X: Any) -> Vector:
        """Return the logarithms of `predict_proba`."""
        if self.z.ndim == 2:
            return log_probabilities(self.z)
        return np.column_stack([-np.logaddexp(0.0, self.z), -np.logaddexp(0.0, -self.z)])

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the likeliest class."""
        return likeliest(self.z, self.classes_)


def scorer_of(scoring: Any, classes: NDArray[Any]) -> Any:
    """Return the scorer, told the classes where it can be: a fold may lack one of them."""
    from sklearn.metrics import get_scorer, make_scorer

    scorer = get_scorer(scoring)
    score = getattr(scorer, "_score_func", None)
    takes = inspect.signature(score).parameters if score is not None else {}
    if "labels" not in takes:
        return scorer
    options = {"labels": classes, **getattr(scorer, "_kwargs", {})}
    if "pos_label" in takes and len(classes) == 2:
        options.setdefault("pos_label", classes[-1])
    return make_scorer(
        score,
        greater_is_better=scorer._sign == 1,
        response_method=scorer._response_method,
        **options,
    )


def held_out_scores(
    design: Design,
    tests: Sequence[Indices],
    points: Sequence[tuple[Vector, Vector]],
    offset: Vector = NONE,
) -> list[Vector]:
    """Return z (L, rows) of each split's test rows, in one read of X.

    points: W (L, n_x) and b (L,) of each split's fits, for the design. offset (m,) or none.
    """
    found = [np.empty((len(b), len(test))) for test, (_, b) in zip(tests, points)]
    orders = [np.argsort(test, kind="stable") for test in tests]
    in_order = [test[order] for test, order in zip(tests, orders)]
    for lo, hi, x in design.float_blocks():
        for z, order, rows, (W, b) in zip(found, orders, in_order, points):
            first, last = np.searchsorted(rows, (lo, hi))
            if first == last:
                continue
            own = x[rows[first:last] - lo]
            with np.errstate(over="ignore", invalid="ignore"):
                for k, (w, b_) in enumerate(zip(W, b)):
                    z[k, order[first:last]] = np.einsum("ij,j->i", own, w) + b_
    if offset.size:
        for z, test in zip(found, tests):
            z += offset[test]
    return found
