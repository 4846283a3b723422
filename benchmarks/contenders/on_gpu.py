"""What others need for a pass, and for a fit, with X on the GPU: torch and scikit-learn.

X (m, n_x) is Numba's; they read the same memory. torch multiplies bytes as float16, since it has no
product of bytes and floats: a copy of twice the size, which is not timed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

STEPS = 300  # of torch's L-BFGS, at most


def turned(X: Any) -> Any:
    """Return X (m, n_x) as (n_x, m), one example per column, in place."""
    return _Turned(X)


class _Turned:
    """Show an array on the GPU the other way round."""

    def __init__(self, X: Any) -> None:
        self.X, self.shape = X, X.shape[::-1]

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        m, n_x = self.X.shape
        itemsize = np.dtype(self.X.dtype).itemsize
        flat = getattr(self.X, "__cuda_array_interface__", None)
        flat = self.X.__array_interface__ if flat is None else flat
        own = {"shape": (n_x, m), "strides": (itemsize, n_x * itemsize), "version": 3}
        return {"typestr": flat["typestr"], "data": flat["data"], **own}


def _torch(X: Any) -> Any:
    """Return torch where it is and has this GPU."""
    if importlib.util.find_spec("torch") is None or not hasattr(X, "__cuda_array_interface__"):
        return None
    import torch

    return torch if torch.cuda.is_available() else None


def passes(X: Any, y: Any, w: Any, b: float) -> dict[str, Callable[[], Any]]:
    """Return torch's cost and gradient, or nothing."""
    torch = _torch(X)
    if torch is None:
        return {}
    x = torch.as_tensor(X, device="cuda")
    x = x.half() if x.dtype == torch.uint8 else x
    w_, y_ = (torch.tensor(each, device="cuda", dtype=x.dtype) for each in (w, y))

    def one_pass() -> Any:
        z = (x @ w_ + b).float() if x.dtype == torch.float16 else x @ w_ + b
        loss = torch.nn.functional.binary_cross_entropy_with_logits(z, y_.to(z.dtype))
        dz = (torch.sigmoid(z) - y_).to(x.dtype)
        found = float(loss), (dz @ x).float().cpu(), float(dz.sum())
        torch.cuda.synchronize()
        return found

    return {"torch": one_pass}


def fits(
    X: Any, y: Any, classes: int, scale: float, decay: float, goal: float
) -> dict[str, Callable[[], Any]]:
    """Return fits until J is at most the goal: torch's L-BFGS, and scikit-learn's on the GPU."""
    torch = _torch(X)
    if torch is None:
        return {}
    x = torch.as_tensor(X, device="cuda")
    x = x.float() * scale if x.dtype == torch.uint8 else x
    y_ = torch.as_tensor(y, device="cuda")
    columns = 1 if classes == 2 else classes

    def by_torch() -> float:
        w = torch.zeros(x.shape[1], columns, device="cuda", dtype=x.dtype, requires_grad=True)
        b = torch.zeros(columns, device="cuda", dtype=x.dtype, requires_grad=True)
        lbfgs = torch.optim.LBFGS([w, b], max_iter=1, line_search_fn="strong_wolfe")

        def cost() -> Any:
            z, loss = x @ w + b, torch.nn.functional
            if columns == 1:
                J = loss.binary_cross_entropy_with_logits(z[:, 0], y_.to(z.dtype))
            else:
                J = loss.cross_entropy(z, y_.long())
            return J + 0.5 * decay * (w * w).sum()

        def closure() -> Any:
            lbfgs.zero_grad()
            J = cost()
            J.backward()
            return J

        J = np.inf
        for _ in range(STEPS):
            J = min(J, float(lbfgs.step(closure)))
            if goal >= J:
                break
        torch.cuda.synchronize()
        return J

    ways: dict[str, Callable[[], Any]] = {"torch": by_torch}
    by_sklearn = _by_sklearn(x, y_, 1.0 / (decay * len(y)))
    if by_sklearn is not None:
        ways["scikit-learn, array API"] = by_sklearn
    return ways


def _by_sklearn(x: Any, y: Any, C: float) -> Callable[[], Any] | None:
    """Return scikit-learn's fit of a tensor; None where this version cannot make one."""
    if importlib.util.find_spec("sklearn") is None:
        return None
    from sklearn import config_context
    from sklearn.linear_model import LogisticRegression

    def fit(examples: int = len(x), tol: float = 1e-4) -> Any:
        with config_context(array_api_dispatch=True):
            return LogisticRegression(C=C, tol=tol).fit(x[:examples], y[:examples])

    try:
        fit(1000)
    except Exception:  # whatever a version without support raises
        return None
    return fit
