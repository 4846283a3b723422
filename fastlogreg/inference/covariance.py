"""Covariances of the estimates: of the information, and sandwiches that do not trust the model.

    "hessian"           H^-1; with a penalty H^-1 I H^-1
    "HC0" to "HC3"      H^-1 M H^-1, M = sum of u u' over the examples, u = s (y - a) x1
    "cluster"           M = sum over clusters of U U', U being the sum of u in the cluster

H = I + D is the information I and the curvature D of the penalty. Packages multiply M by different
factors: `CONVENTIONS` has them by name. Sources: Zeileis, Object-oriented computation of sandwich
estimators, 2006; Long & Ervin, Using heteroscedasticity consistent standard errors, 2000.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..maths.arrays import Vector
from .likelihood import At, Likelihood

GROUP_BYTES = 32 << 20  # of the sums of clusters, for which X is read once
FULL_LEVERAGE = 1e-10  # of 1 - h: an example that the fit follows whatever its y is


class Counts(NamedTuple):
    """Hold the examples of positive weight, the estimated parameters, and the clusters."""

    n: int
    k: int
    clusters: int


class Convention(NamedTuple):
    """Hold what a covariance is in words, and what makes it.

    leverage_power: p of u u' / (1 - h)^p. factor: what M is multiplied by.
    """

    words: str
    robust: bool
    clustered: bool = False
    leverage_power: int = 0
    factor: Callable[[Counts], float] = lambda counts: 1.0


CONVENTIONS = {
    "hessian": Convention("the inverse of the information, as R's glm and statsmodels", False),
    "HC0": Convention("sandwich without a factor; statsmodels' HC0 and HC1 of Logit", True),
    "HC1": Convention(
        "sandwich times n/(n - k), as R's sandwich", True, factor=lambda c: c.n / (c.n - c.k)
    ),
    "HC1-stata": Convention(
        "sandwich times n/(n - 1), as Stata's vce(robust)", True, factor=lambda c: c.n / (c.n - 1)
    ),
    "HC2": Convention("sandwich with u u'/(1 - h), as R's sandwich", True, leverage_power=1),
    "HC3": Convention("sandwich with u u'/(1 - h)^2, as R's sandwich", True, leverage_power=2),
    "cluster": Convention(
        "clusters, times G/(G - 1), as Stata's vce(cluster) and R's vcovCL",
        True,
        True,
        factor=lambda c: c.clusters / (c.clusters - 1),
    ),
    "cluster-statsmodels": Convention(
        "clusters, times G/(G - 1) (n - 1)/(n - k), as statsmodels",
        True,
        True,
        factor=lambda c: c.clusters / (c.clusters - 1) * (c.n - 1) / (c.n - c.k),
    ),
}


class Clusters(NamedTuple):
    """Hold the number of each example's cluster (m,), and how many clusters there are."""

    of_each: NDArray[np.intp]
    number: int


def meat(likelihood: Likelihood, at: At, kind: str, root: Vector, clusters: Clusters) -> Vector:
    """Return M (p, p) of the rescaled features, without its factor.

    One read of X, two for HC2 and HC3. root' root = H^-1.
    """
    convention = CONVENTIONS[kind]
    residuals = likelihood.weighted(likelihood.residuals(at.z))
    if convention.clustered:
        return clustered(binary_scores(likelihood, residuals), clusters, likelihood.size)
    squares = residuals * residuals
    if convention.leverage_power:
        for lo, hi, z, t in likelihood.leverages(at.theta, root):
            h = likelihood.weights_of(slice(lo, hi)) * likelihood.curvatures(z) * t
            if (1.0 - h <= FULL_LEVERAGE).any():
                i = lo + int(np.argmin(1.0 - h))
                raise ValueError(
                    f"covariance {kind!r} has no value where the leverage of an example is 1: that "
                    f'of example {i} is. Take "HC0" or "HC1"'
                )
            squares[lo:hi] /= (1.0 - h) ** convention.leverage_power
    M = likelihood.products(squares)
    if not likelihood.intercept:
        M[-1, -1] = 0.0
    return M


Rows = Callable[[], Iterator[tuple[int, int, Vector]]]


def binary_scores(likelihood: Likelihood, residuals: Vector) -> Rows:
    """Return what yields (first example, one past the last, u of each (examples, p)): one read."""

    def rows() -> Iterator[tuple[int, int, Vector]]:
        likelihood.objective.begin_pass()
        for lo, hi, x in likelihood.design.float_blocks():
            one = np.full((hi - lo, 1), float(likelihood.intercept))
            yield lo, hi, np.append(x, one, axis=1) * residuals[lo:hi, None]

    return rows


def clustered(rows: Rows, clusters: Clusters, size: int) -> Vector:
    """Return the sum of U U' over the clusters (size, size).

    So many clusters are summed in a read of X that they fit `GROUP_BYTES`: one read for most.
    """
    M = np.zeros((size, size))
    step = max(1, GROUP_BYTES // (8 * size))
    for first in range(0, clusters.number, step):
        sums = np.zeros((min(step, clusters.number - first), size))
        for lo, hi, u in rows():
            group = clusters.of_each[lo:hi] - first
            order = np.argsort(group, kind="stable")
            order = order[(group[order] >= 0) & (group[order] < len(sums))]
            if order.size:
                starts = np.flatnonzero(np.diff(group[order], prepend=-1))
                sums[group[order][starts]] += np.add.reduceat(u[order], starts, axis=0)
        M += np.einsum("gi,gj->ij", sums, sums, optimize=False)
    return M
