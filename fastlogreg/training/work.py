"""What one training run is made of, and how it is saved and restored."""

from __future__ import annotations

import hashlib
import time
import warnings
from typing import Any

import numpy as np

from ..backends import moments
from ..maths.arrays import Vector
from ..objective.objective import Objective
from ..solvers import compiled, registry
from ..solvers.answers import Answers, drive
from ..solvers.base import Saved, Settings, Solver
from ..solvers.penalised_answers import answers_of
from ..solvers.result import TrainingWarning
from ..solvers.state import State
from .checkpoint import fingerprint
from .options import Options
from .watch import Watch


class Work:
    """What a run is made of.

    objective: that of `run`, or the same on centred X, `mean` then being what was taken from X. L:
    of the step size, NaN where it is not known. start: the clock at second 0 of the run, over all
    its interruptions. partial: whether the last iteration was dropped. passes_before: reads of X
    before the first point.
    """

    watch: Watch | None = None

    def __init__(self, objective: Objective, state: State, options: Options, start: float) -> None:
        self.objective, self.state, self.options, self.start = objective, state, options, start
        self.entry = registry.REGISTRY[options.solver]
        self.alpha = np.nan if options.alpha is None else options.alpha
        self.L = np.nan
        self.mean: Vector | None = None
        self.on_gram, self.partial, self.passes_before = False, False, 0
        self.method: Solver | None = None
        self.answers: Answers | None = None

    def identity(self) -> dict[str, str]:
        """Name the data and the settings that the bits of the result depend on."""
        objective, options = self.objective, self.options
        start = hashlib.sha256(self.state.theta.tobytes()).hexdigest()
        settings = {
            "solver": options.solver,
            "alpha": "auto" if options.alpha is None else repr(options.alpha),
            **objective.penalty.settings(),
            "tol": "none" if options.tol is None else "a number",
            "backend": objective.backend.name,
            "intercept": str(objective.intercept),
            **({"classes": str(objective.columns)} if objective.columns > 1 else {}),
            "w and b at the start": start,
        }
        return {**settings, **fingerprint(objective)}

    def prepare(self) -> None:
        """Set up a new run."""
        state, options = self.state, self.options
        answers = answers_of(self.objective)
        # For L-BFGS without an inner matrix X - mean, by folding; theta moves along.
        if self.objective.intercept and self.entry.centres(answers.problem):
            sampled = self.objective.sample_mean()
            mean = self.objective.mean() if sampled is None else sampled
            self._centre(mean)
            state.theta = self.objective.moved(state.theta, mean)
            answers = answers_of(self.objective)
        if not self.objective.penalty.plain:
            state.theta = self._nearer(state.theta)
        if self.entry.needs_step:
            # tol is on dw, which the Gram domain does not see.
            self.on_gram = (
                self.entry.takes_gram
                and options.tol is None
                and compiled.gram_pays(self.objective, options.iterations)
            )
            self._find_step(answers.gram() if self.on_gram else None)
        self._make(answers, None)
        self.passes_before = self.objective.passes

    def _nearer(self, theta: Vector) -> Vector:
        """Return zeros, or what the penalty allows that is nearest to them, where J is less there.

        Far out most losses have no curvature, and no quadratic model of J tells anything of it. One
        or two reads, where w is given.
        """
        objective = self.objective
        zeros = np.zeros((objective.columns, objective.n_x + 1))
        allowed = objective.penalty.prox(zeros[:, :-1].reshape(-1), 0.0)
        zeros[:, :-1] = allowed.reshape(len(zeros), -1)
        if np.array_equal(theta.reshape(zeros.shape)[:, :-1], zeros[:, :-1]):
            return theta
        given = objective.point(theta).evaluation
        if np.log(max(2, len(zeros))) >= given.J:  # what zeros have, without an offset
            return theta
        nearest = objective.point(zeros.reshape(-1))
        return theta if given.J <= nearest.evaluation.J else nearest.theta

    def _find_step(self, K: Vector | None) -> None:
        """Find L, and the step size where none was given.

        A given one needs L for a warning alone. Power iterations cost a pass each: then they are at
        most a twentieth of the run.
        """
        given, iterations = self.options.alpha, self.options.iterations
        limit = 100 if given is None else min(100, max(3, iterations // 20))
        self.L = self.objective.largest_eigenvalue(limit, K, given)
        if given is None:
            self.alpha = 1.0 / self.L if self.L > 0 else 1.0

    def resume(self, saved: Saved) -> None:
        """Go on from a checkpoint. Reads of X that only bring back what was known before are not
        counted."""
        state = self.state
        self.start -= saved["seconds"]
        stop, goal, reached = saved["stop"], self.options.goal, saved["measure"]
        if self.objective.has_bound:
            reached = max(reached, saved["bound"])
        too_early = (stop == "converged" and goal < reached) or (
            stop == "precision" and goal < saved["tol"]
        )  # less was asked for then
        goes_on = stop is None or too_early
        if goes_on and answers_of(self.objective).problem.has_whole_path:
            self.prepare()  # one call finds all: it is made anew, with what is asked for now
            return
        state.restore(saved, self.start)
        withdrawn = state.withdraw_proof() if too_early else 0
        self.alpha, self.L = saved["alpha"], saved["L"]
        if "mean" in saved:
            self._centre(saved["mean"])
        self.on_gram = "start" in saved
        if state.stop is None:
            self._make(answers_of(self.objective), saved)
        self.objective.passes = self.passes_before = saved["passes"] - withdrawn

    def _centre(self, mean: Vector) -> None:
        design = self.objective.design
        self.mean = mean
        self.objective = self.objective.on(design.rescaled(design.scale, design.shift - mean))
        if self.watch is not None:
            self.watch.objective = self.objective

    def _make(self, answers: Answers, saved: Saved | None) -> None:
        options = self.options
        settings = Settings(options.goal, self.alpha, self.on_gram, options.iterations, alone=True)
        method = self.entry.make(answers.problem, self.state, settings, saved)
        drive((answers, method.prepare()))
        self.method, self.answers = method, answers

    def centre_where_lost(self) -> None:
        """Go on from the same point on X - mean where rounding ended a run on columns far from 0.

        A column of times, prices or years leaves a Hessian no digits but those of its mean. The
        mean takes a read.
        """
        objective, state, options = self.objective, self.state, self.options
        if self.mean is not None or not objective.intercept or not self.entry.centres_where_lost:
            return
        known = options.tol is not None or objective.design.has_examples_at_hand
        if state.measure <= options.goal or not known:
            return
        if not moments.far_from_zero(objective.design).any():
            return
        mean = objective.mean()
        self._centre(mean)
        state.theta = self.objective.moved(state.theta, mean)
        state.stop, state.evaluation, state.stalls = None, None, 0
        state.measure = state.bound = state.previous_norm = state.gradient_norm = np.inf
        self._make(answers_of(self.objective), None)

    def advance(self, count: int) -> None:
        """Make up to `count` iterations; state.stop is set where they end for a reason."""
        assert self.method is not None
        assert self.answers is not None
        drive((self.answers, self.method.advance(count)))

    def scores(self, theta: Vector) -> Any:
        """Return z of every example at theta, where it was the last point judged; else None."""
        known = None if self.answers is None else self.answers.scores
        if known is None or not (known[0] is theta or np.array_equal(known[0], theta)):
            return None
        return known[1]

    def record(self) -> None:
        """Add the point as it stands to the history."""
        self.state.record(self.objective.passes, self.state.bound)

    def keep(self, stacklevel: int = 4) -> None:
        """Write the checkpoint, if there is one and something to write; a failure is warned of, and
        the run goes on."""
        state, checkpoint = self.state, self.options.checkpoint
        if checkpoint is None or self.method is None:
            return
        try:
            checkpoint.write(self._values(self.method), self._sizes())
        except (OSError, MemoryError) as error:
            warnings.warn(
                f"the checkpoint {checkpoint.path} was not written after {state.iteration} "
                "iterations, and is as it was "
                f"before; training goes on, and the next one may succeed: {error}",
                TrainingWarning,
                stacklevel=stacklevel,
            )

    def _sizes(self) -> dict[str, int]:
        objective = self.objective
        return {"n_x": objective.n_x, "m": objective.m, "size": objective.size}

    def _values(self, method: Solver) -> dict[str, Any]:
        """Gather what is saved, by name."""
        state, objective = self.state, self.objective
        # Passes of an iteration that was dropped are made again.
        passes = objective.passes
        if self.partial and self.entry.records_points:
            passes = int(state.history[-1][0]) if state.history else self.passes_before
        values = {**state.state_arrays(self.start), **method.state_arrays()}
        values.update(
            alpha=self.alpha,
            L=self.L,
            passes=passes,
            seconds=time.perf_counter() - self.start,
            tol=self.options.goal,
        )
        if self.mean is not None:
            values["mean"] = self.mean
        return values
