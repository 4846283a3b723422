"""Outcomes and what was said of them: flat arrays, from either notation."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arguments import check_number, real_array
from .missing import require_labels, unmasked
from .targets import check_weights

Vector = NDArray[np.float64]


class Outcomes(NamedTuple):
    """Hold y (m,) in [0, 1], what was said of each (m,), and weights (m,)."""

    y: Vector
    said: Vector
    weight: Vector


def check_outcomes(y: Any, name: str, said: Any, weights: Any = None) -> Outcomes:
    """Return outcomes with finite numbers said of them, and their weights: 1 for None.

    Raises
    ------
    ValueError or TypeError
        Where shapes differ, y is outside [0, 1] or without both classes, or a number is missing.
    """
    target = _targets(y)
    number = _flat(name, said, "a number for each example")
    if len(number) != len(target):
        raise ValueError(
            f"y and {name} must be as long as each other; got {len(target)} and {len(number)}"
        )
    wrong = ~np.isfinite(number)
    if wrong.any():
        i = int(np.argmax(wrong))
        raise ValueError(f"{name} must be finite; got {number[i]} at example {i}. Leave it out")
    s = np.ones(len(target))
    if weights is not None:
        given = _flat("weights", weights, "one for each example")
        if len(given) != len(target):
            raise ValueError(
                f"y and weights must be as long as each other; got {len(target)} and {len(given)}"
            )
        s = check_weights(given[None], len(target))
    for part, value in ((s * target, 1), (s * (1.0 - target), 0)):
        if not part.any():
            raise ValueError(
                f"y must hold both classes, with weights above 0; got none of class {value}. Add "
                "examples of it"
            )
    return Outcomes(target, number, s)


def check_probabilities(given: Outcomes, inside: bool) -> None:
    """ValueError where a probability is outside [0, 1]; inside: where it is 0 or 1, too."""
    a = given.said
    wrong = ~((a > 0.0) & (a < 1.0)) if inside else ~((a >= 0.0) & (a <= 1.0))
    if not wrong.any():
        return
    i = int(np.argmax(wrong))
    if 0.0 <= a[i] <= 1.0:
        raise ValueError(
            f"probabilities must be above 0 and below 1, to have a finite z; got {a[i]:g} at "
            f"example {i}. Cut them off, for instance with np.clip(probabilities, 1e-15, 1 - 1e-15)"
        )
    raise ValueError(
        f"probabilities must be from 0 to 1; got {a[i]:g} at example {i}. Of scores z take "
        "fastlogreg.sigmoid(z)"
    )


def check_level(level: Any) -> float:
    """Return the level of an interval, above 0 and below 1."""
    found = check_number("level", level, positive=True)
    if found >= 1.0:
        hint = f". Write {found / 100.0:g} for {found:g} %" if found < 100.0 else ""
        raise ValueError(f"level must be above 0 and below 1; got {level}{hint}")
    return found


def _targets(y: Any) -> Vector:
    require_labels("y", y)
    if np.asarray(unmasked("y", y)).dtype.kind in "OUS":
        raise TypeError(
            "y must hold numbers: labels 0 or 1, or probabilities from 0 to 1; got words. Make "
            'labels of them with y = (y == "the class of 1")'
        )
    found = _flat("y", y, "one outcome for each example")
    outside = ~((found >= 0.0) & (found <= 1.0))
    if outside.any():
        i = int(np.argmax(outside))
        values = np.unique(found)
        remedy = f". For these two labels take y = (y == {values[1]:g})" if len(values) == 2 else ""
        raise ValueError(
            "y must hold labels 0 or 1, or probabilities from 0 to 1; got "
            f"{found[i]:g} at example {i}{remedy}"
        )
    return found


def _flat(name: str, values: Any, why: str) -> Vector:
    """Return an array (m,) of one of shape (m,) or (1, m)."""
    array = real_array(name, values)
    if array.ndim == 2 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 1:
        remedy = ""
        if array.ndim == 2 and array.shape[1] == 2:
            remedy = f". Of two columns take the second, {name}[:, 1]"
        elif array.ndim == 2 and array.shape[1] == 1:
            remedy = f". Mend it with {name}.reshape(-1)"
        raise ValueError(
            f"{name} must have shape (m,) or (1, m), {why}; got shape {array.shape}{remedy}"
        )
    if array.size == 0:
        raise ValueError(f"{name} must hold one example at least; got none")
    return np.ascontiguousarray(array, np.float64)
