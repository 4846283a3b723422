"""The solvers that are compared: `python -m benchmarks.peers FOLDER PACKAGE` is one package in a
process of its own.

It reads X.npy or X.npz (m, n_x), y.npy (m,) and lambda.npy from FOLDER, then answers each line
{"contender", "tol"} with a line {"seconds"}, having left [w, b] in FOLDER/PACKAGE.npy, or with
{"error"}. First of all it says what contenders it has.

PACKAGES: package -> a function (X, y, lambda_) -> {contender: Contender}; ImportError where it is
not installed. X comes in its own dtype; what a package converts in every fit is part of its time,
what it keeps (torch, jax) is not.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Contender(NamedTuple):
    """fit(tol) -> w (n_x,), b. tols: from loose to tight, whatever the package calls it. penalised:
    b is, too."""

    fit: Callable[[Any], tuple[Any, float]]
    tols: tuple[float, ...]
    penalised: bool = False


def powers(first: int, last: int) -> tuple[float, ...]:
    """10^-first, ..., 10^-last."""
    return tuple(10.0**-k for k in range(first, last + 1))


COUNTS = (
    3,
    5,
    8,
    12,
    18,
    27,
    40,
    60,
    90,
    135,
    200,
    300,
    450,
    700,
    1000,
)  # of iterations, where tol does not end a run


def fastlogreg(X: Any, y: Any, lambda_: float) -> dict[str, Contender]:
    """This package: `train` and, where it is there, the estimator; tol is the bound on J - J*."""
    import fastlogreg as flr

    def train(tol: float) -> tuple[Any, float]:
        result = flr.train(
            X.T, y[None, :], solver="auto", lambda_=lambda_, tol=tol, iterations=1000
        )
        return result.w[:, 0], result.b

    found = {"fastlogreg train": Contender(train, powers(1, 14))}
    if hasattr(flr, "LogisticRegression"):
        make = flr.LogisticRegression
        found["fastlogreg"] = Contender(
            lambda tol: coefficients(make(C=1 / lambda_, tol=tol, max_iter=1000).fit(X, y)),
            powers(1, 14),
        )
    return found


def coefficients(model: Any) -> tuple[Any, float]:
    """w and b of a fitted estimator of scikit-learn's kind."""
    return np.ravel(model.coef_), float(np.ravel(model.intercept_)[0])


def scikit_learn(X: Any, y: Any, lambda_: float) -> dict[str, Contender]:
    """scikit-learn's solvers; liblinear penalises b."""
    from sklearn.linear_model import LogisticRegression as Make

    def by(solver: str) -> Contender:
        def fit(tol: float) -> tuple[Any, float]:
            return coefficients(
                Make(C=1 / lambda_, solver=solver, tol=tol, max_iter=5000).fit(X, y)
            )

        return Contender(fit, powers(0, 12), solver == "liblinear")

    names = ["lbfgs", "newton-cg", "liblinear"] + ["newton-cholesky"] * (X.shape[1] <= 3000)
    return {f"scikit-learn {name}": by(name) for name in names}


def scikit_learn_intelex(X: Any, y: Any, lambda_: float) -> dict[str, Contender]:
    """Intel's replacement."""
    from sklearnex.linear_model import LogisticRegression as Make

    def by(solver: str) -> Contender:
        def fit(tol: float) -> tuple[Any, float]:
            return coefficients(
                Make(C=1 / lambda_, solver=solver, tol=tol, max_iter=5000).fit(X, y)
            )

        return Contender(fit, powers(0, 12))

    return {f"scikit-learn-intelex {name}": by(name) for name in ("lbfgs", "newton-cg")}


def snapml(X: Any, y: Any, lambda_: float) -> dict[str, Contender]:
    """Its dual solver, which penalises b, with one thread and with two; it computes in float32."""
    from snapml import LogisticRegression as Make

    def by(threads: int) -> Contender:
        def fit(tol: float) -> tuple[Any, float]:
            model = Make(
                regularizer=lambda_,
                tol=tol,
                max_iter=2000,
                fit_intercept=True,
                n_jobs=threads,
                dual=True,
                random_state=0,
            )
            return coefficients(model.fit(X, y))

        return Contender(fit, powers(1, 8), True)

    return {f"snapml, {n} thread{'s' * (n > 1)}": by(n) for n in (1, 2)}


def cyanure(X: Any, y: Any, lambda_: float) -> dict[str, Contender]:
    """Its own choice of solver; tol is on the duality gap."""
    from cyanure.estimators import Classifier

    def fit(tol: float) -> tuple[Any, float]:
        model = Classifier(
            loss="logistic",
            penalty="l2",
            lambda_1=lambda_ / len(y),
            fit_intercept=True,
            tol=tol,
            max_iter=2000,
            verbose=False,
            duality_gap_interval=1,
        )
        return coefficients(model.fit(X, y))

    return {"cyanure": Contender(fit, powers(1, 12))}


def skglm(X: Any, y: Any, lambda_: float) -> dict[str, Contender]:
    """Its L-BFGS, which has no intercept: it gets a column of ones, which is penalised with the
    rest."""
    from skglm.datafits import Logistic
    from skglm.penalties import L2
    from skglm.solvers import LBFGS

    ones = np.ones((len(y), 1), X.dtype)
    with_ones: Any
    if isinstance(X, np.ndarray):
        with_ones = np.asfortranarray(np.hstack([X, ones]))
    else:
        from scipy.sparse import csc_matrix, hstack

        with_ones = csc_matrix(hstack([X, ones]))
    signs = (2.0 * y - 1.0).astype(X.dtype if X.dtype.kind == "f" else np.float64)
    if with_ones.dtype.kind != "f":
        with_ones = with_ones.astype(np.float64)

    def fit(tol: float) -> tuple[Any, float]:
        theta = LBFGS(max_iter=5000, tol=tol).solve(
            with_ones, signs, Logistic(), L2(lambda_ / len(y))
        )[0]
        return theta[:-1], float(theta[-1])

    return {"skglm": Contender(fit, powers(2, 12), True)}


def glum(X: Any, y: Any, lambda_: float) -> dict[str, Contender]:
    """Its iteratively reweighted least squares."""
    from glum import GeneralizedLinearRegressor as Make

    labels = y.astype(X.dtype if X.dtype.kind == "f" else np.float64)

    def fit(tol: float) -> tuple[Any, float]:
        model = Make(
            family="binomial",
            alpha=lambda_ / len(y),
            l1_ratio=0,
            solver="irls-ls",
            gradient_tol=tol,
            max_iter=300,
        )
        return coefficients(model.fit(X, labels))

    return {} if X.shape[1] > 3000 else {"glum": Contender(fit, powers(1, 12))}


def torch(X: Any, y: Any, lambda_: float) -> dict[str, Contender]:
    """torch.optim.LBFGS with its strong Wolfe search; tol is its number of iterations."""
    import torch as library

    floats = X if X.dtype.kind == "f" else X.astype(np.float32)
    rows, labels = library.from_numpy(floats), library.from_numpy(y.astype(floats.dtype))
    loss = library.nn.functional.binary_cross_entropy_with_logits

    def fit(iterations: float) -> tuple[Any, float]:
        w = library.zeros(rows.shape[1], dtype=rows.dtype, requires_grad=True)
        b = library.zeros(1, dtype=rows.dtype, requires_grad=True)
        optimizer = library.optim.LBFGS(
            [w, b],
            max_iter=int(iterations),
            tolerance_grad=0,
            tolerance_change=0,
            line_search_fn="strong_wolfe",
        )

        def closure() -> Any:
            optimizer.zero_grad()
            J = loss(rows @ w + b, labels) + lambda_ / (2 * len(y)) * (w @ w)
            J.backward()
            return J

        optimizer.step(closure)
        return w.detach().numpy().astype(np.float64), float(b)

    return {"torch L-BFGS": Contender(fit, COUNTS)}


def jax(X: Any, y: Any, lambda_: float) -> dict[str, Contender]:
    """SciPy's L-BFGS on jax's compiled value and gradient; tol is the number of iterations."""
    import jax as library

    library.config.update("jax_enable_x64", X.dtype != np.float32)
    import jax.numpy as jnp
    from scipy.optimize import minimize

    rows = jnp.asarray(X if X.dtype.kind == "f" else X.astype(np.float32))
    signs = jnp.asarray((1.0 - 2.0 * y).astype(rows.dtype))

    def J(theta: Any, rows: Any, signs: Any) -> Any:
        z = rows @ theta[:-1] + theta[-1]
        return jnp.mean(jnp.logaddexp(0.0, signs * z)) + lambda_ / (2 * len(y)) * jnp.sum(
            theta[:-1] ** 2
        )

    both = library.jit(library.value_and_grad(J))

    def compiled(theta: Any) -> Any:
        value, gradient = both(jnp.asarray(theta, rows.dtype), rows, signs)
        return float(value), np.asarray(gradient, np.float64)

    def fit(iterations: float) -> tuple[Any, float]:
        options = {"maxiter": int(iterations), "ftol": 0.0, "gtol": 0.0, "maxfun": 10**6}
        theta = minimize(
            compiled, np.zeros(rows.shape[1] + 1), jac=True, method="L-BFGS-B", options=options
        ).x
        return theta[:-1], float(theta[-1])

    return {"jax L-BFGS": Contender(fit, COUNTS)}


PACKAGES: dict[str, Callable[[Any, Any, float], dict[str, Contender]]] = {
    "fastlogreg": fastlogreg,
    "scikit-learn": scikit_learn,
    "scikit-learn-intelex": scikit_learn_intelex,
    "snapml": snapml,
    "cyanure": cyanure,
    "skglm": skglm,
    "glum": glum,
    "torch": torch,
    "jax": jax,
}
SPARSE = ("fastlogreg", "scikit-learn", "snapml", "cyanure", "skglm")  # those that take a CSR
MODULES = {"scikit-learn": "sklearn", "scikit-learn-intelex": "sklearnex"}


def installed() -> list[str]:
    """The packages whose modules are there; nothing is imported."""
    return [
        name for name in PACKAGES if importlib.util.find_spec(MODULES.get(name, name)) is not None
    ]


def timed(fit: Callable[[Any], Any], tol: Any) -> tuple[float, Any]:
    """Seconds of a fit, and what it found; of a short one the median of six after the first, which
    wakes everything."""
    seconds: list[float] = []
    while not seconds or (seconds[0] < 0.05 and len(seconds) < 7):
        start = time.perf_counter()
        found = fit(tol)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:] or seconds), found


def serve(folder: Path, package: str) -> None:
    """The worker: see the top."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a package prints must not get between the answers
    warnings.simplefilter("ignore")

    def answer(**fields: Any) -> None:
        print(json.dumps(fields), file=answers, flush=True)

    y = np.load(folder / "y.npy")
    if (folder / "X.npz").is_file():
        from scipy.sparse import load_npz

        X = load_npz(folder / "X.npz")
    else:
        X = np.load(folder / "X.npy")
    try:
        contenders = PACKAGES[package](X, y, float(np.load(folder / "lambda.npy")))
    except (
        Exception
    ) as error:  # an installed package that cannot be imported is one contender less, no more
        answer(error=f"{type(error).__name__}: {error}")
        return
    answer(contenders={name: [c.tols, c.penalised] for name, c in contenders.items()})
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            seconds, (w, b) = timed(contenders[asked["contender"]].fit, asked["tol"])
        except Exception as error:
            answer(error=f"{type(error).__name__}: {error}")
            continue
        np.save(folder / f"{package}.npy", np.append(np.asarray(w, np.float64), b))
        answer(seconds=seconds)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2])
