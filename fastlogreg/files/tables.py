"""Tables: .csv and .parquet, through pyarrow. Features must be numbers, the target may be text."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..checks.arguments import require_finite
from ..checks.extras import require
from .common import KERNEL_DTYPES, Array, Data, UnknownName, as_data, check_fits, is_number, reading

Load = Callable[
    [list[int], "int | None"], "tuple[list[Array], Array | None]"
]  # feature columns, labels
_TEXT_REMEDY = "features must be numbers: encode it as numbers, or list the columns to use with --x"
_NOT_A_NUMBER = re.compile(r"CSV column #(\d+): .*invalid value '(.*)'", re.DOTALL)
# of a CSV: Arrow takes 2 s for 50,000 columns, and about _COLUMN_BYTES of memory for each
_MOST_COLUMNS = 100_000
_COLUMN_BYTES = 12_000
_LONGEST_LINE = 4 << 20  # characters
_NAME = re.compile(r"(?!(na|nan|inf|null|none)$)[^\W\d]", re.IGNORECASE)


def column_position(path: Path, names: Sequence[str], key: str | int) -> int:
    """Where a column is, by its name or else by its position, which may count from the end."""
    n = len(names)
    if list(names).count(str(key)) > 1:
        raise ValueError(
            f"{path} has more than one column {key!r}; give its position, 0 to {n - 1}"
        )
    if key in names:
        return list(names).index(str(key))
    try:
        position = int(key)
    except ValueError:
        position = n
    if not -n <= position < n:
        few = ", ".join(map(repr, names[:10])) + (", ..." if n > 10 else "")
        raise UnknownName(f"{path} has no column {key!r}; it has the {n} columns {few}")
    return position % n


def check_names(path: Path, names: Sequence[str], wanted: Sequence[str]) -> None:
    """Arrow reads columns by their names."""
    twice = next(
        (name for name, count in Counter(names).items() if count > 1 and name in wanted), None
    )
    if twice is not None:
        raise ValueError(
            f"{path} has more than one column {twice!r}; give its columns different names"
        )


def read_table(
    path: Path, x: str | Sequence[str] | None, target: str | int | None, header: bool | None
) -> Data:
    require("pyarrow", "cli", f"reading {path}")
    names, load = (
        open_parquet(path) if path.suffix.lower() == ".parquet" else _open_csv(path, header)
    )
    t = None if target is None else column_position(path, names, target)
    if isinstance(x, str):
        x = [x] if x in names else x.split(",")
    features = (
        [j for j in range(len(names)) if j != t]
        if x is None
        else [column_position(path, names, k) for k in x]
    )
    if t in features:
        raise ValueError(
            f"{path}: the target {names[features[features.index(t)]]!r} is among the features --x"
        )
    if not features:
        raise ValueError(f"X is empty: {path} has no column beside the target")
    columns, y = load(features, t)
    found = np.result_type(*(column.dtype for column in columns))
    dtype = found if found in KERNEL_DTYPES else np.dtype(np.float64)
    check_fits(path, "the table", len(columns) * len(columns[0]) * dtype.itemsize)
    values = np.empty((len(columns[0]), len(columns)), dtype)
    for j, column in enumerate(columns):
        values[:, j] = column
    data = as_data(path, values, y, [names[j] for j in features])
    try:
        require_finite(data.X, data.feature_names)  # a missing value of a table is NaN here
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return data


def is_numeric(kind: Any) -> bool:
    from pyarrow import types

    return any(
        is_one(kind)
        for is_one in (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal)
    )


def as_numbers(column: Any) -> Array:
    """A numeric column as an array, missing values as NaN."""
    import pyarrow as pa

    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    elif pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    return np.asarray(column.to_numpy())


def _as_labels(path: Path, column: Any) -> Array:
    """A label column as numbers if all of it are, else as text; missing ones as NaN or ''.

    By its dictionary: one long word may come a million times, and an array of text gives each the
    room of the longest.
    """
    import pyarrow as pa

    if is_numeric(column.type):
        return as_numbers(column)
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    column = column.unify_dictionaries().combine_chunks()
    words = column.dictionary.cast(pa.string()).fill_null("").to_pylist()
    codes = column.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)
    check_fits(path, "the label column", 4 * len(codes) * max(map(len, words), default=0))
    text = np.char.strip(np.array([*words, ""], dtype=str))
    try:
        return np.asarray(np.where(text == "", "nan", text).astype(np.float64)[codes])
    except ValueError:
        return np.asarray(text[codes])


def open_parquet(path: Path) -> tuple[list[str], Load]:
    import pyarrow.parquet as pq

    with reading(path, "Parquet"), pq.ParquetFile(path) as file:
        schema, m = file.schema_arrow, file.metadata.num_rows
    names = list(schema.names)

    def load(features: list[int], t: int | None) -> tuple[list[Array], Array | None]:
        wanted = [names[j] for j in (features if t is None else [*features, t])]
        check_names(path, names, wanted)
        for j in features:
            kind = schema.field(j).type
            if not is_numeric(kind):
                raise ValueError(f"{path}: column {names[j]!r} is of type {kind}; {_TEXT_REMEDY}")
        texts = [] if t is None or is_numeric(schema.field(t).type) else [names[t]]
        one_row = sum(
            -(-schema.field(name).type.bit_width // 8) for name in wanted if name not in texts
        )
        check_fits(
            path, "the table", 3 * m * one_row
        )  # Arrow's columns, NumPy's, and the array of them
        with reading(path, "Parquet"):
            table = pq.read_table(path, columns=wanted, read_dictionary=texts)
            columns = [as_numbers(table.column(names[j])) for j in features]
            return columns, None if t is None else _as_labels(path, table.column(names[t]))

    return names, load


def _open_csv(path: Path, header: bool | None) -> tuple[list[str], Load]:
    import pyarrow as pa
    from pyarrow import csv as pa_csv

    names, skip, longest = csv_names(path, header)
    check_fits(path, f"a CSV of {len(names)} columns", _COLUMN_BYTES * len(names))
    block = max(1 << 20, 4 * longest)
    keys = [str(j) for j in range(len(names))]  # unique, whatever the header says

    def load(features: list[int], t: int | None) -> tuple[list[Array], Array | None]:
        types = {keys[j]: pa.float64() for j in features} | (
            {} if t is None else {keys[t]: pa.string()}
        )
        try:
            table = pa_csv.read_csv(
                path,
                read_options=pa_csv.ReadOptions(
                    column_names=keys, skip_rows=skip, block_size=block
                ),
                convert_options=pa_csv.ConvertOptions(
                    include_columns=list(types), column_types=types, strings_can_be_null=True
                ),
            )
        except ValueError as error:  # pyarrow's errors are ValueErrors
            text = _NOT_A_NUMBER.search(str(error))
            if text is None:
                said = str(error).splitlines()[0]
                if "straddling" in said:
                    said = (
                        f"it has a row of more than {block} bytes, and its first ones are far "
                        "shorter"
                    )
                raise ValueError(f"{path} cannot be read as CSV: {said}") from error
            name = names[int(text[1])]
            raise ValueError(
                f"{path}: column {name!r} holds the text {text[2]!r}; {_TEXT_REMEDY}"
            ) from error
        y = None if t is None else _as_labels(path, table.column(keys[t]))
        return [table.column(keys[j]).to_numpy() for j in features], y

    return names, load


def csv_names(path: Path, header: bool | None) -> tuple[list[str], int, int]:
    """Column names, how many lines come before the data, and how many bytes a row can have.

    A first row is taken for a header if it has no number, or a name above a number.
    """
    rows: list[list[str]] = []
    skip = longest = 0

    def lines(file: IO[str]) -> Iterator[str]:
        nonlocal longest
        while line := file.readline(_LONGEST_LINE):
            longest = max(longest, 4 * len(line))  # UTF-8
            if len(line) == _LONGEST_LINE:
                raise ValueError(
                    f"it has a line of {_LONGEST_LINE} characters or more; store wide tables as "
                    ".parquet"
                )
            yield line

    with reading(path, "CSV"), open(path, newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(lines(file))
        for row in reader:
            if len(row) > _MOST_COLUMNS:
                raise ValueError(
                    f"it has {len(row)} columns, more than {_MOST_COLUMNS}; store it as .parquet "
                    "or .npy"
                )
            if row:
                rows.append([field.strip() for field in row])
                if len(rows) == 2:
                    break
                skip = reader.line_num
    if not rows:
        raise ValueError(f"{path} is empty")
    first = rows[0]
    if header is None:
        numbers = [[is_number(field) for field in row] for row in rows]
        above = len(rows) == 2 and any(
            below and _NAME.match(field) for field, below in zip(first, numbers[1])
        )
        header = above or not any(numbers[0])
        if not header and len(first) > 1 and first == [str(j) for j in range(len(first))]:
            raise ValueError(
                f"{path}: is the first row, 0,1,..., a header? Say so with --header or --no-header"
            )
    return (
        (first, skip, longest)
        if header
        else ([f"column {j}" for j in range(len(first))], 0, longest)
    )
