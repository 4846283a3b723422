"""Parameters that other packages have: the estimators tell by which name they go here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

_HERE = {
    "penalty": "l1_ratio is the share of L1: 1 for penalty='l1', 0 for 'l2', between for "
    "'elasticnet'; C=float('inf') is no penalty",
    "n_jobs": "n_threads is how many threads to use; None is all of them",
    "random_state": "nothing here is random: leave it out",
    "multi_class": "more than two classes are softmax; sklearn.multiclass has one-against-rest",
    "dual": "solvers here choose for themselves: leave it out",
    "intercept_scaling": "the intercept is never penalised: leave it out",
    "lambda_": "C is 1 / lambda",
    "alpha": "C is the inverse strength of the penalty, and l1_ratio the share of L1",
    "max_iterations": "max_iter is the most updates",
}


@lru_cache(maxsize=64)
def _taken_by(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a function, looked up once: estimators are made by the thousand."""
    return inspect.signature(function).parameters


class OtherNames:
    """Answer an unknown parameter with what stands for it."""

    def __new__(cls, *args: Any, **parameters: Any) -> Any:
        taken = _taken_by(cls.__init__) if parameters else {}
        known = list(taken)[1:]
        for name in parameters:
            if name in known or any(each.kind is each.VAR_KEYWORD for each in taken.values()):
                continue
            close = get_close_matches(name, known, 1)
            hint = _HERE.get(name) or (
                f"did you mean {close[0]}?" if close else f"it has {', '.join(known)}"
            )
            raise TypeError(f"{cls.__name__} has no parameter {name!r}: {hint}")
        return super().__new__(cls)
