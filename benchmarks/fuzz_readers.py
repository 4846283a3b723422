"""The readers that are fuzzed. A new one is one line of `READERS`."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fastlogreg.files import Data, read_data
from fastlogreg.model import Model

from . import fuzz_hostile as hostile

X = np.arange(12.0).reshape(4, 3) / 8
Y = np.array([0, 1, 1, 0])
Maker = Callable[[Path], list[Path]]


class Reader(NamedTuple):
    """seeds writes valid files into a folder, read is what is tested, hostile writes hand-made files."""

    seeds: Maker
    read: Callable[[Path], Any]
    hostile: Maker = lambda folder: []


def _npy(folder: Path) -> list[Path]:
    images = np.arange(80, dtype=np.uint8).reshape(5, 4, 4, 1)
    arrays = (X, np.asfortranarray(X.astype(np.float32)), images, X.astype(">f8"), X > 0.5, X.astype(np.int64))
    paths = [folder / f"{k}.npy" for k in range(len(arrays) + 1)]
    for path, array in zip(paths, arrays):
        np.save(path, array)
    with open(paths[-1], "wb") as file:
        np.lib.format.write_array(file, X.astype(np.float16), version=(2, 0))
    return paths


def _npz(folder: Path) -> list[Path]:
    paths = [folder / f"{k}.npz" for k in range(3)]
    np.savez(paths[0], x=X, y=Y)
    np.savez_compressed(paths[1], images=np.arange(80, dtype=np.uint8).reshape(5, 4, 4), kinds=np.array(list("abcab")))
    np.savez(paths[2], x=X.astype(">f4"))
    return paths


def _h5(folder: Path) -> list[Path]:
    import h5py

    paths = [folder / f"{k}.h5" for k in range(4)]
    for path, version in zip(paths, ("earliest", "latest", "earliest", "latest")):
        with h5py.File(path, "w", libver=version) as file:
            if path in paths[:2]:
                file["g/x"], file["g/y"] = X, Y
            else:
                file.create_dataset("x", data=X.repeat(50, 0), chunks=(64, 2), compression="gzip", shuffle=True)
                file.create_dataset("y", data=["no", "yes"] * 100)
                file["x"].attrs["note"] = "hello"
    return paths


def _csv(folder: Path) -> list[Path]:
    rows = "".join(f"{a},{b},{c},{y}\n" for (a, b, c), y in zip(X, Y))
    texts = ("a,b,c,y\n" + rows, rows, '"a","b b",y\r\n1,2.5e3,"no"\r\n3,-4,"yes, sir"\r\n', "\ufeffa,y\n1,0\n2,1\n")
    paths = [folder / f"{k}.{suffix}" for k, suffix in enumerate(("csv", "data", "csv", "csv"))]
    for path, text in zip(paths, texts):
        path.write_bytes(text.encode())
    return paths


def _parquet(folder: Path) -> list[Path]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    numbers = {"a": X[:, 0], "b": X[:, 1].astype(np.float32), "c": np.arange(4, dtype=np.uint8), "y": Y}
    texts = {"a": X[:, 0], "flag": Y > 0, "y": pa.array(["no", "yes", None, "no"])}
    paths = [folder / f"{k}.parquet" for k in range(4)]
    for k, path in enumerate(paths):
        codec, version = ("snappy", "zstd", "none", "gzip")[k], ("1.0", "2.0")[k % 2]
        table = pa.table(numbers if k < 2 else texts)
        pq.write_table(table, path, compression=codec, data_page_version=version, row_group_size=3)
    return paths


def _libsvm(folder: Path) -> list[Path]:
    texts = ("+1 1:0.5 3:2\n-1 2:1\n", "1 1:1 2:-1e-3 # a comment\n\n0\n0 10:7\n", "2 1:1\r\n1 2:1\r\n")
    paths = [folder / f"{k}.libsvm" for k in range(len(texts))]
    for path, text in zip(paths, texts):
        path.write_bytes(text.encode())
    return paths


def _model(folder: Path) -> list[Path]:
    w = np.array([[0.1], [-1e-300], [5.0]])
    models = (
        Model(w, 0.5),
        Model(w, -1.0, w * 2, w, ("no", "yes"), ("a", "b", "c"), (1, 3), {"alpha": 0.1, "stop_reason": "iterations"}),
    )
    paths = [folder / f"{k}.model" for k in range(len(models))]
    for model, path in zip(models, paths):
        model.save(path)
    return paths


def _looked_at(data: Data) -> Data:
    """What is mapped is read too, as far as its size goes: the first and the last example."""
    for part in (data.X[:, 0], data.X[:, -1], () if data.y is None else data.y):
        np.asarray(part).tolist()
    return data


def _arrays(path: Path) -> Data:
    return _looked_at(read_data(path))


def _table(path: Path) -> Data:
    return _looked_at(read_data(path, target=-1))


def _command(path: Path) -> None:
    """`fastlogreg train PATH` ends with exit status 0, or with 2 and one line that names the file."""
    from fastlogreg.cli.app import run

    target = ("--target", "-1") if path.suffix in (".csv", ".data", ".parquet") else ()
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as errors:
        status = run(["train", str(path), "--backend", "numpy", "--iterations", "2", *target])
    lines = [line for line in errors.getvalue().splitlines() if not line.startswith("warning: ")]
    if status == 2 and len(lines) == 1 and re.match(r"error: (?!unexpected )", lines[0]):
        raise ValueError(f"{path}: {lines[0]}")  # that X is not finite, say, is said without the file's name
    if status != 0 or lines:
        raise RuntimeError(f"exit status {status}, {errors.getvalue()!r}")


def _everything(folder: Path) -> list[Path]:
    made = []
    for make in (_npz, _h5, _csv, _parquet):  # LIBSVM text is sparse: not for the NumPy backend
        (folder / make.__name__).mkdir()
        made += make(folder / make.__name__)
    return [path for path in made if path.name not in ("1.npz", "2.npz", "2.parquet", "3.parquet")]  # two classes


READERS: dict[str, Reader] = {
    "npy": Reader(_npy, _arrays, hostile.npy),
    "npz": Reader(_npz, _arrays, hostile.npz),
    "h5": Reader(_h5, _arrays, hostile.h5),
    "csv": Reader(_csv, _table, hostile.csv),
    "parquet": Reader(_parquet, _table, hostile.parquet),
    "libsvm": Reader(_libsvm, _arrays, hostile.libsvm),
    "model": Reader(_model, Model.load, hostile.model),
    "command": Reader(_everything, _command),
}
