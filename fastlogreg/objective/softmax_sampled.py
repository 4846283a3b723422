"""A softmax objective on a sample of the examples, and Hessians estimated from one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ..data.design import Design
from ..maths import softmax
from ..maths.arrays import NONE, Vector, flat
from ..maths.sampling import by_mass, stratified_classes
from .point import Point
from .wanted import Rows, Squares, Wanting, by_itself

if TYPE_CHECKING:
    from .softmax import SoftmaxObjective

SMALL = 1 << 18  # numbers of X that NumPy squares within a tenth of a fit
LARGE_PART = 8  # of X: for its eighth it is not worth that each class has examples of its own


def sampled(objective: SoftmaxObjective, rows: int) -> SoftmaxObjective:
    """Return J of about `rows` examples, in memory, on one thread.

    Every class is there in its proportion (`sampling.stratified_classes`), and the penalty in
    proportion to the weights.
    """
    return by_itself(objective, sample(objective, rows))


def sample(objective: SoftmaxObjective, rows: int) -> Wanting[SoftmaxObjective]:
    """Want what `sampled` takes of X, and return what it does."""
    labels = objective.labels
    chosen, weight = stratified_classes(labels, objective.classes, objective.weight, rows)
    design: Design = yield Rows(chosen)
    small = objective.like(design, labels[chosen], weight, n_threads=1)
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
    return by_itself(objective, hessian_estimate(objective, point, rows))


def hessian_estimate(objective: SoftmaxObjective, point: Point, rows: int) -> Wanting[Vector]:
    """Want what `estimated_hessian` reads, and return what it does."""
    mass = masses(objective, np.asarray(point.z))
    chosen, taken = by_mass(mass, rows)
    own = mass[chosen]
    weight = np.divide(taken, own, out=np.zeros(len(own)), where=own > 0.0)
    if objective.weight.size:
        weight *= objective.weight[chosen]
    z = np.ascontiguousarray(point.z[:, chosen])
    design: Design = yield Rows(chosen)
    H = objective.backend.class_hessian(design, z, weight=weight)
    diagonal = flat(H)[:: len(H) + 1].reshape(objective.classes, -1)[:, :-1]
    if rows < objective.m:
        yield from _raise_unseen(objective, mass, diagonal)
    objective.finish_hessian(H)
    return H


def _raise_unseen(objective: SoftmaxObjective, mass: Vector, diagonal: Vector) -> Wanting[None]:
    """Give each class at least its share of the diagonal of all examples.

    Without it the step along a column that a sample has not seen has no bounds. diagonal (F, n_x),
    in place.
    """
    whole = yield from _squares(objective, mass)
    total = float(diagonal.sum())
    share = diagonal.sum(axis=1)[:, None] / total if total > 0.0 else 1.0 / len(diagonal)
    np.maximum(diagonal, share * whole, out=diagonal)


def _squares(objective: SoftmaxObjective, mass: Vector) -> Wanting[Vector]:
    """Return the sum of mass x^2 for each feature: one read of X.

    NumPy reads a small X, so that no kernel is compiled for it.
    """
    design = objective.design
    if design.dense is None or design.elements > SMALL:
        squares: Vector = yield Squares(mass)
        return squares
    objective.begin_pass()
    found = np.zeros(design.n_x)
    for lo, hi, x in design.float_blocks():
        # Not by BLAS, whose threads then spin: see `machine.blas`.
        found += np.einsum("i,ij,ij->j", mass[lo:hi], x, x)
    return found


def estimated_factors(objective: SoftmaxObjective, point: Point, rows: int, shared: bool) -> Vector:
    """Return the diagonal blocks (F, n_x + 1, n_x + 1) of the Hessian at a point.

    Each class has about `rows` examples of its own; where these are a large part of X, all classes
    have twice as many in common. If shared there is one block, the mean over the classes. Unless
    all examples are taken, X is read once, for the columns that the samples have not seen.
    """
    return by_itself(objective, factor_estimate(objective, point, rows, shared))


def factor_estimate(
    objective: SoftmaxObjective, point: Point, rows: int, shared: bool
) -> Wanting[Vector]:
    """Want what `estimated_factors` reads, and return what it does."""
    K, m, mass = objective.classes, objective.m, NONE
    if shared:
        if objective.design.dense is not None and 2 * rows >= m:
            rows = m  # that takes no longer than to choose
        if point.theta.any():
            mass = masses(objective, np.asarray(point.z)) / K
        else:  # all a are 1/K
            mass = objective.weight_of_each * ((K - 1) / (K * K))
        one = yield from _products(objective, mass, rows)
        factors = one[None]
    elif LARGE_PART * rows > m:
        rows = min(m, 2 * rows)
        factors, mass = yield from _products_in_common(objective, np.asarray(point.z), rows)
    else:
        blocks = []
        for of_class in masses_by_class(objective, np.asarray(point.z)):
            block = yield from _products(objective, of_class, rows)
            blocks.append(block)
        factors = np.array(blocks)
    diagonal = np.einsum("kjj->kj", factors)[:, :-1]
    if rows < m:
        mass = mass if mass.size else masses(objective, np.asarray(point.z))
        yield from _raise_unseen(objective, mass, diagonal)
    factors /= objective.total
    for row in diagonal:
        added = row.copy()
        objective.penalty.add_curvature(added)
        row[:] = added
    if not objective.intercept:
        factors[:, -1], factors[:, :, -1] = 0.0, 0.0
        factors[:, -1, -1] = 1.0
    return factors


def _products(objective: SoftmaxObjective, mass: Vector, rows: int) -> Wanting[Vector]:
    """Return the sum of mass x1 x1.T, from about `rows` examples."""
    if rows >= objective.m:
        return objective.backend.products(objective.design, mass)
    chosen, taken = by_mass(mass, rows)
    design: Design = yield Rows(chosen)
    return objective.backend.products(design, taken)


def _products_in_common(
    objective: SoftmaxObjective, z: Vector, rows: int
) -> Wanting[tuple[Vector, Vector]]:
    """Return those sums of each class from about `rows` examples, by their mass for all classes;
    and that mass (m,)."""
    A = softmax.softmax(z)
    S = A * (1.0 - A)
    mass = np.add.reduce(S, axis=0)
    design = objective.design
    if objective.weight.size:
        S *= objective.weight
        mass *= objective.weight
    if rows < objective.m:
        chosen, taken = by_mass(mass, rows)
        own = mass[chosen]
        S = S[:, chosen] * np.divide(taken, own, out=np.zeros(len(own)), where=own > 0.0)
        design = yield Rows(chosen)
    return objective.backend.products_of_each(design, S), mass


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
