"""A column is the one that was named: not another in its place, and no index of a data frame."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fastlogreg import RowBlocks
from fastlogreg.files import read_data
from fastlogreg.files.common import UnknownName


def numbered(tmp_path):
    """A table of the columns 1, 2, label and age, as CSV and as Parquet."""
    frame = pd.DataFrame({"1": [1.0, 2], "2": [3.0, 4], "label": [0, 1], "age": [30.0, 40]})
    frame.to_csv(tmp_path / "f.csv", index=False)
    frame.to_parquet(tmp_path / "f.parquet", index=False)
    return tmp_path / "f.csv", tmp_path / "f.parquet"


def test_a_number_is_no_position_where_columns_have_numbers_for_names(tmp_path):
    for path in numbered(tmp_path):
        for x in (["1", "2", "3"], "1,2,3"):
            with pytest.raises(UnknownName, match="has no column '3'"):
                read_data(path, x=x, target="label")
        with pytest.raises(UnknownName, match=r"has no column '0'.*no position"):
            read_data(path, target="0")
        found = read_data(path, x="1,-1", target="label")
        assert found.feature_names == ("1", "age")
        np.testing.assert_array_equal(found.X, [[1, 2], [30, 40]])
    with pytest.raises(UnknownName, match="has no column '3'"):
        RowBlocks.from_parquet(tmp_path / "f.parquet", "label", columns=["1", "2", "3"])


def test_a_list_has_names_alone(tmp_path):
    """Columns 0, 1, 2 of a model are not the first three of a table, whatever these are."""
    pd.DataFrame({"height": [1.0], "weight": [2.0], "age": [3.0]}).to_csv(
        tmp_path / "f.csv", index=False
    )
    with pytest.raises(UnknownName, match="has no column '0'; it has the 3 columns 'height'"):
        read_data(tmp_path / "f.csv", x=("0", "1", "2"))
    assert read_data(tmp_path / "f.csv", x="0,1,2").X.ravel().tolist() == [1, 2, 3]
    (tmp_path / "g.csv").write_text("a,a,b\n1,2,3\n")
    with pytest.raises(ValueError, match="more than one column 'a'; give its columns different"):
        read_data(tmp_path / "g.csv", x=["a", "b"])


# ---------------------------------------------------------------- the index of a data frame


def shuffled():
    return pd.DataFrame({"a": np.arange(6.0), "y": [0, 1, 0, 1, 1, 0]}).sample(
        frac=1, random_state=1
    )


def test_the_index_in_parquet_is_left_out_by_its_metadata(tmp_path):
    path = tmp_path / "f.parquet"
    shuffled().to_parquet(path)
    assert "__index_level_0__" in pq.read_schema(path).names
    data = read_data(path, target="y")
    assert (data.feature_names, data.left_out) == (("a",), ("__index_level_0__",))
    with pytest.warns(UserWarning, match="'__index_level_0__' is the index of a pandas data frame"):
        blocks, _ = RowBlocks.from_parquet(path, "y")
    assert blocks.names == ("a",)
    with pytest.warns(UserWarning, match="list it among the columns"):
        assert RowBlocks(path).names == ("a", "y")
    wanted = read_data(path, x="a,__index_level_0__", target="y")
    assert (wanted.X.shape, wanted.left_out) == ((2, 6), ())

    shuffled().set_index("a").to_parquet(path)  # an index with a name
    with pytest.raises(ValueError, match="no column beside the target"):
        read_data(path, target="y")
    assert read_data(path, x=["a"], target="y").feature_names == ("a",)
    assert read_data(path, x=["y"], target="a").left_out == ()
    assert read_data(path, target="a").feature_names == ("y",)  # a target is not left out


@pytest.mark.parametrize(
    "metadata", [b"{", b"[]", b'{"index_columns": 3}', b'{"index_columns": [{"kind": "range"}]}']
)
def test_metadata_that_say_nothing_of_an_index_change_nothing(metadata, tmp_path):
    table = pa.table({"a": [1.0, 2], "b": [1.0, 2], "y": [0, 1]})
    pq.write_table(table.replace_schema_metadata({"pandas": metadata}), tmp_path / "f.parquet")
    data = read_data(tmp_path / "f.parquet", target="y")
    assert (data.feature_names, data.left_out) == (("a", "b"), ())


def test_first_columns_without_a_name_are_an_index_in_csv(tmp_path):
    path = tmp_path / "f.csv"
    shuffled().to_csv(path)
    data = read_data(path, target="y")
    assert (data.feature_names, data.left_out) == (("a",), ("",))
    assert read_data(path, x=",a", target="y").feature_names == ("", "a")
    assert read_data(path, x="0,1", target="y").feature_names == ("", "a")
    pd.read_csv(path).to_csv(path, index=False)
    assert read_data(path, target="y").left_out == ("Unnamed: 0",)
    path.write_text("a,,y\n1,2,0\n3,4,1\n")
    assert read_data(path, target="y").feature_names == ("a", "")


# ---------------------------------------------------------------- line breaks within quotes


def test_quoted_line_breaks_in_a_large_csv(tmp_path):
    """Arrow reads a file in blocks of 1 MiB, and one of these may begin within quotes."""
    m = 60_000
    lines = [f'{k},"line one\nline {k}, ""quoted""",{k % 2}\n' for k in range(m)]
    for header, names in (("a,note,y\n", ("a",)), ('"a\nb",note,y\n', ("a\nb",))):
        (tmp_path / "f.csv").write_text(header + "".join(lines))
        assert (tmp_path / "f.csv").stat().st_size > 2 << 20
        data = read_data(tmp_path / "f.csv", x="0", target="y")
        assert data.feature_names == names
        np.testing.assert_array_equal(data.X[0], np.arange(m))
        np.testing.assert_array_equal(data.y, np.arange(m) % 2)
