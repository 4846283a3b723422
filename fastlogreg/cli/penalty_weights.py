"""`--penalty-weights`: how much of the penalty each feature gets, by the names of the columns."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..tables.plan import Encoding

OPTION = "--penalty-weights"
FORM = (
    f"{OPTION} must be NAME=WEIGHT,... or a file with a line NAME=WEIGHT each; a weight is at "
    "least 0: 0 leaves a feature free, inf leaves it out"
)


class Given(NamedTuple):
    """Hold a name with its weight, and where it was read: the option, or a line of a file."""

    name: str
    weight: float
    where: str


def read_penalty_weights(text: str) -> tuple[Given, ...]:
    """Read NAME=WEIGHT,... or the file of this name; # begins a comment there.

    Raises
    ------
    ValueError or OSError
        Naming the option, the line of a file, what came, and the remedy.
    """
    path = Path(text)
    if "=" in text and not path.is_file():
        parts = [(part.strip(), OPTION) for part in text.split(",")]
    else:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            raise FileNotFoundError(f"{FORM}; got {text!r}, and there is no such file") from None
        except UnicodeDecodeError:
            raise ValueError(f"{FORM}; {text} is no text in UTF-8") from None
        parts = [(line.strip(), f"{text}, line {k}") for k, line in enumerate(lines, 1)]
        parts = [(line, where) for line, where in parts if line and not line.startswith("#")]
    found: dict[str, Given] = {}
    for part, where in parts:
        name, sign, value = part.rpartition("=")
        name = name.strip()
        weight = _number(value.strip())
        if not sign or not name or weight is None or not weight >= 0.0:
            raise ValueError(f"{FORM}; got {part!r} in {where}")
        if name in found:
            raise ValueError(
                f"{OPTION} must name a column once; {name!r} is in {found[name].where} and in "
                f"{where}. Leave one of them out"
            )
        found[name] = Given(name, weight, where)
    if not found:
        raise ValueError(f"{FORM}; {text!r} has none")
    return tuple(found.values())


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def weights_by_name(
    given: Sequence[Given], names: Sequence[str] | None, n_x: int, table: Any = None
) -> NDArray[np.float64]:
    """Return the weight of each feature (n_x, 1), 1 where none was given.

    names: of the features, None for x1, x2, ... table: the plan of the columns, where the features
    were made of them; the name of a column stands for all of its features.

    Raises ValueError for a name that is none of them.
    """
    names = [f"x{j + 1}" for j in range(n_x)] if names is None else names
    places: dict[str, list[int]] = {}
    if table is not None:
        first = 0
        for plan in Encoding.of_json(table).plans:
            last = first + len(plan.features)
            places[plan.name] = list(range(first, last))
            first = last
    for j, name in enumerate(names):
        places.setdefault(name, [j])
    weights = np.ones((n_x, 1))
    # A feature that is named itself has its own weight, whatever its column has.
    for one in sorted(given, key=lambda one: -len(places.get(one.name, []))):
        if one.name not in places:
            near = difflib.get_close_matches(one.name, list(places), 3)
            these = near or list(places)[:5]
            more = "" if near or len(places) <= 5 else ", ..."
            raise ValueError(
                f"{OPTION} must name columns of X; got {one.name!r} in {one.where}, which is none "
                f"of them. There {'is' if len(these) == 1 else 'are'} "
                f"{', '.join(map(repr, these))}{more}"
            )
        weights[places[one.name]] = one.weight
    if not np.isfinite(weights).any():
        raise ValueError(
            f"{OPTION} must leave a feature in; got inf for {'all' if n_x > 1 else 'the one'}"
            f"{f' {n_x}' if n_x > 1 else ''} of them"
        )
    return weights


def as_text(given: Sequence[Given]) -> str:
    """Return them as they are typed, for the model file."""
    return ",".join(f"{one.name}={_shown(one.weight)}" for one in given)


def _shown(weight: float) -> str:
    return "inf" if math.isinf(weight) else f"{weight:g}"
