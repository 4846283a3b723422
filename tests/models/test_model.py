"""The model file comes back as it was written, and nothing else is taken for one; labels become 0
and 1."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastlogreg._version import __version__
from fastlogreg.checks.labels import encode_labels, one_against_rest, one_label
from fastlogreg.models.metadata import FORMAT, FORMAT_OF_CLASSES, FORMAT_OF_TABLES
from fastlogreg.models.model import Model

W = np.array([[0.1], [-1e-300], [5.0]])
FULL = Model(
    W,
    np.nextafter(0.1, 1),
    np.array([[1.0], [2.0], [1 / 255]]),
    0.25,
    ("no, thanks", "ja ✓"),
    ("a", "b", "c"),
    (1, 3),
    {"alpha": 0.1, "stop_reason": "iterations"},
)
W4, B4 = np.arange(12.0).reshape(3, 4), np.array([[0.5], [-1.0], [0.0], [1e300]])


def same(one, other):
    for name in ("w", "b", "scale", "shift"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    names = ("labels", "feature_names", "image_shape", "settings", "version")
    assert [getattr(one, name) for name in names] == [getattr(other, name) for name in names]


@pytest.mark.parametrize(
    "model",
    [
        FULL,
        Model(W, -0.5),
        Model(W, 0.0, labels=(-1, 1)),
        Model(W, 0.0, labels=(0.5, 2)),
        Model(W4, B4, labels=("a", "b", "c", "ü")),
        Model(W4, B4, 1 / 255, W, (0, 3, 7, 2**60), ("a", "b", "c"), (1, 3)),
        Model(W4[:, :2], B4[:2], labels=("two", "by softmax")),
    ],
)
def test_a_model_comes_back_as_it_was(model, tmp_path):
    model.save(tmp_path / "m.npz")
    loaded = Model.load(tmp_path / "m.npz")
    same(loaded, model)
    assert loaded.version == __version__
    assert type(loaded.scale) is type(model.scale)
    assert [p.name for p in tmp_path.iterdir()] == ["m.npz"]


def test_the_name_is_kept_and_an_old_model_replaced(tmp_path):
    path = tmp_path / "no-extension"
    Model(W, 1.0).save(path)
    Model(W, 2.0).save(path)
    assert Model.load(path).b == 2.0


def test_a_failed_save_leaves_the_old_model(tmp_path):
    path = tmp_path / "m.npz"
    Model(W, 1.0).save(path)
    with pytest.raises(TypeError, match="not JSON serializable"):
        Model(W, 2.0, settings={"bad": object()}).save(path)
    assert Model.load(path).b == 1.0


def saved(path, **changes):
    """A good model file with some parts changed, or left out where the change is None."""
    metadata = {
        "format": FORMAT,
        "version": "0",
        "labels": [0, 1],
        "feature_names": None,
        "image_shape": None,
        "settings": {},
    }
    arrays = {"w": W, "b": np.float64(0), "scale": np.float64(1), "shift": np.float64(0)}
    metadata.update({k: v for k, v in changes.items() if k in metadata})
    arrays.update({k: v for k, v in changes.items() if k in arrays})
    text = changes.get("metadata", json.dumps(metadata))
    np.savez(path, metadata=np.array(text), **{k: v for k, v in arrays.items() if v is not None})
    return path


def test_the_helper_of_the_next_test_writes_good_files(tmp_path):
    assert Model.load(saved(tmp_path / "m.npz")).labels == (0, 1)
    assert Model.load(saved(tmp_path / "m.npz", **SEVERAL)).labels == (0, 1, 2, 3)


SEVERAL = {"format": FORMAT_OF_CLASSES, "w": W4, "b": B4, "labels": [0, 1, 2, 3]}
FOREIGN = {
    "other arrays": ({"w": None}, "not a fastlogreg model"),
    "no JSON": ({"metadata": "hello"}, "not a model that this version can read"),
    "JSON list": ({"metadata": "[]"}, "not a model that this version can read"),
    "later format": ({"format": "fastlogreg model 4"}, "format is 'fastlogreg model 4'"),
    "no table": ({"format": "fastlogreg model 3"}, "not a model that this version can read"),
    "rank 1": ({"w": W[:, 0]}, r"w must have shape \(n_x, 1\)"),
    "scale": ({"scale": np.ones(3)}, "scale and shift"),
    "NaN": ({"w": W * np.nan}, "finite"),
    "float32": ({"b": np.float32(1)}, "float64"),
    "names": ({"feature_names": ["a"]}, "3 features"),
    "image shape": ({"image_shape": [2, 2]}, "3 features"),
    "labels": ({"labels": [0]}, "not a model that this version can read"),
    "settings": ({"settings": 3}, "not a model that this version can read"),
    "columns in format 1": ({"w": W4, "b": B4, "labels": [0, 1, 2, 3]}, r"w must .* \(n_x, 1\)"),
    "one column in format 2": (SEVERAL | {"w": W}, r"w must have shape \(n_x, K\)"),
    "b of several": (SEVERAL | {"b": B4[:, 0]}, r"for each label, \(K, 1\); it has shape \(4,\)"),
    "too few labels": (SEVERAL | {"labels": [0, 1, 2]}, "there must be 4 labels; got 3"),
    "a label twice": (SEVERAL | {"labels": [0, 1, 2, 0]}, "different classes; 0 is there twice"),
    "infinite b": (SEVERAL | {"b": B4 + np.inf}, "finite"),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_foreign_and_damaged_files_are_refused(case, tmp_path):
    changes, text = FOREIGN[case]
    with pytest.raises(ValueError, match=text):
        Model.load(saved(tmp_path / "m.npz", **changes))


def test_every_format_there_has_been_is_read(tmp_path):
    """Written here by hand, as the version that brought it wrote it."""
    of_table = {
        "format": FORMAT_OF_TABLES,
        "version": "0",
        "labels": ["no", "yes"],
        "feature_names": ["a", "b", "c"],
        "image_shape": None,
        "settings": {},
        "table": {"columns": []},
    }
    for changes, labels in (
        ({}, (0, 1)),
        (SEVERAL, (0, 1, 2, 3)),
        ({"metadata": json.dumps(of_table)}, ("no", "yes")),
    ):
        assert Model.load(saved(tmp_path / "m.npz", **changes)).labels == labels


def test_no_model_at_all(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such model file"):
        Model.load(tmp_path / "m.npz")
    (tmp_path / "m.npz").write_text("hello")
    with pytest.raises(ValueError, match=r"cannot be read as \.npz"):
        Model.load(tmp_path / "m.npz")
    FULL.save(tmp_path / "m.npz")
    content = (tmp_path / "m.npz").read_bytes()
    (tmp_path / "m.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"cannot be read as \.npz"):
        Model.load(tmp_path / "m.npz")


def test_files_of_two_labels_stay_readable_by_older_versions(tmp_path):
    """Format 1 is written for them, which is all that older versions read."""
    for model, written in (
        (FULL, FORMAT),
        (Model(W4, B4, labels=tuple("abcd")), FORMAT_OF_CLASSES),
    ):
        model.save(tmp_path / "m.npz")
        with np.load(tmp_path / "m.npz") as file:
            assert json.loads(str(file["metadata"]))["format"] == written
    assert (FULL.n_classes, FULL.by_softmax) == (2, False)


def test_nothing_is_unpickled(tmp_path):
    np.savez(
        tmp_path / "m.npz",
        **{name: np.array([object()]) for name in ("w", "b", "scale", "shift", "metadata")},
    )
    with pytest.raises(ValueError, match="never unpickled"):
        Model.load(tmp_path / "m.npz")


# ---------------------------------------------------------------- labels


@pytest.mark.parametrize(
    ("y", "labels"),
    [
        ([0, 1, 1], (0, 1)),
        ([-1.0, 1.0, 1.0], (-1, 1)),
        ([0.5, 2, 2], (0.5, 2)),
        ([False, True, True], (False, True)),
        (["<=50K", " >50K", ">50K "], ("<=50K", ">50K")),
        ([b"no", b"yes", b"yes"], ("no", "yes")),
    ],
)
def test_two_classes_become_0_and_1_in_sorted_order(y, labels):
    Y, found = encode_labels(np.array(y))
    assert found == labels
    assert [type(label) for label in found] == [type(label) for label in labels]
    np.testing.assert_array_equal(Y, [[0, 1, 1]])


@pytest.mark.parametrize(
    ("y", "labels"),
    [
        ([3, -1, 10, 3], (-1, 3, 10)),
        ([2.0, 0.0, 1.0, 2.0], (0, 1, 2)),
        (["b", " a", "c ", "b"], ("a", "b", "c")),
        ([b"10", b"9", b"8", b"10"], ("10", "8", "9")),
        ([2**60 + 1, 2**60, 5, 2**60 + 1], (5, 2**60, 2**60 + 1)),
    ],
)
def test_several_classes_become_their_places_in_sorted_order(y, labels):
    Y, found = encode_labels(np.array(y))
    assert found == labels
    assert [type(label) for label in found] == [type(label) for label in labels]
    stripped = [v.decode() if isinstance(v, bytes) else v for v in y]
    stripped = [v.strip() if isinstance(v, str) else v for v in stripped]
    np.testing.assert_array_equal(Y, [[labels.index(v) for v in stripped]])
    np.testing.assert_array_equal(encode_labels(np.array(y[:1]), labels)[0], Y[:, :1])


def test_one_label_against_the_others():
    Y, labels = one_against_rest(np.array([3, 7, 3, 5]), "3")
    assert labels == ("not 3", 3)
    np.testing.assert_array_equal(Y, [[1, 0, 1, 0]])
    np.testing.assert_array_equal(one_label(np.array([9, 3]), 3), [[0, 1]])
    for y in ([7, 5], [3, 3]):
        with pytest.raises(ValueError, match="one of its labels, and not the only one; got '3'"):
            one_against_rest(np.array(y), "3")


@given(st.lists(st.sampled_from(["a", "b"]), min_size=1), st.sampled_from([("a", "b"), ("b", "a")]))
def test_given_labels_are_kept(y, labels):
    Y, found = encode_labels(np.array(y), labels)
    assert found == labels
    assert [labels[int(value)] for value in Y[0]] == y


@pytest.mark.parametrize(
    ("y", "labels", "error", "text"),
    [
        ([1, 1], None, ValueError, "two classes or more to train on; got 1 .1."),
        ([0.5, 1, 2, 3, 4, 5, 6], None, ValueError, r"regress on; got 0.5, 1, 2, 3, 4, \.\.\.$"),
        ([0, 12], range(12), ValueError, r"one of 0, .*, 9, \.\.\. \(12 in all\), as in"),
        ([5, 0, 9], (0, 5, 7), ValueError, "must be 0, 5 or 7, as in the .*; got 9 in row 2"),
        ([0, 1, 2], (0, 1), ValueError, "must be 0 or 1, as in the training data; got 2 in row 2"),
        (["0", "1"], (0, 1), ValueError, "got '0' in row 0"),
        ([0, 1], ("0", "1"), ValueError, "got 0 in row 0"),
        ([0, np.nan, 1], None, ValueError, "row 1 .* is missing"),
        (["a", "b", " "], None, ValueError, "row 2 .* is missing"),
        ([1j, 0], None, TypeError, "must be numbers or text"),
        ([None, "a"], None, ValueError, "the label in row 0 .* is missing"),
    ],
)
def test_bad_labels(y, labels, error, text):
    with pytest.raises(error, match=text):
        encode_labels(np.array(y), labels)


def test_the_metadata_are_json(tmp_path):
    """NaN and infinity are none: alpha of a solver without one is null."""
    settings = {"alpha": float("nan"), "bound": float("inf"), "cost": 0.5, "solver": "auto"}
    Model(np.ones((1, 1)), 0.0, settings=settings).save(tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz") as file:
        text = str(file["metadata"])

    def refuse(constant):
        raise AssertionError(constant)

    assert json.loads(text, parse_constant=refuse)["settings"]["alpha"] is None
    found = Model.load(tmp_path / "model.npz").settings
    assert found == {"alpha": None, "bound": None, "cost": 0.5, "solver": "auto"}
