"""Metrics with their intervals, and curves that are thinned to what can be seen.

share k of m                Wilson
area under the ROC curve    DeLong
mean loss                   mean +- z s / sqrt(m)
average precision           on the scale of its log-odds: Boyd, Eng and Page, "Area under the
                            precision-recall curve", 2013
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..figures.examination import wilson
from ..inference.calibration import Roc, calibration, hosmer_lemeshow, roc
from ..inference.scores import Scores, scores_of
from ..maths.distributions import normal_quantile
from ..maths.logistic import sigmoid
from .content import Examples

Array = NDArray[Any]
LEVEL = 0.95
POINTS = 240  # of a curve: more cannot be seen
MOST_CURVES = 50  # of several classes
_LEAST = 2.0**-60  # of a probability, for its logarithm


class Measure(NamedTuple):
    """A metric: its name, value, interval, and what a guess without a model gets; NaN for none."""

    name: str
    value: float
    low: float = np.nan
    high: float = np.nan
    guess: float = np.nan
    share: bool = False


class ClassMeasure(NamedTuple):
    """How one class is found: shares with intervals, and the ROC curve against the rest."""

    label: Any
    examples: int
    precision: Measure
    recall: Measure
    curve: Roc | None
    average_precision: float


class Curve(NamedTuple):
    """A curve of shares x and y (k,)."""

    x: Array
    y: Array


class Measured(NamedTuple):
    """All of one data set. groups: of probabilities from low to high, or None."""

    scores: Scores
    metrics: list[Measure]
    classes: list[ClassMeasure]
    groups: Any


def measured(examples: Examples, labels: tuple[Any, ...], threshold: float) -> Measured:
    """Measure how well a model does on a data set: some sorts, and no more."""
    y, A = examples.Y[0].astype(np.intp), np.asarray(examples.A, np.float64)
    m, K = len(y), len(labels)
    several = K > 2
    said = A.argmax(axis=0) if several else (A[0] > threshold).astype(np.intp)
    own = A[y, np.arange(m)] if several else np.where(y == 1, A[0], 1.0 - A[0])
    losses = -np.log(np.maximum(own, _LEAST))
    log_loss = float(losses.mean()) if examples.log_loss is None else examples.log_loss
    scores = scores_of(examples.Y, A, log_loss, said[None, :], threshold)
    right = int(np.count_nonzero(said == y))
    low, high = share_interval(right, m)
    found = [Measure("accuracy", right / m, low, high, scores.baseline, True)]
    classes = [_of_class(k, examples, scores, labels) for k in range(K)][:MOST_CURVES]
    if several:
        found.append(Measure("AUC, mean of each class against the rest", scores.auc, guess=0.5))
        squares = np.square(A).sum(axis=0) - np.square(own) + np.square(1.0 - own)
    else:
        curve = classes[1].curve
        ends = (np.nan, np.nan) if curve is None else curve.interval
        share = float(np.mean(y))
        found.append(Measure("AUC", scores.auc, *ends, 0.5))
        ap = scores.average_precision
        found.append(Measure("average precision", ap, *precision_interval(ap, int(y.sum())), share))
        squares = np.square(A[0] - y)
    found.append(_mean("log-loss", log_loss, losses, scores.no_log_loss))
    found.append(_mean("Brier score", scores.brier, squares, scores.no_brier))
    if not several:
        found += _calibrated(y, A[0])
    sure = A.max(axis=0) if several else A[0]
    return Measured(scores, found, classes, _groups((said == y) if several else y, sure))


def share_interval(successes: int, trials: int) -> tuple[float, float]:
    """Return Wilson's interval of a share; NaN of none."""
    if not trials:
        return np.nan, np.nan
    low, high = wilson(np.array([float(successes)]), np.array([float(trials)]), LEVEL)
    return float(low[0]), float(high[0])


def precision_interval(value: float, ones: int) -> tuple[float, float]:
    """Return the interval of an average precision over so many ones."""
    if not 0.0 < value < 1.0 or not ones:
        return np.nan, np.nan
    z = np.log(value / (1.0 - value))
    reach = _reach() / np.sqrt(ones * value * (1.0 - value))
    low, high = sigmoid(np.array([z - reach, z + reach]))
    return float(low), float(high)


def _reach() -> float:
    return normal_quantile(0.5 + 0.5 * LEVEL)


def _mean(name: str, value: float, each: Array, guess: float) -> Measure:
    m = len(each)
    reach = _reach() * float(each.std(ddof=1)) / np.sqrt(m) if m > 1 else np.nan
    return Measure(name, value, max(0.0, value - reach), value + reach, guess)


def _calibrated(y: Array, a: Array) -> list[Measure]:
    try:
        found = calibration(y, np.clip(a, 1e-12, 1.0 - 1e-12))
    except ValueError:  # no slope is the best one
        return []
    reach = _reach()
    large = found.in_the_large
    if abs(large) < 1e-6 * found.in_the_large_error:
        large = 0.0  # of training examples, up to rounding
    return [
        Measure(
            "calibration slope (1 is right)",
            found.slope,
            found.slope - reach * found.slope_error,
            found.slope + reach * found.slope_error,
        ),
        Measure(
            "calibration in the large (0 is right)",
            large,
            found.in_the_large - reach * found.in_the_large_error,
            found.in_the_large + reach * found.in_the_large_error,
        ),
    ]


def _of_class(k: int, examples: Examples, scores: Scores, labels: tuple[Any, ...]) -> ClassMeasure:
    counts = scores.counts
    right, there, said = int(counts[k, k]), int(counts[k].sum()), int(counts[:, k].sum())
    precise, recalled = (
        Measure(name, right / n if n else np.nan, *share_interval(right, n), share=True)
        for name, n in (("precision", said), ("recall", there))
    )
    y = examples.Y[0] == k
    a = examples.A[k] if len(labels) > 2 else examples.A[0] if k else 1.0 - examples.A[0]
    curve, precision = None, np.nan
    if 0 < there < len(y):
        curve = roc(y.astype(np.float64), a, level=LEVEL)
        line = precision_recall(curve, there, len(y) - there)
        precision = float(np.sum(np.diff(line.x) * line.y[1:]))
    return ClassMeasure(labels[k], there, precise, recalled, curve, precision)


def _groups(y: Array, a: Array) -> Any:
    try:
        return hosmer_lemeshow(np.asarray(y, np.float64), np.clip(a, 0.0, 1.0), fitted=False)
    except ValueError:  # one class, or too few different probabilities
        return None


def precision_recall(curve: Roc, ones: int, zeros: int) -> Curve:
    """Return precision over recall at every threshold of a ROC curve, from recall 0."""
    right = curve.true_positive_rate * ones
    wrong = curve.false_positive_rate * zeros
    with np.errstate(invalid="ignore"):
        precision = right / (right + wrong)
    precision[0] = precision[1] if len(precision) > 1 else 1.0
    return Curve(np.asarray(curve.true_positive_rate), precision)


def thinned(curve: Curve) -> Curve:
    """Keep as many points as can be seen, evenly along the way, with both ends."""
    if len(curve.x) <= POINTS:
        return curve
    way = np.append(0.0, np.cumsum(np.abs(np.diff(curve.x)) + np.abs(np.diff(curve.y))))
    kept = np.searchsorted(way, np.linspace(0.0, way[-1], POINTS))
    kept = np.unique(np.append(kept.clip(0, len(way) - 1), [0, len(way) - 1]))
    return Curve(curve.x[kept], curve.y[kept])
