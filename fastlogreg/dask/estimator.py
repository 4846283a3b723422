"""Fit `fastlogreg.LogisticRegression` to dask collections.

Parameters and attributes are the same; predictions are lazy dask arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks.arguments import find_non_finite
from ..checks.bias_reduction import require_two_classes
from ..checks.labels import LabelledRows, is_label, labels_and_weights
from ..checks.penalties import Penalties, check_penalties
from ..estimators.data_of_fit import keep_data
from ..estimators.examples import Examples
from ..estimators.fitted import forget, interrupts_passed_on, keep_result
from ..estimators.input import features_of
from ..estimators.logistic import LogisticRegression as InMemory
from ..estimators.penalties import PROX_NEWTON, keep_proof, solver_for
from ..estimators.progress import progress_bar
from ..estimators.standardise import rescaled
from ..estimators.start import start_of
from ..inference.bias_reduced_run import run_reduced
from ..training import run
from .class_objective import DistributedSoftmax
from .collections import Held, aligned, not_finite, rows_of
from .engine import Engine, add
from .examples import examples_here, examples_on_workers, objective_here
from .objective import DistributedDesign, DistributedObjective
from .penalised import with_penalty
from .raw import raw_block


class LogisticRegression(InMemory):
    """Fit to dask collections what `fastlogreg.LogisticRegression` fits to arrays.

    n_threads has no effect here: the scheduler's workers decide. X is a dask array (m, n_x) in
    chunks of rows or a dask data frame; y and sample_weight are (m,) in the same chunks. Once
    fitted it predicts on arrays in memory as well, as its parent does.

    Parameters
    ----------
    C, solver, tol, max_iter, fit_intercept, class_weight, standardize, ...
        As of `fastlogreg.LogisticRegression`.

    Attributes
    ----------
    coef_, intercept_, classes_, n_iter_, cost_, ...
        As of `fastlogreg.LogisticRegression`.

    References
    ----------
    How far it goes and what it costs: docs/how-to/dask.md.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> import fastlogreg.dask as fd
    >>> X = da.from_array(np.arange(6.0)[:, None], chunks=(3, 1))
    >>> y = da.from_array(np.array([0, 1, 0, 1, 1, 1]), chunks=3)
    >>> fd.LogisticRegression().fit(X, y).predict(X).compute()
    array([0, 0, 1, 1, 1, 1])
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False  # blocks of rows are dense
        return tags

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, offset: Any = None
    ) -> LogisticRegression:
        """Fit to dask collections.

        Parameters
        ----------
        X : dask array or data frame of shape (m, n_x)
            The examples, in chunks of rows.
        y : dask array or series of shape (m,)
            Labels of two classes or more.
        sample_weight : dask array of shape (m,) or None, default=None
            k counts a row k times.
        offset : array of shape (n_samples,) or None, default=None
            With bias_reduction alone. Otherwise there is no offset with dask collections.

        Returns
        -------
        LogisticRegression
            This estimator, fitted.

        Raises
        ------
        ValueError or TypeError
            As `fastlogreg.dask.train`, and where y has one class alone among the rows of positive
            weight.
        KeyboardInterrupt
            After Ctrl-C, with the attributes set to what had been found.
        """
        if y is None:
            raise ValueError(
                "fastlogreg.dask.LogisticRegression requires y to be passed, but the target y is "
                "None"
            )
        if offset is not None and self.bias_reduction is None:
            raise ValueError(
                "offset must be None for dask collections, but for bias_reduction; got "
                f"{type(offset).__name__}. Use fastlogreg.LogisticRegression, on RowBlocks where X "
                "is larger than memory"
            )
        solver = solver_for(self, offset)
        options, lambda_ = self._options(solver), self._lambda()
        with interrupts_passed_on():
            held, classes = self._held(X, y, sample_weight)
            design = DistributedDesign(held, np.ones(held.n_x), np.zeros(held.n_x))
            objective = _objective(design, len(classes), lambda_, bool(self.fit_intercept))
            if self.standardize:
                mean = objective.mean()
                design = rescaled(objective, mean, objective.variance(mean))
                objective = objective.on(design)
            if self.bias_reduction is not None:
                require_two_classes(self.bias_reduction, len(classes))
                examples = examples_here(design, classes)
                result = run_reduced(
                    objective_here(examples, bool(self.fit_intercept)),
                    examples.offset(offset),
                    self.bias_reduction,
                    float(options.tol or 0.0),
                    options.iterations,
                    None,
                )
            else:
                if solver == PROX_NEWTON:
                    own = self._penalties(held), lambda_, design.scale
                    objective = with_penalty(objective, *own)
                state = start_of(self, objective, len(classes))
                with progress_bar(self.verbose, self.tol, self.callback) as callback:
                    options = replace(options, callback=callback)
                    result = run.run(objective, state, options, names=held.names)
            keep_result(self, result, design, classes, solver == PROX_NEWTON)
            keep_proof(self, result)
            self.n_features_in_ = held.n_x
            forget(self, "feature_names_in_")
            if held.names is not None:
                self.feature_names_in_ = np.array(held.names, dtype=object)
            keep_data(self, X, y, sample_weight, offset)
        return self

    def fit_grouped(
        self, X: Any, successes: Any, trials: Any, offset: Any = None
    ) -> LogisticRegression:
        """Refuse dask collections, which have labels: give each row twice.

        Raises
        ------
        ValueError
            For dask collections. In memory it is `fastlogreg.LogisticRegression.fit_grouped`.
        """
        if any(map(_is_dask, (X, successes, trials))):
            raise ValueError(
                "X must be in memory, or RowBlocks, for fit_grouped. Of dask collections give each "
                "row twice to fit, with label 1 and sample_weight successes, and with label 0 and "
                "sample_weight trials - successes"
            )
        return super().fit_grouped(X, successes, trials, offset)

    def _penalties(self, held: Held) -> Penalties:
        own = self.l1_ratio, self.penalty_weights, self.bounds, self.feature_groups
        return check_penalties(*own, held.n_x, flat=True, names=held.names)

    def _held(self, X: Any, y: Any, sample_weight: Any) -> tuple[Held, NDArray[Any]]:
        """Load the blocks, and return them with the classes."""
        rows = rows_of(X, y, sample_weight)
        labels, _, sums = rows.labels()
        with np.errstate(over="ignore"):
            total = sums.sum()
        if not np.isfinite(total):
            raise ValueError(
                "sample_weight must add up to a finite number; got a sum of infinity. Divide "
                "the weights by a number, and multiply C by it"
            )
        # A label is a row here, with the sum of its weights: classes and factors are found as on
        # one machine.
        found = labels_and_weights(labels, sums, self.class_weight)
        return rows.encoded(found.classes, self._factors(found, labels, sums)), found.classes

    def _examples(self, X: Any, y: Any, sample_weight: Any, trials: Any) -> Examples:
        if not _is_dask(X):
            return super()._examples(X, y, sample_weight, trials)
        if trials is not None:
            raise ValueError("trials must be None for dask collections, whose y holds labels")
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self)
        return examples_on_workers(self, *self._held(X, y, sample_weight))

    def _factors(self, found: LabelledRows, labels: Any, sums: Any) -> tuple[float, ...] | None:
        """Return the weight of each class."""
        if self.class_weight is None:
            return None
        weight = np.ldexp(found.weight, found.exponent)
        return tuple(float(weight[labels == c][0] / sums[labels == c][0]) for c in found.classes)

    def decision_function(self, X: Any, *, offset: Any = None, n_threads: int | None = None) -> Any:
        """Return z = X w + b (m,), or (m, K) of K classes: lazily for dask collections."""
        columns = self._columns if _is_dask(X) and hasattr(self, "coef_") else 1
        method = super().decision_function
        return self._lazily(
            X, method, np.float64, columns if columns > 1 else None, (offset, n_threads)
        )

    def predict_proba(
        self, X: Any, out: Any = None, *, offset: Any = None, n_threads: int | None = None
    ) -> Any:
        """Return the probability of every class for each row (m, K); lazily for collections."""
        if not _is_dask(X):
            return super().predict_proba(X, out, offset=offset, n_threads=n_threads)
        if out is not None:
            raise ValueError(
                "out must be None for dask collections: store the lazy result, for instance with "
                "to_zarr"
            )
        return self._lazily(
            X, super().predict_proba, np.float64, self._classes, (offset, n_threads)
        )

    def predict_log_proba(self, X: Any, *, offset: Any = None, n_threads: int | None = None) -> Any:
        """Return the logarithms of `predict_proba` (m, K), without underflow."""
        return self._lazily(
            X, super().predict_log_proba, np.float64, self._classes, (offset, n_threads)
        )

    def predict(self, X: Any, *, offset: Any = None, n_threads: int | None = None) -> Any:
        """Return the likeliest class of each row (m,), lazily for dask collections."""
        dtype = getattr(self, "classes_", np.empty(0)).dtype
        return self._lazily(X, super().predict, dtype, None, (offset, n_threads))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy; for dask collections computed block by block."""
        if not _is_dask(X):
            return float(super().score(X, y, sample_weight))
        import dask

        engine, predicted = Engine(), list(self.predict(X).to_delayed().ravel())
        labels = aligned("y", y, X, len(predicted))
        weights = (
            [None] * len(labels)
            if sample_weight is None
            else aligned("sample_weight", sample_weight, X, len(labels))
        )
        count = dask.delayed(_right, pure=False)
        each = zip(predicted, labels, weights)
        blocks = [count(*parts, f"block {k}") for k, parts in enumerate(each)]
        right, of = add(*engine.collect([(np.asarray, block) for block in engine.compute(blocks)]))
        return float(right / of)

    @property
    def _classes(self) -> int:
        return len(getattr(self, "classes_", (0, 1)))

    def _lazily(
        self,
        X: Any,
        method: Callable[..., Any],
        dtype: Any,
        columns: int | None,
        given: tuple[Any, int | None],
    ) -> Any:
        """Call one of the parent's methods on every row block of X.

        It is called on X itself where that is no dask collection. given: offset and n_threads;
        blocks run side by side, each on one thread.
        """
        offset, n_threads = given
        if not _is_dask(X):
            return method(X, offset=offset, n_threads=n_threads)
        if offset is not None:
            raise ValueError(
                "offset must be None for dask collections: add it to the lazy decision_function"
            )
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self)
        names = [str(name) for name in X.columns] if hasattr(X, "columns") else None
        fitted = getattr(self, "feature_names_in_", None)
        if names is not None and fitted is not None and names != list(fitted):
            raise ValueError(
                f"X must have the columns of the fit, in order: {list(fitted)}; got {names}"
            )
        if X.ndim != 2 or X.shape[1] != features_of(self):
            raise ValueError(
                f"X must have {features_of(self)} features, as in fit; got shape {X.shape}"
            )
        if names is not None:
            X = X.to_dask_array()
        if X.numblocks[1] > 1:
            X = X.rechunk({1: -1})
        work = _Predict(method.__name__, _plain(self), dtype, columns, names or fitted)
        more: dict[str, Any] = (
            {"drop_axis": 1} if columns is None else {"chunks": (X.chunks[0], (columns,))}
        )
        meta = np.empty((0,) * (1 if columns is None else 2), dtype)
        return X.map_blocks(work, dtype=dtype, meta=meta, **more)


class _Predict:
    """Call one of the estimator's methods on the rows of a block."""

    # Dask names the blocks by it: the argument of `map_blocks` for that is not the same in all
    # versions of Dask.
    __name__ = "fastlogreg"

    def __init__(
        self, name: str, model: InMemory, dtype: Any, columns: int | None, names: Any
    ) -> None:
        self.name, self.model, self.dtype, self.columns = name, model, dtype, columns
        self.names = names

    def __call__(self, x: Any, block_info: Any = None) -> Any:
        if len(x) == 0:
            return np.empty((0,) if self.columns is None else (0, self.columns), self.dtype)
        x = x if x.dtype != object else x.astype(np.float64)
        try:
            return getattr(self.model, self.name)(x)
        except ValueError:
            found = find_non_finite(x.T)
            if found is None:
                raise
            # unknown sizes are NaN in what Dask says of a block's place
            place = (block_info or {}).get(0, {"chunk-location": [0], "array-location": [[0]]})
            k, first = place["chunk-location"][0], place["array-location"][0][0]
            row = int(first) if np.isfinite(first) else None
            raise not_finite((*found, float(x[found])), row, k, self.names) from None


def _objective(design: Any, classes: int, lambda_: float, intercept: bool) -> Any:
    if classes == 2:
        return DistributedObjective(design, lambda_, intercept)
    return DistributedSoftmax(design, classes, lambda_, intercept)


def _plain(model: InMemory) -> InMemory:
    """Keep what predicting needs, as the parent class, on one thread.

    Blocks run side by side already.
    """
    plain = InMemory(n_threads=1)
    plain.classes_, plain.coef_, plain.intercept_ = model.classes_, model.coef_, model.intercept_
    plain.n_features_in_ = features_of(model)
    return plain


def _right(predicted: Any, y: Any, weight: Any, name: str) -> tuple[float, float]:
    """Sum the weights of the rows of a block that are predicted right, and of all its rows."""
    raw = raw_block(np.ones((len(predicted), 1), bool), y, weight, name)
    labels, weights = raw.labels, raw.weight if raw.weight.size else np.ones(len(raw.y))
    if labels.missing is not None:
        raise ValueError(
            f"y must not have missing labels; there is one in row {labels.missing} of {name}"
        )
    if (raw.y.dtype.kind in "US") != (predicted.dtype.kind in "US"):
        raise TypeError(
            f"y must hold labels of the kind of classes_, {predicted.dtype}; {name} has "
            f"{labels.kind}"
        )
    right = np.zeros(len(raw.y), bool)
    for label in np.unique(predicted).tolist():
        right |= (predicted == label) & is_label(raw.y, label)
    return float(weights @ right), float(weights.sum())


def _is_dask(X: Any) -> bool:
    return hasattr(X, "to_delayed")
