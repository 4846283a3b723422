"""LIBSVM text: `label index:value ...`, one example a line, indices from 1, zeros left out. Read into a dense X."""

from __future__ import annotations

import re
from array import array
from pathlib import Path

import numpy as np

from .common import FORMATS, Data, as_data, check_fits, is_number

_LIBSVM_LINE = re.compile(rb"(?m)^\s*[-+.\deE]+\s+\d+:[-+.\deE]")


def read_libsvm(path: Path, n_features: int | None) -> Data:
    with open(path, "rb") as file:
        if not _LIBSVM_LINE.search(file.read(4096)):
            raise ValueError(f"{path} is of no known format; expected {FORMATS}")
    labels = array("d")
    rows = array("q")
    columns = array("q")
    values = array("d")
    with open(path, encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            fields = line.partition("#")[0].split()
            last = -1
            for field in fields[1:]:
                index, _, value = field.partition(":")
                try:
                    column, entry = int(index) - 1, float(value)
                except ValueError:
                    column, entry = -1, 0.0
                if not last < column < 1 << 62:
                    raise ValueError(f"{path}, line {number}: {field!r} is no INDEX:VALUE with INDEX rising from 1")
                rows.append(len(labels))
                columns.append(column)
                values.append(entry)
                last = column
            if fields:
                if not is_number(fields[0]):
                    raise ValueError(f"{path}, line {number}: the label {fields[0]!r} is not a number")
                labels.append(float(fields[0]))
    n_x = max(columns, default=-1) + 1
    if n_features is not None and n_x > n_features:
        raise ValueError(f"{path} has {n_x} features where {n_features} are expected; train with --n-features {n_x}")
    n_x = n_features or n_x
    check_fits(path, "the matrix", 8 * len(labels) * n_x)
    dense = np.zeros((len(labels), n_x))
    dense[np.asarray(rows), np.asarray(columns)] = values
    return as_data(path, dense, np.array(labels))
