"""Summaries of two classes: values of the literature, mpmath, what is not identified, bad input."""

import copy
import pickle
import warnings

import mpmath
import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.data.row_blocks import RowBlocks
from tests.inference import tables

pytest.importorskip("sklearn")


def fitted(X, y, **how):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return flr.LogisticRegression(**{"C": np.inf, "tol": 1e-13, **how}).fit(X, y)


def summary_of(X, y, names=None, **how):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = flr.train(X.T, y[None, :], solver="auto", tol=1e-14)
    return flr.summary(result, X.T, y[None, :], names=names, **how)


def problem(seed=0, m=80, n_x=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, n_x)) * rng.uniform(0.1, 30.0, n_x) + rng.uniform(-50, 50, n_x)
    z = (X - X.mean(axis=0)) / X.std(axis=0) @ rng.normal(size=n_x)
    return X, (rng.random(m) < 1.0 / (1.0 + np.exp(-z))).astype(int), rng


# ---------------------------------------------------------------- values of the literature


def test_admissions(shared_data):
    X, y, names = tables.admit(shared_data)
    found = summary_of(X, y, names)
    assert found.names == ("intercept", *names)
    assert found.coefficients == pytest.approx(
        [-3.989979073331, 0.002264425786, 0.804037549280,
         -0.675442927964, -1.340203916468, -1.551463676918], rel=1e-9)  # fmt: skip
    assert found.standard_errors == pytest.approx(
        [1.139950962048, 0.001093997658, 0.331819304565,
         0.316489663266, 0.345306423361, 0.417831637472], rel=1e-9)  # fmt: skip
    assert found.log_likelihood == pytest.approx(-229.258746237949, rel=1e-12)
    assert found.null_deviance == pytest.approx(499.976517554915, rel=1e-12)
    assert (found.examples, found.statistic_df, found.passes) == (400, 5, 1)
    assert found.aic == pytest.approx(470.517492475898, rel=1e-12)
    assert found.certified_errors.max() < 1e-9
    robust = summary_of(X, y, names, covariance="HC0")
    assert robust.standard_errors == pytest.approx(
        [1.136665475, 0.001101308547, 0.344704182, 0.314075269, 0.344094820, 0.415533984], rel=1e-8
    )
    assert robust.passes == 2
    assert summary_of(X, y, names, covariance="HC3").passes == 3


def test_birth_weights_and_nested_models(shared_data):
    X, y, names = tables.birthwt(shared_data)
    large = summary_of(X, y, names)
    assert large.coefficients == pytest.approx(
        [0.464403282651, -0.027069779299, -0.015182562863, 1.263219375548, 0.861635107534,
         0.923349157229, 0.541755119489, 1.833695609913, 0.758596504211], rel=1e-9)  # fmt: skip
    assert large.log_likelihood == pytest.approx(-100.713475601906, rel=1e-12)
    X, y, names = tables.birthwt(shared_data, few=True)
    small = summary_of(X, y, names)
    assert small.coefficients == pytest.approx(
        [0.805753470439, -0.015223102373, 1.081066190113, 0.480603259692], rel=1e-9
    )
    compared = flr.compare_models(large, small)
    assert compared.statistic == pytest.approx(2 * (111.629545255381 - 100.713475601906), rel=1e-11)
    assert compared.df == 5
    assert compared == flr.compare_models(small, large)
    assert compared.added == ("age", "smoke", "ptl", "ht", "ui")
    assert "chi-square 21.8321, df 5" in str(compared)


def test_vaso_constriction(shared_data):
    X, y, names = tables.vaso(shared_data)
    found = summary_of(X, y, names)
    assert found.coefficients == pytest.approx(
        [-2.875421710217, 5.179324019272, 4.561675278807], rel=1e-9
    )
    assert found.deviance == pytest.approx(29.2273752807, rel=1e-11)


SPECTOR = """2.66 20 0 0;2.89 22 0 0;3.28 24 0 0;2.92 12 0 0;4 21 0 1;2.86 17 0 0;2.76 17 0 0
2.87 21 0 0;3.03 25 0 0;3.92 29 0 1;2.63 20 0 0;3.32 23 0 0;3.57 23 0 0;3.26 25 0 1;3.53 26 0 0
2.74 19 0 0;2.75 25 0 0;2.83 19 0 0;3.12 23 1 0;3.16 25 1 1;2.06 22 1 0;3.62 28 1 1;2.89 14 1 0
3.51 26 1 0;3.54 24 1 1;2.83 27 1 1;3.39 17 1 1;2.67 24 1 0;3.65 21 1 1;4 23 1 1;3.1 21 1 0
2.39 19 1 1"""


def test_spector():
    table = np.array([line.split() for line in SPECTOR.replace("\n", ";").split(";")], float)
    found = summary_of(table[:, :3], table[:, 3].astype(int), ["GPA", "TUCE", "PSI"])
    assert found.coefficients == pytest.approx(
        [-13.0213468581, 2.8261125949, 0.0951576613, 2.3786876551], rel=1e-9
    )
    assert found.standard_errors == pytest.approx(
        [4.9313242136, 1.2629410756, 0.1415542057, 1.0645642545], rel=1e-9
    )
    assert found.log_likelihood == pytest.approx(-12.889634222131, rel=1e-12)
    assert found.mcfadden == pytest.approx(0.3740383, abs=1e-6)


def test_a_table_of_two_by_two():
    """The standard error of a logarithm of odds ratios is the root of the sum of 1 / count."""
    counts = np.array([200.0, 20.0, 1.0, 20.0])
    counts[2] = 20.0 * 20.0 / 200.0 / np.exp(5.0)  # any number is right for the formula
    X, y = np.array([[0.0], [0.0], [1.0], [1.0]]), np.array([0, 1, 0, 1])
    model = flr.LogisticRegression(C=np.inf, tol=1e-14).fit(X, y, sample_weight=counts)
    found = model.summary()
    odds = np.log(counts[3] * counts[0] / counts[2] / counts[1])
    assert found.coefficients == pytest.approx([np.log(0.1), odds], rel=1e-9)
    errors = np.sqrt([1 / 200 + 1 / 20, (1 / counts).sum()])
    assert found.standard_errors == pytest.approx(errors, rel=1e-9)
    assert (found.examples, found.total) == (4, counts.sum())


@pytest.mark.parametrize("seed", range(20))
def test_against_mpmath(seed):
    """Newton's method, the inverse information and HC0 with 40 digits."""
    X, y, rng = problem(seed, m=int(30 + 2 * seed), n_x=1 + seed % 3)
    s = rng.integers(1, 4, len(y)).astype(float) if seed % 2 else np.ones(len(y))
    with mpmath.workdps(40):
        rows = [[mpmath.mpf(1), *map(mpmath.mpf, x)] for x in X.tolist()]
        theta, p = mpmath.zeros(X.shape[1] + 1, 1), X.shape[1] + 1
        for _ in range(25):
            H, g, M = mpmath.zeros(p, p), mpmath.zeros(p, 1), mpmath.zeros(p, p)
            for row, label, weight in zip(rows, y.tolist(), s.tolist()):
                a = 1 / (1 + mpmath.exp(-mpmath.fdot(row, theta)))
                u = weight * (label - a)
                for j in range(p):
                    g[j] += u * row[j]
                    for k in range(p):
                        H[j, k] += weight * a * (1 - a) * row[j] * row[k]
                        M[j, k] += u * u * row[j] * row[k]
            theta += mpmath.inverse(H) * g
        inverse = mpmath.inverse(H)
        sandwich = inverse * M * inverse
        exact = [float(theta[j]) for j in range(p)]
        errors = [float(mpmath.sqrt(inverse[j, j])) for j in range(p)]
        robust = [float(mpmath.sqrt(sandwich[j, j])) for j in range(p)]
    model = fitted(X, y)
    if seed % 2:
        model.fit(X, y, sample_weight=s)
    found = model.summary()
    distance = np.abs(found.coefficients - exact) / errors
    assert distance.max() < 1e-6
    assert (distance <= found.certified_errors + 1e-9).all()
    assert found.standard_errors == pytest.approx(errors, rel=1e-6)
    assert model.summary(covariance="HC0").standard_errors == pytest.approx(robust, rel=1e-6)


# ---------------------------------------------------------------- covariances


def sandwich(X, y, found, power=0, groups=None):
    X1 = np.column_stack([np.ones(len(X)), X])
    a = 1.0 / (1.0 + np.exp(-X1 @ found.coefficients))
    inverse = np.linalg.inv((X1 * (a * (1 - a))[:, None]).T @ X1)
    h = a * (1 - a) * np.einsum("ij,jk,ik->i", X1, inverse, X1)
    u = X1 * ((y - a) / (1 - h) ** (power / 2))[:, None]
    if groups is not None:
        u = np.array([u[groups == g].sum(axis=0) for g in np.unique(groups)])
    return inverse @ u.T @ u @ inverse


@pytest.mark.parametrize(
    ("kind", "factor", "power"),
    [
        ("HC0", 1, 0),
        ("HC1", 80 / 76, 0),
        ("HC1-stata", 80 / 79, 0),
        ("HC2", 1, 1),
        ("HC3", 1, 2),
        ("cluster", 16 / 15, None),
        ("cluster-statsmodels", 16 / 15 * 79 / 76, None),
    ],
)
@pytest.mark.parametrize("form", ["dense", "sparse", "blocks"])
def test_covariances_are_those_of_the_formulas(kind, factor, power, form):
    X, y, _ = problem(3)
    groups = np.array([f"g{i % 16}" for i in range(80)]) if power is None else None
    given = X
    if form == "sparse":
        given = pytest.importorskip("scipy.sparse").csr_array(X)
    elif form == "blocks":
        given = RowBlocks([X[:30], X[30:]])
    found = fitted(given, y).summary(covariance=kind, groups=groups)
    wanted = factor * sandwich(X, y, found, power or 0, groups)
    assert found.covariance == pytest.approx(wanted, rel=1e-7, abs=1e-12)
    assert kind in str(found)


def test_many_clusters_are_summed_in_parts(monkeypatch):
    from fastlogreg.inference import covariance

    X, y, _ = problem(4)
    model, groups = fitted(X, y), np.arange(80) // 2
    whole = model.summary(covariance="cluster", groups=groups)
    monkeypatch.setattr(covariance, "GROUP_BYTES", 8 * 4 * 7)
    parts = model.summary(covariance="cluster", groups=groups)
    assert parts.covariance == pytest.approx(whole.covariance, rel=1e-12)
    assert parts.passes == whole.passes + 5


def test_weights_are_repeated_rows_and_no_thread_changes_a_bit():
    X, y, rng = problem(5)
    s = rng.integers(0, 4, 80)
    heavy = fitted(X, y).fit(X, y, sample_weight=s).summary()
    long = fitted(np.repeat(X, s, axis=0), np.repeat(y, s)).summary()
    assert heavy.standard_errors == pytest.approx(long.standard_errors, rel=1e-6)
    for name in ("aic", "bic", "tjur", "nagelkerke", "statistic"):
        assert getattr(heavy, name) == pytest.approx(getattr(long, name), rel=1e-9)
    bits = {fitted(X, y, n_threads=k).summary().covariance.tobytes() for k in (1, 2)}
    assert len(bits) == 1


def test_soft_targets_are_weighted_labels():
    X, y, rng = problem(24)
    q, trials = rng.random(80), rng.integers(1, 5, 80).astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        how = {"solver": "auto", "tol": 1e-13}
        result = flr.train(X.T, q[None, :], weights=trials[None, :], **how)
        found = flr.summary(result, X.T, q[None, :], weights=trials[None, :])
    s = np.concatenate([trials * (1 - q), trials * q])
    both = fitted(X, y).fit(np.vstack([X, X]), np.repeat([0, 1], 80), sample_weight=s).summary()
    assert found.standard_errors == pytest.approx(both.standard_errors, rel=1e-6)
    assert found.log_likelihood == pytest.approx(both.log_likelihood, rel=1e-9)
    assert found.tjur == pytest.approx(both.tjur, rel=1e-6)
    assert found.deviance < both.deviance


def test_data_of_a_fit_before_are_forgotten():
    X, y, _ = problem(25)
    model = fitted(X, y).fit_grouped(X, y + 1, np.full(80, 3))
    assert model.summary().total == 240


def test_an_offset():
    X, y, rng = problem(6)
    offset = rng.normal(size=80)
    model = flr.LogisticRegression(C=np.inf, tol=1e-13).fit(X, y, offset=offset)
    found = model.summary()
    X1 = np.column_stack([np.ones(80), X])
    a = 1.0 / (1.0 + np.exp(-X1 @ found.coefficients - offset))
    inverse = np.linalg.inv((X1 * (a * (1 - a))[:, None]).T @ X1)
    assert found.covariance == pytest.approx(inverse, rel=1e-6)


@pytest.mark.parametrize("how", [{}, {"standardize": True}, {"class_weight": "balanced"}])
def test_a_penalty_gives_the_sandwich_and_says_so(how):
    X, y, _ = problem(7)
    found = fitted(X, y, C=2.0, **how).summary()
    X1 = np.column_stack([np.ones(80), X])
    s = np.where(y == 1, 40 / y.sum(), 40 / (80 - y.sum())) if "class_weight" in how else 1.0
    D = np.append(0.0, 0.5 * X.var(axis=0) if "standardize" in how else np.full(3, 0.5))
    a = 1.0 / (1.0 + np.exp(-X1 @ found.coefficients))
    information = (X1 * (s * a * (1 - a))[:, None]).T @ X1
    inverse = np.linalg.inv(information + np.diag(D))
    assert found.covariance == pytest.approx(inverse @ information @ inverse, rel=1e-6)
    assert found.degrees_of_freedom == pytest.approx(np.trace(inverse @ information), rel=1e-8)
    assert np.isnan(found.p_values).all()
    assert np.isnan(found.statistic)
    assert "no test of significance" in str(found).replace("\n", " ")
    with pytest.raises(ValueError, match="without a penalty"):
        found.wald_test("x1")
    with pytest.raises(ValueError, match="without a penalty"):
        flr.compare_models(found, found)


# ---------------------------------------------------------------- what is not identified


def test_collinear_columns_have_no_numbers():
    X, y, _ = problem(8)
    X = np.column_stack([X, 2.0 * X[:, 0] - X[:, 1]])
    found = fitted(X, y).summary()
    assert np.isnan(found.standard_errors).tolist() == [False, True, True, False, True]
    assert found.degrees_of_freedom == 4
    assert found.statistic_df == 3
    assert "x1, x2, x4" in found.notes[0]
    whole = fitted(X[:, :3], y).summary()
    assert found.standard_errors[3] == pytest.approx(whole.standard_errors[3], rel=1e-6)
    assert found.log_likelihood == pytest.approx(whole.log_likelihood, rel=1e-10)
    with pytest.raises(ValueError, match="x2 have no standard error"):
        found.wald_test("x2 = 0")


def test_a_constant_column_takes_the_intercept_along():
    X, y, _ = problem(9)
    found = fitted(np.column_stack([X, np.full(80, 3.0)]), y).summary()
    assert np.isnan(found.coefficients).tolist() == [True, False, False, False, True]


def test_separable_classes_have_no_numbers():
    X, _, _ = problem(10)
    found = fitted(X, (X[:, 0] > np.median(X[:, 0])).astype(int)).summary()
    assert np.isnan(found.coefficients).all()
    assert "completely separable" in found.notes[0]
    assert "-" in str(found)


def test_a_category_of_one_label_is_named():
    X, y, rng = problem(11)
    d = (rng.random(80) < 0.3).astype(float)
    y[d == 1] = 1
    found = fitted(np.column_stack([X, d]), y).summary()
    assert np.isnan(found.standard_errors).tolist() == [False] * 4 + [True]
    assert "quasi-separable" in found.notes[0]
    without = fitted(X[d == 0], y[d == 0]).summary()
    assert found.standard_errors[:4] == pytest.approx(without.standard_errors, rel=1e-2)


@pytest.mark.parametrize("seed", range(8))
def test_no_rounding_proves_a_maximum_where_there_is_none(seed):
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.normal(size=30), np.arange(30) < 4])
    y = (rng.random(30) < 1.0 / (1.0 + np.exp(-X[:, 0]))).astype(int)
    y[:4] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = flr.train(X.T, y[None, :], solver="auto", tol=1e-10)
    found = flr.summary(result, X.T, y[None, :])
    assert np.isnan(found.standard_errors).tolist() == [False, False, True]


def test_a_fit_that_ended_early_says_how_far_it_is():
    X, y, _ = problem(12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = flr.train(X.T, y[None, :], iterations=2)
    found = flr.summary(result, X.T, y[None, :])
    assert np.isinf(found.certified_errors).all()
    assert "standard errors from the optimum" in found.notes[0]
    assert "not proved" in str(found)


# ---------------------------------------------------------------- Wald's tests


def test_hypotheses():
    X, y, _ = problem(13)
    found = fitted(X, y).summary()
    z = found.wald_test("x1 = 0")
    assert z.statistic == pytest.approx(found.z[1] ** 2, rel=1e-12)
    assert z.p_value == pytest.approx(found.p_values[1], rel=1e-10)
    both = found.wald_test("2 * x1 + `x2` = x3*0.5 - -1, 'intercept'")
    L = np.array([[0, 2, 1, -0.5], [1, 0, 0, 0]])
    d = L @ found.coefficients - [1, 0]
    assert both.statistic == pytest.approx(
        d @ np.linalg.solve(L @ found.covariance @ L.T, d), rel=1e-10
    )
    assert both.df == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("age = 0", "must name coefficients of the model: intercept, x1, x2, x3; got 'age'"),
        ("x1 * x2", "not linear"),
        ("x1 = ", "a name or a number is missing"),
        ("x1 x2", "not expected"),
        ("x1,,x2", "an equation is empty"),
        ("", "an equation is empty"),
        ("x1 = x1", "no coefficient left"),
        ("x1 ? 2", "no name, number or sign"),
        ("x1 = 0, 2*x1 = 1", "2 equations are worth 1"),
    ],
)
def test_bad_hypotheses(text, said):
    X, y, _ = problem(14)
    with pytest.raises(ValueError, match=said.replace("*", r"\*")):
        fitted(X, y).summary().wald_test(text)
    with pytest.raises(TypeError, match="must be a text"):
        fitted(X, y).summary().wald_test(3)


# ---------------------------------------------------------------- the data of the fit


def test_the_data_of_the_fit_are_never_pickled_or_copied():
    X, y, _ = problem(15)
    model = fitted(X, y)
    assert model._data_of_fit[0]() is X
    for other in (pickle.loads(pickle.dumps(model)), copy.copy(model), copy.deepcopy(model)):
        with pytest.raises(ValueError, match="give X and y"):
            other.summary()
        assert other.summary(X, y).covariance.tobytes() == model.summary().covariance.tobytes()


def test_a_large_X_is_not_kept_alive(monkeypatch):

    from fastlogreg.estimators import data_of_fit

    monkeypatch.setattr(data_of_fit, "HELD_BYTES", 100)
    X, y, _ = problem(16)
    model = fitted(X, y)
    assert model.summary().examples == 80
    del X
    with pytest.raises(ValueError, match="are gone"):
        model.summary()


def test_other_data_are_refused():
    X, y, _ = problem(17)
    model = fitted(X, y)
    with pytest.raises(ValueError, match="must be those of the fit"):
        model.summary(X[::-1].copy(), y)
    with pytest.raises(ValueError, match="given together"):
        model.summary(X)
    with pytest.raises(ValueError, match="a label for each of the 80 rows"):
        model.summary(X, y[:5])
    with pytest.raises(ValueError, match="classes of the fit"):
        model.summary(X, y + 1)
    X[3, 1] = np.nan
    with pytest.raises(ValueError, match="finite"):
        model.summary(X, y)


def test_frames_names_and_forms_of_the_table():
    pandas = pytest.importorskip("pandas")
    X, y, _ = problem(18)
    model = fitted(pandas.DataFrame(X, columns=["a_b", "C(race)[2]", "z" * 40]), y)
    found = model.summary(level=0.9)
    assert found.names == ("intercept", "a_b", "C(race)[2]", "z" * 40)
    frame = found.to_frame()
    assert frame.loc["a_b", "odds_ratio"] == np.exp(found.coefficients[1])
    assert found.wald_test("`C(race)[2]`").df == 1
    assert max(map(len, str(found).splitlines())) <= 80
    assert r"a\_b" in found.to_latex()
    assert found.to_latex().count("&") == 6 * 5
    assert found._repr_html_().count("<tr>") == 6 + 5
    assert repr(found).startswith("Summary(4 coefficients, 80 examples")
    assert flr.compare_models(fitted(X[:, :1], y), fitted(X, y)).df == 2


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"level": 1.0}, "level must be above 0 and below 1"),
        ({"level": 0}, "level must be above 0 and below 1"),
        ({"covariance": "HC9"}, "covariance must be one of 'hessian'"),
        ({"interval": "exact"}, "interval must be one of"),
        ({"covariance": "cluster"}, "groups must say which cluster"),
        ({"groups": np.arange(80)}, 'groups are for covariance "cluster"'),
        ({"covariance": "cluster", "groups": np.arange(79)}, "one label for each of the 80"),
        ({"covariance": "cluster", "groups": np.ones(80)}, "two clusters or more"),
        ({"covariance": "cluster", "groups": [None] * 80}, "no missing labels"),
    ],
)
def test_bad_options(how, said):
    X, y, _ = problem(19)
    with pytest.raises(ValueError, match=said):
        fitted(X, y).summary(**how)


def test_bad_arguments_of_the_function():
    X, y, _ = problem(20)
    Y = y[None, :]
    result = flr.train(X.T, Y, solver="auto", tol=1e-12)
    for arguments, how, said in (
        ((X.T, Y * 2), {}, "Y must hold labels 0 or 1"),
        ((X.T[:2], Y), {}, "the 3 features of the fit"),
        ((X.T, y), {}, "reshape"),
        ((X.T, Y), {"names": ["a", "a", "b"]}, "names must be 3 different ones"),
        ((X.T, Y), {"weights": -np.ones((1, 80))}, "weights must be finite"),
        ((X.T, Y), {"weights": np.zeros((1, 80))}, "all of them are 0"),
        ((X.T, Y), {"lambda_": 1.0}, "lambda_"),
    ):
        with pytest.raises(ValueError, match=said):
            flr.summary(result, *arguments, **how)
    with pytest.raises(TypeError, match="a Summary or a fitted estimator"):
        flr.compare_models(result, result)


@pytest.mark.parametrize(
    "how", [{"l1_ratio": 1.0}, {"bounds": (0, None)}, {"feature_groups": [[0, 1]]}]
)
def test_penalties_with_corners_are_refused(how):
    X, y, _ = problem(21)
    with pytest.raises(ValueError, match=f"summary needs {next(iter(how))}"):
        fitted(X, y, C=1.0, **how).summary()


def test_models_that_are_not_nested():
    X, y, _ = problem(22)
    a, b = summary_of(X[:, :2], y, ["a", "b"]), summary_of(X, y, ["a", "c", "d"])
    with pytest.raises(ValueError, match="must be in the larger one; 'b' is not"):
        flr.compare_models(a, b)
    with pytest.raises(ValueError, match="3 degrees of freedom"):
        flr.compare_models(a, a)
    other = summary_of(X[::-1].copy(), y[::-1].copy(), ["a", "b", "c"])
    with pytest.raises(ValueError, match="same examples, in the same order"):
        flr.compare_models(a, other)
    with pytest.raises(ValueError, match="lower log-likelihood"):
        flr.compare_models(
            a,
            summary_of(
                X[:, [0, 2, 1]] ** 0 * np.arange(240).reshape(80, 3) % 7, y, ["a", "b", "c"]
            ),
        )


def test_profile_intervals_of_the_admissions(shared_data):
    X, y, names = tables.admit(shared_data)
    found = summary_of(X, y, names, interval="profile")
    wanted = [
        (-6.271544228, -1.792505644),
        (0.000137579623, 0.004435818479),
        (0.160290315, 1.464124056),
        (-1.300875347, -0.056748719),
        (-2.027650503, -0.670367082),
        (-2.399997580, -0.753524273),
    ]
    ends = np.column_stack([found.lower, found.upper])
    assert ends == pytest.approx(np.array(wanted), rel=2e-8)
    assert "profile-likelihood" in str(found)
    with pytest.raises(ValueError, match='must be "wald" after a fit with a penalty'):
        fitted(X, y, C=1.0).summary(interval="profile")
