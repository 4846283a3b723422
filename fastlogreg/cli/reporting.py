"""`train --report`: what a run knows, as the content of a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..checks.arguments import is_sparse
from ..data.inputs import design_of
from ..files.common import Data
from ..inference.fitted import Fitted
from ..inference.scores import Scores
from ..maths.arrays import NONE
from ..models.model import Model
from ..reports import origin
from ..reports.content import ColumnFacts, Content, Row, Run, Weights, labels_in_words
from ..reports.content import Examples as Shown
from ..reports.estimating import estimated
from ..reports.moments import spreads
from ..reports.page import write
from ..solvers.result import TrainingResult
from ..tables.words import number_of
from . import line
from .running import Examples, probabilities, threshold_in

if TYPE_CHECKING:
    from .one_run import Asked

Array = NDArray[Any]
MOST_LINES = 200_000  # of a text in which lines are counted anew for each row that is shown
_OF_RUN = (
    "lambda_",
    "l1_ratio",
    "bounds",
    "penalty_weights",
    "class_weight",
    "positive",
    "backend",
)


class Trained(NamedTuple):
    """What a run was given and found: data, labels, weights, result, compile seconds."""

    training: Data
    testing: Data | None
    Y: Array
    labels: tuple[Any, ...]
    weight: Array
    result: TrainingResult
    compiled: float


def write_report(
    path: Path,
    asked: Asked,
    run: Trained,
    model: Model,
    sets: Sequence[tuple[Examples, Scores]],
) -> None:
    """Write the page."""
    training, result = run.training, run.result
    last = training if run.testing is None else run.testing
    w, b = _folded(model)
    names = model.feature_names or tuple(f"x{j + 1}" for j in range(len(w)))
    estimates, why = _estimates(asked, run, model, w, b, names)
    X: Any = last.X
    source = asked.source
    target = source.target
    if target is not None and number_of(target, "plain") is not None:
        target = None  # a position
    of = "" if target is None else f"{target} in "
    content = Content(
        title=f"{of}{Path(training.path).name}",
        subtitle=labels_in_words(run.labels),
        labels=run.labels,
        sets=[_shown(model, examples, scores) for examples, scores in sets],
        held_out=run.testing is not None,
        weights=Weights(w, names, spreads(training.X)),
        run=Run(
            str(model.settings.get("solver")),
            result.iterations,
            result.stop_reason,
            result.cost,
            result.suboptimality_bound,
            result.gradient_norm,
            max(0.0, result.seconds - run.compiled),
            result.history,
            run.compiled,
        ),
        threshold=threshold_in(model),
        facts=_facts(training, run.testing),
        said=list(training.said),
        columns=[
            ColumnFacts(c.name, c.type, c.missing, c.about, c.becomes()) for c in training.columns
        ],
        estimates=estimates,
        no_estimates=why,
        example=None if last.frame is None else _rows_of(last.frame),
        X=X if is_sparse(X) or isinstance(X, np.ndarray) else None,
        image_shape=model.image_shape,
        how=_how(asked, training, model),
        command=line.given(),
    )
    write(content, path)


def _shown(model: Model, examples: Examples, scores: Scores) -> Shown:
    name = {"train": "training"}.get(examples.name, examples.name)
    return Shown(name, examples.Y, probabilities(model, examples.X), scores.log_loss)


def _folded(model: Model) -> tuple[Array, Array]:
    """Return w and b for X as it is."""
    n_x = len(model.w)
    scale, shift = (
        np.broadcast_to(np.asarray(part, np.float64).reshape(-1, 1), (n_x, 1))
        for part in (model.scale, model.shift)
    )
    b = np.asarray(model.b, np.float64).reshape(-1) + (model.w.T @ shift)[:, 0]
    return np.asarray(model.w * scale), b


def _estimates(
    asked: Asked, run: Trained, model: Model, w: Array, b: Array, names: Sequence[str]
) -> tuple[Any, str]:
    """Return the summary of the coefficients for X as it is, or why there is none."""
    if asked.run.penalty.asked:
        return None, (
            f"what {asked.run.penalty.asked} chooses has no standard error of its own. Train on "
            "the chosen columns without it, on other rows."
        )
    n_x = len(w)
    scale = np.broadcast_to(np.asarray(model.scale, np.float64).reshape(-1), (n_x,))
    strength = asked.run.lambda_
    fitted = Fitted(
        design_of(run.training.X),
        run.Y[0],
        w,
        b,
        tuple(names),
        run.weight if run.weight.size else NONE,
        penalty=strength / scale**2 if strength else NONE,
        cost=float(run.result.cost),
        labels=run.labels,
        n_threads=asked.machine["n_threads"],
    )
    return estimated(fitted)


def _facts(training: Data, testing: Data | None) -> list[tuple[str, str]]:
    n_x, m = training.X.shape
    facts = [("training examples", f"{m:,}")]
    if testing is not None:
        facts.append(("test examples", f"{testing.X.shape[1]:,}"))
    facts.append(("features", f"{n_x:,}"))
    if training.columns:
        facts.append(("columns", f"{len(training.columns):,}"))
    if training.image_shape is not None:
        facts.append(("an image", " x ".join(map(str, training.image_shape))))
    facts.append(("numbers are", str(training.X.dtype)))
    return facts


def _how(asked: Asked, training: Data, model: Model) -> list[tuple[str, str]]:
    settings = model.settings
    found = [
        (name.rstrip("_"), str(settings[name]))
        for name in _OF_RUN
        if settings.get(name) is not None
    ]
    if asked.split is not None:
        found.append(("held out", f"{asked.split.share:g} of each class, seed {asked.split.seed}"))
    found.append(("standardised", "yes" if np.ndim(model.shift) else "no"))
    found.append(("data", training.path))
    digest = origin.digest(Path(training.path))
    if digest is not None:
        found.append(("SHA-256 of the data", digest))
    return found


def _rows_of(frame: Any) -> Any:
    """Return what shows a row of a table as it is written."""

    def row(i: int) -> Row:
        place = f"row {i}"
        if frame.line_of is not None and frame.m <= MOST_LINES:
            place = f"line {frame.line_of(i)}"
        return Row(place, [(n, _word(c[i].as_py())) for n, c in zip(frame.names, frame.columns)])

    return row


def _word(value: Any) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
