"""The arguments of a penalty: every error names the argument, the value and the remedy."""

from __future__ import annotations

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.checks.penalties import check_offset, check_penalties

X = np.random.default_rng(0).normal(size=(3, 12))
Y = np.arange(12)[None, :] % 2


def given(l1_ratio=1.0, penalty_weights=None, bounds=None, feature_groups=None, **more):
    return check_penalties(l1_ratio, penalty_weights, bounds, feature_groups, 3, flat=True, **more)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"l1_ratio": -0.1}, "l1_ratio must be at least 0; got -0.1"),
        ({"l1_ratio": 1.5}, "l1_ratio must be from 0, L2 alone, to 1, L1 alone; got 1.5"),
        ({"l1_ratio": np.nan}, "l1_ratio must be"),
        (
            {"penalty_weights": [1, -2, 3]},
            "penalty_weights must not be negative: 0 leaves a feature free, infinity leaves it "
            "out; got -2 for feature 1",
        ),
        ({"penalty_weights": [1, np.nan, 3]}, "penalty_weights must not be NaN; .* feature 1"),
        ({"penalty_weights": [1, 2]}, r"one for each of the 3 features, shape \(3,\); got \(2,\)"),
        ({"bounds": (1, -1)}, "at most the upper one; got 1 and -1 for feature 0"),
        ({"bounds": (0, [1, 1, -1])}, "got 0 and -1 for feature 2"),
        ({"bounds": (np.inf, None)}, "got inf and inf for feature 0"),
        ({"bounds": ([0, np.nan, 0], None)}, r"bounds\[0\] must not be NaN; .* feature 1"),
        (
            {"bounds": (0.5, 1)},
            "must have 0 between them where L1 pulls a weight to 0; got 0.5 and 1 for feature 0. "
            "Widen them, take l1_ratio=0, or set its penalty weight to 0",
        ),
        ({"bounds": ([-1, -1, 1], 2), "l1_ratio": 0.5}, "got 1 and 2 for feature 2"),
        (
            {"bounds": (1, 2), "l1_ratio": 0.0, "penalty_weights": [0, 0, np.inf]},
            "got 1 and 2 for feature 2",
        ),
        ({"feature_groups": "all"}, "feature_groups must be \"classes\" or groups .* got 'all'"),
        ({"feature_groups": [[0, 1], [1]]}, "feature 1 is in group 0 and in group 1"),
        ({"feature_groups": [[0, 0]]}, "feature 0 is in group 0 and in group 0"),
        ({"feature_groups": {"a": []}}, "must name a column in group 'a'; it is empty"),
        ({"feature_groups": [[3]]}, "numbers of columns from 0 to 2; got 3 in group 0"),
        ({"feature_groups": [[-1]]}, "numbers of columns from 0 to 2; got -1"),
        ({"feature_groups": [["age"]]}, "a name, and X has no names: give its number"),
        (
            {"feature_groups": [[0, 1]], "bounds": (0, None)},
            "bounds must be None with feature_groups",
        ),
        (
            {"feature_groups": [[0, 1]], "penalty_weights": [1, 2, 1]},
            "the same for all features of a group; got 2 for feature 1 and 1 for another",
        ),
    ],
)
def test_values_are_named(arguments, text):
    with pytest.raises(ValueError, match=text):
        given(**arguments)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"l1_ratio": "1"}, "l1_ratio must be"),
        ({"bounds": 0.0}, r"bounds must be a pair \(lower, upper\)"),
        ({"bounds": (0, 1, 2)}, "bounds must be a pair"),
        ({"feature_groups": 3}, 'feature_groups must be "classes", or a dict or list'),
        ({"feature_groups": ["ab"]}, "must hold a sequence of columns for group 0; got 'ab'"),
        ({"feature_groups": [[True]]}, "must hold names or numbers of columns; got True"),
        ({"feature_groups": [[0.5]]}, "must hold names or numbers of columns; got 0.5"),
    ],
)
def test_types_are_named(arguments, text):
    with pytest.raises(TypeError, match=text):
        given(**arguments)


def test_names_stand_for_columns():
    names = ["age", "low", "high"]
    checked = given(feature_groups={"blood": ["low", "high"]}, names=names)
    np.testing.assert_array_equal(checked.group, [0, 1, 1])
    with pytest.raises(ValueError, match="'low' is in group 'a' and in group 'b'"):
        given(feature_groups={"a": ["low"], "b": ["low"]}, names=names)


def test_what_is_allowed():
    checked = given(penalty_weights=[0, 1, np.inf], bounds=([None, -1, 0][1], [2, 2, np.inf]))
    np.testing.assert_array_equal(checked.factors, [0, 1, np.inf])
    np.testing.assert_array_equal(checked.lower, -np.ones(3))
    np.testing.assert_array_equal(checked.upper, [2, 2, np.inf])
    held = given(l1_ratio=0.0, bounds=(1.0, 1.0))  # held at 1
    np.testing.assert_array_equal(held.lower, held.upper)
    np.testing.assert_array_equal(given(feature_groups="classes").group, [0, 1, 2])


@pytest.mark.parametrize(
    ("offset", "flat", "text"),
    [
        (np.zeros(5), True, r"one number for each of the 12 rows, shape \(12,\); got shape \(5,\)"),
        (np.zeros((1, 12)), True, r"shape \(12,\); got shape \(1, 12\)"),
        (["a"] * 12, True, "offset must have one number"),
        (np.full(12, np.nan), True, "offset must be finite; got nan at example 0"),
        (np.append(np.zeros(11), np.inf)[None, :], False, "got inf at example 11"),
        (np.zeros((1, 5)), False, "offset must have shape"),
    ],
)
def test_offsets_are_checked(offset, flat, text):
    with pytest.raises(ValueError, match=text):
        check_offset(offset, 12, flat=flat)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"l1_ratio": 0.5}, "l1_ratio"),
        ({"bounds": (0, None)}, "bounds"),
        ({"penalty_weights": 2.0}, "penalty_weights"),
        ({"offset": np.zeros((1, 12))}, "an offset"),
        ({"l1_ratio": 1.0, "feature_groups": [[0, 1]]}, "l1_ratio and feature_groups"),
    ],
)
def test_a_solver_that_cannot_says_which_can(arguments, why):
    with pytest.raises(ValueError, match=f'must be "auto" or "prox_newton" for {why}, .*\'lbfgs\''):
        flr.train(X, Y, lambda_=1.0, solver="lbfgs", **arguments)


def test_the_estimator_says_which_solver_can():
    pytest.importorskip("sklearn")
    with pytest.raises(ValueError, match='must be "auto" or "prox_newton" for l1_ratio'):
        flr.LogisticRegression(l1_ratio=1.0, solver="newton").fit(X.T, Y[0])
    with pytest.raises(ValueError, match="an offset"):
        flr.LogisticRegression(solver="gd").fit(X.T, Y[0], offset=np.zeros(12))


@pytest.mark.parametrize("backend", ["numpy", "loops", "python"])
def test_every_backend_finds_the_same(backend):
    how = {"lambda_": 1.0, "l1_ratio": 1.0, "solver": "auto", "tol": 1e-12}
    expected, found = (flr.train(X, Y, backend=b, **how) for b in ("fused", backend))
    assert found.cost == pytest.approx(expected.cost, abs=1e-11)
