"""check_gradient for several classes: where the worst coordinate is, and that an error is found."""

from __future__ import annotations

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.backends.base import ClassSums
from fastlogreg.backends.vectorized_many import ManyByNumPy
from tests.helpers.comparison import ON_CPU

rng = np.random.default_rng(3)
X, Y = rng.normal(size=(3, 20)), rng.integers(0, 4, (1, 20))
W, B = rng.normal(size=(3, 4)), rng.normal(size=(4, 1))


@pytest.mark.parametrize("backend", ON_CPU)
def test_the_gradient_of_every_backend(backend):
    found = flr.check_gradient(W, B, X, Y, lambda_=0.3, scale=2.0, shift=0.5, backend=backend)
    assert found.error < 1e-9
    assert found.analytic.shape == found.numerical.shape == (4, 4)
    _, dw, db = flr.propagate(W, B, X, Y, lambda_=0.3, scale=2.0, shift=0.5, backend=backend)
    np.testing.assert_array_equal(found.analytic, np.vstack([dw, db.T]))
    row, k = found.coordinate
    assert row in (0, 1, 2, "b")
    assert k in range(4)


@pytest.mark.parametrize("coordinate", [(0, 0), (2, 3), (1, 2), ("b", 1)])
def test_an_error_is_found_where_it_is(coordinate, monkeypatch):
    right = ManyByNumPy.class_sums

    def wrong(self, *given, **options):
        loss, dw, db = right(self, *given, **options)
        row, k = coordinate
        if row == "b":
            db[k] += 0.2
        else:
            dw[k, row] += 0.2
        return ClassSums(loss, dw, db)

    monkeypatch.setattr(ManyByNumPy, "class_sums", wrong)
    found = flr.check_gradient(W, B, X, Y, backend="numpy")
    assert found.coordinate == coordinate
    assert found.error > 1e-3


def test_two_classes_name_a_feature_or_b():
    found = flr.check_gradient(W[:, :1], 0.1, X, Y % 2)
    assert found.analytic.shape == (4,)
    assert found.coordinate in (0, 1, 2, "b")
