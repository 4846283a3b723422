"""Several softmax models in one read of X: each of them by the numbers of a read of its own.

Compiled, the read is one of all models' columns (`many.model_sums`). What is made of parts of X,
where it comes in blocks, is made of each part for all models while it is there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..data.design import Design
from ..maths.arrays import Vector
from ..maths.softmax import ClassLabels
from . import many, vectorized_many
from .base import Backend, ClassSums, Models, are_compiled


def model_sums(
    backend: Backend,
    models: Models,
    labels: ClassLabels,
    zs: Vector,
    rooms: NDArray[np.int64],
    products: bool = False,
) -> list[ClassSums]:
    """Sum for each of several models as `Backend.class_sums` does, or multiply by its Hessian as
    `Backend.class_products` does; zs (R, K, m) takes Z, or gives it, in the rooms (F,)."""
    if not are_compiled():
        return vectorized_many.model_sums(models, labels, zs, rooms, products=products)
    return many.model_sums(
        models, labels, zs, rooms, products=products, n_threads=backend.n_threads
    )


def squares(backend: Backend, designs: Sequence[Design], masses: Sequence[Vector]) -> list[Vector]:
    """Sum mass * x^2 over the examples for each feature, as `Backend.squares` does, for each of
    several designs of one X and their masses (m,)."""
    found = [np.zeros(design.n_x) for design in designs]
    for lo, hi, part in designs[0].parts():
        for total, design, mass in zip(found, designs, masses):
            total += backend.squares(part.rescaled(design.scale, design.shift), mass[lo:hi])
    return found


def rows(designs: Sequence[Design], chosen: Sequence[NDArray[np.intp]]) -> list[Design]:
    """Return copies of these examples of each of several designs of one X, from one look at it."""
    every = np.unique(np.concatenate(chosen))
    taken = designs[0].rows(every)
    return [
        taken.rows(np.searchsorted(every, some)).rescaled(design.scale, design.shift)
        for design, some in zip(designs, chosen)
    ]
