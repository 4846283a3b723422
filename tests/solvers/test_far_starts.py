"""Starts so far away that no loss has curvature, and Newton's step has no end.

The optimum is that of a start at zeros."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.solvers import newton
from tests.helpers.comparison import WITHOUT_JIT

SIZES = (10.0, 1e4) if WITHOUT_JIT else (10.0, 1e2, 1e3, 1e4, 1e6, 1e8)
KINDS = ("few",) if WITHOUT_JIT else ("few", "tall", "wide")


def problem(kind: str, K: int) -> tuple[Any, Any]:
    """Return X (n_x, m), Y (1, m)."""
    m, n_x = {"few": (150, 4), "tall": (600, 30), "wide": (40, 90)}[kind]
    rng = np.random.default_rng(5)
    X = rng.normal(size=(n_x, m)) * np.exp(rng.normal(size=(n_x, 1))) + 2.0 * (kind == "few")
    z = X[:3].sum(axis=0) - 3.0 * X[:3].mean() + 2.0 * rng.normal(size=m)
    Y = np.digitize(z, [-1.0, 1.0]) if K > 2 else (z > 0.0).astype(float)
    return X, Y[None, :]


def trained(kind: str, K: int, start: Any = None, **options: Any) -> flr.TrainingResult:
    X, Y = problem(kind, K)
    classes = K if K > 2 else None
    options = {"solver": "auto", "tol": 1e-9, "lambda_": 1.0, "iterations": 1000, **options}
    return flr.train(X, Y, classes=classes, w=start, **options)


def far_starts(kind: str, K: int) -> list[Any]:
    n_x = len(problem(kind, K)[0])
    shape = (n_x, K if K > 2 else 1)
    found = [np.random.default_rng(s).normal(size=shape) * s_ for s, s_ in enumerate(SIZES)]
    one = np.zeros(shape)
    one[:, 0] = 1e6  # every example on one side
    return [*found, one]


def comes_back(kind: str, K: int, **options: Any) -> None:
    plain = {key: options[key] for key in ("lambda_", "l1_ratio") if key in options}
    expected = trained(kind, K, **plain).cost
    for start in far_starts(kind, K):
        result = trained(kind, K, start, **options)
        assert result.stop_reason == "converged", (np.abs(start).max(), result.cost)
        assert abs(result.cost - expected) <= 2e-9


@pytest.mark.parametrize("lambda_", [1.0, 0.01])
@pytest.mark.parametrize("solver", ["newton", "auto"])
@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_newtons_method_comes_back(kind: str, K: int, solver: str, lambda_: float) -> None:
    comes_back(kind, K, solver=solver, lambda_=lambda_)


@pytest.mark.parametrize("K", [2, 3])
def test_so_it_does_by_conjugate_gradients(K: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newton, "LARGEST_CHOLESKY", 3)
    monkeypatch.setattr(newton, "LARGEST_OF_CLASSES", 3)
    comes_back(KINDS[-2:][0], K, solver="newton", iterations=3000)


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_so_it_does_with_l1(kind: str, K: int) -> None:
    comes_back(kind, K, l1_ratio=0.5)


@pytest.mark.parametrize("bounds", [(0.5, 5.0), (-np.inf, -0.25), (-0.1, 0.1)])
@pytest.mark.parametrize("lambda_", [1.0, 0.0])
@pytest.mark.parametrize("kind", KINDS[:2])
def test_so_it_does_within_bounds(kind: str, lambda_: float, bounds: Any) -> None:
    """Also where zeros are none of the points that are allowed, and J at a start exceeds theirs."""
    expected = trained(kind, 2, bounds=bounds, lambda_=lambda_)
    assert expected.stop_reason == "converged"
    for start in far_starts(kind, 2):
        result = trained(kind, 2, start, bounds=bounds, lambda_=lambda_)
        assert result.stop_reason == "converged"
        assert (bounds[0] <= result.w).all()
        assert (result.w <= bounds[1]).all()
        assert abs(result.cost - expected.cost) <= 2e-9


def test_a_good_start_with_l1_is_kept() -> None:
    first = trained("few", 2, l1_ratio=0.5)
    again = trained("few", 2, first.w, b=first.b, l1_ratio=0.5)
    assert again.stop_reason == "converged"
    assert again.iterations <= 1
    assert abs(again.cost - first.cost) <= 2e-9


@pytest.mark.filterwarnings("ignore:not converged")
def test_it_is_the_same_run_where_it_is_resumed(tmp_path: Any) -> None:
    """The way back has no memory: stopped in its midst and resumed it has the same bits."""
    start = far_starts("few", 2)[1 if WITHOUT_JIT else 3]
    whole = trained("few", 2, start, solver="newton")
    path = tmp_path / "run.npz"
    for iterations in (1, 2, 3, 1000):
        part = trained(
            "few", 2, start, solver="newton", iterations=iterations, checkpoint=path, resume=True
        )
    np.testing.assert_array_equal(part.w, whole.w)
    assert part.iterations == whole.iterations
