"""Summaries of several classes: a table of the literature, derivatives of l, what is not
identified, bad input."""

import warnings

import mpmath
import numpy as np
import pytest

import fastlogreg as flr
from tests.inference import tables

pytest.importorskip("sklearn")


def fitted(X, y, **how):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return flr.LogisticRegression(**{"C": np.inf, "tol": 1e-13, **how}).fit(X, y)


def problem(seed=0, m=60, n_x=2, K=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, n_x)) * rng.uniform(0.1, 30.0, n_x) + rng.uniform(-50, 50, n_x)
    z = (X - X.mean(axis=0)) / X.std(axis=0) @ rng.normal(size=(n_x, K))
    y = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
    y[:K] = range(K)
    return X, y, rng


def design_of(X, intercept):
    return np.column_stack([np.ones(len(X)), X]) if intercept else X


def log_likelihood(eta, X1, y, reference, s):
    """Return l; eta (K - 1, P) of the classes but the reference."""
    Z = X1 @ np.insert(eta, reference, 0.0, axis=0).T
    Z = Z - Z.max(axis=1, keepdims=True)
    return float(np.sum(s * (Z[np.arange(len(y)), y] - np.log(np.exp(Z).sum(axis=1)))))


def information(eta, X1, reference, s):
    """Return sum s (diag(a) - a a') (x) x1 x1', without the reference."""
    A = np.exp(X1 @ np.insert(eta, reference, 0.0, axis=0).T)
    A = np.delete(A / A.sum(axis=1, keepdims=True), reference, axis=1)
    W = s[:, None, None] * (A[:, :, None] * np.eye(A.shape[1]) - A[:, :, None] * A[:, None, :])
    n = eta.size
    return np.einsum("ikl,ij,in->kjln", W, X1, X1).reshape(n, n)


# ---------------------------------------------------------------- values of the literature


def test_programmes_of_the_high_school(shared_data):
    X, y, _ = tables.hsb2(shared_data)
    found = fitted(X, y).summary(reference="academic")
    assert found.classes == ("general", "vocational")
    assert found.reference == "academic"
    assert found.names == ("intercept", "x1", "x2", "x3")
    wanted = [
        [2.85218624, -0.53329101, -1.16283200, -0.05792841],
        [5.21820016, 0.29139312, -0.98267033, -0.11360264],
    ]
    assert found.coefficients == pytest.approx(np.array(wanted), abs=6e-9)
    assert found.deviance == pytest.approx(359.963452430185, rel=1e-13)
    X1, s = design_of(X, True), np.ones(len(y))
    inverse = np.linalg.inv(information(found.coefficients, X1, 0, s))
    assert found.covariance == pytest.approx(inverse, rel=1e-9)
    assert found.z == pytest.approx(found.coefficients / found.standard_errors)
    n = np.unique(y, return_counts=True)[1]
    assert found.null_log_likelihood == pytest.approx(float(np.sum(n * np.log(n / n.sum()))))
    assert found.degrees_of_freedom == 8
    assert found.statistic_df == 6
    assert found.aic == pytest.approx(359.963452430185 + 16.0)
    assert found.bic == pytest.approx(359.963452430185 + 8.0 * np.log(200.0))
    assert found.statistic == pytest.approx(found.null_deviance - found.deviance)
    t = 0.5 * found.statistic  # the tail of chi-square with 6 degrees is elementary
    assert found.p_value == pytest.approx(np.exp(-t) * (1.0 + t + t * t / 2.0), rel=1e-10)
    assert (found.certified_errors < 1e-6).all()
    assert "log(P(vocational) / P(academic))" in str(found)


# ---------------------------------------------------------------- derivatives of l


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("reference", [0, 1, 2])
def test_standard_errors_are_those_of_the_second_derivatives(reference, intercept):
    X, y, rng = problem(3 + reference)
    s = rng.integers(1, 4, len(y)).astype(float)
    model = fitted(X, y, fit_intercept=intercept, tol=1e-10)
    model.fit(X, y, sample_weight=s)
    found = model.summary(reference=reference)
    X1 = design_of(X, intercept)
    # Units and places of the columns are taken out, so that one step suits all.
    T = np.eye(X1.shape[1])
    T[np.diag_indices(X1.shape[1])] = 1.0 / np.where(X1.std(axis=0) > 0, X1.std(axis=0), 1.0)
    eta, big = found.coefficients @ np.linalg.inv(T), X1 @ T.T
    n, h = eta.size, 1e-4
    steps = h * np.eye(n)

    def value(change):
        return log_likelihood(eta + change.reshape(eta.shape), big, y, reference, s)

    numeric = -np.array(
        [[value(p + q) - value(p - q) - value(q - p) + value(-p - q) for q in steps] for p in steps]
    ) / (4.0 * h * h)
    assert numeric == pytest.approx(
        information(eta, big, reference, s), rel=1e-4, abs=1e-4 * np.abs(numeric).max()
    )
    inverse = np.linalg.inv(information(found.coefficients, X1, reference, s))
    assert found.covariance == pytest.approx(inverse, rel=1e-6, abs=1e-6 * np.abs(inverse).max())
    assert found.log_likelihood == pytest.approx(
        log_likelihood(found.coefficients, X1, y, reference, s), rel=1e-12
    )


def test_z_p_and_intervals_by_mpmath():
    X, y, _ = problem(5)
    found = fitted(X, y).summary(level=0.9)
    reach = mpmath.sqrt(2) * mpmath.erfinv(mpmath.mpf("0.9"))
    for c, e, z, p, low, high in zip(
        *(
            getattr(found, name).reshape(-1).tolist()
            for name in ("coefficients", "standard_errors", "z", "p_values", "lower", "upper")
        )
    ):
        assert z == pytest.approx(c / e)
        assert p == pytest.approx(float(mpmath.erfc(abs(z) / mpmath.sqrt(2))), rel=1e-11)
        assert (low, high) == pytest.approx((c - float(reach) * e, c + float(reach) * e))


def test_another_reference_says_the_same():
    X, y, _ = problem(7, m=90, K=4)
    model = fitted(X, y)
    first, last = model.summary(), model.summary(reference=3)
    assert first.reference == 0
    assert first.classes == (1, 2, 3)
    assert last.classes == (0, 1, 2)
    assert last.coefficients[0] == pytest.approx(-first.coefficients[2])
    assert last.standard_errors[0] == pytest.approx(first.standard_errors[2], rel=1e-8)
    assert last.coefficients[1] == pytest.approx(first.coefficients[0] - first.coefficients[2])
    for name in ("log_likelihood", "aic", "bic", "statistic", "p_value"):
        assert getattr(last, name) == pytest.approx(getattr(first, name))


def test_two_forms_of_x_and_the_function_of_the_lectures_agree():
    X, y, _ = problem(9)
    X = np.where(np.abs(X - X.mean(axis=0)) < 0.3 * X.std(axis=0), 0.0, X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = flr.train(X.T, y[None, :], classes=3, solver="auto", tol=1e-13)
    found = flr.summary(result, X.T, y[None, :], names=["a", "b"], reference=1)
    model = fitted(X, y).summary(reference=1)
    assert found.names == ("intercept", "a", "b")
    assert found.coefficients == pytest.approx(model.coefficients, rel=1e-6, abs=1e-9)
    assert found.standard_errors == pytest.approx(model.standard_errors, rel=1e-6)
    sparse = pytest.importorskip("scipy.sparse")
    other = flr.summary(result, sparse.csc_matrix(X.T), y[None, :], reference=1)
    assert other.standard_errors == pytest.approx(found.standard_errors, rel=1e-9)
    assert other.log_likelihood == pytest.approx(found.log_likelihood, rel=1e-12)


def test_the_certified_error_holds():
    X, y, rng = problem(11)
    model = fitted(X, y)
    best, coef = model.summary(), model.coef_.copy()
    away = rng.choice([-1.0, 1.0], size=coef.shape) / X.std(axis=0)
    proved = []
    for size in (1e-6, 1e-3, 0.03, 0.06, 0.1, 1.0):
        model.coef_ = coef + size * away
        theta = np.column_stack([model.intercept_, model.coef_])
        eta, ones = theta[1:] - theta[0], np.ones(len(y))
        model.cost_ = -log_likelihood(eta, design_of(X, True), y, 0, ones) / len(y)
        found = model.summary()
        error = np.abs(found.coefficients - best.coefficients) / found.standard_errors
        assert (error <= found.certified_errors * (1.0 + 1e-6) + 1e-7).all()
        proved.append(bool(np.isfinite(found.certified_errors).all()))
    assert proved[:2] == [True, True]
    assert not proved[-1]
    assert "standard errors from the optimum" in " ".join(str(found).split())


def test_a_class_can_be_added_to_a_comparison():
    X, y, _ = problem(13)
    few, many = fitted(X[:, :1], y), fitted(X, y)
    found = flr.compare_models(few, many)
    assert found.df == 2
    assert found.added == ("x2",)
    gain = many.summary().log_likelihood - few.summary().log_likelihood
    assert found.statistic == pytest.approx(2.0 * gain)


# ---------------------------------------------------------------- with a penalty


@pytest.mark.parametrize("reference", [0, 2])
def test_standard_errors_of_a_penalised_fit(reference):
    X, y, _ = problem(15)
    X = X / X.std(axis=0)
    model = fitted(X, y, C=0.7)
    found = model.summary(reference=reference)
    assert found.penalised
    assert np.isnan(found.z).all()
    assert np.isnan(found.statistic)
    # All K classes, with the penalty of each, and what the intercepts have in common held.
    K, P, X1 = 3, 3, design_of(X, True)
    theta = np.column_stack([model.intercept_, model.coef_])
    A = np.exp(X1 @ theta.T)
    A /= A.sum(axis=1, keepdims=True)
    W = A[:, :, None] * np.eye(K) - A[:, :, None] * A[:, None, :]
    whole = np.einsum("ikl,ij,in->kjln", W, X1, X1).reshape(K * P, K * P)
    H = whole + np.kron(np.eye(K), np.diag([0.0, 1 / 0.7, 1 / 0.7]))
    H = H + np.kron(np.ones((K, K)), np.diag([1.0, 0.0, 0.0]))
    L = np.kron(np.delete(np.eye(K), reference, 0) - np.eye(K)[reference], np.eye(P))
    inverse = np.linalg.inv(H)
    assert found.covariance == pytest.approx(L @ inverse @ whole @ inverse @ L.T, rel=1e-8)
    assert found.degrees_of_freedom == pytest.approx(float(np.trace(inverse @ whole)), rel=1e-9)
    assert "no test of significance" in " ".join(str(found).split())


# ---------------------------------------------------------------- what the data do not tell


def test_dependent_columns_have_no_estimate():
    X, y, rng = problem(17)
    more = np.column_stack([X, X @ [1.0, -2.0], rng.normal(size=len(y))])
    found = fitted(more, y).summary()
    lost = np.isnan(found.coefficients)
    assert lost[:, 1:4].all()
    assert not lost[:, 4].any()
    assert "linearly dependent" in found.notes[0]
    assert "1: x3" in found.notes[0]
    assert "x4" not in found.notes[0]
    assert found.degrees_of_freedom == 8
    assert found.statistic_df == 6
    fewer = fitted(more[:, [0, 1, 3]], y).summary()
    assert found.standard_errors[:, 4] == pytest.approx(fewer.standard_errors[:, 3], rel=1e-6)
    assert "-" in str(found)


def test_separated_classes_have_no_estimate():
    X = np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]]) ** 1.5
    X = np.column_stack([X, X**2])
    found = fitted(X, np.array([0, 0, 1, 1, 2, 2]), max_iter=50).summary()
    assert np.isnan(found.coefficients).all()
    assert "completely separable" in found.notes[0]
    assert ": -" in str(found)


def test_a_category_without_a_class_is_named():
    X, y, rng = problem(19, m=120)
    only = ((y == 1) & (rng.random(len(y)) < 0.5)).astype(float)
    found = fitted(np.column_stack([X, only]), y, max_iter=200).summary(reference=0)
    assert np.isnan(found.coefficients[0, 3])
    assert not np.isnan(found.coefficients[:, 1:3]).any()
    assert "quasi-separable" in found.notes[0]
    assert "1: x3" in found.notes[0]


# ---------------------------------------------------------------- tables


def test_tables():
    X, y, _ = problem(21)
    labels = np.array(["<a>", "b", "c" * 70])[y]
    found = fitted(X, labels).summary(sample_weight=None)
    for text in (str(found), str(fitted(X, labels, C=1.0).summary())):
        assert max(map(len, text.split("\n"))) <= 80
    assert "&lt;a&gt;" in found._repr_html_()
    assert "<a>" not in found._repr_html_()
    assert "2 classes against" in repr(found)
    columns = found.columns()
    assert columns["class"] == ["b"] * 3 + ["c" * 70] * 3
    assert columns["odds_ratio"] == pytest.approx(np.exp(found.coefficients).reshape(-1).tolist())
    latex = found.to_latex()
    assert r"log(P(b) / P($<$a$>$)) &  &  &" in latex
    assert latex.count("&") == 6 * (1 + 2 + 6)
    assert latex.count(r"\hline") == 4
    assert latex.count("\n% ") == 3
    pytest.importorskip("pandas")
    frame = found.to_frame()
    assert frame.index.names == ["class", "name"]
    assert frame.shape == (6, 10)
    assert frame.loc[("b", "x2"), "coefficient"] == found.coefficients[0, 2]


# ---------------------------------------------------------------- hypotheses


def test_hypotheses_name_class_and_column():
    X, y, _ = problem(22)
    found = fitted(X, np.array(["a", "b", "c"])[y]).summary()
    c, V = found.coefficients.reshape(-1), found.covariance
    L = np.array([[0, 1, 0, 0, 0, 0], [0, 0, 2.0, 0, 0, -1]])
    difference = L @ c - [0.0, 0.5]
    wanted = difference @ np.linalg.inv(L @ V @ L.T) @ difference
    test = found.wald_test("b:x1 = 0, 2 * b:x2 - c:x2 = 0.5")
    assert (test.df, test.statistic) == (2, pytest.approx(wanted, rel=1e-9))
    assert found.wald_test("c:x1").statistic == pytest.approx(found.z[1, 1] ** 2, rel=1e-12)


def test_hypotheses_do_not_depend_on_the_reference():
    """That x1 tells no two classes apart, with numbers as classes."""
    X, y, _ = problem(22)
    model = fitted(X, y)
    found = [
        model.summary(reference=reference).wald_test(text)
        for reference, text in (
            (0, "1:x1 = 0, 2:x1 = 0"),
            (1, "0:x1 = 0, 2:x1 = 0"),
            (2, "0:x1 = 0, 0:x1 = 1:x1"),
        )
    ]
    for test in found:
        assert test.statistic == pytest.approx(found[0].statistic, rel=1e-9)
    assert found[0].df == 2
    spaced = fitted(X, np.array(["no", "a bit", "much"])[y]).summary(reference="no")
    assert spaced.wald_test("`a bit:x1` = much:x1").df == 1


def test_bad_hypotheses():
    X, y, _ = problem(22)
    found = fitted(X, y).summary()
    for text, said in (
        ("0:x1", "must name coefficients of the model: 1:intercept, 1:x1"),
        ("x1 = 0", "got 'x1'"),
        ("1:x1, 2 * 1:x1", "2 equations are worth 1"),
        ("1:x1 * 2:x1", "not linear"),
    ):
        with pytest.raises(ValueError, match=said):
            found.wald_test(text)
    with pytest.raises(ValueError, match="needs a fit without a penalty"):
        fitted(X, y, C=1.0).summary().wald_test("1:x1")
    double = fitted(X[:, [0, 1, 1]], y).summary()
    with pytest.raises(ValueError, match="identified; 1:x2, 1:x3 have no standard error"):
        double.wald_test("1:x2 = 1:x3")


# ---------------------------------------------------------------- bad input


def test_bad_input():
    X, y, _ = problem(23)
    model = fitted(X, y)
    for how, text in (
        ({"reference": 5}, "reference must be one of the classes of the fit, 0, 1, 2; got 5"),
        ({"reference": [0]}, r"reference must be one of the classes .* got \[0\]"),
        ({"covariance": "HC1"}, 'covariance must be "hessian" for a model of 3 classes; got .HC1'),
        ({"interval": "profile"}, 'interval must be "wald" for a model of 3 classes'),
        ({"level": 2}, "level must be above 0"),
    ):
        with pytest.raises(ValueError, match=text):
            model.summary(**how)
    with pytest.raises(ValueError, match="offset must be None for 3 classes"):
        model.summary(X, y, offset=np.ones(len(y)))
    with pytest.raises(ValueError, match="X and y must be those of the fit"):
        model.summary(X, y[::-1])
    with pytest.raises(ValueError, match="reference is for three classes or more"):
        fitted(X, y > 0).summary(reference=True)
    result = flr.train(X.T, y[None, :], classes=3, solver="auto")
    with pytest.raises(ValueError, match="Y must hold labels 0 to 2 for 3 classes"):
        flr.summary(result, X.T, y[None, :] + 1)
    with pytest.raises(ValueError, match="offset must be None for 3 classes"):
        flr.summary(result, X.T, y[None, :], offset=np.ones((1, len(y))))
    two = flr.train(X.T, (y > 0)[None, :].astype(int), solver="auto")
    with pytest.raises(ValueError, match="reference is for three classes or more"):
        flr.summary(two, X.T, (y > 0)[None, :].astype(int), reference=0)
