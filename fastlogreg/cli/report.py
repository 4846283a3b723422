"""What the commands print: the lectures' cost table, accuracy, log-loss and confusion counts, and a
progress bar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
LINES = 20  # of a cost table, as in the lectures: every 100 of 2000 iterations


def cost_lines(costs: Array, iterations: int) -> Iterator[str]:
    """Write `Cost after iteration 0: 0.693147` and so on, at every twentieth of the iterations."""
    for k in range(0, len(costs), max(1, -(-iterations // LINES))):
        yield f"Cost after iteration {k}: {costs[k]:.6f}"


@dataclass(frozen=True)
class Metrics:
    """How well a model predicts one data set.

    accuracy: in percent; log_loss: in nats; confusion[i][j]: examples of class i that were
    predicted to be of class j.
    """

    accuracy: float
    log_loss: float
    confusion: tuple[tuple[int, int], tuple[int, int]]

    @classmethod
    def of(cls, Y: Array, predicted: Array, log_loss: float) -> Metrics:
        """Compare labels and predictions (1, m) of 0 and 1 by the lectures' formula."""
        accuracy = float(100 - np.mean(np.abs(predicted.astype(np.float64) - Y)) * 100)
        n00, n01, n10, n11 = (
            int(np.sum((i == Y) & (j == predicted))) for i in (0, 1) for j in (0, 1)
        )
        return cls(accuracy, log_loss, ((n00, n01), (n10, n11)))

    def lines(self, name: str, labels: tuple[Any, Any]) -> Iterator[str]:
        """Write accuracy with all its digits, log-loss, and the counts as a small table."""
        yield f"{name} accuracy: {self.accuracy} %"
        yield f"{name} log-loss: {self.log_loss:.6f}"
        heads = [f"predicted {label}" for label in labels]
        width = max(len(f"is {label}") for label in labels)
        yield f"{name} counts:  {'':{width}}  {heads[0]}  {heads[1]}"
        for label, row in zip(labels, self.confusion):
            counts = "  ".join(f"{count:>{len(head)}}" for count, head in zip(row, heads))
            yield f"{'':{len(name)}}          {f'is {label}':{width}}  {counts}"


class ProgressBar:
    """Shows on stderr how training goes: cost, iterations per second and remaining time.

    Nothing at all where stderr is not a terminal. An instance is the `callback` of `train`.
    """

    def __init__(self, iterations: int) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeRemainingColumn,
        )

        console = Console(stderr=True)
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            BarColumn(),
            TextColumn("{task.fields[news]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("train", total=iterations, news="preparing")
        self._start: tuple[int, float] | None = (
            None  # the first report: what came before compiled too
        )

    def __call__(self, progress: Any) -> bool:
        iteration, seconds = self._start = self._start or (progress.iteration, progress.seconds)
        rate = (progress.iteration - iteration) / max(progress.seconds - seconds, 1e-9)
        news = f"cost {progress.cost:.6f}  {rate:,.0f} iterations/s"
        self._bar.update(self._task, completed=progress.iteration, news=news)
        return False  # never stops the run

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._bar.stop()
