"""An objective on a sample of the examples, a Hessian estimated from one, and its moments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..backends import moments
from ..data.design import Moments
from ..maths.arrays import Vector, flat
from ..maths.sampling import stratified
from . import part
from .part import Part
from .point import Point

if TYPE_CHECKING:
    from .objective import Objective


def sampled(objective: Objective, rows: int) -> Objective:
    """Return J of about `rows` examples, in memory, on one thread.

    Both classes are there in their proportion (`sampling.stratified`), and the penalty in
    proportion to the weights.
    """
    chosen, weight = stratified(objective.y, objective.weight, rows)
    small = objective.like(
        objective.design.rows(chosen), objective.targets[chosen], weight, n_threads=1
    )
    small.watch, small.chosen = objective.watch, chosen
    return small


def estimated_hessian(objective: Objective, point: Point, rows: int) -> tuple[Vector, Part]:
    """Return the Hessian at a point (n_x + 1, n_x + 1), and the examples that it is made of.

    About `rows` are chosen by `sampling.by_mass`; X is read once. No entry of the diagonal is below
    the Hessian's own: a column that is zero in all of them gets no step without bounds.
    """
    slopes = objective.slopes(point.z)
    taken = part.chosen(objective, np.asarray(slopes), rows)
    H = objective.backend.products(taken.design, taken.mass)
    diagonal = flat(H)[: -1 : objective.n_x + 2]
    np.maximum(diagonal, objective.squares(slopes), out=diagonal)
    objective.finish_hessian(H)
    return H, taken


def mean(objective: Objective) -> Vector | None:
    """Return the mean of each feature in a sample, to centre X by: `backends.moments`."""
    found = moments.sample_mean(objective.design)
    if found is None or not _weighs_sample(objective):
        return found
    found = objective.sample_moments().mean
    return np.where(np.isfinite(found), found, 0.0)


def _weighs_sample(objective: Objective) -> bool:
    design = objective.design
    return objective.weight.size > 0 and design.has_examples_at_hand and design.sparse is None


def weighted_moments(objective: Objective) -> Moments:
    """Return mean and deviation of each feature, as the model sees it, in a sample.

    They are weighted as the examples are: k rows alike and a row of weight k have the same.
    """
    design = objective.design
    s = objective.weight[:: max(1, objective.m // design.sample_size)]
    found = moments.moments(design)
    if _weighs_sample(objective) and s.any():
        found = moments.weighted(design, s)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = design.scale * found.mean + design.shift
        return Moments(mean, np.abs(design.scale) * found.deviation)
