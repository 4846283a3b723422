"""Every solver of the package by its name: the one list of them."""

from __future__ import annotations

from typing import cast

from . import auto, gd, lbfgs, nesterov, newton, prox_newton
from .base import Entry, SolverName

REGISTRY: dict[str, Entry] = {
    "gd": Entry(
        gd.GradientDescent,
        gd.SCHEMA,
        "the lectures' gradient descent",
        needs_step=True,
        takes_gram=True,
        records_points=False,
    ),
    "nesterov": Entry(
        nesterov.Nesterov,
        nesterov.SCHEMA,
        "gradient descent with momentum and restart",
        needs_step=True,
    ),
    "lbfgs": Entry(
        lbfgs.LBFGS,
        lbfgs.SCHEMA,
        "limited-memory BFGS on centred columns, a read of X an iteration",
        centres=lambda problem: True,
    ),
    "newton": Entry(
        newton.Newton,
        newton.SCHEMA,
        "Newton's method, by Cholesky or conjugate gradients",
        centres_where_lost=True,
    ),
    "prox_newton": Entry(
        prox_newton.ProxNewton,
        prox_newton.SCHEMA,
        "Newton's method with coordinate descent, for L1, bounds and an offset",
        centres_where_lost=True,
        centres=prox_newton.centres,
    ),
    "auto": Entry(
        auto.Auto,
        auto.SCHEMA,
        "chosen from the shape: Newton's method, or L-BFGS with a Hessian of some examples",
        inside=("lbfgs", "newton"),
        centres_where_lost=True,
        centres=lambda problem: auto.plan(problem) == "lbfgs",
    ),
}


def names() -> tuple[SolverName, ...]:
    """Return the names that `solver=` takes."""
    return cast(tuple[SolverName, ...], tuple(REGISTRY))


__all__ = ["REGISTRY", "Entry", "SolverName", "names"]
