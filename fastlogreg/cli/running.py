"""A training run as the commands show it: its progress, costs, metrics and figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..figures.training import training_figure
from ..files.model import Model
from ..files.writing import atomic_open
from ..solvers.result import STOP_REASONS, TrainingResult
from .choosing import Penalty
from .report import Metrics, ProgressBar, cost_lines

Array = NDArray[Any]
INTERRUPTED = 130  # what a shell reports of a program ended by Ctrl-C


class RunOptions(NamedTuple):
    """The options of a run that are the same on one machine and on many."""

    alpha: float | None  # None: the largest safe one
    iterations: int
    lambda_: float
    scale: float | None
    solver: str
    tol: float | None
    penalty: Penalty = Penalty()


def learning_rate(text: str) -> float | None:
    """Read --alpha: a number, or None for "auto"."""
    if text == "auto":
        return None
    try:
        return float(text)
    except ValueError:
        raise ValueError(f'alpha must be a number or "auto"; got {text!r}') from None


def fit(X: Array, Y: Array, *, iterations: int, **arguments: Any) -> TrainingResult:
    """Call `fastlogreg.train` behind a progress bar."""
    from ..api.training import train as train_on_arrays

    with ProgressBar(iterations) as bar:
        return train_on_arrays(X, Y, iterations=iterations, callback=bar, **arguments)


def settings(result: TrainingResult, **given: Any) -> dict[str, Any]:
    """Choose what a model file keeps of the run."""
    found = ("alpha", "iterations", "stop_reason", "cost", "gradient_norm", "seconds")
    return {**given, **{name: getattr(result, name) for name in found}}


def probabilities(model: Model, X: Array) -> NDArray[np.float64]:
    """Compute P(y = 1), (1, m), or by softmax the probability of each class, (K, m)."""
    from ..api.predictions import predict_proba

    return predict_proba(model.w, model.b, X, scale=model.scale, shift=model.shift)


def predictions(A: Array) -> Array:
    """Return the likeliest class of each example (1, m), of A (1, m) = P(y = 1) or A (K, m)."""
    return (A > 0.5).astype(np.uint8) if len(A) == 1 else A.argmax(axis=0)[None, :]


def print_costs(result: TrainingResult, iterations: int) -> None:
    """Print the table of costs, why the run stopped, and how far it came."""
    print(*cost_lines(result.costs, iterations), sep="\n")
    print(
        f"Stopped after {result.iterations} iterations, {result.seconds:.2f} s: "
        f"{STOP_REASONS[result.stop_reason]}"
    )
    # NaN: a solver without a rate; an infinite bound: no penalty, and nothing is proved
    alpha = "" if np.isnan(result.alpha) else f", alpha {result.alpha:.4g}"
    bound = result.suboptimality_bound
    above = f", at most {bound:.3g} above the optimum" if np.isfinite(bound) else ""
    print(f"Cost {result.cost:.6f}{above}, gradient norm {result.gradient_norm:.3g}{alpha}")


def print_metrics(model: Model, X: Array, Y: Array, name: str) -> None:
    """Print accuracy, log-loss and confusion counts of a model on X, Y; of each class too."""
    from ..api.passes import propagate

    predicted = predictions(probabilities(model, X))
    log_loss = propagate(model.w, model.b, X, Y, scale=model.scale, shift=model.shift).cost
    metrics = Metrics.of(Y, predicted, log_loss, model.n_classes)
    print(*metrics.lines(name, model.labels), sep="\n")


class Examples(NamedTuple):
    """A data set by its name: X and Y."""

    name: str
    X: Array
    Y: Array


def save_figure(path: Path, result: TrainingResult, model: Model, examples: Examples) -> None:
    """Draw the figure of one run, with the worst mistakes among the examples if they are images."""
    X = examples.X
    figure = training_figure(
        result.costs,
        alpha=None if np.isnan(result.alpha) else result.alpha,
        w=model.w,
        image_shape=model.image_shape,
        X=X if isinstance(X, np.ndarray) else None,  # blocks are not read again for single images
        Y=examples.Y,
        A=probabilities(model, X),
        labels=model.labels,
        examples=examples.name,
    )
    with atomic_open(path) as file:
        figure.savefig(file, format=path.suffix[1:].lower(), dpi=150)
