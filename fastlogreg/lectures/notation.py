"""Bring data into the lectures' notation: images to X, labels to Y, theta to (w, b).

    X (n_x, m), one example per column      Y (1, m) of 0 and 1      w (n_x, 1), b
    theta (n_x + 1, 1) = [b; w], for those who set x_0 = 1 in every example:
    theta.T [1; x] = w.T x + b

The lectures keep w and b apart, and so does this package.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks.arguments import check_number, check_Y, real_array, require_shape
from ..checks.missing import as_numbers, require_labels


def flatten_images(images: Any) -> NDArray[Any]:
    """Flatten images into X of shape (n_x, m), one image per column.

    A view of the same memory where the images lie one after another (as NumPy, HDF5 and image
    readers leave them), a copy otherwise. The features of an image are in its reading order: row by
    row, pixel by pixel, colour by colour.

    Parameters
    ----------
    images : array of shape (m, height, width) or (m, height, width, channels)
        The images, of real numbers.

    Returns
    -------
    ndarray of shape (n_x, m)
        X, of the dtype of the images; n_x = height * width * channels.

    Raises
    ------
    ValueError or TypeError
        For another number of dimensions, no image or no pixel, and what is not a real number.

    References
    ----------
    Lecture "Binary classification".

    Examples
    --------
    >>> import numpy as np
    >>> import fastlogreg as flr
    >>> flr.flatten_images(np.zeros((209, 64, 64, 3), dtype=np.uint8)).shape
    (12288, 209)
    """
    images = real_array("images", images)
    if images.ndim < 3:
        raise ValueError(
            "images must have shape (m, height, width, channels) or (m, height, width); "
            f"got shape {images.shape}; for one image use images[np.newaxis], for a table use "
            "table.T"
        )
    if images.size == 0:
        raise ValueError(
            f"images must hold at least one image of at least one pixel; got shape {images.shape}"
        )
    return images.reshape(images.shape[0], -1).T


def labels_to_Y(labels: Any, positive: Any = None) -> NDArray[np.uint8]:
    """Turn the labels of m examples into Y of shape (1, m) with 0 and 1.

    Parameters
    ----------
    labels : array of shape (m,), (m, 1) or (1, m)
        Numbers or text.
    positive : number, text or None, default=None
        The label that becomes 1, every other becoming 0. Without it the labels must be 0 and 1, or
        False and True.

    Returns
    -------
    ndarray of shape (1, m)
        Y, uint8.

    Raises
    ------
    ValueError or TypeError
        For another shape, a missing label (NaN, None, masked), labels other than 0 and 1 without
        `positive`, and a `positive` that no label equals.

    References
    ----------
    Lecture "Binary classification".

    Examples
    --------
    >>> import fastlogreg as flr
    >>> flr.labels_to_Y(["cat", "dog", "cat"], positive="cat")
    array([[1, 0, 1]], dtype=uint8)
    """
    require_labels("labels", labels)
    labels = np.asarray(labels)
    if labels.dtype.kind == "O":
        labels = as_numbers(labels)
    if labels.ndim == 0 or labels.size != max(labels.shape) or labels.ndim > 2:
        raise ValueError(f"labels must have shape (m,), (m, 1) or (1, m); got shape {labels.shape}")
    labels = labels.reshape(1, -1)
    if positive is None:
        return check_Y(labels, labels.shape[1]).reshape(1, -1)
    Y = np.asarray(labels == positive)
    if Y.shape != labels.shape or not Y.any():
        raise ValueError(
            f"positive must be one of the labels; got {positive!r}, and no label equals it"
        )
    return Y.astype(np.uint8)


def to_theta(w: Any, b: float) -> NDArray[np.float64]:
    """theta = [b; w] of shape (n_x + 1, 1), which goes with x_0 = 1."""
    w = real_array("w", w)
    w = require_shape("w", w, (w.size, 1), "a column of weights")
    return np.vstack([[[check_number("b", b)]], w]).astype(np.float64)


def from_theta(theta: Any) -> tuple[NDArray[np.float64], float]:
    """(w, b) from theta = [b; w] of shape (n_x + 1, 1); w is a copy of shape (n_x, 1)."""
    theta = real_array("theta", theta)
    theta = require_shape(
        "theta", theta, (max(theta.size, 2), 1), "b, then a weight for each feature"
    )
    return theta[1:].astype(np.float64), float(theta[0, 0])
