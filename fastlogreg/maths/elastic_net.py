"""The elastic net, with weights for the features and bounds on w; b is never penalised.

    P(w) = sum l1_j |w_j| + l2_j / 2 w_j^2,  lower_j <= w_j <= upper_j

    l1_j = lambda l1_ratio f_j / S      l2_j = lambda (1 - l1_ratio) f_j / S

f_j is the penalty weight of feature j: 0 leaves it free, infinity leaves it out. S is the sum of
the weights of the examples. scikit-learn's objective is S J with C = 1 / lambda. glmnet's lambda is
lambda / S, its alpha is l1_ratio; it makes the penalty weights sum to n_x, here they are taken as
they are.

What the dual problem asks of P, for slopes G (n_x,) of the loss:

    conjugate        max over w of -G.w - P(w)
    hard             coordinates that it is infinite for, unless |G_j| <= l1_j: no l2, no bound
    largest_scale    the largest t <= 1 for which t G is finite there
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
from numpy.typing import NDArray

from ..machine.blas import inner
from .arrays import NONE, Vector
from .penalties import Line


class ElasticNet:
    """L1, L2 or both, as above; without bounds every w is allowed.

    factors (n_x,): the penalty weights. share: of l1 and l2 that counts, for the start of a path.
    """

    plain = False
    group: NDArray[np.intp] | None = None  # (n_x,), of features that move together

    def __init__(
        self,
        lambda_: float,
        l1_ratio: float,
        total: float,
        factors: Vector,
        lower: Vector = NONE,
        upper: Vector = NONE,
    ) -> None:
        self.lambda_, self.l1_ratio, self.total, self.factors = lambda_, l1_ratio, total, factors
        strength = float(lambda_) / total if total else math.inf
        if not math.isfinite(strength):
            raise ValueError(
                f"lambda_ over the sum of the weights must be finite; got {lambda_:.6g} / "
                f"{total:.6g}. Give larger weights, or a smaller lambda_ (a larger C)"
            )
        n_x = factors.size
        self.lower = lower if lower.size else np.full(n_x, -np.inf)
        self.upper = upper if upper.size else np.full(n_x, np.inf)
        left_out = np.isinf(factors)
        if left_out.any():
            self.lower = np.where(left_out, 0.0, self.lower)
            self.upper = np.where(left_out, 0.0, self.upper)
        counted = np.where(left_out, 0.0, factors)
        self.l1 = strength * l1_ratio * counted
        self.l2 = strength * (1.0 - l1_ratio) * counted
        self.modulus = float(self.l2.min()) if n_x else 0.0
        self.largest_curvature = float(self.l2.max()) if n_x else 0.0

    def value(self, w: Vector) -> float:
        return inner(self.l1, np.abs(w)) + 0.5 * inner(self.l2 * w, w)

    def add_gradient(self, w: Vector, gradient: Vector) -> None:
        """Make of the slopes of the loss the derivative nearest to 0 that J has there."""
        gradient[:] = self.least_slopes(w, gradient)

    def add_curvature(self, diagonal: Vector) -> None:
        diagonal += self.l2

    def add_product(self, v: Vector, product: Vector) -> None:
        product += self.l2 * v

    def along_line(self, w: Vector, d: Vector, t: float) -> Line:
        w_t = w + t * d
        smooth = self.l2 * w_t + self.l1 * np.sign(w_t)
        return Line(self.value(w_t), inner(smooth, d), inner(self.l2 * d, d))

    def prox(self, v: Vector, step: float) -> Vector:
        shrunk = np.sign(v) * np.maximum(np.abs(v) - step * self.l1, 0.0)
        return np.clip(shrunk / (1.0 + step * self.l2), self.lower, self.upper)

    def for_total(self, total: float) -> ElasticNet:
        share = total / self.total
        return ElasticNet(
            self.lambda_ * share, self.l1_ratio, total, self.factors, self.lower, self.upper
        )

    def free(self) -> NDArray[np.bool_]:
        """Tell which features have no penalty, and may move."""
        return (self.l1 == 0.0) & (self.l2 == 0.0) & (self.lower < self.upper)

    def with_alone(self, moving: NDArray[np.bool_]) -> ElasticNet:
        """Return it where the other features stay at what is nearest to 0."""
        rest = self.clipped(np.zeros(moving.size))
        lower, upper = (np.where(moving, bound, rest) for bound in (self.lower, self.upper))
        return ElasticNet(self.lambda_, self.l1_ratio, self.total, self.factors, lower, upper)

    def with_lambda(self, lambda_: float) -> ElasticNet:
        """Return it with another strength."""
        return ElasticNet(lambda_, self.l1_ratio, self.total, self.factors, self.lower, self.upper)

    def settings(self) -> dict[str, str]:
        found = {"lambda_": repr(self.lambda_), "l1_ratio": repr(self.l1_ratio)}
        for name, values in (
            ("penalty_weights", self.factors),
            ("lower bounds", self.lower),
            ("upper bounds", self.upper),
        ):
            found[name] = hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
        return found

    def clipped(self, w: Vector) -> Vector:
        """Return w (n_x,) within the bounds."""
        return np.clip(w, self.lower, self.upper)

    def least_slopes(self, w: Vector, slopes: Vector) -> Vector:
        """Return the derivatives of J nearest to 0 (n_x,), from those of the loss; 0 at an optimum.

        At 0 and at a bound J has a derivative to either side; one that is not downhill counts as 0.
        """
        smooth = slopes + self.l2 * w
        up = smooth + np.where(w >= 0.0, self.l1, -self.l1)
        down = smooth + np.where(w > 0.0, self.l1, -self.l1)
        found = np.where((w < self.upper) & (up < 0.0), up, 0.0)
        return np.where((w > self.lower) & (down > 0.0), down, found)

    def excess(self, w: Vector, slopes: Vector) -> Vector:
        """Return each slope over what holds the weight at 0, (n_x,); negative where it is fixed."""
        found = np.full(w.size, np.inf)
        np.divide(np.abs(slopes), self.l1, out=found, where=self.l1 > 0.0)
        return np.where(self.lower < self.upper, found, -1.0)

    def whole(self, features: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the features (sorted) with those that move together with one of them."""
        return features

    def held_at_zero(self, G: Vector, reach: Vector) -> NDArray[np.bool_]:
        """Tell which weights are 0 where the slopes of the dual optimum are within reach of G."""
        inside = (self.lower <= 0.0) & (self.upper >= 0.0)
        above = (-G + reach < self.l1) | (self.upper == 0.0)
        below = (G + reach < self.l1) | (self.lower == 0.0)
        return np.asarray(inside & above & below)

    @property
    def hard_above(self) -> NDArray[np.bool_]:
        """Tell for which features -G_j must not exceed l1_j."""
        return (self.l2 == 0.0) & np.isinf(self.upper)

    @property
    def hard_below(self) -> NDArray[np.bool_]:
        """Tell for which features G_j must not exceed l1_j."""
        return (self.l2 == 0.0) & np.isinf(self.lower)

    def largest_scale(self, G: Vector) -> float:
        """Return the largest t in [0, 1] for which the conjugate of t G is finite."""
        pull = np.where(self.hard_above, -G, 0.0)
        pull = np.maximum(pull, np.where(self.hard_below, G, 0.0))
        beyond = pull > self.l1
        if not beyond.any():
            return 1.0
        return float((self.l1[beyond] / pull[beyond]).min())

    def conjugate(self, G: Vector) -> float:
        """Return max over w of -G.w - P(w); G is within `largest_scale`."""
        pull = np.abs(G) - self.l1
        way = np.where(pull > 0.0, -np.sign(G), 0.0)
        far = np.where(way > 0.0, self.upper, np.where(way < 0.0, self.lower, 0.0))
        curved = self.l2 > 0.0
        t = np.divide(way * np.maximum(pull, 0.0), self.l2, out=far, where=curved)
        t[~np.isfinite(t)] = 0.0  # a hard one, beyond l1 by rounding
        t = self.clipped(t)
        return float(np.sum(-G * t - self.l1 * np.abs(t) - 0.5 * self.l2 * t * t))

    def unpenalised(self, w: Vector) -> NDArray[np.bool_]:
        """Tell for which features G_j must be 0: no penalty, and no bound that is touched."""
        bare = (self.l1 == 0.0) & (self.l2 == 0.0)
        open_ = np.isinf(self.lower) | np.isinf(self.upper)
        return bare & open_ & (w != self.lower) & (w != self.upper)
