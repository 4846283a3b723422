"""The objective of what users give: w (n_x, 1), b, X (n_x, m) and Y (1, m), checked."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..backends.choice import BY_NAME
from ..checks.arguments import (
    BACKENDS,
    check_choice,
    check_number,
    check_w,
    check_Y,
    require_dense,
)
from ..data.design import Design
from ..data.inputs import design_of
from .objective import Objective


class Settings(NamedTuple):
    """What the functions of `fastlogreg.api` share, as it was given."""

    lambda_: Any
    scale: Any
    shift: Any
    backend: str
    n_threads: Any


def prepare(
    settings: Settings, w: Any, b: Any, X: Any, Y: Any, both_classes: bool = False
) -> tuple[Objective, NDArray[np.float64], float]:
    """Check every argument; w None stands for zeros."""
    backend, n_threads = settings.backend, settings.n_threads
    check_choice("backend", backend, BACKENDS)
    any_form = BY_NAME[backend].any_form
    if not any_form:
        require_dense(X, backend)
    design: Design = design_of(X, settings.scale, settings.shift)
    if design.dense is None and not any_form:
        raise ValueError(
            f"backend must be 'fused' for a {type(X).__name__}, the others need X in memory; got "
            f"{backend!r}"
        )
    n_x, m = design.n_x, design.m
    y = check_Y(Y, m, both_classes=both_classes, n_x=n_x)
    w_, b_ = np.zeros(n_x) if w is None else check_w(w, n_x, m), check_number("b", b)
    if n_threads is not None:
        n_threads = int(check_number("n_threads", n_threads, low=1, integer=True))
    lambda_ = check_number("lambda_", settings.lambda_, low=0)
    return Objective(design, y, lambda_, backend, n_threads), w_, b_
