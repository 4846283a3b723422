"""The command cv: the score of each lambda on held-out examples, and the model that it chooses."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray

from ..checks.arguments import check_choice, check_number
from ..checks.extras import require
from ..files.writing import atomic_open
from ..models.model import Model
from . import options
from .choosing import print_features, read_penalty
from .folds import Problem, follow_folds
from .line import INTERRUPTED
from .outputs import check_plot, check_writable
from .reading import DataOptions, classes_of, describe, read_training
from .running import metrics_of
from .scores import score_lines

Array = NDArray[Any]
RULES, ALO = ("best", "1se"), "alo"


class Chosen(NamedTuple):
    """Hold the scores (folds, L), their mean and its error (L,), and the places of both rules."""

    scores: Array
    mean: Array
    error: Array
    best: int
    one_se: int


def cv(
    data: options.DataFile,
    x: options.X = None,
    y: options.Y = None,
    target: options.Target = None,
    header: options.Header = None,
    n_features: options.Features = None,
    positive: Annotated[
        str | None,
        typer.Option("--positive", help="Take this label against all the others together."),
    ] = None,
    lambdas: Annotated[
        str,
        typer.Option(
            "--lambdas",
            help="How many penalties to try, from 1e4 to 1e-4, with --l1-ratio from where the "
            "first feature moves; or a list: 10,1,0.1.",
        ),
    ] = "10",
    l1_ratio: options.L1Ratio = 0.0,
    bounds: options.Bounds = None,
    penalty_weights: options.PenaltyWeights = None,
    folds: Annotated[
        str,
        typer.Option("--folds", help='Folds, or "alo": each example left out, approximately.'),
    ] = "5",
    rule: Annotated[
        str,
        typer.Option(
            "--rule", help="best, or 1se: the largest lambda within one standard error of it."
        ),
    ] = "best",
    tol: Annotated[
        float, typer.Option("--tol", help="Each fit ends when its cost is proved so near.")
    ] = 1e-12,
    standardize: Annotated[
        bool, typer.Option("--standardize", help="Fit on features of mean 0 and variance 1.")
    ] = False,
    scale: Annotated[
        float | None,
        typer.Option(
            "--scale", help="X is multiplied by it; default: 1/255 for uint8 images, else 1."
        ),
    ] = None,
    threads: options.Threads = None,
    max_memory: options.MaxMemory = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the model to this file.")] = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", help="Write a figure of the scores to this .png, .pdf or .svg."),
    ] = None,
) -> int:
    """Choose lambda by cross-validation on DATA, for two labels or more."""
    from ..training.watch import interruptions, warn_of_interruption

    check_choice("--rule", rule, RULES)
    check_writable(out, data)
    check_plot(plot, data, out)
    given, penalty = _lambdas(lambdas), read_penalty(l1_ratio, bounds, penalty_weights)
    by_number = penalty.l1_ratio > 0.0 and lambdas.strip().isdigit()
    count = None if folds == ALO else _folds(folds)
    if count is None and penalty.asked:
        raise ValueError(f"--folds must be a number for {penalty.asked}; got {ALO!r}")
    if count is not None:
        require("sklearn", "sklearn", "cv with folds")
    source = DataOptions(x, y, target, header, n_features)
    training = read_training(data, source, max_memory)
    Y, labels = classes_of(training, positive)
    if len(labels) > 2 and count is None:
        raise ValueError(
            f"{training.path}: --folds {ALO} is for two labels; got {len(labels)}. Give a number "
            "of folds, or take one label against the others with --positive LABEL"
        )
    factor = describe(training, Y, labels, scale)
    if threads is not None:
        threads = int(check_number("--threads", threads, low=1, integer=True))
    problem = Problem(training.X, Y, labels, factor, count, standardize, threads)
    begun = time.perf_counter()
    with interruptions() as interrupted:
        if penalty.asked:
            names, n_x = training.feature_names, training.X.shape[0]
            extras = penalty.extras(names, n_x, training.table)
            followed = follow_folds(problem, extras, given, by_number, tol)
            validated = _by_folds(followed.fits, followed.lambdas, followed.reads)
        elif len(labels) == 2:
            validated = _validated(problem, given, tol)
        else:
            validated = _validated_classes(problem, given, tol)
    wanted, (given, chosen, found, reads) = len(given), validated
    if interrupted:
        warn_of_interruption(f"{len(given)} of {wanted} lambdas", "the choice is from these")
    seconds = time.perf_counter() - begun
    print(*_table(given, chosen), sep="\n")
    k = chosen.best if rule == "best" else chosen.one_se
    fit = found[k]
    print(
        f"{len(given)} lambdas x {1 + len(chosen.scores) * (count is not None)} fits in "
        f"{reads} reads of X, {seconds:.2f} s"
    )
    bound = f", at most {fit.bound:.3g} above the optimum" if np.isfinite(fit.bound) else ""
    print(f"lambda {given[k]:.6g} is chosen ({rule}): cost {fit.cost:.6f}{bound}")
    how: dict[str, Any] = {
        "lambda_": float(given[k]),
        "rule": rule,
        "folds": folds,
        "cost": fit.cost,
        **penalty.settings(),
    }
    w, b = (fit.w[:, None], fit.b) if len(labels) == 2 else (fit.w.T.copy(), fit.b[:, None])
    if penalty.l1_ratio:
        print_features(w, training.feature_names, None)
    if positive is not None:
        how["positive"] = labels[1]
    model = Model(w, b, factor, 0.0, labels, training.feature_names, training.image_shape, how)
    model = replace(model, table=training.table)
    print(*score_lines(metrics_of(model, training.X, Y), "train", labels), sep="\n")
    if out is not None:
        model.save(out)
        print(f"model written to {out}")
    if plot is not None:
        _save_figure(plot, given, chosen)
        print(f"figure written to {plot}")
    return INTERRUPTED if interrupted else 0


class Validated(NamedTuple):
    """Hold the lambdas that are done, their scores, the full fits there, and the reads of X."""

    lambdas: Array
    chosen: Chosen
    full: list[Any]
    reads: int


def _by_folds(fits: list[Any], lambdas: Array, reads: int) -> Validated:
    """Score the lambdas that have fits."""
    there = [k for k, at in enumerate(fits) if at]
    done, own = [fits[k] for k in there], lambdas[there]
    return Validated(own, _choose(own, *_scores(done)), [at[0] for at in done], reads)


def _validated(problem: Problem, lambdas: Array, tol: float) -> Validated:
    """Follow all fits along lambda, and score them."""
    from ..backends.base import NO_GROUP
    from ..data.inputs import design_of
    from ..objective.columns import SharedColumns
    from ..training.folds import grouped, patterns_of
    from ..training.follow import Pattern
    from ..training.leave_one_out import leave_one_out
    from ..training.paths import Ways, follow_all

    labels = problem.Y[0].astype(np.int32)
    design, m = design_of(problem.X, problem.scale), len(labels)
    threads = problem.threads
    if problem.folds is None:
        shared = SharedColumns(design, labels, NO_GROUP, n_threads=threads)
        patterns = [Pattern(np.ones(1), np.zeros(1), float(m), 0.0)]
    else:
        from ..estimators.splitting import splits_of

        splits = grouped(
            splits_of(problem.folds, np.zeros((m, 1)), labels, None, np.empty(0)), labels
        )
        shared = SharedColumns(design, labels, splits.group, n_threads=threads)
        patterns = patterns_of(splits, shared.group_totals(), np.ones(2))
    followed = follow_all(Ways(shared, patterns, problem.standardize), lambdas, tol, 1000)
    if problem.folds is not None:
        return _by_folds(followed.fits, lambdas, shared.passes)
    own = lambdas[[k for k, at in enumerate(followed.fits) if at]]
    full = [at[0] for at in followed.fits if at]
    left = leave_one_out(shared, followed.patterns[0], own, full)
    return Validated(own, _choose(own, left.loss[None, :], left.error), full, shared.passes)


def _validated_classes(problem: Problem, lambdas: Array, tol: float) -> Validated:
    """Follow the full fit and every fold of several classes; give what `_validated` does."""
    from ..data.inputs import design_of
    from ..estimators.splitting import splits_of
    from ..training.class_paths import ClassWays, folds_of_classes, follow_classes

    codes, K = problem.Y[0].astype(np.int32), len(problem.labels)
    ways = ClassWays(
        design_of(problem.X, problem.scale),
        codes,
        K,
        np.empty(0),
        np.ones(K),
        n_threads=problem.threads,
        standardize=problem.standardize,
    )
    splits = splits_of(problem.folds, np.zeros((len(codes), 1)), codes, None, np.empty(0))
    folds = folds_of_classes(ways, splits, problem.labels)
    fits, reads = follow_classes(ways, folds, lambdas, tol, 1000)
    return _by_folds(fits, lambdas, reads)


def _scores(fits: Any) -> tuple[Array, Array]:
    """Return the held-out losses (folds, L), and the standard error of their mean (L,)."""
    scores = np.array([[fit.held for fit in at[1:]] for at in fits]).T
    return scores, scores.std(axis=0, ddof=1) / np.sqrt(len(scores))


def _choose(lambdas: Array, scores: Array, error: Array) -> Chosen:
    mean = scores.mean(axis=0)
    best = int(np.argmin(mean))
    within = np.flatnonzero(mean <= mean[best] + error[best])
    return Chosen(scores, mean, error, best, int(within[np.argmax(lambdas[within])]))


def _table(lambdas: Array, chosen: Chosen) -> list[str]:
    lines = [f"{'lambda':>12}  {'log-loss':>10}  {'+-':>10}"]
    for k, lambda_ in enumerate(lambdas.tolist()):
        marks = [name for name, place in zip(RULES, (chosen.best, chosen.one_se)) if place == k]
        line = f"{lambda_:>12.6g}  {chosen.mean[k]:>10.6f}  {chosen.error[k]:>10.6f}"
        lines.append(f"{line}  {', '.join(marks)}".rstrip())
    return lines


def _save_figure(path: Path, lambdas: Array, chosen: Chosen) -> None:
    from ..figures.paths import validation

    figure = validation(
        lambdas, chosen.scores, best=chosen.best, one_se=chosen.one_se, error=chosen.error
    )
    with atomic_open(path) as file:
        figure.savefig(file, format=path.suffix[1:].lower(), dpi=150)


def _lambdas(text: str) -> Array:
    """Read --lambdas: how many, or the values themselves."""
    from ..training.paths import check_lambdas

    try:
        if "," not in text and "." not in text and "e" not in text.lower():
            return check_lambdas(int(text))
        return check_lambdas([float(one) for one in text.split(",") if one.strip()])
    except ValueError as error:
        raise ValueError(
            f"--lambdas must be how many to try, or values of at least 0 with commas; got {text!r}"
        ) from error


def _folds(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f'--folds must be a whole number or "{ALO}"; got {text!r}') from None
