"""Logistic regression with C chosen by cross-validation.

The full fit and every fold advance together along C in shared reads of X: of two classes a column
each (`training.follow`), of several each at its own pace (`training.class_paths`). The held-out
log-loss comes with the reads that the fits need; other scores take one read more.

With L1, bounds, weights of features, groups or an offset: `estimators.penalised_cv`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
except ModuleNotFoundError as error:
    raise ImportError(
        "fastlogreg.LogisticRegressionCV needs scikit-learn 1.6 or later, which is not installed: "
        'pip install "fastlogreg[sklearn]". fastlogreg.path works without it'
    ) from error

from ..backends.base import NO_GROUP
from ..checks.arguments import check_choice, check_number
from ..checks.labels import labels_and_weights, listed
from ..checks.penalties import asked_for
from ..data.matrix_like import MatrixLike
from ..data.row_blocks import RowBlocks
from ..maths import logistic
from ..training.folds import Splits, patterns_of
from ..training.leave_one_out import leave_one_out, scores_without_each
from ..training.paths import Ways
from .cross_validation import (
    Asked,
    FollowedFolds,
    Problem,
    check_Cs,
    class_factors,
    held_out_probabilities,
    scores_by_scorer,
)
from .cv_choice import (
    chosen,
    keep_choice,
    means_and_errors,
    warn_of_short,
    warn_of_what_is_left_out,
)
from .fitted import interrupts_passed_on
from .input import checked, require_finite
from .other_names import OtherNames
from .penalised_cv import check_l1_ratios, follow_penalised
from .plain_cv import follow_columns, follow_several, follow_two
from .predictions import Predictions
from .progress import counting_bar
from .reporting import Reporting
from .splitting import ALO, splits_of

RULES = ("best", "1se")


class LogisticRegressionCV(
    OtherNames,
    Reporting,
    Predictions,
    ClassifierMixin,  # type: ignore[misc]
    BaseEstimator,  # type: ignore[misc]
):
    """Fit logistic regression with C chosen by cross-validation, every fit to its optimum.

    Two classes are the lectures' sigmoid: all folds and the full fit read X together, and ten Cs
    and five folds take some forty reads of X. More classes are softmax: there, too, folds and full
    fit read X together, as many of them as memory allows.

    Parameters
    ----------
    Cs : int or array of shape (n_Cs,), default=10
        The inverse strengths of the penalty to choose from, or how many of them to take from 1e-4
        to 1e4, evenly on a logarithmic scale. With an l1_ratio above 0 they begin where the first
        feature moves at the smallest such l1_ratio, and end at 1e4 times that.
    cv : int, splitter, iterable or "alo", default=5
        An int: so many stratified folds, as scikit-learn's. A splitter of scikit-learn, or pairs
        (rows to train on, rows to test on), which may overlap. "alo": each row left out once,
        approximately, for one fit at each C; it is for two classes.
    scoring : str, callable or None, default=None
        None: the negative log-loss, from the reads of the fits. Else a scorer of scikit-learn, by
        its name or as such; higher is better. Its "neg_log_loss" is the same but for probabilities
        below 2e-16, which it takes to be that.
    rule : {"best", "1se"}, default="best"
        "best" takes the C and l1_ratio with the best mean score. "1se" takes, at that l1_ratio, the
        smallest C whose mean score is within one standard error of it.
    l1_ratios : sequence of floats, default=(0.0,)
        The shares of L1 to choose from, as `l1_ratio` of `LogisticRegression`.
    penalty_weights, bounds, feature_groups : default=None
        As in `LogisticRegression`.
    tol : float, default=1e-12
        Each fit stops when its cost is proved to be at most `tol` above the optimum, or when
        float64 cannot improve it. Scores are then within about sqrt(2 tol) of their limits.
    max_iter : int, default=1000
        Updates at most, for each fit.
    fit_intercept : bool, default=True
        Whether z has a b. It is never penalised.
    class_weight : dict, "balanced" or None, default=None
        As in `LogisticRegression`. "balanced" counts the classes in all rows. It weighs the fits,
        and not the scores.
    standardize : bool, default=False
        Fit on (X - mean) / standard deviation, of the rows that a fold trains on.
    n_threads : int or None, default=None
        Threads to use; None for every CPU that the process may use.
    verbose : int, default=0
        1 shows a progress bar, where rich is installed and stderr is a terminal.

    Attributes
    ----------
    C_ : ndarray of shape (1,), or (K,) for K classes
        The C that was chosen; of K classes K times the same one, as scikit-learn has it.
    Cs_ : ndarray of shape (n_Cs,)
        Those it was chosen from.
    l1_ratio_ : ndarray of shape (1,), or (K,) for K classes
        The share of L1 that was chosen; where `l1_ratios` was given. K times for K classes.
    l1_ratios_ : ndarray of shape (n_l1_ratios,)
        Those it was chosen from. Where they were given, `scores_`, `mean_scores_`,
        `score_errors_`, `n_iter_` and `bounds_` have them as a last axis, and `coefs_paths_` as
        the last but one.
    coef_ : ndarray of shape (1, n_features), or (K, n_features) for K classes
        The weights of the full fit at `C_`, of K classes a row for each.
    intercept_ : ndarray of shape (1,), or (K,) for K classes
        Its bias, of K classes one for each; their sum is 0.
    classes_ : ndarray of shape (K,)
        The labels, sorted.
    scores_ : dict
        `classes_[1]` -> array (n_folds, n_Cs), the score of each fold at each C. With cv="alo"
        there is one row. Of several classes each label has the same array.
    mean_scores_, score_errors_ : ndarray of shape (n_Cs,)
        Their mean over the folds, and its standard error.
    coefs_paths_ : dict
        `classes_[1]` -> array (n_folds, n_Cs, n_features + 1), w and b of each fold's fits; without
        b where there is no intercept. With cv="alo" the full fit's are the one row. Of several
        classes each label has its own.
    path_coef_, path_intercept_ : ndarray of shape (n_Cs, n_features) and (n_Cs,)
        w and b of the full fit at each C, for `fastlogreg.figures.paths.path`; at the l1_ratio
        that was chosen. Of K classes they are (n_Cs, K, n_features) and (n_Cs, K).
    n_iter_ : ndarray of shape (1, n_folds, n_Cs)
        Updates made.
    bounds_ : ndarray of shape (1 + n_folds, n_Cs)
        A proved upper bound on the cost of each fit above its optimum, the full fit first. It is
        infinite for C = infinity without L1, bounds or an offset.
    best_index_, one_se_index_ : int
        The places in `Cs_` that the two rules choose.
    held_out_proba_ : ndarray of shape (n_samples, K)
        At `C_`, the probabilities of each row by the fits that did not train on it; NaN for a row
        that no split holds out, the mean over the splits that do.
    reads_ : int
        Reads of X in all.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the columns, where X had names.

    Warns
    -----
    TrainingWarning
        Where a fit has not reached `tol`, naming C.

    Notes
    -----
    Ctrl-C keeps the Cs that are done by the full fit and every fold: the attributes are of these,
    with a `TrainingWarning`. Then KeyboardInterrupt is raised, as by `LogisticRegression`; at once
    where no C is done, and at a second Ctrl-C.

    References
    ----------
    T. Hastie, R. Tibshirani and J. Friedman, "The Elements of Statistical Learning", 7.10, for both
    rules; K. R. Rad and A. Maleki, 2020, for cv="alo".

    Examples
    --------
    >>> import numpy as np
    >>> import fastlogreg as flr
    >>> X = np.random.default_rng(0).standard_normal((200, 3))
    >>> y = X[:, 0] > 0.3
    >>> model = flr.LogisticRegressionCV(Cs=[0.01, 1.0, 100.0]).fit(X, y)
    >>> model.C_
    array([100.])
    >>> model.scores_[True].shape
    (5, 3)
    """

    def __init__(
        self,
        Cs: int | ArrayLike = 10,
        *,
        cv: Any = 5,
        scoring: Any = None,
        rule: Literal["best", "1se"] = "best",
        l1_ratios: Sequence[float] | ArrayLike = (0.0,),
        penalty_weights: ArrayLike | None = None,
        bounds: tuple[Any, Any] | None = None,
        feature_groups: Any = None,
        tol: float = 1e-12,
        max_iter: int = 1000,
        fit_intercept: bool = True,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        standardize: bool = False,
        n_threads: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.Cs = Cs
        self.cv = cv
        self.scoring = scoring
        self.rule = rule
        self.l1_ratios = l1_ratios
        self.penalty_weights = penalty_weights
        self.bounds = bounds
        self.feature_groups = feature_groups
        self.tol = tol
        self.max_iter = max_iter
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.standardize = standardize
        self.n_threads = n_threads
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
        groups: ArrayLike | None = None,
        offset: ArrayLike | None = None,
    ) -> LogisticRegressionCV:
        """Fit to examples and their labels, at the C that cross-validation chooses.

        Parameters
        ----------
        X : array, data frame, sparse matrix or RowBlocks of shape (n_samples, n_features)
            The examples, in rows, as for `LogisticRegression`.
        y : array of shape (n_samples,)
            Labels of two classes or more.
        sample_weight : array of shape (n_samples,) or None, default=None
            A weight of k counts a row k times, in fits and scores.
        groups : array of shape (n_samples,) or None, default=None
            For splitters that keep groups of rows together.
        offset : array of shape (n_samples,) or None, default=None
            A part of z that is known, in fits and scores, of two classes. `predict` does not know
            it.

        Returns
        -------
        LogisticRegressionCV
            This estimator, fitted.

        Raises
        ------
        ValueError or TypeError
            As `LogisticRegression.fit`; for Cs that are not above 0; where cv is larger than the
            smallest class, has a split with an empty part (naming it), or one that trains without
            a class; for cv="alo" with more than two classes, L1, bounds or an offset.
        KeyboardInterrupt
            At Ctrl-C; what is kept before is in the notes of the class.
        """
        asked = self._checked()
        X, y = checked(self, X, y)
        rows = labels_and_weights(y, sample_weight, None)
        problem = Problem(X, np.asarray(y), rows, class_factors(self.class_weight, rows))
        by_alo = isinstance(self.cv, str) and self.cv == ALO
        why = self._penalised(asked, offset)
        if by_alo and (len(rows.classes) > 2 or why):
            raise ValueError(
                f'cv="{ALO}" is for two classes; y holds {len(rows.classes)}: '
                f"{listed(rows.classes)}. Use a number of folds, cv=5 for instance, or a splitter"
                if len(rows.classes) > 2
                else f'cv="{ALO}" is for a penalty that is L2 alone; got {why}. Use a number of '
                "folds, cv=5 for instance, or a splitter"
            )
        try:
            with interrupts_passed_on():
                if by_alo:
                    self._fit_alo(problem, asked)
                else:
                    self._fit_folds(problem, asked, groups, offset, bool(why))
        except ValueError:
            require_finite(X, getattr(self, "feature_names_in_", None))
            raise
        return self

    def _fit_folds(
        self, problem: Problem, asked: Asked, groups: Any, offset: Any, penalised: bool
    ) -> None:
        """Follow the full fit and every split along C, and choose by the held-out scores."""
        X, y, rows, _ = problem
        given = np.zeros((len(y), 1)) if isinstance(X, RowBlocks) else X
        splits = splits_of(self.cv, given, y, groups, rows.weight)
        if penalised:
            followed = self._follow_penalised(problem, splits, asked, offset)
        elif len(rows.classes) == 2:
            followed = follow_two(self, problem, splits, asked)
        else:
            followed = follow_several(self, problem, splits, asked)
        warn_of_what_is_left_out(followed.Cs, followed.fits, asked)
        more = 0
        if self.scoring is None:
            scores = [
                -np.array([[fit.held for fit in at[1:]] for at in fits]).T for fits in followed.fits
            ]
        else:
            scores, more = scores_by_scorer(self.scoring, problem, followed)
        choice = chosen(followed.Cs, scores, *means_and_errors(scores))
        of_folds = [[[*at[1:]] for at in fits] for fits in followed.fits]
        ratios = None if asked.ratios == [0.0] else asked.ratios[: len(followed.fits)]
        keep_choice(self, rows.classes, followed.Cs, followed.fits, of_folds, choice, ratios)
        at_chosen = of_folds[choice.ratio][choice.place(self.rule)]
        self.held_out_proba_ = held_out_probabilities(followed, at_chosen)
        self.reads_ = followed.reads + more + 1

    def _follow_penalised(
        self, problem: Problem, splits: Any, asked: Asked, offset: Any
    ) -> FollowedFolds:
        total = len(asked.Cs) * len(asked.ratios)
        with counting_bar(self.verbose, total, "C and l1_ratio, all folds each") as said:
            followed = follow_penalised(self, problem, splits, asked, offset, said)
        for fits, ratio in zip(followed.fits, asked.ratios):
            warn_of_short(followed.Cs, fits, asked.tol, f"l1_ratio = {ratio:g} and ")
        return followed

    def _fit_alo(self, problem: Problem, asked: Asked) -> None:
        """Follow the full fit along C, and choose by leaving each row out approximately."""
        if self.scoring is not None:
            raise ValueError(
                f'scoring must be None, the log-loss, with cv="{ALO}"; got {self.scoring!r}. Use '
                "folds for other scores"
            )
        rows = problem.rows
        labels = rows.codes.astype(np.int32)
        weighed = self.class_weight is not None
        shared = problem.shared(
            labels if weighed else NO_GROUP, asked.n_threads, bool(self.fit_intercept)
        )
        nothing = Splits(labels, np.empty((0, 2)), np.empty((0, 2)), np.array([0, 1], np.int32), [])
        totals = np.bincount(labels, rows.weight if rows.weight.size else None, minlength=2)
        (pattern,) = patterns_of(nothing, totals.astype(np.float64), problem.factors)
        if not weighed:
            pattern = pattern._replace(train=np.ones(1), held=np.zeros(1))
        ways = Ways(shared, [pattern], bool(self.standardize))
        Cs, fits, patterns = follow_columns(self, ways, problem, asked)
        warn_of_what_is_left_out(Cs, [fits], asked)
        lambdas = problem.lambdas(Cs)
        first = [at[0] for at in fits]
        found = leave_one_out(shared, patterns[0], lambdas, first)
        choice = chosen(Cs, [-found.loss[None, :]], [-found.loss], [found.error])
        keep_choice(self, rows.classes, Cs, [fits], [fits], choice, None)
        k = choice.place(self.rule)
        z = scores_without_each(shared, patterns[0], float(lambdas[k]), first[k])
        self.held_out_proba_ = np.column_stack([logistic.sigmoid(-z), logistic.sigmoid(z)])
        self.reads_ = shared.passes

    def _penalised(self, asked: Asked, offset: Any) -> str:
        """Return which arguments are for a penalty that is not L2 alone, or "" for none."""
        return asked_for(
            0.0 if asked.ratios == [0.0] else 1.0,
            self.penalty_weights,
            self.bounds,
            self.feature_groups,
            offset,
        ).replace("l1_ratio", "l1_ratios")

    def _checked(self) -> Asked:
        """Check the parameters."""
        check_choice("rule", self.rule, RULES)
        tol = check_number("tol", self.tol, low=0)
        max_iter = int(check_number("max_iter", self.max_iter, low=1, integer=True))
        by_number = isinstance(self.Cs, (int, np.integer))
        ratios = check_l1_ratios(self.l1_ratios)
        return Asked(check_Cs(self.Cs), by_number, ratios, tol, max_iter, self._threads())
