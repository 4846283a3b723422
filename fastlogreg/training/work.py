"""What one training run is made of, and how it is saved and restored."""

from __future__ import annotations

import hashlib
import time
import warnings
from typing import Any

import numpy as np

from ..machine.blas import inner
from ..maths.arrays import Vector
from ..objective.objective import Objective
from ..solvers import auto, compiled
from ..solvers.gd import GradientDescent
from ..solvers.lbfgs import LBFGS
from ..solvers.nesterov import Nesterov
from ..solvers.newton import Newton
from ..solvers.result import TrainingWarning
from ..solvers.state import State
from .checkpoint import Checkpoint, fingerprint


class Work:
    """What a run is made of. objective: that of `run`, or the same on centred X, `mean` then being
    what was taken from X. L: of the step size, NaN where it is not known. start: the clock at
    second 0 of the run, over all its interruptions."""

    def __init__(
        self,
        objective: Objective,
        state: State,
        solver: str,
        alpha: float | None,
        tol: float | None,
        checkpoint: Checkpoint | None,
    ) -> None:
        self.objective, self.state, self.solver, self.checkpoint = (
            objective,
            state,
            solver,
            checkpoint,
        )
        self.given, self.tol, self.alpha, self.L = (
            alpha,
            tol,
            np.nan if alpha is None else alpha,
            np.nan,
        )
        self.goal = -1.0 if tol is None else tol
        self.mean: Vector | None = None
        self.method: Any = None
        self.start = 0.0
        self.partial = False  # whether the last iteration was dropped

    def identity(self) -> dict[str, str]:
        """The data and the settings that the bits of the result depend on."""
        objective, state = self.objective, self.state
        start = hashlib.sha256(np.append(state.w, state.b).tobytes()).hexdigest()
        settings = {
            "solver": self.solver,
            "alpha": "auto" if self.given is None else repr(self.given),
            **objective.penalty.settings(),
            "tol": "none" if self.tol is None else "a number",
            "backend": objective.backend.name,
            "intercept": str(objective.intercept),
            "w and b at the start": start,
        }
        return {**settings, **fingerprint(objective)}

    def prepare(self, iterations: int) -> None:
        """Set up a new run. Only gradient descent and Nesterov's method have a step size, and need
        L."""
        objective, state = self.objective, self.state
        # For L-BFGS without an inner matrix X - mean, by folding; state.b moves along.
        first_order = self.solver == "lbfgs" or (
            self.solver == "auto" and auto.plan(objective) == "lbfgs"
        )
        if objective.intercept and first_order:
            sampled = objective.sample_mean()
            mean = objective.mean() if sampled is None else sampled
            self._centre(mean)
            state.b += inner(mean, state.w)
        K = None
        if self.solver in ("gd", "nesterov"):
            # tol is on dw, which the Gram domain does not see.
            if (
                self.solver == "gd"
                and self.tol is None
                and compiled.gram_pays(objective, iterations)
            ):
                K = objective.gram()
            # Power iterations cost a pass each: at most a twentieth of the run where alpha is given
            # and L only warns.
            self.L = objective.largest_eigenvalue(
                100 if self.given is None else min(100, max(3, iterations // 20)), K
            )
            if self.given is None:
                self.alpha = 1.0 / self.L if self.L > 0 else 1.0
        if self.tol is not None and self.objective.decay > 0.0:
            _ = (
                self.objective.radius
            )  # a pass, which would otherwise come in the middle of judging a point
        self.method = self._made(K, None)

    def resume(self, saved: dict[str, Any]) -> None:
        """Go on from a checkpoint. Reads of X that only bring back what was known before are not
        counted."""
        state = self.state
        self.start -= saved["seconds"]
        state.restore(saved, self.start)
        if state.stop == "converged" and self.goal < saved["tol"]:
            state.stop = None  # less was asked for then
        self.alpha, self.L = saved["alpha"], saved["L"]
        if "mean" in saved:
            self._centre(saved["mean"])
        if "radius" in saved:
            self.objective.known_radius = saved["radius"]
        if state.stop is None:
            self.method = self._made(self.objective.gram() if "start" in saved else None, saved)
        self.objective.passes = saved["passes"]

    def _centre(self, mean: Vector) -> None:
        design = self.objective.design
        self.objective, self.mean = (
            self.objective.on(design.rescaled(design.scale, design.shift - mean)),
            mean,
        )

    def _made(self, K: Vector | None, saved: dict[str, Any] | None) -> Any:
        objective, state, goal = self.objective, self.state, self.goal
        if self.solver == "lbfgs":
            return LBFGS(objective, state, goal, saved=saved)
        if self.solver == "newton":
            return Newton(objective, state, goal, saved)
        if self.solver == "auto":
            return auto.Auto(objective, state, goal, saved)
        if self.solver == "nesterov":
            return Nesterov(objective, state, goal, self.alpha, saved)
        return GradientDescent(objective, state, goal, self.alpha, K, saved)

    def keep(self, stacklevel: int = 4) -> None:
        """Write the checkpoint, if there is one and something to write; a failure is warned of, and
        the run goes on."""
        state, objective, checkpoint = self.state, self.objective, self.checkpoint
        if checkpoint is None or self.method is None:
            return
        # Passes of an iteration that was dropped are made again.
        passes = (
            state.history[-1][0]
            if self.partial and self.solver != "gd" and state.history
            else objective.passes
        )
        values = {**state.state_arrays(self.start), **self.method.state_arrays()}
        values.update(
            alpha=self.alpha,
            L=self.L,
            passes=passes,
            seconds=time.perf_counter() - self.start,
            tol=self.goal,
        )
        if self.mean is not None:
            values["mean"] = self.mean
        if objective.known_radius is not None:
            values["radius"] = objective.known_radius
        try:
            checkpoint.write(values, objective.n_x, objective.m)
        except (OSError, MemoryError) as error:
            warnings.warn(
                f"the checkpoint {checkpoint.path} was not written after {state.iteration} "
                "iterations, and is as it was "
                f"before; training goes on, and the next one may succeed: {error}",
                TrainingWarning,
                stacklevel=stacklevel,
            )
