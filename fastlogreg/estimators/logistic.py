"""Logistic regression as scikit-learn has it, on rows of examples and classes of any label.

    J(w, b) = (1/S) sum s L(a, y) + (1 / 2CS) ||w||^2,   s = sample_weight * class_weight, S = sum s

a is the lectures' sigmoid for two classes, and softmax for more. It is scikit-learn's objective
divided by C S: the same optimum. X is (n_samples, n_features) and is read where it lies, whatever
its dtype and order; NaN and infinity cost no read of their own, since they always reach z.
`standardize` is folded into w and b.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.exceptions import ConvergenceWarning
except ModuleNotFoundError as error:
    raise ImportError(
        "fastlogreg.LogisticRegression needs scikit-learn 1.6 or later, which is not installed: "
        'pip install "fastlogreg[sklearn]". fastlogreg.train and fastlogreg.predict work without it'
    ) from error

from ..checks.arguments import check_number
from ..checks.labels import labels_and_weights
from ..data.matrix_like import MatrixLike
from ..solvers.base import SolverName
from ..solvers.result import Progress, TrainingWarning
from ..training.checkpoint import Checkpoint
from ..training.options import Options
from . import sklearn_models
from .data_of_fit import keep_data
from .fitted import interrupts_passed_on
from .fitting import fit_rows
from .input import checked, require_finite
from .one_class import keep_one_class
from .other_names import OtherNames
from .partial_fit import require_a_stream_can_begin, take_batch
from .penalties import solver_for
from .predictions import Predictions
from .reporting import Reporting
from .summaries import Summaries

if TYPE_CHECKING:
    Method = TypeVar("Method", bound=Callable[..., Any])

    def available_if(check: Callable[[Any], bool]) -> Callable[[Method], Method]:
        """State the types of scikit-learn's decorator, which has none."""
else:
    from sklearn.utils.metaestimators import available_if

# Who filters scikit-learn's ConvergenceWarning means ours too. It cannot be one from the start:
# `fastlogreg.train` warns where scikit-learn is not installed.
if not issubclass(TrainingWarning, ConvergenceWarning):
    TrainingWarning.__bases__ = (*TrainingWarning.__bases__, ConvergenceWarning)


class LogisticRegression(
    OtherNames,
    Reporting,
    Predictions,
    Summaries,
    ClassifierMixin,  # type: ignore[misc]
    BaseEstimator,  # type: ignore[misc]
):
    """Fit logistic regression with an L2 or L1 penalty, to the optimum, with a certificate.

    Two classes are the lectures' sigmoid, more are softmax.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the penalty, as scikit-learn's: lambda = 1/C. Infinity for none.
    l1_ratio : float, default=0.0
        The share of L1: the penalty is 1/(CS) (l1_ratio ||w||_1 + (1 - l1_ratio)/2 ||w||^2), S
        being the sum of the weights. C and l1_ratio mean what scikit-learn's mean. glmnet's lambda
        is 1/(CS) and its alpha l1_ratio. With L1 some weights are exactly 0: `proved_zero_` tells
        which of them are 0 at the optimum for certain.
    penalty_weights : float, array of shape (n_features,) or None, default=None
        What the penalty of a feature is multiplied by: 0 leaves it free, infinity leaves it out.
        They are taken as they are; glmnet makes them sum to n_features.
    bounds : pair (lower, upper) or None, default=None
        What `coef_` may be: each a number, an array (n_features,), or None for no bound. (0, None)
        keeps every weight from being negative.
    feature_groups : dict, list, "classes" or None, default=None
        Features that are in or out together: groups of columns, by name or number. The L1 of a
        group is the length of its weights times the root of its size. "classes": the weights of a
        feature for all classes are a group.
    bias_reduction : {"firth", "flic", "flac", "median"} or None, default=None
        "firth" maximises l + 1/2 log|I|: finite also where labels are separated. It is for two
        classes and C = infinity. "flic" corrects b, "flac" all, so that the probabilities add up.
        `cost_` is then -(l + 1/2 log|I|) / S of Firth's estimate, and there is no bound. "median"
        makes each weight as often too large as too small; `cost_` is then -l / S.
    solver : {"auto", "newton", "lbfgs", "nesterov", "gd", "prox_newton"}, default="auto"
        "auto" chooses from the shape of X, and takes "prox_newton" for L1, penalty weights, bounds
        and an offset. "gd" and "nesterov" take the step 1/L.
    tol : float, default=1e-8
        The fit stops when `cost_` is proved to be at most `tol` above the optimum, or when float64
        cannot improve it. For C = infinity: when no component of the gradient is larger than
        `tol`. It means the same for every solver.
    max_iter : int, default=1000
        Updates at most.
    fit_intercept : bool, default=True
        Whether z has a b. It is never penalised.
    class_weight : dict, "balanced" or None, default=None
        "balanced" weighs a class with S / (K S of the class), K being how many classes there are.
        A dict holds label -> weight, 1 for a label that is left out.
    standardize : bool, default=False
        Fit on (X - mean) / standard deviation. The penalty acts there; `coef_` and `intercept_` are
        for X itself.
    device : {"cpu", "cuda"}, default="cpu"
        Where to compute. "cuda" needs the extra `cuda` and a GPU; X may lie there already, as an
        array of CuPy, PyTorch, JAX or Numba, and is not copied.
    warm_start : bool, default=False
        Begin from the last `coef_` and `intercept_`; b begins at 0 without `fit_intercept`.
    n_threads : int or None, default=None
        Threads to use; None for every CPU that the process may use. It changes no bit of the
        result.
    max_seconds : float or None, default=None
        Wall time at most, in seconds.
    callback : callable or None, default=None
        Called with a `Progress` about every 0.1 s and at the end. Returning True stops the fit.
    checkpoint : path or None, default=None
        A file to which the state of the fit is written every `checkpoint_every` seconds and at its
        end. One fit, one file.
    checkpoint_every : float, default=30.0
        Seconds between two writes of the checkpoint.
    resume : bool, default=False
        Go on from the checkpoint to the same bits, or begin where there is none yet, as in `train`.
    verbose : int, default=0
        1 shows a progress bar with the bound falling to `tol`, where rich is installed and stderr
        is a terminal.

    Attributes
    ----------
    coef_ : ndarray of shape (1, n_features), or (K, n_features) for K classes
        The weights w, of K classes a row for each; with L2 their sum is 0. They are float64 for an
        X of any dtype, float32 too: every sum is float64.
    intercept_ : ndarray of shape (1,), or (K,) for K classes
        The bias b, of K classes one for each; their sum is 0.
    classes_ : ndarray of shape (K,)
        The labels, sorted; of two the second one is y = 1 of the lectures.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the columns, where X had names.
    n_iter_ : ndarray of shape (1,)
        Updates made.
    costs_ : ndarray of shape (n_iter,)
        J before each update.
    cost_ : float
        J at the end.
    gradient_norm_ : float
        The largest absolute component of the gradient at the end.
    suboptimality_bound_ : float
        A proved upper bound on `cost_` - optimum; infinite where nothing is proved, for
        C = infinity more often.
    proved_zero_ : ndarray of shape (n_features,), or (K, n_features) for K classes
        Which weights are 0 at the optimum, proved by its distance; with solver "prox_newton" alone.
    stop_reason_ : str
        A key of `fastlogreg.solvers.result.STOP_REASONS`.
    history_ : ndarray of shape (k, 4)
        Passes over X, seconds without compiling, J and bound, for `figures.training.convergence`.

    Warns
    -----
    TrainingWarning
        Where the result is not what was asked for. The text names cause and remedy. It is a
        `sklearn.exceptions.ConvergenceWarning` as well.

    Notes
    -----
    With `standardize` the costs, norms and bounds are of the standardised problem.

    Ctrl-C during `fit` keeps what was found: the attributes are set, `stop_reason_` is
    "interrupted", the checkpoint is written, and a `TrainingWarning` says how far it came. Then
    `KeyboardInterrupt` is raised, so that a loop of fits or a search stops too. A second Ctrl-C
    stops at once and keeps nothing.

    References
    ----------
    The loss and its gradient: the lectures "Basics of Neural Network Programming". The bound:
    `fastlogreg.objective.objective`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastlogreg as flr
    >>> X, y = np.arange(6.0)[:, None], ["no", "yes", "no", "yes", "yes", "yes"]
    >>> model = flr.LogisticRegression(C=10.0).fit(X, y)
    >>> model.predict([[0.0], [5.0]])
    array(['no', 'yes'], dtype='<U3')
    >>> model.stop_reason_
    'converged'
    """

    def __init__(
        self,
        C: float = 1.0,
        *,
        l1_ratio: float = 0.0,
        penalty_weights: ArrayLike | None = None,
        bounds: tuple[Any, Any] | None = None,
        feature_groups: Any = None,
        bias_reduction: Literal["firth", "flic", "flac", "median"] | None = None,
        solver: SolverName = "auto",
        tol: float = 1e-8,
        max_iter: int = 1000,
        fit_intercept: bool = True,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        standardize: bool = False,
        device: Literal["cpu", "cuda"] = "cpu",
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
        self.l1_ratio = l1_ratio
        self.penalty_weights = penalty_weights
        self.bounds = bounds
        self.feature_groups = feature_groups
        self.bias_reduction = bias_reduction
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.standardize = standardize
        self.device = device
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
        tags.input_tags.sparse = True
        return tags

    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
    ) -> LogisticRegression:
        """Fit to examples and their labels.

        Parameters
        ----------
        X : array, data frame, sparse matrix or RowBlocks of shape (n_samples, n_features)
            The examples, in rows. A scipy.sparse CSR or CSC is read in place; of other formats
            scikit-learn makes a CSR. `RowBlocks` may be larger than memory.
        y : array of shape (n_samples,)
            Labels of two classes or more.
        sample_weight : array of shape (n_samples,) or None, default=None
            A weight of k counts a row k times. A row of weight 0 is gone.
        offset : array of shape (n_samples,) or None, default=None
            A part of z that is known, of two classes. It belongs to the rows of this fit:
            predictions take their own.

        Returns
        -------
        LogisticRegression
            This estimator, fitted.

        Raises
        ------
        ValueError or TypeError
            For parameters out of range, NaN or infinity in X (with row and column), masked entries,
            missing labels, weights that are negative or all zero, a checkpoint that is none or of
            another fit, and where y has one class alone. Where sample_weight leaves one class, the
            fit says it always, with a warning.
        KeyboardInterrupt
            After Ctrl-C, with the attributes set to what had been found.
        """
        data = X, y, sample_weight, offset
        begun, options = time.perf_counter(), self._options(solver_for(self, offset))
        with interrupts_passed_on():
            X, y = checked(self, X, y)
            plain = self.fit_intercept and self.bias_reduction is None
            rows = labels_and_weights(y, sample_weight, self.class_weight, plain)
            if rows.only >= 0:
                keep_one_class(self, X, rows)
                return self
            fit_rows(self, X, rows, offset, options, begun)
            keep_data(self, *data)
        return self

    @available_if(require_a_stream_can_begin)
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> LogisticRegression:
        """Learn from one more batch of a stream, each row of which is seen once; approximate.

        `fastlogreg.estimators.stream` says how. C, fit_intercept and a class_weight of numbers act
        as in `fit`; solver, tol and max_iter do not; there is no step size. Up to
        max(1000, 10 n_features) rows the result is the optimum of `fit`. Then its cost comes near
        that optimum as rows come. Rows should come in random order. A call of `fit` begins a new
        stream. With standardize or class_weight="balanced", which need all rows at once, there is
        no such method; nor with L1, penalty weights, bounds or groups.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            The batch, at most 2000 features wide; for more there is `fit` on `RowBlocks`. Of K
            classes, n_features + 1 must be at most 2000 / K.
        y : array of shape (n_samples,)
            Its labels.
        classes : array of shape (K,) or None, default=None
            All labels, needed in the first call.
        sample_weight : array of shape (n_samples,) or None, default=None
            A weight of k counts a row k times.

        Returns
        -------
        LogisticRegression
            This estimator, with new `coef_` and `intercept_`.

        Raises
        ------
        ValueError
            Where classes are missing, differ, or are fewer than two, for labels outside them, NaN
            or infinity in X, too many features, and a fit_intercept that is not the stream's.
        """
        with interrupts_passed_on():
            take_batch(self, X, y, classes, sample_weight, self._lambda(), require_finite)
        return self

    def to_sklearn(self) -> Any:
        """Return a fitted `sklearn.linear_model.LogisticRegression` with the same coefficients.

        It has C, l1_ratio, class_weight, fit_intercept and max_iter as here. It knows no
        standardize, penalty weights, bounds, groups or offset: a new fit of it would differ.
        """
        return sklearn_models.to_sklearn(self)

    @classmethod
    def from_sklearn(cls, model: Any) -> LogisticRegression:
        """Return a fitted estimator with the coefficients of scikit-learn's.

        Parameters
        ----------
        model : sklearn.linear_model.LogisticRegression
            A fitted model, of two classes or by softmax.

        Returns
        -------
        LogisticRegression
            With C, l1_ratio, class_weight, fit_intercept and max_iter of the model.

        Raises
        ------
        ValueError
            For a model of several classes that fitted each against the rest.
        """
        new: LogisticRegression = sklearn_models.from_sklearn(cls, model)
        return new

    def _options(self, solver: str) -> Options:
        """Check the parameters that say how a run goes."""
        return Options.checked(
            solver,
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
        if isinstance(self.C, (float, np.floating)) and float(self.C) == math.inf:
            return 0.0
        lambda_ = 1.0 / check_number("C", self.C, positive=True)
        if lambda_ == math.inf:
            raise ValueError(f"C must be above 5.6e-309, so that 1/C is finite; got {self.C!r}")
        return lambda_
