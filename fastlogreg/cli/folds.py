"""Cross-validation along lambda with L1 or bounds, for the command cv."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..objective.prepared import Extras

Array = NDArray[Any]
WEAKEST = 1e-4  # of the lambda at which the first feature moves


class Problem(NamedTuple):
    """Hold X (n_x, m), Y (1, m), and how to go about it; folds: None for leaving one out."""

    X: Any
    Y: Array
    labels: tuple[Any, ...]
    scale: float
    folds: int | None
    standardize: bool
    threads: int | None


class FollowedFolds(NamedTuple):
    """Hold the fits of each lambda, the full one first, the reads of X, and the lambdas.

    A lambda has no fits where Ctrl-C came before all of them were found.
    """

    fits: list[Any]
    reads: int
    lambdas: Array


def follow_folds(
    problem: Problem, extras: Extras, lambdas: Array, by_number: bool, tol: float
) -> FollowedFolds:
    """Follow the full fit and every fold along the lambdas, the strongest first.

    by_number: so many lambdas are taken from where the first feature moves.
    """
    from ..checks.penalties import check_penalties
    from ..data.inputs import design_of
    from ..estimators.splitting import splits_of

    codes, K = problem.Y[0].astype(np.int32), len(problem.labels)
    design = design_of(problem.X, problem.scale)
    checked = check_penalties(*extras[:4], design.n_x)
    splits = splits_of(problem.folds, np.zeros((len(codes), 1)), codes, None, np.empty(0))
    from ..training.watch import ctrl_c_ends_reads

    if K > 2:
        from ..training.class_paths import ClassWays, folds_of_classes
        from ..training.penalised_class_paths import (
            PenalisedClassFollower,
            follow_penalised_classes,
        )

        ways = ClassWays(
            design,
            codes,
            K,
            np.empty(0),
            np.ones(K),
            n_threads=problem.threads,
            standardize=problem.standardize,
        )
        folds = folds_of_classes(ways, splits, problem.labels)
        with ctrl_c_ends_reads() as watch:
            ways = ways._replace(watch=watch)
            lead, *others = (
                PenalisedClassFollower(ways, fold, checked, tol, 1000) for fold in (None, *folds)
            )
            lambdas = _lambdas(lambdas, by_number, lead.strength)
            found = follow_penalised_classes([lead, *others], 1 + len(folds), lambdas)
        return FollowedFolds(*found, lambdas)
    from ..objective.penalised import PenalisedColumns
    from ..solvers.state import Stopped
    from ..training.folds import grouped, patterns_of
    from ..training.penalised_paths import follower_of

    groups = grouped(splits, codes)
    shared = PenalisedColumns(design, codes, groups.group, n_threads=problem.threads)
    patterns = patterns_of(groups, shared.group_totals(), np.ones(2))
    with ctrl_c_ends_reads(shared):
        follower = follower_of(shared, patterns, checked, problem.standardize, tol, 1000)
        lambdas = _lambdas(lambdas, by_number, follower.null.strength)
        fits: list[Any] = [[] for _ in lambdas]
        try:
            for place in np.argsort(-lambdas, kind="stable").tolist():
                fits[place] = follower.at(float(lambdas[place]))
        except Stopped:
            if not any(fits):
                raise
    return FollowedFolds(fits, shared.passes, lambdas)


def _lambdas(lambdas: Array, by_number: bool, strength: float) -> Array:
    """Return the lambdas as given, or so many from where the first feature moves."""
    if not by_number:
        return lambdas
    if not strength > 0.0:
        raise ValueError("--lambdas must be a list where no feature moves at any of them")
    return np.asarray(strength * np.logspace(0.0, np.log10(WEAKEST), len(lambdas)))
