"""What a report is made of. Whoever knows the data and the fit fills it in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Examples(NamedTuple):
    """A data set and what the model says of it.

    Y (1, m) of 0 .. K - 1; A (1, m) = P(y = 1), or (K, m). log_loss: the mean, where it is known
    better than by A.
    """

    name: str
    Y: Array
    A: Array
    log_loss: float | None = None


class Row(NamedTuple):
    """An example as it lies in the data: its place in words, and names with values."""

    place: str
    values: Sequence[tuple[str, str]] = ()


class ColumnFacts(NamedTuple):
    """A column of the data: name, type, missing values, range or levels, what was made of it."""

    name: str
    type: str
    missing: int
    values: str
    becomes: str


class Weights(NamedTuple):
    """The weights in the units of X: w (n_x, 1) or (n_x, K), names, mean and spread (n_x,) of X."""

    w: Array
    names: Sequence[str]
    moments: tuple[Array, Array] | None = None

    def standardised(self) -> Array:
        """Return them for a change of a standard deviation, or as they are where none is known."""
        return self.w if self.moments is None else np.asarray(self.w * self.moments[1][:, None])


class Run(NamedTuple):
    """How training went: reasons and numbers of the result, and its history (k, 4).

    penalised: whether a bound can be proved; compiled: seconds of compiling, apart.
    """

    solver: str
    iterations: int
    stop_reason: str
    cost: float
    bound: float
    gradient_norm: float
    seconds: float | None
    history: Array
    compiled: float = 0.0


@dataclass
class Content:
    """Hold everything that the page shows.

    subtitle: what is told apart. said: what was noticed of the data. sets: the data sets, that of
    training first where it is there; the last one is looked at closely. held_out: whether that one
    took no part in training. estimates: a Summary or ClassSummary; no_estimates: why there is
    none. example: one of the last set, by its place. X: of the last set (n_x, m), for what spoke
    for a mistake, and for images; the weights are of scale * X + shift, (n_x,), where these are
    given.
    """

    title: str
    subtitle: str
    labels: tuple[Any, ...]
    sets: list[Examples]
    held_out: bool
    weights: Weights
    run: Run | None = None
    threshold: float = 0.5
    facts: list[tuple[str, str]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    columns: list[ColumnFacts] = field(default_factory=list)
    estimates: Any = None
    no_estimates: str = ""
    example: Callable[[int], Row] | None = None
    X: Any = None
    scale: Any = None
    shift: Any = None
    image_shape: tuple[int, ...] | None = None
    how: list[tuple[str, str]] = field(default_factory=list)
    command: str = ""
    notes: list[str] = field(default_factory=list)


def labels_in_words(labels: Sequence[Any]) -> str:
    """Name the labels, or say how many there are."""
    if len(labels) > 5:
        return f"{len(labels)} classes"
    return " or ".join(map(str, labels)) if len(labels) == 2 else ", ".join(map(str, labels))
