"""A softmax objective on a sample of the examples, and Hessians estimated from one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ..data.dense import DesignMatrix
from ..maths import softmax
from ..maths.arrays import Vector, flat
from ..maths.sampling import by_mass, stratified_classes
from .point import Point

if TYPE_CHECKING:
    from .softmax import SoftmaxObjective

LARGE_PART = 8  # of X: for its eighth it is not worth that each class has examples of its own


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
    mass = masses(objective, np.asarray(point.z))
    chosen, taken = by_mass(mass, rows)
    own = mass[chosen]
    weight = np.divide(taken, own, out=np.zeros(len(own)), where=own > 0.0)
    if objective.weight.size:
        weight *= objective.weight[chosen]
    z = np.ascontiguousarray(point.z[:, chosen])
    H = objective.backend.class_hessian(objective.design.rows(chosen), z, weight=weight)
    diagonal = flat(H)[:: len(H) + 1].reshape(objective.classes, -1)[:, :-1]
    if rows < objective.m:
        _raise_unseen(objective, mass, diagonal)
    objective.finish_hessian(H)
    return H


def _raise_unseen(objective: SoftmaxObjective, mass: Vector, diagonal: Vector) -> None:
    """Give each class at least its share of the diagonal of all examples.

    Without it the step along a column that a sample has not seen has no bounds. diagonal (F, n_x),
    in place.
    """
    whole = objective.squares(mass)
    total = float(diagonal.sum())
    share = diagonal.sum(axis=1)[:, None] / total if total > 0.0 else 1.0 / len(diagonal)
    np.maximum(diagonal, share * whole, out=diagonal)


def estimated_factors(objective: SoftmaxObjective, point: Point, rows: int, shared: bool) -> Vector:
    """Return the diagonal blocks (F, n_x + 1, n_x + 1) of the Hessian at a point.

    Each class has about `rows` examples of its own; where these are a large part of X, all classes
    have twice as many in common. If shared there is one block, the mean over the classes. X is read
    once, for the columns that the samples have not seen.
    """
    mass = masses(objective, np.asarray(point.z))
    if shared:
        factors = _products(objective, mass / objective.classes, rows)[None]
        mass /= objective.classes
    elif LARGE_PART * rows > objective.m:
        rows = min(objective.m, 2 * rows)
        factors = _products_in_common(objective, mass, np.asarray(point.z), rows)
    else:
        each = masses_by_class(objective, np.asarray(point.z))
        factors = np.array([_products(objective, of_class, rows) for of_class in each])
    diagonal = np.einsum("kjj->kj", factors)[:, :-1]
    if rows < objective.m:
        _raise_unseen(objective, mass, diagonal)
    factors /= objective.total
    for row in diagonal:
        added = row.copy()
        objective.penalty.add_curvature(added)
        row[:] = added
    if not objective.intercept:
        factors[:, -1], factors[:, :, -1] = 0.0, 0.0
        factors[:, -1, -1] = 1.0
    return factors


def _products(objective: SoftmaxObjective, mass: Vector, rows: int) -> Vector:
    """Return the sum of mass x1 x1.T, from about `rows` examples."""
    chosen, taken = by_mass(mass, rows)
    return objective.backend.products(objective.design.rows(chosen), taken)


def _products_in_common(objective: SoftmaxObjective, mass: Vector, z: Vector, rows: int) -> Vector:
    """Return those sums of each class from about `rows` examples, by their mass for all classes."""
    design, weights = objective.design, objective.weight_of_each
    if rows < objective.m:
        chosen, taken = by_mass(mass, rows)
        own = mass[chosen]
        weights = weights[chosen] * np.divide(taken, own, out=np.zeros(len(own)), where=own > 0.0)
        design, z = design.rows(chosen), z[:, chosen]
    A = softmax.softmax(z)
    sums = np.zeros((objective.classes, objective.n_x + 1, objective.n_x + 1))
    plain = np.ones(objective.n_x), np.zeros(objective.n_x)
    for lo, hi, x in design.float_blocks():
        # Each block is taken from X once, as float64, and is a small X of its own for all classes.
        block = DesignMatrix(np.ascontiguousarray(x).T, *plain)
        for k, a in enumerate(A[:, lo:hi]):
            sums[k] += objective.backend.products(block, weights[lo:hi] * a * (1.0 - a))
    return sums


def masses_by_class(objective: SoftmaxObjective, z: Vector) -> Iterator[Vector]:
    """Yield s a_k (1 - a_k) of each example (m,), for one class after the other."""
    largest = z.max(axis=0)
    total = np.zeros(objective.m)
    for row in z:
        total += np.exp(row - largest)
    for row in z:
        a = np.exp(row - largest) / total
        mass = a * (1.0 - a)
        yield mass * objective.weight if objective.weight.size else mass
