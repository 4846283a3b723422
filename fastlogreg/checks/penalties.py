"""The arguments that say what is added to the loss, and what w may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arguments import check_number, require_shape

REMEDY = (
    'solver must be "auto" or "prox_newton" for {why}, the others need a penalty without corners; '
    "got {solver!r}"
)
SEVERAL = (
    "offset must be None for {K} classes: it is a part of one z. Fit two classes, or one against "
    "the rest"
)


def require_no_offset(offset: Any, classes: int) -> None:
    """Refuse an offset for several classes."""
    if offset is not None:
        raise ValueError(SEVERAL.format(K=classes))


class Penalties(NamedTuple):
    """Hold what was given beside the strength, checked: see `maths.elastic_net`."""

    l1_ratio: float
    factors: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    group: NDArray[np.intp] | None = None  # (n_x,), the number of each feature's group


def check_penalties(
    l1_ratio: Any,
    penalty_weights: Any,
    bounds: Any,
    feature_groups: Any,
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
    if feature_groups is None:
        return Penalties(ratio, factors, lower, upper)
    group = check_groups(feature_groups, n_x, names)
    if bounds is not None:
        raise ValueError("bounds must be None with feature_groups: a group has no bounds")
    first = np.unique(group, return_index=True)[1]
    alike = factors == factors[first][group]
    if not alike.all():
        j = int(np.argmin(alike))
        raise ValueError(
            "penalty_weights must be the same for all features of a group; got "
            f"{factors[j]:g} for {_feature(j, names)} and {factors[first][group][j]:g} for another"
        )
    return Penalties(ratio, factors, lower, upper, group)


def check_groups(given: Any, n_x: int, names: Sequence[str] | None) -> NDArray[np.intp]:
    """Return the number of each feature's group (n_x,); a feature of none is one of its own.

    given: "classes", where each feature is one; or a dict or sequence of groups, each of them a
    sequence of columns, by name or number.
    """
    group = np.arange(n_x)
    if isinstance(given, str):
        if given != "classes":
            raise ValueError(
                'feature_groups must be "classes" or groups of columns; got ' + repr(given)
            )
        return group
    if not isinstance(given, (Mapping, Sequence)):
        raise TypeError(
            'feature_groups must be "classes", or a dict or list of groups of columns; got '
            f"{type(given).__name__}"
        )
    owner: dict[int, Any] = {}
    named = given.items() if isinstance(given, Mapping) else enumerate(given)
    for name, columns in named:
        if isinstance(columns, str) or not isinstance(columns, (Sequence, np.ndarray)):
            raise TypeError(
                f"feature_groups must hold a sequence of columns for group {name!r}; got "
                f"{columns!r}"
            )
        places = [_place(column, name, n_x, names) for column in columns]
        if not places:
            raise ValueError(f"feature_groups must name a column in group {name!r}; it is empty")
        for place in places:
            if place in owner:
                raise ValueError(
                    f"feature_groups must not overlap; {_feature(place, names)} is in group "
                    f"{owner[place]!r} and in group {name!r}"
                )
            owner[place] = name
        group[places] = min(places)
    return np.unique(group, return_inverse=True)[1].astype(np.intp)


def _place(column: Any, group: Any, n_x: int, names: Sequence[str] | None) -> int:
    if isinstance(column, str):
        known = [] if names is None else list(names)
        if column not in known:
            raise ValueError(
                f"feature_groups must name columns of X; group {group!r} has {column!r}, which is "
                + ("none of them" if known else "a name, and X has no names: give its number")
            )
        return known.index(column)
    if isinstance(column, (bool, np.bool_)) or not isinstance(column, (int, np.integer)):
        raise TypeError(f"feature_groups must hold names or numbers of columns; got {column!r}")
    if not 0 <= column < n_x:
        raise ValueError(
            f"feature_groups must hold numbers of columns from 0 to {n_x - 1}; got {column} in "
            f"group {group!r}"
        )
    return int(column)


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


def asked_for(
    l1_ratio: Any, penalty_weights: Any, bounds: Any, feature_groups: Any, offset: Any
) -> str:
    """Return which of these arguments need `prox_newton`, in words; "" for none."""
    given = (
        ("l1_ratio", not (isinstance(l1_ratio, (int, float)) and l1_ratio == 0.0)),
        ("penalty_weights", penalty_weights is not None),
        ("bounds", bounds is not None),
        ("feature_groups", feature_groups is not None),
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
