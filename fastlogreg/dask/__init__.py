"""Training on more than one machine, or on one in blocks, with Dask (extra `dask`).

    fastlogreg.dask.train(X, y, ...)          as `fastlogreg.train`, on dask arrays and data frames
    fastlogreg.dask.LogisticRegression(...)   as `fastlogreg.LogisticRegression`; needs scikit-learn
                                              too

Here rows are examples: X is (m, n_x) in chunks of rows, since Dask cuts its collections that way;
no transpose is needed. Without a client the work runs on threads of this process. How far it goes
and what it costs: docs/how-to/dask.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from ..checks.arguments import check_number, check_per_feature, check_w
from ..solvers.base import SolverName
from ..solvers.result import Progress, TrainingResult
from ..solvers.state import State
from ..training import run
from ..training.options import Options
from .collections import Rows, rows_of
from .objective import DistributedDesign, DistributedObjective

if TYPE_CHECKING:
    from .estimator import LogisticRegression

__all__ = ["LogisticRegression", "train"]


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
    alpha: float | Literal["auto"] = "auto",
    iterations: int = 1000,
    lambda_: float = 0.0,
    scale: Any = 1.0,
    shift: Any = 0.0,
    solver: SolverName = "gd",
    tol: float | None = None,
    w: ArrayLike | None = None,
    b: float = 0.0,
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
        0 and 1, in the same chunks.
    alpha, iterations, lambda_, scale, shift, solver, tol, w, b, max_seconds, callback
        As in `fastlogreg.train`: w (n_x, 1), scale and shift numbers or (n_x, 1).

    Returns
    -------
    TrainingResult
        As of `fastlogreg.train`.

    Raises
    ------
    TypeError or ValueError
        For X or y of another kind, chunks that do not match (naming the block), labels other than 0
        and 1, one class alone, and NaN or infinity in X (naming row and column).

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
    options = Options.checked(
        solver, iterations, alpha=alpha, tol=tol, max_seconds=max_seconds, callback=callback
    )
    lambda_, b = check_number("lambda_", lambda_, low=0), check_number("b", b)
    return train_on(rows_of(X, y), lambda_, scale, shift, w, b, options)[0]


def train_on(
    rows: Rows,
    lambda_: float,
    scale: Any,
    shift: Any,
    w: ArrayLike | None,
    b: float,
    options: Options,
    classes: tuple[Any, Any] | None = None,
) -> tuple[TrainingResult, DistributedObjective]:
    """Train on rows that are loaded; classes: the two labels, 0 and 1 where not given."""
    n_x = rows.n_x
    design_scale, design_shift = (
        check_per_feature("scale", scale, n_x),
        check_per_feature("shift", shift, n_x),
    )
    start = np.zeros(n_x) if w is None else check_w(w, n_x)
    if classes is None:
        _check_labels(rows)
    design = DistributedDesign(rows.encoded(classes or (0, 1)), design_scale, design_shift)
    objective = DistributedObjective(design, lambda_)
    return run.run(objective, State.at(start, b), options, names=rows.names), objective


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
