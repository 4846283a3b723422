"""X of bytes in integer arithmetic: digits, sums of products, Gram matrix, and the choice of that
way."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba.core.registry import cpu_target

import fastlogreg as flr
from fastlogreg.backends import fused, gram
from fastlogreg.data import dense
from fastlogreg.data.dense import DesignMatrix
from fastlogreg.kernels import layout
from fastlogreg.kernels.uint8 import avx2, avx2_gram, avx512, avx512_axpys, choice
from tests.helpers.comparison import WITHOUT_JIT, exact
from tests.helpers.limits import HANG

rng = np.random.default_rng(0)
FEATURES = set(cpu_target.target_context.codegen().magic_tuple()[2].split(","))
here = pytest.mark.skipif(choice.WAY is None, reason="a CPU without AVX2: X of bytes is widened")


class Way(NamedTuple):
    """One of the two ways, with names in common."""

    bits: int
    digits: int
    group: int
    dtype: type
    segment: int
    most_rows: int
    split: Any
    dots: Any
    axpys: Any
    gram: Any
    gram_columns: int
    least_gram: int


def ways():
    """Both; each needs its instruction where code is compiled."""
    of_bytes = Way(
        8,
        avx512.DIGITS,
        64,
        np.int8,
        avx512.SEGMENT,
        4096,
        avx512.split,
        avx512.byte_dots,
        avx512_axpys.byte_axpys,
        avx512.byte_gram,
        avx512.GRAM,
        avx512.DIGITS,
    )
    of_words = Way(
        14,
        avx2.DIGITS,
        16,
        np.int16,
        avx2.SEGMENT,
        2 * avx2.ROWS + 3,
        avx2.split_words,
        avx2.word_dots,
        avx2.word_axpys,
        avx2_gram.word_gram,
        avx2_gram.GRAM,
        1,
    )
    vnni = WITHOUT_JIT or {"+avx512vnni", "+avx512bw"} <= FEATURES
    has_avx2 = WITHOUT_JIT or "+avx2" in FEATURES
    yield pytest.param(
        of_bytes,
        id="digits",
        marks=pytest.mark.skipif(not vnni, reason="a CPU without AVX-512 VNNI"),
    )
    yield pytest.param(
        of_words, id="words", marks=pytest.mark.skipif(not has_avx2, reason="a CPU without AVX2")
    )


both = pytest.mark.parametrize("way", list(ways()))


def rounded_up(v):
    return np.concatenate([v, np.zeros(-v.size % 8)])


def split(way, v):
    d = np.ones(way.digits * (-(-v.size // way.group) * way.group), way.dtype)
    return d, way.split(rounded_up(v), v.size, d)


def whole(way, d, count):
    """What the digits stand for, in units: integers of any size."""
    by_digit = (
        d.reshape(-1, way.digits, way.group).transpose(1, 0, 2).reshape(way.digits, -1)[:, :count]
    )
    return sum(by_digit[k].astype(object) * 2 ** (way.bits * k) for k in range(way.digits))


@both
@given(values=st.lists(st.floats(-1e300, 1e300) | st.floats(-1.0, 1.0), min_size=1, max_size=150))
def test_digits_are_the_number_rounded_to_units(way, values):
    v = np.array(values)
    d, unit = split(way, v)
    largest = np.abs(v).max()
    assert unit / 2 <= max(largest * 2.0**-54, 2.0**-1023)
    for number, found in zip(v, whole(way, d, v.size)):
        assert abs(number / unit - float(found)) <= 0.5 or abs(int(number / unit) - found) <= 1


@both
def test_digits_of_the_largest_numbers(way):
    """Just below a power of two, of either sign, and halves between two integers."""
    for largest in (1.0 - 2.0**-53, 2.0**-1, 1.5):
        v = np.array([largest, -largest, largest / 3, 2.0**-54 * 2.5, -(2.0**-30), 0.0])
        d, unit = split(way, v)
        for number, found in zip(v, whole(way, d, v.size)):
            assert abs(Fraction(number) / Fraction(unit) - found) <= Fraction(1, 2)


@both
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_makes_everything_nan(way, bad):
    assert np.isnan(split(way, np.array([1.0, bad, 2.0]))[1])
    X = rng.integers(0, 256, (100, 9), dtype=np.uint8)
    w = np.zeros((100, 1))
    w[5] = bad
    design = DesignMatrix(X, np.ones(100), np.zeros(100))
    J, dw, db, _ = fused.fused(design, np.zeros(9, np.uint8), w[:, 0], 0.0, n_threads=1)
    assert np.isnan([J, db]).all()
    assert np.isnan(dw).all()


@both
@pytest.mark.parametrize("rows", [1, 2, 3, 7, 8, 9, 64, 65, 130])
@pytest.mark.parametrize("length", [1, 8, 15, 16, 17, 63, 64, 65, 100, 128, 500, 2100])
def test_sums_of_products(way, rows, length):
    """Exact but for the rounding at the end, from rows that are not aligned and do not follow one
    another."""
    stride, start = length + 5, 3
    if WITHOUT_JIT and rows * length > 10_000:
        pytest.skip("too long without compilation")
    x = rng.integers(
        0, 256, max(16, start + rows * stride - 5), dtype=np.uint8
    )  # not a byte behind the last row
    rows_of_x = np.stack([x[start + i * stride :][:length] for i in range(rows)]).astype(object)
    v, u = rng.normal(size=length), rng.normal(size=rows)

    d, unit = split(way, v)
    z = np.zeros(rounded_up(u).size)
    way.dots(x, start, stride, rows, length, d, unit, z, 0)
    expected = np.array([float(s) for s in rows_of_x @ whole(way, d, length)]) * unit
    np.testing.assert_allclose(z[:rows], expected, rtol=0, atol=1e-15 * 255 * np.abs(v).sum())

    d, unit = split(way, u)
    out = np.zeros(rounded_up(v).size)
    way.axpys(x, start, stride, rows, length, d, unit, out)
    expected = np.array([float(s) for s in whole(way, d, rows) @ rows_of_x]) * unit
    np.testing.assert_allclose(out[:length], expected, rtol=0, atol=1e-15 * 255 * np.abs(u).sum())


@both
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_largest_integers_do_not_overflow(way, sign):
    """Bytes of 255 with the largest digits in all places: rows longer than a segment, and more of
    them than an int32 can take."""
    half = 2.0 ** (way.bits - 1)
    worst = sign * sum(
        (half - 1.0 if sign > 0 else half) * 2.0 ** (way.bits * k) for k in range(way.digits - 1)
    )
    worst = worst / 2.0 ** (way.bits * (way.digits - 1) - 1)
    for length, rows in ((2 * way.segment + 70, 8), (64, way.most_rows)):
        if WITHOUT_JIT and way.dtype == np.int16:
            length, rows = min(length, 70), min(rows, 80)
        x = np.full(length * rows, 255, np.uint8)
        d, unit = split(way, np.full(length, worst))
        z = np.zeros(rounded_up(np.empty(rows)).size)
        way.dots(x, 0, length, rows, length, d, unit, z, 0)
        np.testing.assert_allclose(z[:rows], 255 * worst * length, rtol=1e-15)
        d, unit = split(way, np.full(rows, worst))
        out = np.zeros(rounded_up(np.empty(length)).size)
        way.axpys(x, 0, length, rows, length, d, unit, out)
        np.testing.assert_allclose(out[:length], 255 * worst * rows, rtol=1e-15)


@both
@pytest.mark.parametrize("length", [16, 100, 128, 192])
@pytest.mark.parametrize("rows", [1, 2, 19])
def test_rows_from_any_place_in_a_line(way, rows, length):
    """X may begin anywhere in a line of the caches, and every number is added once; nothing is
    written behind what is rounded up to eights."""
    v = rng.normal(size=rows)
    d, unit = split(way, v)
    for place in (0, 1, 8, 11, 16, 27, 48, 63):
        room = np.zeros(rows * length + 128, np.uint8)
        x = room[(place - room.ctypes.data) % 64 :][: rows * length]
        x[:] = rng.integers(0, 256, x.size)
        out = np.zeros(rounded_up(np.empty(length)).size + 8)
        way.axpys(x, 0, length, rows, length, d, unit, out)
        expected = v @ x.reshape(rows, length).astype(float)
        np.testing.assert_allclose(out[:length], expected, rtol=0, atol=1e-12 * rows)
        assert not out[-8:].any()


@here
def test_many_features_of_the_largest_bytes():
    """Feature-major: the sums over 2000 features, all of them as large as can be, are those of
    float64."""
    n_x, m = (2000, 64) if not WITHOUT_JIT else (40, 8)
    X, y = np.full((n_x, m), 255, np.uint8), (np.arange(m) % 2).astype(np.uint8)
    w = np.full(n_x, float(8190 + 8191 * 2**14 + 8191 * 2**28 + 4095 * 2**42) * 2.0**-71)
    found = []
    for x in (X, X.astype(np.float64)):
        design = DesignMatrix(x, np.ones(n_x), np.zeros(n_x))
        found.append(fused.fused(design, y, w, 0.1, n_threads=1))
    for of_bytes, widened in zip(*found):
        np.testing.assert_allclose(of_bytes, widened, rtol=1e-12)


@here
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(96, 1), (100, 200), (500, 1100), (2048, 50), (3000, 40)])
def test_both_ways_agree(shape, order, monkeypatch):
    """As integers and widened to float64: the same pass, to rounding; weights and the linear link
    included."""
    if WITHOUT_JIT:
        shape = min(shape[0], 100), min(shape[1], 40)
    X = np.asarray(rng.integers(0, 256, shape, dtype=np.uint8), order=order)
    n_x, m = shape
    y, weight, w = (rng.random(m) < 0.5).astype(np.uint8), rng.random(m), rng.normal(size=n_x) / n_x
    found = []
    for features in ((10**9, 10**9), (96, 16)):
        monkeypatch.setattr(dense, "BYTES", features)
        design = DesignMatrix(X, np.full(n_x, 1 / 255), np.full(n_x, -0.5))
        assert design.of_bytes == (features[0] < 10**9 and (order == "F" or n_x <= layout.WIDE))
        zs = np.empty(m)
        for linear in (False, True):
            sums = fused.fused(design, y, w, 0.2, n_threads=2, weight=weight, linear=linear, zs=zs)
            found.append((*sums[:3], zs.copy()))
    for widened, as_integers in zip(found[:2], found[2:]):
        for one, other in zip(widened, as_integers):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14 * m)


@here
@pytest.mark.parametrize("order", ["C", "F"])
def test_boolean_X(order):
    X = np.asarray(rng.random((130, 70)) < 0.5, order=order)
    w, Y = rng.normal(size=(130, 1)) / 10, (np.arange(70) % 2)[None]
    assert DesignMatrix(X, np.ones(130), np.zeros(130)).of_bytes
    for got, wanted, tolerance in zip(
        flr.propagate(w, 0.1, X, Y), (e := exact(w, 0.1, X, Y)), e.tolerances
    ):
        assert np.all(np.abs(got - wanted) <= tolerance)


def gram_of(design, n_threads=1):
    return gram.gram(design, n_threads, lambda: None)


@here
@pytest.mark.parametrize("m", [7, 8, 13, 14, 29, 56, 60])
@pytest.mark.parametrize("n_x", [96, 1100])
def test_the_gram_matrix_is_exact(m, n_x):
    X = np.asfortranarray(rng.integers(0, 256, (n_x, m), dtype=np.uint8))
    design = DesignMatrix(X, np.ones(n_x), np.zeros(n_x))
    assert gram.of_bytes(design)
    expected = X.T.astype(np.int64) @ X.astype(np.int64)
    for n_threads in (1, 2, 3):
        np.testing.assert_array_equal(gram_of(design, n_threads), expected)
    seen = X / 255 - 0.5
    scaled = design.rescaled(np.full(n_x, 1 / 255), np.full(n_x, -0.5))
    np.testing.assert_allclose(gram_of(scaled), seen.T @ seen, rtol=1e-12, atol=1e-12 * n_x)
    by_feature = design.rescaled(rng.random(n_x), np.zeros(n_x))
    assert not gram.of_bytes(by_feature)
    seen = X * by_feature.scale[:, None]
    np.testing.assert_allclose(gram_of(by_feature), seen.T @ seen, rtol=1e-12)


@both
@pytest.mark.parametrize("m", [1, 2, 7, 31, 33, 70])
@pytest.mark.parametrize("n_x", [16, 97, 511, 1025])
def test_either_way_to_the_gram_matrix(way, m, n_x):
    """The lower triangle, from all columns or from some."""
    if m < way.least_gram or (WITHOUT_JIT and m * n_x > 10_000):
        pytest.skip("fewer examples than it is for, or too long without compilation")
    X = rng.integers(0, 256, (m, n_x), dtype=np.uint8)
    X[-1] = 255
    expected = X.astype(np.int64) @ X.T.astype(np.int64)
    K, totals = np.full((m, m), -1.0), X.sum(axis=1, dtype=np.float64)
    way.gram(X.reshape(-1), n_x, totals, 0, m, K, np.zeros(1, np.int64))
    np.testing.assert_array_equal(np.tril(K), np.tril(expected))
    first = way.gram_columns
    K[:] = -1.0
    way.gram(X.reshape(-1), n_x, totals, first, m, K, np.zeros(1, np.int64))
    np.testing.assert_array_equal(np.tril(K)[:, first:], np.tril(expected)[:, first:])
    others = K[
        :, :first
    ]  # left alone, or, where a strip has fewer columns than are made at a time, right too
    assert ((others == -1.0) | (others == expected[:, :first])).all()


def test_the_way_follows_from_the_cpu(monkeypatch):
    expected = ("digits", "words", "words", None) if not WITHOUT_JIT else ("digits",) * 4
    cpus = (
        "-avx,+avx2,+avx512bw,+avx512vnni",
        "+avx2,+avx512bw,-avx512vnni",
        "+avx2",
        "+avx,-avx2",
    )
    assert tuple(map(choice.byte_products, cpus)) == expected
    X = np.asfortranarray(rng.integers(0, 256, (100, 9), dtype=np.uint8))
    monkeypatch.setattr(choice, "byte_products", lambda: None)
    assert not DesignMatrix(X, np.ones(100), np.zeros(100)).of_bytes


@pytest.mark.skipif(WITHOUT_JIT, reason="what is compiled is what is looked at")
def test_numbas_own_settings_are_heeded():
    """With the CPU's vectors switched off, X of bytes is widened, and the answer is the same."""
    code = """if True:
        import numpy as np, fastlogreg as flr
        from fastlogreg.kernels.uint8.choice import byte_products
        X = np.arange(20_000, dtype=np.int64).astype(np.uint8).reshape(100, 200)
        w = np.full((100, 1), 1e-3)
        print(byte_products(), f"{flr.cost(w, 0.0, X, (np.arange(200) % 2)[None]):.12f}")
    """
    found = []
    for settings in ({"NUMBA_ENABLE_AVX": "0"}, {"NUMBA_CPU_NAME": "generic"}, {}):
        environ = {**os.environ, **settings}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=HANG
        )
        assert done.returncode == 0, done.stderr
        found.append(done.stdout.split())
    assert [answer[0] for answer in found[:2]] == ["None", "None"]
    assert len({answer[1] for answer in found}) == 1
