"""What `fastlogreg.path` returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class PathResult:
    """Hold what `path` found: the optimum at each lambda.

    Attributes
    ----------
    w : ndarray of shape (n_x, L), or (n_x, K, L) for K classes
        The weights, a column for each lambda; for X in its own units, scale and shift as given. Of
        K classes w[:, :, k] is the w (n_x, K) of lambdas[k].
    b : ndarray of shape (1, L), or (K, 1, L) for K classes
        The biases. Of K classes b[:, :, k] is the b (K, 1) of lambdas[k]; it adds up to 0.
    lambdas : ndarray of shape (L,)
        As they were given, in that order; with `stop_early` those that were reached.
    costs : ndarray of shape (L,)
        J at each optimum.
    bounds : ndarray of shape (L,)
        A proved upper bound on J - J*; infinite for lambda = 0 without L1, bounds or an offset.
    converged : ndarray of shape (L,)
        Whether `tol` was reached.
    nonzeros : ndarray of shape (L,)
        How many features have a weight that is not 0.
    deviance_explained : ndarray of shape (L,)
        1 - loss / loss without features: glmnet's dev.ratio. The loss is the cost without penalty.
    iterations : ndarray of shape (L,)
        Updates made.
    reads : int
        Reads of X in all.
    seconds : float
        Wall time.

    Examples
    --------
    >>> import fastlogreg as flr
    >>> found = flr.path([[1.0, -1.0, 0.5, 2.0]], [[1, 0, 0, 1]], lambdas=[10.0, 1.0])
    >>> found.w.shape, found.b.shape, bool(found.converged.all())
    ((1, 2), (1, 2), True)
    >>> found = flr.path([[1.0, 0.0, -1.0]], [[0, 1, 2]], classes=3, lambdas=[10.0, 1.0])
    >>> found.w.shape, found.b.shape, bool(found.converged.all())
    ((1, 3, 2), (3, 1, 2), True)
    """

    w: NDArray[np.float64]
    b: NDArray[np.float64]
    lambdas: NDArray[np.float64]
    costs: NDArray[np.float64]
    bounds: NDArray[np.float64]
    converged: NDArray[np.bool_]
    nonzeros: NDArray[np.intp]
    deviance_explained: NDArray[np.float64]
    iterations: NDArray[np.intp]
    reads: int
    seconds: float

    def __repr__(self) -> str:
        return (
            f"PathResult({len(self.lambdas)} lambdas from {self.lambdas.max():.3g} to "
            f"{self.lambdas.min():.3g}, w=array of shape {self.w.shape}, "
            f"bounds up to {self.bounds.max():.3g}, reads={self.reads}, "
            f"seconds={self.seconds:.3g})"
        )
