"""The data of `digests`: X and y of every dtype, order and source, from seeds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

ORDERS = ("example-major", "feature-major")


@lru_cache(maxsize=4)
def rows_of(m: int, n_x: int, dtype: str, seed: int = 0) -> np.ndarray:
    """Return examples in rows (m, n_x): normal, or short integers over their whole range."""
    rng, kind = np.random.default_rng([seed, m, n_x]), np.dtype(dtype)
    if kind.kind == "b":
        return rng.random((m, n_x)) < 0.5
    if kind.kind in "iu" and kind.itemsize <= 2:
        limits = np.iinfo(kind)
        return rng.integers(limits.min, limits.max, size=(m, n_x), endpoint=True).astype(kind)
    normal = rng.normal(size=(m, n_x))
    return (np.rint(1e4 * normal) if kind.kind in "iu" else normal).astype(kind)


def laid_out(rows: np.ndarray, order: str) -> np.ndarray:
    """Return X (n_x, m) of these rows in an order."""
    if order == "feature-major":
        return np.ascontiguousarray(rows.T)
    if order == "strided":
        wide = np.zeros((2 * len(rows), rows.shape[1] + 2), rows.dtype)
        wide[::2, 1:-1] = rows
        return wide[::2, 1:-1].T
    return np.ascontiguousarray(rows).T


@lru_cache(maxsize=1)
def correlated(m: int, n_x: int) -> np.ndarray:
    """Return rows (m, n_x) whose columns depend on each other, up to a ten thousandth."""
    turned = np.linalg.qr(np.random.default_rng(n_x).normal(size=(n_x, n_x)))[0]
    return rows_of(m, n_x, "float64", seed=2) @ (turned * np.logspace(0, -4, n_x)) @ turned.T


def labels_of(rows: np.ndarray, noise: float = 2.0) -> np.ndarray:
    """Return labels (m,) of both classes that follow the rows, with noise."""
    rng = np.random.default_rng(rows.shape)
    x = rows.astype(np.float64)
    deviation = x.std(axis=0)
    z = ((x - x.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)) @ rng.normal(
        size=x.shape[1]
    )
    z = z / x.shape[1] ** 0.5 + noise * rng.normal(size=len(x))
    y = (z > np.median(z)).astype(np.uint8)
    y[0], y[-1] = 0, 1
    return y


def folding(name: str, n_x: int) -> dict[str, Any]:
    """Return the options of `propagate` that go by this name."""
    rng = np.random.default_rng(n_x)
    per_feature = {"scale": rng.uniform(0.5, 2.0, (n_x, 1)), "shift": rng.normal(size=(n_x, 1))}
    return {
        "plain": {},
        "penalty": {"lambda_": 0.1},
        "folded": {"lambda_": 0.1, "scale": 0.7, "shift": -0.1},
        "per feature": {"lambda_": 1.5, **per_feature},
    }[name]


FOLDINGS = ("plain", "penalty", "folded", "per feature")


def folding_of(k: int) -> str:
    return FOLDINGS[k % len(FOLDINGS)]


def sparse_of(m: int, n_x: int, dtype: str, index: str, density: float = 0.1) -> Any:
    """Return a scipy CSR (m, n_x)."""
    from scipy import sparse

    rows = rows_of(m, n_x, dtype, seed=7).copy()
    rows[np.random.default_rng([m, n_x]).random((m, n_x)) > density] = 0
    X = sparse.csr_matrix(rows)
    X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
    return X


class Indexed:
    """Blocks by __len__ and __getitem__ alone."""

    def __init__(self, blocks: list[np.ndarray]) -> None:
        self.blocks = blocks

    def __len__(self) -> int:
        return len(self.blocks)

    def __getitem__(self, k: int) -> np.ndarray:
        return self.blocks[k]


class Restartable:
    """An iterable of blocks that begins anew."""

    def __init__(self, blocks: list[np.ndarray]) -> None:
        self.blocks = blocks

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self.blocks)


SOURCES = ("npy", "npy by features", "memmap", "hdf5", "parquet", "list", "indexed", "iterable")


def source_of(kind: str, rows: np.ndarray, folder: Path) -> Any:
    """Return what `RowBlocks` is given: a file in the folder, or blocks of 217 rows."""
    path = folder / "X.npy"
    if kind in ("npy", "npy by features", "memmap"):
        np.save(path, np.asfortranarray(rows) if kind == "npy by features" else rows)
        return np.load(path, mmap_mode="r") if kind == "memmap" else str(path)
    if kind == "hdf5":
        import h5py

        with h5py.File(folder / "X.h5", "w") as file:
            file.create_dataset("X", data=rows, chunks=(100, rows.shape[1]))
        return f"{folder / 'X.h5'}:X"
    if kind == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = {f"c{j}": np.ascontiguousarray(rows[:, j]) for j in range(rows.shape[1])}
        pq.write_table(pa.table(columns), folder / "X.parquet", row_group_size=400)
        return folder / "X.parquet"
    pieces = [rows[lo : lo + 217] for lo in range(0, len(rows), 217)]
    return {"list": pieces, "indexed": Indexed(pieces), "iterable": Restartable(pieces)}[kind]
