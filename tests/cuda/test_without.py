"""Without a GPU, or without numba-cuda: what is said, and that nothing else changes."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

import fastlogreg as flr
from fastlogreg.cuda import device

X, Y = np.ones((2, 3)), np.array([[0, 1, 1]])


@pytest.fixture
def without(monkeypatch):
    """Have no GPU here, and numba-cuda or not."""

    def choose(installed: bool) -> None:
        from numba import cuda

        found = importlib.util.find_spec
        monkeypatch.setattr(device, "is_simulated", lambda: False)
        monkeypatch.setattr(cuda, "is_available", lambda: False)
        monkeypatch.setattr(
            importlib.util,
            "find_spec",
            lambda name, *rest: object() if installed and name == "numba_cuda"
            else None if name == "numba_cuda" else found(name, *rest),
        )  # fmt: skip

    return choose


def test_without_the_extra(without):
    without(installed=False)
    with pytest.raises(ImportError, match=r'pip install "fastlogreg\[cuda\]".*backend="fused"'):
        flr.propagate(np.zeros((2, 1)), 0.0, X, Y, backend="cuda")
    with pytest.raises(ImportError, match=r"fastlogreg\[cuda\]"):
        flr.train(X, Y, backend="cuda")


def test_without_a_gpu(without):
    without(installed=True)
    with pytest.raises(RuntimeError, match=r"numba.cuda finds none.*nvidia-smi.*backend="):
        flr.cost(np.zeros((2, 1)), 0.0, X, Y, backend="cuda")


def test_the_estimator_without_a_gpu(without):
    pytest.importorskip("sklearn")
    without(installed=True)
    with pytest.raises(RuntimeError, match='device="cpu" of an estimator'):
        flr.LogisticRegression(device="cuda").fit(X.T, Y[0])


def test_an_x_on_a_gpu_that_is_not_there(without):
    class Foreign:
        shape = (2, 3)

        @property
        def __cuda_array_interface__(self):
            return {"shape": (2, 3), "typestr": "<f8", "data": (0, True)}

    without(installed=True)
    with pytest.raises(RuntimeError, match="a GPU of NVIDIA"):
        flr.propagate(np.zeros((2, 1)), 0.0, Foreign(), Y, backend="cuda")


def test_too_little_memory(monkeypatch):
    monkeypatch.setattr(device, "memory", lambda: device.Memory(2e9, 8e9))
    device.require_memory(1.7e9, "X", "Do that")
    with pytest.raises(
        MemoryError,
        match=r"^X needs 1\.9 GB of the GPU's memory; 2 GB of 8 GB are free\. Do that\. backend=",
    ):
        device.require_memory(1.9e9, "X", "Do that")


def test_importing_the_backends_asks_for_no_gpu():
    from fastlogreg.backends.choice import backend_of

    assert backend_of("cuda", 2).with_threads(1).n_threads == 1
