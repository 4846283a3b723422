"""How far a point can be from the optimum: proved bounds on J - J*.

J = (1/S) sum s L + P(w), where P is strongly convex with modulus mu (L2: lambda / S). So is
F(w) = min over b of J(w, b), whose gradient is dw at the best b, and F(w) - J* is at most
||grad F(w)||^2 / (2 mu). Three ways to come to the best b:

At it. Where db = 0 the gradient dw is that of F: J - J* <= ||dw||^2 / (2 mu).

By a Hessian. q = p - t s, with s = p (1 - p) and t = db / c, adds up to the labels, and lies
between 0 and 1 where |t| < 1: a point of the dual problem. c is the curvature along b, h the column
of the Hessian that belongs to b. Its value gives

    J - J* <= ||dw - t h||^2 / (2 mu) + db^2 / (2 c (1 - |t|))

By some examples. Any q between 0 and 1 with sum s (q - y) = 0 is a point of the dual problem. With
r = dw + (1/S) sum s (q - p) x its value gives

    J - J* <= (1/S) sum s KL(q, p) + ||r||^2 / (2 mu)

KL(q, p) = q log(q / p) + (1 - q) log((1 - q) / (1 - p)). Let H = (1/S) sum k x1 x1.T, with x1 = [x,
1], be a sum over some examples, and the penalty with it. With u = H^-1 [dw, db] the change q - p =
-(k / s) x1.u of these examples alone leaves r = mu u, which is next to nothing. Then the first term
counts, and it is 1/2 g.u where k is each example's own s p (1 - p): the distance itself, in the
Hessian's own metric. Where k is n times as much, as in a sample, it is n times that.

By the radius. Moving b to its best moves every dz the same way, by |db| in sum, so dw changes by at
most R |db|, R being the largest ||x||. The third derivative of the loss is at most the second, so
the move costs at most |db| r / (1 - r) with r = |db| / c:

    J - J* <= (||dw|| + R |db|)^2 / (2 mu) + |db| r / (1 - r)

Without a penalty (lambda = 0) there is no mu. With nu^2 = g H^-1 g and r = nu max sqrt(x H^-1 x), x
having its 1, the third derivative bounds how fast H can shrink on the way. Where r < 1 there is an
optimum, and

    J - J* <= nu^2 (-log(1 - r) / r)

Several classes have a b each. With r the gradient by b and u = H_bb^+ r (H_bb: the block of the
Hessian that belongs to b), q = p - (diag(p) - p p.T) u adds up to the labels, and is a point of the
dual problem where max u - min u < 1. As for two classes

    J - J* <= ||dW - H_Wb u||^2 / (2 mu) + r.u / (2 (1 - (max u - min u)))

The third derivative of softmax's loss along a direction is at most the second, times the largest
difference of two z of an example along it. So without a penalty the bound for two classes holds
with r = nu max sqrt(v H^+ v), v = (e_k - e_l) (x) x over all examples and pairs of classes.

With another length than R the one by the radius is an estimate, and no proof.

Rounding is in none of these. Who reports a bound adds `ROUNDING` times J, and `of_scores` for
the rounding of z. A pass sees z + e in place of z: exact sums of these would be off by the mean of
e^2 / 8 at most, since da/dz <= 1/4. The sums round too, by about as much times the mean of |dz x|.
With one strong convexity constant for all directions that would make a bound far above the
distance, where columns are far from 0: it is left out. So on columns 1e8 times further from 0 than
they are wide a bound near 2^-52 J is an estimate.
"""

from __future__ import annotations

from math import inf, log1p

ROUNDING = 2.0**-52  # of J: what the sum of the losses and its quotient are off by, at least
CLEARLY_BELOW_ONE = 0.99  # what r must be below for a proof without a penalty


def suboptimality_bound(
    dw_norm: float, db: float, curvature: float, radius: float, modulus: float
) -> float:
    """Return the bound by the radius, from ||dw||, |db|, the curvature of J along b, and R.

    It is infinite where db is not small beside the curvature.
    """
    rho = db / curvature if curvature > 0.0 else (0.0 if db == 0.0 else 1.0)
    if rho >= 1.0:
        return inf
    slope = dw_norm + radius * db
    return slope * slope / (2.0 * modulus) + db * rho / (1.0 - rho)


def at_best_bias(squares: float, modulus: float) -> float:
    """Return the bound where db is 0; squares: ||dw||^2."""
    return squares / (2.0 * modulus)


def bound_by_hessian(squares: float, db: float, curvature: float, modulus: float) -> float:
    """Return the bound by a Hessian; squares: ||dw - t h||^2 with t = db / curvature."""
    if db == 0.0:
        return squares / (2.0 * modulus)
    t = abs(db) / curvature if curvature > 0.0 else 1.0
    if t >= 1.0:
        return inf
    return squares / (2.0 * modulus) + 0.5 * db * db / (curvature * (1.0 - t))


def bound_by_dual(divergence: float, squares: float, modulus: float) -> float:
    """Return the bound by any point of the dual problem.

    divergence: (1/S) sum s KL(q, p). squares: ||r||^2.
    """
    return divergence + squares / (2.0 * modulus)


def bound_for_classes(squares: float, gain: float, spread: float, modulus: float) -> float:
    """Return the bound for several classes.

    squares: ||dW - H_Wb u||^2. gain: r.u. spread: max u - min u.
    """
    if not spread < 1.0:  # also where it is NaN
        return inf
    return squares / (2.0 * modulus) + 0.5 * max(gain, 0.0) / (1.0 - spread)


def bound_without_penalty(nu: float, r: float) -> float:
    """Return the bound for lambda = 0; infinite where r is not clearly below 1.

    Along a direction in which the likelihood rises for ever r is 1; rounding may bring it below.
    """
    if not r < CLEARLY_BELOW_ONE:
        return inf
    return nu * nu * (-log1p(-r) / r if r > 0.0 else 1.0)


def of_scores(size: float) -> float:
    """Return what the rounding of z can hide of J - J*; size: that of the terms of z."""
    return 0.125 * (ROUNDING * size) ** 2
