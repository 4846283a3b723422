"""The report of a fit by `train`: one page of HTML."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..checks.arguments import check_number, is_sparse
from ..checks.classes import check_labels
from ..checks.targets import check_targets, check_weights
from ..data.inputs import design_of
from ..data.matrix_like import MatrixLike
from ..inference.fitted import Fitted
from ..maths.arrays import NONE
from ..reports.content import Content, Examples, Run, Weights, labels_in_words
from ..reports.estimating import estimated
from ..reports.moments import spreads
from ..reports.page import page, write
from ..solvers.result import TrainingResult
from .inference import check_names
from .passes import propagate
from .predictions import predict_proba


def report(
    result: TrainingResult,
    X: MatrixLike,
    Y: ArrayLike,
    path: str | os.PathLike[str] | None = None,
    *,
    X_test: MatrixLike | None = None,
    Y_test: ArrayLike | None = None,
    lambda_: float = 0.0,
    weights: ArrayLike | None = None,
    scale: Any = 1.0,
    shift: Any = 0.0,
    labels: Sequence[Any] | None = None,
    names: Sequence[str] | None = None,
    image_shape: tuple[int, ...] | None = None,
    title: str = "Logistic regression",
    code: str = "",
) -> str:
    """Write what is known of a fit by `train` as one page of HTML that needs nothing beside itself.

    Metrics with intervals, ROC, precision and recall, calibration, the largest coefficients with
    intervals, the worst mistakes, convergence with its proof, and versions.

    Parameters
    ----------
    result : TrainingResult
        What `train` returned.
    X, Y, lambda_, weights, scale, shift
        As they were given to `train`. The labels in Y must be whole numbers.
    path : path or None, default=None
        Where to write the page.
    X_test, Y_test : arrays of shape (n_x, m) and (1, m), or None, default=None
        Examples that took no part in the fit. The figures are then of them.
    labels : sequence or None, default=None
        The name of each class; None for 0, 1, ...
    names : sequence of str or None, default=None
        Names of the n_x features; None for x1, x2, ...
    image_shape : tuple of int or None, default=None
        (h, w), (h, w, 1) or (h, w, 3) of one example, to show mistakes as images.
    title : str, default="Logistic regression"
        Of the page.
    code : str, default=""
        What makes the same again, to be shown.

    Returns
    -------
    str
        The page.

    Raises
    ------
    ValueError or TypeError
        As `summary`; where X_test comes without Y_test, and for another number of labels.
    OSError
        Where path cannot be written.

    References
    ----------
    Intervals: `fastlogreg.reports.measures`.

    Examples
    --------
    >>> import fastlogreg as flr
    >>> X, Y = [[0.0, 1.0, 2.0, 3.0]], [[0, 1, 0, 1]]
    >>> result = flr.train(X, Y, solver="auto", lambda_=1.0, tol=1e-9)
    >>> flr.report(result, X, Y, lambda_=1.0, names=["dose"])[:15]
    '<!doctype html>'
    """
    design = design_of(X, scale, shift)
    n_x, m, w = design.n_x, design.m, np.asarray(result.w, np.float64)
    if w.shape[0] != n_x:
        raise ValueError(
            f"X must have the {w.shape[0]} features of the fit, shape (n_x, m); got {n_x}"
        )
    if (X_test is None) != (Y_test is None):
        raise ValueError("X_test and Y_test must be given together, or both left out")
    K = max(2, w.shape[1])
    words = tuple(range(K)) if labels is None else tuple(labels)
    if len(words) != K:
        raise ValueError(f"labels must be {K}, one for each class; got {len(words)}")
    named = check_names(names, n_x)
    b = np.asarray(result.b, np.float64).reshape(-1)
    s = check_weights(weights, m)
    strength = check_number("lambda_", lambda_, low=0)
    how = {"scale": scale, "shift": shift}
    biases: Any = result.b

    def examples(name: str, X: Any, Y: Any) -> Examples:
        codes = check_labels(Y, design_of(X).m, K, f"{K} classes", n_x=n_x)
        A = predict_proba(w, biases, X, **how)
        return Examples(name, codes[None], A, float(propagate(w, biases, X, Y, **how).cost))

    sets = [examples("training", X, Y)]
    if X_test is not None:
        sets.append(examples("test", X_test, Y_test))
    fitted = Fitted(
        design,
        check_targets(Y, m, s) if K == 2 else sets[0].Y[0],
        w,
        b,
        named,
        s,
        penalty=np.full(n_x, strength) if strength else NONE,
        cost=result.cost,
        labels=words,
    )
    estimates, why = estimated(fitted)
    factor = np.broadcast_to(np.asarray(design.scale, np.float64).reshape(-1), (n_x,))
    last = X if X_test is None else X_test
    plain = last if is_sparse(last) else np.asarray(last) if isinstance(last, list) else last
    found = spreads(np.asarray(X) if isinstance(X, list) else X)
    if found is not None:  # the coefficients are those of scale * X + shift
        mean, spread = found
        found = factor * mean + np.broadcast_to(design.shift, (n_x,)), np.abs(factor) * spread
    content = Content(
        title=title,
        subtitle=labels_in_words(words),
        labels=words,
        sets=sets,
        held_out=X_test is not None,
        weights=Weights(w, named, found),
        run=Run(
            "",
            result.iterations,
            result.stop_reason,
            result.cost,
            result.suboptimality_bound,
            result.gradient_norm,
            result.seconds,
            result.history,
        ),
        facts=[("features", f"{n_x:,}"), *((f"{e.name} examples", f"{e.Y.size:,}") for e in sets)],
        estimates=estimates,
        no_estimates=why,
        X=plain if is_sparse(plain) or isinstance(plain, np.ndarray) else None,
        scale=factor,
        shift=np.broadcast_to(design.shift, (n_x,)),
        image_shape=image_shape,
        how=[("lambda", f"{strength:g}")],
        command=code,
    )
    if path is not None:
        write(content, path)
    return page(content)
