"""Firth's penalised likelihood: golden values, its score by mpmath, separation, FLIC and FLAC."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import fastlogreg as flr
from fastlogreg.data.inputs import design_of
from fastlogreg.inference import firth
from fastlogreg.inference.bias_reduced import bias_reduced_inference
from fastlogreg.inference.likelihood import Likelihood
from fastlogreg.maths.arrays import NONE
from tests.helpers.tables import table

NAMES = ("age", "oc", "vic", "vicl", "vis", "dia")
# age, oc, vic, vicl, vis, dia, const
SEX2 = [-1.105981331381, -0.068816727062, 2.268874652239, -2.111408185303, -0.788316951397]
SEX2 += [3.096011827351, 0.120254049134]
ERRORS = [0.423660129, 0.443793446, 0.548415959, 0.543082355, 0.417367566, 1.675008414, 0.485541506]
ENDS = [
    (-1.973788383, -0.307425142),
    (-0.941436330, 0.789202021),
    (1.273021571, 3.435432731),
    (-3.260861118, -1.117734947),
    (-1.608087890, 0.015184679),
    (0.774568169, 8.030293522),
    (-0.818559106, 1.073151216),
]
TESTS = [0.006143472, 0.875191059, 1.678877e-6, 1.237805e-5, 0.054497008, 0.004951873, 0.802026802]
FLAC = [
    -1.096340034,
    -0.066026314,
    2.282202979,
    -2.114169340,
    -0.787316863,
    3.181734852,
    0.122267426,
]


def sex2():
    data = table("sex2.csv")
    return np.column_stack([data[name] for name in NAMES]).astype(np.float64), data["case"]


def by_logistf(X, theta):
    """Return logistf's covariance: each example twice, once with its leverage as its weight."""
    X1 = np.append(X, np.ones((len(X), 1)), axis=1)
    a = 1.0 / (1.0 + np.exp(-X1 @ theta))
    root = X1 * np.sqrt(a * (1.0 - a))[:, None]
    q = np.linalg.qr(root)[0]
    h = (q * q).sum(axis=1)
    twice = np.append(root, root * np.sqrt(h)[:, None], axis=0)
    return np.linalg.inv(twice.T @ twice)


@pytest.fixture(params=["kernel", "reads"])
def way(request, monkeypatch):
    """Small X goes to the kernel, where there is one; any X goes by reads."""
    if request.param == "reads":
        monkeypatch.setattr(firth, "SMALL_NUMBERS", 0)
    return request.param


def test_sex2_has_the_golden_values(way):
    X, y = sex2()
    found = Likelihood(design_of(X.T), y)
    climbed = firth.climb_firth(found, 1e-10, 100)
    theta = found.outward(climbed.theta)
    assert climbed.reached
    assert theta == pytest.approx(np.array(SEX2), abs=1e-10)
    made = bias_reduced_inference(found, theta, interval="profile")
    assert made.penalised_log_likelihood == pytest.approx(-132.539379532844, abs=1e-10)
    assert np.sqrt(np.diag(made.covariance)) == pytest.approx(np.array(ERRORS), abs=1e-8)
    assert np.column_stack([made.lower, made.upper]) == pytest.approx(np.array(ENDS), abs=1.1e-9)
    assert made.p_values == pytest.approx(np.array(TESTS), rel=1e-6)
    other = bias_reduced_inference(found, theta, convention="logistf")
    assert np.sqrt(other.covariance[0, 0]) == pytest.approx(0.41490, abs=5e-6)
    assert other.covariance == pytest.approx(by_logistf(X, np.array(SEX2)), rel=1e-8)
    assert firth.flic(found, climbed.theta)[-1] - climbed.theta[-1] == pytest.approx(
        0.131539099402 - SEX2[-1], abs=1e-10
    )
    flac = found.outward(firth.flac(found, climbed.theta)[0])
    assert flac == pytest.approx(np.array(FLAC), abs=1.1e-9)


@pytest.mark.parametrize("kind", ["firth", "flic", "flac"])
def test_the_estimator_has_them_too(kind):
    X, y = sex2()
    model = flr.LogisticRegression(np.inf, bias_reduction=kind, tol=1e-13).fit(X, y)
    found = np.append(model.coef_[0], model.intercept_)
    expected = np.array(FLAC if kind == "flac" else SEX2)
    expected[-1] = 0.131539099402 if kind == "flic" else expected[-1]
    assert found == pytest.approx(expected, abs=1.1e-9)
    assert model.stop_reason_ == "converged"
    assert model.cost_ * len(y) == pytest.approx(132.539379532844, abs=1e-9)
    a = model.predict_proba(X)[:, 1]
    assert (a.sum() == pytest.approx(y.sum(), abs=1e-8)) == (kind != "firth")


def test_a_separated_two_by_two_table_has_the_closed_form(way):
    X, y = np.array([[0.0], [0.0], [1.0]]), np.array([0, 1, 1])
    found = Likelihood(design_of(X.T), y, np.array([200.0, 20.0, 20.0]))
    theta = found.outward(firth.climb_firth(found, 1e-10, 100).theta)
    assert theta == pytest.approx([5.993961427307, -2.280389360602], abs=1e-10)
    made = bias_reduced_inference(found, theta)
    errors = np.sqrt(np.diag(made.covariance))
    assert errors == pytest.approx([1.485002334, 0.232405721], abs=1e-8)


def problem(seed, m=14, p=2):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, p))
    y = (rng.random(m) < 0.4).astype(np.float64)
    y[:2] = 0.0, 1.0
    return X, y, rng.random(m) + 0.5, rng.normal(size=m)


def modified_score(theta, X, y, s, o):
    """Return U* by mpmath, from the formula alone."""
    rows = [mpmath.matrix([*map(mpmath.mpf, x), mpmath.mpf(1)]) for x in X.tolist()]
    p = len(rows[0])
    total, H, a = mpmath.zeros(p, 1), mpmath.zeros(p), []
    for x, weight, shift in zip(rows, s, o):
        a.append(1 / (1 + mpmath.exp(-(x.T * mpmath.matrix(theta))[0] - mpmath.mpf(shift))))
        H += mpmath.mpf(weight) * a[-1] * (1 - a[-1]) * x * x.T
    inverse = H**-1
    for x, label, weight, each in zip(rows, y, s, a):
        h = mpmath.mpf(weight) * each * (1 - each) * (x.T * inverse * x)[0]
        total += (mpmath.mpf(weight) * (mpmath.mpf(label) - each) + h * (0.5 - each)) * x
    return [*total]


@pytest.mark.parametrize("seed", range(20))
def test_estimates_are_those_of_mpmath(seed, way):
    """Of 20 problems: plain, with weights, with an offset, with both; each third quasi-separated,
    some targets between 0 and 1."""
    X, y, s, o = problem(seed)
    s, o = s if seed & 1 else np.ones(14), o if seed & 2 else np.zeros(14)
    if seed % 3 == 0:
        X[:, 1], y[:4] = np.arange(14) < 4, 1.0
    if seed % 5 == 0:
        y = np.where(np.arange(14) == 8, 0.25, y)
    weights, offset = s if seed & 1 else NONE, o if seed & 2 else NONE
    found = Likelihood(design_of(X.T), y, weights, offset)
    theta = found.outward(firth.climb_firth(found, 1e-12, 300).theta)
    with mpmath.workdps(30):
        root = mpmath.findroot(
            lambda *t: modified_score(t, X, y, s, o), theta.tolist(), tol=1e-40, maxsteps=30
        )
        wanted = np.array([float(value) for value in root])
    assert theta == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_estimates_are_finite_where_labels_are_separated(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(15, 2))
    y = (X[:, 0] > np.median(X[:, 0])).astype(np.float64)
    found = Likelihood(design_of(X.T), y)
    climbed = firth.climb_firth(found, 1e-8, 300)
    assert climbed.reached
    assert np.abs(climbed.theta).max() < 100.0


def test_units_of_columns_and_forms_of_X_change_nothing(way):
    X, y, s, _ = problem(7, 30, 3)
    plain = firth_of(X, y, s)
    units = np.array([1e-3, 7.0, 1e4])
    assert firth_of(X * units, y, s)[:-1] * units == pytest.approx(plain[:-1], rel=1e-8)
    assert firth_of(sparse.csr_array(X), y, s) == pytest.approx(plain, rel=1e-8)


def test_a_weight_of_k_is_a_row_k_times(way):
    X, y, *_ = problem(8)
    k = np.arange(14) % 3 + 1
    repeated = firth_of(np.repeat(X, k, axis=0), np.repeat(y, k), NONE)
    assert firth_of(X, y, k.astype(np.float64)) == pytest.approx(repeated, rel=1e-8)
    of_each = Likelihood(design_of(np.repeat(X, k, axis=0).T), np.repeat(y, k))
    weighted = Likelihood(design_of(X.T), y, k.astype(np.float64))
    for convention in ("brglm2", "logistf"):
        one, other = (
            bias_reduced_inference(each, repeated, convention=convention).covariance
            for each in (weighted, of_each)
        )
        assert one == pytest.approx(other, rel=1e-9)


@pytest.mark.parametrize("intercept", [True, False])
def test_the_kernel_and_the_blocks_of_rows_agree(intercept, monkeypatch):
    X, y, s, o = problem(9)
    y = 0.8 * y + 0.1
    found = Likelihood(design_of(X.T), y, s, o, intercept)
    thetas = np.random.default_rng(1).normal(size=(2, 3)) * [1.0, 1.0, intercept]
    monkeypatch.setattr(firth, "are_compiled", lambda: True)
    by_kernel = firth.FirthCurve(found)
    monkeypatch.setattr(firth, "SMALL_NUMBERS", 0)
    by_blocks = firth.FirthCurve(found)
    assert by_kernel.by_kernel
    assert not by_blocks.by_kernel
    for one, other in zip(by_kernel.informations(thetas), by_blocks.informations(thetas)):
        assert one == pytest.approx(other, rel=1e-10, abs=1e-10)


def firth_of(X, y, s):
    found = Likelihood(design_of(X.T), y, s)
    return found.outward(firth.climb_firth(found, 1e-10, 200).theta)


def test_columns_followed_alone_end_where_shared_reads_end(monkeypatch):
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(2, 60)), (rng.random(60) < 0.3).astype(float)
    weights = rng.integers(1, 3, 60).astype(float)

    def ends(n_threads):
        likelihood = Likelihood(design_of(X), y, weights, n_threads=n_threads)
        theta = likelihood.outward(firth.climb_firth(likelihood, 1e-10, 100).theta)
        found = bias_reduced_inference(likelihood, theta, interval="profile")
        return np.array([found.lower, found.upper, found.p_values])

    alone = ends(1)
    assert ends(2).tobytes() == alone.tobytes()
    monkeypatch.setattr(firth.FirthCurve, "alone", lambda self, begun: None)
    assert ends(1) == pytest.approx(alone, rel=1e-9)
    monkeypatch.undo()
    monkeypatch.setattr(firth, "MOST_READS", 1)  # no column comes, and each is searched for
    assert ends(1) == pytest.approx(alone, rel=1e-8)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"C": 1.0}, "lambda 0"),
        ({"l1_ratio": 0.5}, "l1_ratio"),
        ({"solver": "gd"}, "solver must be 'auto'"),
        ({"max_seconds": 1.0}, "max_seconds must be None"),
        ({"device": "cuda"}, "device must be 'cpu'"),
        ({"bias_reduction": "jeffreys"}, "bias_reduction must be"),
    ],
)
def test_what_does_not_go_with_it_is_refused(given, said):
    X, y, *_ = problem(1)
    with pytest.raises(ValueError, match=said):
        flr.LogisticRegression(**{"C": np.inf, "bias_reduction": "firth"} | given).fit(X, y)


def test_three_classes_and_dependent_columns_are_refused():
    X, _, *_ = problem(1)
    model = flr.LogisticRegression(np.inf, bias_reduction="firth")
    with pytest.raises(ValueError, match="two classes; got 3"):
        model.fit(X, np.arange(14) % 3)
    with pytest.raises(ValueError, match="column 0, column 1"):
        model.fit(X[:, [0, 0, 1]], np.arange(14) % 2)
    found = Likelihood(design_of(X.T), np.arange(14) % 2)
    with pytest.raises(ValueError, match="interval must be"):
        bias_reduced_inference(found, np.zeros(3), "flic", interval="profile")


def of_sex2(kind="firth", **parameters):
    X, y = sex2()
    model = flr.LogisticRegression(C=np.inf, tol=1e-12, bias_reduction=kind, **parameters)
    return model.fit(X, y), X, y


def test_the_summary_of_a_bias_reduced_fit_has_the_golden_values():
    model, X, y = of_sex2()
    summary = model.summary(X, y, interval="profile")
    order = [6, 0, 1, 2, 3, 4, 5]  # the intercept first
    assert summary.coefficients == pytest.approx([SEX2[j] for j in order], abs=1e-9)
    assert summary.standard_errors == pytest.approx([ERRORS[j] for j in order], abs=1e-8)
    assert summary.lower == pytest.approx([ENDS[j][0] for j in order], abs=1e-7)
    assert summary.upper == pytest.approx([ENDS[j][1] for j in order], abs=1e-7)
    assert summary.p_values == pytest.approx([TESTS[j] for j in order], rel=1e-5)
    assert summary.bias_reduction == "firth"
    assert "brglm2" in summary.convention
    assert model.summary().standard_errors == pytest.approx(summary.standard_errors, rel=1e-12)
    assert model.summary(covariance="logistf").standard_errors[1] == pytest.approx(
        0.41490, abs=5e-6
    )
    assert "bias_reduction" in str(summary)


@pytest.mark.parametrize("kind", ["flic", "flac"])
def test_corrected_fits_have_a_summary_with_intervals_of_wald(kind):
    model, *_ = of_sex2(kind)
    summary = model.summary()
    assert np.isfinite(summary.standard_errors).all()
    assert (summary.lower < summary.coefficients).all()
    with pytest.raises(ValueError, match='interval must be "wald"'):
        model.summary(interval="profile")


def test_a_summary_of_a_bias_reduced_fit_refuses_what_it_does_not_have():
    model, X, y = of_sex2()
    with pytest.raises(ValueError, match="covariance must be one of"):
        model.summary(covariance="HC0")
    with pytest.raises(ValueError, match="X and y must be those of the fit"):
        model.summary(X[::2], y[::2])
    with pytest.raises(ValueError, match="level must be above 0"):
        model.summary(level=1.0)
    with pytest.raises(ValueError, match="bias_reduction"):
        flr.compare_models(model.summary(), model.summary())


@pytest.mark.parametrize("name", ["influence", "leave_one_out"])
def test_what_asks_for_the_maximum_of_the_likelihood_refuses_a_bias_reduced_fit(name):
    model, X, y = of_sex2()
    with pytest.raises(ValueError, match="bias_reduction must be None"):
        getattr(model, name)(X, y)


def test_a_stream_has_no_bias_reduction():
    with pytest.raises(AttributeError, match="no attribute 'partial_fit'") as caught:
        flr.LogisticRegression(bias_reduction="firth").partial_fit  # noqa: B018
    assert "bias_reduction must be None for partial_fit" in str(caught.value.__cause__)
