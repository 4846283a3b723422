"""jax: its compiled value and gradient under SciPy's L-BFGS."""

from __future__ import annotations

from typing import Any

import numpy as np

from .base import COUNTS, FitContender


def fits(X: Any, y: Any, lambda_: float) -> dict[str, FitContender]:
    """Fit by L-BFGS; tol is the number of iterations."""
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

    return {"jax L-BFGS": FitContender(fit, COUNTS)}
