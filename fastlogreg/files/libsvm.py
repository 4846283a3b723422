"""LIBSVM text: `label index:value ...`, one example a line, indices rising from 1, zeros left out.
Read into a sparse X.

The file is read in blocks of whole lines. A block of plain numbers is taken apart by NumPy: the
shape of every field is checked on the bytes (no letters but an exponent's, one colon between digits
and a number), then all numbers of the block are converted in one call. A block in which anything
else is found (a comment, nan, a mistake) goes line by line, which also is what says where the
mistake is. What is kept grows with what has been read: no size is believed before it is seen.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..checks.extras import require
from .common import FORMATS, Data, check_fits, is_number

_LIBSVM_LINE = re.compile(rb"(?m)^\s*[-+.\deE]+(\s+\d+:[-+.\deEnNiI]|\s*$)")
_BLOCK, _LONGEST_LINE = 1 << 20, 1 << 30
_LARGEST = 2**53 - 1  # of a column: the indices, one more, are then exact as float64
_NUMBER, _SPACE = (
    np.isin(np.arange(256), list(text)) for text in (b"0123456789+-.eE:", b" \t\r\n")
)
_DIGIT = np.isin(np.arange(256), list(b"0123456789"))


class _Part(NamedTuple):
    """Labels and number of entries of some examples; column (from 0) and value of each entry."""

    labels: NDArray[np.float64]
    counts: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: NDArray[np.float64]


def read_libsvm(path: Path, n_features: int | None) -> Data:
    """X (n_x, m) is a scipy CSC, float64: the transposed view of a CSR with a row for each
    example."""
    with open(path, "rb") as file:
        if not _LIBSVM_LINE.search(file.read(4096)):
            raise ValueError(f"{path} is of no known format; expected {FORMATS}")
    sparse = require("scipy.sparse", "cli", f"reading {path}")
    labels, counts, columns, values = bytearray(), bytearray(), bytearray(), bytearray()
    largest = -1
    for number, text in _blocks(path):
        part = _plain(text) or _careful(path, number, text)
        largest = max(largest, int(part.columns.max(initial=-1)))
        small = largest < 2**31 - 1  # so far: four bytes for eight
        if not small and columns and len(columns) * 2 == len(values):
            columns = bytearray(np.frombuffer(columns, np.int32).astype(np.int64).tobytes())
        columns += part.columns.astype(np.int32 if small else np.int64).tobytes()
        labels += part.labels.tobytes()
        counts += part.counts.tobytes()
        values += part.values.tobytes()
    n_x, m = largest + 1, len(labels) // 8
    if n_features is not None and n_x > n_features:
        raise ValueError(
            f"{path} has {n_x} features where {n_features} are expected; train with --n-features "
            f"{n_x}"
        )
    n_x = n_features or n_x
    if n_x == 0 or m == 0:
        raise ValueError(
            f"X is empty: {path} has shape {(m, n_x)}; at least one example and one feature are "
            "needed"
        )
    check_fits(path, "one weight for each feature", 8 * n_x)
    nnz = len(values) // 8
    index = np.int32 if len(columns) == 4 * nnz and nnz < 2**31 else np.int64
    starts = np.zeros(m + 1, index)
    np.cumsum(np.frombuffer(counts, np.int64), out=starts[1:])
    stored = np.frombuffer(columns, np.int32 if len(columns) == 4 * nnz else np.int64)
    X = sparse.csr_array(
        (np.frombuffer(values), stored.astype(index, copy=False), starts), shape=(m, n_x)
    )
    return Data(X.T, np.frombuffer(labels).copy(), None, None, str(path))


def _blocks(path: Path) -> Iterator[tuple[int, bytes]]:
    """(number of the first line, whole lines) until the end of the file."""
    number = 1
    with open(path, "rb") as file:
        while text := file.read(_BLOCK):
            text += _rest_of_line(path, number, text, file)
            yield number, text
            number += text.count(b"\n")


def _rest_of_line(path: Path, number: int, text: bytes, file: IO[bytes]) -> bytes:
    if text.endswith(b"\n"):
        return b""
    rest = file.readline(_LONGEST_LINE)
    if len(rest) == _LONGEST_LINE:
        raise ValueError(f"{path}, line {number + text.count(10)}: the line is longer than 1 GiB")
    return rest


def _plain(text: bytes) -> _Part | None:
    """The examples of a block of plain numbers, or None where that is not what it is."""
    raw = np.frombuffer(text, np.uint8)
    space = _SPACE[raw]
    if not (_NUMBER[raw] | space).all():
        return None
    inside = ~space
    edges = np.diff(inside, prepend=False, append=False)
    bounds = np.flatnonzero(edges)
    begin, end = bounds[::2], bounds[1::2]  # of the fields
    colons = np.flatnonzero(raw == ord(":"))
    if not begin.size:
        return None
    line_of = np.searchsorted(np.flatnonzero(raw == ord("\n")), begin)
    first = np.append(True, line_of[1:] != line_of[:-1])  # the label of each line
    pairs_begin, pairs_end = begin[~first], end[~first]
    if (
        colons.size != pairs_begin.size
        or (colons <= pairs_begin).any()
        or (colons >= pairs_end - 1).any()
    ):
        return None
    others = np.cumsum(~_DIGIT[raw], dtype=np.int64)
    if (
        others[colons - 1] != others[pairs_begin - 1]
    ).any():  # there is a byte before every pair: the one after a label
        return None
    with warnings.catch_warnings():
        warnings.simplefilter(
            "error", DeprecationWarning
        )  # what NumPy says of text that is no number
        try:
            numbers = np.fromstring(text.replace(b":", b" ").decode("ascii"), np.float64, sep=" ")
        except (DeprecationWarning, ValueError):
            return None
    if numbers.size != begin.size + colons.size:
        return None
    is_label = np.zeros(numbers.size, bool)
    at = np.cumsum(np.where(first, 1, 2)) - np.where(first, 1, 2)
    is_label[at[first]] = True
    pairs = numbers[~is_label]
    columns, counts = pairs[::2] - 1, np.diff(np.append(np.flatnonzero(first), first.size)) - 1
    steps = np.diff(columns, prepend=-1.0)
    of_pairs = np.cumsum(counts) - counts
    steps[of_pairs[counts > 0]] = columns[of_pairs[counts > 0]] + 1
    if columns.size and (not float(steps.min()) > 0.0 or not float(columns.max()) < _LARGEST):
        return None
    return _Part(
        numbers[is_label], counts.astype(np.int64), columns.astype(np.int64), pairs[1::2].copy()
    )


def _careful(path: Path, number: int, text: bytes) -> _Part:
    """The examples of any block, line by line; ValueError with the number of the first line that is
    wrong."""
    labels: list[float] = []
    counts: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    for line in text.decode("utf-8", errors="replace").split("\n"):
        fields = line.partition("#")[0].split()
        last = -1
        for field in fields[1:]:
            column, entry = _pair(field)
            if not last < column < _LARGEST:
                raise ValueError(
                    f"{path}, line {number}: {field[:80]!r} is no INDEX:VALUE with INDEX rising "
                    "from 1"
                )
            columns.append(column)
            values.append(entry)
            last = column
        if fields:
            if not is_number(fields[0]):
                raise ValueError(
                    f"{path}, line {number}: the label {fields[0][:80]!r} is not a number"
                )
            labels.append(float(fields[0]))
            counts.append(len(fields) - 1)
        number += 1
    kept = np.array(labels, np.float64), np.array(counts, np.int64)
    return _Part(*kept, np.array(columns, np.int64), np.array(values, np.float64))


def _pair(field: str) -> tuple[int, float]:
    """Column from 0 and value; column -1 where the field is no such pair."""
    index, _, value = field.partition(":")
    try:
        return int(index[:20]) - 1 if index.isdecimal() else -1, float(value)
    except ValueError:
        return -1, 0.0
