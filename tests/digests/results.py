"""What `digests` records of a configuration: the numbers of passes, predictions, runs and fits."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import fastlogreg as flr
from tests.digests.data import (
    ORDERS,
    correlated,
    labels_of,
    laid_out,
    rows_of,
    source_of,
    sparse_of,
)

Values = dict[str, Any]
Outcome = tuple[Values, Values]  # the results, and the bound with the reads of X


def of_pass(X: Any, m: int, n_x: int, size: float, options: dict[str, Any]) -> Outcome:
    """Return cost, dw and db where z is of the order of 1; size: of the numbers in X."""
    rng = np.random.default_rng([m, n_x, 1])
    w, Y = (
        rng.normal(size=(n_x, 1)) / size / n_x**0.5,
        (np.arange(m) % 3 == 0)[None].astype(np.uint8),
    )
    J, dw, db = flr.propagate(w, 0.3, X, Y, **options)
    return {"cost": J, "dw": dw, "db": db}, {}


def of_dense_pass(m: int, n_x: int, dtype: str, order: str, options: dict[str, Any]) -> Outcome:
    rows = rows_of(m, n_x, dtype)
    return of_pass(
        laid_out(rows, order), m, n_x, 1.0 + float(abs(rows[:50].astype(float)).max()), options
    )


def of_prediction(X: Any, n_x: int, **options: Any) -> Outcome:
    """Return probabilities and classes."""
    w = np.random.default_rng(n_x).normal(size=(n_x, 1)) / n_x**0.5
    A = flr.predict_proba(w, -0.2, X, **options)
    return {"A": A, "classes": flr.predict(w, -0.2, X, threshold=0.4, **options)}, {}


def of_run(result: Any, reads: bool = True) -> Outcome:
    """Return the numbers of a `TrainingResult`; reads: whether those of X are among them."""
    names = ("w", "b", "costs", "cost", "gradient_norm", "iterations", "stop_reason", "alpha")
    bound = {"suboptimality_bound": result.suboptimality_bound}
    return {name: getattr(result, name) for name in names}, bound | (
        {"passes": result.passes} if reads else {}
    )


def how(solver: str, lambda_: float = 1.0) -> dict[str, Any]:
    """Return the options of a run: descent for 30 iterations, the others to 1e-9 or for 40."""
    options = {"solver": solver, "lambda_": lambda_, "iterations": 30}
    return options if solver in ("gd", "nesterov") else {**options, "iterations": 40, "tol": 1e-9}


def of_training(X: Any, y: np.ndarray, options: dict[str, Any]) -> Outcome:
    # Descent on a Gram matrix reads X once in a stretch, and the clock ends a stretch.
    return of_run(flr.train(X, y[None], **options), reads=options["solver"] != "gd")


def of_dense_training(m: int, n_x: int, dtype: str, order: str, options: dict[str, Any]) -> Outcome:
    rows = rows_of(m, n_x, dtype)
    return of_training(laid_out(rows, order), labels_of(rows), options)


def of_estimator(model: Any, X: Any, reads: bool = False) -> Outcome:
    """Return the attributes of a fitted estimator, and what it predicts."""
    names = (
        "coef_",
        "intercept_",
        "classes_",
        "n_iter_",
        "costs_",
        "cost_",
        "gradient_norm_",
        "stop_reason_",
    )
    results = {name: getattr(model, name) for name in names if hasattr(model, name)}
    results["n_iter_"] = int(np.max(model.n_iter_))  # a number, or an array of one
    for name in ("decision_function", "predict_proba", "predict_log_proba", "predict"):
        results[name] = np.asarray(getattr(model, name)(X))
    bound = getattr(model, "suboptimality_bound_", None)
    return results, {} if bound is None else {"suboptimality_bound": bound}


def of_badly_scaled(solver: str) -> Outcome:
    rows = rows_of(9000, 60, "float64")
    return of_training(
        (rows * np.logspace(-3, 3, 60)).T, labels_of(rows), {**how(solver), "iterations": 60}
    )


def of_sparse(
    m: int, n_x: int, dtype: str, index: str, form: str, options: dict[str, Any]
) -> Outcome:
    """Return a pass over X (n_x, m) in CSC or CSR."""
    X = sparse_of(m, n_x, dtype, index).T
    return of_pass(
        X if form == "csc" else X.tocsr(), m, n_x, 1.0 + float(abs(X.data[:100]).max()), options
    )


def of_sparse_training(
    shape: tuple[int, int], dtype: str, form: str, options: dict[str, Any]
) -> Outcome:
    rows = sparse_of(*shape, dtype, "int32", density=min(0.1, 40 / shape[1]))
    X = rows.T if form == "csc" else rows.T.tocsr()
    return of_training(X, labels_of(rows.toarray()), options)


def of_fit(options: dict[str, Any], m: int, n_x: int, form: str, weights: bool = False) -> Outcome:
    """Return a fit on rows in this form: an order, "csr" or "csc"."""
    rows = rows_of(m, n_x, "float64")
    X: Any = (
        laid_out(rows, form).T
        if form in ORDERS
        else sparse_of(m, n_x, "float64", "int32").asformat(form)
    )
    weight = np.random.default_rng(3).integers(0, 4, m) / 2 if weights else None
    y = labels_of(rows)
    model = flr.LogisticRegression(**options).fit(X, y, sample_weight=weight)
    return of_estimator(model, X)


def of_warm_start(fit_intercept: bool) -> Outcome:
    rows = rows_of(900, 12, "float64")
    model = flr.LogisticRegression(
        warm_start=True, solver="lbfgs", fit_intercept=fit_intercept, max_iter=3
    )
    for _ in range(2):
        model.fit(rows, labels_of(rows))
    return of_estimator(model, rows)


def of_stream(m: int, n_x: int, fit_intercept: bool) -> Outcome:
    rows = rows_of(m, n_x, "float64")
    y, weight = labels_of(rows), np.random.default_rng(5).uniform(0.5, 2.0, m)
    model = flr.LogisticRegression(fit_intercept=fit_intercept, class_weight={0: 2.0})
    for lo in range(0, m, 130):
        part = slice(lo, lo + 130)
        model.partial_fit(rows[part], y[part], classes=[0, 1], sample_weight=weight[part])
    return of_estimator(model, rows)


def of_blocks(
    kind: str, rows: np.ndarray, what: Callable[[Any], Outcome], **options: Any
) -> Outcome:
    """Return what(blocks) for `RowBlocks` of the rows."""
    with tempfile.TemporaryDirectory() as folder:
        return what(flr.RowBlocks(source_of(kind, rows, Path(folder)), **options))


def of_fit_to_blocks(options: dict[str, Any], y: np.ndarray, blocks: Any) -> Outcome:
    return of_estimator(flr.LogisticRegression(**options).fit(blocks, y), blocks)


def of_dask(
    scheduler: str, n_x: int, chunks: Any, run: dict[str, Any] | None, options: dict[str, Any]
) -> Outcome:
    import dask
    import dask.array as da

    import fastlogreg.dask as fd

    rows = rows_of(8000, n_x, "float64")
    cut = chunks if isinstance(chunks, int) else (chunks,)
    X = da.from_array(rows, chunks=(cut, -1) if isinstance(chunks, int) else (chunks, (n_x,)))
    y = da.from_array(labels_of(rows), chunks=cut)
    with dask.config.set(scheduler=scheduler):
        if run is None:
            return of_estimator(fd.LogisticRegression(**options).fit(X, y), X)
        return of_run(fd.train(X, y, **run), reads=run["solver"] != "gd")


def of_correlated(form: str, solver: str, resumed: bool = False) -> Outcome:
    """Return a run on correlated columns, for which "auto" takes a Hessian anew on the way."""
    from scipy import sparse

    rows = correlated(9000, 200)
    y = labels_of(rows, noise=0.3)
    options = {**how(solver, 1e-6), "tol": 1e-13, "iterations": 60}
    if form == "blocks":
        what = partial(of_training, y=y, options=options)
        return of_blocks("list", rows, what)
    X = {"dense": rows.T, "csc": sparse.csc_matrix(rows.T), "csr": sparse.csr_matrix(rows.T)}[form]
    if not resumed:
        return of_training(X, y, options)
    with tempfile.TemporaryDirectory() as folder:
        kept = {"checkpoint": Path(folder) / "run"}
        flr.train(X, y[None], **{**options, "iterations": 20}, **kept)
        return of_run(flr.train(X, y[None], **options, **kept, resume=True), reads=False)


def of_gradient_check(backend: str) -> Outcome:
    """Return the gradient, and the numerical one beside it."""
    rows = rows_of(60, 4, "float64")
    w = np.full((4, 1), 0.1)
    check = flr.check_gradient(w, 0.2, rows.T, labels_of(rows)[None], lambda_=0.5, backend=backend)
    return {"analytic": check.analytic, "numerical": check.numerical, "error": check.error}, {}


def of_resumed(solver: str, cut: bool, X: Any, y: np.ndarray) -> Outcome:
    """Return a run; if cut, ended early, by a callback or the iterations, and resumed."""
    options = {**how(solver), "iterations": 200 if solver == "gd" else 30}
    with tempfile.TemporaryDirectory() as folder:
        kept = {"checkpoint": Path(folder) / "run"}
        if cut and solver == "gd":  # with fewer iterations another way to descend might pay
            flr.train(X, y[None], **options, **kept, callback=lambda progress: True)
        elif cut:
            flr.train(X, y[None], **{**options, "iterations": 2}, **kept)
        return of_run(flr.train(X, y[None], **options, **kept, resume=cut), reads=False)
