"""What `train` shows of a penalty that chooses features: which ones, and a path of penalties."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

SHOWN, NAME_WIDTH = 20, 44  # lines of a table; characters of a name, so that a line is below 80


def parse_bounds(text: str | None) -> tuple[float | None, float | None] | None:
    """Read --bounds: LOW,HIGH, either of which may be left out."""
    if text is None:
        return None
    ends = text.split(",")
    if len(ends) != 2:
        raise ValueError(f'bounds must be "LOW,HIGH", either may be left out; got {text!r}')
    try:
        low, high = (float(end) if end.strip() else None for end in ends)
    except ValueError:
        raise ValueError(f'bounds must be two numbers, "0," for instance; got {text!r}') from None
    return low, high


def print_features(w: Any, names: Sequence[str] | None, proved_zero: Any) -> None:
    """Print the features that are in, the largest weights first; w (n_x, 1) or (n_x, K)."""
    size = np.abs(w).max(axis=1)
    inside = np.flatnonzero(size)
    certain = "" if proved_zero is None else f", {int(proved_zero.sum())} of the others for certain"
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
