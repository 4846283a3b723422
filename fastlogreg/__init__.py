"""Logistic regression at memory speed: the lectures' explicit loops, compiled, beside their
vectorized form.

Importing this package imports neither Numba nor any optional library and compiles nothing: each
public name is looked up in its own module when it is first used (PEP 562).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

_HOME = {
    "LogisticRegression": "estimators.logistic",
    "Propagation": "maths.reference",
    "RowBlocks": "data.row_blocks",
    "TrainingResult": "solvers.result",
    "Variable": "lectures.graph",
    "check_gradient": "api",
    "compare": "lectures.compare",
    "cost": "api",
    "derivative": "maths.derivatives",
    "flatten_images": "lectures.notation",
    "nudge": "maths.derivatives",
    "predict": "api",
    "predict_proba": "api",
    "propagate": "api",
    "sigmoid": "api",
    "train": "api",
    "warmup": "tools.warming",
}
__all__ = [
    "__version__",
    *(name for name in _HOME if name != "LogisticRegression"),
]  # `import *` needs no scikit-learn

if TYPE_CHECKING:
    from .api import check_gradient, cost, predict, predict_proba, propagate, sigmoid, train
    from .data.row_blocks import RowBlocks
    from .estimators.logistic import LogisticRegression
    from .lectures.compare import compare
    from .lectures.graph import Variable
    from .lectures.notation import flatten_images
    from .maths.derivatives import derivative, nudge
    from .maths.reference import Propagation
    from .solvers.result import TrainingResult
    from .tools.warming import warmup


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(
            f"module 'fastlogreg' has no attribute {name!r}; it has {', '.join(sorted(_HOME))}"
        )
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_HOME})
