"""All backends give the cost, dw and db of the lectures' formulas, on whatever X they are given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import fastlogreg as flr
from tests.helpers.comparison import (
    BORDERS_M,
    BORDERS_N,
    COMPARISONS,
    CONVERTED,
    IN_PLACE,
    MAGNITUDES,
    ON_CPU,
    ORDERS,
    WITHOUT_JIT,
    Comparison,
    Problem,
    arrays,
    exact,
    problems,
)


def check_against_exact(result, expected, what):
    for name, got, wanted, tolerance in zip(
        ("cost", "dw", "db"), result, expected, expected.tolerances
    ):
        error = np.abs(got - wanted)
        assert np.all(error <= tolerance), (
            f"{name} of {what} is {np.max(error / tolerance):.3g} tolerances off"
        )


def check(problem, backend):
    w, b, X, Y, options = arrays(problem)
    result = flr.propagate(w, b, X, Y, backend=backend, **options)
    assert (type(result.cost), result.dw.shape, type(result.db)) == (float, w.shape, float)
    expected = exact(w, b, X, Y, **options, literal=COMPARISONS[backend].literal)
    check_against_exact(result, expected, f"{backend} on {problem}")
    assert flr.cost(w, b, X, Y, backend=backend, **options) == result.cost


def test_the_table_names_every_backend_of_the_cpu():
    assert sorted(COMPARISONS) == sorted(ON_CPU)


@pytest.mark.parametrize("backend", COMPARISONS)
@given(data=st.data())
@settings(max_examples=25 if WITHOUT_JIT else 60)
def test_agreement(backend, data):
    check(data.draw(problems(COMPARISONS[backend])), backend)


@pytest.mark.parametrize("backend", COMPARISONS)
def test_agreement_on_every_dtype_and_order(backend):
    comparison = COMPARISONS[backend]
    for k, dtype in enumerate(comparison.dtypes):
        for order in comparison.orders:
            check(Problem(13, 9, dtype, order, 30.0, "per feature", 0.1, seed=k), backend)


@pytest.mark.skipif(WITHOUT_JIT, reason="millions of elements, one by one")
@pytest.mark.parametrize("order", ["example-major", "feature-major", "strided"])
@pytest.mark.parametrize(
    ("m", "n_x"),
    [(193, 2047), (193, 2049), (400, 2500), (50_000, 3), (20_011, 17), (5, 30_011)],
    ids=lambda size: str(size),
)
def test_agreement_of_the_fused_kernel_on_shapes_of_every_blocking(m, n_x, order):
    for dtype in ("float64", "uint8", "float16"):
        check(Problem(m, n_x, dtype, order, 30.0, "per feature", seed=m), "fused")


def test_agreement_of_training():
    """The four backends make the same iterates."""
    w, b, X, Y, _ = arrays(Problem(11, 4, seed=3))
    runs = [
        flr.train(X, Y, w=w, b=b, alpha=0.05, iterations=20, lambda_=0.5, backend=name)
        for name in COMPARISONS
    ]
    for run in runs[1:]:
        np.testing.assert_allclose(run.costs, runs[0].costs, rtol=1e-12)
        np.testing.assert_allclose(run.w, runs[0].w, rtol=1e-11)


@pytest.mark.parametrize("wrong", ["cost", "dw", "db"])
@pytest.mark.parametrize("magnitude", [1.0, 700.0])
def test_a_wrong_last_digit_is_noticed(wrong, magnitude):
    """The check of this file is able to fail: on an error of 1e-10 in one component, also of a tiny
    J."""
    w, b, X, Y, _ = arrays(Problem(7, 3, magnitude=magnitude, seed=1))
    expected = exact(w, b, X, Y)
    good = flr.Propagation(float(expected.cost), expected.dw.astype(float), float(expected.db))
    check_against_exact(good, expected, "the oracle itself")
    part = getattr(good, wrong)
    bump = 1e-10 * (1 + np.abs(X).max() if wrong == "dw" else 1) * max(1.0, magnitude)
    bad = good._replace(**{wrong: part + bump})
    with pytest.raises(AssertionError, match=f"{wrong} of a wrong one"):
        check_against_exact(bad, expected, "a wrong one")


def test_the_tolerance_shrinks_with_the_cost():
    w, b, X, Y = np.array([[1.0]]), -600.0, np.array([[0.5]]), np.zeros((1, 1), np.uint8)
    expected = exact(w, b, X, Y)
    assert 0 < expected.cost < 1e-250
    assert expected.tolerances[0] < 1e-8 * expected.cost


def test_the_generator_spreads():
    """Over 500 problems: every dtype, order, magnitude and border, single examples and features,
    several chunks."""
    drawn = []

    @given(problems(Comparison(60_000, IN_PLACE + CONVERTED, ORDERS)))
    @settings(max_examples=500, phases=[Phase.generate], derandomize=True, database=None)
    def draw(problem):
        drawn.append(problem)

    draw()
    assert {p.dtype for p in drawn} == set(IN_PLACE + CONVERTED)
    assert {p.order for p in drawn} == set(ORDERS)
    assert {p.magnitude for p in drawn} == set(MAGNITUDES)
    assert {p.m for p in drawn} >= set(BORDERS_M)
    assert {p.n_x for p in drawn} >= set(BORDERS_N)
    assert {p.folded for p in drawn} == {"none", "numbers", "per feature"}
    assert {p.labels for p in drawn} == {"both", "zeros", "ones"}
    assert len({p.seed for p in drawn}) > 100
    assert sum(p.m > 192 and p.order == "feature-major" for p in drawn) > 3


def test_the_generated_arrays_are_what_the_problem_says():
    for k, dtype in enumerate(IN_PLACE + CONVERTED):
        for order in ORDERS:
            w, b, X, Y, options = arrays(Problem(40, 6, dtype, order, 700.0, "per feature", seed=k))
            assert (X.shape, X.dtype, Y.shape) == ((6, 40), np.dtype(dtype), (1, 40))
            assert X.flags.f_contiguous == (order in ("example-major", "read-only"))
            assert X.flags.c_contiguous == (order == "feature-major")
            assert X.flags.writeable == (order != "read-only")
            assert len(np.unique(X)) > 1
            assert 0 < Y.sum() < 40
            z = w.T @ (options["scale"] * X.astype(float) + options["shift"]) + b
            assert 50 < np.abs(z).max() < 7000
