"""An objective on a sample of the examples, and a Hessian estimated from one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..maths.arrays import Vector
from ..maths.sampling import by_mass, stratified
from .point import Point

if TYPE_CHECKING:
    from .objective import Objective


def sampled(objective: Objective, rows: int) -> Objective:
    """Return J of about `rows` examples, in memory, on one thread.

    Both classes are there in their proportion (`sampling.stratified`), and the penalty in
    proportion to the weights.
    """
    chosen, weight = stratified(objective.y, objective.weight, rows)
    small = objective.like(objective.design.rows(chosen), objective.y[chosen], weight, n_threads=1)
    small.watch = objective.watch
    return small


def estimated_hessian(objective: Objective, point: Point, rows: int) -> Vector:
    """Return the Hessian at a point (n_x + 1, n_x + 1), from about `rows` examples.

    They are chosen by `sampling.by_mass`; X is read once. No entry of its diagonal is below the
    Hessian's own: a column that is zero in all of them gets no step without bounds.
    """
    slopes = objective.slopes(point.z)
    chosen, mass = by_mass(slopes, rows)
    H = objective.backend.products(objective.design.rows(chosen), mass)
    diagonal = H.reshape(-1)[: -1 : objective.n_x + 2]
    np.maximum(diagonal, objective.squares(slopes), out=diagonal)
    objective.finish_hessian(H)
    return H
