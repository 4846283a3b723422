"""L1, the elastic net, bounds, free features, groups and an offset: golden values, optimality in
extended precision, and the proof."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastlogreg as flr
from fastlogreg.checks.penalties import Penalties
from fastlogreg.data.inputs import design_of
from fastlogreg.maths.arrays import NONE
from fastlogreg.maths.penalty_choice import penalty_from
from fastlogreg.objective.elastic_net import ElasticNetObjective
from fastlogreg.objective.penalised_softmax import PenalisedSoftmaxObjective
from fastlogreg.solvers.state import State
from fastlogreg.training.options import Options
from fastlogreg.training.run import run
from tests.helpers.comparison import WITHOUT_JIT

sklearn_data = pytest.importorskip("sklearn.datasets")  # the extra sklearn has the data


def breast_cancer():
    X, y = sklearn_data.load_breast_cancer(return_X_y=True)
    return ((X - X.mean(axis=0)) / X.std(axis=0)).T, y[None, :]


def fitted(X, Y, lambda_, **more):
    m = np.shape(Y)[1]
    return flr.train(X, Y, lambda_=lambda_ * m, solver="prox_newton", tol=1e-13, **more)


@pytest.mark.parametrize(
    ("lambda_", "l1_ratio", "J", "nonzeros"),
    [
        (0.1, 1.0, 0.4473995184596, 4),
        (0.03, 1.0, 0.2614112103517, 6),
        (0.01, 1.0, 0.1593073804580, 9),
        (0.1, 0.5, 0.3596543848178, 16),
        (0.1, 0.0, 0.1967477777812, 30),
    ],
)
def test_breast_cancer_is_golden(lambda_, l1_ratio, J, nonzeros):
    result = fitted(*breast_cancer(), lambda_, l1_ratio=l1_ratio)
    assert result.stop_reason == "converged"
    assert result.cost == pytest.approx(J, abs=5e-14)
    assert np.count_nonzero(result.w) == nonzeros
    zeros = result.w[:, 0] == 0.0
    assert result.proved_zero is not None
    assert (result.proved_zero == zeros).all()


def test_the_weights_of_the_lasso_are_golden():
    result = fitted(*breast_cancer(), 0.01, l1_ratio=1.0)
    golden = {
        1: -0.03319147173,
        7: -0.4699749006,
        10: -0.7413809496,
        20: -2.883966511,
        21: -0.9108870896,
        24: -0.3623831832,
        26: -0.1364475015,
        27: -1.084133409,
        28: -0.2456463643,
    }
    for j, value in golden.items():
        assert result.w[j, 0] == pytest.approx(value, abs=2e-9)
    assert result.b == pytest.approx(0.6165844359, abs=2e-9)


@pytest.mark.parametrize(("lambda_", "ratio"), [(0.1, 0.591711312), (0.01, 0.901816139)])
def test_the_lasso_of_three_classes_is_golden(lambda_, ratio):
    X, y = sklearn_data.load_iris(return_X_y=True)
    X = ((X - X.mean(axis=0)) / X.std(axis=0)).T
    result = fitted(X, y[None, :], lambda_, classes=3, l1_ratio=1.0)
    explained = 1.0 - (result.cost - lambda_ * np.abs(result.w).sum()) / np.log(3.0)
    assert explained == pytest.approx(ratio, abs=1e-8)  # glmnet's own tolerance
    assert result.suboptimality_bound <= 1e-13


@st.composite
def problems(draw):
    """A small problem with everything that an elastic net can have."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    m, n_x = draw(st.integers(4, 30)), draw(st.integers(1, 6))
    X = rng.normal(size=(m, n_x)) * 10.0 ** rng.uniform(-1, 1, n_x)
    X += draw(st.sampled_from([0.0, 5.0]))
    if n_x > 2 and draw(st.booleans()):
        X[:, 1] = X[:, 0]  # a duplicate
    y = (rng.random(m) < 0.4).astype(np.uint8)
    y[:2] = 0, 1
    factors = rng.choice([0.5, 1.0, 3.0], n_x)
    if draw(st.booleans()):
        factors[rng.integers(n_x)] = draw(st.sampled_from([0.0, np.inf]))
    lower = np.full(n_x, draw(st.sampled_from([-np.inf, -0.3, 0.0])))
    upper = np.full(n_x, draw(st.sampled_from([np.inf, 0.5])))
    ratio = draw(st.sampled_from([0.0, 0.3, 1.0]))
    if ratio == 1.0 or (factors == 0.0).any():
        upper, lower = np.minimum(upper, 20.0), np.maximum(lower, -20.0)  # an optimum exists
    weight = rng.integers(0, 4, m).astype(float) if draw(st.booleans()) else NONE
    if weight.size:
        weight[:2] = 1.0
    offset = rng.normal(size=m) if draw(st.booleans()) else NONE
    total = float(weight.sum()) if weight.size else float(m)
    lambda_ = total * draw(st.sampled_from([1e-3, 1e-2, 0.1]))
    design = design_of(X.T)
    penalty = penalty_from(Penalties(ratio, factors, lower, upper), lambda_, total)
    intercept = draw(st.booleans())
    return ElasticNetObjective(design, y, penalty, "fused", 1, weight, intercept, offset), X


def slopes_in_long_double(objective, X, theta):
    """The gradient of the mean loss by [w, b], in extended precision."""
    w, b = theta[:-1].astype(np.longdouble), np.longdouble(theta[-1])
    z = X.astype(np.longdouble) @ w + b
    if objective.offset.size:
        z = z + objective.offset
    s = objective.weight_of_each.astype(np.longdouble)
    sign = 1 - 2 * objective.y.astype(np.longdouble)
    dz = s * sign / (1 + np.exp(-sign * z))
    return dz @ X.astype(np.longdouble) / s.sum(), dz.sum() / s.sum()


@settings(max_examples=200, deadline=None)
@given(problems())
def test_the_conditions_of_an_optimum_hold_in_extended_precision(problem):
    objective, X = problem
    penalty = objective.elastic_net
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = run(
            objective, State(np.zeros(objective.size)), Options("prox_newton", 500, tol=1e-13)
        )
    theta = np.append(result.w, result.b)
    assert ((result.w[:, 0] >= penalty.lower) & (result.w[:, 0] <= penalty.upper)).all()
    slopes, slope_b = slopes_in_long_double(objective, X, theta)
    left = penalty.least_slopes(result.w[:, 0], slopes.astype(float))
    size = np.abs(X).max() * 1e-6
    assert np.abs(left).max(initial=0.0) <= size
    if objective.intercept:
        assert abs(float(slope_b)) <= 1e-6
    else:
        assert result.b == 0.0
    assert result.suboptimality_bound <= 1e-9


@pytest.mark.parametrize("seed", [0, 11, 21, 30, 34, 43])
def test_where_the_rounding_of_z_hides_the_fall_of_J_the_gap_tells_of_progress(seed):
    """Columns far from 0 with little spread: b is large, and J is known to 1e-14 of z, not of J."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(12, 3)) * [0.2, 0.2, 6.0] + 50.0
    y = (rng.random(12) < 0.4).astype(np.uint8)
    y[:2] = 0, 1
    penalties = Penalties(1.0, np.ones(3), np.full(3, -20.0), np.full(3, 20.0))
    penalty = penalty_from(penalties, 12e-3, 12.0)
    objective = ElasticNetObjective(design_of(X.T), y, penalty, "numpy", 1)
    result = run(objective, State(np.zeros(4)), Options("prox_newton", 500, tol=1e-13))
    assert result.suboptimality_bound <= 1e-9


@settings(max_examples=200, deadline=None)
@given(problems(), st.integers(0, 2**32 - 1), st.sampled_from([1e-6, 1e-3, 0.1, 1.0]))
def test_the_gap_is_never_below_the_distance(problem, seed, far):
    objective, _ = problem
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = run(
            objective, State(np.zeros(objective.size)), Options("prox_newton", 500, tol=1e-14)
        )
    rng = np.random.default_rng(seed)
    theta = np.append(result.w, result.b) + far * rng.normal(size=objective.size)
    theta[:-1] = objective.elastic_net.clipped(theta[:-1])
    theta[-1] *= objective.intercept
    point = objective.point(theta)
    bound = objective.certify(theta, point.evaluation, point.z)
    assert bound >= point.evaluation.J - result.cost - 1e-15


@settings(max_examples=50, deadline=None)
@given(problems())
def test_what_is_proved_to_be_zero_is_zero(problem):
    objective, _ = problem
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = State(np.zeros(objective.size))
        rough = run(objective, start, Options("prox_newton", 500, tol=1e-5))
        best = run(
            objective, State(np.zeros(objective.size)), Options("prox_newton", 500, tol=1e-14)
        )
    assert rough.proved_zero is not None
    assert not best.w[rough.proved_zero, 0].any()


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.3, 1.0]),
    st.booleans(),
    st.sampled_from([1e-6, 1e-2, 1.0]),
)
def test_the_gap_of_several_classes_is_never_below_the_distance(seed, ratio, grouped, far):
    rng = np.random.default_rng(seed)
    m, n_x, K = int(rng.integers(8, 30)), int(rng.integers(1, 5)), int(rng.integers(3, 5))
    X, labels = rng.normal(size=(n_x, m)), rng.integers(0, K, m).astype(np.int32)
    labels[:K] = np.arange(K)
    free = np.full(n_x, np.inf)
    group = np.arange(n_x) if grouped else None
    penalty = penalty_from(Penalties(ratio, np.ones(n_x), -free, free, group), 0.05 * m, m, K)
    objective = PenalisedSoftmaxObjective(design_of(X), labels, K, penalty, "fused", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = run(
            objective, State(np.zeros(objective.size)), Options("prox_newton", 500, tol=1e-13)
        )
    assert result.suboptimality_bound <= 1e-9
    theta = objective.taken(result.w, result.b) + far * rng.normal(size=objective.size)
    point = objective.point(theta)
    bound = objective.certify(theta, point.evaluation, point.z)
    assert bound >= point.evaluation.J - result.cost - 1e-15


def test_groups_are_in_or_out_together():
    X, Y = breast_cancer()
    groups = [range(10), range(10, 20), range(20, 30)]
    result = fitted(X, Y, 0.02, l1_ratio=1.0, feature_groups=groups)
    assert result.suboptimality_bound <= 1e-12
    inside = [bool(result.w[list(g)].any()) for g in groups]
    assert inside == [True, False, True]
    assert all(result.w[list(g)].all() for g, there in zip(groups, inside) if there)
    assert result.proved_zero is not None
    assert result.proved_zero.reshape(3, 10).all(axis=1).tolist() == [not i for i in inside]


def test_a_group_of_one_is_the_lasso():
    X, Y = breast_cancer()
    alone = fitted(X, Y, 0.03, l1_ratio=1.0)
    grouped = fitted(X, Y, 0.03, l1_ratio=1.0, feature_groups=[[j] for j in range(30)])
    assert grouped.cost == pytest.approx(alone.cost, abs=1e-12)
    assert grouped.w == pytest.approx(alone.w, abs=1e-6)


def test_above_the_largest_lambda_every_weight_is_zero():
    X, Y = breast_cancer()
    result = fitted(X, Y, 0.3836832444776 * (1 + 1e-9), l1_ratio=1.0)
    assert not result.w.any()
    share = Y.mean()
    assert result.b == pytest.approx(np.log(share / (1 - share)), abs=1e-6)


def test_weights_of_zero_and_k_are_rows_gone_and_repeated():
    from fastlogreg import LogisticRegression

    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(60, 4)), rng.integers(0, 2, 60)
    k = rng.integers(0, 3, 60)
    options = {"l1_ratio": 0.7, "C": 0.3, "tol": 1e-13}
    weighted = LogisticRegression(**options).fit(X, y, sample_weight=k)
    repeated = LogisticRegression(**options).fit(np.repeat(X, k, axis=0), np.repeat(y, k))
    assert weighted.coef_ == pytest.approx(repeated.coef_, abs=1e-6)
    assert weighted.cost_ == pytest.approx(repeated.cost_, abs=1e-13)


def test_separable_data_with_l1_have_an_optimum():
    X = np.arange(-5.0, 6.0)[None, :]
    result = fitted(X, (X > 0).astype(int), 0.01, l1_ratio=1.0)
    assert result.stop_reason == "converged"


@pytest.mark.parametrize("form", ["C", "F", "float32", "uint8", "csr", "csc", "blocks"])
def test_every_form_of_X_has_the_same_optimum(form):
    sparse = pytest.importorskip("scipy.sparse")
    rng = np.random.default_rng(6)
    raw = rng.integers(0, 4, (200, 12)).astype(np.float64)
    y = (rng.random(200) < 1 / (1 + np.exp(2 - raw[:, 0]))).astype(np.uint8)
    expected = flr.train(raw.T, y[None, :], solver="auto", lambda_=2.0, l1_ratio=1.0, tol=1e-12)
    X = {
        "C": lambda: np.ascontiguousarray(raw.T),
        "F": lambda: np.asfortranarray(raw.T),
        "float32": lambda: raw.T.astype(np.float32),
        "uint8": lambda: raw.T.astype(np.uint8),
        "csr": lambda: sparse.csr_matrix(raw).T,
        "csc": lambda: sparse.csc_matrix(raw).T,
        "blocks": lambda: flr.RowBlocks([raw[:80], raw[80:]]),
    }[form]()
    found = flr.train(X, y[None, :], solver="auto", lambda_=2.0, l1_ratio=1.0, tol=1e-12)
    assert found.cost == pytest.approx(expected.cost, abs=1e-12)
    assert ((found.w != 0.0) == (expected.w != 0.0)).all()


def test_the_bits_do_not_depend_on_threads():
    rng = np.random.default_rng(7)
    X, y = rng.normal(size=(40, 3000)), rng.integers(0, 2, (1, 3000))
    found = [
        flr.train(X, y, solver="auto", lambda_=30.0, l1_ratio=1.0, tol=1e-10, n_threads=k)
        for k in (1, 2, 3, 7)
    ]
    assert len({result.w.tobytes() for result in found}) == 1
    assert len({result.b for result in found}) == 1


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.3, 1.0]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([1e-6, 1e-3, 0.1]),
)
def test_free_features_of_several_classes_are_proved(seed, ratio, grouped, intercept, far):
    rng = np.random.default_rng(seed)
    m, n_x, K = int(rng.integers(30, 60)), int(rng.integers(2, 5)), int(rng.integers(3, 5))
    X, labels = rng.normal(size=(n_x, m)), rng.integers(0, K, m).astype(np.int32)
    labels[: 2 * K] = np.repeat(np.arange(K), 2)
    factors = np.ones(n_x)
    factors[int(rng.integers(n_x))] = 0.0
    free = np.full(n_x, np.inf)
    group = np.arange(n_x) if grouped else None
    penalty = penalty_from(Penalties(ratio, factors, -free, free, group), 0.05 * m, m, K)
    objective = PenalisedSoftmaxObjective(
        design_of(X), labels, K, penalty, "fused", 1, intercept=intercept
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = run(
            objective, State(np.zeros(objective.size)), Options("prox_newton", 500, tol=1e-13)
        )
    if np.abs(result.w).max() > 15.0:
        return  # the free feature separates a class: there is no optimum
    assert result.suboptimality_bound <= 1e-9
    theta = objective.taken(result.w, result.b)
    moved = theta + far * rng.normal(size=objective.size)
    rows = moved.reshape(K, -1)
    rows[:, -1] *= intercept
    point = objective.point(moved)
    bound = objective.certify(moved, point.evaluation, point.z)
    assert bound >= point.evaluation.J - result.cost - 1e-15
    rough = objective.proved_zero(moved, point.z)
    assert rough is not None
    assert not result.w[rough].any()


@pytest.mark.parametrize("grouped", [False, True])
def test_what_is_proved_to_be_zero_of_several_classes_is_zero(grouped):
    X, y = sklearn_data.load_wine(return_X_y=True)
    X = ((X - X.mean(axis=0)) / X.std(axis=0)).T
    more = {"classes": 3, "l1_ratio": 1.0, "feature_groups": "classes" if grouped else None}
    best = fitted(X, y[None, :], 0.05, **more)
    assert best.proved_zero is not None
    assert best.proved_zero.shape == (13, 3)
    assert (best.proved_zero == (best.w == 0.0)).all()
    assert best.proved_zero.any()
    m = y.size
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rough = flr.train(X, y[None, :], lambda_=0.05 * m, solver="auto", tol=1e-5, **more)
    assert not best.w[rough.proved_zero].any()


@pytest.mark.parametrize("how", ["checkpoint", "callback"])
def test_a_small_fit_has_the_same_bits_with_a_checkpoint_or_a_callback(how, tmp_path):
    X, Y = breast_cancer()
    more = {"lambda_": 5.0, "l1_ratio": 1.0, "solver": "auto", "tol": 1e-11}
    alone = flr.train(X, Y, **more)
    given = (
        {"checkpoint": tmp_path / "run"} if how == "checkpoint" else {"callback": lambda _: None}
    )
    watched = flr.train(X, Y, **more, **given)
    assert watched.w.tobytes() == alone.w.tobytes()
    assert (watched.b, watched.cost, watched.passes) == (alone.b, alone.cost, alone.passes)
    assert watched.suboptimality_bound == alone.suboptimality_bound
    assert watched.costs.tobytes() == alone.costs.tobytes()


@pytest.mark.parametrize("first", [{"iterations": 3}, {"tol": 1e-4}, {"max_seconds": 0.0}])
def test_a_small_fit_that_goes_on_has_the_bits_of_one_that_did_not_stop(first, tmp_path):
    if WITHOUT_JIT and "tol" in first:
        pytest.skip("a compiled call is made anew; elsewhere tol tells how long a Hessian is kept")
    X, Y = breast_cancer()
    more = {"lambda_": 5.0, "l1_ratio": 1.0, "solver": "auto", "tol": 1e-11}
    alone = flr.train(X, Y, **more)
    path = tmp_path / "run"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        short = flr.train(X, Y, **{**more, **first}, checkpoint=path)
    assert short.iterations <= first.get("iterations", 1000)
    again = flr.train(X, Y, **more, checkpoint=path, resume=True)
    assert again.w.tobytes() == alone.w.tobytes()
    assert (again.b, again.cost, again.passes) == (alone.b, alone.cost, alone.passes)
    assert again.iterations == alone.iterations
