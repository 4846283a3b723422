"""The kernels of K columns: softmax to the last digits, tiles of any size, what is read of X, and
other CPUs."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import mpmath
import numpy as np
import pytest

from fastlogreg.kernels.decorators import exact
from fastlogreg.kernels.many import tiles
from fastlogreg.kernels.many.emit import PLAN
from fastlogreg.kernels.many.scores import along_line, terms
from fastlogreg.maths.arrays import NONE
from tests.helpers.comparison import IN_PLACE, WITHOUT_JIT
from tests.helpers.limits import HANG
from tests.kernels.test_kernels import GUARDED

rng = np.random.default_rng(0)
EPS = np.finfo(float).eps


def golden(z, label):
    """L and dz of one example in 60 digits, rounded once; what is below float64 is 0."""
    with mpmath.workdps(60):
        z = [mpmath.mpf(float(v)) for v in z]
        top = max(z)
        e = [mpmath.exp(v - top) for v in z]
        total = mpmath.fsum(e)
        others = mpmath.fsum(v for k, v in enumerate(e) if k != label)
        far = top - z[label]
        loss = far + (mpmath.log1p(others) if far == 0 else mpmath.log(total))
        dz = [-others / total if k == label else v / total for k, v in enumerate(e)]
        return float(loss), [float(v) for v in dz]


def one_example(z, label, weight=NONE):
    dz = np.empty(len(z))
    loss = terms(np.array(z, float), np.array([label], np.int32), weight, len(z), dz)
    return loss, dz


def assert_near(dz, expected, z):
    """Within the rounding of top - z, which exp multiplies, and of a sum of as many as z."""
    dz, expected = np.array(dz), np.array(expected)
    far = np.minimum(max(z) / 2 - np.array(z) / 2, 375.0) * 2
    far[dz < 0.0] = np.min(far[dz >= 0.0], initial=750.0)  # of the label: the sum of the others
    bound = (6 + len(z) / 4 + far) * EPS * np.abs(expected) + 1e-323
    assert (np.abs(dz - expected) <= bound).all()


EXTREMES = [
    [0.0, 0.0, 0.0],
    [1e-300, -1e-300, 0.0],
    [1.0, 2.0, 3.0],
    [1000.0, 0.0, -1000.0],
    [1e300, 1e300, -1e300],
    [1e308, -1e308, 0.0],
    [-745.0, 0.0, -744.0],
    [-708.5, 0.0, -36.7],
    [36.7, 0.0, 37.0],
    [0.1, 0.1, -700.0],
    [50.0, 50.0 + 1e-10, -3.0],
    [700.0, 709.0, 710.0],
    [2.0],
    [-3.0, 4.0],
    [0.5] * 9,
    list(np.linspace(-40.0, 0.0, 300)),
]


@pytest.mark.parametrize("z", EXTREMES, ids=lambda z: f"{z[:3]}")
def test_the_golden_values_of_softmax(z):
    for label in {0, 1, len(z) - 1} & set(range(len(z))):
        loss, dz = one_example(z, label)
        expected, of_z = golden(z, label)
        if not np.isfinite(expected):  # 1e308 - (-1e308) is no float64
            assert loss == np.inf
        else:
            assert loss == pytest.approx(expected, rel=4 * EPS, abs=1e-323)
        assert_near(dz, of_z, z)


def test_random_softmax_is_good_to_a_few_ulp():
    count = 20 if WITHOUT_JIT else 2000
    for _ in range(count):
        K = int(rng.integers(1, 9))
        z = rng.normal(size=K) * 10.0 ** rng.uniform(-3, 2.5)
        label = int(rng.integers(K))
        loss, dz = one_example(z, label)
        expected, of_z = golden(z, label)
        # Where the label's z is by far the largest, the loss is exp of minus how far.
        far = min([750.0, *(z[label] - np.delete(z, label))])
        assert loss == pytest.approx(expected, rel=(4 + max(0.0, far)) * EPS, abs=1e-323)
        assert_near(dz, of_z, z)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("K", [1, 2, 5, 9])
def test_an_unfit_z_is_never_hidden(value, K):
    for place in range(K):
        for label in range(K):
            z = rng.normal(size=K)
            z[place] = value
            assert not np.isfinite(one_example(z, label)[0])
            assert not np.isfinite(one_example(z, label, np.zeros(1))[0])


def test_along_a_line_the_derivatives_are_those_of_the_loss():
    K, m, h = 4, 50, 1e-5
    z, u = rng.normal(size=(2, K * m))
    labels, s = rng.integers(0, K, m).astype(np.int32), rng.random(m)
    at = [np.array(along_line(z, u, labels, s, K, 0.7 + t)) for t in (-h, 0.0, h)]
    assert (at[2][0] - at[0][0]) / (2 * h) == pytest.approx(at[1][1], rel=1e-8)
    assert (at[2][1] - at[0][1]) / (2 * h) == pytest.approx(at[1][2], rel=1e-8)


# ---------------------------------------------------------------- the tiles

SIZES = [1, 2, 3, 4, 5, 7] if WITHOUT_JIT else [*range(1, 14), 20]


@pytest.mark.parametrize("K", SIZES)
def test_tiles_of_every_size_and_their_bits(K):
    ahead = np.zeros(PLAN, np.int64)
    for vectors in SIZES:
        rows, width = 16, 8 * vectors
        a, b = rng.normal(size=(rows, width)), rng.normal(size=(K, width))
        out = rng.normal(size=(K, rows))
        found = out.copy().reshape(-1)
        columns = (0, width, K)
        args = a.reshape(-1), (0, width, rows), b.reshape(-1)
        run_dots(ahead, *args, columns, vectors, found, (0, rows))
        np.testing.assert_allclose(found.reshape(K, rows), out + b @ a.T, rtol=1e-12, atol=1e-12)
        alone = out[-1].copy()
        run_dots(ahead, *args, ((K - 1) * width, width, 1), vectors, alone, (0, rows))
        assert np.array_equal(alone, found[-rows:])

        factors, out = rng.normal(size=(K, rows)), rng.normal(size=(K, width))
        found = out.copy().reshape(-1)
        args = a.reshape(-1), (0, width, rows), factors.reshape(-1)
        run_axpys(ahead, *args, (0, rows, K), vectors, found, (0, width))
        expected = out + factors @ a
        np.testing.assert_allclose(found.reshape(K, width), expected, rtol=1e-12, atol=1e-12)
        alone = out[-1].copy()
        run_axpys(ahead, *args, ((K - 1) * rows, rows, 1), vectors, alone, (0, width))
        assert np.array_equal(alone, found[-width:])


@exact
def run_dots(ahead, a, rows, b, columns, count, out, to):
    tiles.dots(ahead, a, rows, b, columns, count, out, to)


@exact
def run_axpys(ahead, a, rows, factors, columns, vectors, out, to):
    tiles.axpys(ahead, a, rows, factors, columns, vectors, out, to)


# ---------------------------------------------------------------- what is read, and other CPUs

AROUND_PROPAGATE = "                one = flr.propagate", "print("
PASS = """
                from fastlogreg.backends import many
                from fastlogreg.data.inputs import design_of
                sums = [
                    many.class_sums(design_of(x), np.arange(m, dtype=np.int32) % 3,
                                    np.outer([1, 2, -1], w), np.zeros(3), n_threads=1)
                    for x in (X, plain.astype(dtype, order=order))
                ]
                assert sums[0].loss == sums[1].loss and (sums[0].dw == sums[1].dw).all()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mprotect by way of Linux's libc")
def test_nothing_is_read_beyond_X():
    dtypes = "float64" if WITHOUT_JIT else ",".join(IN_PLACE)
    start, end = (GUARDED.index(part) for part in AROUND_PROPAGATE)
    code = GUARDED[:start].rstrip() + PASS + GUARDED[end:]
    done = subprocess.run(
        [sys.executable, "-c", code, dtypes], capture_output=True, text=True, timeout=HANG
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


OTHER_CPU = """
import numpy as np
from tests.backends.test_many import Case, assert_close
from fastlogreg.backends import many, vectorized_many
from fastlogreg.kernels.decorators import exact
from fastlogreg.kernels.many import tiles
for shape in ((1, 1, 1), (9, 17, 5), (300, 54, 7)):
    for order in ("example-major", "feature-major"):
        case = Case(*shape, order=order)
        assert_close(case.results(many, n_threads=1), case.results(vectorized_many))
print(tiles.WIDE_REGISTERS)
"""


@pytest.mark.skipif(
    WITHOUT_JIT or platform.machine() != "x86_64", reason="nothing is compiled, or no such CPU"
)
@pytest.mark.parametrize("cpu", ["haswell", "generic"])
def test_a_cpu_of_narrow_registers(cpu, tmp_path):
    features = "+avx,+avx2,+fma,+f16c" if cpu == "haswell" else ""
    settings = {"NUMBA_CPU_NAME": cpu, "NUMBA_CPU_FEATURES": features}
    settings["NUMBA_CACHE_DIR"] = str(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", OTHER_CPU],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=HANG,
    )
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr
