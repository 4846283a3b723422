"""Coefficients for people: by name, the largest first, in units of each feature's own spread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..models.model import Model
from ..reports.moments import spreads
from .scores import number

Array = NDArray[Any]
SHOWN, WIDTH = 10, 44  # lines; characters of a name, so that a line is below 80


def standardising(X: Any) -> tuple[Any, Any]:
    """Return scale and shift (n_x, 1) that give each feature the mean 0 and the variance 1.

    A feature that does not vary is left as it is; so is X where it is no array.
    """
    found = spreads(X) if isinstance(X, np.ndarray) else None
    if found is None:
        return 1.0, 0.0
    mean, spread = found
    varies = spread > 1e-12 * np.abs(mean)
    scale = np.where(varies, 1.0 / np.where(varies, spread, 1.0), 1.0)
    return scale[:, None], np.where(varies, -mean * scale, 0.0)[:, None]


def standardised_coefficients(model: Model, X: Any) -> Array | None:
    """Return the weights (n_x, 1) or (n_x, K) for a change of one standard deviation of X."""
    found = spreads(X)
    if found is None:
        return None
    scale = np.broadcast_to(np.asarray(model.scale, np.float64), (len(model.w), 1))
    return np.asarray(model.w * scale * found[1][:, None])


def coefficient_lines(
    coefficients: Array, names: Sequence[str], labels: Sequence[Any]
) -> Iterator[str]:
    """Write the ten largest, each with its name; of several classes those of each label."""
    size = np.abs(coefficients).max(axis=1)
    order = [int(j) for j in np.argsort(-size, kind="stable")[:SHOWN] if size[j] > 0.0]
    if not order:
        return
    what = "coefficients per standard deviation of the feature"
    one = coefficients.shape[1] == 1
    many = len(size) > len(order)
    yield f"the {len(order)} largest {what}:" if many else f"{what}:"
    shown = [short(names[j]) for j in order]
    width = max(map(len, shown))
    if not one:
        heads = "".join(f"  {short(str(label), 10):>10}" for label in labels[: _columns(width)])
        more = "  ..." if len(labels) > _columns(width) else ""
        yield f"  {'':{width}}{heads}{more}"
    for j, name in zip(order, shown):
        row = coefficients[j][: 1 if one else _columns(width)]
        yield f"  {name:{width}}" + "".join(f"  {value:>10.4g}" for value in row)


def _columns(width: int) -> int:
    """Return how many numbers have room beside a name."""
    return max(1, (80 - 2 - width - 5) // 12)


def coefficients_json(coefficients: Array | None, names: Sequence[str] | None) -> Any:
    """Return every coefficient as what JSON holds: by name, the largest first."""
    if coefficients is None or names is None:
        return None
    order = np.argsort(-np.abs(coefficients).max(axis=1), kind="stable").tolist()
    return [
        {"feature": names[j], "standardised": [number(v) for v in coefficients[j]]} for j in order
    ]


def short(text: str, most: int = WIDTH) -> str:
    """Cut a text that is too long."""
    return text if len(text) <= most else f"{text[: most - 3]}..."
