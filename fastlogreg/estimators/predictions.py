"""What a fitted estimator says of new rows, block by block."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..backends.choice import name_for
from ..checks.arguments import check_threads, is_sparse
from ..checks.penalties import SEVERAL, check_offset
from ..data.matrix_like import MatrixLike
from ..data.on_gpu import is_on_gpu
from ..data.row_blocks import RowBlocks
from ..maths import logistic, softmax
from ..maths.arrays import NONE, Vector
from ..models.one_row import probabilities_of_one, scores_of_one
from ..objective.objective import Objective
from .input import checked_alike, checked_out, require_finite, rows_design, rows_of
from .multiclass import class_scores, likeliest, log_probabilities
from .saving import model_of
from .sparse_coefficients import SparseCoefficients, dense_coef

_ROWS = 1 << 18  # at a time: y, z and their weights are then below 5 MiB


class Predictions(SparseCoefficients):
    """Predict from `coef_`, `intercept_` and `classes_`, on `n_threads` threads."""

    intercept_: NDArray[np.float64]
    classes_: NDArray[Any]
    n_threads: int | None

    def decision_function(
        self, X: MatrixLike, *, offset: ArrayLike | None = None, n_threads: int | None = None
    ) -> Vector:
        """Return z = X w + b of each row; above 0 speaks for `classes_[1]`.

        Of K classes every row has a z for each; the largest speaks for its class.

        Parameters
        ----------
        X : array, data frame, sparse matrix or RowBlocks of shape (n_samples, n_features)
            The examples, in rows.
        offset : array of shape (n_samples,) or None, default=None
            A part of z that is known, of two classes.
        n_threads : int or None, default=None
            Threads to use, in place of the estimator's.

        Returns
        -------
        ndarray of shape (n_samples,), or (n_samples, K) for K classes
            z, float64.
        """
        if offset is None:
            of_one = self._scores_of_one(X, n_threads)
            if of_one is not None:
                return np.array([of_one])  # (1,), or (1, K)
        X = checked_alike(self, X)
        z = np.empty(rows_of(X) if self._columns == 1 else (rows_of(X), self._columns))
        for rows, block in self._score_blocks(X, offset, n_threads):
            z[rows] = block.T
        return z

    def predict_proba(
        self,
        X: MatrixLike,
        out: NDArray[Any] | None = None,
        *,
        offset: ArrayLike | None = None,
        n_threads: int | None = None,
    ) -> NDArray[Any]:
        """Return the estimated probability of every class for each row, block by block.

        Parameters
        ----------
        X : array, data frame, sparse matrix or RowBlocks of shape (n_samples, n_features)
            The examples, in rows.
        out : ndarray of shape (n_samples, K) or None, default=None
            A writeable array of floats, a memory map for instance, to be filled and returned. It
            may lie in the memory of X.
        offset : array of shape (n_samples,) or None, default=None
            A part of z that is known, of two classes.
        n_threads : int or None, default=None
            Threads to use, in place of the estimator's.

        Returns
        -------
        ndarray of shape (n_samples, K)
            P(classes_[0]), P(classes_[1]) and so on, K being how many classes there are.

        Raises
        ------
        ValueError
            For an `out` of another shape or kind.
        """
        if out is None and offset is None:
            of_one = self._scores_of_one(X, n_threads)
            if of_one is not None:
                return probabilities_of_one(of_one)
        X = checked_alike(self, X)
        out, overlaps = checked_out(out, X, max(2, self._columns))
        blocks = self._score_blocks(X, offset, n_threads)
        # What is written for one block must not be read as X for the next.
        for rows, z in list(blocks) if overlaps else blocks:
            if z.ndim == 2:
                out[rows] = softmax.softmax(z).T
                continue
            out[rows, 1] = logistic.sigmoid(z)
            out[rows, 0] = logistic.sigmoid(-z)
        return out

    def predict_log_proba(
        self, X: MatrixLike, *, offset: ArrayLike | None = None, n_threads: int | None = None
    ) -> Vector:
        """Return the logarithms of `predict_proba`, without underflow.

        Parameters
        ----------
        X : array, data frame, sparse matrix or RowBlocks of shape (n_samples, n_features)
            The examples, in rows.
        offset : array of shape (n_samples,) or None, default=None
            A part of z that is known, of two classes.
        n_threads : int or None, default=None
            Threads to use, in place of the estimator's.

        Returns
        -------
        ndarray of shape (n_samples, K)
            log P(classes_[0]), log P(classes_[1]) and so on.
        """
        z = self.decision_function(X, offset=offset, n_threads=n_threads)
        if z.ndim == 2:
            return log_probabilities(z)
        return np.column_stack([-np.logaddexp(0.0, z), -np.logaddexp(0.0, -z)])

    def predict(
        self, X: MatrixLike, *, offset: ArrayLike | None = None, n_threads: int | None = None
    ) -> NDArray[Any]:
        """Return the likeliest class of each row: of two, `classes_[1]` where z > 0.

        Parameters
        ----------
        X : array, data frame, sparse matrix or RowBlocks of shape (n_samples, n_features)
            The examples, in rows.
        offset : array of shape (n_samples,) or None, default=None
            A part of z that is known, of two classes.
        n_threads : int or None, default=None
            Threads to use, in place of the estimator's.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.
        """
        z = self.decision_function(X, offset=offset, n_threads=n_threads)
        return likeliest(z, self.classes_)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model to a file that `fastlogreg.Model.load` reads, by NumPy alone.

        It holds coefficients, labels and the names of columns, and no data. What a pipeline or a
        formula does before it is not in it: the model takes the columns that `fit` was given.

        Parameters
        ----------
        path : path
            Where. The file appears whole or not at all.

        Raises
        ------
        NotFittedError
            Before a fit.
        TypeError
            For labels that are neither numbers nor text.
        OSError
            Where it cannot be written; what was there is as it was.
        """
        model_of(self).save(path)

    @property
    def _columns(self) -> int:
        """Return how many z each row has: 1 for two classes, else one for each class."""
        return int(self.coef_.shape[0])

    def _threads(self, n_threads: int | None = None) -> int | None:
        """Return the threads of a call, or else the estimator's, checked."""
        return check_threads(self.n_threads if n_threads is None else n_threads)

    def _scores_of_one(self, X: Any, n_threads: Any) -> Any:
        """Return z of an array of one row, in little time; None where X is none."""
        coef = getattr(self, "coef_", None)
        if coef is None or hasattr(self, "feature_names_in_"):
            return None
        count = self.n_threads if n_threads is None else n_threads
        return scores_of_one(coef, self.intercept_, X, count)

    def _score_blocks(
        self, X: Any, offset: Any = None, n_threads: int | None = None
    ) -> Iterator[tuple[slice, Vector]]:
        """Compute z of X, block by block: (rows,), or (K, rows).

        Of `RowBlocks`, of a sparse X, whose slices are copies, and on a GPU it is one block.
        """
        threads, m = self._threads(n_threads), rows_of(X)
        given = NONE if offset is None else check_offset(offset, m, flat=True)
        if given.size and self._columns > 1:
            raise ValueError(SEVERAL.format(K=self._columns))
        w, b = dense_coef(self), np.array(self.intercept_, np.float64)
        whole = isinstance(X, RowBlocks) or is_sparse(X) or is_on_gpu(X)
        step = m if whole else max(1, _ROWS // len(w))
        for lo in range(0, m, step):
            x = X if whole else X[lo : lo + step]
            count, design = m if whole else len(x), rows_design(x)
            if len(w) > 1:
                z = class_scores(design, w, b, threads)
            else:
                none, backend = np.zeros(count, np.uint8), name_for(design)
                objective = Objective(design, none, 0.0, backend, n_threads=threads)
                z = np.asarray(objective.scores(w[0], float(b[0])))
            if given.size:
                z = z + given[lo : lo + count]
            if not np.isfinite(z).all():
                require_finite(X, getattr(self, "feature_names_in_", None))
            yield slice(lo, lo + count), z
