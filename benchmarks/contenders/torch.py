"""torch: binary_cross_entropy_with_logits and backward() for a pass, its L-BFGS for fits."""

from __future__ import annotations

from typing import Any

import numpy as np

from .base import (
    COUNTS,
    ClassPass,
    FitContender,
    Pass,
    PassContender,
    Vector,
    is_binary,
    tolerance,
)


def one_pass(X: Any, y: Any, n_threads: int) -> PassContender | None:
    """Prepare the loss and its backward(); X (n_x, m) float, example-major.

    None where it is not installed.
    """
    try:
        import torch as library
    except ImportError:
        return None
    library.set_num_threads(n_threads)
    rows, labels = library.from_numpy(X.T), library.from_numpy(y.astype(X.dtype))
    loss = library.nn.functional.binary_cross_entropy_with_logits

    def run(w: Vector, b: float) -> Pass:
        weights = library.from_numpy(w.astype(X.dtype)).requires_grad_()
        bias = library.tensor(b, dtype=weights.dtype, requires_grad=True)
        J = loss(rows @ weights + bias, labels)
        J.backward()
        return J.item(), weights.grad.numpy().astype(np.float64), bias.grad.item()

    return PassContender("torch", "example-major", run, tolerance(X.dtype))


def class_pass(X: Any, labels: Any, K: int, n_threads: int) -> PassContender | None:
    """Prepare cross_entropy and its backward() for K classes; X (n_x, m) float, example-major.

    None where it is not installed.
    """
    try:
        import torch as library
    except ImportError:
        return None
    library.set_num_threads(n_threads)
    rows, targets = library.from_numpy(X.T), library.from_numpy(labels.astype(np.int64))

    def run(W: Vector, b: Vector) -> ClassPass:
        weights = library.from_numpy(W.astype(X.dtype)).requires_grad_()
        bias = library.from_numpy(b.astype(X.dtype)).requires_grad_()
        J = library.nn.functional.cross_entropy(rows @ weights.T + bias, targets)
        J.backward()
        dw, db = (each.grad.numpy().astype(np.float64) for each in (weights, bias))
        return J.item(), dw, db

    return PassContender("torch", "example-major", run, tolerance(X.dtype))


def fits(X: Any, y: Any, lambda_: float) -> dict[str, FitContender]:
    """Fit by torch.optim.LBFGS with its strong Wolfe search; tol is its number of iterations."""
    import torch as library

    floats = X if X.dtype.kind == "f" else X.astype(np.float32)
    binary, rows = is_binary(y), library.from_numpy(floats)
    columns = () if binary else (int(y.max()) + 1,)
    if binary:
        labels = library.from_numpy(y.astype(floats.dtype))
        loss = library.nn.functional.binary_cross_entropy_with_logits
    else:
        labels = library.from_numpy(y.astype(np.int64))
        loss = library.nn.functional.cross_entropy

    def fit(iterations: float) -> tuple[Any, Any]:
        w = library.zeros((rows.shape[1], *columns), dtype=rows.dtype, requires_grad=True)
        b = library.zeros(columns or (1,), dtype=rows.dtype, requires_grad=True)
        optimizer = library.optim.LBFGS(
            [w, b],
            max_iter=int(iterations),
            tolerance_grad=0,
            tolerance_change=0,
            line_search_fn="strong_wolfe",
        )

        def closure() -> Any:
            optimizer.zero_grad()
            J = loss(rows @ w + b, labels) + lambda_ / (2 * len(y)) * (w * w).sum()
            J.backward()
            return J

        optimizer.step(closure)
        w, b = (each.detach().numpy().astype(np.float64) for each in (w, b))
        return (w, float(b[0])) if binary else (w.T, b)

    return {"torch L-BFGS": FitContender(fit, COUNTS)}
