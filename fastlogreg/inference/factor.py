"""The factor of an information matrix: its inverse, and what cannot be told apart.

Rows and columns are brought to a diagonal of 1 first. Directions whose eigenvalue is rounding are
those in which l does not change: the parameters in them are not identified.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..machine.blas import eigh
from ..maths.arrays import Vector

FLAT = 4e-15  # times p: an eigenvalue that is rounding, where the diagonal is 1
INVOLVED = 1e-6  # of a direction: a component that is not rounding


class Factor(NamedTuple):
    """Hold R (p, p) with R' R = information^-1, and which parameters lie in flat directions.

    Of these R has nothing that means anything. condition: of the matrix with a diagonal of 1.
    """

    R: Vector
    flat: NDArray[np.bool_]
    condition: float

    @property
    def inverse(self) -> Vector:
        """Return information^-1 (p, p)."""
        return np.asarray(self.R.T @ self.R)


def factor_of(information: Vector) -> Factor:
    """Return the factor of a symmetric matrix (p, p) without negative eigenvalues."""
    size = np.sqrt(np.diag(information))
    size = np.where((size > 0.0) & np.isfinite(size), size, 1.0)
    values, vectors = eigh(information / np.outer(size, size))
    null = values <= FLAT * len(values)
    flat = (np.abs(vectors[:, null]) > INVOLVED).any(axis=1)
    kept = np.where(null, 1.0, values)
    R = (vectors / np.sqrt(kept)).T / size
    return Factor(R, flat, float(kept.max() / kept.min()))
