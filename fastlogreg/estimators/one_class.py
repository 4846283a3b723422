"""A fit whose weights leave rows of one class alone, as in a bootstrap sample of a rare class.

w = 0 and a large b say that class always. The cost is then above 0 by less than rounding: no model
is better, and the bound is the cost itself. With a penalty of w there is no optimum, since b is
free: J falls towards 0 for ever.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..checks.labels import LabelledRows, listed
from ..solvers.result import TrainingResult, TrainingWarning
from .fitted import keep_result
from .input import require_finite, rows_design

LARGE = 36.0  # of b: the cost is 2.3e-16


def keep_one_class(estimator: Any, X: Any, rows: LabelledRows) -> None:
    """Set the attributes of a fit that says one class always."""
    require_finite(X, getattr(estimator, "feature_names_in_", None))
    design, K = rows_design(X), len(rows.classes)
    b: Any = LARGE if rows.only else -LARGE
    if K > 2:
        b = np.full((K, 1), -LARGE / K)
        b[rows.only] += LARGE + np.log(K)
    missing = float(np.log1p(np.exp(-LARGE)))
    w = np.zeros((design.n_x, K if K > 2 else 1))
    result = TrainingResult(
        w, b, np.empty(0), missing, missing, missing, 0, "converged", 0.0, np.nan, 0
    )
    keep_result(estimator, result, design, rows.classes)
    warnings.warn(
        "all rows of positive weight are of one class, and the model says it always: "
        f"{listed(rows.classes[[rows.only]])}. Give rows of another class a weight",
        TrainingWarning,
        stacklevel=3,
    )
