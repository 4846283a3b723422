"""Folds along C for each l1_ratio, with bounds, weights of features, groups and an offset, too.

For each l1_ratio the full fit and every fold advance together along C, a column each, in shared
reads of X (`training.penalised_paths`). Of several classes they follow C one after the other. C is
the same for the full fit and the folds, as scikit-learn has it.

Ctrl-C keeps the l1_ratios that are done, or of the first one the Cs that are.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..checks.arguments import check_number
from ..checks.penalties import SEVERAL, Penalties, check_offset, check_penalties
from ..maths.arrays import NONE, Vector
from ..objective.column_moments import rescalings
from ..objective.penalised import PenalisedColumns
from ..solvers.state import Stopped
from ..training.class_paths import folds_of_classes
from ..training.folds import grouped, patterns_of
from ..training.follow import Fit, Pattern
from ..training.penalised_class_paths import PenalisedClassFollower, follow_penalised_classes
from ..training.penalised_paths import follower_of
from ..training.watch import ctrl_c_ends_reads
from .cross_validation import Asked, FollowedFolds, Problem, done_of
from .input import rows_design

WEAKEST = 1e4  # times the C at which the first feature moves


def check_l1_ratios(l1_ratios: Any) -> list[float]:
    """Return the shares of L1 to choose from."""
    given = np.asarray(l1_ratios)
    if given.ndim != 1 or given.size == 0 or given.dtype.kind not in "iuf":
        raise ValueError(
            "l1_ratios must be a sequence of numbers from 0 to 1, at least one, for instance "
            f"(0.5, 1.0); got {l1_ratios!r}"
        )
    for k, ratio in enumerate(given.tolist()):
        if check_number(f"l1_ratios[{k}]", ratio, low=0) > 1.0:
            raise ValueError(
                f"l1_ratios[{k}] must be from 0, L2 alone, to 1, L1 alone; got {ratio:g}"
            )
    return [float(ratio) for ratio in given]


class _Given(NamedTuple):
    """Hold what was given beside C for each l1_ratio, checked, and the offset (m,) or none."""

    penalties: Sequence[Penalties]
    offset: Vector


def follow_penalised(
    estimator: Any,
    problem: Problem,
    splits: Any,
    asked: Asked,
    offset: Any,
    said: Callable[[int], object] | None,
) -> FollowedFolds:
    """Follow the full fit and every split along C, for one l1_ratio after the other.

    said: called with the number of fits at a C and an l1_ratio that are done.
    """
    names, classes = getattr(estimator, "feature_names_in_", None), len(problem.rows.classes)
    own = estimator.penalty_weights, estimator.bounds, estimator.feature_groups
    n_x, m = estimator.n_features_in_, len(problem.y)
    given = NONE
    if offset is not None:
        given = check_offset(offset, m, flat=True)
        if classes > 2:
            raise ValueError(SEVERAL.format(K=classes))
    checked = [check_penalties(ratio, *own, n_x, flat=True, names=names) for ratio in asked.ratios]
    follow = _follow_two if classes == 2 else _follow_several
    return follow(estimator, problem, splits, asked, _Given(checked, given), said)


def _follow_two(
    estimator: Any,
    problem: Problem,
    splits: Any,
    asked: Asked,
    given: _Given,
    said: Callable[[int], object] | None,
) -> FollowedFolds:
    rows = problem.rows
    labels = rows.codes.astype(np.int32)
    groups = grouped(splits, labels)
    shared = PenalisedColumns(
        rows_design(problem.X),
        labels,
        groups.group,
        rows.weight,
        n_threads=asked.n_threads,
        intercept=bool(estimator.fit_intercept),
        offset=given.offset,
    )
    patterns: Sequence[Pattern] = patterns_of(groups, shared.group_totals(), problem.factors)
    fits: list[list[list[Fit]]] = []
    with ctrl_c_ends_reads(shared):
        if estimator.standardize:
            scales = rescalings(shared, [pattern.train for pattern in patterns])
            patterns = [p._replace(scale=s.scale, shift=s.shift) for p, s in zip(patterns, scales)]
        followers = [
            follower_of(shared, patterns, one, False, asked.tol, asked.max_iter)
            for one in given.penalties
        ]
        Cs = _Cs(asked, problem, [follower.null.strength for follower in followers])
        lambdas, done = problem.lambdas(Cs), itertools.count(1)
        order = np.argsort(-lambdas, kind="stable")
        with suppress(Stopped):
            for follower in followers:
                fits.append([[] for _ in Cs])
                for place, found in zip(order.tolist(), follower.along(lambdas[order])):
                    fits[-1][place] = found
                    if said is not None:
                        said(next(done))
        Cs, fits = _whole(Cs, fits)
    return FollowedFolds(fits, groups.tests, shared.design, shared.passes, Cs, given.offset)


def _whole(Cs: Vector, fits: list[list[list[Any]]]) -> tuple[Vector, list[list[list[Any]]]]:
    """Return the l1_ratios that have fits at every C; if not even the first has, its Cs that do.

    `Stopped` where there are none.
    """
    whole = [at for at in fits if all(at)]
    if whole:
        return Cs, whole
    Cs, first = done_of(Cs, fits[0] if fits else [])
    if not first:
        raise Stopped("interrupted")
    return Cs, [first]


def _follow_several(
    estimator: Any,
    problem: Problem,
    splits: Any,
    asked: Asked,
    given: _Given,
    said: Callable[[int], object] | None,
) -> FollowedFolds:
    ways = problem.of_classes(
        asked.n_threads, bool(estimator.fit_intercept), bool(estimator.standardize)
    )
    folds = folds_of_classes(ways, splits, problem.rows.classes.tolist())
    fits: list[list[list[Any]]] = []
    reads = 0
    with ctrl_c_ends_reads() as watch:
        ways = ways._replace(watch=watch)
        follower = partial(PenalisedClassFollower, ways)
        goal = asked.tol, asked.max_iter
        leads = [follower(None, one, *goal) for one in given.penalties]
        Cs = _Cs(asked, problem, [lead.strength for lead in leads])
        with suppress(Stopped):
            for done, (lead, checked) in enumerate(zip(leads, given.penalties), 1):
                # A fold's z are made where its turn comes.
                own = (follower(fold, checked, *goal) for fold in folds)
                every = itertools.chain([lead], own)
                found = follow_penalised_classes(every, 1 + len(folds), problem.lambdas(Cs))
                fits.append(found.fits)
                reads += found.reads
                if said is not None:
                    said(done * len(Cs))
        Cs, fits = _whole(Cs, fits)
    return FollowedFolds(fits, [fold.test for fold in folds], ways.design, reads, Cs)


def _Cs(asked: Asked, problem: Problem, strengths: Sequence[float]) -> Vector:
    """Return the Cs as given; or so many from where the first feature moves at any l1_ratio.

    strengths: the lambda of each l1_ratio where the first feature moves.
    """
    count, ratios = len(asked.Cs), list(asked.ratios)
    if not asked.by_number or not max(ratios) > 0.0:
        return asked.Cs
    least = min(ratio for ratio in ratios if ratio > 0.0)
    strength = float(np.ldexp(strengths[ratios.index(least)], problem.rows.exponent))
    if not strength > 0.0:
        raise ValueError(
            "Cs must be a sequence of numbers where L1 holds no feature at 0, or none moves at "
            f"all; got a number, {count}"
        )
    return np.asarray(np.logspace(0.0, np.log10(WEAKEST), count) / strength)
