"""A Parquet file is a source of blocks of rows: row group by row group, large ones in batches."""

from __future__ import annotations

import os
import warnings
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..files.columns import (
    check_names,
    column_position,
    feature_columns,
    index_by_metadata,
    left_out_text,
)
from ..files.common import reading
from ..files.tables import as_numbers, is_numeric, open_parquet
from .read_ahead import Block
from .row_sources import COPIED, RowSource, check_count


class ParquetRows(RowSource):
    """Reads feature columns of a Parquet file in blocks.

    Missing values are NaN, which training reports with row and column. columns: as of
    `files.columns.feature_columns`; a warning names the index that is left out.
    """

    def __init__(self, path: Path, target: str | int | None, columns: Sequence[str] | None) -> None:
        import pyarrow.parquet as pq

        self.path, self.name = path, str(path)
        with reading(path, "Parquet"), pq.ParquetFile(path) as file:
            metadata, schema = file.metadata, file.schema_arrow
            groups = [metadata.row_group(g).num_rows for g in range(metadata.num_row_groups)]
        names = list(schema.names)
        t = None if target is None else column_position(path, names, target)
        index = index_by_metadata(names, schema.metadata)
        wanted, left_out = feature_columns(path, names, columns, t, index)
        if left_out:
            warnings.warn(left_out_text(path, left_out), stacklevel=4)
        for j in wanted:
            if not is_numeric(schema.field(j).type):
                kind = schema.field(j).type
                raise ValueError(
                    f"{path}: column {names[j]!r} is of type {kind}; features must be numbers: "
                    "list those to use as columns"
                )
        check_names(path, names, [names[j] for j in ([] if t is None else [t]) + wanted])
        if min(groups, default=0) < 0:
            raise ValueError(f"{path} is damaged: a row group declares {min(groups)} rows")
        if not wanted or not sum(groups):
            raise ValueError(
                f"X must have at least one feature and one example; {path} has no such column or "
                "no row"
            )
        self.target = t
        self.columns, self.n_x = [names[j] for j in wanted], len(wanted)
        self.names = tuple(self.columns)
        self.dtype = np.result_type(*(_numpy_dtype(schema.field(j).type) for j in wanted))
        self.status = os.stat(path)
        self._lay_out(groups)

    def _lay_out(self, groups: list[int]) -> None:
        # missing values make float64 of integers
        row_bytes = self.n_x * max(self.dtype.itemsize, 8)
        self.batch, self.group_of, self.bounds = max(1, COPIED // row_bytes), [], [0]
        check_count(self.name, sum(-(-rows // self.batch) for rows in groups))
        for g, rows in enumerate(groups):
            for lo in range(0, rows, self.batch):
                self.group_of.append(g)
                self.bounds.append(self.bounds[-1] + min(self.batch, rows - lo))
        self.nbytes = self.m * self.n_x * self.dtype.itemsize
        # the block, and Arrow's own form of it
        self.largest = 2 * row_bytes * max(np.diff(self.bounds).tolist())

    def check(self) -> None:
        try:
            status = os.stat(self.path)
        except OSError as error:
            raise OSError(
                f"{self.path}, from which X is read, has vanished: {error.strerror}"
            ) from error
        if (status.st_size, status.st_mtime_ns) != (self.status.st_size, self.status.st_mtime_ns):
            raise OSError(
                f"{self.path}, from which X is read, has been changed since it was opened"
            )

    def read(self, wanted: Sequence[int], in_flight: int) -> Generator[Block, None, None]:
        import pyarrow.parquet as pq

        with reading(self.path, "Parquet"), pq.ParquetFile(self.path) as file:
            position, group, rows = -1, -1, iter(())
            for k in wanted:
                if self.group_of[k] != group:
                    group = self.group_of[k]
                    position = self.group_of.index(group) - 1
                    rows = file.iter_batches(self.batch, row_groups=[group], columns=self.columns)
                while position < k:
                    position += 1
                    batch = _take(rows, self.bounds[position + 1] - self.bounds[position])
                yield self.checked(k, self._dense(batch))

    def _dense(self, batches: list[Any]) -> Block:
        import pyarrow as pa

        table = pa.Table.from_batches(batches)
        columns = [as_numbers(table.column(name)) for name in self.columns]
        block = np.empty(
            (len(table), self.n_x),
            np.result_type(self.dtype, *(column.dtype for column in columns)),
        )
        for j, column in enumerate(columns):
            block[:, j] = column
        return block

    def labels(self) -> Block:
        """Read the target column, (m,)."""
        return np.asarray(open_parquet(self.path).load([], self.target)[1])


def _take(batches: Iterator[Any], rows: int) -> list[Any]:
    """Take batches of so many rows in all.

    Arrow may hand out a batch in pieces, never across what was asked for.
    """
    taken: list[Any] = []
    while rows > 0:
        batch = next(batches, None)
        if batch is None or batch.num_rows > rows:
            raise ValueError("its rows are not those that the file's metadata declare")
        taken.append(batch)
        rows -= batch.num_rows
    return taken


def _numpy_dtype(kind: Any) -> np.dtype[Any]:
    """Give the dtype of a column without missing values."""
    import pyarrow as pa

    if pa.types.is_boolean(kind):
        return np.dtype(np.uint8)
    return np.dtype(np.float64) if pa.types.is_decimal(kind) else np.dtype(kind.to_pandas_dtype())
