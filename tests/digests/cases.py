"""The configurations of `digests`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import fastlogreg as flr
from tests.digests.data import (
    ORDERS,
    SOURCES,
    folding,
    folding_of,
    labels_of,
    laid_out,
    rows_of,
    sparse_of,
)
from tests.digests.results import (
    Outcome,
    how,
    of_badly_scaled,
    of_blocks,
    of_correlated,
    of_dask,
    of_dense_pass,
    of_dense_training,
    of_fit,
    of_fit_to_blocks,
    of_gradient_check,
    of_pass,
    of_prediction,
    of_resumed,
    of_sparse,
    of_sparse_training,
    of_stream,
    of_training,
    of_warm_start,
)

ALL_SOLVERS = ("gd", "nesterov", "lbfgs", "newton", "auto")
THREADS = (1, 2, 3, 7)


class Case(NamedTuple):
    """A configuration: run() gives the results. Cases of one named group must have one digest."""

    name: str
    run: Callable[[], Outcome]
    group: str = ""


def pass_cases() -> Iterator[Case]:
    """Yield passes of the fused kernel: each way to read X, dtype, and border of a group."""
    shapes = [
        (1000, n_x, dtype, order)
        for dtype in ("float64", "float32", "uint8")
        for order in ORDERS
        for n_x in (1, 2, 7, 8, 10, 16, 24, 40, 41, 100, 500)
    ]
    shapes += [
        (m, n_x, "float64", order)
        for order in ORDERS
        for n_x in (10, 24, 100)
        for m in (1, 3, 4, 7, 8, 9, 15, 16, 17, 63, 64, 65, 193)
    ]
    shapes += [
        (m, n_x, "uint8", order)
        for order in ORDERS
        for n_x in (24, 100)
        for m in (1, 7, 9, 63, 65, 193)
    ]
    others = (
        "bool",
        "int8",
        "uint16",
        "int16",
        "int32",
        "int64",
        "float16",
        "longdouble",
        ">f4",
        ">f8",
        ">i2",
        ">u2",
    )
    shapes += [(300, n_x, dtype, "example-major") for dtype in others for n_x in (3, 10, 24, 100)]
    shapes += [(300, n_x, dtype, "feature-major") for dtype in others for n_x in (10, 100)]
    shapes += [
        (300, 12, dtype, "strided")
        for dtype in ("float64", "float32", "uint8", "float16", "int64", "bool")
    ]
    slabs = ("float64", "float32", "uint8", "bool", "int16", "float16")
    shapes += [(200, 2100, dtype, "feature-major") for dtype in slabs]
    shapes += [(9, 4096, "float64", "example-major"), (300, 5000, "float64", "example-major")]
    shapes += [(3, 4100, "float64", "example-major"), (50, 5000, "float32", "example-major")]
    shapes += [(700, 96, "uint8", order) for order in ORDERS] + [
        (700, 95, "uint8", "example-major")
    ]
    shapes += [(700, n_x, "uint8", "feature-major") for n_x in (15, 17, 784)] + [
        (700, 3000, "uint8", "example-major")
    ]
    shapes += [(2500, 784, "uint8", order) for order in ORDERS] + [
        (2500, 784, "int8", "example-major")
    ]
    shapes += [(4000, 2100, "float64", "feature-major")]  # 64 MiB: strips, not slabs
    for k, (m, n_x, dtype, order) in enumerate(shapes):
        fold = folding_of(k)
        run = partial(of_dense_pass, m, n_x, dtype, order, folding(fold, n_x))
        yield Case(f"propagate fused {dtype} {order} {m}x{n_x} {fold}", run)


def backend_cases() -> Iterator[Case]:
    """Yield passes and descent by the lectures' backends, and predictions."""
    for backend in ("loops", "numpy", "python"):
        for k, dtype in enumerate(
            ("float64", "float32", "uint8", "int16", "float16", "longdouble", ">f8", "bool")
        ):
            for order in ORDERS if k < 3 else ORDERS[:1]:
                fold = folding_of(k + len(order))
                options = {"backend": backend, **folding(fold, 7)}
                run = partial(of_dense_pass, 45, 7, dtype, order, options)
                yield Case(f"propagate {backend} {dtype} {order} 45x7 {fold}", run)
        yield Case(f"check_gradient {backend}", partial(of_gradient_check, backend))
        size = (20, 3) if backend == "python" else (300, 12)
        for solver in ("gd",) if backend == "python" else ALL_SOLVERS:
            options = {**how(solver), "backend": backend}
            run = partial(of_dense_training, *size, "float64", "example-major", options)
            yield Case(f"train {solver} {backend} {size[0]}x{size[1]}", run)
    for dtype in ("float64", "float32", "uint8", "float16", "int64", ">f8"):
        for order in (*ORDERS, "strided"):
            rows = rows_of(300, 12, dtype)
            run = partial(of_prediction, laid_out(rows, order), 12, scale=0.5, shift=0.1)
            yield Case(f"predict {dtype} {order} 300x12", run)
    yield Case("sigmoid", lambda: ({"a": flr.sigmoid(np.linspace(-800.0, 800.0, 4001))}, {}))


PROBLEMS = (
    ("small", 400, 7, "float64", "example-major"),
    ("small by feature", 400, 7, "float32", "feature-major"),
    ("small wider", 1500, 30, "float64", "example-major"),
    ("tall", 30_000, 30, "float64", "example-major"),
    ("tall by feature", 30_000, 30, "float32", "feature-major"),
    ("more features", 2500, 150, "float32", "example-major"),
    ("bytes", 2500, 150, "uint8", "example-major"),
    ("wide", 60, 300, "float64", "example-major"),
    ("wide bytes", 60, 3000, "uint8", "example-major"),
    ("wide by feature", 120, 2100, "float64", "feature-major"),
    ("strided", 500, 20, "float64", "strided"),
)


def training_cases() -> Iterator[Case]:
    """Yield runs of each solver on X in memory, with and without a penalty, and options."""
    for name, m, n_x, dtype, order in PROBLEMS:
        for solver in ALL_SOLVERS:
            for lambda_ in (0.0, 1.0):
                scale = {"scale": 1 / 128, "shift": -1.0} if dtype == "uint8" else {}
                run = partial(
                    of_dense_training, m, n_x, dtype, order, {**how(solver, lambda_), **scale}
                )
                yield Case(f"train {solver} {name} {m}x{n_x} lambda {lambda_:g}", run)
    more: dict[str, tuple[int, int, str, dict[str, Any]]] = {
        "gd alpha 0.05": (400, 7, "float64", {**how("gd"), "alpha": 0.05}),
        "gd to 1e-3": (400, 7, "float64", {**how("gd"), "tol": 1e-3, "iterations": 500}),
        "gd wide to 1e-2": (60, 300, "float64", {**how("gd"), "tol": 1e-2, "iterations": 500}),
        "gd wide 300 iterations": (60, 900, "float64", {**how("gd"), "iterations": 300}),
        "gd too large a step": (400, 7, "float64", {**how("gd"), "alpha": 5e4}),
        "gd small bytes": (150, 100, "uint8", {**how("gd"), "scale": 1 / 255}),
        "nesterov alpha 0.05": (400, 7, "float64", {**how("nesterov"), "alpha": 0.05}),
        "newton 1100 features": (1300, 1100, "float64", how("newton")),
        "auto 300 features": (3000, 300, "float64", how("auto")),
        "auto 1600 features": (1700, 1600, "float32", {**how("auto"), "iterations": 12}),
        "newton 3100 features": (40, 3100, "float64", {**how("newton", 0.0), "iterations": 4}),
    }
    for solver in ALL_SOLVERS:
        start = {"w": np.full((7, 1), 0.25), "b": -0.5}
        more[f"{solver} from w and b"] = (400, 7, "float64", {**how(solver), **start})
        more[f"{solver} per feature"] = (
            400,
            7,
            "float64",
            {**how(solver), **folding("per feature", 7)},
        )
        more[f"{solver} int32"] = (400, 9, "int32", {**how(solver), "scale": 1e-4})
        more[f"{solver} float16"] = (400, 9, "float16", how(solver))
    for name, (m, n_x, dtype, options) in more.items():
        yield Case(
            f"train {name}", partial(of_dense_training, m, n_x, dtype, "example-major", options)
        )
    for solver in ("lbfgs", "newton", "auto"):
        yield Case(f"train {solver} badly scaled 9000x60", partial(of_badly_scaled, solver))


def correlated_cases() -> Iterator[Case]:
    """Yield runs on columns that depend on each other, in each form of X, and one that goes on."""
    for form in ("dense", "csc", "csr", "blocks"):
        for solver in ("lbfgs", "auto"):
            yield Case(f"train {solver} correlated {form}", partial(of_correlated, form, solver))
    run = partial(of_correlated, "dense", "auto", resumed=True)
    yield Case("resume auto correlated dense", run)


def thread_cases() -> Iterator[Case]:
    """Yield passes and runs on several threads; the bits must not depend on their number."""
    passes = [
        (20_000, 100, "float64", "example-major"), (20_000, 100, "float32", "feature-major"),
        (20_000, 100, "uint8", "example-major"), (20_000, 100, "uint8", "feature-major"),
        (60_000, 12, "float64", "example-major"), (60_000, 3, "float64", "example-major"),
        (20_000, 30, "int64", "strided"), (600, 2100, "float64", "feature-major"),
        (600, 4100, "float64", "example-major"),
    ]  # fmt: skip
    for m, n_x, dtype, order in passes:
        for n in THREADS:
            run = partial(
                of_dense_pass, m, n_x, dtype, order, {**folding("folded", n_x), "n_threads": n}
            )
            group = f"propagate {dtype} {order} {m}x{n_x}"
            yield Case(f"{group}, {n} threads", run, group)
    for n in THREADS:
        options = {**folding("folded", 9), "n_threads": n, "backend": "loops"}
        run = partial(of_dense_pass, 2000, 9, "float64", "example-major", options)
        yield Case(f"propagate loops 2000x9, {n} threads", run, "loops")
        for order in ("csr", "csc"):
            run = partial(
                of_sparse, 20_000, 300, "float64", "int32", order, {"lambda_": 1.0, "n_threads": n}
            )
            yield Case(f"propagate sparse {order} 20000x300, {n} threads", run, f"threads {order}")
    for solver in ALL_SOLVERS:
        for m, n_x in ((30_000, 30), (3000, 200), (200, 2000)):
            for n in THREADS:
                options = {**how(solver), "n_threads": n, "iterations": 12}
                run = partial(of_dense_training, m, n_x, "float64", "example-major", options)
                group = f"train {solver} {m}x{n_x}"
                yield Case(f"{group}, {n} threads", run, group)


def sparse_cases() -> Iterator[Case]:
    """Yield passes, predictions and runs on CSC and CSR."""
    for form in ("csc", "csr"):
        for k, dtype in enumerate(("float64", "float32", "bool", "uint8", "int32", "int64")):
            for index in ("int32", "int64"):
                fold = folding_of(k)
                run = partial(of_sparse, 700, 90, dtype, index, form, folding(fold, 90))
                yield Case(f"propagate sparse {form} {dtype} {index} 700x90 {fold}", run)
        X = sparse_of(700, 90, "float64", "int32").T
        run = partial(of_prediction, X if form == "csc" else X.tocsr(), 90, scale=0.5, shift=0.1)
        yield Case(f"predict sparse {form}", run)
        for solver in ALL_SOLVERS:
            for m, n_x, dtype in (
                (1500, 60, "float64"),
                (20_000, 80, "float32"),
                (400, 3200, "float64"),
            ):
                for lambda_ in (0.0, 1.0) if m == 1500 else (1.0,):
                    run = partial(of_sparse_training, (m, n_x), dtype, form, how(solver, lambda_))
                    yield Case(f"train {solver} sparse {form} {m}x{n_x} lambda {lambda_:g}", run)


ESTIMATORS: dict[str, dict[str, Any]] = {
    "plain": {},
    "no penalty": {"C": np.inf},
    "no intercept": {"fit_intercept": False},
    "balanced": {"class_weight": "balanced"},
    "class weights": {"class_weight": {0: 0.5, 1: 3.0}},
    "standardize": {"standardize": True},
    "standardize, no intercept": {"standardize": True, "fit_intercept": False},
}


def estimator_cases() -> Iterator[Case]:
    """Yield fits of the estimator with weights, classes and forms of X, warm starts and streams."""
    for name, options in ESTIMATORS.items():
        for form in (*ORDERS, "csr", "csc"):
            yield Case(
                f"fit {name} {form} 900x12", partial(of_fit, options, 900, 12, form, form == "csr")
            )
    for solver in ALL_SOLVERS:
        options = {"solver": solver, "max_iter": 40}
        yield Case(
            f"fit {solver} weights", partial(of_fit, options, 900, 12, "example-major", True)
        )
        options = {**options, "standardize": True, "class_weight": "balanced"}
        yield Case(
            f"fit {solver} standardize weights",
            partial(of_fit, options, 900, 60, "feature-major", True),
        )
        yield Case(
            f"fit {solver} wide weights", partial(of_fit, options, 60, 300, "example-major", True)
        )
    yield Case("fit auto tall weights", partial(of_fit, {}, 30_000, 30, "example-major", True))
    for fit_intercept in (True, False):
        name = f"intercept {fit_intercept}"
        yield Case(f"warm start {name}", partial(of_warm_start, fit_intercept))
        for m, n_x in ((900, 12), (4000, 40)):
            yield Case(f"partial_fit {m}x{n_x} {name}", partial(of_stream, m, n_x, fit_intercept))


def block_cases() -> Iterator[Case]:
    """Yield passes, runs and fits on `RowBlocks`."""
    for kind in SOURCES:
        for dtype, n_x in (("float64", 6), ("float32", 50), ("uint8", 120)):
            rows = rows_of(1500, n_x, dtype)
            size = 1.0 + float(abs(rows[:50].astype(float)).max())
            what: Any = partial(
                of_pass, m=1500, n_x=n_x, size=size, options=folding("per feature", n_x)
            )
            alike = kind in ("list", "indexed", "iterable")
            group = (
                f"blocks {dtype}" if alike else f"map {dtype}" if kind in ("npy", "memmap") else ""
            )
            yield Case(
                f"propagate blocks {kind} {dtype} 1500x{n_x}",
                partial(of_blocks, kind, rows, what),
                group,
            )
    for kind in ("npy", "list"):
        for solver in ALL_SOLVERS:
            for m, n_x in ((1500, 6), (1500, 60), (30_000, 30), (60, 300)):
                rows = rows_of(m, n_x, "float64")
                what = partial(of_training, y=labels_of(rows), options=how(solver))
                yield Case(
                    f"train {solver} blocks {kind} {m}x{n_x}", partial(of_blocks, kind, rows, what)
                )
        rows = rows_of(1500, 12, "float64")
        for name, options in ESTIMATORS.items():
            what = partial(of_fit_to_blocks, options, labels_of(rows))
            yield Case(f"fit {name} blocks {kind}", partial(of_blocks, kind, rows, what))
    rows = rows_of(3000, 60, "float64")
    for memory in (1 << 20, 1 << 24):
        what = partial(of_training, y=labels_of(rows), options=how("auto"))
        run = partial(of_blocks, "list", rows, what, max_memory=memory)
        yield Case(f"train auto blocks in {memory} bytes", run, "memory")
    yield Case("predict blocks", partial(of_blocks, "list", rows, partial(of_prediction, n_x=60)))


def dask_cases() -> Iterator[Case]:
    """Yield runs and fits on dask arrays; the bits must not depend on the scheduler."""
    chunks = {"even": 1000, "uneven": (1500, 700, 1, 3000, 2799)}
    for scheduler in ("synchronous", "threads"):
        for n_x, cut in ((12, "even"), (12, "uneven"), (60, "uneven")):
            for solver in ALL_SOLVERS:
                name = f"train {solver} dask {n_x} {cut}"
                run = partial(of_dask, scheduler, n_x, chunks[cut], how(solver), {})
                yield Case(f"{name}, {scheduler}", run, name)
        for name, options in ESTIMATORS.items():
            run = partial(of_dask, scheduler, 12, chunks["even"], None, options)
            yield Case(f"fit {name} dask, {scheduler}", run, f"fit {name} dask")


def checkpoint_cases() -> Iterator[Case]:
    """Yield runs that were cut off and went on, beside the whole ones: with the same bits."""
    problems = {
        "small": (400, 7),
        "tall": (30_000, 30),
        "more features": (3000, 300),
        "wide": (60, 900),
    }
    for name, (m, n_x) in problems.items():
        rows = rows_of(m, n_x, "float64")
        for solver in ALL_SOLVERS:
            for cut in (False, True):
                run = partial(of_resumed, solver, cut, rows.T, labels_of(rows))
                yield Case(
                    f"{'resume' if cut else 'whole run'} {solver} {name}",
                    run,
                    f"checkpoint {solver} {name}",
                )
    for solver in ALL_SOLVERS:
        X = sparse_of(1500, 60, "float64", "int32")
        rows = rows_of(1500, 6, "float64")
        for cut in (False, True):
            word = "resume" if cut else "whole run"
            run = partial(of_resumed, solver, cut, X.T, labels_of(X.toarray()))
            yield Case(f"{word} {solver} sparse", run, f"checkpoint {solver} sparse")
            run = partial(
                of_blocks, "list", rows, partial(of_resumed, solver, cut, y=labels_of(rows))
            )
            yield Case(f"{word} {solver} blocks", run, f"checkpoint {solver} blocks")


def all_cases() -> Iterator[Case]:
    """Yield every configuration of the table."""
    yield from pass_cases()
    yield from backend_cases()
    yield from training_cases()
    yield from correlated_cases()
    yield from thread_cases()
    yield from sparse_cases()
    yield from estimator_cases()
    yield from block_cases()
    yield from dask_cases()
    yield from checkpoint_cases()
