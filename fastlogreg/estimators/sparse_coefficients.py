"""Coefficients most of which are 0: kept as a sparse matrix, and what the penalty is called."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..checks.arguments import is_sparse
from ..maths.arrays import Vector

Fitted = TypeVar("Fitted", bound="SparseCoefficients")


class SparseCoefficients:
    """Turn `coef_` into a sparse matrix and back, as scikit-learn's linear models do."""

    coef_: NDArray[np.float64]  # a scipy.sparse matrix after `sparsify`
    l1_ratio: float
    l1_ratio_: NDArray[np.float64]

    @property
    def penalty(self) -> str:
        """Return what scikit-learn calls the penalty: "l2", "l1" or "elasticnet".

        Where the l1_ratio is chosen by a fit, it is that one.
        """
        if hasattr(self, "l1_ratio_"):
            ratio = float(self.l1_ratio_[0])
        else:
            ratio = getattr(self, "l1_ratio", 0.0)
        return {0.0: "l2", 1.0: "l1"}.get(ratio, "elasticnet")

    def sparsify(self: Fitted) -> Fitted:
        """Turn `coef_` into a scipy.sparse CSR matrix, which takes less memory where most are 0.

        Predictions stay as they are, and `fit` makes it dense again.

        Returns
        -------
        self
            The fitted estimator.
        """
        from scipy.sparse import csr_matrix

        self.coef_ = csr_matrix(self._fitted_coef())
        return self

    def densify(self: Fitted) -> Fitted:
        """Turn `coef_` into an array again, after `sparsify`.

        Returns
        -------
        self
            The fitted estimator.
        """
        self.coef_ = self._fitted_coef()
        return self

    def _fitted_coef(self) -> Vector:
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self)
        return dense_coef(self)


def dense_coef(estimator: Any) -> Vector:
    """Return `coef_` of a fitted estimator as an array (rows, n_x) of float64."""
    coef = estimator.coef_
    return np.array(coef.toarray() if is_sparse(coef) else coef, np.float64)
