"""What the commands print: the lectures' cost table, accuracy, log-loss, precision, recall and
confusion counts, and a progress bar."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
LINES = 20  # of a cost table, as in the lectures: every 100 of 2000 iterations
COLUMNS = 80  # of the narrowest terminal
MOST_ROWS, FEW = 30, 10  # classes in a table; those that are shown where there are more


def cost_lines(costs: Array, iterations: int) -> Iterator[str]:
    """Write `Cost after iteration 0: 0.693147` and so on, at every twentieth of the iterations."""
    for k in range(0, len(costs), max(1, -(-iterations // LINES))):
        yield f"Cost after iteration {k}: {costs[k]:.6f}"


def label_lines(counts: Any, labels: tuple[Any, ...]) -> Iterator[str]:
    """Write how many examples there are of each class, or of the most and the least frequent."""
    if len(labels) == 2:
        yield f"labels: {counts[0]} are {labels[0]}, {counts[1]} are {labels[1]} (y = 1)"
        return
    text = ", ".join(f"{count} are {label}" for count, label in zip(counts, labels))
    if len(labels) > MOST_ROWS:
        least, most = int(np.argmin(counts)), int(np.argmax(counts))
        text = (
            f"{len(labels)} classes, from {counts[least]} examples ({_short(labels[least], 30)}) "
            f"to {counts[most]} ({_short(labels[most], 30)})"
        )
    yield from textwrap.wrap(f"labels: {text}", COLUMNS, subsequent_indent="        ")


@dataclass(frozen=True)
class Metrics:
    """How well a model predicts one data set.

    accuracy: in percent; log_loss: in nats; confusion[i][j]: examples of class i that were
    predicted to be of class j.
    """

    accuracy: float
    log_loss: float
    confusion: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, Y: Array, predicted: Array, log_loss: float, classes: int = 2) -> Metrics:
        """Compare labels and predictions (1, m) of 0 .. classes - 1.

        Of two classes the accuracy is by the lectures' formula.
        """
        counts = np.zeros((classes, classes), np.int64)
        np.add.at(counts, (Y[0].astype(np.intp), predicted[0].astype(np.intp)), 1)
        if classes == 2:
            accuracy = float(100 - np.mean(np.abs(predicted.astype(np.float64) - Y)) * 100)
        else:
            accuracy = float(100 * np.trace(counts) / Y.size)
        return cls.counted(counts, log_loss, accuracy)

    @classmethod
    def counted(cls, counts: Array, log_loss: float, accuracy: float) -> Metrics:
        """Make it of the counts (K, K)."""
        return cls(accuracy, log_loss, tuple(tuple(map(int, row)) for row in counts))

    def lines(self, name: str, labels: tuple[Any, ...]) -> Iterator[str]:
        """Write accuracy with all its digits, log-loss, and the counts as a small table.

        Of several classes there is the precision and the recall of each too.
        """
        yield f"{name} accuracy: {self.accuracy} %"
        yield f"{name} log-loss: {self.log_loss:.6f}"
        if len(labels) > 2:
            yield from class_lines(name, labels, np.array(self.confusion))
            yield from count_lines(name, labels, np.array(self.confusion))
            return
        heads = [f"predicted {label}" for label in labels]
        width = max(len(f"is {label}") for label in labels)
        yield f"{name} counts:  {'':{width}}  {heads[0]}  {heads[1]}"
        for label, row in zip(labels, self.confusion):
            counts = "  ".join(f"{count:>{len(head)}}" for count, head in zip(row, heads))
            yield f"{'':{len(name)}}          {f'is {label}':{width}}  {counts}"


def class_lines(name: str, labels: tuple[Any, ...], counts: Array) -> Iterator[str]:
    """Write precision and recall of each class, or of those found least where there are many."""
    right, of_class, said = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    with np.errstate(invalid="ignore"):
        precision, recall = right / said, right / of_class
    chosen, which = np.arange(len(labels)), ""
    if len(labels) > MOST_ROWS:
        chosen = np.argsort(np.where(of_class > 0, recall, np.inf), kind="stable")[:FEW]
        which = f" (the {FEW} of {len(labels)} with the lowest recall)"
    yield f"{name} classes{which}:"
    short = [_short(labels[k], 30) for k in chosen]
    width = max(len("class"), *map(len, short))
    yield f"  {'class':{width}}  examples  precision  recall"
    for k, label in zip(chosen, short):
        ratios = f"{_ratio(precision[k]):>9}  {_ratio(recall[k]):>6}"
        yield f"  {label:{width}}  {of_class[k]:8}  {ratios}"


def count_lines(name: str, labels: tuple[Any, ...], counts: Array) -> Iterator[str]:
    """Write the table of counts, or the most frequent mistakes where it is too wide."""
    short = [_short(label, 12) for label in labels]
    first = max(len(f"is {label}") for label in short)
    widths = [max(len(label), len(str(counts[:, k].max()))) for k, label in enumerate(short)]
    if 2 + first + sum(widths) + 2 * len(widths) <= COLUMNS:
        yield f"{name} counts, in the columns what was predicted:"
        yield f"  {'':{first}}" + "".join(f"  {label:>{w}}" for label, w in zip(short, widths))
        for label, row in zip(short, counts):
            yield f"  {f'is {label}':{first}}" + "".join(
                f"  {count:{w}}" for count, w in zip(row, widths)
            )
        return
    wrong = counts - np.diag(counts.diagonal())
    most = np.argsort(-wrong, axis=None, kind="stable")[:FEW]
    pairs = [(i, j) for i, j in zip(*np.unravel_index(most, wrong.shape)) if wrong[i, j]]
    yield f"{name} mistakes: {wrong.sum()}" + (", the most frequent:" if pairs else "")
    for i, j in pairs:
        yield f"  {wrong[i, j]} of {short[i]} predicted {short[j]}"


def _short(label: Any, most: int) -> str:
    text = str(label)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _ratio(value: float) -> str:
    """Write three digits; - where there is nothing to divide by."""
    return f"{value:.3f}" if np.isfinite(value) else "-"


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
