"""What is said of a model on a data set: beside what a guess without a model would get."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..maths import metrics
from .report import Metrics, class_lines, count_lines

Array = NDArray[Any]
_MOST = 12  # characters of a label in a table


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

    def json(self, labels: tuple[Any, ...]) -> dict[str, Any]:
        """Return it as what JSON holds."""
        of_class = {
            str(label): {"precision": number(p), "recall": number(r), "examples": int(n)}
            for label, p, r, n in zip(labels, self.precision, self.recall, self.counts.sum(axis=1))
        }
        plain = {
            name: number(value)
            for name, value in self._asdict().items()
            if name not in ("majority", "counts")
        }
        return {
            **plain,
            "majority": labels[self.majority],
            "counts": self.counts.tolist(),
            "classes": of_class,
        }

    def lines(self, name: str, labels: tuple[Any, ...]) -> Iterator[str]:
        """Write it for people, four digits of each number."""
        usual = _short(labels[self.majority], 30)
        yield (
            f"{name} accuracy: {100 * self.accuracy:.4g} % "
            f'({100 * self.baseline:.4g} % by always saying "{usual}")'
        )
        several = len(labels) > 2
        if np.isfinite(self.auc):
            more = (
                ", mean of each class against the rest"
                if several
                else f", average precision {self.average_precision:.4g}"
            )
            yield f"{name} AUC: {self.auc:.4g}{more}"
        yield (
            f"{name} log-loss: {self.log_loss:.4g}, Brier score {self.brier:.4g} "
            f"({self.no_log_loss:.4g} and {self.no_brier:.4g} by shares alone)"
        )
        if np.isfinite(self.calibration_slope):
            yield f"{name} calibration slope: {self.calibration_slope:.4g} (1 is right)"
        if several:
            yield from class_lines(name, labels, self.counts)
            yield from count_lines(name, labels, self.counts)
            return
        short = [_short(label, _MOST) for label in labels]
        heads = [*(f"predicted {label}" for label in short), "precision", "recall"]
        first = max(len(f"  is {label}") for label in short)
        first = max(first, len(f"{name} counts:"))
        yield f"{f'{name} counts:':{first}}  " + "  ".join(heads)
        for k, label in enumerate(short):
            row = [*map(str, self.counts[k].tolist())]
            row += [_share(self.precision[k]), _share(self.recall[k])]
            cells = "  ".join(f"{cell:>{len(head)}}" for cell, head in zip(row, heads))
            yield f"{f'  is {label}':{first}}  {cells}"
        if self.threshold != 0.5:
            yield f"  {short[1]} is predicted where its probability is above {self.threshold:.4g}"


def scores_of(Y: Array, A: Array, log_loss: float, predicted: Array, threshold: float) -> Scores:
    """Compare labels Y (1, m) with probabilities A (1, m), or (K, m), and what was predicted."""
    y, K = Y[0].astype(np.intp), max(2, len(A))
    counts = np.array(Metrics.of(Y, predicted, log_loss, K).confusion)
    shares = counts.sum(axis=1) / len(y)
    some = shares[shares > 0.0]
    if K == 2:
        one, a = y.astype(np.float64), np.asarray(A[0], np.float64)
        auc = metrics.area_under_roc(one, a)
        precise, slope = metrics.average_precision(one, a), metrics.calibration_slope(one, a)
        brier, nothing = metrics.brier_score(one, a), float(shares[0] * shares[1])
    else:
        each = np.array([metrics.area_under_roc((y == k) * 1.0, A[k]) for k in range(K)])
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


def number(value: float) -> float | None:
    """Return a number that JSON knows; None for NaN and infinity."""
    return float(value) if np.isfinite(value) else None


def _short(label: Any, most: int) -> str:
    text = str(label)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _share(value: float) -> str:
    return f"{value:.4g}" if np.isfinite(value) else "-"
