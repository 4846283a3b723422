"""A penalty that chooses features: its options, the features that are in, a path of penalties."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..checks.arguments import check_number
from ..files.writing import atomic_open
from ..objective.prepared import Extras
from .line import INTERRUPTED
from .penalty_weights import Given, as_text, read_penalty_weights, weights_by_name

SOLVER = "prox_newton"
SHOWN, NAME_WIDTH = 20, 44  # lines of a table; characters of a name, so that a line is below 80


class Penalty(NamedTuple):
    """Hold what is asked for beside the strength of the penalty, checked."""

    l1_ratio: float = 0.0
    bounds: tuple[float | None, float | None] | None = None
    weights: tuple[Given, ...] = ()

    @property
    def asked(self) -> str:
        """Return the options that were given, "" for none."""
        given = (
            ("--l1-ratio", self.l1_ratio > 0.0),
            ("--bounds", self.bounds is not None),
            ("--penalty-weights", bool(self.weights)),
        )
        return " and ".join(name for name, there in given if there)

    def settings(self) -> dict[str, Any]:
        """Return what a model file keeps of it."""
        found: dict[str, Any] = {}
        if self.l1_ratio:
            found["l1_ratio"] = self.l1_ratio
        if self.bounds is not None:
            found["bounds"] = ",".join("" if end is None else repr(end) for end in self.bounds)
        if self.weights:
            found["penalty_weights"] = as_text(self.weights)
        return found

    def extras(self, names: Sequence[str] | None, n_x: int, table: Any = None) -> Extras:
        """Return what `fastlogreg.train` takes; names and table tell whose the weights are."""
        weights = weights_by_name(self.weights, names, n_x, table) if self.weights else None
        return Extras(self.l1_ratio, weights, self.bounds)


def read_penalty(l1_ratio: float, bounds: str | None, weights: str | None = None) -> Penalty:
    """Check --l1-ratio, --bounds and --penalty-weights."""
    ratio = check_number("--l1-ratio", l1_ratio, low=0)
    if ratio > 1.0:
        raise ValueError(f"--l1-ratio must be from 0, L2 alone, to 1, L1 alone; got {ratio:g}")
    given = () if weights is None else read_penalty_weights(weights)
    return Penalty(ratio, None if bounds is None else _bounds(bounds, ratio), given)


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


def solver_for(solver: str | None, penalty: Penalty, alpha: str | None = None) -> str:
    """Return the solver: the one named, or what can do it; a rate alpha asks for the descent."""
    if not penalty.asked:
        if solver is None:
            return "auto" if alpha is None else "gd"
        return solver
    if solver not in (None, "auto", SOLVER):
        raise ValueError(
            f"--solver must be {SOLVER} or auto for {penalty.asked}; got {solver!r}. Leave it out"
        )
    return SOLVER


def print_features(w: Any, names: Sequence[str] | None, proved_zero: Any) -> None:
    """Print the features that are in, the largest weights first; w (n_x, 1) or (n_x, K)."""
    size = np.abs(w).max(axis=1)
    inside = np.flatnonzero(size)
    certain = ""
    if proved_zero is not None:
        none = int(proved_zero.reshape(len(w), -1).all(axis=1).sum())
        certain = f", {none} of the others for certain"
    print(f"{inside.size} of {len(w)} features have a weight{certain}:")
    largest = inside[np.argsort(-size[inside], kind="stable")]
    for j in largest[:SHOWN].tolist():
        name = f"x{j + 1}" if names is None else str(names[j])
        name = name if len(name) <= NAME_WIDTH else name[: NAME_WIDTH - 3] + "..."
        shown = " ".join(f"{value:>10.4g}" for value in w[j][:3].tolist())
        more = " ..." if w.shape[1] > 3 else ""
        print(
            f"  {name:<{NAME_WIDTH}} {shown}{more}"
            if w.shape[1] == 1
            else f"  {name} {shown}{more}"
        )
    if inside.size > SHOWN:
        print(f"  and {inside.size - SHOWN} more")


def print_path(found: Any) -> None:
    """Print a line for each lambda of a path, at most `SHOWN` of them, evenly spread."""
    print(f"{'lambda':>12} {'features':>9} {'deviance explained':>19} {'cost':>10} {'bound':>9}")
    count = len(found.lambdas)
    for k in np.unique(np.linspace(0, count - 1, min(count, SHOWN)).astype(int)).tolist():
        print(
            f"{found.lambdas[k]:>12.5g} {found.nonzeros[k]:>9d} "
            f"{found.deviance_explained[k]:>19.4f} {found.costs[k]:>10.6f} {found.bounds[k]:>9.2g}"
        )
    print(f"{count} lambdas in {found.reads} reads, {found.seconds:.2f} s")


def follow(
    X: Any, Y: Any, count: int, plot: Path | None, names: Sequence[str] | None, **how: Any
) -> int:
    """Follow so many lambdas, print them, and draw the weights; give the exit status."""
    from ..training.paths import path
    from ..training.watch import interruptions

    lambdas = int(check_number("--path", count, low=1, integer=True))
    with interruptions() as interrupted:
        found = path(X, Y, lambdas=lambdas, **how)
    print_path(found)
    if plot is not None:
        from ..figures.paths import path as draw

        figure = draw(found.lambdas, found.w, names)
        with atomic_open(plot) as file:
            figure.savefig(file, format=plot.suffix[1:].lower(), dpi=150)
        print(f"figure written to {plot}")
    return INTERRUPTED if interrupted else 0
