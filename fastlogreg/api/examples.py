"""What each example does to a trained model: its influence, and what is said of it without it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks.arguments import check_number, check_w, require_here
from ..checks.penalties import check_offset
from ..checks.targets import check_targets, check_weights
from ..data.inputs import design_of
from ..data.matrix_like import MatrixLike
from ..inference import influence as inside
from ..inference.likelihood import Likelihood
from ..maths.arrays import NONE, Vector
from ..maths.logistic import sigmoid

Array = NDArray[np.float64]


class Influence(NamedTuple):
    """Hold what each of m examples does to a fit.

    The conventions are those of R's `influence.measures` for glm, and of statsmodels'
    `GLMInfluence`, with a dispersion of 1.

    Attributes
    ----------
    leverage : ndarray of shape (m,)
        The diagonal of the hat matrix. It sums to the number of parameters without a penalty.
    pearson, deviance : ndarray of shape (m,)
        Residuals.
    standardised_pearson, standardised_deviance : ndarray of shape (m,)
        Residuals over the root of 1 - leverage. R's `rstandard` is the second.
    cooks_distance : ndarray of shape (m,)
        How far the fit moves without the example.
    dfbetas : ndarray of shape (m, p) or None
        How much w, and last b, are larger with the example than without it: R's `dfbeta`, in units
        of the coefficients.
    probabilities : ndarray of shape (m,)
        The fitted a.

    Examples
    --------
    >>> import fastlogreg as flr
    >>> X, Y = [[0.0, 1.0, 2.0, 3.0]], [[0, 1, 0, 1]]
    >>> result = flr.train(X, Y, solver="newton", tol=1e-12)
    >>> round(float(flr.influence(result, X, Y).leverage.sum()), 6)
    2.0
    """

    leverage: Array
    pearson: Array
    deviance: Array
    standardised_pearson: Array
    standardised_deviance: Array
    cooks_distance: Array
    dfbetas: Array | None
    probabilities: Array


class LeaveOneOut(NamedTuple):
    """Hold what a model says of each example when it is fitted without it, approximately.

    Attributes
    ----------
    probabilities : ndarray of shape (1, m)
        P(y = 1) of each example, from the others.
    scores : ndarray of shape (1, m)
        z of each example, from the others.
    loss : float
        The mean loss, weighted.
    standard_error : float
        Of that mean.

    Examples
    --------
    >>> import fastlogreg as flr
    >>> X, Y = [[0.0, 1.0, 2.0, 3.0]], [[0, 1, 0, 1]]
    >>> result = flr.train(X, Y, solver="newton", lambda_=1.0, tol=1e-12)
    >>> flr.leave_one_out(result, X, Y, lambda_=1.0).probabilities.shape
    (1, 4)
    """

    probabilities: Array
    scores: Array
    loss: float
    standard_error: float


def influence(
    result: Any,
    X: MatrixLike,
    Y: ArrayLike,
    *,
    lambda_: float = 0.0,
    weights: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    dfbetas: bool = False,
    n_threads: int | None = None,
) -> Influence:
    """Measure what each example does to a trained model of two classes, in two reads of X.

    Parameters
    ----------
    result : TrainingResult
        What `train` returned for the same examples, with scale 1 and shift 0.
    X, Y, lambda_, weights, offset, n_threads
        As in `train`. With lambda_ above 0 the hat matrix is that of ridge regression.
    dfbetas : bool, default=False
        Whether to compute dfbetas too: one more read, and an array as large as X.

    Returns
    -------
    Influence
        An array (m,) for each measure.

    Raises
    ------
    ValueError or TypeError
        As `train`, and where columns depend on others or the classes are separable.

    References
    ----------
    D. Pregibon, "Logistic regression diagnostics", Annals of Statistics 9, 1981.

    Examples
    --------
    >>> import fastlogreg as flr
    >>> X, Y = [[0.0, 1.0, 2.0, 3.0]], [[0, 1, 0, 1]]
    >>> result = flr.train(X, Y, solver="newton", tol=1e-12)
    >>> flr.influence(result, X, Y, dfbetas=True).dfbetas.shape
    (4, 2)
    """
    given, theta, curvature = _given(result, X, Y, lambda_, weights, offset, n_threads)
    return measured(given, theta, curvature, dfbetas)


def leave_one_out(
    result: Any,
    X: MatrixLike,
    Y: ArrayLike,
    *,
    lambda_: float = 0.0,
    weights: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    n_threads: int | None = None,
) -> LeaveOneOut:
    """Approximate what the model would say of each example, fitted without it: two reads of X.

    Parameters
    ----------
    result, X, Y, lambda_, weights, offset, n_threads
        As in `influence`; the lambda_ of the fit.

    Returns
    -------
    LeaveOneOut
        Probabilities, the mean loss and its standard error.

    Raises
    ------
    ValueError or TypeError
        As `influence`.

    References
    ----------
    K. R. Rad and A. Maleki, "A scalable estimate of the out-of-sample prediction error via
    approximate leave-one-out cross-validation", 2020.

    Examples
    --------
    >>> import fastlogreg as flr
    >>> X, Y = [[0.0, 1.0, 2.0, 3.0]], [[0, 1, 0, 1]]
    >>> result = flr.train(X, Y, solver="newton", lambda_=1.0, tol=1e-12)
    >>> round(flr.leave_one_out(result, X, Y, lambda_=1.0).loss, 2) > round(result.cost, 2)
    True
    """
    return left_out(*_given(result, X, Y, lambda_, weights, offset, n_threads))


def _given(
    result: Any, X: Any, Y: Any, lambda_: Any, weights: Any, offset: Any, n_threads: Any
) -> tuple[Likelihood, Vector, Vector]:
    require_here(X, "Fit fastlogreg.dask.LogisticRegression, which has influence and leave_one_out")
    design = design_of(X, 1.0, 0.0)
    m, n_x = design.m, design.n_x
    w, b = check_w(result.w, n_x, m), check_number("b", result.b)
    weight = check_weights(weights, m)
    y = check_targets(Y, m, weight, both_classes=True, n_x=n_x)
    moved = NONE if offset is None else check_offset(offset, m)
    if n_threads is not None:
        n_threads = int(check_number("n_threads", n_threads, low=1, integer=True))
    given = Likelihood(design, y, weight, moved, n_threads=n_threads)
    strength = check_number("lambda_", lambda_, low=0)
    return given, given.inward(np.append(w, b)), np.full(n_x, strength) if strength else NONE


def measured(given: Likelihood, theta: Vector, curvature: Vector, dfbetas: bool) -> Influence:
    """Return the influence at theta (p,), for the rescaled features of a likelihood."""
    found = inside.examine(given, theta, curvature, dfbetas)
    h = found.leverage
    rest = np.maximum(1.0 - h, np.finfo(float).tiny)
    root = np.sqrt(rest)
    cook = found.pearson**2 * h / (len(given.free) * rest**2)
    more = found.dfbetas if dfbetas else None
    residuals = found.pearson, found.deviance, found.pearson / root, found.deviance / root
    return Influence(h, *residuals, cook, more, sigmoid(found.z))


def left_out(given: Likelihood, theta: Vector, curvature: Vector) -> LeaveOneOut:
    """Return approximate leave-one-out at theta (p,), for the rescaled features."""
    z = inside.without_each(given, inside.examine(given, theta, curvature))
    losses, s = np.logaddexp(0.0, z) - given.y * z, given.weight
    mean = float(np.sum(s * losses)) / given.total
    spread = np.sqrt(max(0.0, float(np.sum(s * (losses - mean) ** 2)) / given.total))
    counted = int(np.count_nonzero(s))
    error = float(spread / np.sqrt(max(1, counted - 1)))
    return LeaveOneOut(sigmoid(z)[None], z[None], mean, error)
