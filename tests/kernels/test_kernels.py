"""The fused kernel below the API: every form of X read in place and within its bounds, blocks and
chunks, weights and the linear link, and the compiled descent."""

from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastlogreg as flr
from fastlogreg.backends import fused, vectorized
from fastlogreg.data.dense import DesignMatrix
from fastlogreg.kernels import lanes
from fastlogreg.kernels.decorators import kernel
from fastlogreg.solvers import compiled
from tests.helpers.comparison import (
    CONVERTED,
    IN_PLACE,
    ORDERS,
    WITHOUT_JIT,
    Problem,
    arrays,
    exact,
    laid_out,
    values,
)
from tests.helpers.limits import HANG

rng = np.random.default_rng(0)


def design_of(X, scale=1.0, shift=0.0):
    n_x = len(X)
    return DesignMatrix(X, np.full(n_x, float(scale)), np.full(n_x, float(shift)))


def assert_exact(result, expected):
    for got, wanted, tolerance in zip(result, expected, expected.tolerances):
        assert np.all(np.abs(got - wanted) <= tolerance)


# ---------------------------------------------------------------- forms of X


@pytest.mark.parametrize("order", ["example-major", "feature-major", "read-only"])
@pytest.mark.parametrize("dtype", IN_PLACE)
def test_contiguous_X_is_read_in_place(dtype, order):
    X = laid_out(values(rng, dtype, (20, 6)), order)
    design = design_of(X)
    [(lo, hi, flat)] = design.flat_blocks()
    assert design.in_place
    assert (lo, hi, flat.shape) == (0, 20, (120,))
    assert np.shares_memory(flat, X)
    assert not flat.flags.writeable
    assert design.by_example == (order != "feature-major")


@pytest.mark.parametrize("dtype", IN_PLACE)
@pytest.mark.parametrize("order", "CF")
def test_a_read_only_memory_map_is_read_in_place(dtype, order, tmp_path):
    plain = values(rng, dtype, (6, 20))
    written = np.memmap(tmp_path / "X", dtype, "w+", shape=plain.shape, order=order)
    written[:] = plain
    written.flush()
    X = np.memmap(tmp_path / "X", dtype, "r", shape=plain.shape, order=order)
    [(_, _, flat)] = design_of(X).flat_blocks()
    assert np.shares_memory(flat, X)
    assert type(flat) is np.ndarray  # one specialization for arrays and memory maps
    w, Y = rng.normal(size=(6, 1)) / 300, np.arange(20)[None] % 2
    assert_exact(flr.propagate(w, 0.5, X, Y), exact(w, 0.5, plain, Y))
    one, other = flr.propagate(w, 0.5, X, Y), flr.propagate(w, 0.5, np.array(X, order=order), Y)
    assert (one.cost, one.db, one.dw.tolist()) == (other.cost, other.db, other.dw.tolist())


@pytest.mark.parametrize("order", ["strided", "reversed"])
@pytest.mark.parametrize("dtype", IN_PLACE)
def test_strided_X_is_converted_block_by_block(dtype, order, monkeypatch):
    monkeypatch.setattr("fastlogreg.data.dense._BLOCK_BYTES", 1)  # blocks of one chunk
    X = laid_out(values(rng, dtype, (400, 3)), order)
    design = design_of(X)
    blocks = [
        (lo, hi, np.array(flat.view(X.dtype)).reshape(-1, 3))
        for lo, hi, flat in design.flat_blocks()
    ]
    assert [(lo, hi) for lo, hi, _ in blocks] == [(0, 192), (192, 384), (384, 400)]
    np.testing.assert_array_equal(np.concatenate([block for _, _, block in blocks]).T, X)


@pytest.mark.parametrize("dtype", CONVERTED)
def test_other_dtypes_are_converted_block_by_block(dtype):
    X = values(rng, dtype, (50, 4)).T
    design = design_of(X)
    assert not design.in_place
    for lo, hi, flat in design.flat_blocks():
        native = np.dtype(dtype).newbyteorder("=")
        assert flat.dtype == (
            lanes.HALF if native == "f2" else native if native in ("f4", "f8", "i2") else "f8"
        )
        np.testing.assert_array_equal(
            flat.view("f2") if native == "f2" else flat, X[:, lo:hi].T.reshape(-1)
        )


def test_unaligned_X_is_converted():
    buffer = np.zeros(8 * 12 + 1, np.uint8)
    X = buffer[1:].view(np.float64).reshape(3, 4)
    X[:] = np.arange(12.0).reshape(3, 4)
    assert not X.flags.aligned
    w, Y = np.ones((3, 1)) / 10, np.array([[0, 1, 1, 0]])
    assert_exact(flr.propagate(w, 0.0, X, Y), exact(w, 0.0, X, Y))


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (3, 2)])
def test_shapes_that_are_contiguous_either_way(shape):
    for dtype in ("uint8", "float64"):
        for order in ("example-major", "feature-major", "strided"):
            problem = Problem(shape[1], shape[0], dtype, order, 5.0, "per feature", seed=3)
            w, b, X, Y, options = arrays(problem)
            assert_exact(flr.propagate(w, b, X, Y, **options), exact(w, b, X, Y, **options))
            broadcast = np.broadcast_to(X[:, :1], X.shape)
            assert_exact(
                flr.propagate(w, b, broadcast, Y, **options), exact(w, b, broadcast, Y, **options)
            )


# ---------------------------------------------------------------- lanes


@kernel
def _widen(x, out):
    """Every element of x as float64, eight at a time, and one by one to seven at a time."""
    for j in range(0, x.size, 8):
        lanes.store(out[0], j, lanes.load(x, j))
        for count in range(1, 8):
            lanes.store(out[count], j, lanes.load_part(x, j, count))


def widen(x):
    out = np.full((8, x.size), 7.0)
    _widen(x, out)
    return out


def assert_widened(out, expected):
    np.testing.assert_array_equal(out[0], expected)
    for count in range(1, 8):
        lanes = np.where(np.arange(expected.size) % 8 < count, expected, 0.0)
        np.testing.assert_array_equal(out[count], lanes)


def test_every_float16_is_decoded_as_numpy_does():
    """All 65536: subnormals, infinities, NaN, both signs."""
    bits = np.arange(65536, dtype=np.uint16)[:: 64 if WITHOUT_JIT else 1]
    halves = bits.view(np.float16)
    out = widen(bits.view(lanes.HALF))
    assert_widened(out, halves.astype(np.float64))
    finite = np.isfinite(halves)
    np.testing.assert_array_equal(np.signbit(out[0][finite]), np.signbit(halves[finite]))
    assert np.isnan(out[0][np.isnan(halves)]).all()


@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "uint16", "int16", "int32", "float32", "float64"]
)
def test_every_dtype_is_widened_exactly(dtype):
    if np.dtype(dtype).kind == "f":
        info = np.finfo(dtype)
        special = [
            0.0,
            -0.0,
            info.max,
            info.min,
            info.tiny,
            info.smallest_subnormal,
            np.inf,
            -np.inf,
            np.nan,
            1 / 3,
        ]
        x = np.array([*special, *rng.normal(size=6)], dtype)
    else:
        info = np.iinfo(dtype)
        edges = [
            info.min,
            info.min + 1,
            0,
            1,
            info.max // 2,
            info.max // 2 + 1,
            info.max - 1,
            info.max,
        ]
        x = np.array([*edges, *rng.integers(info.min, info.max, 248)], dtype)
    assert_widened(widen(x), x.astype(np.float64))


def test_sums_of_lanes():
    vectors, out = 2.0 ** rng.integers(0, 40, 64), np.empty(8)
    _sums(vectors, out)
    np.testing.assert_array_equal(out, vectors.reshape(8, 8).sum(axis=1))


@kernel
def _sums(v, out):
    a, b, c, d = lanes.load(v, 0), lanes.load(v, 8), lanes.load(v, 16), lanes.load(v, 24)
    e, f, g, h = lanes.load(v, 32), lanes.load(v, 40), lanes.load(v, 48), lanes.load(v, 56)
    lanes.store(out, 0, lanes.sums((a, b, c, d, e, f, g, h)))


# ---------------------------------------------------------------- chunks and blocks


@given(
    m=st.integers(1, 200_000) | st.sampled_from([191, 192, 193, 49_152, 49_153, 10**6, 10**7]),
    n_x=st.integers(1, 20_000) | st.sampled_from([170, 171, 172, 2047, 2048, 2049]),
    dtype=st.sampled_from(["uint8", "float32", "float64"]),
    by_example=st.booleans(),
    way=st.sampled_from([None, "digits", "words"]),
)
def test_chunks_and_blocks_follow_their_rules(m, n_x, dtype, by_example, way):
    from fastlogreg.kernels.layout import chunk_and_block

    itemsize = np.dtype(dtype).itemsize
    chunk, block = chunk_and_block(m, n_x, itemsize, by_example, way if dtype == "uint8" else None)
    n_chunks = -(-m // chunk)
    assert chunk % 8 == 0
    assert block % 8 == 0
    assert 8 <= block <= chunk
    assert n_chunks <= 256
    if m >= 192:  # the partial gradients are small beside X
        assert 8 * n_x * (n_chunks - 1) <= 0.042 * m * n_x * itemsize


BORDERS = [
    (1, 1),
    (8, 8),
    (191, 3),
    (192, 3),
    (193, 3),
    (385, 7),
    (200, 170),
    (200, 171),
    (200, 173),
]
LARGE_BORDERS = [
    (1023, 30),
    (1025, 30),
    (49_152, 2),
    (49_153, 2),
    (193, 2047),
    (193, 2048),
    (2049, 2049),
    (20, 12_288),
]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(("m", "n_x"), BORDERS if WITHOUT_JIT else BORDERS + LARGE_BORDERS)
def test_shapes_at_the_borders(m, n_x, order):
    """Every example is counted once: cost and gradient against extended precision, z and sum dz one
    by one."""
    if WITHOUT_JIT:
        m, n_x = min(m, 200), min(n_x, 20)
    for dtype in ("float64", "uint8"):
        X = np.asarray(values(rng, dtype, (n_x, m)), order=order)
        w, Y = (
            rng.normal(size=(n_x, 1)) / (1.0 + np.abs(X).max()) / n_x**0.5,
            rng.random((1, m)) < 0.5,
        )
        assert_exact(flr.propagate(w, 0.1, X, Y), exact(w, 0.1, X, Y))
        zs = np.full(m, np.nan)
        fused.fused(design_of(X), Y[0].view(np.uint8), w[:, 0], 0.1, n_threads=2, zs=zs)
        np.testing.assert_allclose(zs, (w.T @ X.astype(float) + 0.1)[0], rtol=1e-12, atol=1e-13)


FEW_FEATURES = (1, 7, 8, 9, 15, 16, 17, 31, 40, 41, 48, 83)
FEW_EXAMPLES = (7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 127, 197, 207)


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_last_examples_of_a_chunk(order, weighted, linear):
    """`kernels.dense.groups` and `strips` take those that end where the chunk ends, and some of
    them have been counted before."""
    shapes = [*itertools.product(FEW_EXAMPLES, FEW_FEATURES), *((m, 4099) for m in (8, 9, 197))]
    for m, n_x in shapes[::11] if WITHOUT_JIT else shapes:
        X, y, w = (
            rng.normal(size=(n_x, m)).copy(order),
            (rng.random(m) < 0.5).astype(np.uint8),
            rng.normal(size=n_x),
        )
        weight, zs = rng.random(m) if weighted or linear else np.empty(0), np.empty(m)
        found = fused.fused(
            design_of(X), y, w, 0.1, n_threads=1, weight=weight, linear=linear, zs=zs
        )
        expected_zs = np.empty(m)
        expected = vectorized.numpy(
            design_of(X), X, y, w, 0.1, weight=weight, linear=linear, zs=expected_zs
        )
        np.testing.assert_allclose(zs, expected_zs, rtol=1e-13, atol=1e-15 * (n_x + 10))
        for got, wanted in zip(found[: 3 if linear else 4], expected):
            np.testing.assert_allclose(got, wanted, rtol=1e-11, atol=1e-12 * m)


@pytest.mark.parametrize("n_x", [12, 30, 50])
def test_a_converted_block_is_not_too_small_for_the_kernel(n_x, monkeypatch):
    monkeypatch.setattr("fastlogreg.data.dense._BLOCK_BYTES", 1)  # blocks of one chunk
    for m in (193, 199, 207, 208, 209, 389):
        X, Y = laid_out(values(rng, "int16", (m, n_x)), "strided"), rng.random((1, m)) < 0.5
        w = rng.normal(size=(n_x, 1)) / 1e5
        design = design_of(X)
        assert all(hi - lo >= 16 for lo, hi, _ in design.flat_blocks())
        assert_exact(flr.propagate(w, 0.1, X, Y), exact(w, 0.1, X, Y))


def test_which_feature_major_X_is_read_twice():
    def is_read_twice(m, n_x, dtype):
        return design_of(np.empty((n_x, m), dtype)).slab > 0

    assert not is_read_twice(100, 2048, "float32")
    assert is_read_twice(100, 2049, "float32")
    assert not is_read_twice((64 << 20) // (4 * 4096), 4096, "float32")  # 64 MiB
    assert is_read_twice((64 << 20) // 4096, 4096, "int8")
    assert is_read_twice(2048, 8193, "float32")


GUARDED = """
import ctypes, mmap, sys
import numpy as np, fastlogreg as flr

libc = ctypes.CDLL(None, use_errno=True)
PAGE = mmap.PAGESIZE


def between_guards(plain, at_end, order):
    "A copy of plain that touches an unreadable page: the one behind it, or the one before it."
    pages = -(-plain.nbytes // PAGE)
    memory = mmap.mmap(-1, (pages + 2) * PAGE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for guard in (address, address + (pages + 1) * PAGE):
        assert libc.mprotect(ctypes.c_void_p(guard), PAGE, 0) == 0
    offset = PAGE + (pages * PAGE - plain.nbytes if at_end else 0)
    copy = np.ndarray(plain.shape, plain.dtype, memory, offset, order=order)
    copy[:] = plain
    return copy


if sys.argv[1:] == ["overread"]:  # the guard guards
    guarded = between_guards(np.ones(8), True, "C")
    ctypes.string_at(guarded.ctypes.data, guarded.nbytes + 1)

rng = np.random.default_rng(0)
for dtype in sys.argv[1].split(","):
    shapes = [(1, 1), (1, 7), (9, 8), (8, 17), (31, 3), (9, 41), (17, 12), (66, 5)]
    for m, n_x in [*shapes, (200, 11), (195, 64), (33, 300)]:
        plain = rng.integers(0, 2, (n_x, m)).astype(dtype)
        w, Y = rng.normal(size=(n_x, 1)), (np.arange(m) % 2)[None]
        for order in "CF":
            for at_end in (True, False):
                X = between_guards(plain, at_end, order)
                one = flr.propagate(w, 0.1, X, Y)
                other = flr.propagate(w, 0.1, plain.astype(dtype, order=order), Y)
                assert one.cost == other.cost and (one.dw == other.dw).all()
                if m > 1:
                    flr.train(X, Y, iterations=2)
print("done")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mprotect by way of Linux's libc")
def test_nothing_is_read_beyond_X():
    """X ends at, or begins behind, a page that must not be touched: reading a byte too many kills
    the process."""
    dtypes = "float64" if WITHOUT_JIT else ",".join(IN_PLACE)
    code = GUARDED.replace("(200, 11), (195, 64), (33, 300)", "") if WITHOUT_JIT else GUARDED
    done = subprocess.run(
        [sys.executable, "-c", code, dtypes], capture_output=True, text=True, timeout=HANG
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mprotect by way of Linux's libc")
def test_the_guard_page_kills():
    done = subprocess.run(
        [sys.executable, "-c", GUARDED, "overread"], capture_output=True, timeout=HANG
    )
    assert done.returncode < 0


# ---------------------------------------------------------------- the other links


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_weight_of_k_is_the_example_k_times(order):
    X = np.asarray(rng.normal(size=(5, 60)), order=order)
    y, w = (rng.random(60) < 0.5).astype(np.uint8), rng.normal(size=5)
    k = rng.integers(0, 4, 60)
    J, dw, db, curvature = fused.fused(design_of(X), y, w, 0.3, n_threads=1, weight=k.astype(float))
    repeated, labels = np.repeat(X, k, axis=1), np.repeat(y, k)
    expected = exact(w[:, None], 0.3, repeated, labels[None])
    m = k.sum()
    assert_exact((J / m, dw[:, None] / m, db / m), expected)
    a = 1 / (1 + np.exp(-(w @ repeated + 0.3)))
    assert curvature == pytest.approx(np.sum(a * (1 - a)), rel=1e-12)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["float64", "uint8"])
def test_the_linear_link(order, dtype):
    """Loss s z^2 / 2 and dz = s z: the pass is X diag(s) X.T on (w, b), here with a scale and a
    shift."""
    X = np.asarray(values(rng, dtype, (6, 300)), order=order)
    w, s, design = rng.normal(size=6) / 500, rng.random(300), design_of(X, 0.5, -0.25)
    zs = np.empty(300)
    J, dw, db, _ = fused.fused(
        design, np.zeros(300, np.uint8), w, 0.3, n_threads=1, weight=s, linear=True, zs=zs
    )
    seen = 0.5 * X.astype(np.longdouble) - 0.25
    z = w @ seen + 0.3
    np.testing.assert_allclose(zs, z.astype(float), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(
        (J, db), (float(0.5 * (s * z * z).sum()), float((s * z).sum())), rtol=1e-12
    )
    np.testing.assert_allclose(dw, (seen @ (s * z)).astype(float), rtol=1e-11)


def test_an_unfit_value_in_any_place_reaches_the_sums():
    """NaN and infinity in any lane, row and rest: the search for them starts from a sum that is not
    finite."""
    for order, (n_x, m) in itertools.product(
        "CF", [(13, 11), (13, 19), (20, 17), (43, 9), (5, 66)]
    ):
        for place in range(0, m * n_x, 7 if WITHOUT_JIT else 1):
            for value in (np.nan, np.inf):
                X = np.zeros((n_x, m), order=order)
                X.reshape(-1, order="A")[place] = value
                j, i = np.argwhere(~np.isfinite(X))[0]
                with pytest.raises(
                    ValueError, match=rf"row {i} \(example\), column {j} \(feature\)"
                ):
                    flr.propagate(np.zeros((n_x, 1)), 0.0, X, np.zeros((1, m)))


# ---------------------------------------------------------------- the compiled descent


@pytest.mark.parametrize("order", ORDERS[:2])
@pytest.mark.parametrize("options", [{}, {"lambda_": 0.5}, {"scale": 0.3, "shift": 0.2}])
def test_the_compiled_descent_follows_the_descent_by_passes(monkeypatch, order, options):
    """To a few roundings; the one that is taken follows from the shape of X, so that the bits are
    always the same."""
    for m, n_x, dtype in [(30, 3, "float64"), (200, 9, "float64"), (400, 5, "uint8")][
        : 1 if WITHOUT_JIT else 3
    ]:
        w, b, X, Y, _ = arrays(Problem(m, n_x, dtype, order, seed=m))
        step = {
            "alpha": 1 / (1 + np.abs(X.astype(float)).max() ** 2 * n_x),
            "iterations": 15 if WITHOUT_JIT else 60,
        }
        runs = []
        for whole in (True, False):
            monkeypatch.setattr(compiled, "is_compiled", lambda objective, whole=whole: whole)
            runs.append(flr.train(X, Y, solver="gd", w=w, b=b, n_threads=1, **step, **options))
        one, other = runs
        np.testing.assert_allclose(one.costs, other.costs, rtol=1e-14)
        np.testing.assert_allclose(one.w, other.w, rtol=1e-12, atol=1e-14 * np.abs(w).max())
        assert one.b == pytest.approx(other.b, rel=1e-13)
        assert (one.iterations, one.stop_reason) == (other.iterations, other.stop_reason)
