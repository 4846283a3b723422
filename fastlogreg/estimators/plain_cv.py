"""Folds along C with L2 alone, in shared reads of X; with more, see `estimators.penalised_cv`.

Where Ctrl-C ends them, the Cs that every fold has reached are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..maths.arrays import Vector
from ..training.class_paths import folds_of_classes, follow_classes
from ..training.folds import grouped, patterns_of
from ..training.follow import Fit
from ..training.paths import Ways, follow_all
from .cross_validation import Asked, FollowedFolds, Problem, done_of
from .cv_choice import warn_of_short
from .progress import counting_bar


def follow_two(estimator: Any, problem: Problem, splits: Any, asked: Asked) -> FollowedFolds:
    """Follow the full fit and every split of two classes, a column each."""
    labels = problem.rows.codes.astype(np.int32)
    groups = grouped(splits, labels)
    shared = problem.shared(groups.group, asked.n_threads, bool(estimator.fit_intercept))
    patterns = patterns_of(groups, shared.group_totals(), problem.factors)
    ways = Ways(shared, patterns, bool(estimator.standardize))
    Cs, fits, _ = follow_columns(estimator, ways, problem, asked)
    return FollowedFolds([fits], groups.tests, shared.design, shared.passes, Cs)


def follow_columns(
    estimator: Any, ways: Ways, problem: Problem, asked: Asked
) -> tuple[Vector, list[list[Fit]], Sequence[Any]]:
    """Follow columns; return the Cs that are done, their fits, and the columns' patterns."""
    count = len(asked.Cs)
    with counting_bar(estimator.verbose, count, f"C, {len(ways.patterns)} fits each") as said:
        lambdas = problem.lambdas(asked.Cs)
        followed = follow_all(ways, lambdas, asked.tol, asked.max_iter, said)
    Cs, fits = done_of(asked.Cs, followed.fits)
    warn_of_short(Cs, fits, asked.tol)
    return Cs, fits, followed.patterns


def follow_several(estimator: Any, problem: Problem, splits: Any, asked: Asked) -> FollowedFolds:
    """Follow the full fit and every split of several classes, a model each."""
    own = asked.n_threads, bool(estimator.fit_intercept), bool(estimator.standardize)
    ways = problem.of_classes(*own)
    folds = folds_of_classes(ways, splits, problem.rows.classes.tolist())
    lambdas, total = problem.lambdas(asked.Cs), len(asked.Cs) * (1 + len(folds))
    with counting_bar(estimator.verbose, total, "fits") as said:
        every, reads = follow_classes(ways, folds, lambdas, asked.tol, asked.max_iter, said)
    Cs, fits = done_of(asked.Cs, every)
    warn_of_short(Cs, fits, asked.tol)
    return FollowedFolds([fits], [fold.test for fold in folds], ways.design, reads, Cs)
