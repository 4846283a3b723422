"""The problems on which solvers are compared: made from fixed seeds, or real data that is there.

PROBLEMS: name -> a function (name, folder of real data, divisor of m) -> `Problem`, or None where
its data is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from . import data as real


class Problem(NamedTuple):
    """Holds X (m, n_x), a C array in its dtype or a scipy CSR, y (m,) of 0 .. classes - 1, and
    lambda. With more than two classes J is that of softmax."""

    name: str
    X: Any
    y: Any
    lambda_: float = 1.0

    @property
    def classes(self) -> int:
        """Count the classes."""
        return int(self.y.max()) + 1


def blocks(problem: Problem) -> Iterator[tuple[slice, Any]]:
    """Yield the examples and their X as float64, block by block; a sparse X as it is."""
    if not isinstance(problem.X, np.ndarray):
        yield slice(0, len(problem.y)), problem.X
        return
    step = max(64, (1 << 20) // problem.X.shape[1])
    for lo in range(0, len(problem.y), step):
        part = slice(lo, lo + step)
        yield part, np.asarray(problem.X[part], np.float64)


Make = Callable[[str, "Path | None", int], "Problem | None"]


def labels(rng: Any, z: Any) -> Any:
    """Draw labels with P(y = 1) = sigmoid(z)."""
    return (rng.random(z.size) < 1.0 / (1.0 + np.exp(-z))).astype(np.uint8)


def correlated(m: int, n_x: int, dtype: Any, decades: float = 0.0, rho: float = 0.6) -> Make:
    """Make AR(1) columns with correlation rho between neighbours, scaled over so many decades."""

    def make(name: str, data: Path | None, divisor: int) -> Problem:
        rng = np.random.default_rng(0)
        X = rng.standard_normal((m // divisor, n_x))
        for j in range(1, n_x):
            X[:, j] = rho * X[:, j - 1] + np.sqrt(1 - rho * rho) * X[:, j]
        y = labels(rng, X @ (2.0 * rng.standard_normal(n_x) / np.sqrt(n_x)) + 0.3)
        X *= 10.0 ** np.linspace(-decades / 2, decades / 2, n_x)
        return Problem(name, X.astype(dtype), y)

    return make


def images(dtype: Any) -> Make:
    """Make 2,000 images of 12,288 values in [0, 1]: twenty motifs, mixed, and noise.

    lambda / m is 1e-2.
    """

    def make(name: str, data: Path | None, divisor: int) -> Problem:
        rng = np.random.default_rng(1)
        m, n_x = 2000 // divisor, 12288
        X = np.clip(
            rng.random((m, 20)) @ rng.random((20, n_x)) / 10 + 0.2 * rng.random((m, n_x)), 0.0, 1.0
        )
        y = labels(rng, 3.0 * ((X - X.mean(axis=0)) @ (rng.standard_normal(n_x) / 30)))
        return Problem(name, X.astype(dtype), y, 1e-2 * m)

    return make


def breast_cancer(dtype: Any) -> Make:
    """Take the 569 x 30 that come with scikit-learn, standardised."""

    def make(name: str, data: Path | None, divisor: int) -> Problem | None:
        try:
            from sklearn.datasets import load_breast_cancer
        except ImportError:
            return None
        X, y = load_breast_cancer(return_X_y=True)
        return Problem(
            name, ((X - X.mean(axis=0)) / X.std(axis=0)).astype(dtype), y.astype(np.uint8)
        )

    return make


def mnist(name: str, data: Path | None, divisor: int) -> Problem | None:
    """Take 60,000 images as they are, bytes: zeros against the rest."""
    found = real.mnist(real.DATA if data is None else data)
    return None if found is None else Problem(name, *(part[::divisor].copy() for part in found))


def a9a(name: str, data: Path | None, divisor: int) -> Problem | None:
    """Take the 32,561 x 123 of zeros and ones, as float64."""
    found = real.a9a(real.DATA if data is None else data, divisor)
    return None if found is None else Problem(name, *found)


def a9a_csr(name: str, data: Path | None, divisor: int) -> Problem | None:
    """Take a9a as CSR: 14 ones in a row."""
    from scipy.sparse import csr_matrix

    dense = a9a(name, data, divisor)
    return None if dense is None else dense._replace(X=csr_matrix(dense.X))


def drawn_classes(rng: Any, Z: Any) -> Any:
    """Draw labels with P(y = k) = softmax(Z)_k; Z (m, K)."""
    P = np.exp(Z - Z.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    drawn = (P.cumsum(axis=1) < rng.random((len(Z), 1))).sum(axis=1)
    return np.minimum(drawn, Z.shape[1] - 1).astype(np.int32)


def correlated_classes(m: int, n_x: int, classes: int, rho: float = 0.6) -> Make:
    """Make AR(1) columns, and labels of several classes."""

    def make(name: str, data: Path | None, divisor: int) -> Problem:
        rng = np.random.default_rng(2)
        X = rng.standard_normal((m // divisor, n_x))
        for j in range(1, n_x):
            X[:, j] = rho * X[:, j - 1] + np.sqrt(1 - rho * rho) * X[:, j]
        W = 2.0 * rng.standard_normal((n_x, classes)) / np.sqrt(n_x)
        return Problem(name, X, drawn_classes(rng, X @ W + 0.3 * rng.standard_normal(classes)))

    return make


def small_classes(which: str, divide: float = 1.0) -> Make:
    """Take iris or digits, which come with scikit-learn; standardised without a divisor."""

    def make(name: str, data: Path | None, divisor: int) -> Problem | None:
        try:
            from sklearn import datasets
        except ImportError:
            return None
        X, y = getattr(datasets, f"load_{which}")(return_X_y=True)
        X = X / divide if divide != 1.0 else (X - X.mean(axis=0)) / X.std(axis=0)
        return Problem(name, X, y.astype(np.int32))

    return make


def mnist_digits(name: str, data: Path | None, divisor: int) -> Problem | None:
    """Take 60,000 images as they are, bytes: all ten digits. lambda is 255^2, 1 for pixels in
    [0, 1]."""
    found = real.mnist(real.DATA if data is None else data, digits=True)
    if found is None:
        return None
    return Problem(name, *(part[::divisor].copy() for part in found), 255.0**2)


def csr_classes(name: str, data: Path | None, divisor: int) -> Problem:
    """Make 20,000 x 50,000 with 50 per row, in twenty classes."""
    from scipy.sparse import csr_matrix

    rng = np.random.default_rng(3)
    m, n_x, k, classes = 20_000 // divisor, 50_000, 50, 20
    starts = np.arange(0, m * k + 1, k, dtype=np.int32)
    X = csr_matrix(
        (rng.standard_normal(m * k), rng.integers(0, n_x, m * k, np.int32), starts), shape=(m, n_x)
    )
    X.sum_duplicates()
    W = 3.0 * rng.standard_normal((n_x, classes)) / np.sqrt(k)
    return Problem(name, X, drawn_classes(rng, X @ W))


def random_csr(name: str, data: Path | None, divisor: int) -> Problem:
    """Make 100,000 x 50,000 with 50 per row, values and places at random."""
    from scipy.sparse import csr_matrix

    rng = np.random.default_rng(0)
    m, n_x, k = 100_000 // divisor, 50_000, 50
    starts = np.arange(0, m * k + 1, k, dtype=np.int32)
    X = csr_matrix(
        (rng.standard_normal(m * k), rng.integers(0, n_x, m * k, np.int32), starts), shape=(m, n_x)
    )
    X.sum_duplicates()
    return Problem(name, X, labels(rng, X @ (2.0 * rng.standard_normal(n_x) / np.sqrt(k)) + 0.3))


def few_features(m: int, n_x: int, chosen: int) -> Make:
    """Make AR(1) columns of which so many matter: more features than examples, mostly."""

    def make(name: str, data: Path | None, divisor: int) -> Problem:
        rng = np.random.default_rng(4)
        X = rng.standard_normal((max(100, m // divisor), n_x))
        for j in range(1, n_x):
            X[:, j] = 0.6 * X[:, j - 1] + 0.8 * X[:, j]
        w = np.zeros(n_x)
        w[rng.choice(n_x, chosen, replace=False)] = rng.standard_normal(chosen)
        return Problem(name, X, labels(rng, X @ w + 0.3))

    return make


def sparse_few_features(name: str, data: Path | None, divisor: int) -> Problem:
    """Make 50,000 x 50,000 with 50 per row, of which 200 columns matter."""
    from scipy.sparse import csr_matrix

    rng = np.random.default_rng(5)
    m, n_x, k = 50_000 // divisor, 50_000, 50
    common = (n_x * rng.random(m * k) ** 3).astype(np.int32)  # some columns are in many rows
    starts = np.arange(0, m * k + 1, k, dtype=np.int32)
    X = csr_matrix((rng.random(m * k), common, starts), shape=(m, n_x))
    X.sum_duplicates()
    w = np.zeros(n_x)
    w[rng.choice(2_000, 200, replace=False)] = 3.0 * rng.standard_normal(200)
    return Problem(name, X, labels(rng, X @ w))


def standardised(make_raw: Make) -> Make:
    """Make a dense problem with columns of mean 0 and deviation 1."""

    def make(name: str, data: Path | None, divisor: int) -> Problem | None:
        raw = make_raw(name, data, divisor)
        if raw is None:
            return None
        return raw._replace(X=(raw.X - raw.X.mean(axis=0)) / raw.X.std(axis=0))

    return make


PROBLEMS: dict[str, Make] = {}
for _dtype in ("float64", "float32"):
    PROBLEMS[f"200,000 x 30, {_dtype}"] = correlated(200_000, 30, _dtype)
    PROBLEMS[f"200,000 x 30 badly scaled, {_dtype}"] = correlated(200_000, 30, _dtype, decades=3.0)
    PROBLEMS[f"1,000,000 x 10, {_dtype}"] = correlated(1_000_000, 10, _dtype)
    PROBLEMS[f"20,000 x 500, {_dtype}"] = correlated(20_000, 500, _dtype)
    PROBLEMS[f"2,000 x 12,288, {_dtype}"] = images(_dtype)
    PROBLEMS[f"breast cancer, {_dtype}"] = breast_cancer(_dtype)
PROBLEMS["MNIST zeros, uint8"] = mnist
PROBLEMS["a9a, dense"] = a9a
PROBLEMS["a9a, CSR"] = a9a_csr
PROBLEMS["100,000 x 50,000 CSR"] = random_csr
PROBLEMS["iris, 3 classes"] = small_classes("iris")
PROBLEMS["digits, 10 classes"] = small_classes("digits", 16.0)
PROBLEMS["200,000 x 54, 7 classes"] = correlated_classes(200_000, 54, 7)
PROBLEMS["MNIST, 10 classes, uint8"] = mnist_digits
PROBLEMS["2,000 x 5,000, 5 classes"] = correlated_classes(2_000, 5_000, 5)
PROBLEMS["20,000 x 50,000 CSR, 20 classes"] = csr_classes

# For penalties that choose features.
CHOOSING: dict[str, Make] = {
    name: PROBLEMS[name] for name in ("200,000 x 30, float64", "20,000 x 500, float64", "a9a, CSR")
}
CHOOSING["500 x 10,000, float64"] = few_features(500, 10_000, 20)
CHOOSING["50,000 x 50,000 CSR"] = sparse_few_features
CHOOSING["breast cancer, standardised"] = standardised(PROBLEMS["breast cancer, float64"])
