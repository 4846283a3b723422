"""What kernels are compiled by, and a kernel that only kernels call."""

from __future__ import annotations

import os

import numba
import numpy as np
import pytest
from numba import njit

from fastlogreg.kernels import decorators
from fastlogreg.kernels.decorators import cache_folder, inner, kernel
from fastlogreg.kernels.dense import chunks
from fastlogreg.kernels.uint8.parts import bits_of, from_bits, plan_of_units
from fastlogreg.kernels.whole_runs.gram import add_symmetric_product

WITHOUT_JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
needs_jit = pytest.mark.skipif(WITHOUT_JIT, reason="nothing is compiled under NUMBA_DISABLE_JIT")


@kernel
def doubled(x):
    return 2.0 * x


@needs_jit
@pytest.mark.parametrize("function", [*chunks.KERNELS.values(), add_symmetric_product])
def test_a_kernel_for_kernels_cannot_be_called_from_python(function):
    """Numba would end the process."""
    with pytest.raises(TypeError, match=r"is compiled for calls from other kernels alone"):
        function()


@needs_jit
def test_it_can_be_called_from_a_kernel_in_the_same_process():
    halved = inner(kernel)(lambda x: 0.5 * x)
    assert njit(lambda x: halved(x) + doubled(x))(3.0) == 7.5


@needs_jit
def test_the_folder_of_a_kernel():
    assert cache_folder(doubled)
    assert cache_folder(njit(lambda x: x)) is None


@needs_jit
def test_two_processes_that_compile_at_once_do_not_take_each_others_code(tmp_path, monkeypatch):
    """While the one saves its code, the other, who saw an index without it, does so too. An entry
    may be lost, and is compiled again."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    wide, narrow = np.full(2, 3.0), np.full(2, 3.0, np.float32)

    def halves():
        return kernel(lambda x: x[0] / 2)

    save, saved = decorators._Files._save_data, []

    def with_another(files, name, data):
        saved.append(name)
        if len(saved) == 1:
            with monkeypatch.context() as before:
                before.setattr(decorators._Files, "_load_index", lambda files: {})
                assert halves()(narrow) == 1.5
        save(files, name, data)

    monkeypatch.setattr(decorators._Files, "_save_data", with_another)
    assert halves()(wide) == 1.5
    assert len(saved) == 2
    for _ in range(2):
        again = halves()
        assert [again(narrow), again(wide)] == [1.5, 1.5]
    assert sum(again.stats.cache_hits.values()) == 2


@njit
def product(K, m, c, out):
    add_symmetric_product(K, m, c, out)


@pytest.mark.parametrize("m", [1, 2, 7, 8, 9, 15, 16, 17, 33, 41])
def test_the_product_with_a_symmetric_matrix(m):
    rng = np.random.default_rng(m)
    A, padded = rng.normal(size=(m, m)), -(-m // 8) * 8
    K, c, out = A + A.T, np.zeros(padded), np.zeros(padded)
    c[:m] = rng.normal(size=m)
    out[:m] = start = rng.normal(size=m)
    product(K.reshape(-1), m, c, out)
    np.testing.assert_allclose(out[:m], start + K @ c[:m], rtol=1e-13, atol=1e-13)


@njit
def units(v, count):
    return plan_of_units(v, count)


@njit
def there_and_back(value):
    return from_bits(bits_of(value))


@pytest.mark.parametrize("value", [0.0, -0.0, 1.5, -1e300, 5e-324, np.inf])
def test_bits_and_back(value):
    assert np.array(there_and_back(value)).tobytes() == np.array(value).tobytes()


@pytest.mark.parametrize("largest", [1e-300, 1.0, -3.0, 1e300])
def test_the_unit_of_digits(largest):
    scale, unit = units(np.array([largest / 3.0, largest, np.nan]), 2)
    assert scale * unit == 1.0
    assert 2.0**53 <= abs(largest * scale) <= 2.0**54 or largest == 1e-300


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_has_no_unit(wrong):
    scale, unit = units(np.array([1.0, wrong]), 2)
    assert scale == 0.0
    assert np.isnan(unit)
