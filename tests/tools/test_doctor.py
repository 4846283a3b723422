"""Each check of `fastlogreg doctor` finds a well installation well, and an ill one ill."""

from __future__ import annotations

import os
import re
import types
from pathlib import Path

import numpy as np
import pytest

from fastlogreg.cli import app
from fastlogreg.machine import caches
from fastlogreg.maths.reference import Propagation
from fastlogreg.maths.softmax import SoftmaxPropagation
from fastlogreg.tools import bandwidth, doctor
from fastlogreg.tools.doctor import Check

WITHOUT_JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
needs_jit = pytest.mark.skipif(WITHOUT_JIT, reason="nothing is compiled under NUMBA_DISABLE_JIT")
PACKED = (
    "_ZN10fastlogreg4dots:\n\tvfmadd231pd\t(%rdi), %zmm1, %zmm0\n\tvdivpd\t%ymm1, %ymm2, "
    "%ymm3\n\tretq\n"
)


def test_versions():
    found = doctor.versions()
    assert found.healthy
    assert f"numpy {np.__version__}" in found.found
    old = doctor.versions(lambda name: types.SimpleNamespace(__version__="0.60.0"))
    assert not old.healthy
    assert old.remedy == "numpy must be at least 1.26; numba must be at least 0.61"

    def missing(name):
        raise ImportError("no such library")

    assert not doctor.versions(missing).healthy
    assert "numpy cannot be imported: no such library" in doctor.versions(missing).found


def test_required_versions_are_those_of_the_metadata():
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    for name, least in doctor.REQUIRED.items():
        assert f'"{name}>={".".join(map(str, least))}"' in text


def test_compiler():
    assert doctor.compiler(disabled=False) == Check("compiler", True, "on")
    assert not doctor.compiler(disabled=True).healthy
    assert doctor.compiler().healthy is not WITHOUT_JIT


@pytest.mark.parametrize(
    ("features", "bits"), [("+avx512f,+avx", 512), ("+avx,-avx512f", 256), ("+sse2", 128)]
)
def test_vector_width(features, bits):
    assert doctor.vector_width(features) == bits


def test_cpu():
    assert doctor.cpu().healthy
    assert doctor.cpu(host="+avx", target="+avx").healthy
    narrow = doctor.cpu(host="+avx512f", target="+avx")
    assert not narrow.healthy
    assert "but code is compiled for 256 bits" in narrow.found
    assert "NUMBA_CPU_NAME" in narrow.remedy


def test_cpu_name(tmp_path):
    (tmp_path / "cpuinfo").write_text(
        "processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\nprocessor\t: 1\n"
    )
    assert doctor.cpu_name(str(tmp_path / "cpuinfo")) == "Some CPU @ 3 GHz"
    assert doctor.cpu_name(str(tmp_path / "missing"))


def test_threads(monkeypatch):
    assert doctor.threads(3).healthy
    monkeypatch.setattr(doctor, "run_on", lambda n_threads, work: work())  # the caller alone
    lonely = doctor.threads(2, seconds=0.01)
    assert not lonely.healthy
    assert "2 threads did not start" in lonely.found


def test_cache_folder(tmp_path, monkeypatch):
    assert doctor.cache_folder(str(tmp_path / "new")).healthy
    (tmp_path / "file").write_text("")
    blocked = doctor.cache_folder(str(tmp_path / "file" / "inside"))
    assert not blocked.healthy
    assert "NUMBA_CACHE_DIR" in blocked.remedy
    from fastlogreg.kernels.dense import chunks

    for path, healthy in (
        (str(tmp_path), True),
        (None, False),
    ):  # None: where Numba found no folder
        kernel = types.SimpleNamespace(stats=types.SimpleNamespace(cache_path=path))
        monkeypatch.setattr(chunks, "run_chunks", kernel)
        assert doctor.cache_folder().healthy is healthy


@pytest.mark.parametrize(
    ("assembly", "found"),
    [
        (PACKED, "vectors of up to 512 bits, no call of libm"),
        (
            "__ZN10fastlogreg4dots:\n\tfmla.2d v0, v1\n\tfmla\tv0.2d, v1.2d\n\tfdiv\tv0.2d, "
            "v1.2d\n",
            "up to 128 bits",
        ),
        (PACKED + "_ZN5numba5other:\n\tmovabsq\t$log10, %rax\n", "no call of libm"),
        (PACKED + ".LBB1:\n\tmovabsq\t$log1p, %rax\n\tcallq\t_exp\n", "libm is called: exp, log1p"),
        (PACKED.replace("vdivpd", "vdivsd"), "the link is not vectorized"),
        (PACKED.replace("vfmadd231pd", "vfmadd231sd"), "no vector multiplication or addition"),
        (PACKED.replace("fastlogreg", "something"), "no kernel in the listing"),
    ],
)
def test_vector_code(assembly, found):
    check = doctor.vector_code(assembly)
    assert found in check.found
    assert check.healthy is ("up to" in check.found)


@needs_jit
def test_vector_code_of_the_real_kernels():
    assert doctor.vector_code().healthy
    from fastlogreg.backends import literal_loops

    kernel = literal_loops.compiled(parallel=False)
    twin = type(kernel)(kernel.py_func, targetoptions=kernel.targetoptions)
    X, Y, sums = np.ones((2, 8)), np.ones((1, 8), np.uint8), np.zeros((1, 2))
    twin(np.zeros((2, 1)), 0.0, X, Y, np.zeros(1), sums, np.zeros(1))
    [assembly] = twin.inspect_asm().values()
    assert "libm is called: exp, log1p" in doctor.vector_code(assembly).found


@needs_jit
def test_kernel_assembly_has_what_is_called_by_name_once():
    """It is no part of a caller's code: the kernels that read X, and the link of a block."""
    own = re.findall(r"^(_ZN10fastlogreg.*):", doctor.kernel_assembly(), flags=re.MULTILINE)
    for name in ("run_chunks", "sixteen_chunk", "group_chunk", "block_chunk", "4dots"):
        assert [line for line in own if name in line], name
    assert len([line for line in own if "4link" in line]) == 1  # of several callers


def test_same_bits():
    result = Propagation(0.5, np.ones((3, 1)), 0.25)
    assert doctor.same_bits(lambda *a, n_threads: result, m=4, n_x=3).healthy
    other = doctor.same_bits(
        lambda *a, n_threads: result._replace(db=0.25 + 1e-17 + (n_threads == 3)), m=4, n_x=3
    )
    assert not other.healthy
    assert "on 3 threads" in other.found
    count = iter(range(1000))
    wavering = doctor.same_bits(
        lambda *a, n_threads: result._replace(cost=float(next(count))), m=4, n_x=3
    )
    assert not wavering.healthy


@pytest.mark.parametrize("wrong", ["fused", "loops"])
@pytest.mark.parametrize("by", [1e-9, np.nan])
def test_agreement(wrong, by):
    def propagate(w, b, X, Y, backend, n_threads=None):
        return Propagation(0.5, np.ones((3, 1)), 0.25 + (by if backend == wrong else 0.0))

    assert not doctor.agreement(propagate, m=4, n_x=3).healthy


@pytest.mark.parametrize("by", [1e-9, np.nan])
def test_several_classes(by):
    K, expected = 3, SoftmaxPropagation(0.5, np.ones((4, 3)), np.full((3, 1), 0.25))

    def propagate(w, b, X, Y, backend="fused", n_threads=None):
        return expected._replace(cost=0.5 + (by if backend == "fused" else 0.0))

    assert not doctor.several_classes(propagate, m=5, n_x=4, K=K).healthy

    def wavering(w, b, X, Y, backend="fused", n_threads=None):
        return expected._replace(cost=0.5 + 1e-16 * (n_threads == 3) * 2)

    other = doctor.several_classes(wavering, m=5, n_x=4, K=K)
    assert not other.healthy
    assert "other bits on other threads" in other.found


def test_real_kernels_agree(monkeypatch):
    assert doctor.several_classes(m=64, n_x=3).healthy
    assert doctor.same_bits(m=64, n_x=3, repeats=1).healthy
    assert doctor.agreement(m=64, n_x=3).healthy
    import numba

    def nothing_ran():
        raise ValueError("Threading layer is not initialized.")

    monkeypatch.setattr(numba, "threading_layer", nothing_ran)
    assert "the loops ran on one thread" in doctor.agreement(m=64, n_x=3).found


def test_bandwidth(monkeypatch):
    assert doctor.bandwidth(lambda: (20e9, 15e9)) == Check(
        "bandwidth", True, "20.0 GB/s can be read, the kernel reads X at 15.0: 75 %"
    )
    assert not doctor.bandwidth(lambda: (20e9, 5e9)).healthy
    monkeypatch.setattr(bandwidth, "beyond_cache", lambda: 1 << 12)
    monkeypatch.setattr("fastlogreg.tools.bench._PAUSE_SECONDS", 0.0)
    readable, reached = doctor.measure_bandwidth(n_x=4, rounds=1)
    assert readable > 0
    assert reached > 0


def test_caches(tmp_path):
    of_a_cpu = (
        ("1", "Data", "48K"),
        ("1", "Instruction", "64K"),
        ("2", "Unified", "33554433"),
        ("3", "Unified", "1G"),
    )
    for index, texts in enumerate(of_a_cpu):
        (tmp_path / f"index{index}").mkdir()
        for name, text in zip(("level", "type", "size"), texts):
            (tmp_path / f"index{index}" / name).write_text(f"{text}\n")
    (tmp_path / "index4").mkdir()  # a cache of which the system says nothing
    assert caches.last_level_cache(str(tmp_path)) == 1 << 30
    assert caches.first_level_cache(str(tmp_path)) == 48 << 10
    assert caches.last_level_cache(str(tmp_path / "none")) == 32 << 20
    assert caches.first_level_cache(str(tmp_path / "none")) == 32 << 10
    assert 128 << 20 <= bandwidth.beyond_cache() <= 1 << 30


@pytest.mark.parametrize("name", ["zen", "intel"])
def test_tuner(name, monkeypatch):
    monkeypatch.setenv("FASTLOGREG_TUNER", name)
    found = doctor.tuner()
    assert found.healthy
    level = 2 if name == "zen" else 1
    assert found.found.startswith(f"{name}, by FASTLOGREG_TUNER: short X level {level}; cached X")
    assert "memory X level 2, 256 to 384 KiB ahead" in found.found


@needs_jit
def test_a_well_installation(monkeypatch):
    monkeypatch.setattr(
        doctor, "measure_bandwidth", lambda: (20e9, 15e9)
    )  # not a matter of this moment's load
    checks = list(doctor.examine())
    assert [check for check in checks if not check.healthy] == []
    assert len(checks) == 12


def test_without_compiled_kernels_nothing_is_measured(monkeypatch):
    monkeypatch.setattr(doctor, "compiler", lambda: Check("compiler", False, "off", "switch it on"))
    names = [check.name for check in doctor.examine()]
    assert names == ["versions", "compiler", "cpu", "threads", "gpu"]


def test_a_check_that_raises_has_failed(monkeypatch):
    def same_bits():
        raise RuntimeError("no memory")

    for name in (
        "compiler",
        "cpu",
        "threads",
        "cache_folder",
        "vector_code",
        "agreement",
        "several_classes",
        "bandwidth",
    ):
        monkeypatch.setattr(doctor, name, lambda: Check("well", True, ""))
    monkeypatch.setattr(doctor, "same_bits", same_bits)
    [failed] = [check for check in doctor.examine() if not check.healthy]
    assert failed.name == "same bits"
    assert failed.found == "RuntimeError: no memory"


@pytest.mark.parametrize("healthy", [True, False])
def test_command(monkeypatch, capsys, healthy):
    checks = [Check("versions", True, "all new"), Check("compiler", healthy, "off", "switch it on")]
    monkeypatch.setattr(doctor, "examine", lambda: iter(checks))
    assert app.run(["doctor"]) == (0 if healthy else 1)
    out = capsys.readouterr().out
    assert re.search(r"^ok +versions: all new$", out, re.MULTILINE)
    assert ("1 check failed" in out) is not healthy
    assert ("remedy: switch it on" in out) is not healthy


def test_a_gpu_that_is_not_there_is_no_fault():
    def none():
        raise RuntimeError("a GPU of NVIDIA and its driver are needed. Look at nvidia-smi. And so")

    check = doctor.gpu(none)
    assert check.healthy
    assert check.found == "none: a GPU of NVIDIA and its driver are needed"


@pytest.mark.parametrize(("error", "healthy"), [(0.0, True), (1e-6, False)])
def test_a_gpu_is_named_and_held_against_numpy(monkeypatch, error, healthy):
    found = doctor.device.Found("H100", (9, 0), doctor.device.Memory(79e9, 80e9))
    own = doctor.propagate

    def passes(w, b, X, Y, backend):
        sums = own(w, b, X, Y, backend="numpy")
        return sums._replace(cost=sums.cost + error * (backend == "cuda"))

    monkeypatch.setattr(doctor, "propagate", passes)
    check = doctor.gpu(lambda: found)
    assert check.healthy is healthy
    assert check.found.startswith("H100, compute capability 9.0, 79 of 80 GB free; sums differ")
    assert bool(check.remedy) is not healthy
