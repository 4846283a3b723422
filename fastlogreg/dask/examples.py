"""The examples of a fit for what is known of it beside w and b: X stays with the workers.

What an inference needs of each example, labels, weights and z, are vectors here. Sums are made
where the blocks lie: `dask.backend`. For what is not made there X comes by, one block after the
other, and is never here as a whole.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks.labels import LabelledRows
from ..estimators.examples import Examples, require_classes
from ..estimators.input import check_count
from ..machine.threads import available_threads
from ..maths.arrays import NONE
from ..objective.objective import Objective
from . import blocks
from .backend import ByBlocks
from .collections import Held
from .objective import DistributedDesign


def require_columns(estimator: Any, held: Held) -> None:
    """ValueError for other columns than those of the fit."""
    check_count(estimator, held.n_x)
    fitted = getattr(estimator, "feature_names_in_", None)
    if held.names is not None and fitted is not None and list(held.names) != list(fitted):
        raise ValueError(
            f"X must have the columns of the fit, in order: {list(fitted)}; got {list(held.names)}"
        )


def labelled_rows(held: Held, classes: NDArray[Any]) -> LabelledRows:
    """Bring labels and weights here, (m,) both."""
    each = held.each(blocks.labels_and_weight)
    codes = np.concatenate([labels for labels, _ in each])
    weights = [weight for _, weight in each]
    weight = np.concatenate(weights) if weights[0].size else NONE
    return LabelledRows(classes, codes, weight, 0)


def examples_on_workers(estimator: Any, held: Held, classes: NDArray[Any]) -> Examples:
    """Return the examples of a fit, given once more."""
    require_columns(estimator, held)
    require_classes(estimator, classes)
    design = DistributedDesign(held, np.ones(held.n_x), np.zeros(held.n_x))
    return examples_here(design, classes)


def examples_here(design: DistributedDesign, classes: NDArray[Any]) -> Examples:
    """Return the examples of a design, with what they weigh and how they are summed."""
    held = design.held
    backend = ByBlocks(held, available_threads())
    return Examples(design, labelled_rows(held, classes), backend)


def objective_here(examples: Examples, intercept: bool) -> Objective:
    """Return what computes J without a penalty from examples whose labels are here."""
    rows = examples.rows
    return Objective(
        examples.design,
        rows.codes,
        backend=examples.backend,
        weight=rows.weight,
        intercept=intercept,
    )
