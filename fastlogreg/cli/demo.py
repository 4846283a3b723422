"""The main job with no file at hand: real images, the lectures' table, the backends' times for the
same run, figures.

The images are scikit-learn's digits: 1797 handwritten digits of 8 x 8 pixels (UCI "Optical
Recognition of Handwritten Digits"). First the eights against the rest, the hardest of the ten for a
linear model, by the lectures' gradient descent; then all ten classes at once, by softmax.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from ..backends.choice import BY_NAME
from ..checks.extras import require
from ..figures.training import times_figure
from ..files.writing import atomic_open
from ..models.model import Model
from .running import Examples, fit, print_costs, print_metrics, save_figure, settings

Array = NDArray[Any]
BACKENDS = ("python", "loops", "numpy", "fused")
BASELINE = "numpy"  # what the others are compared with
ITERATIONS = 1000
PYTHON_ITERATIONS = 5  # of the interpreted loops; the time of all is extrapolated
TRAINING = 1347  # three quarters; the others were written by other people
SCALE = 1 / 16  # pixels are 0 to 16
OF_TEN: dict[str, Any] = {
    "classes": 10,
    "solver": "auto",
    "lambda_": 1.0,
    "tol": 1e-8,
    "scale": SCALE,
}


def demo(
    out: Annotated[
        Path, typer.Option("--out", help="Folder for the figures and the model.")
    ] = Path("fastlogreg-demo"),
) -> None:
    """Train on handwritten digits, compare the backends, write figures."""
    require("matplotlib", "all", "the demo")
    if out.exists() and not out.is_dir():
        raise ValueError(f"cannot write into {out}: it is not a folder")
    X, digits = _digits()
    Y = (digits == 8).astype(np.uint8)
    out.mkdir(parents=True, exist_ok=True)
    X_train, Y_train, X_test, Y_test = (
        X[:, :TRAINING],
        Y[:, :TRAINING],
        X[:, TRAINING:],
        Y[:, TRAINING:],
    )
    labels = ("other", "eight")
    print(
        f"scikit-learn's digits, eights against the rest: {TRAINING} images of 8 x 8 to train, "
        f"{Y_test.size} to test"
    )

    start = time.perf_counter()
    fit(X_train, Y_train, iterations=1, scale=SCALE)
    print(
        "compiling, or loading from the cache of an earlier run: "
        f"{time.perf_counter() - start:.1f} s\n"
    )
    result = fit(X_train, Y_train, iterations=ITERATIONS, scale=SCALE)
    print_costs(result, ITERATIONS)
    model = Model(
        result.w,
        result.b,
        SCALE,
        0.0,
        labels,
        None,
        (8, 8),
        settings(result, lambda_=0.0, backend="fused"),
    )
    print_metrics(model, X_train, Y_train, "train")
    print_metrics(model, X_test, Y_test, "test")

    seconds = _compare(X_train * SCALE, Y_train, result.alpha, result.costs)
    save_figure(out / "training.png", result, model, Examples("test", X_test, Y_test))
    shown = {
        f"{name} (extrapolated)" if name == "python" else name: value
        for name, value in seconds.items()
    }
    figure = times_figure(
        shown, f"{ITERATIONS} iterations of gradient descent, {TRAINING} images of 8 x 8"
    )
    with atomic_open(out / "times.png") as file:
        figure.savefig(file, format="png", dpi=150)
    model.save(out / "model.npz")
    _all_ten(X, digits, out)
    print(
        f"\nwritten to {out.resolve()}: training.png, times.png, model.npz, digits.png, digits.npz"
    )


def _digits() -> tuple[Array, Array]:
    """Load X (64, 1797) uint8, one image per column, and Y (1, 1797): which digit each one is."""
    digits = require("sklearn.datasets", "all", "the demo").load_digits()
    images = digits.images.astype(np.uint8)
    return images.reshape(len(images), -1).T, digits.target.reshape(1, -1)


def _all_ten(X: Array, digits: Array, out: Path) -> None:
    """Train on all ten classes, and write a model and a figure with the weights of each."""
    print("\nAll ten digits at once, by softmax, to the optimum:\n")
    result = fit(X[:, :TRAINING], digits[:, :TRAINING], iterations=ITERATIONS, **OF_TEN)
    print_costs(result, ITERATIONS)
    how = settings(result, lambda_=OF_TEN["lambda_"], solver=OF_TEN["solver"], backend="fused")
    model = Model(result.w, result.b, SCALE, 0.0, tuple(range(10)), None, (8, 8), how)
    test = Examples("test", X[:, TRAINING:], digits[:, TRAINING:])
    print_metrics(model, test.X, test.Y, test.name)
    save_figure(out / "digits.png", result, model, test)
    model.save(out / "digits.npz")


def _compare(X: Array, Y: Array, alpha: float, costs: Array) -> dict[str, float]:
    """Time one run with each backend, all on the same float64 X, and print a table."""
    print(
        f"\nThe same {ITERATIONS} iterations in four ways, on one thread (first call, with its "
        "compiling, apart):\n"
    )
    print("backend  first call      run   against numpy   cost differs by")
    seconds: dict[str, float] = {}
    rows: dict[str, tuple[float, float]] = {}
    for backend in reversed(
        BACKENDS
    ):  # "fused" first: what all of them share is compiled in its first call
        first, _ = _timed(X, Y, alpha, backend, 1)
        if BY_NAME[backend].interpreted:
            one, _ = _timed(X, Y, alpha, backend, 1)
            some, found = _timed(X, Y, alpha, backend, 1 + PYTHON_ITERATIONS)
            seconds[backend] = (some - one) / PYTHON_ITERATIONS * ITERATIONS
        else:
            seconds[backend], found = _timed(X, Y, alpha, backend, ITERATIONS)
        expected = costs[: len(found)]
        rows[backend] = first, float(np.max(np.abs(found - expected) / expected))
    for backend in BACKENDS:
        first, difference = rows[backend]
        ratio = seconds[BASELINE] / seconds[backend]
        against = f"{ratio:.1f}x faster" if ratio >= 1 else f"{1 / ratio:.1f}x slower"
        note = (
            f"  (extrapolated from {PYTHON_ITERATIONS} iterations)"
            if BY_NAME[backend].interpreted
            else ""
        )
        times = f"{first:9.3f} s {seconds[backend]:7.3f} s"
        print(
            f"{backend:7} {times}  {against if backend != BASELINE else '':>14}   "
            f"{difference:15.0e}{note}"
        )
    return {backend: seconds[backend] for backend in BACKENDS}


def _timed(X: Array, Y: Array, alpha: float, backend: Any, iterations: int) -> tuple[float, Array]:
    """Time one training run on one thread, since a pass is too short here to deal out."""
    from ..api.training import train

    start = time.perf_counter()
    costs = train(X, Y, alpha=alpha, iterations=iterations, backend=backend, n_threads=1).costs
    return time.perf_counter() - start, costs
