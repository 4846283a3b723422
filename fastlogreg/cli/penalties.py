"""L1 and bounds on the command line: their options, the features they leave, and the path."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..checks.arguments import check_number
from ..files.writing import atomic_open
from .report import COLUMNS, LINES

Array = NDArray[Any]
SOLVER, DEFAULT_SOLVER = "prox_newton", "gd"


class Penalty(NamedTuple):
    """Hold what is asked for beside the strength of the penalty, checked."""

    l1_ratio: float = 0.0
    bounds: tuple[float | None, float | None] | None = None

    @property
    def asked(self) -> str:
        """Return the options that were given, "" for none."""
        given = (("--l1-ratio", self.l1_ratio > 0.0), ("--bounds", self.bounds is not None))
        return " and ".join(name for name, there in given if there)

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `fastlogreg.train` that are not its defaults."""
        if not self.asked:
            return {}
        return {"l1_ratio": self.l1_ratio, "bounds": self.bounds}


def read_penalty(l1_ratio: float, bounds: str | None) -> Penalty:
    """Check --l1-ratio and --bounds."""
    ratio = check_number("--l1-ratio", l1_ratio, low=0)
    if ratio > 1.0:
        raise ValueError(f"--l1-ratio must be from 0, L2 alone, to 1, L1 alone; got {ratio:g}")
    return Penalty(ratio, None if bounds is None else _bounds(bounds, ratio))


def _bounds(text: str, l1_ratio: float) -> tuple[float | None, float | None]:
    wrong = ValueError(
        f'--bounds must be LOW,HIGH, each a number or nothing, for instance "0,"; got {text!r}'
    )
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 2:
        raise wrong
    try:
        low, high = (float(part) if part else None for part in parts)
    except ValueError:
        raise wrong from None
    least, most = (-math.inf if low is None else low), (math.inf if high is None else high)
    if not least <= most:
        raise ValueError(f"--bounds must have LOW at most HIGH; got {text!r}")
    if l1_ratio > 0.0 and not least <= 0.0 <= most:
        raise ValueError(
            f"--bounds must have 0 between them, where L1 pulls a weight to 0; got {text!r}. Widen "
            "them, or leave --l1-ratio out"
        )
    return low, high


def solver_for(solver: str | None, penalty: Penalty) -> str:
    """Return the solver: the one named, or what can do it."""
    if not penalty.asked:
        return DEFAULT_SOLVER if solver is None else solver
    if solver not in (None, "auto", SOLVER):
        raise ValueError(
            f"--solver must be {SOLVER} or auto for {penalty.asked}; got {solver!r}. Leave it out"
        )
    return SOLVER


def selected_lines(w: Array, names: Sequence[str] | None, labels: Sequence[Any]) -> Iterator[str]:
    """Write the features whose weight is not 0, the largest first; w (n_x, 1) or (n_x, K).

    Of several classes: the largest weight of a feature, and its class.
    """
    size = np.abs(w)
    rows = np.flatnonzero(size.any(axis=1))
    yield f"{len(rows)} of {len(w)} features are in"
    if not len(rows):
        return
    several = w.shape[1] > 1
    order = rows[np.argsort(-size[rows].max(axis=1), kind="stable")][:LINES]
    texts = [f"x{j + 1}" if names is None else str(names[j]) for j in order]
    # A weight takes 14 columns, a class as many as a feature may.
    most = (COLUMNS - 16) // (2 if several else 1) - 2 * several
    width = max(len("feature"), min(most, max(len(text) for text in texts)))
    head = f"{'feature':<{width}}  {'weight':>12}"
    yield f"{head}  class" if several else head
    for j, text in zip(order.tolist(), texts):
        k = int(size[j].argmax())
        line = f"{_short(text, width):<{width}}  {w[j, k]:>12.6g}"
        yield f"{line}  {_short(str(labels[k]), most)}" if several else line
    if len(rows) > LINES:
        yield f"and {len(rows) - LINES} more"


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."


def follow(
    X: Any, Y: Array, count: int, plot: Path | None, names: Sequence[str] | None, **how: Any
) -> int:
    """Follow so many lambdas, print a line for each, and draw the weights; give the status."""
    from ..training.paths import path

    count = int(check_number("--path", count, low=1, integer=True))
    found = path(X, Y, lambdas=count, **how)
    print(f"{'lambda':>12}  {'non-zeros':>9}  {'deviance explained':>18}  {'bound':>10}")
    for k, lambda_ in enumerate(found.lambdas.tolist()):
        print(
            f"{lambda_:>12.6g}  {found.nonzeros[k]:>9}  {found.deviance_explained[k]:>18.6f}  "
            f"{found.bounds[k]:>10.3g}"
        )
    print(f"{count} lambdas in {found.reads} reads of X, {found.seconds:.2f} s")
    if plot is not None:
        from ..figures.paths import path as draw

        figure = draw(found.lambdas, found.w, names)
        with atomic_open(plot) as file:
            figure.savefig(file, format=plot.suffix[1:].lower(), dpi=150)
        print(f"figure written to {plot}")
    return 0
