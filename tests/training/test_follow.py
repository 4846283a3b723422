"""Models along lambda in shared reads: each column's optimum, whatever the shape of X."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.data.inputs import design_of
from fastlogreg.objective.columns import SharedColumns
from fastlogreg.training.follow import Follower, Pattern
from tests.helpers.comparison import WITHOUT_JIT

COMPILED = pytest.mark.skipif(WITHOUT_JIT, reason="minutes without compilation")

FOLDS = 3
LAMBDAS = (100.0, 3.0, 0.1)


def problem(m, n_x, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_x, m))
    X[1:] = 0.6 * X[:-1] + 0.8 * X[1:]
    w = 2.0 * rng.standard_normal(n_x) / np.sqrt(n_x)
    y = (rng.random(m) < 1.0 / (1.0 + np.exp(-(w @ X) - 0.3))).astype(np.int32)
    return X, y, (np.arange(m) % FOLDS).astype(np.int32)


def patterns_of(shared, folds=FOLDS):
    totals = shared.group_totals()
    found = [Pattern(np.ones(folds), np.zeros(folds), float(totals.sum()), 0.0)]
    for f in range(folds):
        held = (np.arange(folds) == f).astype(float)
        train = 1.0 - held
        found.append(Pattern(train, held, float(totals @ train), float(totals @ held)))
    return found


def followed(X, y, group, tol=1e-12, patterns=None, **options):
    shared = SharedColumns(design_of(X), y, group, **options)
    patterns = (
        patterns_of(shared) if patterns is None else [patterns_of(shared)[k] for k in patterns]
    )
    follower = Follower(shared, patterns, lambda index, k: LAMBDAS[index], tol, 300)
    return follower, [follower.at(index) for index in range(len(LAMBDAS))]


@pytest.mark.parametrize(
    ("m", "n_x", "plan"),
    [
        (400, 5, "newton"),
        pytest.param(30_000, 27, "groups", marks=COMPILED),
        pytest.param(20_000, 300, "sample", marks=COMPILED),
        (150, 400, "lbfgs"),
    ],
)
def test_every_column_comes_to_its_own_optimum(m, n_x, plan):
    X, y, group = problem(m, n_x)
    follower, found = followed(X, y, group)
    assert follower.plan == plan
    for lambda_, fits in zip(LAMBDAS, found):
        for k, fit in enumerate(fits):
            rows = np.ones(m, bool) if k == 0 else group != k - 1
            if n_x > 200 and k > 1:
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", flr.TrainingWarning)
                own = flr.train(
                    X[:, rows], y[None, rows], solver="auto", lambda_=lambda_, tol=1e-12
                )
            assert fit.reached
            assert fit.bound <= 1e-12
            assert fit.cost == pytest.approx(own.cost, abs=3e-12)
            if k:
                held = flr.cost(fit.w[:, None], fit.b, X[:, ~rows], y[None, ~rows])
                assert fit.held == pytest.approx(held, rel=1e-10)


def test_few_reads_are_made():
    X, y, group = problem(30_000, 27)
    follower, _ = followed(X, y, group)
    assert follower.shared.passes <= 6 * len(LAMBDAS)


@pytest.mark.skipif(WITHOUT_JIT, reason="NumPy's products have other bits beside others")
def test_a_fold_does_not_depend_on_the_other_folds():
    """Nor on the number of threads."""
    X, y, group = problem(30_000, 27)
    found = []
    for patterns, n_threads in (([0, 1, 2, 3], 1), ([0, 2], 3)):
        _, fits = followed(X, y, group, patterns=patterns, n_threads=n_threads, backend="fused")
        found.append([(at[0], at[patterns.index(2)]) for at in fits])
    for (lead, fold), (other_lead, other_fold) in zip(*found):
        assert lead.w.tobytes() == other_lead.w.tobytes()
        assert fold.w.tobytes() == other_fold.w.tobytes()
        assert fold.held == other_fold.held


def test_without_a_penalty_separable_classes_end_it():
    X = np.arange(8.0)[None, :]
    y = (np.arange(8) > 3).astype(np.int32)
    shared = SharedColumns(design_of(X), y)
    whole = Pattern(np.ones(1), np.zeros(1), 8.0, 0.0)
    follower = Follower(shared, [whole], lambda index, k: 0.0, 1e-9, 300)
    (fit,) = follower.at(0)
    assert not fit.reached
    assert fit.iterations < 100
