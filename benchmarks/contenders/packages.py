"""The packages whose fits are compared; each is imported when its fits are asked for."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

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

    Raises ImportError where the package is not installed.
    """
    found: dict[str, FitContender] = importlib.import_module(
        f".{PACKAGES[package][1]}", __package__
    ).fits(X, y, lambda_)
    return found
