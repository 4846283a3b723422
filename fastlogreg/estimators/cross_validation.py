"""The parts of a cross-validation that do not need the estimator itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..checks.arguments import check_number
from ..checks.labels import LabelledRows, factors_of
from ..data.design import Design
from ..data.row_blocks import RowBlocks
from ..maths import logistic, softmax
from ..maths.arrays import NONE, Vector
from ..objective.columns import SharedColumns
from ..training.class_paths import ClassFit, ClassWays
from ..training.folds import Indices
from ..training.follow import Fit
from .input import penalty_of, rows_design
from .logistic import LogisticRegression
from .scoring import KnownScores, held_out_scores, scorer_of

Fits = Sequence[
    Sequence[Fit | ClassFit]
]  # of each C, those of each column; the full fit is the first


class Asked(NamedTuple):
    """Hold what to choose from and how each fit goes, checked.

    Cs: only their number counts where by_number, for l1_ratios above 0.
    """

    Cs: Vector
    by_number: bool
    ratios: Sequence[float]
    tol: float
    max_iter: int
    n_threads: int | None


class FollowedFolds(NamedTuple):
    """Hold the fits of each l1_ratio and C, the test rows of each split, and the reads so far.

    w and b of the fits are for the design; offset (m,) or none is a part of every z. There are
    fewer Cs, or l1_ratios, than were asked for where Ctrl-C came before the others.
    """

    fits: Sequence[Fits]
    tests: Sequence[Indices]
    design: Design
    reads: int
    Cs: Vector
    offset: Vector = NONE


def done_of(Cs: Vector, fits: Sequence[Sequence[Any]]) -> tuple[Vector, list[Any]]:
    """Return the Cs that have fits, and these."""
    there = [k for k, at in enumerate(fits) if at]
    return Cs[there], [fits[k] for k in there]


class Problem(NamedTuple):
    """Hold what is fitted: X as it was given, y, its labels and weights, and those of classes."""

    X: Any
    y: NDArray[Any]
    rows: LabelledRows
    factors: Vector

    def lambdas(self, Cs: Vector) -> Vector:
        """Return the strength of the penalty for each C."""
        return np.array([penalty_of(_lambda(C), self.rows) for C in Cs.tolist()])

    def shared(
        self, group: NDArray[np.int32], n_threads: int | None, intercept: bool
    ) -> SharedColumns:
        """Return the columns' design, with examples in these groups."""
        labels = self.rows.codes.astype(np.int32)
        design, weight = rows_design(self.X), self.rows.weight
        return SharedColumns(design, labels, group, weight, "fused", n_threads, intercept)

    def of_classes(self, n_threads: int | None, intercept: bool, standardize: bool) -> ClassWays:
        """Return what fits of several classes share."""
        return ClassWays(
            rows_design(self.X),
            self.rows.codes,
            len(self.rows.classes),
            self.rows.weight,
            self.factors,
            "fused",
            n_threads,
            intercept,
            standardize,
        )


def check_Cs(Cs: Any) -> Vector:
    """Return the inverse strengths (n_Cs,): those given, or so many on a logarithmic scale."""
    if isinstance(Cs, (int, np.integer)) and not isinstance(Cs, bool):
        count = int(check_number("Cs", int(Cs), low=1, integer=True))
        return np.logspace(-4, 4, count)
    given = np.asarray(Cs)
    if given.ndim != 1 or given.size == 0 or given.dtype.kind not in "iuf":
        raise ValueError(
            f"Cs must be how many to take, or a sequence of numbers, at least one; got {Cs!r}"
        )
    for k, C in enumerate(given.tolist()):
        if not np.isposinf(C):
            check_number(f"Cs[{k}]", C, positive=True)
    return given.astype(np.float64)


def class_factors(class_weight: Any, rows: LabelledRows) -> Vector:
    """Return the weight of each class."""
    K = len(rows.classes)
    if class_weight is None:
        return np.ones(K)
    if isinstance(class_weight, Mapping):
        return factors_of(dict(class_weight), rows.classes)
    if class_weight != "balanced":
        raise ValueError(
            f'class_weight must be None, "balanced" or a dict label -> weight; got {class_weight!r}'
        )
    weight = rows.weight if rows.weight.size else None
    sums = np.bincount(rows.codes, weight, minlength=K).astype(np.float64)
    return np.asarray(sums.sum() / (float(K) * sums))


def rows_of_fit(fit: Fit | ClassFit) -> tuple[Vector, Vector]:
    """Return w (1, n_x) and b (1,), of K classes a row for each."""
    return np.atleast_2d(fit.w), np.atleast_1d(fit.b)


def scores_by_scorer(
    scoring: Any, problem: Problem, followed: FollowedFolds
) -> tuple[list[Vector], int]:
    """Score every fit with a scorer of scikit-learn: (n_folds, n_Cs) of each l1_ratio.

    The reads that it took are returned, too.
    """
    X, y, rows, _ = problem
    tests, offset = followed.tests, followed.offset
    fits = [at for of_ratio in followed.fits for at in of_ratio]
    scorer = scorer_of(scoring, rows.classes)
    known = hasattr(scorer, "_score_func")  # it asks the estimator for predictions alone
    scores = np.empty((len(tests), len(fits)))
    points = [_points([at[k] for at in fits]) for k in range(1, 1 + len(tests))]
    found: list[Any] = [None] * len(tests)
    if known:
        found = held_out_scores(followed.design, tests, points, offset)
    elif isinstance(X, RowBlocks) or offset.size:
        what, why = ("an offset", "know no offset")
        if isinstance(X, RowBlocks):
            what, why = "RowBlocks", "are not in memory"
        raise ValueError(
            f"scoring must be None, or the name of a scorer of scikit-learn, for {what}: a "
            f"function of your own is given the held-out rows, which {why}"
        )
    for f, (test, (W, b), z) in enumerate(zip(tests, points, found)):
        more = {"sample_weight": rows.weight[test]} if rows.weight.size else {}
        own, columns = range(len(fits)), len(b) // len(fits)
        for k, at in zip(own, (slice(k * columns, (k + 1) * columns) for k in own)):
            estimator, data = (
                (KnownScores(rows.classes, z[k] if columns == 1 else z[at].T), test[:, None])
                if known
                else (_fitted(rows.classes, W[at], b[at]), X[test])
            )
            scores[f, k] = scorer(estimator, data, y[test], **more)
    count = len(followed.Cs)
    each = [scores[:, lo : lo + count].copy() for lo in range(0, len(fits), count)]
    return each, int(known)


def held_out_probabilities(followed: FollowedFolds, fits: Sequence[Fit | ClassFit]) -> Vector:
    """Return the probabilities of each row (m, K) by the fits that did not train on it: one read.

    fits: of each split, at one C. NaN for a row that no split holds out; else the mean.
    """
    tests, design = followed.tests, followed.design
    points = [_points([fit]) for fit in fits]
    columns = len(points[0][1])
    sums, counts = np.zeros((max(2, columns), design.m)), np.zeros(design.m)
    for test, z in zip(tests, held_out_scores(design, tests, points, followed.offset)):
        if columns == 1:
            np.add.at(sums[0], test, logistic.sigmoid(-z[0]))
            np.add.at(sums[1], test, logistic.sigmoid(z[0]))
        else:
            for row, a in zip(sums, softmax.softmax(z)):
                np.add.at(row, test, a)
        np.add.at(counts, test, 1.0)
    with np.errstate(invalid="ignore"):
        return np.ascontiguousarray((sums / np.where(counts > 0.0, counts, np.nan)).T)


def _lambda(C: float) -> float:
    """Return the strength of the penalty for C."""
    with np.errstate(over="ignore"):
        lambda_ = 1.0 / C
    if not np.isfinite(lambda_):
        raise ValueError(f"Cs must be above 5.6e-309, so that 1/C is finite; got {C!r}")
    return lambda_


def _points(fits: Sequence[Fit | ClassFit]) -> tuple[Vector, Vector]:
    """Return W and b of some fits, behind each other: a row for each, of K classes K rows."""
    each = [rows_of_fit(fit) for fit in fits]
    return np.concatenate([W for W, _ in each]), np.concatenate([b for _, b in each])


def _fitted(classes: NDArray[Any], W: Vector, b: Vector) -> LogisticRegression:
    """Return an estimator with these coefficients, for scorers that look at X themselves."""
    model = LogisticRegression()
    model.classes_, model.coef_ = classes, W.copy()
    model.intercept_, model.n_features_in_ = b.copy(), W.shape[1]
    return model
