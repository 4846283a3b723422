"""X of bytes in integer arithmetic: digits, sums of products, Gram matrix, and the choice of that way."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from comparison import WITHOUT_JIT, exact
from hypothesis import given
from hypothesis import strategies as st

import fastlogreg as flr
from fastlogreg import design_matrix, passes
from fastlogreg.design_matrix import DesignMatrix
from fastlogreg.kernels import digits

rng = np.random.default_rng(0)
here = pytest.mark.skipif(not digits.has_byte_products(), reason="a CPU without AVX-512 VNNI: X of bytes is widened")


def rounded_up(v):
    return np.concatenate([v, np.zeros(-v.size % 8)])


def split(v):
    d = np.zeros(digits.DIGITS * (-(-v.size // 64) * 64), np.int8)
    return d, digits.split(rounded_up(v), v.size, d)


def whole(d, count):
    """What the digits stand for, in units: integers of any size."""
    by_digit = d.reshape(-1, digits.DIGITS, 64).transpose(1, 0, 2).reshape(digits.DIGITS, -1)[:, :count]
    return sum(by_digit[k].astype(object) * 256**k for k in range(digits.DIGITS))


@given(st.lists(st.floats(-1e300, 1e300) | st.floats(-1.0, 1.0), min_size=1, max_size=150))
def test_digits_are_the_number_rounded_to_units(values):
    v = np.array(values)
    d, unit = split(v)
    largest = np.abs(v).max()
    assert unit / 2 <= max(largest * 2.0**-54, 2.0**-1023)
    for number, found in zip(v, whole(d, v.size)):
        assert abs(number / unit - float(found)) <= 0.5 or abs(int(number / unit) - found) <= 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_makes_everything_nan(bad):
    assert np.isnan(split(np.array([1.0, bad, 2.0]))[1])
    X = rng.integers(0, 256, (100, 9), dtype=np.uint8)
    w = np.zeros((100, 1))
    w[5] = bad
    design = DesignMatrix(X, np.ones(100), np.zeros(100))
    J, dw, db, _ = passes.fused(design, np.zeros(9, np.uint8), w[:, 0], 0.0, n_threads=1)
    assert np.isnan([J, db]).all()
    assert np.isnan(dw).all()


@here
@pytest.mark.parametrize("rows", [1, 2, 3, 7, 8, 9, 64, 65, 130])
@pytest.mark.parametrize("length", [1, 8, 63, 64, 65, 100, 128, 500])
def test_sums_of_products(rows, length):
    """Exact but for the rounding at the end, from rows that are not aligned and do not follow one another."""
    stride, start = length + 5, 3
    x = rng.integers(0, 256, start + rows * stride, dtype=np.uint8)
    rows_of_x = np.stack([x[start + i * stride :][:length] for i in range(rows)]).astype(object)
    v, u = rng.normal(size=length), rng.normal(size=rows)

    d, unit = split(v)
    z = np.zeros(rounded_up(u).size)
    digits.byte_dots(x, start, stride, rows, length, d, unit, z, 0)
    expected = np.array([float(s) for s in rows_of_x @ whole(d, length)]) * unit
    np.testing.assert_allclose(z[:rows], expected, rtol=0, atol=1e-15 * 255 * np.abs(v).sum())

    d, unit = split(u)
    out = np.zeros(rounded_up(v).size)
    digits.byte_axpys(x, start, stride, rows, length, d, unit, out)
    expected = np.array([float(s) for s in whole(d, rows) @ rows_of_x]) * unit
    np.testing.assert_allclose(out[:length], expected, rtol=0, atol=1e-15 * 255 * np.abs(u).sum())


@here
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_largest_integers_do_not_overflow(sign):
    """Bytes of 255 with digits of -128 or 127: rows longer than a segment, and as many rows as a block has."""
    worst = sign * (1.0 - 2.0**-8 if sign > 0 else 0.5 + 2.0**-9)
    for length, rows in ((2 * digits.SEGMENT + 70, 8), (64, 4096)):
        x = np.full(length * rows, 255, np.uint8)
        d, unit = split(np.full(length, worst))
        z = np.zeros(rows)
        digits.byte_dots(x, 0, length, rows, length, d, unit, z, 0)
        np.testing.assert_allclose(z, 255 * worst * length, rtol=1e-15)
        d, unit = split(np.full(rows, worst))
        out = np.zeros(rounded_up(np.empty(length)).size)
        digits.byte_axpys(x, 0, length, rows, length, d, unit, out)
        np.testing.assert_allclose(out[:length], 255 * worst * rows, rtol=1e-15)


@here
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(96, 1), (100, 200), (500, 1100), (2048, 50), (3000, 40)])
def test_both_ways_agree(shape, order, monkeypatch):
    """As integers and widened to float64: the same pass, to rounding; weights and the linear link included."""
    if WITHOUT_JIT:
        shape = min(shape[0], 100), min(shape[1], 40)
    X = np.asarray(rng.integers(0, 256, shape, dtype=np.uint8), order=order)
    n_x, m = shape
    y, weight, w = (rng.random(m) < 0.5).astype(np.uint8), rng.random(m), rng.normal(size=n_x) / n_x
    found = []
    for features in ((10**9, 10**9), (96, 16)):
        monkeypatch.setattr(design_matrix, "BYTES", features)
        design = DesignMatrix(X, np.full(n_x, 1 / 255), np.full(n_x, -0.5))
        assert design.of_bytes == (features[0] < 10**9 and (order == "F" or n_x <= design_matrix.WIDE))
        zs = np.empty(m)
        for linear in (False, True):
            sums = passes.fused(design, y, w, 0.2, n_threads=2, weight=weight, linear=linear, zs=zs)
            found.append((*sums[:3], zs.copy()))
    for widened, integers in zip(found[:2], found[2:]):
        for one, other in zip(widened, integers):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14 * m)


@here
@pytest.mark.parametrize("order", ["C", "F"])
def test_boolean_X(order):
    X = np.asarray(rng.random((130, 70)) < 0.5, order=order)
    w, Y = rng.normal(size=(130, 1)) / 10, (np.arange(70) % 2)[None]
    assert DesignMatrix(X, np.ones(130), np.zeros(130)).of_bytes
    for got, wanted, tolerance in zip(flr.propagate(w, 0.1, X, Y), (e := exact(w, 0.1, X, Y)), e.tolerances):
        assert np.all(np.abs(got - wanted) <= tolerance)


@here
@pytest.mark.parametrize("m", [7, 8, 13, 14, 29, 56, 60])
@pytest.mark.parametrize("n_x", [96, 1100])
def test_the_gram_matrix_is_exact(m, n_x):
    X = np.asfortranarray(rng.integers(0, 256, (n_x, m), dtype=np.uint8))
    design = DesignMatrix(X, np.ones(n_x), np.zeros(n_x))
    assert design.gram_of_bytes
    expected = X.T.astype(np.int64) @ X.astype(np.int64)
    for n_threads in (1, 2, 3):
        np.testing.assert_array_equal(design.gram(n_threads), expected)
    seen = X / 255 - 0.5
    scaled = design.rescaled(np.full(n_x, 1 / 255), np.full(n_x, -0.5))
    np.testing.assert_allclose(scaled.gram(), seen.T @ seen, rtol=1e-12, atol=1e-12 * n_x)
    by_feature = design.rescaled(rng.random(n_x), np.zeros(n_x))
    assert not by_feature.gram_of_bytes
    seen = X * by_feature.scale[:, None]
    np.testing.assert_allclose(by_feature.gram(), seen.T @ seen, rtol=1e-12)


def test_a_cpu_without_the_instruction(monkeypatch):
    assert digits.has_byte_products("-avx,+avx512bw,+avx512vnni")
    assert digits.has_byte_products("+avx512bw,-avx512vnni") == digits.has_byte_products("") == WITHOUT_JIT
    X = np.asfortranarray(rng.integers(0, 256, (100, 9), dtype=np.uint8))
    monkeypatch.setattr(digits, "has_byte_products", lambda: False)
    assert not DesignMatrix(X, np.ones(100), np.zeros(100)).of_bytes


@pytest.mark.skipif(WITHOUT_JIT, reason="what is compiled is what is looked at")
def test_numbas_own_settings_are_heeded():
    """With the CPU's vectors switched off, X of bytes is widened, and the answer is the same."""
    code = """if True:
        import numpy as np, fastlogreg as flr
        from fastlogreg.kernels.digits import has_byte_products
        X = np.arange(20_000, dtype=np.int64).astype(np.uint8).reshape(100, 200)
        w = np.full((100, 1), 1e-3)
        print(has_byte_products(), f"{flr.cost(w, 0.0, X, (np.arange(200) % 2)[None]):.12f}")
    """
    found = []
    for settings in ({"NUMBA_ENABLE_AVX": "0"}, {"NUMBA_CPU_NAME": "generic"}, {}):
        environ = {**os.environ, **settings}
        done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        found.append(done.stdout.split())
    assert [answer[0] for answer in found[:2]] == ["False", "False"]
    assert len({answer[1] for answer in found}) == 1
