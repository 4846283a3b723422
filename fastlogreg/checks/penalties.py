"""The arguments that say what is added to the loss, and what w may be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arguments import check_number, require_shape

REMEDY = (
    'solver must be "auto" or "prox_newton" for {why}, the others need a penalty without corners; '
    "got {solver!r}"
)


class Penalties(NamedTuple):
    """Hold what was given beside the strength, checked: see `maths.elastic_net`."""

    l1_ratio: float
    factors: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]


def check_penalties(
    l1_ratio: Any,
    penalty_weights: Any,
    bounds: Any,
    n_x: int,
    *,
    flat: bool = False,
    names: Sequence[str] | None = None,
) -> Penalties:
    """Check them, and return what counts for each of n_x features.

    flat: one value for each feature has shape (n_x,), as the estimator has it, not (n_x, 1).

    Raises
    ------
    ValueError or TypeError
        Naming the argument, the feature and the remedy.
    """
    ratio = check_number("l1_ratio", l1_ratio, low=0)
    if ratio > 1.0:
        raise ValueError(f"l1_ratio must be from 0, L2 alone, to 1, L1 alone; got {ratio:g}")
    factors = np.ones(n_x)
    if penalty_weights is not None:
        factors = _per_feature("penalty_weights", penalty_weights, n_x, flat)
        _require(
            ~(factors < 0.0),
            "penalty_weights",
            factors,
            names,
            "must not be negative: 0 leaves a feature free, infinity leaves it out",
        )
    lower, upper = np.full(n_x, -np.inf), np.full(n_x, np.inf)
    if bounds is not None:
        low, high = _pair(bounds)
        lower = lower if low is None else _per_feature("bounds[0]", low, n_x, flat)
        upper = upper if high is None else _per_feature("bounds[1]", high, n_x, flat)
        ordered = (lower <= upper) & (lower < np.inf) & (upper > -np.inf)
        if not ordered.all():
            j = int(np.argmin(ordered))
            raise ValueError(
                "bounds must have a lower one that is at most the upper one; got "
                f"{lower[j]:g} and {upper[j]:g} for {_feature(j, names)}"
            )
        outside = (lower > 0.0) | (upper < 0.0)
        held = outside & (factors > 0.0) & ((ratio > 0.0) | np.isinf(factors))
        if held.any():
            j = int(np.argmax(held))
            raise ValueError(
                "bounds must have 0 between them where L1 pulls a weight to 0; got "
                f"{lower[j]:g} and {upper[j]:g} for {_feature(j, names)}. Widen them, take "
                "l1_ratio=0, or set its penalty weight to 0"
            )
    return Penalties(ratio, factors, lower, upper)


def check_offset(offset: Any, m: int, *, flat: bool = False) -> NDArray[np.float64]:
    """Return the offset (m,) that is part of every z; ValueError where it is not finite."""
    if flat:
        given = np.asarray(offset)
        if given.shape != (m,) or given.dtype.kind not in "biuf":
            raise ValueError(
                f"offset must have one number for each of the {m} rows, shape ({m},); got shape "
                f"{given.shape} of {given.dtype}"
            )
        found = given.astype(np.float64)
    else:
        array = require_shape("offset", offset, (1, m), "one number for each example")
        found = np.ascontiguousarray(array[0], np.float64)
    if not np.isfinite(found).all():
        i = int(np.argmin(np.isfinite(found)))
        raise ValueError(f"offset must be finite; got {found[i]} at example {i}")
    return found


def require_solver(solver: Any, why: str) -> str:
    """Return the solver that can do it; ValueError for one that cannot."""
    if solver in ("auto", "prox_newton"):
        return "prox_newton"
    raise ValueError(REMEDY.format(why=why, solver=solver))


def asked_for(l1_ratio: Any, penalty_weights: Any, bounds: Any, offset: Any) -> str:
    """Return which of these arguments need `prox_newton`, in words; "" for none."""
    given = (
        ("l1_ratio", not (isinstance(l1_ratio, (int, float)) and l1_ratio == 0.0)),
        ("penalty_weights", penalty_weights is not None),
        ("bounds", bounds is not None),
        ("an offset", offset is not None),
    )
    return " and ".join(name for name, there in given if there)


def _pair(bounds: Any) -> tuple[Any, Any]:
    try:
        low, high = bounds
    except (TypeError, ValueError):
        raise TypeError(
            "bounds must be a pair (lower, upper), each None, a number or one for each feature; "
            f"got {bounds!r}"
        ) from None
    return low, high


def _per_feature(name: str, value: Any, n_x: int, flat: bool) -> NDArray[np.float64]:
    """Return one number for each feature (n_x,), infinite ones too; NaN is refused."""
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        found = np.full(n_x, float(value))
    else:
        what = f"a single number, or one for each of the {n_x} features"
        if flat:
            array = np.asarray(value)
            if array.shape != (n_x,) or array.dtype.kind not in "biuf":
                raise ValueError(f"{name} must be {what}, shape ({n_x},); got {array.shape}")
        else:
            array = require_shape(name, value, (n_x, 1), what)
        found = np.ascontiguousarray(array, np.float64).reshape(-1)
    if np.isnan(found).any():
        raise ValueError(
            f"{name} must not be NaN; got it for feature {int(np.isnan(found).argmax())}"
        )
    return found


def _feature(j: int, names: Sequence[str] | None) -> str:
    return f"feature {j}" if names is None else f"{names[j]!r}"


def _require(
    right: NDArray[np.bool_],
    name: str,
    values: NDArray[np.float64],
    names: Sequence[str] | None,
    what: str,
) -> None:
    if not right.all():
        j = int(np.argmin(right))
        raise ValueError(f"{name} {what}; got {values[j]:g} for {_feature(j, names)}")
