"""The functions that make probabilities of scores: sigmoid for two classes, softmax for several."""

from __future__ import annotations

from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks.arguments import real_array
from ..checks.missing import unmasked
from ..maths import logistic
from ..maths import softmax as of_classes


@overload
def sigmoid(z: float) -> float: ...
@overload
def sigmoid(z: NDArray[Any]) -> NDArray[np.float64]: ...
@overload
def sigmoid(z: Any) -> Any: ...
def sigmoid(z: Any) -> Any:
    """Compute 1 / (1 + exp(-z)), elementwise and stable for every z.

    Parameters
    ----------
    z : float, array or object with a method `sigmoid`
        Such an object, `Variable` for instance, answers for itself.

    Returns
    -------
    float or ndarray
        A float for a number, an array of float64 of the shape of z for an array. NaN stays NaN.

    References
    ----------
    Lecture "Logistic regression".

    Examples
    --------
    >>> import fastlogreg as flr
    >>> flr.sigmoid(0.0)
    0.5
    >>> flr.sigmoid([-1000.0, 1000.0])
    array([0., 1.])
    """
    own = getattr(z, "sigmoid", None)
    if callable(own):
        return own()
    result = logistic.sigmoid(unmasked("z", z))
    return result if result.ndim else float(result)


def softmax(Z: ArrayLike) -> NDArray[np.float64]:
    """Compute exp(Z) / sum of exp(Z) over the classes, stable for every finite Z.

    Parameters
    ----------
    Z : array of shape (K, m)
        A score for each of K classes, one example per column.

    Returns
    -------
    ndarray of shape (K, m)
        A, the probability of each class. Each column adds up to 1. A column with NaN or +infinity
        is NaN; a score of -infinity has probability 0.

    Raises
    ------
    ValueError or TypeError
        For another number of dimensions, no class, and what is not a real number.

    References
    ----------
    The generalisation of the sigmoid to several classes: for K = 2, A[1] is sigmoid(z_1 - z_0).

    Examples
    --------
    >>> import fastlogreg as flr
    >>> flr.softmax([[0.0, 1000.0], [0.0, 0.0]])
    array([[0.5, 1. ],
           [0.5, 0. ]])
    """
    Z = real_array("Z", Z)
    if Z.ndim != 2 or Z.shape[0] == 0:
        hint = f"; for one example use Z.reshape({Z.size}, 1)" if Z.ndim == 1 else ""
        raise ValueError(f"Z must have shape (K, m), a row for each class; got {Z.shape}{hint}")
    return of_classes.softmax(Z)
