"""The packages whose fits are compared; each is imported when its fits are asked for."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from .base import FitContender

# package -> its library, whose presence is looked for, and its file in this room
PACKAGES = {
    "fastlogreg": ("fastlogreg", "fastlogreg"),
    "scikit-learn": ("sklearn", "scikit_learn"),
    "scikit-learn-intelex": ("sklearnex", "scikit_learn_intelex"),
    "snapml": ("snapml", "snapml"),
    "cyanure": ("cyanure", "cyanure"),
    "skglm": ("skglm", "skglm"),
    "glum": ("glum", "glum"),
    "torch": ("torch", "torch"),
    "jax": ("jax", "jax"),
}
SEVERAL = (  # those that have a softmax
    "fastlogreg",
    "scikit-learn",
    "scikit-learn-intelex",
    "cyanure",
    "torch",
    "jax",
)
SPARSE = ("fastlogreg", "scikit-learn", "snapml", "cyanure", "skglm")  # those that take a CSR


def installed() -> list[str]:
    """Name the packages whose libraries are there; nothing is imported."""
    return [
        name
        for name, (library, _) in PACKAGES.items()
        if importlib.util.find_spec(library) is not None
    ]


def fits(package: str, X: Any, y: Any, lambda_: float) -> dict[str, FitContender]:
    """Prepare a package's fits on X (m, n_x) and y (m,), by the names of its contenders.

    Bytes are for this package alone. Others get them as floats in [0, 1], made beforehand: float64
    and float32 are two contenders. Raises ImportError where the package is not installed.
    """
    make = importlib.import_module(f".{PACKAGES[package][1]}", __package__).fits
    found: dict[str, FitContender] = {}
    if package == "fastlogreg" or X.dtype != np.uint8:
        found.update(make(X, y, lambda_))
        return found
    for dtype in (np.float64, np.float32):
        floats = np.divide(X, 255.0, dtype=dtype)
        for name, contender in make(floats, y, lambda_ / 255.0**2).items():
            found[f"{name}, {np.dtype(dtype)}"] = contender._replace(fit=_of_bytes(contender.fit))
    return found


def _of_bytes(fit: Callable[[Any], tuple[Any, Any]]) -> Callable[[Any], tuple[Any, Any]]:
    """Return a fit on X / 255 as one on X."""

    def fitted(tol: Any) -> tuple[Any, Any]:
        w, b = fit(tol)
        return np.asarray(w) / 255.0, b

    return fitted
