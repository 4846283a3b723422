"""Targets that are no labels: probabilities, successes over trials, and the weights of examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arguments import check_Y, real_array, require_columns, require_shape
from .labels import LARGEST_WEIGHT
from .missing import first_missing, require_labels, unmasked

Vector = NDArray[np.float64]
NO_WEIGHTS: Vector = np.empty(0)


def check_weights(weights: Any, m: int) -> Vector:
    """Return the weights (m,) of the examples, none for None; ValueError where all are 0."""
    if weights is None:
        return NO_WEIGHTS
    given = require_shape("weights", weights, (1, m), "one weight for each example")
    found = np.ascontiguousarray(given[0], np.float64)
    right = np.isfinite(found) & (found >= 0.0) & (found < LARGEST_WEIGHT)
    if not right.all():
        i = int(np.argmin(right))
        raise ValueError(
            "weights must be finite, not negative and below 2^500: trials, or how often each "
            f"example counts; got {found[i]} at example {i}"
        )
    if not found.any():
        raise ValueError("weights must hold one above 0 at least; all of them are 0")
    return found


def check_targets(
    Y: Any,
    m: int,
    weight: Vector = NO_WEIGHTS,
    *,
    both_classes: bool = False,
    n_x: int | None = None,
    several: Callable[[NDArray[Any]], str] | None = None,
) -> NDArray[Any]:
    """Return labels as uint8 (m,), or float64 (m,) where one of positive weight lies between.

    both_classes: whether there must be successes and failures, by weight. n_x, several: see
    `check_Y`.
    """
    fractions = _fractions(Y)
    if fractions is None:
        y: NDArray[Any] = check_Y(Y, m, both_classes=both_classes, n_x=n_x, several=several)
    else:
        if n_x is not None:
            require_columns("Y", Y, n_x, m)
        y = require_shape("Y", fractions, (1, m), f"one target for each of the {m} examples in X")
        y = np.ascontiguousarray(y[0], np.float64)
        outside = ~((y >= 0.0) & (y <= 1.0))
        if outside.any():
            i = int(np.argmax(outside))
            raise ValueError(
                "Y must hold labels 0 or 1, or probabilities from 0 to 1; got "
                f"{y[i]} (first at example {i}). Of counts pass Y = successes / trials and "
                "weights = trials"
            )
        between = (y != y.round()) & (weight > 0.0 if weight.size else True)
        if not between.any():
            y = y.round().astype(np.uint8)
    if both_classes:
        _require_both(y, weight)
    return y


def _fractions(Y: Any) -> NDArray[Any] | None:
    """Return Y as an array where it holds a number that is not whole; None for labels."""
    if isinstance(Y, np.ndarray) and Y.dtype.kind in "biu":
        return None
    if first_missing(Y) is not None or np.asarray(Y).dtype.kind != "f":
        return None
    array = real_array("Y", Y)
    return array if (array != np.floor(array)).any() else None


def _require_both(y: NDArray[Any], weight: Vector) -> None:
    s = weight if weight.size else np.ones(y.size)
    ones, zeros = bool((s * y).any()), bool((s * (1.0 - y)).any())
    if not (ones and zeros):
        raise ValueError(
            "weights must leave both classes to train on; the examples with Y above 0 weigh 0 "
            "together"
            if not ones
            else "weights must leave both classes to train on; the "
            "examples with Y below 1 weigh 0 together"
        )


def check_counts(successes: Any, trials: Any) -> tuple[Vector, Vector]:
    """Return successes over trials (m,), and trials (m,).

    Raises
    ------
    ValueError or TypeError
        Naming the row, for trials that are not above 0, and successes below 0 or above trials.
    """
    found = []
    for name, given in (("successes", successes), ("trials", trials)):
        require_labels(name, given)
        array = real_array(name, unmasked(name, given))
        if array.ndim != 1:
            raise ValueError(
                f"{name} must have shape (n_samples,), a count for each row; got {array.shape}"
            )
        found.append(array.astype(np.float64))
    k, n = found
    if len(k) != len(n):
        raise ValueError(
            f"successes and trials must be as long as each other; got {len(k)} and {len(n)}"
        )
    wrong = ~((n > 0.0) & (n < LARGEST_WEIGHT))
    if wrong.any():
        i = int(np.argmax(wrong))
        raise ValueError(
            f"trials must be finite and above 0; got {n[i]:g} in row {i}. Leave out rows without "
            "trials"
        )
    wrong = ~((k >= 0.0) & (k <= n))
    if wrong.any():
        i = int(np.argmax(wrong))
        raise ValueError(
            f"successes must be from 0 to the trials of their row; got {k[i]:g} of {n[i]:g} in "
            f"row {i}"
        )
    if not k.any() or not (k < n).any():
        which = "success" if not k.any() else "failure"
        raise ValueError(f"successes must hold both outcomes to fit on; got no {which} at all")
    return k / n, n
