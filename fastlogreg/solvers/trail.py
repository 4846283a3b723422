"""What a path has told so far: the way from optimum to optimum, for the Hessian that is at hand.

    s = w1 - w0      y = g1 - g0      g: the gradient of the mean loss

A Hessian that was taken some penalties ago is made to fit every step since: H s = y, by the formula
of Broyden, Fletcher, Goldfarb and Shanno. The next penalty's optimum lies nearly in the direction
of the last two. H has changed from one of these steps to the other, and is taken to change as much
again: so a step looks half a penalty further than what is known, and its error is of third order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..maths.arrays import NONE, Vector


class Trail:
    """Keeps the last two steps from optimum to optimum, each as s and y.

    others: what judgements have told of the dual problem. stop: the last optimum, and the slopes.
    slopes: where a solver stands.
    """

    def __init__(self) -> None:
        self.others: tuple[Any, ...] = ()
        self.spans: list[Vector] = []
        self.stop: tuple[Vector, Vector] | None = None
        self.slopes = NONE

    def begin(self, theta: Vector, slopes: Vector) -> None:
        """Begin with a new penalty at the optimum of the last one."""
        if self.stop is not None:
            span = [theta - self.stop[0], slopes - self.stop[1]]
            self.spans = [*self.spans[-2:], *span] if span[0].any() else []
        self.stop = theta, slopes

    def ahead(self, features: NDArray[np.intp], H: Vector) -> Vector:
        """Return H as it is likely to be on the way to the next optimum."""
        if len(self.spans) < 4:
            return H
        from ..kernels.second_order.secants import look_ahead

        return np.asarray(look_ahead(H, features, np.array(self.spans)))


def fit(
    H: Vector, features: NDArray[np.intp], s: Vector, y: Vector, curvatures: tuple[float, float]
) -> None:
    """Make H, in place, fit a step of theta and of the slopes (n_x + 1,).

    curvatures: the mean of a (1 - a) before and after it.
    """
    from ..kernels.second_order.secants import change, take_chosen
    from ..kernels.second_order.secants import fit as fit_step

    parts = take_chosen(s, features), take_chosen(y, features)
    fit_step(H, *parts, change(*curvatures))
