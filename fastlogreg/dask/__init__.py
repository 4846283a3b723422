"""Training on more than one machine, or on one in blocks, with Dask (extra `dask`).

    fastlogreg.dask.train(X, y, ...)          as `fastlogreg.train`, on dask arrays and data frames
    fastlogreg.dask.LogisticRegression(...)   as `fastlogreg.LogisticRegression`; needs scikit-learn
                                              too

Here rows are examples: X is (m, n_x) in chunks of rows, since Dask cuts its collections that way;
no transpose is needed. Without a client the work runs on threads of this process. How far it goes
and what it costs: docs/how-to/dask.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from ..checks.arguments import check_number, check_per_feature, check_w
from ..checks.classes import check_b_of_classes, check_classes, check_w_of_classes
from ..checks.penalties import Penalties, asked_for, check_penalties, require_solver
from ..maths import softmax
from ..objective.prepared import Prepared
from ..solvers.base import SolverName
from ..solvers.result import Progress, SoftmaxResult, TrainingResult
from ..solvers.state import State
from ..training import run
from ..training.options import Options
from .class_objective import DistributedSoftmax
from .collections import Rows, rows_of
from .objective import DistributedDesign, DistributedObjective
from .penalised import with_penalty

if TYPE_CHECKING:
    from .estimator import LogisticRegression

__all__ = ["LogisticRegression", "train"]
PROX_NEWTON = "prox_newton"


def __getattr__(name: str) -> Any:
    if name == "LogisticRegression":
        from .estimator import LogisticRegression

        return LogisticRegression
    raise AttributeError(
        f"module 'fastlogreg.dask' has no attribute {name!r}; it has {', '.join(__all__)}"
    )


def train(
    X: Any,
    y: Any,
    *,
    classes: int | None = None,
    alpha: float | Literal["auto"] = "auto",
    iterations: int = 1000,
    lambda_: float = 0.0,
    l1_ratio: float = 0.0,
    penalty_weights: ArrayLike | None = None,
    bounds: tuple[Any, Any] | None = None,
    feature_groups: Any = None,
    scale: Any = 1.0,
    shift: Any = 0.0,
    solver: SolverName = "gd",
    tol: float | None = None,
    w: ArrayLike | None = None,
    b: Any = 0.0,
    max_seconds: float | None = None,
    callback: Callable[[Progress], Any] | None = None,
) -> TrainingResult:
    """Train on a dask array in chunks of rows or a dask data frame.

    Chunk sizes may be unknown; chunks of columns are rechunked, with a warning. The blocks are
    loaded once and kept by the workers. The result depends on the chunks of rows in its last bits,
    but neither on the scheduler, nor on the number of workers, nor on workers that are lost on the
    way.

    Parameters
    ----------
    X : dask array or data frame of shape (m, n_x)
        The examples, in chunks of rows.
    y : dask array or series of shape (m,)
        0 and 1, or 0 to classes - 1, in the same chunks.
    classes : int or None, default=None
        How many classes there are: None and 2 for the sigmoid, 3 and more for softmax.
    l1_ratio, penalty_weights, bounds, feature_groups
        As in `fastlogreg.train`; they need solver="auto" or "prox_newton". Of a data frame groups
        may name columns.
    alpha, iterations, lambda_, scale, shift, solver, tol, w, b, max_seconds, callback
        As in `fastlogreg.train`: w (n_x, 1) and b a number, of K classes (n_x, K) and (K, 1); scale
        and shift numbers or (n_x, 1).

    Returns
    -------
    TrainingResult or SoftmaxResult
        As of `fastlogreg.train`.

    Raises
    ------
    TypeError or ValueError
        For X or y of another kind, chunks that do not match (naming the block), labels other than 0
        to classes - 1, classes without an example, and NaN or infinity in X, with row and column.

    References
    ----------
    How far it goes and what it costs: docs/how-to/dask.md.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> import fastlogreg.dask as fd
    >>> X = da.from_array(np.arange(6.0)[:, None], chunks=(3, 1))
    >>> y = da.from_array(np.array([0, 1, 0, 1, 1, 1]), chunks=3)
    >>> fd.train(X, y, solver="auto", lambda_=1.0, tol=1e-8).stop_reason
    'converged'
    """
    own = l1_ratio, penalty_weights, bounds, feature_groups
    why = asked_for(*own, None)
    method: str = require_solver(solver, why) if why else solver
    options = Options.checked(
        method, iterations, alpha=alpha, tol=tol, max_seconds=max_seconds, callback=callback
    )
    K = None if classes is None else check_classes(classes)
    lambda_, rows = check_number("lambda_", lambda_, low=0), rows_of(X, y)
    checked = None
    if options.solver == PROX_NEWTON:
        checked = check_penalties(*own, rows.n_x, names=rows.names)
    labels = _labels(rows, K)
    result = train_on(rows, lambda_, scale, shift, (w, b), options, labels, checked)[0]
    return result if K is None or K == 2 else SoftmaxResult.of(result)


def train_on(
    rows: Rows,
    lambda_: float,
    scale: Any,
    shift: Any,
    start: tuple[Any, Any],
    options: Options,
    classes: Sequence[Any],
    checked: Penalties | None = None,
) -> tuple[TrainingResult, Any]:
    """Train on rows that are loaded, from w and b; classes: all labels, of two 0 and 1.

    checked: of a penalty that is not L2 alone. Return the objective, too.
    """
    n_x, K = rows.n_x, len(classes)
    design_scale, design_shift = (
        check_per_feature("scale", scale, n_x),
        check_per_feature("shift", shift, n_x),
    )
    w, b = start
    objective: DistributedObjective | DistributedSoftmax
    if K == 2:
        theta = np.append(np.zeros(n_x) if w is None else check_w(w, n_x), check_number("b", b))
        design = DistributedDesign(rows.encoded(classes), design_scale, design_shift)
        objective = DistributedObjective(design, lambda_)
    else:
        W = np.zeros((K, n_x)) if w is None else check_w_of_classes(w, n_x, rows.m, K)
        b_ = np.full(K, check_number("b", b)) if np.ndim(b) == 0 else check_b_of_classes(b, K)
        design = DistributedDesign(rows.encoded(classes), design_scale, design_shift)
        objective = DistributedSoftmax(design, K, lambda_)
        theta = objective.joined(*softmax.centred(W, b_))
    if checked is None:
        return run.run(objective, State(theta), options, names=rows.names), objective
    own = Prepared(with_penalty(objective, checked, lambda_), theta, None).begun()
    return run.run(own.objective, State(own.theta), options, names=rows.names), own.objective


def _labels(rows: Rows, classes: int | None) -> Sequence[Any]:
    """Return the labels that there must be, once they are found in the rows."""
    if classes is None or classes == 2:
        _check_labels(rows)
        return (0, 1)
    labels = rows.labels().labels.tolist()
    wrong = [label for label in labels if label not in range(classes)]
    if wrong:
        few = ", ".join(map(repr, wrong[:5]))
        raise ValueError(
            f"y must hold labels 0 to {classes - 1} for classes={classes}; got {few}. Encode them, "
            "for instance with numpy.searchsorted, or give more classes"
        )
    absent = sorted(set(range(classes)) - set(labels))
    if absent:
        raise ValueError(
            f"y must hold an example of each of the {classes} classes; there is none of "
            f"{', '.join(map(str, absent[:5]))}"
        )
    return range(classes)


def _check_labels(rows: Rows) -> None:
    labels, counts, _ = rows.labels()
    wrong = [label for label in labels.tolist() if isinstance(label, str) or label not in (0, 1)]
    if wrong:
        few = ", ".join(map(repr, wrong[:5]))
        two = labels.tolist() if len(labels) == 2 else None
        remedy = (
            f"; for the labels {two[0]!r} and {two[1]!r} use y = (y == {two[1]!r})" if two else ""
        )
        raise ValueError(f"y must hold labels 0 or 1; got {few}{remedy}")
    if len(labels) < 2:
        raise ValueError(
            f"y must hold both classes to train on; all {counts.sum()} labels are "
            f"{int(labels[0])}. Add examples of the "
            f"other class"
        )
