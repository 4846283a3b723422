"""What is said of a model on a data set: beside what a guess without a model would get."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..inference.scores import Scores
from .report import class_lines, count_lines

_MOST = 12  # characters of a label in a table


def scores_json(scores: Scores, labels: tuple[Any, ...]) -> dict[str, Any]:
    """Return it as what JSON holds."""
    of_class = {
        str(label): {"precision": number(p), "recall": number(r), "examples": int(n)}
        for label, p, r, n in zip(
            labels, scores.precision, scores.recall, scores.counts.sum(axis=1)
        )
    }
    plain = {
        name: number(value)
        for name, value in scores._asdict().items()
        if name not in ("majority", "counts")
    }
    return {
        **plain,
        "majority": labels[scores.majority],
        "counts": scores.counts.tolist(),
        "classes": of_class,
    }


def score_lines(scores: Scores, name: str, labels: tuple[Any, ...]) -> Iterator[str]:
    """Write it for people, four digits of each number."""
    usual = _short(labels[scores.majority], 30)
    yield (
        f"{name} accuracy: {100 * scores.accuracy:.4g} % "
        f'({100 * scores.baseline:.4g} % by always saying "{usual}")'
    )
    several = len(labels) > 2
    if np.isfinite(scores.auc):
        more = (
            ", mean of each class against the rest"
            if several
            else f", average precision {scores.average_precision:.4g}"
        )
        yield f"{name} AUC: {scores.auc:.4g}{more}"
    yield (
        f"{name} log-loss: {scores.log_loss:.4g}, Brier score {scores.brier:.4g} "
        f"({scores.no_log_loss:.4g} and {scores.no_brier:.4g} by shares alone)"
    )
    if np.isfinite(scores.calibration_slope):
        yield f"{name} calibration slope: {scores.calibration_slope:.4g} (1 is right)"
    if several:
        yield from class_lines(name, labels, scores.counts)
        yield from count_lines(name, labels, scores.counts)
        return
    short = [_short(label, _MOST) for label in labels]
    heads = [*(f"predicted {label}" for label in short), "precision", "recall"]
    first = max(len(f"  is {label}") for label in short)
    first = max(first, len(f"{name} counts:"))
    yield f"{f'{name} counts:':{first}}  " + "  ".join(heads)
    for k, label in enumerate(short):
        row = [*map(str, scores.counts[k].tolist())]
        row += [_share(scores.precision[k]), _share(scores.recall[k])]
        cells = "  ".join(f"{cell:>{len(head)}}" for cell, head in zip(row, heads))
        yield f"{f'  is {label}':{first}}  {cells}"
    if scores.threshold != 0.5:
        yield f"  {short[1]} is predicted where its probability is above {scores.threshold:.4g}"


def number(value: float) -> float | None:
    """Return a number that JSON knows; None for NaN and infinity."""
    return float(value) if np.isfinite(value) else None


def _short(label: Any, most: int) -> str:
    text = str(label)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _share(value: float) -> str:
    return f"{value:.4g}" if np.isfinite(value) else "-"
