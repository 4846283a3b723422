"""Into the lectures' notation: images to columns of X, labels to a row Y, and theta to (w, b) and
back.

    X (n_x, m), one example per column      Y (1, m) of 0 and 1      w (n_x, 1), b
    theta (n_x + 1, 1) = [b; w], for those who set x_0 = 1 in every example: theta.T [1; x] = w.T x
    + b

The lectures keep w and b apart, and so does this package.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks.arguments import check_number, check_Y, real_array, require_shape
from ..checks.missing import as_numbers, require_labels


def flatten_images(images: Any) -> NDArray[Any]:
    """(m, height, width, channels) or (m, height, width) images as X of shape (n_x, m), one image
    per column.

    A view of the same memory where the images lie one after another (as NumPy, HDF5 and image
    readers leave them), a copy otherwise. The features of an image are in its reading order: row by
    row, pixel by pixel, colour by colour.
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
    """Labels of m examples, of shape (m,), (m, 1) or (1, m), as Y of shape (1, m) with 0 and 1.

    positive: the label that becomes 1, every other becoming 0 (`labels_to_Y(digits, positive=7)`;
    text labels as well). Without it the labels must be 0 and 1, or False and True.
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
