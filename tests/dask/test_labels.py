"""Labels over blocks: of one kind or an error, none missing, none lost for want of a weight."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

dask = pytest.importorskip("dask")
dd = pytest.importorskip("dask.dataframe")
da = pytest.importorskip("dask.array")

import fastlogreg as flr  # noqa: E402
import fastlogreg.dask as fd  # noqa: E402
from fastlogreg.dask import raw  # noqa: E402
from fastlogreg.dask.raw import exact_array, labels_of, raw_block, summary  # noqa: E402

A = [3.1, 2.2, 0.4, 1.9, -1.2, 0.9, -2.0, 1.1, -0.5, 0.2]
GRADES = ["2", "2", "2", "2", "1A", "1A", "1A", "2", "1A", "2"]
EXACT = 2**53


def frames_of(*frames):
    """A dask data frame of these partitions, whatever their dtypes."""
    parts = [dask.delayed(frame) for frame in frames]
    return dd.from_delayed(parts, meta=frames[-1].iloc[:0], verify_meta=False)


def grades():
    """Two partitions: grades that were read as integers, and as text."""
    whole = pd.DataFrame({"a": A, "grade": GRADES})
    return whole[:4].assign(grade=2), whole[4:].astype({"grade": object})


def test_blocks_of_numbers_and_of_text_are_an_error_with_both_dtypes():
    lazy = frames_of(*grades())
    text = "block 0 has dtype int64, block 1 has dtype object, of text.*astype"
    for fit in (fd.LogisticRegression().fit, fd.train):
        with pytest.raises(TypeError, match=text):
            fit(lazy[["a"]], lazy["grade"])
    found = fd.LogisticRegression().fit(lazy[["a"]], lazy["grade"].astype(str))
    assert found.coef_[0, 0] == pytest.approx(1.06756753, abs=1e-7)
    assert found.intercept_[0] == pytest.approx(-0.06276563, abs=1e-7)
    X = da.from_array(np.array(A)[:, None], chunks=(5, -1))
    with pytest.raises(TypeError, match=r"of the kind of classes_, .*; block [01] has dtype int"):
        found.score(X, da.from_array(np.arange(10), chunks=5))


def test_numbers_of_several_dtypes_are_the_same_labels_exactly():
    ids = [EXACT + 1, EXACT]
    series = [pd.Series(ids * 5), pd.Series(ids * 5, dtype="uint64")]
    X = da.from_array(np.random.default_rng(0).normal(size=(20, 2)), chunks=(10, -1))
    y = dd.from_delayed([dask.delayed(s) for s in series], meta=series[0][:0], verify_meta=False)
    found = fd.LogisticRegression().fit(X, y)
    alone = flr.LogisticRegression().fit(X.compute(), np.array(ids * 10))
    assert found.classes_.tolist() == alone.classes_.tolist() == sorted(ids)
    np.testing.assert_allclose(found.coef_, alone.coef_, atol=1e-9)
    assert found.score(X, y) == alone.score(X.compute(), np.array(ids * 10))
    series[1] = pd.Series([0.5, float(EXACT)] * 5)
    y = dd.from_delayed([dask.delayed(s) for s in series], meta=series[0][:0], verify_meta=False)
    with pytest.raises(TypeError, match="block 0 has dtype int64, block 1 has dtype float64"):
        fd.LogisticRegression().fit(X, y)


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        (["1A", None, "2"], "missing labels; there is one in row 1 of block 1, which is row 11"),
        (["1A", np.nan, "2"], "in row 1 of block 1, which is row 11 of all"),
        (pd.array(["1A", "2", pd.NA], dtype="string"), "in row 2 of block 1, which is row 12"),
    ],
)
def test_a_missing_label_is_named_with_its_row(labels, text):
    whole = pd.DataFrame({"a": A, "grade": GRADES}).astype({"grade": object})
    part = pd.DataFrame({"a": [1.0, 2, 3], "grade": labels})
    lazy = frames_of(whole, part)
    with pytest.raises(ValueError, match=text):
        fd.LogisticRegression().fit(lazy[["a"]], lazy["grade"])


def test_a_missing_number_is_named_with_its_row():
    X = da.from_array(np.ones((20, 1)), chunks=(10, -1))
    y = da.from_array(np.where(np.arange(20) == 13, np.nan, np.arange(20) % 2), chunks=10)
    with pytest.raises(ValueError, match="NaN; got one in row 3 of block 1, which is row 13"):
        fd.train(X, y)


@pytest.mark.parametrize(
    ("objects", "expected", "kind"),
    [
        (["a", "bc"], ["a", "bc"], "dtype object, of text"),
        ([EXACT + 1, EXACT], [EXACT + 1, EXACT], "dtype object, of numbers"),
        ([True, 0], [1, 0], "dtype object, of numbers"),
    ],
)
def test_objects_are_text_or_numbers(objects, expected, kind):
    found = labels_of(np.array(objects, dtype=object), "block 0")
    assert (found.y.tolist(), found.kind, found.missing) == (expected, kind, None)


@pytest.mark.parametrize(
    ("objects", "text"),
    [
        (["a", 1], "block 0 has dtype object, with both: 'a' and 1. Make text"),
        ([(1,), 2], "block 0 has dtype object"),
        ([EXACT + 1, 0.5], "block 0 has dtype object"),
        ([1j, 1], "block 0 has dtype object"),
    ],
)
def test_other_objects_are_refused(objects, text):
    y = np.empty(len(objects), dtype=object)
    y[:] = objects
    with pytest.raises(TypeError, match=text):
        labels_of(y, "block 0")


def test_an_array_holds_labels_exactly_or_there_is_none():
    assert exact_array([EXACT + 1, 1.0], np.float64).tolist() == [EXACT + 1, 1]
    assert exact_array([EXACT + 1, 0.5], np.float64) is None
    assert exact_array([0.0, 1.0], np.float32).dtype == np.float32


# ---------------------------------------------------------------- many labels, few with a weight


@pytest.fixture
def few_told(monkeypatch):
    """Let a block tell of twenty labels, as if thirty were too many."""
    monkeypatch.setattr(raw, "DISTINCT", 20)


def many():
    rng = np.random.default_rng(1)
    return rng.normal(size=(3000, 2)), rng.integers(0, 30, 3000)


@pytest.mark.usefixtures("few_told")
@pytest.mark.parametrize("pair", [(3, 25), (25, 27), (3, 5, 25)])
@pytest.mark.parametrize("solver", ["newton", "auto"])
def test_labels_without_weight_push_none_aside(pair, solver):
    x, y = many()
    weight = np.isin(y, pair) * 1.0
    lazy = (da.from_array(x, chunks=(1000, -1)), *(da.from_array(v, 1000) for v in (y, weight)))
    found = fd.LogisticRegression(tol=1e-12, solver=solver).fit(*lazy)
    alone = flr.LogisticRegression(tol=1e-12, solver=solver).fit(x, y, weight)
    assert found.classes_.tolist() == list(pair)
    np.testing.assert_allclose(found.coef_, alone.coef_, atol=1e-9)
    assert found.score(*lazy) == alone.score(x, y, weight)


@pytest.mark.usefixtures("few_told")
def test_more_labels_with_weight_than_a_block_can_tell_are_an_error():
    x, y = many()
    lazy = da.from_array(x, chunks=(1000, -1)), da.from_array(y, 1000)
    with pytest.raises(ValueError, match="class labels, at most 20 of them; block 0 alone has m"):
        fd.LogisticRegression().fit(*lazy)


@pytest.mark.usefixtures("few_told")
def test_classes_are_counted_where_not_all_labels_are_told():
    from fastlogreg.dask.collections import rows_of

    x, y = many()
    weight = np.isin(y, (3, 25)) * 1.0
    block = raw_block(x, y, weight, "block 0")
    assert set(summary(block).labels) >= {3, 25}
    assert len(summary(block).labels) == 20
    lazy = da.from_array(x, chunks=(1000, -1)), *(da.from_array(v, 1000) for v in (y, weight))
    held = rows_of(*lazy).encoded((3, 25))
    expected = [np.bincount(part == 25, minlength=2).tolist() for part in np.split(y, 3)]
    assert held.counts.tolist() == expected
    assert held.sums.sum(axis=0).tolist() == [np.sum(y == 3), np.sum(y == 25)]


# ---------------------------------------------------------------- the estimator


def test_nan_at_predict_is_named_with_row_and_column():
    x = np.random.default_rng(0).normal(size=(40, 2))
    y = pd.Series(np.arange(40) % 2)
    frame = pd.DataFrame(x, columns=["age", "fare"])
    fitted = fd.LogisticRegression().fit(
        dd.from_pandas(frame, npartitions=4), dd.from_pandas(y, npartitions=4)
    )
    frame.loc[33, "fare"] = np.nan
    lazy = da.from_array(frame.to_numpy(), chunks=(10, -1))
    for method in ("predict", "predict_proba", "decision_function"):
        with pytest.raises(ValueError, match=r"nan in row 33, column 1 'fare', .*row 3 of block 3"):
            getattr(fitted, method)(lazy).compute()
    with pytest.raises(ValueError, match=r"nan in row 3 of block 3, column 1 'fare'"):
        fitted.predict(dd.from_pandas(frame, npartitions=4)).compute()


def test_a_fit_begins_a_new_stream():
    x, y = np.random.default_rng(0).normal(size=(60, 2)), np.arange(60) % 2
    model = fd.LogisticRegression().partial_fit(x, y, classes=[0, 1])
    model.fit(da.from_array(x, chunks=(20, -1)), da.from_array(y, chunks=20))
    model.partial_fit(x[:20], y[:20], classes=[0, 1])
    fresh = fd.LogisticRegression().partial_fit(x[:20], y[:20], classes=[0, 1])
    np.testing.assert_array_equal(model.coef_, fresh.coef_)


# ---------------------------------------------------------------- the command line


@pytest.fixture
def train(tmp_path, monkeypatch, capsys):
    """Run `train PATTERN --dask threads`; its status and what it says."""
    pytest.importorskip("typer", reason="the command line needs the cli extra")
    from fastlogreg.cli import app

    monkeypatch.chdir(tmp_path)

    def run(pattern, target, *more):
        options = ("--solver", "newton", "--lambda", "1", "--tol", "1e-9", "--out", "m.npz")
        command = ["train", pattern, "--target", target, "--dask", "threads", *options, *more]
        status = app.run(command)
        return status, " ".join(capsys.readouterr())

    return run


def test_csv_files_of_numbers_and_of_text_are_read_as_one(train):
    from fastlogreg.models.model import Model

    for k, frame in enumerate(grades()):
        frame.to_csv(f"p{k}.csv", index=False)
        frame.to_parquet(f"q{k}.parquet", index=False)
    assert train("p*.csv", "grade")[0] == 0
    model = Model.load("m.npz")
    assert model.labels == ("1A", "2")
    assert float(model.w[0, 0]) == pytest.approx(1.06756753, abs=1e-7)
    assert model.b == pytest.approx(-0.06276563, abs=1e-7)
    status, said = train("q*.parquet", "grade")
    assert status == 2
    assert "q0.parquet has dtype int64" in said
    assert "q1.parquet has text" in said


def test_files_agree_on_numbers(train):
    """One file spells its labels as floats, one as text of a Parquet file."""
    from fastlogreg.models.model import Model

    for k, y in enumerate((["0", "1", "1", "0"], ["0.0", "1.0", "0.0", "1.0"])):
        pd.DataFrame({"a": A[:4], "y": y}).to_csv(f"p{k}.csv", index=False)
    pd.DataFrame({"a": A[:4], "y": [0, 1, 1, 0]}).to_parquet("q0.parquet", index=False)
    pd.DataFrame({"a": A[:4], "y": ["0", "1", "1", "0"]}).to_parquet("q1.parquet", index=False)
    for pattern in ("p*.csv", "q*.parquet"):
        status, said = train(pattern, "y")
        assert (status, "4 are 0, 4 are 1 (y = 1)" in said) == (0, True)
        assert Model.load("m.npz").labels == (0, 1)


def test_large_ids_of_two_files_stay_two(train):
    from fastlogreg.models.model import Model

    ids = np.array([EXACT + 1, EXACT])
    for k in range(2):
        pd.DataFrame({"a": A[:4], "y": ids[[k, 1, k, 0]]}).to_csv(f"p{k}.csv", index=False)
    assert train("p*.csv", "y")[0] == 0
    assert Model.load("m.npz").labels == (EXACT, EXACT + 1)


def test_the_command_line_names_a_missing_label_and_an_index(train):
    one, two = grades()
    one.to_csv("p0.csv")
    two.assign(grade=["1A", None, "2", "2", "2", "2"]).to_csv("p1.csv")
    status, said = train("p*.csv", "grade")
    assert status == 2
    assert "there is one in row 1 of" in said
    assert "p1.csv, which is row 5 of all" in said
    two.to_csv("p1.csv")
    status, said = train("p*.csv", "grade")
    assert status == 0
    assert said.count("it is left out") == 1
    assert "10 examples of 1 features" in said
