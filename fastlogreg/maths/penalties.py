"""What is added to the mean loss to keep w small. b is never penalised.

    L2    J = (1/S) sum s L + (decay / 2) ||w||^2        decay = lambda / S

S is the sum of the weights, m without weights. Kernels take decay as a plain number, and know no
other penalty: whoever calls one asks `plain` first.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np

from ..machine.blas import inner
from .arrays import Vector


class Line(NamedTuple):
    """Hold a penalty at a place on a line, and its first two derivatives there."""

    value: float
    first: float
    second: float


class Penalty(Protocol):
    """Say what w costs, as a part of J, and how that changes with w (n_x,).

    modulus: how strongly convex it is, the mu of the certificate: value - mu/2 ||w||^2 is convex; 0
    where there is no such mu. largest_curvature: of its second derivatives. plain: whether it is
    modulus / 2 ||w||^2, the one form that the kernels know. lambda_: its strength as users give it.
    """

    modulus: float
    largest_curvature: float
    plain: bool
    lambda_: float

    def value(self, w: Vector) -> float:
        """Return its part of J."""
        ...

    def add_gradient(self, w: Vector, gradient: Vector) -> None:
        """Add its derivative by w to gradient (n_x,), in place."""
        ...

    def add_curvature(self, diagonal: Vector) -> None:
        """Add its second derivatives, which are diagonal, to the diagonal (n_x,), in place."""
        ...

    def add_product(self, v: Vector, product: Vector) -> None:
        """Add its second derivatives times v (n_x,) to the product (n_x,), in place."""
        ...

    def along_line(self, w: Vector, d: Vector, t: float) -> Line:
        """Return its value at w + t d and the first two derivatives by t; d (n_x,)."""
        ...

    def prox(self, v: Vector, step: float) -> Vector:
        """Return the w at which ||w - v||^2 / 2 + step * value(w) is least."""
        ...

    def for_total(self, total: float) -> Penalty:
        """Return it for a sample whose weights sum to `total`, in proportion to them."""
        ...

    def settings(self) -> dict[str, str]:
        """Return in words what it is: runs with other words are other runs."""
        ...


class L2:
    """The ridge: (lambda / 2S) ||w||^2, as a part of J."""

    plain = True

    def __init__(self, lambda_: float, total: float) -> None:
        """total: S, the sum of the weights."""
        self.lambda_ = lambda_
        decay = float(lambda_) / total if total else math.inf
        if not math.isfinite(decay):  # J would be NaN
            raise ValueError(
                f"lambda_ over the sum of the weights must be finite; got {lambda_:.6g} / "
                f"{total:.6g}. Give larger weights, or a smaller lambda_ (a larger C)"
            )
        self.decay = self.modulus = self.largest_curvature = decay

    def value(self, w: Vector) -> float:
        return 0.5 * self.decay * inner(w, w)

    def add_gradient(self, w: Vector, gradient: Vector) -> None:
        gradient += self.decay * w

    def add_curvature(self, diagonal: Vector) -> None:
        diagonal += self.decay

    def add_product(self, v: Vector, product: Vector) -> None:
        product += self.decay * v

    def along_line(self, w: Vector, d: Vector, t: float) -> Line:
        w_t = w + t * d
        return Line(
            0.5 * self.decay * inner(w_t, w_t),
            self.decay * inner(w_t, d),
            self.decay * inner(d, d),
        )

    def prox(self, v: Vector, step: float) -> Vector:
        return np.asarray(v / (1.0 + step * self.decay))

    def for_total(self, total: float) -> L2:
        return L2(self.decay * total, total)

    def settings(self) -> dict[str, str]:
        return {"lambda_": repr(self.lambda_)}
