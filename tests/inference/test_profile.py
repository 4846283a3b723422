"""Profile-likelihood intervals and tests: golden values, what they are by definition, infinity."""

import math

import numpy as np
import pytest
from scipy import sparse

from fastlogreg.data.inputs import design_of
from fastlogreg.inference import constrained
from fastlogreg.inference.likelihood import Likelihood
from fastlogreg.inference.profile import profile_intervals
from fastlogreg.maths.arrays import NONE
from fastlogreg.maths.distributions import chi2_quantile, chi2_tail
from tests.helpers.tables import table

ADMIT = [  # gre, gpa, rank 2, 3, 4, const
    (0.000137579623, 0.004435818479),
    (0.160290315, 1.464124056),
    (-1.300875347, -0.056748719),
    (-2.027650503, -0.670367082),
    (-2.399997580, -0.753524273),
    (-6.271544228, -1.792505644),
]


def admit():
    data = table("admit.csv")
    X = np.column_stack([data["gre"], data["gpa"], *(data["rank"] == k for k in (2, 3, 4))])
    return Likelihood(design_of(np.ascontiguousarray(X.T, np.float64)), data["admit"])


def test_admissions_have_the_golden_intervals_in_few_shared_reads():
    found = admit()
    profile = profile_intervals(found, found.maximum(), 0.95)
    assert profile.reads <= 15
    ends = np.column_stack([profile.lower, profile.upper])
    assert ends[0] == pytest.approx(ADMIT[0], abs=1e-12)
    assert ends == pytest.approx(np.array(ADMIT), abs=1.1e-9)


def test_the_search_finds_what_shared_reads_find(monkeypatch):
    found = admit()
    one = profile_intervals(found, found.maximum())
    monkeypatch.setattr(constrained, "MOST_READS", 0)
    other = profile_intervals(found, found.maximum())
    for name in ("lower", "upper", "p_values"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-8)


def small(seed, m=40):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, 2)) * [1.0, 100.0] + [0.0, 500.0]
    y = (rng.random(m) < 0.5).astype(np.float64)
    return rng, X, y


@pytest.mark.parametrize("kind", ["hard", "soft", "no intercept"])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_at_an_end_the_best_of_the_rest_has_fallen_by_the_quantile(kind, form):
    rng, X, y = small(3)
    s, o = rng.random(40) + 0.5, rng.normal(size=40)
    if kind == "soft":
        y = 0.7 * y + 0.3 * rng.random(40)
    intercept = kind != "no intercept"
    X = X if intercept else X / [1.0, 500.0]
    found = Likelihood(design_of(form(X).T), y, s, o, intercept)
    top = found.maximum()
    profile = profile_intervals(found, top, 0.9)
    for end in (profile.lower[0], profile.upper[0]):
        rest = Likelihood(design_of(X[:, 1:].T), y, s, o + X[:, 0] * end, intercept).maximum()
        fall = 2.0 * (top.at.value - rest.at.value)
        assert fall == pytest.approx(chi2_quantile(0.9, 1.0), rel=1e-8)
    without = Likelihood(design_of(X[:, 1:].T), y, s, o, intercept).maximum()
    ratio = 2.0 * (top.at.value - without.at.value)
    assert profile.p_values[0] == pytest.approx(chi2_tail(ratio, 1.0), rel=1e-6)
    assert np.isnan(profile.lower[-1]) != intercept


def test_a_feature_that_separates_some_has_one_infinite_end():
    _, X, y = small(4)
    X = np.column_stack([X, np.arange(40) < 6])
    y[:6] = 1.0
    found = Likelihood(design_of(X.T), y)
    profile = profile_intervals(found, found.maximum())
    assert profile.upper[2] == math.inf
    others = [*profile.lower, *profile.upper[[0, 1, 3]], *profile.p_values]
    assert np.isfinite(others).all()
    swapped = Likelihood(design_of(X.T), 1.0 - y)
    mirrored = profile_intervals(swapped, swapped.maximum())
    assert mirrored.lower[2] == -math.inf
    assert mirrored.upper[2] == pytest.approx(-profile.lower[2], rel=1e-8)


def test_labels_that_are_separated_leave_one_finite_end():
    X = np.arange(10.0)[:, None]
    found = Likelihood(design_of(X.T), (X[:, 0] > 4.5).astype(np.float64))
    profile = profile_intervals(found, found.maximum())
    assert 0.0 < profile.lower[0] < 2.0
    assert profile.upper[0] == math.inf
    assert profile.lower[1] == -math.inf
    assert -10.0 < profile.upper[1] < 0.0


def test_what_nothing_tells_apart_has_an_infinite_interval_and_no_p():
    _, X, y = small(5)
    X = np.column_stack([X, X[:, 0] - 2.0])
    found = Likelihood(design_of(X.T), y)
    profile = profile_intervals(found, found.maximum())
    assert profile.lower[[0, 2]].tolist() == [-math.inf] * 2
    assert profile.upper[[0, 2]].tolist() == [math.inf] * 2
    assert np.isnan(profile.p_values[[0, 2]]).all()
    assert np.isfinite([profile.lower[1], profile.upper[1], profile.p_values[1]]).all()


def test_some_coefficients_alone_can_be_asked_for():
    _, X, y = small(6)
    found = Likelihood(design_of(X.T), y, NONE)
    top = found.maximum()
    some, every = profile_intervals(found, top, which=[1]), profile_intervals(found, top)
    assert np.isnan(some.lower[[0, 2]]).all()
    assert some.lower[1] == pytest.approx(every.lower[1], rel=1e-10)
