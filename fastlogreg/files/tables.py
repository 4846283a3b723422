"""Tables are .csv and .parquet, read by pyarrow: features are numbers, the target may be text."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

import numpy as np

from ..checks.arguments import require_finite
from ..checks.extras import require
from .columns import (
    check_names,
    column_position,
    feature_columns,
    index_by_metadata,
    index_by_name,
)
from .common import KERNEL_DTYPES, Array, Data, as_data, check_fits, is_number, reading
from .labels import EXACT, labels_of_words

_TEXT_REMEDY = "features must be numbers: encode it as numbers, or list the columns to use with --x"
_NOT_A_NUMBER = re.compile(r"CSV column #(\d+): .*invalid value '(.*)'", re.DOTALL)
# of a CSV: Arrow is slow on many columns, and takes about _COLUMN_BYTES of memory for each
_MOST_COLUMNS = 100_000
_COLUMN_BYTES = 12_000
_LONGEST_LINE = 4 << 20  # characters
_NAME = re.compile(r"(?!(na|nan|inf|null|none)$)[^\W\d]", re.IGNORECASE)


class Load(Protocol):
    """Reads the features at these positions, and the labels at t where there are any."""

    def __call__(
        self, features: Sequence[int], t: int | None, spelt: bool = False
    ) -> tuple[list[Array], Array | None]: ...


class Table(NamedTuple):
    """An open table: names of its columns, positions of a data frame's index, and how to load."""

    names: list[str]
    index_columns: list[int]
    load: Load


def read_table(
    path: Path,
    x: str | Sequence[str] | None,
    target: str | int | None,
    header: bool | None,
    spelt: bool = False,
) -> Data:
    """Read the features of a table, and its labels where a target is named.

    x: columns as a user types them, by name or position, or a list of names alone. spelt: labels
    that are written as text stay words, even where all of them are numbers.
    """
    require("pyarrow", "cli", f"reading {path}")
    table = open_parquet(path) if path.suffix.lower() == ".parquet" else _open_csv(path, header)
    names = table.names
    t = None if target is None else column_position(path, names, target)
    features, left_out = feature_columns(path, names, x, t, table.index_columns)
    if not features:
        raise ValueError(f"X is empty: {path} has no column beside the target")
    columns, y = table.load(features, t, spelt)
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
    return data._replace(left_out=left_out)


def is_numeric(kind: Any) -> bool:
    """Tell whether a type of Arrow's holds numbers."""
    from pyarrow import types

    return any(
        is_one(kind)
        for is_one in (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal)
    )


def as_numbers(column: Any) -> Array:
    """Turn a numeric column into an array, missing values into NaN."""
    import pyarrow as pa

    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    elif pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    return np.asarray(column.to_numpy())


def as_labels(path: Path, column: Any, spelt: bool) -> Array:
    """Read a label column as numbers if all of it are, else as text; missing ones are NaN or "".

    Text goes by its dictionary: one long word may come a million times, and an array of text
    gives each the room of the longest. Numbers that NumPy would round go the same way.
    """
    import pyarrow as pa

    if is_numeric(column.type) and not _would_be_rounded(column):
        return as_numbers(column)
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    column = column.unify_dictionaries().combine_chunks()
    words = [*column.dictionary.cast(pa.string()).fill_null("").to_pylist(), ""]
    codes = column.indices.fill_null(len(words) - 1).to_numpy(zero_copy_only=False)
    check_fits(path, "the label column", 4 * len(codes) * max(map(len, words), default=0))
    return labels_of_words(words, codes, spelt)


def _would_be_rounded(column: Any) -> bool:
    """Tell whether `as_numbers` gives another number: decimals, and large integers with gaps."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_integer(column.type) or not column.null_count:
        return bool(pa.types.is_decimal(column.type))
    ends = pc.min_max(column).as_py().values()
    return any(end is not None and abs(end) > EXACT for end in ends)


def open_parquet(path: Path) -> Table:
    """Open a Parquet file: what it has, and how its columns are loaded."""
    import pyarrow.parquet as pq

    with reading(path, "Parquet"), pq.ParquetFile(path) as file:
        schema, m = file.schema_arrow, file.metadata.num_rows
    names = list(schema.names)

    def load(
        features: Sequence[int], t: int | None, spelt: bool = False
    ) -> tuple[list[Array], Array | None]:
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
        # Arrow's columns, NumPy's, and the array of them
        check_fits(path, "the table", 3 * m * one_row)
        with reading(path, "Parquet"):
            table = pq.read_table(path, columns=wanted, read_dictionary=texts)
            columns = [as_numbers(table.column(names[j])) for j in features]
            y = None if t is None else as_labels(path, table.column(names[t]), spelt)
            return columns, y

    return Table(names, index_by_metadata(names, schema.metadata), load)


def _open_csv(path: Path, header: bool | None) -> Table:
    import pyarrow as pa
    from pyarrow import csv as pa_csv

    names, skip, longest = csv_names(path, header)
    check_fits(path, f"a CSV of {len(names)} columns", _COLUMN_BYTES * len(names))
    block = max(1 << 20, 4 * longest)
    keys = [str(j) for j in range(len(names))]  # unique, whatever the header says

    def load(
        features: Sequence[int], t: int | None, spelt: bool = False
    ) -> tuple[list[Array], Array | None]:
        types = {keys[j]: pa.float64() for j in features} | (
            {} if t is None else {keys[t]: pa.string()}
        )
        try:
            table = pa_csv.read_csv(
                path,
                read_options=pa_csv.ReadOptions(
                    column_names=keys, skip_rows=skip, block_size=block
                ),
                # Arrow otherwise cuts its blocks at any line break, also within quotes
                parse_options=pa_csv.ParseOptions(newlines_in_values=True),
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
        y = None if t is None else as_labels(path, table.column(keys[t]), spelt)
        return [table.column(keys[j]).to_numpy() for j in features], y

    return Table(names, index_by_name(names), load)


def csv_names(path: Path, header: bool | None) -> tuple[list[str], int, int]:
    """Find the names of columns, how many lines come before the data, and a bound on a row's bytes.

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
