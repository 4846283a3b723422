"""The objective of what users give: w (n_x, 1), b, X (n_x, m) and Y (1, m), checked.

Of several classes w is (n_x, K), b (K, 1) and Y holds 0 .. K - 1.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..backends.choice import BY_NAME
from ..checks.arguments import (
    BACKENDS,
    check_choice,
    check_number,
    check_w,
    check_Y,
    require_dense,
)
from ..checks.classes import (
    check_b_of_classes,
    check_labels,
    check_w_of_classes,
    columns_of,
    remedy_for_several,
)
from ..checks.penalties import SEVERAL, Penalties, check_offset, check_penalties
from ..checks.targets import check_targets, check_weights
from ..data.design import Design
from ..data.inputs import design_of
from ..maths import softmax
from ..maths.arrays import NONE, Vector
from ..maths.penalty_choice import penalty_from
from .elastic_net import ElasticNetObjective
from .objective import Objective
from .penalised_softmax import PenalisedSoftmaxObjective
from .soft import labelled, objective_for
from .softmax import SoftmaxObjective

_SAID_BY_W = partial(remedy_for_several, how="give w a column for each, (n_x, {K}), and b ({K}, 1)")
_SAID_BY_CLASSES = partial(remedy_for_several, how="pass classes={K}")


class Settings(NamedTuple):
    """What the functions of `fastlogreg.api` share, as it was given."""

    lambda_: Any
    scale: Any
    shift: Any
    backend: str
    n_threads: Any


class Extras(NamedTuple):
    """Hold what `prox_newton` is for, as it was given: see `checks.penalties`."""

    l1_ratio: Any = 0.0
    penalty_weights: Any = None
    bounds: Any = None
    feature_groups: Any = None
    offset: Any = None


class Prepared(NamedTuple):
    """Hold the objective, the point theta, and the number of classes: None for the sigmoid."""

    objective: Objective
    theta: Vector
    classes: int | None

    def begun(self) -> Prepared:
        """Return it with w moved to the nearest that its penalty allows."""
        rows = self.theta.reshape(self.objective.columns, -1).copy()
        nearest = self.objective.penalty.prox(rows[:, :-1].reshape(-1), 0.0)
        rows[:, :-1] = nearest.reshape(len(rows), -1)
        return self._replace(theta=rows.reshape(-1))


class Examples(NamedTuple):
    """Hold what is given with the examples beside X and Y: weights (1, m) and an offset (1, m)."""

    weights: Any = None
    offset: Any = None


PLAIN = Examples()


def prepare(
    settings: Settings, w: Any, b: Any, X: Any, Y: Any, examples: Examples = PLAIN
) -> Prepared:
    """Check every argument; the columns of w tell how many classes there are."""
    design = _design(settings, X)
    n_x, m = design.n_x, design.m
    K = columns_of(w, n_x)
    if K == 1:
        weight = check_weights(examples.weights, m)
        y = check_targets(Y, m, weight, n_x=n_x, several=_SAID_BY_W)
        theta = np.empty(n_x + 1)
        theta[:-1], theta[-1] = check_w(w, n_x, m), check_number("b", b)
        binary = _binary(settings, design, y, weight)
        if examples.offset is not None:
            offset = check_offset(examples.offset, m)
            binary = penalised(binary, check_penalties(0.0, None, None, None, n_x), offset)
        return Prepared(binary, theta, None)
    if examples.offset is not None:
        raise ValueError(SEVERAL.format(K=K))
    W, b_ = check_w_of_classes(w, n_x, m, K), check_b_of_classes(b, K)
    labels = check_labels(Y, m, K, f"the {K} columns of w", n_x=n_x)
    weight = check_weights(examples.weights, m)
    objective = _softmax(settings, design, labels, K, weight)
    return Prepared(objective, objective.joined(W, b_), K)


def prepare_to_train(
    settings: Settings,
    w: Any,
    b: Any,
    X: Any,
    Y: Any,
    classes: int | None,
    weights: Any = None,
    between: bool = True,
) -> Prepared:
    """Check every argument; w None stands for zeros. between: whether Y may lie between 0 and 1.

    None or 2 classes are the lectures' sigmoid; more are softmax. It begins at w and b less their
    means over the classes: the same probabilities, and no larger a penalty.
    """
    design = _design(settings, X)
    n_x, m = design.n_x, design.m
    weight = check_weights(weights, m)
    if classes is None or classes == 2:
        y: Any
        if between:
            y = check_targets(Y, m, weight, both_classes=True, n_x=n_x, several=_SAID_BY_CLASSES)
        else:
            y = check_Y(Y, m, both_classes=True, n_x=n_x, several=_SAID_BY_CLASSES)
        K = columns_of(w, n_x)
        if K > 1 and len(w) == n_x:
            raise ValueError(
                f"w must have shape ({n_x}, 1) for two classes; got shape {np.shape(w)}. For {K} "
                f"classes pass classes={K}"
            )
        w_ = np.zeros(n_x) if w is None else check_w(w, n_x, m)
        theta = np.append(w_, check_number("b", b))
        return Prepared(_binary(settings, design, y, weight), theta, None)
    labels = check_labels(Y, m, classes, f"classes={classes}", n_x=n_x, every_class=True)
    if weight.size and not np.bincount(labels, weight, classes).all():
        empty = int(np.argmin(np.bincount(labels, weight, classes)))
        raise ValueError(
            f"weights must leave all {classes} classes to train on; the examples with label "
            f"{empty} weigh 0 together"
        )
    W = np.zeros((classes, n_x)) if w is None else check_w_of_classes(w, n_x, m, classes)
    if np.ndim(b) == 0:  # what all classes have in common changes nothing
        b_ = np.full(classes, check_number("b", b))
    else:
        b_ = check_b_of_classes(b, classes)
    objective = _softmax(settings, design, labels, classes, weight)
    return Prepared(objective, objective.joined(*softmax.centred(W, b_)), classes)


def with_elastic_net(
    settings: Settings,
    extras: Extras,
    w: Any,
    b: Any,
    X: Any,
    Y: Any,
    classes: int | None,
    weights: Any = None,
) -> Prepared:
    """Check every argument; the penalty may have corners, and w bounds.

    It begins at w, moved within the bounds.
    """
    objective, theta, K = prepare_to_train(settings, w, b, X, Y, classes, weights)
    checked = check_penalties(*extras[:4], objective.n_x)
    offset = NONE if extras.offset is None else check_offset(extras.offset, objective.m)
    return Prepared(penalised(objective, checked, offset), theta, K).begun()


def penalised(
    objective: Objective, checked: Penalties, offset: Vector, scale: Vector = NONE
) -> Objective:
    """Return an objective with another penalty, and an offset (m,) or none.

    scale (n_x,): of X, where bounds are on what w is for X itself. Raises ValueError for an offset
    with several classes.
    """
    K, design = objective.columns, objective.design
    penalty = penalty_from(checked, objective.lambda_, objective.total, K, scale)
    how = objective.backend, objective.n_threads, objective.weight, objective.intercept
    if K == 1:
        design, y, weight, offset = labelled(objective, offset)
        how = objective.backend, objective.n_threads, weight, objective.intercept
        return ElasticNetObjective(design, y, penalty, *how, offset)
    if offset.size:
        raise ValueError(SEVERAL.format(K=K))
    return PenalisedSoftmaxObjective(design, objective.targets, K, penalty, *how)


def _design(settings: Settings, X: Any) -> Design:
    backend = settings.backend
    check_choice("backend", backend, BACKENDS)
    BY_NAME[backend].require()
    any_form = BY_NAME[backend].any_form
    if not any_form:
        require_dense(X, backend)
    design: Design = design_of(X, settings.scale, settings.shift)
    if design.on_gpu is not None and not BY_NAME[backend].on_device:
        raise ValueError(
            f"backend must be 'cuda' for an X that lies on a GPU; got {backend!r}. Pass it, or "
            "bring X into memory: of CuPy X.get(), of a tensor X.cpu().numpy()"
        )
    if design.dense is None and not any_form:
        raise ValueError(
            f"backend must be 'fused' for a {type(X).__name__}, the others need X in memory; got "
            f"{backend!r}"
        )
    return design


def _binary(settings: Settings, design: Design, y: Any, weight: Vector) -> Objective:
    n_threads, lambda_ = _numbers(settings)
    return objective_for(design, y, lambda_, settings.backend, n_threads, weight)


def _softmax(
    settings: Settings, design: Design, labels: Any, classes: int, weight: Vector
) -> SoftmaxObjective:
    n_threads, lambda_ = _numbers(settings)
    return SoftmaxObjective(design, labels, classes, lambda_, settings.backend, n_threads, weight)


def _numbers(settings: Settings) -> tuple[int | None, float]:
    n_threads = settings.n_threads
    if n_threads is not None:
        n_threads = int(check_number("n_threads", n_threads, low=1, integer=True))
    return n_threads, check_number("lambda_", settings.lambda_, low=0)
