"""A model answers on rows of any form, by NumPy alone, as the training that it comes from does."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.models.metadata import FORMAT_OF_TABLES
from tests.helpers.limits import HANG

RNG = np.random.default_rng(5)
X = RNG.normal(size=(40, 3))
W, B = np.array([[1.0], [-2.0], [0.5]]), 0.25
W3, B3 = RNG.normal(size=(3, 3)), RNG.normal(size=(3, 1))
NAMES = ("age", "dose", "weight")
TWO = flr.Model(W, B, 0.5, np.array([[1.0], [0.0], [-1.0]]), ("no", "yes"), NAMES)
THREE = flr.Model(W3, B3, labels=(3, 7, 9), feature_names=NAMES)
TABLE = {
    "version": 1,
    "columns": [
        {"kind": "number", "name": "age", "fill": 30.0, "indicator": True},
        {"kind": "category", "name": "sex", "levels": ["f", "m"], "missing": True},
    ],
}
FEATURES = ("age", "age (missing)", "sex = f", "sex = m", "sex = (missing)")
ENCODED = flr.Model(
    np.arange(1.0, 6.0)[:, None] / 10,
    -1.0,
    labels=("no", "yes"),
    feature_names=FEATURES,
    table=TABLE,
)


def test_two_labels_are_the_sigmoid():
    z = (0.5 * X + [1.0, 0.0, -1.0]) @ W[:, 0] + B
    A = TWO.predict_proba(X)
    np.testing.assert_allclose(A[:, 1], 1 / (1 + np.exp(-z)), rtol=1e-13)
    np.testing.assert_allclose(A.sum(axis=1), 1.0, rtol=1e-15)
    assert TWO.predict(X).tolist() == [("no", "yes")[int(v > 0)] for v in z]
    functional = flr.predict_proba(W, B, X.T, scale=TWO.scale, shift=TWO.shift)
    np.testing.assert_allclose(A[:, 1], functional[0], rtol=1e-14)


def test_several_labels_are_softmax():
    A = THREE.predict_proba(X)
    np.testing.assert_allclose(A, flr.predict_proba(W3, B3, X.T).T, rtol=1e-14)
    np.testing.assert_array_equal(THREE.predict(X), np.array((3, 7, 9))[A.argmax(axis=1)])


def test_a_small_probability_keeps_its_digits():
    model = flr.Model(np.array([[1.0]]), 0.0)
    A = model.predict_proba([[50.0], [-800.0]])
    assert A[0].tolist() == [pytest.approx(np.exp(-50.0), rel=1e-14), 1.0]
    assert A[1].tolist() == [1.0, 0.0]


def test_a_threshold_of_training_is_kept(tmp_path):
    model = flr.Model(W, B, labels=("no", "yes"), settings={"threshold": 0.9})
    model.save(tmp_path / "m.npz")
    loaded = flr.Model.load(tmp_path / "m.npz")
    above = loaded.predict_proba(X)[:, 1] > 0.9
    assert loaded.predict(X).tolist() == [("no", "yes")[int(one)] for one in above]
    assert (loaded.threshold, TWO.threshold) == (0.9, 0.5)


@pytest.mark.parametrize(
    ("labels", "kind"),
    [(("a", "b"), "U"), ((0, 1), "i"), ((0.5, 2), "f"), ((False, True), "b"), (("not 7", 7), "O")],
)
def test_labels_of_every_kind(labels, kind):
    found = flr.Model(W, B, labels=labels).predict(X)
    assert found.dtype.kind == kind
    assert set(found.tolist()) == set(labels)


def forms():
    pandas = pytest.importorskip("pandas")
    columns = dict(zip(NAMES, X.T))
    frame = pandas.DataFrame(columns)
    yield "a frame in another order, with more", frame[["weight", "age", "dose"]].assign(id="x")
    yield "a dict of columns", columns
    yield "a dict of lists", {name: list(values) for name, values in columns.items()}
    yield "dicts, one a row", [dict(zip(NAMES, row)) for row in X.tolist()]
    yield "a list", X.tolist()
    pa = pytest.importorskip("pyarrow")
    yield "an Arrow table", pa.table(columns)


def test_rows_of_every_form_give_the_same():
    expected = TWO.predict_proba(X)
    for name, rows in forms():
        np.testing.assert_array_equal(TWO.predict_proba(rows), expected, err_msg=name)


@pytest.mark.parametrize("model", [TWO, THREE])
def test_one_row_has_the_answer_that_it_has_among_others(model):
    A, labels = model.predict_proba(X), model.predict(X)
    for k in range(len(X)):
        np.testing.assert_allclose(model.predict_proba(X[k : k + 1]), A[k : k + 1], rtol=1e-13)
        assert model.predict(X[k : k + 1]).tolist() == [labels[k]]
    row = X[:1] * np.nan
    with pytest.raises(ValueError, match="nan in row 0, column 0 'age'"):
        model.predict_proba(row)


def test_one_row_as_a_dict():
    row = dict(zip(NAMES, X[0]))
    assert TWO.predict_proba(row).shape == (1, 2)
    np.testing.assert_allclose(TWO.predict_proba(row), TWO.predict_proba(X[:1]), rtol=1e-14)
    held = {name: np.float64(value) for name, value in row.items()}  # no numbers of Python's
    np.testing.assert_allclose(TWO.predict_proba(held), TWO.predict_proba(X[:1]), rtol=1e-14)
    whole = TWO.predict_proba({**row, "age": 2, "more": "x"})
    np.testing.assert_array_equal(whole, TWO.predict_proba({**row, "age": 2.0}))
    with pytest.raises((ValueError, OverflowError)):
        TWO.predict_proba({**row, "age": 10**400})


@pytest.mark.parametrize("dtype", ["f4", "i8", "u1", "?", "f2", ">f8"])
def test_arrays_of_every_dtype(dtype):
    rows = (10 * X).astype(dtype)
    np.testing.assert_allclose(
        TWO.predict_proba(rows), TWO.predict_proba(rows.astype(float)), rtol=1e-14
    )


def test_a_sparse_matrix():
    sparse = pytest.importorskip("scipy.sparse")
    for model in (TWO, THREE):
        found = model.predict_proba(sparse.csr_matrix(X))
        np.testing.assert_allclose(found, model.predict_proba(X), rtol=1e-14)
    with pytest.raises(ValueError, match="row 1, column 2 'weight'"):
        TWO.predict(sparse.csr_matrix([[0.0, 0, 0], [0, 0, np.nan]]))


def test_many_rows_are_read_in_blocks():
    rows = np.resize(X, (400_000, 3)).astype(np.float32)
    found = TWO.predict_proba(rows, n_threads=1)
    np.testing.assert_allclose(found[:40], TWO.predict_proba(rows[:40]), rtol=1e-14)
    np.testing.assert_allclose(found[-40:], TWO.predict_proba(rows[-40:]), rtol=1e-14)


@pytest.mark.parametrize(
    ("rows", "error", "text"),
    [
        (X[0], ValueError, r"shape \(m, 3\).*X.reshape\(1, 3\)"),
        (X[:, :2], ValueError, r"3 columns, as in training \(age, dose, weight\); got shape"),
        (X.T, ValueError, "stand in columns: pass X.T"),
        (X[:0], ValueError, "at least one example"),
        (X[None], ValueError, "flatten images"),
        ({"age": 1.0, "dose": 2.0}, ValueError, "it lacks 'weight', and has 'age', 'dose'"),
        ({"age": "x", "dose": 2.0, "weight": 0}, ValueError, "row 0.*'age' holds 'x'"),
        ({"age": None, "dose": 2.0, "weight": 0}, ValueError, "nan in row 0, column 0 'age'"),
        ({"age": [1, 2], "dose": [2.0], "weight": [0]}, ValueError, "one length; 'age' has 2"),
        ({"age": [[1, 2]], "dose": [2.0], "weight": [0]}, ValueError, "holds"),
        ({"age": np.ones((1, 2)), "dose": [2.0], "weight": [0]}, ValueError, "one value for each"),
        ([["a", "b", "c"]], TypeError, "real numbers"),
        (np.array([[1.0, np.inf, 0.0]]), ValueError, "inf in row 0, column 1 'dose'"),
    ],
)
def test_rows_that_do_not_fit(rows, error, text):
    with pytest.raises(error, match=text):
        TWO.predict(rows)


def test_a_dict_needs_names_of_features():
    with pytest.raises(TypeError, match=r"no\s+names of features; got a dict"):
        flr.Model(W, B).predict({"a": 1.0, "b": 2.0, "c": 3.0})


def test_threads():
    np.testing.assert_array_equal(TWO.predict(X, n_threads=1), TWO.predict(X))
    for n_threads in (0, 1.5, "2"):
        with pytest.raises((ValueError, TypeError), match="n_threads"):
            TWO.predict_proba(X, n_threads=n_threads)


# ---------------------------------------------------------------- the columns of a table


def test_the_columns_of_a_table_are_encoded():
    rows = {"sex": ["m", " f ", None, "m"], "age": [20, None, 5.5, "40"], "more": [1, 2, 3, 4]}
    encoded = [[20, 0, 0, 1, 0], [30, 1, 1, 0, 0], [5.5, 0, 0, 0, 1], [40, 0, 0, 1, 0]]
    z = np.array(encoded) @ ENCODED.w[:, 0] - 1
    np.testing.assert_allclose(ENCODED.predict_proba(rows)[:, 1], 1 / (1 + np.exp(-z)), rtol=1e-13)
    assert ENCODED.columns == ("age", "sex")
    assert TWO.columns == NAMES


def test_a_word_that_is_new_is_a_warning_at_the_line_that_asks():
    with pytest.warns(UserWarning, match="sex: 'x' in 1 row: no level") as told:
        ENCODED.predict({"age": 1, "sex": "x"})
    assert told[0].filename == __file__


def test_an_array_cannot_be_encoded():
    with pytest.raises(TypeError, match="a data frame or a dict with age, sex; got ndarray"):
        ENCODED.predict(np.ones((1, 5)))
    with pytest.raises(ValueError, match="it lacks 'sex'"):
        ENCODED.predict({"age": 1})


def test_a_damaged_plan_is_an_error():
    for table, text in (
        ({"version": 9, "columns": []}, "version 9"),
        ({"version": 1, "columns": [{"kind": "magic"}]}, "no plan"),
        ({"version": 1, "columns": TABLE["columns"][:1]}, "5 features, and its table 2"),
    ):
        model = flr.Model(ENCODED.w, 0.0, labels=("a", "b"), feature_names=FEATURES, table=table)
        with pytest.raises(ValueError, match=text):
            model.predict({"age": 1, "sex": "m"})


# ---------------------------------------------------------------- the file


ALONE = """
import sys
import numpy
before = set(sys.modules)
import fastlogreg as flr
model = flr.Model.load(sys.argv[1])
print(model.predict([{"age": 20, "sex": "m"}, {"age": None, "sex": "f"}]).tolist())
print(flr.Model.load(sys.argv[2]).predict([[1.0, 2.0, 3.0]]).tolist(), model.labels)
new = {name.split(".")[0] for name in set(sys.modules) - before}
print(sorted(new & {"numba", "llvmlite", "scipy", "sklearn", "pandas", "pyarrow", "onnx"}))
"""


def test_loading_and_predicting_need_NumPy_alone(tmp_path):
    ENCODED.save(tmp_path / "table.npz")
    THREE.save(tmp_path / "three.npz")
    done = subprocess.run(
        [sys.executable, "-c", ALONE, tmp_path / "table.npz", tmp_path / "three.npz"],
        capture_output=True,
        text=True,
        timeout=HANG,
    )
    assert done.returncode == 0, done.stderr
    words = ENCODED.predict([{"age": 20, "sex": "m"}, {"age": None, "sex": "f"}]).tolist()
    number = THREE.predict([[1.0, 2.0, 3.0]]).tolist()
    assert done.stdout.splitlines() == [str(words), f"{number} ('no', 'yes')", "[]"]


def as_first_written(path, settings, **more):
    """The file of the first version, written as that version did; NaN in its JSON too."""
    metadata = {
        "format": "fastlogreg model 1",
        "version": "0.1.0",
        "labels": ["no", "yes"],
        "feature_names": list(NAMES),
        "image_shape": None,
        "settings": settings,
        **more,
    }
    arrays = {"w": W, "b": np.float64(B), "scale": np.asarray(0.5), "shift": np.zeros((3, 1))}
    if "w" in more:
        arrays |= {"w": W3, "b": B3}
        del metadata["w"]
    with open(path, "wb") as file:
        np.savez(file, metadata=np.array(json.dumps(metadata)), **arrays)
    return path


def test_files_of_older_versions_are_read(tmp_path):
    old = as_first_written(tmp_path / "1.npz", {"alpha": float("nan"), "cost": 0.5, "seconds": 1})
    model = flr.Model.load(old)
    assert model.settings == {"alpha": None, "cost": 0.5, "seconds": 1}
    same = flr.Model(W, B, 0.5, labels=("no", "yes"))
    np.testing.assert_array_equal(model.predict_proba(X), same.predict_proba(X))
    several = {"format": "fastlogreg model 2", "labels": [3, 7, 9], "w": True}
    model = flr.Model.load(as_first_written(tmp_path / "2.npz", {"alpha": float("inf")}, **several))
    np.testing.assert_array_equal(
        model.predict_proba(X), flr.Model(W3, B3, 0.5, labels=(3, 7, 9)).predict_proba(X)
    )


def test_a_file_of_a_later_version_says_so(tmp_path):
    path = as_first_written(tmp_path / "m.npz", {}, format="fastlogreg model 12", version="7.1")
    with pytest.raises(ValueError, match=r"a later version, 7\.1: pip install --upgrade") as raised:
        flr.Model.load(path)
    assert str(raised.value).startswith(f"{path} is not a model that this version can read: ")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"format": 3}, "name no format"),
        ({"format": "fastlogreg model"}, "format is 'fastlogreg model', and this version reads"),
    ],
)
def test_damaged_metadata(more, text, tmp_path):
    with pytest.raises(ValueError, match=text):
        flr.Model.load(as_first_written(tmp_path / "m.npz", {}, **more))


def test_settings_that_are_none(tmp_path):
    with pytest.raises(ValueError, match="settings must be an object"):
        flr.Model.load(as_first_written(tmp_path / "m.npz", [1]))


def test_metadata_that_lack_a_part(tmp_path):
    with open(tmp_path / "m.npz", "wb") as file:
        text = json.dumps({"format": "fastlogreg model 1", "labels": [0, 1]})
        np.savez(file, metadata=np.array(text), w=W, b=B, scale=1.0, shift=0.0)
    with pytest.raises(ValueError, match="lack version, feature_names, image_shape, settings"):
        flr.Model.load(tmp_path / "m.npz")


def test_settings_of_every_kind_become_strict_JSON(tmp_path):
    settings = {
        "a": np.float64("nan"),
        "b": {"c": float("-inf"), "d": [1, float("nan"), np.int64(3)]},
        "e": (1.5, "x", None, True),
    }
    flr.Model(W, B, settings=settings).save(tmp_path / "m.npz")
    with np.load(tmp_path / "m.npz") as file:
        found = json.loads(str(file["metadata"]), parse_constant=pytest.fail)["settings"]
    assert found == {"a": None, "b": {"c": None, "d": [1, None, 3]}, "e": [1.5, "x", None, True]}
    assert flr.Model.load(tmp_path / "m.npz").settings == found


def test_a_model_of_a_table_comes_back(tmp_path):
    ENCODED.save(tmp_path / "m.npz")
    with np.load(tmp_path / "m.npz") as file:
        assert json.loads(str(file["metadata"]))["format"] == FORMAT_OF_TABLES
    loaded = flr.Model.load(tmp_path / "m.npz")
    rows = {"age": [20, 30], "sex": ["f", "m"]}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(loaded.predict_proba(rows), ENCODED.predict_proba(rows))
