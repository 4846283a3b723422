"""How good probabilities are: calibration, the test of Hosmer and Lemeshow, the ROC curve.

    logit P(y = 1) = intercept + slope z          z = log a / (1 - a), of probabilities a
    H = sum (O - E)^2 / E                         over groups and both classes
    AUC = P(score of a 1 > score of a 0) + P(equal) / 2
    var AUC = var(V1) / n1 + var(V0) / n0         V: the share of the other class on its right side

V1 of an example of class 1 is the share of the zeros below it, ties half; V0 of a 0 the share of
the ones above. DeLong's variance is over pairs as it is written first; a sort gives every V.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks.arguments import check_number
from ..checks.outcomes import Outcomes, check_level, check_outcomes, check_probabilities
from ..data.inputs import design_of
from ..maths.distributions import chi2_tail, normal_quantile
from ..maths.logistic import sigmoid
from ..maths.metrics import ranks, steps
from .factor import factor_of
from .likelihood import Likelihood

Array = NDArray[np.float64]
MOST_STEPS = 100


class Calibration(NamedTuple):
    """Hold how probabilities must be bent to fit the outcomes: not at all, if they are right.

    Attributes
    ----------
    intercept, slope : float
        Of logit P(y = 1) = intercept + slope z. 0 and 1 are right. A slope below 1 says that the
        probabilities are too extreme.
    intercept_error, slope_error : float
        Standard errors.
    covariance : ndarray of shape (2, 2)
        Of the intercept and the slope.
    in_the_large, in_the_large_error : float
        The intercept where the slope is held at 1, and its standard error. Above 0 the
        probabilities are too low on average.
    statistic, p_value : float
        Likelihood-ratio test of intercept 0 and slope 1, chi-square with 2 degrees of freedom.

    Examples
    --------
    >>> import fastlogreg as flr
    >>> found = flr.calibration([0, 1, 0, 1, 1, 0], [0.1, 0.9, 0.8, 0.7, 0.4, 0.2])
    >>> round(found.slope, 3)
    0.803
    """

    intercept: float
    slope: float
    intercept_error: float
    slope_error: float
    covariance: Array
    in_the_large: float
    in_the_large_error: float
    statistic: float
    p_value: float


class HosmerLemeshow(NamedTuple):
    """Hold the test of Hosmer and Lemeshow, and its groups from low to high probabilities.

    Attributes
    ----------
    statistic : float
        The sum over groups and classes of (observed - expected)^2 / expected.
    df : int
        Degrees of freedom.
    p_value : float
        The chi-square tail above the statistic.
    counts, observed, expected : ndarray of shape (groups,)
        The examples of each group, how many are of class 1, and the sum of their probabilities.

    Examples
    --------
    >>> import fastlogreg as flr
    >>> p = [0.1, 0.1, 0.4, 0.4, 0.8, 0.8]
    >>> flr.hosmer_lemeshow([0, 0, 0, 1, 1, 1], p, groups=3).counts
    array([2, 2, 2])
    """

    statistic: float
    df: int
    p_value: float
    counts: NDArray[np.int64]
    observed: Array
    expected: Array


class Roc(NamedTuple):
    """Hold a ROC curve and the area under it.

    Attributes
    ----------
    false_positive_rate, true_positive_rate : ndarray of shape (k + 1,)
        The shares of zeros and of ones with a score of at least each threshold.
    thresholds : ndarray of shape (k + 1,)
        Infinity, and then the k different scores from high to low.
    area : float
        The area under the curve, ties counted half.
    standard_error : float
        DeLong's. NaN where a class weighs 1 or less; 0 where the classes do not overlap.
    interval : tuple of float
        The area less and plus a normal quantile times the standard error, cut off at 0 and 1.

    Examples
    --------
    >>> import fastlogreg as flr
    >>> flr.roc([0, 1, 0, 1], [0.1, 0.4, 0.4, 0.8]).true_positive_rate
    array([0. , 0.5, 1. , 1. ])
    """

    false_positive_rate: Array
    true_positive_rate: Array
    thresholds: Array
    area: float
    standard_error: float
    interval: tuple[float, float]


def calibration(
    y: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None
) -> Calibration:
    """Fit the outcomes to the z of their probabilities: the intercept and slope of calibration.

    Parameters
    ----------
    y : array of shape (m,) or (1, m)
        Labels 0 or 1, or shares from 0 to 1.
    probabilities : array of shape (m,) or (1, m)
        P(y = 1) of each example, above 0 and below 1.
    weights : array of shape (m,) or (1, m), or None, default=None
        How often each example counts.

    Returns
    -------
    Calibration
        Intercept and slope with their standard errors, and a test of 0 and 1.

    Raises
    ------
    ValueError or TypeError
        For shapes that differ, a y outside [0, 1] or of one class, probabilities that are 0, 1,
        missing or all equal, and where they put every 1 on one side of every 0: no slope is best.

    References
    ----------
    D. R. Cox, "Two further applications of a model for binary regression", Biometrika 45, 1958.

    Examples
    --------
    >>> import numpy as np
    >>> import fastlogreg as flr
    >>> a = np.repeat([0.25, 0.5, 0.75], 4)
    >>> y = [0, 0, 0, 1, 0, 0, 1, 1, 0, 1, 1, 1]
    >>> round(flr.calibration(y, a).slope, 3)
    1.0
    """
    given = check_outcomes(y, "probabilities", probabilities, weights)
    check_probabilities(given, inside=True)
    z = np.log(given.said) - np.log1p(-given.said)
    _require_overlap(given, z)
    likelihood = Likelihood(design_of(z[None], 1.0, 0.0), given.y, given.weight)
    found = likelihood.maximum()
    factor = factor_of(found.at.information)
    if not found.reached or factor.flat.any():
        raise ValueError(
            "probabilities must differ enough to show a slope; their z have nearly one value, or "
            "the classes nearly do not overlap"
        )
    slope, intercept = likelihood.outward(found.at.theta).tolist()
    T = likelihood.outward_matrix()
    covariance = (T @ factor.inverse @ T.T)[::-1, ::-1].copy()
    errors = np.sqrt(np.diag(covariance))
    gained = max(0.0, 2.0 * (found.at.value - likelihood.of_scores(z)))
    b, error = _in_the_large(given, z)
    return Calibration(
        intercept=intercept,
        slope=slope,
        intercept_error=float(errors[0]),
        slope_error=float(errors[1]),
        covariance=covariance,
        in_the_large=b,
        in_the_large_error=error,
        statistic=gained,
        p_value=chi2_tail(gained, 2),
    )


def _require_overlap(given: Outcomes, z: Array) -> None:
    """ValueError where no slope is the best one: z is constant, or the classes do not overlap."""
    ones, zeros = z[given.weight * given.y > 0.0], z[given.weight * (1.0 - given.y) > 0.0]
    low, high = min(ones.min(), zeros.min()), max(ones.max(), zeros.max())
    if low == high:
        raise ValueError(
            f"probabilities must not all be equal, to show a slope; all are {given.said[0]:g}"
        )
    if zeros.max() <= ones.min() or ones.max() <= zeros.min():
        raise ValueError(
            "probabilities must overlap between the classes, to have a finite slope; here every 1 "
            "lies on one side of every 0. More examples may mend it"
        )


def _in_the_large(given: Outcomes, z: Array) -> tuple[float, float]:
    """Return b of logit P(y = 1) = b + z, and its standard error: Newton inside a bracket."""
    y, s = given.y, given.weight
    share = np.log(np.sum(s * y)) - np.log(np.sum(s * (1.0 - y)))
    low, high = float(share - z.max()), float(share - z.min())  # every a too small, too large
    b = min(high, max(low, 0.0))
    for _ in range(MOST_STEPS):
        a, rest = sigmoid(z + b), sigmoid(-z - b)
        score, information = float(np.sum(s * (y * rest - (1.0 - y) * a))), np.sum(s * a * rest)
        low, high = (b, high) if score > 0.0 else (low, b)
        new = b + score / float(information) if information > 0.0 else np.inf
        new = new if low < new < high else 0.5 * (low + high)
        step, b = new - b, new
        if abs(step) <= 1e-15 * max(1.0, abs(b)):
            break
    return b, float(1.0 / np.sqrt(np.sum(s * sigmoid(z + b) * sigmoid(-z - b))))


def hosmer_lemeshow(
    y: ArrayLike, probabilities: ArrayLike, groups: int = 10, *, fitted: bool = True
) -> HosmerLemeshow:
    """Test whether groups of like probabilities have as many ones as these say.

    The groups lie between quantiles of the probabilities, as in R's `hoslem.test`. Equal ones stay
    together, so there may be fewer groups.

    Parameters
    ----------
    y, probabilities : arrays of shape (m,) or (1, m)
        Outcomes, and P(y = 1) of each, from 0 to 1.
    groups : int, default=10
        How many groups to make, 3 at least.
    fitted : bool, default=True
        Whether the model was fitted to these examples. df is then two less than the groups;
        for others it is the groups.

    Returns
    -------
    HosmerLemeshow
        The statistic, df and p-value, and the groups.

    Raises
    ------
    ValueError or TypeError
        As `calibration`, but 0 and 1 are probabilities here; where fewer than 3 groups are left.

    References
    ----------
    D. W. Hosmer and S. Lemeshow, "Goodness of fit tests for the multiple logistic regression
    model", Communications in Statistics A9, 1980.

    Examples
    --------
    >>> import fastlogreg as flr
    >>> p = [0.1, 0.1, 0.4, 0.4, 0.8, 0.8]
    >>> found = flr.hosmer_lemeshow([0, 0, 0, 1, 1, 1], p, groups=3)
    >>> round(found.statistic, 4), found.df, round(found.p_value, 4)
    (0.8056, 1, 0.3694)
    """
    wanted = int(check_number("groups", groups, low=3, integer=True))
    given = check_outcomes(y, "probabilities", probabilities)
    check_probabilities(given, inside=False)
    a = given.said
    edges = np.unique(np.quantile(a, np.linspace(0.0, 1.0, wanted + 1)))
    place = np.searchsorted(edges[1:-1], a, side="left")
    all_counts = np.bincount(place)
    there = all_counts > 0
    counts = all_counts[there]
    if len(counts) < 3:
        raise ValueError(
            "probabilities must fall into 3 groups at least; between their quantiles there are "
            f"{len(counts)}. Give more examples, or more groups"
        )
    observed, expected, rest = (
        np.bincount(place, values)[there].astype(np.float64) for values in (given.y, a, 1.0 - a)
    )
    gap = np.square(observed - expected)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(gap > 0.0, gap / expected + gap / rest, 0.0)
    statistic, df = float(np.sum(terms)), len(counts) - 2 * bool(fitted)
    return HosmerLemeshow(statistic, df, chi2_tail(statistic, df), counts, observed, expected)


def roc(
    y: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None, *, level: float = 0.95
) -> Roc:
    """Compute the ROC curve, and the area under it with DeLong's standard error, by one sort.

    Parameters
    ----------
    y : array of shape (m,) or (1, m)
        Labels 0 or 1. A share from 0 to 1 counts as a part of each.
    scores : array of shape (m,) or (1, m)
        z, probabilities, or any other numbers that are larger for likely ones.
    weights : array of shape (m,) or (1, m), or None, default=None
        How often each example counts. A weight of 2 is the example twice, for the error too.
    level : float, default=0.95
        Of the interval.

    Returns
    -------
    Roc
        The curve, its thresholds, the area, its standard error and interval.

    Raises
    ------
    ValueError or TypeError
        For shapes that differ, a y outside [0, 1] or of one class, scores that are not finite, and
        a level outside (0, 1).

    References
    ----------
    E. DeLong, D. DeLong and D. Clarke-Pearson, "Comparing the areas under two or more correlated
    receiver operating characteristic curves", Biometrics 44, 1988. X. Sun and W. Xu, "Fast
    implementation of DeLong's algorithm", IEEE Signal Processing Letters 21, 2014.

    Examples
    --------
    >>> import fastlogreg as flr
    >>> found = flr.roc([0, 1, 0, 1], [0.1, 0.4, 0.4, 0.8])
    >>> found.area, round(found.standard_error, 4)
    (0.875, 0.1768)
    """
    share = check_level(level)
    given = check_outcomes(y, "scores", scores, weights)
    found = steps(given.y, given.said, given.weight)
    n1, n0 = float(found.right[-1]), float(found.wrong[-1])
    area, ones, zeros, below, above = ranks(found)  # below is V1, above V0
    error = np.nan
    if n1 > 1.0 and n0 > 1.0:
        spread1 = float(np.sum(ones * np.square(below - area))) / (n1 - 1.0)
        spread0 = float(np.sum(zeros * np.square(above - area))) / (n0 - 1.0)
        error = float(np.sqrt(spread1 / n1 + spread0 / n0))
    reach = normal_quantile(0.5 + 0.5 * share) * error
    ends = float(np.clip(area - reach, 0.0, 1.0)), float(np.clip(area + reach, 0.0, 1.0))
    right, wrong = np.append(0.0, found.right) / n1, np.append(0.0, found.wrong) / n0
    return Roc(wrong, right, np.append(np.inf, found.threshold), area, error, ends)
