"""Logistic regression as scikit-learn has it: X (n_samples, n_features), y (n_samples,) with two
classes of any label.

    J(w, b) = (1/S) sum s L(a, y) + (1 / 2CS) ||w||^2,   s = sample_weight * class_weight, S = sum s

which is scikit-learn's objective divided by C S: the same optimum. X is read where it lies,
whatever its dtype and order; NaN and infinity cost no read of their own, since they always reach z.
`standardize` is folded into w and b.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..maths.arrays import NONE, Vector

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils.validation import check_is_fitted
except ModuleNotFoundError as error:
    raise ImportError(
        "fastlogreg.LogisticRegression needs scikit-learn 1.6 or later, which is not installed: "
        'pip install "fastlogreg[sklearn]". fastlogreg.train and fastlogreg.predict work without it'
    ) from error

from ..checks.arguments import check_number, is_sparse
from ..checks.labels import labels_and_weights, listed
from ..data.design import Design
from ..data.inputs import design_of
from ..data.row_blocks import RowBlocks
from ..machine.blas import inner
from ..maths import logistic
from ..objective.objective import Objective
from ..solvers.result import Progress
from ..solvers.state import State
from ..training import run
from ..training.checkpoint import Checkpoint, Refused
from ..training.options import Options
from .input import checked, checked_alike, rows_of
from .partial_fit import take_batch
from .progress import progress_bar

_ROWS = 1 << 18  # at a time when predicting: y, z and their weights are then below 5 MiB


class LogisticRegression(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Binary logistic regression with an L2 penalty, to the optimum, with a certificate.

    Parameters ---------- C: inverse strength of the penalty, as scikit-learn's: lambda = 1/C;
    infinity for none. solver: "auto" (chosen from the shape), "newton", "lbfgs", "nesterov" or "gd"
    (with the step 1/L). tol: stop when cost_ is proved to be at most tol above the optimum (C =
    infinity: when no component of the gradient
        is larger than tol), or when float64 cannot improve it; the same for every solver.
    max_iter: updates at most. max_seconds: wall time at most, None for no limit. fit_intercept:
    whether z has a b, which is never penalised. class_weight: None, "balanced" (S / (2 S of the
    class)), or a dict label -> weight (1 where left out). standardize: fit on (X - mean) / standard
    deviation, the penalty acting there; coef_ and intercept_ are for X itself. warm_start: begin
    from the last coef_ and intercept_. n_threads: None for every CPU that the process may use;
    changes no bit of the result. callback: called with a `Progress` about every 0.1 s and at the
    end; returning True stops the fit. checkpoint: a file to which the state of the fit is written
    every checkpoint_every seconds and at its end; one fit, one
        file. resume: go on from there to the same bits, or begin where there is none yet, as in
        `train`.
    verbose: 1 shows a progress bar with the bound falling to tol, where rich is installed and
    stderr is a terminal.

    Attributes ---------- coef_ (1, n_features), intercept_ (1,), classes_ (2,), n_features_in_,
    feature_names_in_ (where X had names). n_iter_: updates made. costs_ (k,): J before each. cost_:
    J at the end. gradient_norm_: the largest component of its gradient. suboptimality_bound_: an
    upper bound on cost_ - optimum, infinite for C = infinity. stop_reason_: a key of
    `fastlogreg.solvers.result.STOP_REASONS`. history_ (k, 4): passes, seconds, J, bound, for
    `plots.convergence`. With standardize these are of the standardised problem.

    Warns with `TrainingWarning`, naming the cause, where the result is not what was asked for.
    """

    def __init__(
        self,
        C: float = 1.0,
        *,
        solver: str = "auto",
        tol: float = 1e-8,
        max_iter: int = 1000,
        fit_intercept: bool = True,
        class_weight: Any = None,
        standardize: bool = False,
        warm_start: bool = False,
        n_threads: int | None = None,
        max_seconds: float | None = None,
        callback: Callable[[Progress], Any] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: float = 30.0,
        resume: bool = False,
        verbose: int = 0,
    ) -> None:
        self.C = C
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.standardize = standardize
        self.warm_start = warm_start
        self.n_threads = n_threads
        self.max_seconds = max_seconds
        self.callback = callback
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.resume = resume
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.sparse = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LogisticRegression:
        """Fit to X (n_samples, n_features), y (n_samples,) and sample_weight (n_samples,): k counts
        a row k times. X may be `RowBlocks`, larger than memory.

        A scipy.sparse CSR or CSC is read in place; of other formats scikit-learn makes a CSR.

        Raises ValueError or TypeError for parameters out of range, NaN or infinity in X (with row
        and column), weights that are negative or all zero, a checkpoint that is none or of another
        fit, and where y does not have two classes among the rows of positive weight.
        """
        begun, options = time.perf_counter(), self._options()
        X, y = checked(self, X, y)
        names = getattr(self, "feature_names_in_", None)
        classes, positive, weight = labels_and_weights(X, y, sample_weight, self.class_weight)
        design = _design_of(X)
        intercept = bool(self.fit_intercept)
        objective = Objective(
            design, positive, self._lambda(), "fused", self._threads(), weight, intercept
        )
        try:
            if self.standardize:
                objective.design = design = _standardised(objective)
            state = State(*self._start(design))
            with progress_bar(self.verbose, self.tol, self.callback) as callback:
                options = replace(options, callback=callback)
                result = run.run(objective, state, options, names=names, begun=begun)
        except Refused:
            raise
        except ValueError:
            _require_finite(X, names)
            raise
        w, b = design.fold(result.w[:, 0], result.b)
        self.classes_, self.coef_, self.intercept_ = classes, w.reshape(1, -1), np.array([b])
        self.n_iter_, self.costs_, self.cost_ = result.iterations, result.costs, result.cost
        self.gradient_norm_, self.suboptimality_bound_ = (
            result.gradient_norm,
            result.suboptimality_bound,
        )
        self.stop_reason_, self.history_ = result.stop_reason, result.history
        self.__dict__.pop("_stream", None)
        return self

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> LogisticRegression:
        """Learn from one more batch of a stream, each row of which is seen once; approximate:
        `fastlogreg.estimators.stream` says how.

        X (n_samples, n_features), y (n_samples,), sample_weight (n_samples,). classes: both labels,
        needed in the first call. C, fit_intercept and a class_weight of numbers act as in `fit`,
        solver, tol and max_iter do not; there is no step size. A call of `fit` begins a new stream.
        Rows should come in random order. Up to max(1000, 10 n_features) rows the result is the
        optimum of `fit`, then its cost comes near that optimum as rows come.

        Raises ValueError where classes are missing, differ, or are not two, for labels outside
        them, NaN or infinity in X, class_weight="balanced" and standardize=True, which need all
        rows at once, and more than 2000 features, for which there is `fit` on `RowBlocks`.
        """
        take_batch(self, X, y, classes, sample_weight, self._lambda(), _require_finite)
        return self

    def decision_function(self, X: Any) -> Vector:
        """z = X w + b (n_samples,), float64: above 0 speaks for classes_[1]."""
        X = checked_alike(self, X)
        z = np.empty(rows_of(X))
        for rows, block in self._score_blocks(X):
            z[rows] = block
        return z

    def predict_proba(self, X: Any, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """P(classes_[0]) and P(classes_[1]) of each row (n_samples, 2), block by block.

        out: a writeable floating-point array of that shape, a memory map for instance, to be filled
        and returned.
        """
        X = checked_alike(self, X)
        shape = (rows_of(X), 2)
        if out is None:
            out = np.empty(shape)
        elif (
            not isinstance(out, np.ndarray)
            or out.shape != shape
            or out.dtype.kind != "f"
            or not out.flags.writeable
        ):
            got = (
                f"{out.dtype} of shape {out.shape}"
                if isinstance(out, np.ndarray)
                else type(out).__name__
            )
            raise ValueError(f"out must be a writeable array of floats of shape {shape}; got {got}")
        for rows, z in self._score_blocks(X):
            out[rows, 1] = logistic.sigmoid(z)
            out[rows, 0] = logistic.sigmoid(-z)
        return out

    def predict_log_proba(self, X: Any) -> Vector:
        """The logarithms of `predict_proba` (n_samples, 2), without underflow."""
        z = self.decision_function(X)
        return np.column_stack([-np.logaddexp(0.0, z), -np.logaddexp(0.0, -z)])

    def predict(self, X: Any) -> NDArray[Any]:
        """The likelier class of each row (n_samples,): classes_[1] where z > 0."""
        z = self.decision_function(X)
        return self.classes_[(z > 0.0).astype(np.intp)]

    def to_sklearn(self) -> Any:
        """A fitted `sklearn.linear_model.LogisticRegression` with the same coefficients, and C,
        class_weight, fit_intercept and max_iter as here; it knows no standardize, so a new fit of
        it would differ with that."""
        from sklearn.linear_model import LogisticRegression as Peer

        check_is_fitted(self)
        peer = Peer(
            C=self.C,
            class_weight=self.class_weight,
            fit_intercept=self.fit_intercept,
            max_iter=self.max_iter,
        )
        _take_over(self, peer)
        peer.n_iter_ = np.array([self.n_iter_], dtype=np.int32)
        return peer

    @classmethod
    def from_sklearn(cls, model: Any) -> LogisticRegression:
        """The same from a fitted binary `sklearn.linear_model.LogisticRegression`; ValueError for
        more classes."""
        check_is_fitted(model)
        if len(model.classes_) != 2:
            raise ValueError(
                f"Only binary classification is supported. The model knows {len(model.classes_)} "
                "classes: "
                f"{listed(model.classes_)}"
            )
        C = np.inf if model.get_params().get("penalty", "l2") is None else model.C
        new = cls(
            C,
            class_weight=model.class_weight,
            fit_intercept=model.fit_intercept,
            max_iter=model.max_iter,
        )
        _take_over(model, new)
        new.n_iter_ = int(np.max(model.n_iter_))
        return new

    def _options(self) -> Options:
        """Check the parameters that say how a run goes."""
        return Options.checked(
            self.solver,
            self.max_iter,
            iterations_name="max_iter",
            tol=check_number("tol", self.tol, low=0),
            max_seconds=self.max_seconds,
            callback=self.callback,
            checkpoint=Checkpoint.of(
                self.checkpoint, self.checkpoint_every, self.resume, bool(self.warm_start)
            ),
        )

    def _lambda(self) -> float:
        if isinstance(self.C, (float, np.floating)) and np.isposinf(self.C):
            return 0.0
        return 1.0 / check_number("C", self.C, positive=True)

    def _threads(self) -> int | None:
        return (
            None
            if self.n_threads is None
            else int(check_number("n_threads", self.n_threads, low=1, integer=True))
        )

    def _start(self, design: Design) -> tuple[Vector, float]:
        """Zeros, or what gives coef_ and intercept_ once scale and shift are folded in."""
        if not self.warm_start or getattr(self, "coef_", NONE).shape != (1, design.n_x):
            return np.zeros(design.n_x), 0.0
        w = self.coef_[0] / design.scale
        return w, float(self.intercept_[0]) - inner(design.shift, w)

    def _score_blocks(self, X: Any) -> Iterator[tuple[slice, Vector]]:
        """z of X, block by block; of `RowBlocks` and of a sparse X, whose slices are copies, in one
        read."""
        threads, m = self._threads(), rows_of(X)
        w, b = np.ascontiguousarray(self.coef_[0], dtype=np.float64), float(self.intercept_[0])
        whole = isinstance(X, RowBlocks) or is_sparse(X)
        for lo in range(0, m, m if whole else _ROWS):
            x = X if whole else X[lo : lo + _ROWS]
            count = m if whole else len(x)
            z = Objective(_design_of(x), np.zeros(count, np.uint8), n_threads=threads).scores(w, b)
            if not np.isfinite(z).all():
                _require_finite(X, getattr(self, "feature_names_in_", None))
            yield slice(lo, lo + count), z


def _design_of(X: Any) -> Design:
    """X as the estimator is given it (n_samples, n_features), or `RowBlocks`, which stand for
    either way."""
    return design_of(X if isinstance(X, RowBlocks) else X.T)


def _standardised(objective: Objective) -> Design:
    """X with scale and shift to mean 0 (given an intercept, which takes it up) and variance 1;
    constant columns keep scale 1. Two reads of X."""
    n_x, mean = objective.n_x, objective.mean()
    centred = objective.on(objective.design.rescaled(np.ones(n_x), -mean))
    deviation = np.sqrt(centred.squares(objective.weight_of_each) / objective.total)
    deviation[~(deviation > 1e-12 * np.abs(mean))] = 1.0  # constant up to the rounding of the mean
    return objective.design.rescaled(
        1.0 / deviation, -mean / deviation if objective.intercept else np.zeros(n_x)
    )


def _require_finite(X: Any, names: Any) -> None:
    """ValueError with the row and column of the first NaN or infinity, in scikit-learn's words;
    nothing if all is finite."""
    found = _design_of(X).find_non_finite()
    if found is None:
        return
    row, column, value = found
    what = "NaN" if np.isnan(value) else "infinity"
    name = f" ({names[column]!r})" if names is not None else ""
    raise ValueError(
        f"Input X contains {what}: in row {row}, column {column}{name}, counted from 0. "
        "LogisticRegression accepts finite "
        "numbers only: remove or impute such values first, for instance with "
        "sklearn.impute.SimpleImputer"
    )


def _take_over(old: Any, new: Any) -> None:
    """The fitted attributes that our estimator and scikit-learn's share."""
    new.classes_, new.n_features_in_ = old.classes_, old.n_features_in_
    new.coef_, new.intercept_ = (
        old.coef_.copy(),
        np.array(old.intercept_, dtype=np.float64).reshape(1),
    )
    if hasattr(old, "feature_names_in_"):
        new.feature_names_in_ = old.feature_names_in_
