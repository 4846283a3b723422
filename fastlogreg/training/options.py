"""The options of a run, checked once for every way to start one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..checks.arguments import check_choice, check_number
from ..solvers import registry
from ..solvers.result import Progress
from .checkpoint import Checkpoint


@dataclass(frozen=True)
class Options:
    """How a run goes, and when it ends.

    alpha None means 1/L. tol and max_seconds None mean no limit.
    """

    solver: str = "gd"
    iterations: int = 1000
    alpha: float | None = None
    tol: float | None = None
    max_seconds: float | None = None
    callback: Callable[[Progress], Any] | None = None
    checkpoint: Checkpoint | None = None

    @property
    def goal(self) -> float:
        """Return the measure to stop at, below 0 for none."""
        return -1.0 if self.tol is None else self.tol

    @staticmethod
    def checked(
        solver: Any,
        iterations: Any,
        *,
        alpha: Any = "auto",
        tol: Any = None,
        max_seconds: Any = None,
        callback: Any = None,
        checkpoint: Checkpoint | None = None,
        iterations_name: str = "iterations",
    ) -> Options:
        """Check what a user gave; alpha may be "auto".

        Raises ValueError or TypeError naming the argument; iterations go by the name given.
        """
        check_choice("solver", solver, registry.names())
        if callback is not None and not callable(callback):
            raise TypeError(
                "callback must be callable with one argument, a Progress; got "
                f"{type(callback).__name__}"
            )
        automatic = isinstance(alpha, str) and alpha == "auto"
        return Options(
            solver=str(solver),
            alpha=None if automatic else check_number("alpha", alpha, positive=True),
            iterations=int(check_number(iterations_name, iterations, low=0, integer=True)),
            tol=_at_least_0("tol", tol),
            max_seconds=_at_least_0("max_seconds", max_seconds),
            callback=callback,
            checkpoint=checkpoint,
        )


def _at_least_0(name: str, value: Any) -> float | None:
    return None if value is None else check_number(name, value, low=0)
