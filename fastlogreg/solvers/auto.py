"""The solver that is chosen from the shape; deterministic.

    newton   small X: Newton on all of it, m n_x^2 is little work; and wide X of few examples, in
             the m-by-m domain
    sample   tall X: Newton on a sample of the examples, then L-BFGS on all of X with the sample's
             Hessian as inner matrix: two to four reads of X to 1e-6, and affine invariant, so that
             unscaled columns cost nothing
    lbfgs    where a sample's Hessians would cost more than 25 reads of X: L-BFGS on X centred by
             folding (z = w.(x - mean) + b' has the same optimum and the same penalty), each column
             by its own spread

If the inner matrix misleads all the same, the passes on X tell: after every eight iterations that
have not brought the measure down a thousandfold (tenfold with spreads alone) it is taken anew at
the point reached, from examples chosen by their share in it: where most are classified well, as in
images, few of them have nearly all of a (1 - a). Twice as many are taken where it was not even
tenfold, in the end all: Newton's method.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..data.design import Design
from ..maths.arrays import Vector
from ..objective.objective import Objective
from . import newton
from .lbfgs import LBFGS
from .newton import Newton, by_factor, positive_definite
from .state import State

# examples of a wide X: K costs less than a dozen reads of X (209 x 12,288: 43 ms for 131 of L-BFGS)
FEW = 400
SMALL = 2e7  # m n_x^2 up to which Newton on all of X is taken: about 1 ms an iteration
LARGEST_INNER = 1500  # n_x up to which a Hessian of a sample is worth its n_x^3
ROWS_PER_FEATURE, LEAST_ROWS = 10, 4000
# four Hessians of `rows` examples, 0.02 ns a product, against 25 passes, 0.2 ns an element (Zen 5:
# half of
WORTH = 70
#             either): for a dense X rows n_x <= 70 m. Of a sparse X its non-zeros count, in both
PATIENCE, PROGRESS, SLOW_PROGRESS = 8, 1e-3, 0.1


def rows_of_sample(objective: Objective) -> int:
    """Examples that the first sample takes."""
    return max(LEAST_ROWS, ROWS_PER_FEATURE * objective.n_x)


def plan(objective: Objective) -> str:
    """ "newton", "sample" or "lbfgs", from the shape alone."""
    m, n_x, rows, design = objective.m, objective.n_x, rows_of_sample(objective), objective.design
    small = design.hessian_work <= SMALL
    if (
        float(m) * n_x**2 <= SMALL
        or (small and n_x <= LARGEST_INNER)
        or (m <= FEW and newton.by_examples(objective))
    ):
        return "newton"
    passes = WORTH * design.elements * design.seconds_per_element / Design.SECONDS_PER_ELEMENT
    worth = design.hessian_work * rows / m <= passes
    return "sample" if n_x <= LARGEST_INNER and m >= 2 * rows and worth else "lbfgs"


class Auto:
    """Advances a `State` by whole iterations of the solver that suits the shape; saved: what
    `state_arrays` gave, to go on from there."""

    def __init__(
        self, objective: Objective, state: State, tol: float, saved: dict[str, Any] | None = None
    ) -> None:
        self.objective, self.state, self.tol = objective, state, tol
        self.rows = 0  # of the sample in use
        self.inner_theta: Vector | None = None  # where its Hessian was taken
        self.anew = False  # whether that was by `estimated_hessian`
        self.judged, self.measure = 0, np.inf
        self.solver: Any
        if saved is not None:
            self._restore(saved)
            return
        chosen = plan(objective)
        if chosen == "newton":
            self.solver = Newton(objective, state, tol)
        elif chosen == "sample":
            self.rows = rows_of_sample(objective)
            theta, inner = _optimum_of_sample(objective, np.append(state.w, state.b), self.rows)
            state.w, state.b, self.inner_theta = theta[:-1], float(theta[-1]), theta
            self.solver = LBFGS(objective, state, tol, inner)
        else:
            self.solver = LBFGS(objective, state, tol, diagonal=_by_spread(objective))

    def state_arrays(self) -> dict[str, Any]:
        saved = self.solver.state_arrays()
        saved.update(
            method=f"auto {saved['method']}",
            rows=self.rows,
            judged=self.judged,
            judged_measure=self.measure,
        )
        if self.inner_theta is not None:
            words = " sample anew" if self.anew else " sample"
            saved.update(method=saved["method"] + words, inner_theta=self.inner_theta)
        return saved

    def _restore(self, saved: dict[str, Any]) -> None:
        """The inner matrix is taken again, at the same point from the same sample: it has the same
        bits."""
        self.rows, self.judged, self.measure = (
            saved["rows"],
            saved["judged"],
            saved["judged_measure"],
        )
        self.anew = "anew" in saved["method"]
        theta = self.inner_theta = saved.get("inner_theta")
        if "newton" in saved["method"]:
            self.solver = Newton(self.objective, self.state, self.tol, saved)
            return
        inner: Callable[[Vector], Vector] | None = None
        diagonal: Vector | float = 1.0
        if theta is None:
            diagonal = _by_spread(self.objective)
        elif self.anew:
            H = self.objective.estimated_hessian(self.objective.point(theta), self.rows)
            inner = _inverse(H, self.objective)
        else:
            inner = _inverse(_sampled(self.objective, theta, self.rows).H, self.objective)
        self.solver = LBFGS(self.objective, self.state, self.tol, inner, diagonal, saved)

    def advance(self, count: int) -> None:
        """Up to `count` iterations; state.stop is set where they end for a reason."""
        for left in range(count, 0, -1):
            if isinstance(self.solver, LBFGS) and self.objective.n_x <= LARGEST_INNER:
                self._judge(self.solver)
            if isinstance(self.solver, Newton):
                self.solver.advance(left)
                return
            self.solver.advance(1)
            if self.state.stop is not None:
                return

    def _judge(self, solver: LBFGS) -> None:
        state = self.state
        if state.iteration - self.judged < PATIENCE:
            return
        if (
            state.measure > (PROGRESS if self.rows else SLOW_PROGRESS) * self.measure
            and self.measure < np.inf
        ):
            rows = self.rows or rows_of_sample(self.objective)
            if self.rows and state.measure > SLOW_PROGRESS * self.measure:
                rows *= 2
            if rows >= self.objective.m:
                self.solver, self.rows, self.inner_theta = (
                    Newton(self.objective, state, self.tol),
                    rows,
                    None,
                )
                return
            assert solver.point is not None
            solver.inner = _inverse(
                self.objective.estimated_hessian(solver.point, rows), self.objective
            )
            self.rows, self.inner_theta, self.anew = rows, solver.point.theta.copy(), True
            solver.pairs.clear()
            state.record(self.objective)  # the read that it took: what is saved from here on has it
        self.judged, self.measure = state.iteration, state.measure


def _by_spread(objective: Objective) -> Vector:
    """The diagonal (n_x + 1,) of a Hessian in which every a (1 - a) is 1/4, from the spread of the
    columns in a sample."""
    spread = objective.sample_spread()
    # What none of the sample's examples has, one of as many may have: rare pixels of images. With a
    # spread of 0 the step along such a column would be enormous.
    spread[spread == 0.0] = np.sqrt(np.mean(spread * spread) / 1000.0)
    curvature = np.append(0.25 * spread * spread + objective.decay, 0.25)
    curvature[curvature == 0.0] = 1.0
    return curvature


def _sampled(objective: Objective, theta: Vector, rows: int) -> Newton:
    """Newton's method on a sample, at theta."""
    method = Newton(objective.sampled(rows), State(theta[:-1], float(theta[-1])), -1.0)
    method.advance(0)
    return method


def _optimum_of_sample(objective: Objective, theta: Vector, rows: int) -> tuple[Vector, Any]:
    """From theta, to the accuracy that the sample has; the optimum and v -> H^-1 v there."""
    method = _sampled(objective, theta, rows)
    state = method.state
    # J of the sample is off by about n_x / (2 rows) at its own optimum: half of that is good
    # enough.
    enough = 0.25 * len(theta) / method.objective.m
    for _ in range(20):
        before = state.cost
        method.advance(1)
        if state.stop is not None or before - state.cost <= enough:
            break
    return np.append(state.w, state.b), _inverse(method.H, objective)


def _inverse(H: Vector, objective: Objective) -> Callable[[Vector], Vector]:
    """v -> H^-1 v."""
    solve = by_factor(H, objective)
    if solve is not None:
        return solve
    inverse = np.linalg.inv(positive_definite(H))
    inverse = 0.5 * (inverse + inverse.T)
    return lambda v: np.asarray(
        np.einsum("ij,j->i", inverse, v)
    )  # not by BLAS, whose threads then spin: see `machine.blas`
