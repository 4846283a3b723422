"""Whatever a user hands over as X, as a `Design`; every form that X can have is told apart here and
nowhere else."""

from __future__ import annotations

from typing import Any

from ..checks.arguments import check_per_feature, check_sparse_X, check_X, is_sparse
from .dense import DesignMatrix
from .design import Design
from .on_gpu import device_design, is_on_gpu
from .row_blocks import BlockedMatrix, RowBlocks
from .sparse import sparse_design


def design_of(X: Any, scale: Any = 1.0, shift: Any = 0.0) -> Design:
    """X (n_x, m) with scale and shift, numbers or (n_x, 1); nothing is copied. Raises as
    `validation.check_X` does."""
    blocks = isinstance(X, RowBlocks)
    if is_on_gpu(X):
        return device_design(X, scale, shift)
    if not blocks:
        X = check_sparse_X(X) if is_sparse(X) else check_X(X)
    n_x = X.shape[0]
    scale, shift = check_per_feature("scale", scale, n_x), check_per_feature("shift", shift, n_x)
    if blocks:
        return BlockedMatrix(X, scale, shift)
    return sparse_design(X, scale, shift) if is_sparse(X) else DesignMatrix(X, scale, shift)
