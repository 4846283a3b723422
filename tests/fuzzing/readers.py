"""The readers that are fuzzed. A new one is one line of `READERS`."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

import fastlogreg as flr
from fastlogreg.files import read_data
from fastlogreg.files.common import Data
from fastlogreg.models.model import Model
from fastlogreg.solvers.result import TrainingWarning

from . import hostile

X = np.arange(12.0).reshape(4, 3) / 8
Y = np.array([0, 1, 1, 0])
Maker = Callable[[Path], list[Path]]


class Reader(NamedTuple):
    """seeds writes valid files into a folder, read is what is tested, hostile writes hand-made
    files."""

    seeds: Maker
    read: Callable[[Path], Any]
    hostile: Maker = lambda folder: []


def _npy(folder: Path) -> list[Path]:
    images = np.arange(80, dtype=np.uint8).reshape(5, 4, 4, 1)
    arrays = (
        X,
        np.asfortranarray(X.astype(np.float32)),
        images,
        X.astype(">f8"),
        X > 0.5,
        X.astype(np.int64),
    )
    paths = [folder / f"{k}.npy" for k in range(len(arrays) + 1)]
    for path, array in zip(paths, arrays):
        np.save(path, array)
    with open(paths[-1], "wb") as file:
        np.lib.format.write_array(file, X.astype(np.float16), version=(2, 0))
    return paths


def _npz(folder: Path) -> list[Path]:
    paths = [folder / f"{k}.npz" for k in range(3)]
    np.savez(paths[0], x=X, y=Y)
    np.savez_compressed(
        paths[1],
        images=np.arange(80, dtype=np.uint8).reshape(5, 4, 4),
        kinds=np.array(list("abcab")),
    )
    np.savez(paths[2], x=X.astype(">f4"))
    return paths


def _h5(folder: Path) -> list[Path]:
    import h5py

    paths = [folder / f"{k}.h5" for k in range(4)]
    for path, version in zip(paths, ("earliest", "latest", "earliest", "latest")):
        with h5py.File(path, "w", libver=version) as file:
            if path in paths[:2]:
                file.create_group(
                    "g"
                )  # made along the way, it would hold the time, and the bytes are to be the same
                file["g/x"], file["g/y"] = X, Y
            else:
                file.create_dataset(
                    "x", data=X.repeat(50, 0), chunks=(64, 2), compression="gzip", shuffle=True
                )
                file.create_dataset("y", data=["no", "yes"] * 100)
                file["x"].attrs["note"] = "hello"
    return paths


def _csv(folder: Path) -> list[Path]:
    rows = "".join(f"{a},{b},{c},{y}\n" for (a, b, c), y in zip(X, Y))
    texts = (
        "a,b,c,y\n" + rows,
        rows,
        '"a","b b",y\r\n1,2.5e3,"no"\r\n3,-4,"yes, sir"\r\n',
        "\ufeffa,y\n1,0\n2,1\n",
    )
    paths = [folder / f"{k}.{suffix}" for k, suffix in enumerate(("csv", "data", "csv", "csv"))]
    for path, text in zip(paths, texts):
        path.write_bytes(text.encode())
    return paths


def _parquet(folder: Path) -> list[Path]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    numbers = {
        "a": X[:, 0],
        "b": X[:, 1].astype(np.float32),
        "c": np.arange(4, dtype=np.uint8),
        "y": Y,
    }
    texts = {"a": X[:, 0], "flag": Y > 0, "y": pa.array(["no", "yes", None, "no"])}
    paths = [folder / f"{k}.parquet" for k in range(4)]
    for k, path in enumerate(paths):
        codec, version = ("snappy", "zstd", "none", "gzip")[k], ("1.0", "2.0")[k % 2]
        table = pa.table(numbers if k < 2 else texts)
        pq.write_table(table, path, compression=codec, data_page_version=version, row_group_size=3)
    return paths


def _libsvm(folder: Path) -> list[Path]:
    texts = (
        "+1 1:0.5 3:2\n-1 2:1\n",
        "1 1:1 2:-1e-3 # a comment\n\n0\n0 10:7\n",
        "2 1:1\r\n1 2:1\r\n",
    )
    paths = [folder / f"{k}.libsvm" for k in range(len(texts))]
    for path, text in zip(paths, texts):
        path.write_bytes(text.encode())
    return paths


def _model(folder: Path) -> list[Path]:
    w = np.array([[0.1], [-1e-300], [5.0]])
    models = (
        Model(w, 0.5),
        Model(
            w,
            -1.0,
            w * 2,
            w,
            ("no", "yes"),
            ("a", "b", "c"),
            (1, 3),
            {"alpha": 0.1, "stop_reason": "iterations"},
        ),
    )
    paths = [folder / f"{k}.model" for k in range(len(models))]
    for model, path in zip(models, paths):
        model.save(path)
    return paths


def _checkpoint(folder: Path) -> list[Path]:
    """Of each method a run that was cut off, or had come to its end; the name's ending is the
    method."""
    paths = [
        folder / f"{iterations}.{method}"
        for method in METHODS
        for iterations in MADE.get(method, (3, 9))
    ]
    with mock.patch(
        "time.perf_counter", return_value=0.0
    ):  # its seconds are in the file, whose bytes are to be the same
        for path in paths:
            _train(path.suffix[1:], int(path.stem), checkpoint=path)
    return paths


def _blocks(folder: Path) -> list[Path]:
    import h5py

    several = folder / "several.h5"
    with h5py.File(several, "w") as file:
        file.create_dataset("x", (17, 1 << 20), "u1", chunks=(1, 1 << 20), compression="gzip")[
            ...
        ] = 1  # of 16 MiB and 1
        file["y"] = np.arange(17)
    return [several, *_npy(folder), *_h5(folder)[2:], *_parquet(folder)]


def _looked_at(data: Data) -> Data:
    """What is mapped is read too, as far as its size goes: the first and the last example."""
    for part in (data.X[:, 0], data.X[:, -1], () if data.y is None else data.y):
        np.asarray(part).tolist()
    return data


def _arrays(path: Path) -> Data:
    return _looked_at(read_data(path))


def _table(path: Path) -> Data:
    return _looked_at(read_data(path, target=-1))


# What a checkpoint's method is, and the solver, the shape and the tol that lead to it.
METHODS: dict[str, tuple[str, tuple[int, int], float | None]] = {
    "gd": ("gd", (4, 60), None),
    "gram": ("gd", (600, 8), None),
    "nesterov": ("nesterov", (4, 60), 1e-12),
    "lbfgs": ("lbfgs", (4, 60), 1e-12),
    "newton": ("newton", (4, 60), 1e-12),
    "auto": ("auto", (4, 60), 1e-12),
}
MADE = {"gram": (300, 400)}  # iterations: for fewer it does not pay


def _train(method: str, iterations: int = 500, **options: Any) -> flr.TrainingResult:
    solver, shape, tol = METHODS[method]
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape)
    y = (x[:1] + rng.normal(size=(1, shape[1])) > 0).astype(np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)  # that it has not converged
        return flr.train(
            x, y, solver=solver, tol=tol, lambda_=1.0, iterations=iterations, **options
        )


_uninterrupted = cache(_train)


def _resumed(path: Path) -> None:
    """The run goes on to the bits of one that was never cut off, or the file is refused and left
    alone."""
    content = path.read_bytes()
    method = path.suffix[1:] if path.suffix[1:] in METHODS else "lbfgs"
    expected = _uninterrupted(method)
    try:
        found = _train(method, checkpoint=path, resume=True)
    except (ValueError, TypeError):
        if path.read_bytes() != content:
            raise RuntimeError(f"{path} was refused, and is not as it was") from None
        raise
    path.write_bytes(content)  # the valid ones are read again
    for name in ("w", "b", "cost", "costs", "iterations", "stop_reason"):
        if not np.array_equal(getattr(found, name), getattr(expected, name)):
            raise RuntimeError(
                f"{name} is {getattr(found, name)!r} instead of {getattr(expected, name)!r}"
            )


def _in_blocks(path: Path) -> None:
    """The blocks of the first, the middle and the last row are read, and the labels."""
    budget: dict[str, Any] = {"max_memory": 64 << 20}
    if path.suffix == ".parquet":
        blocks, _ = flr.RowBlocks.from_parquet(path, -1, **budget)
    else:
        blocks = flr.RowBlocks(f"{path}:x" if path.suffix == ".h5" else path, **budget)
    m = blocks.shape[1]
    try:
        blocks.take(np.unique([0, m // 2, m - 1]))
    except OSError as error:  # documented of a block, and of no file that is opened
        raise ValueError(str(error)) from error
    if path.suffix == ".h5":
        flr.RowBlocks.from_hdf5(path, "x", "y", **budget)


def _command(path: Path) -> None:
    """`fastlogreg train PATH` ends with exit status 0, or with 2 and one line that names the
    file."""
    from fastlogreg.cli.app import run

    target = ("--target", "-1") if path.suffix in (".csv", ".data", ".parquet") else ()
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as errors:
        status = run(["train", str(path), "--backend", "numpy", "--iterations", "2", *target])
    lines = [line for line in errors.getvalue().splitlines() if not line.startswith("warning: ")]
    if status == 2 and len(lines) == 1 and re.match(r"error: (?!unexpected )", lines[0]):
        raise ValueError(
            f"{path}: {lines[0]}"
        )  # that X is not finite, say, is said without the file's name
    if status != 0 or lines:
        raise RuntimeError(f"exit status {status}, {errors.getvalue()!r}")


def _everything(folder: Path) -> list[Path]:
    made = []
    for make in (_npz, _h5, _csv, _parquet):  # LIBSVM text is sparse: not for the NumPy backend
        (folder / make.__name__).mkdir()
        made += make(folder / make.__name__)
    return [
        path for path in made if path.name not in ("1.npz", "2.npz", "2.parquet", "3.parquet")
    ]  # two classes


READERS: dict[str, Reader] = {
    "npy": Reader(_npy, _arrays, hostile.npy),
    "npz": Reader(_npz, _arrays, hostile.npz),
    "h5": Reader(_h5, _arrays, hostile.h5),
    "csv": Reader(_csv, _table, hostile.csv),
    "parquet": Reader(_parquet, _table, hostile.parquet),
    "libsvm": Reader(_libsvm, _arrays, hostile.libsvm),
    "model": Reader(_model, Model.load, hostile.model),
    "checkpoint": Reader(_checkpoint, _resumed, hostile.npz),
    "blocks": Reader(_blocks, _in_blocks, hostile.blocks),
    "command": Reader(_everything, _command),
}
