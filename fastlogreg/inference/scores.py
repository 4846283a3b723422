"""How well a model predicts one data set, beside what a guess without a model would get."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..maths import metrics
from .calibration import calibration

Array = NDArray[Any]
_SMALLEST = 1e-12  # of a probability, so that its z is finite


class Scores(NamedTuple):
    """How well a model predicts one data set; NaN where a number does not exist there.

    accuracy, baseline: shares from 0 to 1, of the model and of always saying `majority`.
    auc: of several classes the mean of each one against the rest.
    no_log_loss, no_brier: of saying the shares of the classes in these data, always.
    """

    accuracy: float
    baseline: float
    majority: int
    auc: float
    average_precision: float
    log_loss: float
    no_log_loss: float
    brier: float
    no_brier: float
    calibration_slope: float
    threshold: float
    counts: Array

    @property
    def precision(self) -> Array:
        """Return the share of what was said to be of each class that is."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.counts.diagonal() / self.counts.sum(axis=0))

    @property
    def recall(self) -> Array:
        """Return the share of each class that was found."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.counts.diagonal() / self.counts.sum(axis=1))


def scores_of(Y: Array, A: Array, log_loss: float, predicted: Array, threshold: float) -> Scores:
    """Compare labels Y (1, m) with probabilities A (1, m), or (K, m), and what was predicted."""
    y, K = Y[0].astype(np.intp), max(2, len(A))
    counts = np.zeros((K, K), np.int64)
    np.add.at(counts, (y, predicted[0].astype(np.intp)), 1)
    shares = counts.sum(axis=1) / len(y)
    some = shares[shares > 0.0]
    if K == 2:
        one, a = y.astype(np.float64), np.asarray(A[0], np.float64)
        found = metrics.steps(one, a)
        auc, precise = metrics.area_under_roc(found), metrics.average_precision(found)
        slope = slope_of(one, a)
        brier, nothing = metrics.brier_score(one, a), float(shares[0] * shares[1])
    else:
        of_class = (metrics.steps((y == k) * 1.0, A[k]) for k in range(K))
        each = np.array([metrics.area_under_roc(found) for found in of_class])
        auc = float(each[np.isfinite(each)].mean()) if np.isfinite(each).any() else np.nan
        precise = slope = np.nan
        brier = metrics.brier_score((y == np.arange(K)[:, None]) * 1.0, A)
        nothing = 1.0 - float(shares @ shares)
    return Scores(
        float(counts.trace() / len(y)),
        float(shares.max()),
        int(shares.argmax()),
        auc,
        precise,
        log_loss,
        -float(some @ np.log(some)),
        brier,
        nothing,
        slope,
        threshold,
        counts,
    )


def slope_of(y: Array, a: Array) -> float:
    """Return the slope of calibration; NaN where no slope is best."""
    try:
        return calibration(y, np.clip(a, _SMALLEST, 1.0 - _SMALLEST)).slope
    except ValueError:
        return float("nan")
