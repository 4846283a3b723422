"""Every format gives the same Data; every damaged or ambiguous file gives one clear error."""

from __future__ import annotations

import math
import sys
import zipfile
from decimal import Decimal

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fastlogreg.checks.extras import require
from fastlogreg.files import read_data
from fastlogreg.files.tables import csv_names
from fastlogreg.files.writing import atomic_open

X = np.arange(12, dtype=np.float64).reshape(4, 3) / 8
Y = np.array([0, 1, 1, 0])
TABLE = "a,b,c,y\n" + "".join(f"{','.join(map(str, row))},{label}\n" for row, label in zip(X, Y))


def write_h5(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values
    return path


def write_parquet(path, **columns):
    pq.write_table(pa.table(columns), path)
    return path


def write(path, text):
    path.write_text(text)
    return path


def write_libsvm(path):
    lines = [
        f"{label} " + " ".join(f"{j + 1}:{v}" for j, v in enumerate(row) if v)
        for row, label in zip(X, Y)
    ]
    return write(path, "\n".join(lines) + "\n")


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


def columns():
    return {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": Y}


CASES = {
    "h5": (lambda d: write_h5(d / "f.h5", x=X, y=Y), {}),
    "hdf5 in groups": (
        lambda d: write_h5(d / "f.hdf5", **{"g/x": X, "g/y": Y, "g/z": Y}),
        {"x": "/g/x", "y": "g/y"},
    ),
    "npz": (lambda d: save(d / "f.npz", x=X, y=Y, classes=np.array(["no", "yes"])), {}),
    "npz, y a column": (lambda d: save(d / "f.npz", x=X, y=Y.reshape(-1, 1)), {"x": "x", "y": "y"}),
    "npz, big-endian": (lambda d: save(d / "f.npz", x=X.astype(">f8"), y=Y), {}),
    "csv": (lambda d: write(d / "f.csv", TABLE), {"target": "y"}),
    "csv, CRLF and a blank line": (
        lambda d: write(d / "f.csv", "\n" + TABLE.replace("\n", "\r\n")),
        {"target": -1},
    ),
    "csv without header": (
        lambda d: write(d / "f.csv", TABLE.partition("\n")[2]),
        {"target": "-1"},
    ),
    "csv, columns by name": (lambda d: write(d / "f.data", TABLE), {"target": "3", "x": "a,b,2"}),
    "parquet": (lambda d: write_parquet(d / "f.parquet", **columns()), {"target": "y"}),
    "parquet, by position": (
        lambda d: write_parquet(d / "f.parquet", **columns()),
        {"target": 3, "x": ["a", "b", "c"]},
    ),
    "libsvm": (lambda d: write_libsvm(d / "f.libsvm"), {}),
    "libsvm without extension": (lambda d: write_libsvm(d / "heart_scale"), {"n_features": 3}),
}


@pytest.mark.parametrize("case", CASES)
def test_every_format_gives_the_same_data(case, tmp_path):
    make, how = CASES[case]
    data = read_data(make(tmp_path), **how)
    if case.startswith("libsvm"):
        assert data.X.format == "csc"  # sparse, one example after the other
        data = data._replace(X=np.asfortranarray(data.X.toarray()))
    np.testing.assert_array_equal(data.X, X.T)
    np.testing.assert_array_equal(data.y, Y)
    assert data.X.flags.f_contiguous  # a view of one example per row
    assert data.X.dtype == np.float64
    assert data.X.dtype.isnative
    assert data.image_shape is None


def test_npy_is_mapped_and_its_labels_are_another_npy(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y)
    data = read_data(tmp_path / "x.npy", y=str(tmp_path / "y.npy"))
    np.testing.assert_array_equal(data.X, X.T)
    np.testing.assert_array_equal(data.y, Y)
    root = data.X
    while isinstance(root.base, np.ndarray):
        root = root.base
    assert isinstance(root, np.memmap)
    assert read_data(tmp_path / "x.npy").y is None


@given(
    shape=hnp.array_shapes(min_dims=3, max_dims=5, max_side=4),
    dtype=st.sampled_from(["u1", "f4", "?", "i8"]),
)
def test_images_are_flattened_per_example(shape, dtype, tmp_path_factory):
    path = tmp_path_factory.mktemp("images") / "f.npz"
    images = (np.arange(np.prod(shape)) % 200).reshape(shape).astype(dtype)
    np.savez(path, images=images)
    data = read_data(path)
    assert data.image_shape == shape[1:]
    assert data.y is None
    assert data.X.dtype == (np.float64 if dtype == "i8" else dtype)
    np.testing.assert_array_equal(data.X.T.reshape(shape), images)


def test_text_labels_and_feature_names(tmp_path):
    path = write(tmp_path / "f.csv", "39, x, <=50K\n40, y, >50K\n")
    data = read_data(path, x="0", target=-1)
    assert data.y.tolist() == ["<=50K", ">50K"]
    assert data.feature_names == ("column 0",)
    named = read_data(write(tmp_path / "g.csv", "age,y\n39,no\n40,yes\n"), target="y")
    assert named.feature_names == ("age",)
    assert named.y.tolist() == ["no", "yes"]


def test_parquet_keeps_small_types_and_knows_all_label_types(tmp_path):
    path = write_parquet(
        tmp_path / "f.parquet",
        small=np.array([1, 2], np.uint8),
        flag=[True, False],
        money=[Decimal("1.5"), Decimal("2.5")],
        big=pa.array(["no", None], pa.large_string()),
        kind=pa.array(["no", "yes"]).dictionary_encode(),
        truth=[True, None],
    )
    assert read_data(path, x="small,flag").X.dtype == np.uint8
    assert read_data(path, x="small,money").X.tolist() == [[1, 2], [1.5, 2.5]]
    assert read_data(path, x="small", target="kind").y.tolist() == ["no", "yes"]
    assert read_data(path, x="small", target="big").y.tolist() == ["no", ""]
    np.testing.assert_array_equal(read_data(path, x="small", target="truth").y, [1, np.nan])


@pytest.mark.parametrize(
    ("text", "header", "names"),
    [
        ("1,2\n3,4\n", None, ["column 0", "column 1"]),
        ("a,b\n3,4\n", None, ["a", "b"]),
        ("0,1,y\n3,4,1\n", None, ["0", "1", "y"]),
        ("1,NA\n3,4\n", False, ["column 0", "column 1"]),
        ("1,2\n3,4\n", True, ["1", "2"]),
        ('"a\nb",c\n3,4\n', None, ["a\nb", "c"]),
    ],
)
def test_header_is_found(text, header, names, tmp_path):
    assert csv_names(write(tmp_path / "f.csv", text), header)[0] == names


def test_libsvm_comments_and_missing_features(tmp_path):
    path = write(tmp_path / "f.svm", "+1 2:0.5 # a comment\n\n-1\n")
    data = read_data(path, n_features=4)
    np.testing.assert_array_equal(data.X.T.toarray(), [[0, 0.5, 0, 0], [0, 0, 0, 0]])
    assert data.y.tolist() == [1, -1]


BAD = {
    "missing": (lambda d: d / "no.csv", {}, "no such file"),
    "folder": (lambda d: d, {}, "is not a file"),
    "empty": (lambda d: write(d / "f.csv", ""), {"target": 0}, "is empty"),
    "blank": (lambda d: write(d / "f.csv", "\n\n"), {"target": 0}, "is empty"),
    "header only": (lambda d: write(d / "f.csv", "a,b,y\n"), {"target": "y"}, "X is empty"),
    "only a target": (
        lambda d: write(d / "f.csv", "y\n1\n"),
        {"target": "y"},
        "no column beside the target",
    ),
    "extension": (lambda d: write(d / "f.xyz", "hello"), {}, "of no known format; expected .h5"),
    "y of a table": (lambda d: write(d / "f.csv", TABLE), {"y": "y"}, "label column with --target"),
    "target of arrays": (lambda d: save(d / "f.npz", x=X), {"target": "y"}, "with --x and --y"),
    "x of libsvm": (lambda d: write_libsvm(d / "f"), {"x": "a"}, "leave out --x"),
    "unknown column": (
        lambda d: write(d / "f.csv", TABLE),
        {"target": "z"},
        "no column 'z'; it has the 4 columns 'a'",
    ),
    "position": (lambda d: write(d / "f.csv", TABLE), {"target": 4}, "no column 4"),
    "double column": (
        lambda d: write(d / "f.csv", "a,a,y\n1,2,3\n"),
        {"target": "a"},
        "more than one column 'a'",
    ),
    "target in x": (
        lambda d: write(d / "f.csv", TABLE),
        {"target": "y", "x": "a,y"},
        "'y' is among the features",
    ),
    "text feature": (
        lambda d: write(d / "f.csv", "a,b\n1,red\n"),
        {"target": "a"},
        "'b' holds the text 'red'; .* --x",
    ),
    "ragged": (
        lambda d: write(d / "f.csv", "a,b\n1,2\n3\n"),
        {"target": "a"},
        "Expected 2 columns, got 1",
    ),
    "missing value": (
        lambda d: write(d / "f.csv", "a,b,y\n1,2,0\n3,,1\n"),
        {"target": "y"},
        "nan in row 1 .*'b'",
    ),
    "infinite": (
        lambda d: write(d / "f.csv", "a,b,y\n1,2,0\n3,inf,1\n"),
        {"target": "y"},
        "inf in row 1 .*'b'",
    ),
    "which header": (lambda d: write(d / "f.csv", "0,1\n1,1\n"), {"target": 1}, "--no-header"),
    "not UTF-8": (
        lambda d: (d / "f.csv").write_bytes(b"a,\xff\n1,2\n") and d / "f.csv",
        {"target": 0},
        "as CSV",
    ),
    "text in parquet": (
        lambda d: write_parquet(d / "f.parquet", a=["red", "blue"], y=[0, 1]),
        {"target": "y"},
        "'a' is of type string; features must be numbers",
    ),
    "damaged parquet": (
        lambda d: write(d / "f.parquet", "PAR1 nothing"),
        {"target": 0},
        "cannot be read as Parquet",
    ),
    "damaged h5": (lambda d: write(d / "f.h5", "nothing"), {}, "cannot be read as HDF5"),
    "damaged npz": (lambda d: write(d / "f.npz", "nothing"), {}, "cannot be read as .npz"),
    "damaged npy": (lambda d: write(d / "f.npy", "nothing"), {}, "cannot be read as .npy"),
    "unknown dataset": (
        lambda d: write_h5(d / "f.h5", x=X, y=Y),
        {"x": "z"},
        r"no dataset 'z'; it has x \(4, 3\), y",
    ),
    "two pairs": (
        lambda d: save(d / "f.npz", x=X, y=Y, z=Y),
        {},
        "name the datasets .*--x and --y",
    ),
    "nothing to find": (lambda d: write_h5(d / "f.h5", y=Y), {}, "name the datasets"),
    "lengths": (
        lambda d: save(d / "f.npz", x=X, y=Y[:3]),
        {"x": "x", "y": "y"},
        r"4 examples, .* shape \(3,\)",
    ),
    "rank 1": (
        lambda d: save(d / "f.npz", x=Y, y=Y),
        {"x": "x", "y": "y"},
        r"store X.reshape\(-1, 1\)",
    ),
    "no examples": (lambda d: save(d / "f.npz", x=X[:0]), {}, "X is empty"),
    "no libsvm": (lambda d: write(d / "f", "1 1:2 x\n"), {}, "line 1: 'x' is no INDEX:VALUE"),
    "index 0": (
        lambda d: write(d / "f", "1 0:2\n"),
        {},
        "line 1: '0:2' is no INDEX:VALUE with INDEX rising from 1",
    ),
    "repeated index": (lambda d: write(d / "f", "1 1:2 1:3\n"), {}, "'1:3' is no INDEX"),
    "libsvm label": (lambda d: write(d / "f", "1 1:2\nyes 1:2\n"), {}, "line 2: the label 'yes'"),
    "more features": (
        lambda d: write(d / "f", "1 5:2\n"),
        {"n_features": 3},
        "5 features .* --n-features 5",
    ),
    "huge libsvm": (lambda d: write(d / "f", "1 1:1\n1 900000000000000:2\n"), {}, "GiB of memory"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_get_one_clear_error(case, tmp_path):
    make, how, text = BAD[case]
    with pytest.raises((ValueError, FileNotFoundError), match=text) as caught:
        read_data(make(tmp_path), **how)
    assert "\n" not in str(caught.value)


def test_column_names_say_nothing_of_a_file_without_columns(tmp_path):
    assert read_data(save(tmp_path / "f.npz", x=X, y=Y), x=("a", "b", "c")).X.shape == (3, 4)


def test_missing_label_file(tmp_path):
    np.save(tmp_path / "x.npy", X)
    with pytest.raises(FileNotFoundError, match=r"nowhere\.npy: no such file"):
        read_data(tmp_path / "x.npy", y="nowhere.npy")


@pytest.mark.parametrize("values", [np.array([["a", "b"]]), np.array([[1j, 2j]])])
def test_text_and_complex_arrays_are_refused(values, tmp_path):
    with pytest.raises(TypeError, match="X must be numbers"):
        read_data(save(tmp_path / "f.npz", x=values))


def test_nothing_is_unpickled(tmp_path):
    objects = np.array([[1, "a"]], dtype=object)
    np.save(tmp_path / "f.npy", objects)
    for path in (tmp_path / "f.npy", save(tmp_path / "f.npz", x=objects)):
        with pytest.raises(ValueError, match="Python objects, which are never unpickled"):
            read_data(path)


def test_a_truncated_file_is_damaged(tmp_path):
    for path in (write_h5(tmp_path / "f.h5", x=X, y=Y), save(tmp_path / "f.npz", x=X, y=Y)):
        path.write_bytes(path.read_bytes()[:-200])
        with pytest.raises(ValueError, match="cannot be read as"):
            read_data(path)
    np.save(tmp_path / "f.npy", X)
    (tmp_path / "f.npy").write_bytes((tmp_path / "f.npy").read_bytes()[:-8])
    with pytest.raises(ValueError, match=r"cannot be read as \.npy"):
        read_data(tmp_path / "f.npy")


def bomb(path, shape, stored):
    """A .npz with a header that declares more than it stores."""
    with zipfile.ZipFile(path, "w") as archive, archive.open("x.npy", "w") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f8", "fortran_order": False, "shape": shape}
        )
        file.write(stored)
    return path


def test_a_file_that_declares_more_than_it_holds_is_refused_before_allocating(tmp_path):
    with pytest.raises(
        ValueError, match=r"damaged: x\.npy declares 8000000000000 bytes and holds 16"
    ):
        read_data(bomb(tmp_path / "f.npz", (10**6, 10**6), b"0" * 16))
    assert read_data(bomb(tmp_path / "g.npz", (1, 2), b"0" * 16)).X.shape == (2, 1)


def test_a_dataset_beyond_the_memory_is_refused(tmp_path):
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.create_dataset(
            "x", shape=(10**8, 10**8), dtype="u1", chunks=(10**3, 10**3)
        )  # takes no space
        file["nothing"] = h5py.Empty("f8")
    with pytest.raises(ValueError, match="GiB of memory"):
        read_data(tmp_path / "f.h5")


def test_h5_text_labels(tmp_path):
    assert read_data(write_h5(tmp_path / "f.h5", x=X, y=["no", "yes", "yes", "no"])).y.tolist()[
        :2
    ] == ["no", "yes"]


def test_a_missing_library_names_the_extra(monkeypatch, tmp_path):
    path = write(tmp_path / "f.csv", TABLE)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        ModuleNotFoundError,
        match=r'needs pyarrow, which is not installed: pip install "fastlogreg\[cli\]"',
    ):
        read_data(path, target="y")
    assert require("math", "cli", "this") is math


def test_atomic_open_leaves_the_old_file_or_the_new_one(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"old")

    def fail():
        with atomic_open(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_bytes() == b"old"
    with atomic_open(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


@pytest.mark.parametrize(
    ("name", "how", "shape", "dtype"),
    [
        ("catvnoncat/train_catvnoncat.h5", {}, (12288, 209), np.uint8),
        ("libsvm/a9a", {}, (123, 32561), np.float64),
        ("uci/spambase.data", {"target": "spam_or_not"}, (57, 4601), np.float64),
        ("uci/adult.data", {"target": -1, "x": "0,2,4,10,11,12"}, (6, 32561), np.float64),
    ],
)
def test_real_files(shared_data, name, how, shape, dtype):
    data = read_data(shared_data / name, **how)
    assert data.X.shape == shape
    assert data.X.dtype == dtype
    assert len(np.unique(data.y)) == 2
