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
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..checks.extras import require
from .common import FORMATS, Data, check_fits, is_number
from .labels import EXACT, labels_of_words

_LIBSVM_LINE = re.compile(rb"(?m)^\s*[-+.\deE]+(\s+(qid:\d|\d+:[-+.\deEnNiI])|\s*$)")
_BLOCK, _LONGEST_LINE = 1 << 20, 1 << 30
_LARGEST = 2**53 - 1  # of a column: the indices, one more, are then exact as float64
_NUMBER, _SPACE = (
    np.isin(np.arange(256), list(text)) for text in (b"0123456789+-.eE:", b" \t\r\n")
)
_DIGIT = np.isin(np.arange(256), list(b"0123456789"))


class _Part(NamedTuple):
    """Some examples: labels and numbers of entries; column (from 0) and value of each entry.

    labels: float64, or the words as text where a label is too large to be exact as float64.
    """

    labels: NDArray[Any]
    counts: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: NDArray[np.float64]


def read_libsvm(path: Path, n_features: int | None, first: int = 1) -> Data:
    """Read X (n_x, m) as a scipy CSC of float64: a CSR with a row for each example, transposed.

    first: the index of the first feature, 0 or 1.
    """
    with open(path, "rb") as file:
        if not _LIBSVM_LINE.search(file.read(4096)):
            raise ValueError(f"{path} is of no known format; expected {FORMATS}")
    sparse = require("scipy.sparse", "cli", f"reading {path}")
    labels: list[NDArray[Any]] = []
    counts, columns, values = bytearray(), bytearray(), bytearray()
    largest = -1
    for number, text in _blocks(path):
        part = _plain(text, first) or _careful(path, number, text, first)
        largest = max(largest, int(part.columns.max(initial=-1)))
        small = largest < 2**31 - 1  # so far: four bytes instead of eight
        if not small and columns and len(columns) * 2 == len(values):
            columns = bytearray(np.frombuffer(columns, np.int32).astype(np.int64).tobytes())
        columns += part.columns.astype(np.int32 if small else np.int64).tobytes()
        labels.append(part.labels)
        counts += part.counts.tobytes()
        values += part.values.tobytes()
    n_x, m = largest + 1, len(counts) // 8
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
    return Data(X.T, _joined(labels), None, None, str(path))


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    """Join the labels of all blocks: float64, or what their words say where any block has words."""
    if all(part.dtype == np.float64 for part in parts):
        return np.concatenate(parts)
    words, codes = np.unique(np.concatenate([_words(part) for part in parts]), return_inverse=True)
    return labels_of_words(words.tolist(), codes, spelt=False)


def _words(labels: NDArray[Any]) -> NDArray[Any]:
    """Write labels as words, whole numbers without a point."""
    if labels.dtype != np.float64:
        return labels
    values, codes = np.unique(labels, return_inverse=True)
    words = [str(int(v)) if v.is_integer() else repr(v) for v in values.tolist()]
    return np.array(words, dtype=str)[codes]


def _blocks(path: Path) -> Iterator[tuple[int, bytes]]:
    """Read whole lines, and the number of the first, until the end of the file."""
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


def _plain(text: bytes, start: int = 1) -> _Part | None:
    """Read a block of plain numbers; None where that is not what it is."""
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
    labels = numbers[is_label]
    if _are_large(labels):
        ends = zip(begin[first].tolist(), end[first].tolist())
        labels = np.array([text[lo:hi].decode("ascii") for lo, hi in ends], dtype=str)
    pairs = numbers[~is_label]
    columns, counts = pairs[::2] - start, np.diff(np.append(np.flatnonzero(first), first.size)) - 1
    steps = np.diff(columns, prepend=-1.0)
    of_pairs = np.cumsum(counts) - counts
    steps[of_pairs[counts > 0]] = columns[of_pairs[counts > 0]] + 1
    if columns.size and (not float(steps.min()) > 0.0 or not float(columns.max()) < _LARGEST):
        return None
    return _Part(labels, counts.astype(np.int64), columns.astype(np.int64), pairs[1::2].copy())


def _careful(path: Path, number: int, text: bytes, start: int = 1) -> _Part:
    """Read any block line by line; ValueError with the number of the first line that is wrong."""
    labels: list[str] = []
    counts: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    for line in text.decode("utf-8", errors="replace").split("\n"):
        fields = line.partition("#")[0].split()
        last = -1
        if len(fields) > 1 and fields[1].startswith("qid:"):
            del fields[1]  # the query of a ranking: no feature
        for field in fields[1:]:
            column, entry = _pair(field, start)
            if not last < column < _LARGEST:
                raise ValueError(
                    f"{path}, line {number}: {field[:80]!r} is no INDEX:VALUE with INDEX rising "
                    f"from {start}"
                    + ("; --zero-based reads a file that counts from 0" if start else "")
                )
            columns.append(column)
            values.append(entry)
            last = column
        if fields:
            if not is_number(fields[0]):
                raise ValueError(
                    f"{path}, line {number}: the label {fields[0][:80]!r} is not a number"
                )
            labels.append(fields[0])
            counts.append(len(fields) - 1)
        number += 1
    numbers = np.array(list(map(float, labels)), np.float64)
    return _Part(
        np.array(labels, dtype=str) if _are_large(numbers) else numbers,
        np.array(counts, np.int64),
        np.array(columns, np.int64),
        np.array(values, np.float64),
    )


def _are_large(labels: NDArray[np.float64]) -> bool:
    """Tell whether any label may not be what was written: float64 holds whole numbers to 2^53."""
    return bool((np.abs(labels) >= EXACT).any())


def _pair(field: str, start: int) -> tuple[int, float]:
    """Read column, from 0, and value; column -1 where the field is no such pair."""
    index, _, value = field.partition(":")
    try:
        return int(index[:20]) - start if index.isdecimal() else -1, float(value)
    except ValueError:
        return -1, 0.0
