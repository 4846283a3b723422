"""One against the rest in shared reads: each label's own optimum, whoever travels along."""

from __future__ import annotations

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.data.inputs import design_of
from fastlogreg.objective.columns import SharedColumns
from fastlogreg.training.side_by_side import one_against_rest
from tests.helpers.comparison import WITHOUT_JIT


def problem(m, n_x, K=4, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_x, m))
    Z = 2.0 * rng.standard_normal((K, n_x)) @ X / np.sqrt(n_x) + rng.gumbel(size=(K, m))
    return X, Z.argmax(axis=0).astype(np.int32)


@pytest.mark.parametrize(
    ("m", "n_x"),
    [(300, 5)] if WITHOUT_JIT else [(300, 5), (30_000, 30), (12_000, 120), (200, 300)],
)
def test_each_label_has_its_own_optimum(m, n_x):
    X, labels = problem(m, n_x)
    shared = SharedColumns(design_of(X), labels)
    found = one_against_rest(shared, range(4), 1.0, 1e-10)
    singles = 0
    for k, fit in enumerate(found):
        assert fit.reached
        own = flr.train(X, (labels == k)[None, :], solver="auto", lambda_=1.0, tol=1e-10)
        assert fit.cost == pytest.approx(own.cost, abs=2e-10)
        singles += own.passes
    assert shared.passes < singles


@pytest.mark.skipif(WITHOUT_JIT, reason="NumPy's products have other bits beside others")
def test_a_label_does_not_depend_on_the_others_nor_on_threads():
    X, labels = problem(30_000, 30)
    X = np.asfortranarray(X)
    whole = one_against_rest(SharedColumns(design_of(X), labels, n_threads=2), range(4), 1.0, 1e-10)
    some = one_against_rest(SharedColumns(design_of(X), labels, n_threads=1), [2, 3], 1.0, 1e-10)
    for one, other in zip(whole[2:], some):
        assert one.w.tobytes() == other.w.tobytes()
        assert one.cost == other.cost
