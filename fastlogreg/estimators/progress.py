"""A progress bar on stderr, where one is wanted and can be shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..solvers.result import Progress


@contextmanager
def progress_bar(
    verbose: int, tol: float, callback: Callable[[Progress], Any] | None
) -> Iterator[Callable[[Progress], Any] | None]:
    """Return the callback for the run: the user's, with a bar on stderr where one is wanted and can
    be shown."""
    if not verbose:
        yield callback
        return
    try:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bar
    except ModuleNotFoundError:
        yield callback
        return
    console = Console(stderr=True)
    if not console.is_terminal:
        yield callback
        return
    with Bar(BarColumn(), TextColumn("{task.description}"), console=console, transient=True) as bar:
        task, first = bar.add_task("preparing", total=1.0), 0.0

        def show(progress: Progress) -> Any:
            nonlocal first
            what = "bound" if np.isfinite(progress.bound) else "gradient"
            measure = max(progress.bound if what == "bound" else progress.gradient_norm, 1e-300)
            first = first or measure
            done = np.log(first / measure) / max(
                np.log(first / max(tol, 1e-16)), 1e-9
            )  # in decades
            text = (
                f"{what} {measure:.1e}, tol {tol:.1e}   cost {progress.cost:.9g}   iteration "
                f"{progress.iteration}"
            )
            bar.update(task, completed=min(max(float(done), 0.0), 1.0), description=text)
            return callback(progress) if callback is not None else None

        yield show


@contextmanager
def counting_bar(verbose: int, total: int, what: str) -> Iterator[Callable[[int], object] | None]:
    """Return what is to be called with the number of steps done, or None.

    It shows a bar on stderr, where one is wanted and can be shown.
    """
    if not verbose:
        yield None
        return
    try:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bar
    except ModuleNotFoundError:
        yield None
        return
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    with Bar(BarColumn(), TextColumn("{task.description}"), console=console, transient=True) as bar:
        task = bar.add_task(f"0 of {total} {what}", total=float(total))

        def said(done: int) -> None:
            bar.update(task, completed=float(done), description=f"{done} of {total} {what}")

        yield said
