"""Passes over X on a GPU: they agree with the formulas, and have the same bits on every grid."""

from __future__ import annotations

import numba
import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.cuda import arrays, device, loss, sizes
from fastlogreg.maths.arrays import NONE
from fastlogreg.maths.logistic import LOGISTIC
from tests.cuda.simulated.problems import (
    CONVERTED,
    DTYPES,
    NUMPY,
    assert_agree,
    gpu,
    made,
    one_pass,
)


@pytest.mark.parametrize("compiled", [False, True])
def test_loss_and_derivatives_are_those_of_the_reference(compiled):
    function = loss.link
    if compiled:  # the same source, by the compiler of the CPU
        exp, log = numba.njit(loss.exp_of_minus), numba.njit(loss.log1p)
        function = numba.njit(loss.link_with(exp, log))
    z = np.concatenate([np.linspace(-40, 40, 801), [0.0, -0.0, 1e-300, 700, -745, 800, -1e20]])
    for y in (0, 1):
        wanted = LOGISTIC.terms(z[None], np.full((1, z.size), y, np.uint8))
        for k, at in enumerate(z):
            for got, want in zip(function(at, float(y)), (one[0, k] for one in wanted)):
                assert abs(got - want) <= 1e-15 * abs(want) + 1e-323
    assert all(np.isnan(value) for value in function(np.nan, 1.0))
    assert function(np.inf, 0.0)[0] == np.inf


def test_200_shapes_of_float64_agree_with_the_formulas():
    rng = np.random.default_rng(7)
    largest = 260 if device.is_simulated() else 9000
    backend = gpu()
    for k in range(200):
        m, n_x = int(rng.integers(1, 20)), int(rng.integers(1, 14))
        if k % 20 == 0:
            m, n_x = int(rng.integers(1, 5)), int(rng.integers(60, largest))
        problem = made(m, n_x, order="FC"[k % 2], seed=k)
        weight = problem.weight if k % 3 == 0 else NONE
        found = one_pass(backend, problem, weight)
        assert_agree(problem, found, one_pass(NUMPY, problem, weight), weight)


@pytest.mark.parametrize("order", ["F", "C"])
@pytest.mark.parametrize("dtype", DTYPES + CONVERTED)
def test_every_dtype_and_order(dtype, order):
    for n_x in (5, 8):  # of bytes 8 are two words
        problem = made(19, n_x, dtype, order)
        z, wanted_z = np.empty(19), np.empty(19)
        found = one_pass(gpu(), problem, problem.weight, zs=z)
        wanted = one_pass(NUMPY, problem, problem.weight, zs=wanted_z)
        assert_agree(problem, found, wanted, problem.weight)
        np.testing.assert_allclose(z, wanted_z, rtol=0, atol=1e-12)


@pytest.mark.parametrize("order", ["F", "C"])
def test_linear_passes(order):
    problem = made(21, 6, order=order)
    found = one_pass(gpu(), problem, problem.weight, linear=True)
    wanted = one_pass(NUMPY, problem, problem.weight, linear=True)
    np.testing.assert_allclose(found.dw, wanted.dw, rtol=1e-12)
    np.testing.assert_allclose([found.loss, found.db], [wanted.loss, wanted.db], rtol=1e-12)


def bits(sums):
    return np.concatenate([[sums.loss, sums.db, sums.slopes], sums.dw]).tobytes()


@pytest.mark.parametrize(
    ("dtype", "order", "n_x", "m"),
    [
        ("float64", "F", 5, 50),
        ("float32", "C", 5, 50),
        ("uint8", "F", 8, 50),
        ("float64", "F", 130, 80),
    ],
)
def test_same_bits_twice_on_every_grid_and_in_blocks(dtype, order, n_x, m, monkeypatch):
    problem = made(m, n_x, dtype, order)
    first = bits(one_pass(gpu(), problem, problem.weight))
    for grid in (1, 3, 100):
        assert bits(one_pass(gpu(grid), problem, problem.weight)) == first
    backend = gpu()
    assert bits(one_pass(backend, problem, problem.weight)) == first
    assert bits(one_pass(backend, problem, problem.weight)) == first
    # Now the GPU has room for two blocks of a few chunks, not for X.
    vectors = 8.0 * 12 * m
    free = (vectors + problem.design.X.nbytes * 0.9) / device.SPARED
    monkeypatch.setattr(device, "memory", lambda: device.Memory(free, 2 * free))
    assert bits(one_pass(gpu(), problem, problem.weight)) == first


def test_too_little_memory_is_said(monkeypatch):
    problem = made(50, 5)
    monkeypatch.setattr(device, "memory", lambda: device.Memory(4e3, 8e3))
    with pytest.raises(MemoryError, match=r"needs 6.08e-06 GB of the GPU's memory; 4e-06 GB of"):
        one_pass(gpu(), problem, NONE)


def test_examples_too_wide_for_registers_are_read_twice():
    own = arrays.sizes()
    widest = own.threads * sizes.IN_REGISTERS
    assert sizes.team_of(widest, 1, own) is not None
    assert sizes.team_of(widest + 1, 1, own) is None
    problem = made(5, widest + 3, plain=True)
    z, wanted_z = np.empty(5), np.empty(5)
    found = one_pass(gpu(), problem, problem.weight, zs=z)
    wanted = one_pass(NUMPY, problem, problem.weight, zs=wanted_z)
    assert_agree(problem, found, wanted, problem.weight)
    np.testing.assert_allclose(z, wanted_z, rtol=1e-12)


@pytest.mark.parametrize("n_x", range(1, 41))
def test_teams_cover_an_example(n_x):
    for own in (sizes.GPU, sizes.SIMULATED):
        for elements in (1, 4):
            words = 25 * n_x
            team = sizes.team_of(words * elements, elements, own)
            if team is None:
                continue
            assert (team.words - 1) * team.threads < words <= team.words * team.threads
            assert team.words * team.elements <= sizes.IN_REGISTERS
            assert own.threads % team.threads == 0
            assert team.rows <= min(team.threads, own.lanes)
            assert team.rows & (team.rows - 1) == 0


def test_chunks_have_few_sums_beside_x():
    for m, n_x, itemsize in ((2_000_000, 500, 8), (80_000, 12_288, 1), (20_000_000, 30, 4)):
        chunk = sizes.chunk_of(m, n_x, itemsize, sizes.GPU)
        chunks = -(-m // chunk)
        assert chunks <= sizes.GPU.chunks
        assert chunks * (n_x + sizes.HEAD) * 8 <= 0.05 * m * n_x * itemsize + 1e6


def test_nan_in_x_is_named():
    X = np.ones((3, 9))
    X[1, 4] = np.nan
    with pytest.raises(ValueError, match=r"got nan in row 4 \(example\), column 1"):
        flr.propagate(np.zeros((3, 1)), 0.0, X, np.ones((1, 9)), backend="cuda")
