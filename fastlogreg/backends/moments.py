"""Mean and spread of the features of X: where to centre it, and how far its columns reach.

A dense X is looked at in a sample of its examples, a sparse one as a whole, in two reads. The
design keeps what was found, for itself and for what it is rescaled to.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..data.design import Design, Moments
from ..machine.blas import one_thread
from ..maths.arrays import Vector
from . import sparse

ELEMENTS_AT_ONCE = 1 << 17  # of a sample, as float64
ALIKE_ROWS = 64  # examples whose products tell how alike features are: to a twentieth


def moments(design: Design) -> Moments:
    """Return mean and standard deviation of each feature of X itself, found once."""
    if design.known_moments is None:
        whole = design.sparse
        design.known_moments = _of_sample(design) if whole is None else sparse.moments(whole)
    return design.known_moments


def means(design: Design) -> Vector:
    """Return the mean of each feature of X itself; what else `moments` finds takes longer."""
    if design.known_moments is not None or design.sparse is not None:
        return moments(design).mean
    return _of_sample(design, deviations=False).mean


def _of_sample(design: Design, s: Vector | None = None, deviations: bool = True) -> Moments:
    """Return the same of the sample's examples, each once or weighted by s.

    deviations: whether those are wanted of examples without weights.
    """
    x = design.every(max(1, design.m // design.sample_size))
    mean, deviation = np.empty(design.n_x), np.empty(design.n_x)
    # Some features at a time: the sample as a whole in float64 can be longer than all else here.
    at_once = max(1, ELEMENTS_AT_ONCE // len(x))
    for first in range(0, design.n_x, at_once):
        some = slice(first, first + at_once)
        part = np.asarray(x[:, some], dtype=np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            if s is None:
                mean[some] = np.add.reduce(part, axis=0) / len(x)  # `np.mean`, in less time
                if not deviations:
                    continue
                away = part - mean[some]
                squares = np.einsum("ij,ij->j", away, away) / len(x)
            else:
                mean[some] = s @ part / s.sum()
                away = part - mean[some]
                squares = np.einsum("i,ij,ij->j", s, away, away) / s.sum()
        deviation[some] = np.sqrt(squares)
    return Moments(mean, deviation)


def sample_mean(design: Design) -> Vector | None:
    """Return the mean of each feature, as the model sees it, in a sample: to centre X by.

    It is 0 where it is not finite. It is None with fewer examples than features: the error of such
    a mean is longer than what an example has of its own, and twice as many reads follow.
    """
    if design.sample_size < design.n_x:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        mean = design.scale * moments(design).mean + design.shift
    return np.where(np.isfinite(mean), mean, 0.0)


def sample_spread(design: Design) -> Vector:
    """Return the standard deviation of each feature, as the model sees it, in a sample."""
    spread: Vector = np.abs(design.scale) * moments(design).deviation
    return spread


def alikeness(design: Design) -> float:
    """Return the mean square of the eigenvalues of the correlations between features, of a dense X.

    It is 1 where features are uncorrelated, and n_x where all are one. The product of two examples,
    each feature by its mean and spread, has a mean square of n_x times that: a few examples tell.
    """
    x = np.asarray(design.every(max(1, design.m // ALIKE_ROWS))[:ALIKE_ROWS], dtype=np.float64)
    mean, deviation = moments(design)
    with one_thread(), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        x = np.where(deviation > 0.0, (x - mean) / deviation, 0.0)
        K = x @ x.T
    squares = float((K * K).sum() - (np.diag(K) ** 2).sum())
    varied = int(np.count_nonzero(deviation > 0.0))
    return squares / max(1, len(x) * (len(x) - 1) * varied)


def weighted(design: Design, s: Vector) -> Moments:
    """Return the same of the sample's examples, weighted by s, one for each; not kept."""
    return _of_sample(design, s)


# Means in standard deviations: from here on a Hessian has lost six of its sixteen digits.
FAR_FROM_ZERO = 1e3


def far_from_zero(design: Design) -> NDArray[np.bool_]:
    """Return which columns, as the model sees them, are a thousand times further from 0 than wide.

    (n_x,), by the sample.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        mean, spread = design.scale * moments(design).mean + design.shift, sample_spread(design)
        far: NDArray[np.bool_] = (np.abs(mean) > FAR_FROM_ZERO * spread) & (spread > 0.0)
    return far
