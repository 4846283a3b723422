"""What L-BFGS remembers: long pairs give the direction of the two-loop recursion, and the same bits
on any number of threads and after a resume."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.kernels.curvature_pairs import CHUNK
from fastlogreg.maths.arrays import NONE
from fastlogreg.objective.point import Evaluation, Point
from fastlogreg.solvers import memory
from tests.helpers.comparison import WITHOUT_JIT

SIZES = [1, 8, 61] if WITHOUT_JIT else [1, 8, 61, CHUNK, 2 * CHUNK + 3]


class Quadratic:
    """J = theta H theta / 2, with H = diagonal + u u.T."""

    def __init__(self, size, seed=0):
        rng = np.random.default_rng(seed)
        self.bend, self.u = np.exp(rng.normal(size=size)), rng.normal(size=size) / size**0.5
        self.rng, self.size = rng, size

    def point(self, theta):
        gradient = self.bend * theta + self.u * (self.u @ theta)
        return Point(theta, Evaluation(0.5 * float(theta @ gradient), gradient, np.nan), None)

    def start(self):
        return self.point(self.rng.normal(size=self.size))


def long_pairs(size, diagonal=NONE, n_threads=1):
    return memory.LongPairs(SimpleNamespace(size=size, n_threads=n_threads), diagonal)


def diagonals(size):
    return {"none": NONE, "some": np.exp(np.random.default_rng(1).normal(size=size))}


def walk(problem, held, steps=25, dropped=(4,)):
    """Points along the way of the first memory; all of them see each step."""
    here, found = problem.start(), []
    for k in range(steps):
        directions = [one.direction(here.evaluation.gradient) for one in held]
        found.append(directions)
        following = problem.point(here.theta + 0.7 * directions[0][0])
        moved = [one.measure(here, following) for one in held]
        if not all(moved):
            break
        if k not in dropped:
            for one in held:
                one.keep()
        here = following
    return found, here


@pytest.mark.parametrize("scaled", ["none", "some"])
@pytest.mark.parametrize("size", SIZES)
def test_long_pairs_go_where_the_two_loops_go(size, scaled):
    diagonal = diagonals(size)[scaled]
    plain = memory.Pairs(diagonal if diagonal.size else 1.0, None)
    found, _ = walk(Quadratic(size), [plain, long_pairs(size, diagonal)])
    assert len(found) > 12 or size == 1
    for (d, slope), (d_long, slope_long) in found:
        near = 1e-9 * np.abs(d).max()
        np.testing.assert_allclose(d_long, d, rtol=0, atol=near)
        assert slope_long == pytest.approx(slope, rel=1e-9)


@pytest.mark.parametrize("scaled", ["none", "some"])
@pytest.mark.parametrize("size", SIZES[1:])
def test_long_pairs_have_the_same_bits_on_any_number_of_threads(size, scaled):
    diagonal = diagonals(size)[scaled]
    held = [long_pairs(size, diagonal, n) for n in (1, 2, 3, 7)]
    found, _ = walk(Quadratic(size), held)
    for (d, slope), *others in found:
        assert all((d == d2).all() and slope == slope2 for d2, slope2 in others)


@pytest.mark.parametrize("scaled", ["none", "some"])
@pytest.mark.parametrize("steps", [1, 3, 14, 23])
def test_long_pairs_go_on_with_the_same_bits(steps, scaled):
    size = SIZES[-1]
    diagonal = diagonals(size)[scaled]
    held = long_pairs(size, diagonal)
    _, here = walk(Quadratic(size), [held], steps)
    again = long_pairs(size, diagonal)
    again.put(held.pairs())
    gradient = here.evaluation.gradient
    d, slope = held.direction(gradient)
    d_again, slope_again = again.direction(gradient)
    assert (d == d_again).all()
    assert slope == slope_again
    other = np.ones(size)  # a gradient that was not measured
    assert (held.direction(other)[0] == again.direction(other)[0]).all()
    held.put([])
    assert (held.direction(gradient)[0] == long_pairs(size, diagonal).direction(gradient)[0]).all()


def test_a_step_that_moves_nothing_is_told():
    problem, held = Quadratic(8), long_pairs(8)
    here = problem.start()
    assert not held.measure(here, problem.point(here.theta.copy()))
    tiny = problem.point(here.theta * 1e-200), problem.point(here.theta * 2e-200)
    assert held.measure(*tiny)  # s.s is 0, s is not


def fit(solver, **options):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(12, 90)), rng.integers(0, 4, (1, 90))
    return flr.train(X, Y, classes=4, solver=solver, lambda_=1.0, tol=1e-9, **options)


def test_a_fit_with_long_pairs(monkeypatch):
    plain = fit("lbfgs")
    monkeypatch.setattr(memory, "LONG", 1)
    made, real = [], memory.LongPairs
    monkeypatch.setattr(memory, "LongPairs", lambda *given: made.append(given) or real(*given))
    found = {n: fit("lbfgs", n_threads=n) for n in (1, 2, 3)}
    assert made
    for one in found.values():
        assert one.stop_reason == "converged"
        np.testing.assert_allclose(one.w, plain.w, rtol=0, atol=1e-4)
        assert (one.w == found[1].w).all()
        assert np.array_equal(one.costs, found[1].costs)
