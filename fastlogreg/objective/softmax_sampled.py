"""A softmax objective on a sample of the examples, and Hessians estimated from one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..maths import softmax
from ..maths.arrays import Vector
from ..maths.sampling import by_mass, stratified_classes
from .point import Point

if TYPE_CHECKING:
    from .softmax import SoftmaxObjective

SEEN = 0.1  # of its share: a smaller diagonal entry means a column that the sample has not seen


def sampled(objective: SoftmaxObjective, rows: int) -> SoftmaxObjective:
    """Return J of about `rows` examples, in memory, on one thread.

    Every class is there in its proportion (`sampling.stratified_classes`), and the penalty in
    proportion to the weights.
    """
    labels = objective.labels
    chosen, weight = stratified_classes(labels, objective.classes, objective.weight, rows)
    small = objective.like(objective.design.rows(chosen), labels[chosen], weight, n_threads=1)
    small.watch = objective.watch
    return small


def masses(objective: SoftmaxObjective, z: Vector) -> Vector:
    """Return s sum a_k (1 - a_k) of each example (m,): its part in the Hessian."""
    mass = np.empty(objective.m)
    step = max(1, (1 << 17) // objective.classes)
    for lo in range(0, objective.m, step):
        A = softmax.softmax(z[:, lo : lo + step])
        mass[lo : lo + step] = np.einsum("ki,ki->i", A, 1.0 - A)
    return mass * objective.weight if objective.weight.size else mass


def estimated_hessian(objective: SoftmaxObjective, point: Point, rows: int) -> Vector:
    """Return the Hessian at a point, from about `rows` examples, chosen by their part in it.

    X is read once, for the columns that the sample has not seen.
    """
    mass = masses(objective, point.z)
    chosen, taken = by_mass(mass, rows)
    own = mass[chosen]
    weight = np.divide(taken, own, out=np.zeros(len(own)), where=own > 0.0)
    if objective.weight.size:
        weight *= objective.weight[chosen]
    z = np.ascontiguousarray(point.z[:, chosen])
    H = objective.backend.class_hessian(objective.design.rows(chosen), z, weight=weight)
    diagonal = H.reshape(-1)[:: len(H) + 1].reshape(objective.classes, -1)[:, :-1]
    _raise_unseen(objective, mass, diagonal)
    objective.finish_hessian(H)
    return H


def _raise_unseen(objective: SoftmaxObjective, mass: Vector, diagonal: Vector) -> None:
    """Give each class its share of the diagonal of all examples, where a column was not seen.

    Without it the step along such a column has no bounds. diagonal (F, n_x), in place.
    """
    whole = objective.squares(mass)
    total = float(diagonal.sum())
    share = diagonal.sum(axis=1)[:, None] / total if total > 0.0 else 1.0 / len(diagonal)
    least = share * whole
    np.copyto(diagonal, least, where=diagonal < SEEN * least)


def estimated_factors(objective: SoftmaxObjective, point: Point, rows: int, shared: bool) -> Vector:
    """Return the diagonal blocks (F, n_x + 1, n_x + 1) of the Hessian at a point.

    They are made of about `rows` examples. If shared there is one, the mean over the classes.
    """
    mass = masses(objective, point.z)
    chosen, taken = by_mass(mass, rows)
    design = objective.design.rows(chosen)
    if shared:
        factors = objective.backend.products(design, taken / objective.classes)[None]
    else:
        own = mass[chosen]
        weight = np.divide(taken, own, out=np.zeros(len(own)), where=own > 0.0)
        if objective.weight.size:
            weight *= objective.weight[chosen]
        A = softmax.softmax(point.z[:, chosen])
        factors = np.array([objective.backend.products(design, weight * a * (1.0 - a)) for a in A])
    diagonal = np.einsum("kjj->kj", factors)[:, :-1]
    _raise_unseen(objective, mass / objective.classes if shared else mass, diagonal)
    factors /= objective.total
    for each in np.einsum("kjj->kj", factors)[:, :-1]:
        added = each.copy()
        objective.penalty.add_curvature(added)
        each[:] = added
    if not objective.intercept:
        factors[:, -1], factors[:, :, -1] = 0.0, 0.0
        factors[:, -1, -1] = 1.0
    return factors
