"""What an estimator keeps of a run, and Ctrl-C, which reaches the caller once it is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..solvers.result import TrainingResult
from ..training.watch import interruptions
from .multiclass import folded

OF_A_FIT = (
    "costs_",
    "cost_",
    "gradient_norm_",
    "suboptimality_bound_",
    "stop_reason_",
    "history_",
)


def keep_result(
    estimator: Any,
    result: TrainingResult,
    design: Any,
    classes: NDArray[Any],
    penalised: bool = False,
) -> None:
    """Set the fitted attributes; scale and shift of the design are folded into w and b. A stream
    of `partial_fit` ends.

    penalised: with L1 or bounds, which hold each w of several classes where it is.
    """
    if len(classes) > 2:
        b = np.asarray(result.b)
        estimator.coef_, estimator.intercept_ = folded(result.w, b, design, not penalised)
    else:
        w, b = design.fold(result.w[:, 0], result.b)
        estimator.coef_, estimator.intercept_ = w.reshape(1, -1), np.array([b])
    estimator.classes_, estimator.n_iter_ = classes, iterations(result.iterations)
    estimator.costs_, estimator.cost_ = result.costs, result.cost
    estimator.gradient_norm_ = result.gradient_norm
    estimator.suboptimality_bound_ = result.suboptimality_bound
    estimator.stop_reason_, estimator.history_ = result.stop_reason, result.history
    forget(estimator, "_stream", "_data_of_fit")  # `fit` sets it again


def iterations(count: Any) -> NDArray[np.int32]:
    """Return the array (1,) that scikit-learn's estimators have for n_iter_."""
    return np.array([np.max(count)], dtype=np.int32)


def forget(estimator: Any, *names: str) -> None:
    """Delete those of these attributes that the estimator has."""
    for name in names:
        if hasattr(estimator, name):
            delattr(estimator, name)


@contextmanager
def interrupts_passed_on() -> Iterator[None]:
    """Within it the first Ctrl-C ends a run early and is then raised, so that the caller's loop
    stops too; the second one is raised at once."""
    with interruptions() as interrupted:
        try:
            yield
        except Exception as error:  # a warning that is an error, for instance: searches go on then
            if interrupted:
                raise KeyboardInterrupt from error
            raise
    if interrupted:
        raise KeyboardInterrupt("the fit was interrupted, and keeps what it had found")
