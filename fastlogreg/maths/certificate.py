"""How far a point can be from the optimum: a proved bound on J - J*."""

from __future__ import annotations

from math import inf


def suboptimality_bound(
    dw_norm: float, db: float, curvature: float, radius: float, decay: float
) -> float:
    """Return an upper bound of J(w, b) - J*, see `fastlogreg.objective.objective`: from ||dw||,
    |db|, the curvature of J along b, the largest ||x|| and decay = lambda / S > 0; infinite where
    db is not small beside the curvature."""
    rho = db / curvature if curvature > 0.0 else (0.0 if db == 0.0 else 1.0)
    if rho >= 1.0:
        return inf
    slope = dw_norm + radius * db
    return slope * slope / (2.0 * decay) + db * rho / (1.0 - rho)
