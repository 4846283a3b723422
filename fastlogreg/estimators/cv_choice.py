"""What a cross-validation chooses from its scores, and what the estimator keeps of it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..machine.callers import stack_level
from ..maths.arrays import Vector
from ..solvers.result import TrainingWarning
from ..training.watch import warn_of_interruption
from .cross_validation import Asked, Fits, rows_of_fit
from .fitted import forget


class Choice(NamedTuple):
    """Hold the scores of each l1_ratio, and the places that the two rules choose.

    scores (n_folds, n_Cs), their mean and its error (n_Cs,): a list over the l1_ratios. ratio: the
    place of the best l1_ratio; best, one_se: of C there.
    """

    scores: Sequence[Vector]
    means: Sequence[Vector]
    errors: Sequence[Vector]
    ratio: int
    best: int
    one_se: int

    def place(self, rule: str) -> int:
        """Return the place of the C that a rule chooses."""
        return self.best if rule == "best" else self.one_se


def chosen(
    Cs: Vector, scores: Sequence[Vector], means: Sequence[Vector], errors: Sequence[Vector]
) -> Choice:
    """Choose by the best mean score; of equal ones the first l1_ratio, and there the first C."""
    ratio = int(np.argmax([mean.max() for mean in means]))
    mean = means[ratio]
    best = int(np.argmax(mean))
    within = np.flatnonzero(mean >= mean[best] - errors[ratio][best])
    return Choice(scores, means, errors, ratio, best, int(within[np.argmin(Cs[within])]))


def means_and_errors(scores: Sequence[Vector]) -> tuple[list[Vector], list[Vector]]:
    """Return the mean over the folds, and its standard error: 0 of a single fold."""
    folds = len(scores[0])
    errors = [np.zeros(each.shape[1]) for each in scores]
    if folds > 1:
        errors = [each.std(axis=0, ddof=1) / np.sqrt(folds) for each in scores]
    return [each.mean(axis=0) for each in scores], errors


def keep_choice(
    estimator: Any,
    classes: NDArray[Any],
    Cs: Vector,
    fits: Sequence[Fits],
    of_folds: Sequence[Fits],
    choice: Choice,
    ratios: Sequence[float] | None,
) -> None:
    """Set the fitted attributes of a `LogisticRegressionCV`.

    fits: of each l1_ratio and C. of_folds: those of them that were scored. ratios: the l1_ratios,
    None where they were not asked for; then no array has an axis of them.
    """
    estimator.classes_, estimator.Cs_ = classes, Cs
    # Of two classes the second one stands for both.
    own = classes[1:] if len(classes) == 2 else classes
    labels = [one.item() if isinstance(one, np.generic) else one for one in own]

    def joined(arrays: Sequence[Any], axis: int = -1) -> Any:
        return arrays[0] if ratios is None else np.stack(arrays, axis)

    estimator.scores_ = {label: joined(choice.scores).copy() for label in labels}
    estimator.mean_scores_ = joined(choice.means)
    estimator.score_errors_ = joined(choice.errors)
    estimator.best_index_, estimator.one_se_index_ = choice.best, choice.one_se
    folds = range(len(of_folds[0][0]))
    paths = joined([_coefficients(each, estimator.fit_intercept) for each in of_folds], 2)
    estimator.coefs_paths_ = {label: paths[..., r, :].copy() for r, label in enumerate(labels)}
    estimator.n_iter_ = joined(
        [
            np.array([[[at[f].iterations for at in each] for f in folds]], np.int32)
            for each in of_folds
        ]
    )
    estimator.bounds_ = joined(
        [np.array([[fit.bound for fit in at] for at in each]).T for each in fits]
    )
    full, k = fits[choice.ratio], choice.place(estimator.rule)
    estimator.path_coef_ = np.array([at[0].w for at in full])
    estimator.path_intercept_ = np.array([at[0].b for at in full])
    estimator.C_ = np.repeat(Cs[k], len(labels))
    coef, intercept = rows_of_fit(full[k][0])
    estimator.coef_, estimator.intercept_ = coef.copy(), intercept.copy()
    forget(estimator, "l1_ratio_", "l1_ratios_")
    if ratios is not None:
        estimator.l1_ratios_ = np.array(ratios)
        estimator.l1_ratio_ = np.repeat(estimator.l1_ratios_[choice.ratio], len(labels))


def _coefficients(of_folds: Fits, intercept: bool) -> Vector:
    """Return w and b of each fold, C and class: (n_folds, n_Cs, classes, n_features + 1)."""
    folds = range(len(of_folds[0]))
    paths = np.array([[np.column_stack(rows_of_fit(at[f])) for at in of_folds] for f in folds])
    return paths if intercept else paths[..., :-1]


def warn_of_what_is_left_out(Cs: Vector, fits: Sequence[Fits], asked: Asked) -> None:
    """Warn where Ctrl-C came before some of what was asked for; fits: of each l1_ratio."""
    done = [
        f"{some} of {wanted} {what}"
        for some, wanted, what in (
            (len(Cs), len(asked.Cs), "Cs"),
            (len(fits), len(asked.ratios), "l1_ratios"),
        )
        if some < wanted
    ]
    if done:
        warn_of_interruption(" and ".join(done), "the choice is from these")


def warn_of_short(Cs: Vector, fits: Fits, tol: float, where: str = "") -> None:
    """Warn of the Cs at which a fit has not reached tol; where: the l1_ratio, in words."""
    short = [C for C, at in zip(Cs.tolist(), fits) if not all(f.reached for f in at)]
    if short:
        warnings.warn(
            f"tol = {tol:g} was not reached by every fit at {where}C = "
            f"{', '.join(f'{C:.3g}' for C in short[:5])}{', ...' if len(short) > 5 else ''}. "
            "Allow more iterations with max_iter, use standardize=True, or a larger tol",
            TrainingWarning,
            stacklevel=stack_level(),
        )
