"""What is known of a fitted model: its summary, and the comparison of two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike

from ..checks.arguments import check_choice, check_number, require_here
from ..checks.bias_reduction import KINDS, require_two_classes
from ..checks.classes import check_labels
from ..checks.penalties import check_offset, require_no_offset
from ..checks.targets import check_targets, check_weights
from ..data.inputs import design_of
from ..data.matrix_like import MatrixLike
from ..inference.class_summarise import check_classes_how, summarise_classes
from ..inference.class_summary import ClassSummary
from ..inference.fitted import Fitted, How, require_no_reference
from ..inference.hypotheses import ModelComparison, compared
from ..inference.summarise import summarise
from ..inference.summarise_reduced import summarise_reduced
from ..inference.summary import Summary
from ..maths.arrays import NONE
from ..solvers.result import SoftmaxResult, TrainingResult


@overload
def summary(  # type: ignore[overload-overlap]  # a SoftmaxResult is a TrainingResult
    result: SoftmaxResult,
    X: MatrixLike,
    Y: ArrayLike,
    *,
    lambda_: float = ...,
    weights: ArrayLike | None = ...,
    scale: Any = ...,
    shift: Any = ...,
    covariance: str = ...,
    interval: str = ...,
    level: float = ...,
    names: Sequence[str] | None = ...,
    n_threads: int | None = ...,
    reference: int | None = ...,
) -> ClassSummary: ...


@overload
def summary(
    result: TrainingResult,
    X: MatrixLike,
    Y: ArrayLike,
    *,
    lambda_: float = ...,
    weights: ArrayLike | None = ...,
    offset: ArrayLike | None = ...,
    scale: Any = ...,
    shift: Any = ...,
    covariance: str = ...,
    groups: ArrayLike | None = ...,
    interval: str = ...,
    level: float = ...,
    names: Sequence[str] | None = ...,
    n_threads: int | None = ...,
    reference: None = ...,
    bias_reduction: str | None = ...,
) -> Summary: ...


def summary(
    result: TrainingResult,
    X: MatrixLike,
    Y: ArrayLike,
    *,
    lambda_: float = 0.0,
    weights: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    scale: Any = 1.0,
    shift: Any = 0.0,
    covariance: str = "hessian",
    groups: ArrayLike | None = None,
    interval: str = "wald",
    level: float = 0.95,
    names: Sequence[str] | None = None,
    n_threads: int | None = None,
    reference: int | None = None,
    bias_reduction: str | None = None,
) -> Summary | ClassSummary:
    """Return standard errors, tests, intervals and the quality of a fit by `train`.

    Parameters
    ----------
    result : TrainingResult
        What `train` returned.
    X, Y, lambda_, scale, shift
        As they were given to `train`. Y may hold probabilities for two classes.
    weights, offset : array of shape (1, m) or None, default=None
        As they were given to `train`.
    covariance : str, default="hessian"
        "hessian", "HC0", "HC1" (R), "HC1-stata", "HC2", "HC3", "cluster" (Stata, R) or
        "cluster-statsmodels". The summary says in words what each is.
    groups : array of shape (m,) or (1, m), or None, default=None
        The cluster of each example, for "cluster".
    interval : {"wald", "profile"}, default="wald"
        How intervals are made.
    level : float, default=0.95
        Of the intervals.
    names : sequence of str or None, default=None
        Names of the n_x features; None for x1, x2, ...
    n_threads : int or None, default=None
        Threads to use; None for every CPU that the process may use.
    reference : int or None, default=None
        Of K classes, the one that each other is compared with; None for class 0.
    bias_reduction : {"firth", "flic", "flac", "median"} or None, default=None
        As it was given to `train`. "hessian" is then brglm2's covariance, and "logistf" that of
        R's logistf; there are no others.

    Returns
    -------
    Summary, or ClassSummary for three classes or more
        Of scale * X + shift. For "hessian" it takes one read of X beyond the fit, two for "HC0",
        "HC1" and "cluster", three for "HC2" and "HC3"; more where nothing can be proved, and with
        an offset. Several classes have "hessian" and "wald" alone.

    Raises
    ------
    ValueError or TypeError
        As `train`; where X and Y are not those of the fit, groups have another length or are one
        cluster, and level is not between 0 and 1; for a reference that is no class.

    References
    ----------
    McCullagh & Nelder, Generalized Linear Models, 1989. Sandwiches: `fastlogreg.inference`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastlogreg as flr
    >>> X, Y = np.arange(8.0)[None, :], np.array([[0, 0, 1, 0, 1, 0, 1, 1]])
    >>> result = flr.train(X, Y, solver="auto", tol=1e-12)
    >>> flr.summary(result, X, Y, names=["dose"]).standard_errors.round(4)
    array([1.7329, 0.4322])
    """
    how = How(covariance, groups, interval, level)
    if bias_reduction is None:
        how = how.checked()
    else:
        check_choice("bias_reduction", bias_reduction, KINDS)
    require_here(X, "Fit fastlogreg.dask.LogisticRegression, and call its summary")
    design = design_of(X, scale, shift)
    n_x, m = design.n_x, design.m
    w = np.asarray(result.w, np.float64)
    if w.shape[0] != n_x:
        raise ValueError(
            f"X must have the {w.shape[0]} features of the fit, shape (n_x, m); got {n_x}"
        )
    K = w.shape[1]
    if K == 1:
        require_no_reference(reference)
    else:
        if bias_reduction is not None:
            require_two_classes(bias_reduction, K)
        check_classes_how(how, K)
        require_no_offset(offset, K)
    if n_threads is not None:
        n_threads = int(check_number("n_threads", n_threads, low=1, integer=True))
    s = check_weights(weights, m)
    strength = check_number("lambda_", lambda_, low=0)
    fitted = Fitted(
        design,
        check_targets(Y, m, s) if K == 1 else check_labels(Y, m, K, f"{K} classes", n_x=n_x),
        w,
        np.asarray(result.b, np.float64).reshape(-1),
        check_names(names, n_x),
        s,
        NONE if offset is None else check_offset(offset, m),
        np.full(n_x, strength) if strength else NONE,
        cost=result.cost,
        labels=("y = 0", "y = 1") if K == 1 else tuple(range(K)),
        n_threads=n_threads,
    )
    if K > 1:
        return summarise_classes(fitted, how, reference)
    if bias_reduction is not None:
        return summarise_reduced(fitted, how, bias_reduction, True)
    return summarise(fitted, how)


def compare_models(a: Any, b: Any) -> ModelComparison:
    """Test a model against a larger one that contains it, by the likelihood ratio.

    Parameters
    ----------
    a, b : Summary, ClassSummary, or a fitted estimator that still has its data
        Two models of the same examples, in either order. The names of one must be among those of
        the other.

    Returns
    -------
    ModelComparison
        statistic, df and p_value; AIC and BIC of both.

    Raises
    ------
    ValueError
        For models of other examples, that are not nested, of the same size, or with a penalty.

    References
    ----------
    Wilks, The large-sample distribution of the likelihood ratio, 1938.

    Examples
    --------
    >>> import numpy as np
    >>> import fastlogreg as flr
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(2, 50))
    >>> Y = (X[:1] + rng.normal(size=(1, 50)) > 0).astype(int)
    >>> summaries = []
    >>> for k in (1, 2):
    ...     result = flr.train(X[:k], Y, solver="auto", tol=1e-12)
    ...     summaries.append(flr.summary(result, X[:k], Y, names=["a", "b"][:k]))
    >>> flr.compare_models(*summaries).added
    ('b',)
    """
    return compared(*(_summary_of(each) for each in (a, b)))


def _summary_of(model: Any) -> Summary | ClassSummary:
    if isinstance(model, Summary | ClassSummary):
        return model
    if not hasattr(model, "summary"):
        raise TypeError(
            f"compare_models needs a Summary or a fitted estimator; got {type(model).__name__}"
        )
    found: Summary | ClassSummary = model.summary()
    return found


def check_names(names: Any, n_x: int) -> tuple[str, ...]:
    """Return n_x different names, x1, x2, ... by default."""
    if names is None:
        return tuple(f"x{j + 1}" for j in range(n_x))
    found = tuple(map(str, names))
    if len(found) != n_x or len({*found, "intercept"}) != n_x + 1:
        raise ValueError(
            f'names must be {n_x} different ones, and none of them "intercept"; got {len(found)}: '
            + ", ".join(found[:10])
        )
    return found
