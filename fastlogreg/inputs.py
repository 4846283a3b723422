"""Whatever a user hands over as X, as a `Design`; every form that X can have is told apart here and nowhere else."""

from __future__ import annotations

from typing import Any

from .design_matrix import Design, DesignMatrix
from .row_blocks import BlockedMatrix, RowBlocks
from .validation import check_per_feature, check_X


def design_of(X: Any, scale: Any = 1.0, shift: Any = 0.0) -> Design:
    """X (n_x, m) with scale and shift, numbers or (n_x, 1); nothing is copied. Raises as `validation.check_X` does."""
    if isinstance(X, RowBlocks):
        n_x = X.shape[0]
        return BlockedMatrix(X, check_per_feature("scale", scale, n_x), check_per_feature("shift", shift, n_x))
    X = check_X(X)
    n_x = X.shape[0]
    return DesignMatrix(X, check_per_feature("scale", scale, n_x), check_per_feature("shift", shift, n_x))
