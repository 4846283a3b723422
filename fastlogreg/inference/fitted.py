"""A fitted model with the data of its fit, and what is asked of it; checked before any work."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..backends.base import Backend
from ..checks.arguments import check_choice, check_number
from ..checks.missing import first_missing
from ..data.design import Design
from ..machine.memory import available_memory
from ..maths.arrays import NONE, Vector
from .covariance import CONVENTIONS, Clusters

INTERVALS = ("wald", "profile")
COST_LOST, LEAST_COST = 1e-6, 1e-12  # of J: more is no rounding
MATRICES = 6  # of (p, p) that are in memory at once


class Fitted(NamedTuple):
    """Hold a fitted model and the data of its fit.

    y (m,) in [0, 1], w (n_x, 1) and b (1,); of K classes y in 0 .. K - 1, w (n_x, K) and b (K,).
    penalty (n_x,): D, the curvature of the penalty of the sum of the losses. cost: J of the fit, to
    be found again. labels: of the classes.
    """

    design: Design
    y: NDArray[Any]
    w: Vector
    b: Vector
    names: tuple[str, ...]
    weight: Vector = NONE
    offset: Vector = NONE
    penalty: Vector = NONE
    intercept: bool = True
    cost: float | None = None
    labels: tuple[Any, ...] = (0, 1)
    n_threads: int | None = None
    backend: str | Backend = "fused"

    @property
    def total(self) -> float:
        """Return the sum of the weights."""
        return float(self.weight.sum()) if self.weight.size else float(self.design.m)

    @property
    def examples(self) -> int:
        """Return how many examples have a positive weight."""
        return int((self.weight > 0.0).sum()) if self.weight.size else self.design.m

    @property
    def parameters(self) -> tuple[str, ...]:
        """Return the names of the parameters of a class, the intercept first."""
        return ("intercept", *self.names) if self.intercept else self.names

    def digest(self) -> str:
        """Return what tells these examples from others, X apart."""
        found = hashlib.sha256()
        for array in (self.y, self.weight, self.offset):
            values = np.ascontiguousarray(array, np.float64)
            found.update(f"{values.size} ".encode() + values.data)
        return found.hexdigest()


class How(NamedTuple):
    """Hold what is asked for: covariance, groups (m,) or none, interval, level."""

    covariance: str = "hessian"
    groups: Any = None
    interval: str = "wald"
    level: float = 0.95

    def checked(self) -> How:
        """Return it; ValueError or TypeError where it is wrong, before any work."""
        check_choice("covariance", self.covariance, tuple(CONVENTIONS))
        check_choice("interval", self.interval, INTERVALS)
        level = check_number("level", self.level)
        if not 0.0 < level < 1.0:
            raise ValueError(
                f"level must be above 0 and below 1, as 0.95 for 95 % intervals; got {level:g}"
            )
        clustered = CONVENTIONS[self.covariance].clustered
        if clustered and self.groups is None:
            raise ValueError(
                f"groups must say which cluster each example is of, for covariance "
                f"{self.covariance!r}; got None"
            )
        if not clustered and self.groups is not None:
            raise ValueError(
                f'groups are for covariance "cluster"; got them with {self.covariance!r}. Leave '
                "them out, or change covariance"
            )
        return self._replace(level=level)


def clusters_of(groups: Any, m: int, weight: Vector) -> Clusters:
    """Return the cluster of each example; ValueError for another length, a gap, or one alone."""
    if groups is None:
        return Clusters(np.zeros(m, np.intp), 1)
    missing = first_missing(groups)
    given = np.asarray(groups)
    if given.size != m or given.ndim > 2 or (given.ndim == 2 and 1 not in given.shape):
        raise ValueError(
            f"groups must have one label for each of the {m} examples; got shape {given.shape}. "
            "Give the cluster of each example, in their order"
        )
    if missing is not None:
        raise ValueError(
            f"groups must have no missing labels; that of example {missing} is. Leave such "
            "examples out of the fit, or make each a cluster of its own"
        )
    given = given.reshape(-1)
    if given.dtype.kind == "O":
        given = given.astype(str)
    of_each = np.unique(given, return_inverse=True)[1].reshape(-1)
    if weight.size:  # examples of weight 0 are none
        counted = np.unique(of_each[weight > 0.0])
        of_each = np.minimum(np.searchsorted(counted, of_each), len(counted) - 1)
        count = len(counted)
    else:
        count = int(of_each.max()) + 1
    if count < 2:
        raise ValueError(
            "groups must have two clusters or more: the spread between clusters is what is "
            "measured; got one. Give finer groups, or take a covariance without them"
        )
    return Clusters(of_each.astype(np.intp), count)


def require_memory(parameters: int) -> None:
    """Refuse so many parameters that their matrices do not fit into memory."""
    needed = MATRICES * 8 * parameters**2
    if needed > available_memory():
        raise ValueError(
            f"a summary of {parameters} coefficients needs {needed / 2**30:.1f} GiB for its "
            f"matrices, and {available_memory() / 2**30:.1f} GiB are free. Choose fewer columns"
        )


def require_no_reference(reference: Any) -> None:
    """Refuse a reference for a model of two classes."""
    if reference is not None:
        raise ValueError(
            "reference is for three classes or more: a model of two tells P of the second; got "
            f"{reference!r}. Leave it out"
        )


def require_cost(fitted: Fitted, loss: float) -> None:
    """ValueError where the mean loss and the penalty are not what the fit ended with."""
    if fitted.cost is None:
        return
    penalty = 0.0
    if fitted.penalty.size:
        penalty = 0.5 * float((fitted.penalty[:, None] * fitted.w**2).sum()) / fitted.total
    found = loss + penalty
    if not abs(found - fitted.cost) <= COST_LOST * max(found, fitted.cost) + LEAST_COST:
        raise ValueError(
            f"X and y must be those of the fit: the cost of its coefficients is {found:.9g} on "
            f"these, and was {fitted.cost:.9g}. Give the data of the fit, with its weights, "
            "offset, lambda_, scale, shift and bias_reduction"
        )
