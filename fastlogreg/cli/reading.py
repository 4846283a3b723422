"""How the commands read data: to train on, to test on, and for a model that is there already."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..checks.arguments import is_sparse
from ..checks.labels import Label, encode_labels, one_against_rest, one_label
from ..data.row_blocks import RowBlocks
from ..files import read_data
from ..files.arrays import map_npy
from ..files.columns import left_out_text
from ..files.common import Data, UnknownName
from ..models.model import Model
from ..tables.plan import Encoding
from ..tables.reading import is_table
from .report import label_lines
from .table_reading import (
    TableOptions,
    column_of,
    numbers_alone,
    other_data,
    rows_for,
    rows_of,
    training_data,
    warn_of_index,
    wrapped,
)

Array = NDArray[Any]


class DataOptions(NamedTuple):
    """The options that say what in a file is X and what is y; as `files.read_data` has them."""

    x: str | None = None
    y: str | None = None
    target: str | None = None
    header: bool | None = None
    n_features: int | None = None
    of_table: TableOptions = TableOptions()
    zero_based: bool = False

    def of_file(self) -> dict[str, Any]:
        """Return the arguments of `files.read_data`."""
        return {name: value for name, value in self._asdict().items() if name != "of_table"}

    def is_table(self, path: Path) -> bool:
        """Tell whether a file is a table."""
        return is_table(path, self.target is not None)


class Split(NamedTuple):
    """How rows are held out to test on: which share of each class, and the seed of the choice."""

    share: float
    seed: int

    def rows(self, y: Array) -> tuple[Array, Array]:
        """Choose the rows to train on and those to test on, each in order."""
        rng = np.random.default_rng(self.seed)
        _, codes = np.unique(y, return_inverse=True)
        held = np.zeros(len(y), bool)
        for k in range(int(codes.max(initial=0)) + 1):
            of_class = rng.permutation(np.flatnonzero(codes == k))
            held[of_class[: round(self.share * len(of_class))]] = True
        if held.all() or not held.any():
            raise ValueError(
                f"--test-split {self.share:g} leaves no rows to "
                f"{'train on' if held.all() else 'test on'}: there are {len(y)}"
            )
        return np.flatnonzero(~held), np.flatnonzero(held)


def read(path: Path, options: DataOptions, columns: Sequence[str] | None = None) -> Data:
    """Read a file; columns: the names of the features, where a model or a training set has them.

    A column that is left out is named in a warning.
    """
    how = options.of_file()
    if columns is not None:
        how["x"] = columns
    data = read_data(path, **how)
    if data.left_out:
        warnings.warn(left_out_text(path, data.left_out), stacklevel=2)
    return data


def read_training(path: Path, options: DataOptions, max_memory: int | None = None) -> Data:
    """Read data to train on, as `RowBlocks` where the memory for X has a limit."""
    if max_memory is None and options.is_table(path):
        rows = rows_of(path, options)
        warn_of_index(rows)
        return _expected(path, options, training_data(rows, options)[0])
    data = read(path, options) if max_memory is None else _in_blocks(path, options, max_memory)
    return _expected(path, options, data)


def read_split(path: Path, options: DataOptions, split: Split) -> tuple[Data, Data]:
    """Read data to train on and to test on from one file; a table is planned by the first alone."""
    if options.is_table(path):
        rows = rows_of(path, options)
        warn_of_index(rows)
        if rows.y is None:
            raise _no_labels(path)
        train, test = split.rows(rows.y)
        training, encoding = training_data(rows.take(train), options)
        training = _expected(path, options, training)
        return training, other_data(rows.take(test), encoding, options.of_table.keep)
    data = _expected(path, options, read(path, options))
    train, test = split.rows(labels_of(data))
    X: Any = data.X
    y = labels_of(data)
    if is_sparse(X):
        X = X.tocsc()
    return data._replace(X=X[:, train], y=y[train]), data._replace(X=X[:, test], y=y[test])


def _expected(path: Path, options: DataOptions, data: Data) -> Data:
    n_features = options.n_features
    if n_features is not None and data.X.shape[0] != n_features:
        raise ValueError(f"--n-features is {n_features}, and {path} has {data.X.shape[0]} features")
    return data


def read_test(path: Path, training: Data, options: DataOptions) -> Data:
    """Read a test set: columns of the training set's names, or datasets of the same names.

    Other names of datasets (train_x, test_x) are found where only one pair can be meant.
    """
    n_x = training.X.shape[0]
    options = options._replace(n_features=n_x)
    if options.is_table(path) and training.feature_names is not None:
        return _replayed(path, options._replace(x=None), training.table, training.feature_names)
    try:
        data = read(path, options, training.feature_names)
    except UnknownName:
        if training.feature_names is not None:
            raise
        data = read_data(path, n_features=n_x)
    return _check_features(data, n_x)


def read_for(model: Model, path: Path, options: DataOptions) -> Data:
    """Read data for a model: the columns of its names, unless others are asked for."""
    n_x = model.w.shape[0]
    if options.is_table(path):
        if model.feature_names is not None:
            return _replayed(path, options, model.table, model.feature_names)
        return _check_features(training_data(rows_of(path, options), options)[0], n_x)
    if model.table is not None:
        raise ValueError(f"the model is of the columns of a table, and {path} is none")
    columns = model.feature_names if options.x is None else None
    return _check_features(read(path, options._replace(n_features=n_x), columns), n_x)


def encoding_of_model(table: Any, names: Sequence[str]) -> Encoding:
    """Return the plans that a model has for the columns of a table."""
    return Encoding.of_numbers(names) if table is None else Encoding.of_json(table)


def _replayed(path: Path, options: DataOptions, table: Any, names: Sequence[str]) -> Data:
    """Read other data than those of training, by the plans of training."""
    encoding = encoding_of_model(table, names)
    if len(encoding.features) != len(names):
        raise ValueError(f"the model has {len(names)} features, and its table does not")
    rows = rows_for(path, options, encoding.names)
    data = other_data(rows, encoding, options.of_table.keep)
    if data.said:
        warnings.warn(f"{path}: {'; '.join(data.said)}", stacklevel=3)
    return data


def column_for(model: Model, path: Path, options: DataOptions, name: str) -> Array:
    """Read one more label of each example: a column of a table, or a dataset as --y names it."""
    if options.is_table(path):
        names = model.feature_names or ()
        columns = encoding_of_model(model.table, names).names
        return column_of(path, options, columns, name)
    how = options.of_file() | {"y": name, "n_features": model.w.shape[0]}
    return labels_of(read_data(path, **how))


def labels_of(data: Data) -> Array:
    """Give the labels; ValueError that says how to name them where there are none."""
    if data.y is None:
        raise _no_labels(data.path)
    return data.y


def _no_labels(path: Path | str) -> ValueError:
    return ValueError(
        f"{path}: no labels found; name them with --target COLUMN for a table, --y NAME "
        "for .h5 and .npz, --y FILE.npy for .npy"
    )


def classes_of(data: Data, positive: str | None) -> tuple[Array, tuple[Label, ...]]:
    """Return Y (1, m) and the labels of training data: all of them, or one against the rest."""
    if positive is not None:
        return one_against_rest(_named_labels(data, True), positive, data.path)
    Y, labels = encode_labels(labels_of(data), source=data.path)
    if data.label_names is None:
        return Y, labels
    return Y, tuple(data.label_names[int(label)] for label in labels)


def truth(data: Data, labels: tuple[Label, ...], positive: Label | None) -> Array:
    """Return Y (1, m) of other data than those of training, by the labels that these had."""
    y = _named_labels(data, any(isinstance(label, str) for label in labels))
    if positive is not None:
        return one_label(y, labels[1], data.path)
    return encode_labels(y, labels, data.path)[0]


def _named_labels(data: Data, wanted: bool) -> Array:
    """Return the labels, by their names where these are wanted and the file has them."""
    y = labels_of(data)
    return y if data.label_names is None or not wanted else np.array(data.label_names)[y]


def describe(data: Data, Y: Array, labels: tuple[Any, ...], scale: float | None) -> float:
    """Say what the training data are; give the scale to use.

    It is the one that was asked for, or else 1/255 for uint8 images, else 1.
    """
    n_x, m = data.X.shape
    shape = f" ({' x '.join(map(str, data.image_shape))})" if data.image_shape else ""
    print(f"{data.path}: {m} examples of {n_x} features{shape}, {data.X.dtype}")
    for line in data.said:
        print(*wrapped(line), sep="\n")
    print(*label_lines(np.bincount(Y[0].astype(np.intp), minlength=len(labels)), labels), sep="\n")
    if scale is not None:
        print(f"X is scaled by {scale}")
        return scale
    if data.image_shape is not None and data.X.dtype == np.uint8:
        print("uint8 images: pixels are scaled by 1/255 (--scale sets another factor)")
        return 1 / 255
    return 1.0


def _in_blocks(path: Path, options: DataOptions, max_memory: int) -> Data:
    """Read labels, and X as `RowBlocks`."""
    x, y, target = options.x, options.y, options.target
    suffix, X, labels = path.suffix.lower(), None, None
    if suffix == ".parquet" and target is not None and y is None:
        with numbers_alone("--max-memory"):
            X, labels = RowBlocks.from_parquet(path, target, columns=x, max_memory=max_memory)
    elif suffix in (".h5", ".hdf5") and x is not None and y is not None and target is None:
        X, labels = RowBlocks.from_hdf5(path, x, y, max_memory=max_memory)
    elif suffix == ".npy" and x is None and y is not None and target is None:
        X, labels = RowBlocks(path, max_memory=max_memory), map_npy(Path(y)).reshape(-1)
    else:
        raise ValueError(
            "--max-memory reads .npy with --y FILE.npy, .h5 with --x and --y, and .parquet with "
            f"--target in blocks, of numbers alone; got {path}. Without it, it is read whole"
        )
    if len(labels) != X.shape[1]:
        raise ValueError(f"{path}: X has {X.shape[1]} examples, and there are {len(labels)} labels")
    values: Any = X
    return Data(values, labels, X.names, X.image_shape, str(path))


def _check_features(data: Data, n_x: int) -> Data:
    if data.X.shape[0] != n_x:
        raise ValueError(
            f"X must have {n_x} features, as in training; {data.path} has {data.X.shape[0]}"
        )
    return data
