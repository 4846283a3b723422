"""jax: its compiled value and gradient under SciPy's L-BFGS."""

from __future__ import annotations

from typing import Any

import numpy as np

from .base import COUNTS, FitContender, is_binary


def fits(X: Any, y: Any, lambda_: float) -> dict[str, FitContender]:
    """Fit by L-BFGS; tol is the number of iterations."""
    import jax as library

    library.config.update("jax_enable_x64", X.dtype != np.float32)
    import jax.numpy as jnp
    from scipy.optimize import minimize

    rows = jnp.asarray(X if X.dtype.kind == "f" else X.astype(np.float32))
    binary = is_binary(y)
    K = 1 if binary else int(y.max()) + 1
    told = (1.0 - 2.0 * y).astype(rows.dtype) if binary else y.astype(np.int32)
    signs = jnp.asarray(told)

    def penalty(w: Any) -> Any:
        return lambda_ / (2 * len(y)) * jnp.sum(w**2)

    def J_binary(theta: Any, rows: Any, signs: Any) -> Any:
        z = rows @ theta[:-1] + theta[-1]
        return jnp.mean(jnp.logaddexp(0.0, signs * z)) + penalty(theta[:-1])

    def J_softmax(theta: Any, rows: Any, labels: Any) -> Any:
        W = theta.reshape(K, -1)
        z = rows @ W[:, :-1].T + W[:, -1]
        own = jnp.take_along_axis(z, labels[:, None], axis=1)[:, 0]
        loss = jnp.mean(library.nn.logsumexp(z, axis=1) - own)
        return loss + penalty(W[:, :-1])

    J = J_binary if binary else J_softmax

    both = library.jit(library.value_and_grad(J))

    def compiled(theta: Any) -> Any:
        value, gradient = both(jnp.asarray(theta, rows.dtype), rows, signs)
        return float(value), np.asarray(gradient, np.float64)

    def fit(iterations: float) -> tuple[Any, Any]:
        options = {"maxiter": int(iterations), "ftol": 0.0, "gtol": 0.0, "maxfun": 10**6}
        start = np.zeros(K * (rows.shape[1] + 1))
        theta = minimize(compiled, start, jac=True, method="L-BFGS-B", options=options).x
        if binary:
            return theta[:-1], float(theta[-1])
        W = theta.reshape(K, -1)
        return W[:, :-1], W[:, -1]

    return {"jax L-BFGS": FitContender(fit, COUNTS)}
