"""A label is a name: it never comes back as another number, and two of them never become one."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastlogreg import RowBlocks
from fastlogreg.checks.labels import encode_labels
from fastlogreg.files import read_data
from fastlogreg.files.labels import numbers_in

EXACT = 2**53
TWO_IDS = [EXACT + 1, EXACT, EXACT + 1]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["1", "2"], np.array([1, 2])),
        (["+1", "-1"], np.array([1, -1])),
        (["1", "", "2"], np.array([1.0, np.nan, 2.0])),
        (["1.0", "2"], np.array([1.0, 2.0])),
        (["1e300", "2"], np.array([1e300, 2.0])),
        ([str(EXACT + 1), str(EXACT)], np.array([EXACT + 1, EXACT])),
        (["18446744073709551615", "0"], np.array([2**64 - 1, 0], np.uint64)),
        (["nan", "1"], np.array([np.nan, 1.0])),
        (["", ""], np.array([np.nan, np.nan])),
        ([str(EXACT + 1), ""], None),  # with a gap it would be a float
        ([str(EXACT + 1), "0.5"], None),
        ([f"{EXACT + 1}.0", "1"], None),
        (["-1", "18446744073709551615"], None),
        (["1" * 400, "1"], None),
        (["1_0", "10"], None),
        (["1", "1A"], None),
    ],
)
def test_words_are_numbers_where_nothing_is_rounded(words, expected):
    found = numbers_in(words)
    if expected is None:
        assert found is None
    else:
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype


@given(st.lists(st.integers(-(2**70), 2**70), min_size=2, max_size=5, unique=True))
def test_whole_numbers_stay_as_many_as_they_were(values):
    found = numbers_in([str(value) for value in values])
    assert found is None or found.tolist() == values


def write_csv(path, labels):
    path.write_text("a,y\n" + "".join(f"{k},{label}\n" for k, label in enumerate(labels)))


def write_parquet(path, labels):
    pq.write_table(pa.table({"a": np.arange(3.0), "y": labels}), path)


def of_blocks(path):
    return RowBlocks.from_parquet(path, "y")[1]


def of_file(path):
    return read_data(path, target="y" if path.suffix else None).y


MAKERS = {
    "csv": (write_csv, "f.csv", TWO_IDS),
    "parquet": (write_parquet, "f.parquet", TWO_IDS),
    "parquet uint64": (write_parquet, "f.parquet", pa.array(TWO_IDS, pa.uint64())),
    "parquet decimal": (
        write_parquet,
        "f.parquet",
        pa.array([Decimal(i) for i in TWO_IDS], pa.decimal128(20, 0)),
    ),
    "parquet text": (write_parquet, "f.parquet", [str(i) for i in TWO_IDS]),
    "parquet dictionary": (write_parquet, "f.parquet", pa.array(TWO_IDS).dictionary_encode()),
    "libsvm": (
        lambda path, labels: path.write_text("".join(f"{i} 1:1\n" for i in labels)),
        "f",
        TWO_IDS,
    ),
    "libsvm with a comment": (
        lambda path, labels: path.write_text("# ids\n" + "".join(f"{i} 1:1\n" for i in labels)),
        "f",
        TWO_IDS,
    ),
}


@pytest.mark.parametrize("case", MAKERS)
def test_two_large_ids_stay_two(case, tmp_path):
    make, name, labels = MAKERS[case]
    make(tmp_path / name, labels)
    found = [of_file(tmp_path / name)]
    if name.endswith(".parquet"):
        found.append(of_blocks(tmp_path / name))
    for y in found:
        assert y.tolist() == TWO_IDS
        Y, classes = encode_labels(y)
        assert classes == (EXACT, EXACT + 1)
        np.testing.assert_array_equal(Y, [[1, 0, 1]])


def test_npz_keeps_large_ids(tmp_path):
    np.savez(tmp_path / "f.npz", x=np.ones((3, 1)), y=np.array(TWO_IDS))
    assert read_data(tmp_path / "f.npz").y.tolist() == TWO_IDS


def test_large_ids_with_a_gap_are_text(tmp_path):
    """As floats they would be rounded; the gap is then named with its row."""
    write_csv(tmp_path / "f.csv", [EXACT + 1, "", EXACT])
    write_parquet(tmp_path / "f.parquet", pa.array([EXACT + 1, None, EXACT]))
    for name in ("f.csv", "f.parquet"):
        y = of_file(tmp_path / name)
        assert y.tolist() == [str(EXACT + 1), "", str(EXACT)]
        with pytest.raises(ValueError, match=r"label in row 1 .* is missing"):
            encode_labels(y)


def test_libsvm_mixes_large_ids_with_small_labels_of_other_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("fastlogreg.files.libsvm._BLOCK", 8)
    (tmp_path / "f").write_text(f"+1 1:1\n{EXACT + 1} 1:1\n{EXACT} 1:2\n1.0 1:3\n")
    assert of_file(tmp_path / "f").tolist() == [1, EXACT + 1, EXACT, 1]


@pytest.mark.parametrize(
    ("y", "labels"),
    [
        ([float(EXACT), 0.0], (0, EXACT + 1)),  # the float 2^53 is not the label 2^53 + 1
        ([EXACT, 0], (0, EXACT + 1)),
        ([1.0, 0.0], (0, 2**2000)),
    ],
)
def test_no_number_is_rounded_to_be_a_label(y, labels):
    with pytest.raises(ValueError, match="labels must be 0 or"):
        encode_labels(np.array(y), labels)
    Y, _ = encode_labels(np.array([float(EXACT), 0.0]), (0, EXACT))
    np.testing.assert_array_equal(Y, [[1, 0]])


def test_spelt_labels_are_the_words(tmp_path):
    write_csv(tmp_path / "f.csv", ["2", " 2.0", "1A"])
    write_csv(tmp_path / "g.csv", ["2", " 2.0", "1"])
    words = [read_data(tmp_path / f"{n}.csv", target="y", spelt=True).y.tolist() for n in "fg"]
    assert words == [["2", "2.0", "1A"], ["2", "2.0", "1"]]
    assert of_file(tmp_path / "g.csv").tolist() == [2, 2, 1]
