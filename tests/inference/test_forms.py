"""Sparse X, blocks of rows and memory maps: summaries, bias-reduced fits and influence as of one
array in memory."""

import numpy as np
import pytest
from scipy import sparse

import fastlogreg as flr
from fastlogreg.data.row_blocks import RowBlocks
from fastlogreg.inference import firth

pytest.importorskip("sklearn")


def blocks(x, tmp_path):
    np.save(tmp_path / "x.npy", x)
    return RowBlocks(tmp_path / "x.npy")


def pieces(x, tmp_path):
    return RowBlocks([x[k : k + 25] for k in range(0, len(x), 25)])


def mapped(x, tmp_path):
    np.save(tmp_path / "x.npy", x)
    return np.load(tmp_path / "x.npy", mmap_mode="r")


FORMS = {
    "csr": lambda x, _: sparse.csr_array(x),
    "csc": lambda x, _: sparse.csc_array(x),
    "file": blocks,
    "pieces": pieces,
    "mapped": mapped,
    "by feature": lambda x, _: np.asfortranarray(x),
}


def problem(seed=0, m=90):
    rng = np.random.default_rng(seed)
    x = (rng.integers(0, 256, size=(m, 3)) * (rng.random((m, 3)) < 0.6)).astype(np.uint8)
    y = (x[:, 0] / 64.0 + 2.0 * rng.logistic(size=m) > 2.0).astype(int)
    return x, y, rng.integers(1, 4, m).astype(float), rng.integers(0, 9, m)


def fit(x, y, s, **how):
    return flr.LogisticRegression(**{"C": np.inf, "tol": 1e-12, **how}).fit(x, y, s)


def agree(found, wanted):
    for name in ("coefficients", "standard_errors", "p_values", "lower", "upper"):
        one, other = getattr(found, name), getattr(wanted, name)
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-9, err_msg=name)
    assert found.log_likelihood == pytest.approx(wanted.log_likelihood, rel=1e-11)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("how", ["hessian", "HC0", "HC2", "HC3", "cluster", "profile"])
def test_summaries(form, how, tmp_path):
    x, y, s, groups = problem()
    asked = {"interval": "profile"} if how == "profile" else {"covariance": how}
    asked |= {"groups": groups} if how == "cluster" else {}
    X = FORMS[form](x, tmp_path)
    agree(fit(X, y, s).summary(X, y, s, **asked), fit(x, y, s).summary(**asked))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["firth", "flic", "flac", "median"])
def test_bias_reduced_fits(form, kind, tmp_path, monkeypatch):
    x, y, s, _ = problem(1)
    wanted = fit(x, y, s, bias_reduction=kind)
    monkeypatch.setattr(firth, "SMALL_NUMBERS", 0)  # by reads, as a large X
    X = FORMS[form](x, tmp_path)
    found = fit(X, y, s, bias_reduction=kind)
    assert found.coef_ == pytest.approx(wanted.coef_, rel=1e-7)
    assert found.intercept_ == pytest.approx(wanted.intercept_, rel=1e-7)
    agree(found.summary(X, y, s), wanted.summary())


@pytest.mark.parametrize("form", FORMS)
def test_influence(form, tmp_path):
    x, y, s, _ = problem(2)
    X = FORMS[form](x, tmp_path)
    found = fit(X, y, s).influence(X, y, s, dfbetas=True)
    wanted = fit(x, y, s).influence(x, y, s, dfbetas=True)
    for name, one, other in zip(wanted._fields, found, wanted):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-9, err_msg=name)
