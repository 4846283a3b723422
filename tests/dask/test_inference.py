"""Summaries, bias-reduced fits and influence of dask collections: those of one machine."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("dask.array")

import dask.array as da

import fastlogreg as flr
import fastlogreg.dask as fd
from fastlogreg.dask import blocks
from fastlogreg.dask.collections import Held

CHUNK = 70


def problem(seed=0, m=240, n_x=3, classes=2):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(m, n_x)) * [1.0, 20.0, 0.1][:n_x] + [0.0, 300.0, 1.0][:n_x]
    z = (x - x.mean(axis=0)) / x.std(axis=0) @ rng.normal(size=(n_x, classes))
    y = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
    return x, y, rng.integers(0, 4, m).astype(float), rng.integers(0, 12, m)


def lazy(*arrays):
    return [
        None if each is None else da.from_array(each, chunks=(CHUNK, -1)[: each.ndim])
        for each in arrays
    ]


def both(x, y, s=None, **how):
    """Fit on blocks and in memory."""
    how = {"C": np.inf, "tol": 1e-12, **how}
    data = lazy(x, y, s)
    return (
        fd.LogisticRegression(**how).fit(*data),
        flr.LogisticRegression(**how).fit(x, y, s),
        data,
    )


def agree(found, wanted):
    for name in ("coefficients", "standard_errors", "z", "p_values", "lower", "upper"):
        one, other = getattr(found, name), getattr(wanted, name)
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-7, err_msg=name)
    assert found.log_likelihood == pytest.approx(wanted.log_likelihood, rel=1e-10)
    assert found.total == wanted.total
    assert found.examples == wanted.examples


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"covariance": "HC0"},
        {"covariance": "HC3"},
        {"covariance": "cluster"},
        {"interval": "profile", "level": 0.9},
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_summary_is_that_of_one_machine(how, weighted):
    x, y, s, groups = problem()
    found, alone, data = both(x, np.array(["no", "yes"])[y], s if weighted else None)
    of_dask = {**how, "groups": lazy(groups)[0]} if "cluster" in how.values() else how
    of_memory = {**how, "groups": groups} if "cluster" in how.values() else how
    summary = found.summary(*data, **of_dask)
    agree(summary, alone.summary(**of_memory))
    assert found.summary(**of_dask).covariance == pytest.approx(summary.covariance)
    assert summary.target == "P(yes)"


@pytest.mark.parametrize("how", [{"C": 3.0}, {"C": 3.0, "standardize": True}])
def test_so_it_is_after_a_penalty(how):
    x, y, s, _ = problem(1)
    found, alone, data = both(x, y, s, **how)
    agree(found.summary(*data), alone.summary())
    assert found.summary().penalised


def test_class_weights_and_no_intercept():
    x, y, *_ = problem(2)
    found, alone, _ = both(x, y, class_weight={0: 1.0, 1: 2.5}, fit_intercept=False)
    agree(found.summary(), alone.summary())


def test_several_classes():
    x, y, s, _ = problem(3, classes=3)
    found, alone, data = both(x, y, s)
    agree(found.summary(*data, reference=1), alone.summary(reference=1))


@pytest.mark.parametrize("kind", ["firth", "flic", "flac"])
@pytest.mark.parametrize("weighted", [False, True])
def test_bias_reduced_fits(kind, weighted):
    x, y, s, _ = problem(4, m=150)
    found, alone, data = both(x, y, s if weighted else None, bias_reduction=kind)
    assert found.coef_ == pytest.approx(alone.coef_, rel=1e-7)
    assert found.intercept_ == pytest.approx(alone.intercept_, rel=1e-6)
    assert found.cost_ == pytest.approx(alone.cost_, rel=1e-10)
    agree(found.summary(*data), alone.summary())


def test_a_bias_reduced_fit_of_separated_labels_with_an_offset():
    x, _, _, _ = problem(5, m=150)
    y, offset = (x[:, 0] > 0).astype(int), 0.1 * np.arange(150) % 1.0
    how = {"C": np.inf, "tol": 1e-12, "bias_reduction": "firth"}
    data = lazy(x, y, None, offset)
    found = fd.LogisticRegression(**how).fit(*data)
    alone = flr.LogisticRegression(**how).fit(x, y, offset=offset)
    assert found.coef_ == pytest.approx(alone.coef_, rel=1e-7)
    agree(found.summary(), alone.summary())


def test_more_than_a_kernel_takes_at_once_goes_by_reads(monkeypatch):
    from fastlogreg.inference import firth

    monkeypatch.setattr(firth, "SMALL_NUMBERS", 0)
    x, y, s, _ = problem(6)
    found, alone, _ = both(x, y, s, bias_reduction="firth")
    assert found.coef_ == pytest.approx(alone.coef_, rel=1e-7)


def test_influence_and_leave_one_out():
    x, y, s, _ = problem(7)
    found, alone, data = both(x, y, s)
    one, other = found.influence(*data, dfbetas=True), alone.influence(x, y, s, dfbetas=True)
    for name, values, wanted in zip(other._fields, one, other):
        np.testing.assert_allclose(values, wanted, rtol=1e-4, atol=1e-7, err_msg=name)
    left, wanted = found.leave_one_out(*data), alone.leave_one_out(x, y, s)
    np.testing.assert_allclose(left.probabilities, wanted.probabilities, rtol=1e-5)


def test_nested_models_are_compared():
    x, y, *_ = problem(8)
    small, large = both(x[:, :2], y), both(x, y)
    assert flr.compare_models(small[0].summary(), large[0]).statistic == pytest.approx(
        flr.compare_models(small[1], large[1]).statistic, rel=1e-6
    )


def test_one_block_at_a_time_comes_here(monkeypatch):
    """Neither labels nor sums need X as a whole."""
    asked = []

    def some(self, function, chosen):
        if function in (blocks.whole, blocks.rows):
            asked.append((function, len(chosen)))
        return real(self, function, chosen)

    real = Held.some
    x, y, s, groups = problem(9, m=700)
    found, _, data = both(x, y, s)
    monkeypatch.setattr(Held, "some", some)
    found.summary(*data, covariance="cluster", groups=groups)
    found.influence(*data)
    assert max(count for function, count in asked if function is blocks.whole) == 1
    asked.clear()
    found.summary(*data, covariance="HC3")
    found.influence(*data)
    assert blocks.whole not in [function for function, _ in asked]  # X stays where it is


# ---------------------------------------------------------------- bad input


def test_data_of_the_fit_are_not_kept_alive():
    x, y, *_ = problem(10)
    model, _, data = both(x, y)
    assert model.summary().examples == 240
    del data
    with pytest.raises(ValueError, match="the data of the fit are gone"):
        model.summary()


def test_bad_input():
    x, y, s, groups = problem(11)
    X, Y, S = lazy(x, y, s)
    model = fd.LogisticRegression(C=np.inf, tol=1e-10).fit(X, Y)
    for arguments, how, said in (
        ((X[:, :2], Y), {}, "X has 2 features, but LogisticRegression is expecting 3"),
        ((X, Y, S), {}, "X and y must be those of the fit"),
        ((X, Y + 1), {}, r"classes of the fit, \[0, 1\]; got \[1, 2\]"),
        ((X, Y), {"trials": S}, "trials must be None for dask collections"),
        ((X, Y), {"covariance": "cluster", "groups": lazy(groups[1:])[0]}, "groups must have one"),
        ((X, Y, None, lazy(s[1:])[0]), {}, "offset must have one number"),
    ):
        with pytest.raises(ValueError, match=said):
            model.summary(*arguments, **how)
    with pytest.raises(ValueError, match=r"for fit_grouped\. Of dask collections give each row"):
        model.fit_grouped(X, Y, Y + 1)
    firth = fd.LogisticRegression(C=np.inf, bias_reduction="firth")
    with pytest.raises(ValueError, match="two classes; got 3"):
        firth.fit(X, lazy(np.arange(240) % 3)[0])
    with pytest.raises(ValueError, match="lambda 0"):
        fd.LogisticRegression(bias_reduction="firth").fit(X, Y)
    with pytest.raises(ValueError, match="bias_reduction must be None for influence"):
        firth.fit(X, Y).influence(X, Y)
    result = fd.train(X, Y, solver="auto", tol=1e-8)
    alone = flr.LogisticRegression(C=np.inf, tol=1e-10).fit(x, y)
    for call in (
        lambda: flr.summary(result, X.T, Y[None, :]),
        lambda: flr.influence(result, X.T, Y[None, :]),
        lambda: alone.summary(X, Y),
        lambda: alone.leave_one_out(X, Y),
    ):
        with pytest.raises(TypeError, match=r"got a dask Array. Fit fastlogreg\.dask"):
            call()


def test_names_of_a_data_frame():
    pytest.importorskip("dask.dataframe")
    import dask.dataframe as dd
    import pandas as pd

    x, y, *_ = problem(12)
    frame = pd.DataFrame(x, columns=["a", "b", "c"]).assign(y=y)
    table = dd.from_pandas(frame, npartitions=3)
    model = fd.LogisticRegression(C=np.inf, tol=1e-10).fit(table[["a", "b", "c"]], table["y"])
    found = model.summary(table[["a", "b", "c"]], table["y"])
    assert found.names == ("intercept", "a", "b", "c")
    with pytest.raises(ValueError, match="columns of the fit, in order"):
        model.summary(table[["b", "a", "c"]], table["y"])
