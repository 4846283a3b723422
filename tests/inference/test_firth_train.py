"""`train(bias_reduction=...)`: the estimator's numbers, summaries of them, and what is refused."""

import warnings

import numpy as np
import pytest

import fastlogreg as flr

pytest.importorskip("sklearn")

KINDS = ("firth", "flic", "flac")


def problem(seed=0, m=40):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, 2)) * [5.0, 0.2] + [100.0, 0.0]
    y = (X[:, 0] + 5.0 * rng.logistic(size=m) > 104.0).astype(int)
    return X, y, rng.integers(1, 4, m).astype(float), rng.normal(size=m)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_estimators_fit(kind):
    X, y, s, o = problem()
    how = {"solver": "auto", "tol": 1e-12, "bias_reduction": kind}
    result = flr.train(X.T, y[None], weights=s[None], offset=o[None], **how)
    model = flr.LogisticRegression(np.inf, tol=1e-12, bias_reduction=kind).fit(X, y, s, o)
    assert result.w[:, 0].tolist() == model.coef_[0].tolist()
    assert result.b == model.intercept_[0]
    assert (result.cost, result.stop_reason) == (model.cost_, model.stop_reason_)
    of = {"weights": s[None], "offset": o[None], "bias_reduction": kind}
    found = flr.summary(result, X.T, y[None], **of, covariance="hessian")
    assert found.standard_errors == pytest.approx(model.summary().standard_errors)
    assert found.bias_reduction == kind
    other = flr.summary(result, X.T, y[None], **of, covariance="logistf")
    assert other.standard_errors == pytest.approx(
        model.summary(covariance="logistf").standard_errors
    )


def test_scale_shift_and_soft_targets():
    X, y, *_ = problem(1)
    share = 0.1 + 0.8 * y
    how = {"solver": "auto", "tol": 1e-12, "bias_reduction": "firth"}
    moved = flr.train(X.T, share[None], scale=0.1, shift=-10.0, **how)
    plain = flr.train(0.1 * X.T - 10.0, share[None], **how)
    assert moved.w == pytest.approx(plain.w, rel=1e-8)
    assert moved.b == pytest.approx(plain.b, rel=1e-8, abs=1e-10)
    found = flr.summary(
        moved, X.T, share[None], scale=0.1, shift=-10.0, bias_reduction="firth", interval="profile"
    )
    assert (found.lower < found.coefficients).all()


def test_without_tol_it_goes_as_far_as_float64_does():
    X, y, *_ = problem(2)
    found = flr.train(X.T, y[None], solver="auto", bias_reduction="firth")
    assert found.stop_reason == "precision"
    assert found.gradient_norm < 1e-12
    with pytest.warns(flr.TrainingWarning, match="all 1 steps were made"):
        few = flr.train(X.T, y[None], solver="auto", bias_reduction="firth", tol=1e-9, iterations=1)
    assert few.stop_reason == "iterations"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"lambda_": 1.0}, "lambda_=0 to train"),
        ({"l1_ratio": 0.5}, "does not go with l1_ratio"),
        ({"penalty_weights": 2.0}, "does not go with penalty_weights"),
        ({"bounds": (0, None)}, "does not go with bounds"),
        ({"feature_groups": [[0, 1]]}, "does not go with feature_groups"),
        ({"solver": "gd"}, "solver must be 'auto'.*got 'gd'. Pass solver"),
        ({"solver": "prox_newton"}, "solver must be 'auto'"),
        ({"backend": "numpy"}, "backend must be 'fused'"),
        ({"backend": "loops"}, "backend must be 'fused'"),
        ({"backend": "cuda"}, "backend must be 'fused'"),
        ({"alpha": 0.1}, "alpha must be 'auto'"),
        ({"w": np.zeros((2, 1))}, "w must be None"),
        ({"b": 1.0}, "b must be 0.0"),
        ({"max_seconds": 1.0}, "max_seconds must be None"),
        ({"callback": print}, "callback must be None"),
        ({"checkpoint": "run.npz"}, "checkpoint must be None"),
        ({"classes": 3}, "is for two classes; got 3"),
        ({"bias_reduction": "jeffreys"}, "bias_reduction must be one of"),
    ],
)
def test_what_does_not_go_with_it_is_refused(given, said):
    X, y, *_ = problem(3)
    how = {"solver": "auto", "bias_reduction": "firth"} | given
    with pytest.raises(ValueError, match=said):
        flr.train(X.T, y[None], **how)


def test_a_summary_refuses_other_kinds_and_a_fit_that_had_none():
    X, y, *_ = problem(4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = flr.train(X.T, y[None], solver="auto", tol=1e-10)
        three = flr.train(X.T, (np.arange(40) % 3)[None], classes=3, solver="auto", tol=1e-8)
    with pytest.raises(ValueError, match="the penalised cost of its coefficients"):
        flr.summary(plain, X.T, y[None], bias_reduction="firth")
    with pytest.raises(ValueError, match="bias_reduction must be one of"):
        flr.summary(plain, X.T, y[None], bias_reduction="jeffreys")
    with pytest.raises(ValueError, match="two classes; got 3"):
        flr.summary(three, X.T, (np.arange(40) % 3)[None], bias_reduction="firth")
    firth = flr.train(X.T, y[None], solver="auto", tol=1e-10, bias_reduction="firth")
    with pytest.raises(ValueError, match="shift and bias_reduction"):
        flr.summary(firth, X.T, y[None])
