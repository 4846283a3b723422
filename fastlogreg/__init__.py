"""Logistic regression at memory speed: the lectures' explicit loops, compiled, beside their vectorized form.

Importing this package imports neither Numba nor any optional library and compiles nothing: each public name is
looked up in its own module when it is first used (PEP 562).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "LogisticRegression": "estimator",
    "Propagation": "reference",
    "RowBlocks": "row_blocks",
    "TrainingResult": "solvers.result",
    "Variable": "lectures.graph",
    "check_gradient": "api",
    "compare": "lectures.compare",
    "cost": "api",
    "derivative": "nudging",
    "flatten_images": "notation",
    "nudge": "nudging",
    "predict": "api",
    "predict_proba": "api",
    "propagate": "api",
    "sigmoid": "api",
    "train": "api",
    "warmup": "warming",
}
__all__ = ["__version__", *(name for name in _HOME if name != "LogisticRegression")]  # `import *` needs no scikit-learn

if TYPE_CHECKING:
    from .api import check_gradient, cost, predict, predict_proba, propagate, sigmoid, train
    from .estimator import LogisticRegression
    from .lectures.compare import compare
    from .lectures.graph import Variable
    from .notation import flatten_images
    from .nudging import derivative, nudge
    from .reference import Propagation
    from .row_blocks import RowBlocks
    from .solvers.result import TrainingResult
    from .warming import warmup


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'fastlogreg' has no attribute {name!r}; it has {', '.join(sorted(_HOME))}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_HOME})
