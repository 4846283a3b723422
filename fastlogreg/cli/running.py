"""A training run as the commands show it: its progress, costs, metrics and figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..checks.arguments import check_number
from ..figures.training import is_drawable, table_figure, training_figure
from ..files.writing import atomic_open
from ..inference.scores import Scores, scores_of
from ..maths.metrics import best_threshold, steps
from ..models.model import Model
from ..objective.prepared import Extras, Settings, prepare_to_train, with_elastic_net
from ..solvers.result import STOP_REASONS, TrainingResult
from ..solvers.state import State
from ..tables.words import number_of
from ..training.options import Options
from ..training.run import run as run_solver
from .choosing import SOLVER, Penalty
from .report import Metrics, ProgressBar, cost_lines

Array = NDArray[Any]


class RunOptions(NamedTuple):
    """The options of a run that are the same on one machine and on many."""

    alpha: float | None  # None: the largest safe one
    iterations: int
    lambda_: float
    scale: float | None
    solver: str
    tol: float | None
    penalty: Penalty = Penalty()
    standardize: bool = False
    class_weight: str | None = None
    threshold: str | None = None
    descent: bool = True  # the lectures' descent was asked for, and their table of costs


def learning_rate(text: str | None) -> float | None:
    """Read --alpha: a number, or None for "auto"."""
    if text is None or text == "auto":
        return None
    try:
        return float(text)
    except ValueError:
        raise ValueError(f'alpha must be a number or "auto"; got {text!r}') from None


class Task(NamedTuple):
    """What is trained on: X (n_x, m), Y (1, m), how many classes, names and weights of examples.

    weight: (m,), or none of them.
    """

    X: Any
    Y: Array
    classes: int
    names: Sequence[str] | None
    weight: NDArray[np.float64]


def fit(X: Array, Y: Array, *, iterations: int, **arguments: Any) -> TrainingResult:
    """Call `fastlogreg.train` behind a progress bar."""
    from ..api.training import train as train_on_arrays

    with ProgressBar(iterations) as bar:
        return train_on_arrays(X, Y, iterations=iterations, callback=bar, **arguments)


def fit_task(task: Task, settings: Settings, extras: Extras, **options: Any) -> TrainingResult:
    """Train as `fastlogreg.train` does, behind a progress bar; columns have names in warnings."""
    K = task.classes if task.classes > 2 else None
    with ProgressBar(options["iterations"]) as bar:
        checked = Options.checked(callback=bar, **options)
        weights = task.weight[None, :] if task.weight.size else None
        if checked.solver == SOLVER:
            prepared = with_elastic_net(settings, extras, None, 0.0, task.X, task.Y, K, weights)
        else:
            prepared = prepare_to_train(settings, None, 0.0, task.X, task.Y, K, weights)
        return run_solver(prepared.objective, State(prepared.theta), checked, names=task.names)


def class_weights(text: str, Y: Array, labels: Sequence[Any]) -> NDArray[np.float64]:
    """Read --class-weight, "balanced" or "no=1,yes=5", as the weight of each example."""
    y = Y[0].astype(np.intp)
    counts = np.bincount(y, minlength=len(labels))
    if text == "balanced":
        return np.asarray((len(y) / (len(labels) * counts))[y], np.float64)
    found = np.ones(len(labels))
    names = [str(label) for label in labels]
    for part in text.split(","):
        name, sign, value = part.rpartition("=")
        number = number_of(value.strip(), "plain")
        if not sign or name.strip() not in names or number is None:
            raise ValueError(
                f'--class-weight must be "balanced" or LABEL=WEIGHT,... of the labels '
                f"{', '.join(names[:10])}; got {part.strip()!r}"
            )
        found[names.index(name.strip())] = check_number(f"--class-weight {name}", number, low=0)
    if not (found > 0.0).all():
        raise ValueError(f"--class-weight must be above 0 for each label; got {text!r}")
    return found[y]


def threshold_of(text: str | None, model: Model, X: Any, Y: Array) -> float:
    """Read --threshold: a number, or "best-f1" or "best-cost=A:B" of the training data."""
    if text is None:
        return 0.5
    if model.by_softmax:
        raise ValueError(
            f"--threshold is for two labels; got {len(model.labels)}. Take one label against the "
            "others with --positive LABEL"
        )
    wrong = ValueError(
        '--threshold must be a number from 0 to 1, "best-f1", or "best-cost=A:B" with the costs of '
        f"a wrong {model.labels[1]!r} and of a wrong {model.labels[0]!r}; got {text!r}"
    )
    if text != "best-f1" and not text.startswith("best-cost="):
        try:
            value = float(text)
        except ValueError:
            raise wrong from None
        if not 0.0 <= value <= 1.0:
            raise wrong
        return value
    costs = None
    if text != "best-f1":
        try:
            false_one, false_zero = map(float, text.partition("=")[2].split(":"))
        except ValueError:
            raise wrong from None
        if not (0.0 < false_one < np.inf and 0.0 < false_zero < np.inf):
            raise wrong
        costs = false_one, false_zero
    return best_threshold(steps(Y[0], probabilities(model, X)[0]), costs)


def settings(result: TrainingResult, **given: Any) -> dict[str, Any]:
    """Choose what a model file keeps of the run."""
    found = ("alpha", "iterations", "stop_reason", "cost", "gradient_norm", "seconds")
    return {**given, **{name: getattr(result, name) for name in found}}


def probabilities(model: Model, X: Array) -> NDArray[np.float64]:
    """Compute P(y = 1), (1, m), or by softmax the probability of each class, (K, m)."""
    from ..api.predictions import predict_proba

    return predict_proba(model.w, model.b, X, scale=model.scale, shift=model.shift)


def predictions(A: Array, threshold: float = 0.5) -> Array:
    """Return the likeliest class of each example (1, m), of A (1, m) = P(y = 1) or A (K, m)."""
    return (threshold < A).astype(np.uint8) if len(A) == 1 else A.argmax(axis=0)[None, :]


def print_costs(result: TrainingResult, iterations: int) -> None:
    """Print the table of costs, why the run stopped, and how far it came."""
    print(*cost_lines(result.costs, iterations), sep="\n")
    print_end(result, 0.0)


def print_end(result: TrainingResult, compiled: float) -> None:
    """Print why the run stopped, and how far it came; compiled: seconds spent on compiling."""
    seconds = max(0.0, result.seconds - compiled)
    print(
        f"Stopped after {result.iterations} iterations, {seconds:.2f} s: "
        f"{STOP_REASONS[result.stop_reason]}"
    )
    # NaN: a solver without a rate; an infinite bound: no penalty, and nothing is proved
    alpha = "" if np.isnan(result.alpha) else f", alpha {result.alpha:.4g}"
    bound = result.suboptimality_bound
    above = f", at most {bound:.3g} above the optimum" if np.isfinite(bound) else ""
    print(f"Cost {result.cost:.6f}{above}, gradient norm {result.gradient_norm:.3g}{alpha}")


def metrics_of(model: Model, X: Any, Y: Array) -> Scores:
    """Return how well a model predicts X, Y, with the threshold that it has."""
    from ..api.passes import propagate

    threshold = threshold_in(model)
    A = probabilities(model, X)
    log_loss = propagate(model.w, model.b, X, Y, scale=model.scale, shift=model.shift).cost
    return scores_of(Y, A, float(log_loss), predictions(A, threshold), threshold)


def threshold_in(model: Model) -> float:
    """Return the threshold that a model was given, or a half."""
    return model.threshold


def print_metrics(model: Model, X: Array, Y: Array, name: str) -> None:
    """Print accuracy, log-loss and confusion counts of a model on X, Y, as the lectures do."""
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


def save_figure(
    path: Path,
    result: TrainingResult,
    model: Model,
    examples: Examples,
    coefficients: Array | None = None,
) -> None:
    """Draw the figure of one run, with the worst mistakes among the examples if they are images.

    coefficients: of a table, per standard deviation of each feature.
    """
    X, names = examples.X, model.feature_names
    alpha = None if np.isnan(result.alpha) else result.alpha
    if names is not None and coefficients is not None and not is_drawable(model.image_shape):
        figure = table_figure(result.costs, names, coefficients, alpha=alpha, labels=model.labels)
    else:
        figure = training_figure(
            result.costs,
            alpha=alpha,
            w=model.w,
            image_shape=model.image_shape,
            X=X if isinstance(X, np.ndarray) else None,  # blocks are not read again for images
            Y=examples.Y,
            A=probabilities(model, X),
            labels=model.labels,
            examples=examples.name,
        )
    with atomic_open(path) as file:
        figure.savefig(file, format=path.suffix[1:].lower(), dpi=150)
