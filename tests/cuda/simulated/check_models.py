"""Fits on a GPU: the same solvers, bounds, checkpoints and warnings, on every form of X."""

from __future__ import annotations

import numpy as np
import pytest
from numba import cuda

import fastlogreg as flr
from fastlogreg.cuda import device
from fastlogreg.data.on_gpu import DeviceMatrix, is_on_gpu
from fastlogreg.data.row_blocks import RowBlocks

RNG = np.random.default_rng(0)
X = RNG.standard_normal((4, 40))
Y = (RNG.random((1, 40)) < 0.5).astype(np.uint8)
CLASSES = RNG.integers(0, 3, (1, 40))


class Foreign:
    """An array of another library on the GPU: it shows where it lies, and no more."""

    def __init__(self, array):
        self.there = cuda.to_device(array) if not device.is_simulated() else None
        self.array = np.asarray(array) if self.there is None else None
        self.shape = array.shape

    @property
    def __cuda_array_interface__(self):
        if self.there is not None:
            return self.there.__cuda_array_interface__
        return {**self.array.__array_interface__, "version": 3}


def close(found, wanted):
    assert found.stop_reason == wanted.stop_reason
    assert found.cost == pytest.approx(wanted.cost, rel=1e-12)
    np.testing.assert_allclose(found.w, wanted.w, atol=1e-9)
    np.testing.assert_allclose(found.b, wanted.b, atol=1e-9)


@pytest.mark.parametrize("solver", ["gd", "nesterov", "lbfgs", "newton", "auto"])
@pytest.mark.parametrize("classes", [None, 3])
def test_every_solver(solver, classes):
    many = {} if solver in ("gd", "nesterov") else {"tol": 1e-10}
    how = {"solver": solver, "lambda_": 1.0, "iterations": 4 if not many else 60, **many}
    y = Y if classes is None else CLASSES
    found = flr.train(X, y, classes=classes, backend="cuda", **how)
    wanted = flr.train(X, y, classes=classes, backend="numpy", **how)
    close(found, wanted)
    assert found.suboptimality_bound == pytest.approx(
        wanted.suboptimality_bound, rel=1e-3, abs=1e-13
    )


def test_l1_bounds_and_an_offset():
    how = {"lambda_": 4.0, "l1_ratio": 0.5, "solver": "auto", "tol": 1e-9, "iterations": 50}
    how["offset"] = RNG.standard_normal((1, 40)) / 3
    found = flr.train(X, Y, backend="cuda", **how)
    wanted = flr.train(X, Y, backend="numpy", **how)
    np.testing.assert_allclose(found.w, wanted.w, atol=1e-4)
    assert found.cost == pytest.approx(wanted.cost, abs=2e-9)
    assert (found.w == 0.0).tolist() == (wanted.w == 0.0).tolist()


def test_targets_between_labels_and_weights():
    targets, weights = RNG.random((1, 40)), RNG.uniform(0.5, 2, (1, 40))
    how = {"lambda_": 1.0, "solver": "auto", "tol": 1e-9, "iterations": 50, "weights": weights}
    close(
        flr.train(X, targets, backend="cuda", **how), flr.train(X, targets, backend="numpy", **how)
    )


def test_separable_classes_are_warned_of():
    with pytest.warns(flr.TrainingWarning, match="separa"):
        flr.train(X[:1], (X[:1] > 0).astype(int), backend="cuda", solver="lbfgs", tol=1e-9)


@pytest.mark.parametrize("turned", [False, True])
def test_x_of_another_library_is_read_in_place(turned):
    given = np.asarray(X, np.float32, order="F" if turned else "C")
    foreign = Foreign(given)
    assert is_on_gpu(foreign)
    w = np.arange(4.0)[:, None]
    found = flr.propagate(w, 0.5, foreign, Y, backend="cuda", scale=2.0)
    wanted = flr.propagate(w, 0.5, given, Y, backend="numpy", scale=2.0)
    np.testing.assert_allclose(found.dw, wanted.dw, rtol=1e-12)
    how = {"lambda_": 1.0, "solver": "auto", "tol": 1e-9, "iterations": 50}
    close(flr.train(foreign, Y, backend="cuda", **how), flr.train(given, Y, backend="numpy", **how))
    for other in ("fused", "numpy"):
        with pytest.raises(ValueError, match="backend must be 'cuda' for an X that lies on a GPU"):
            flr.train(foreign, Y, backend=other)


def test_a_design_on_the_gpu_gives_rows_and_blocks():
    from fastlogreg.data.inputs import design_of

    for order in "CF":
        given = np.asarray(X, order=order)
        design = design_of(Foreign(given), 2.0, 1.0)
        assert isinstance(design, DeviceMatrix)
        np.testing.assert_array_equal(design.every(7), X.T[::7])
        np.testing.assert_array_equal(design.rows(np.array([3, 9])).on_cpu(), X.T[[3, 9]])
        blocks = np.concatenate([x for _, _, x in design.float_blocks()])
        np.testing.assert_allclose(blocks, 2.0 * X.T + 1.0)
        design.require_finite()
        assert design.find_non_finite() is None
    X2 = X.copy()
    X2[2, 5] = np.inf
    assert design_of(Foreign(X2)).find_non_finite() == (5, 2, np.inf)
    with pytest.raises(ValueError, match="got inf in row 5"):
        flr.propagate(np.zeros((4, 1)), 0.0, Foreign(X2), Y, backend="cuda")


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        (np.ones((2, 2, 2)), ValueError, r"X must have shape \(n_x, m\), one a column"),
        (np.ones((4, 80))[:, ::2], ValueError, "must be contiguous"),
        (np.ones((4, 40), np.int64), TypeError, "must hold bool or uint8, .*; got int64"),
    ],
)
def test_what_cannot_be_read_in_place_is_refused(given, error, text):
    with pytest.raises(error, match=text):
        flr.propagate(np.zeros((4, 1)), 0.0, Foreign(given), Y, backend="cuda")


def test_x_in_blocks():
    blocks = RowBlocks([X.T[:17].copy(), X.T[17:].copy()])
    w = np.arange(4.0)[:, None]
    found = flr.propagate(w, 0.5, blocks, Y, backend="cuda", scale=2.0)
    wanted = flr.propagate(w, 0.5, X, Y, backend="numpy", scale=2.0)
    np.testing.assert_allclose(found.dw, wanted.dw, rtol=1e-12)
    W, b = RNG.standard_normal((4, 3)), np.zeros((3, 1))
    found = flr.propagate(W, b, blocks, CLASSES, backend="cuda")
    wanted = flr.propagate(W, b, X, CLASSES, backend="numpy")
    np.testing.assert_allclose(found.dw, wanted.dw, rtol=1e-11)


def test_several_classes_in_blocks_that_come_and_go(monkeypatch):
    given = np.asarray(X, order="F")
    W, b = RNG.standard_normal((4, 3)), np.zeros((3, 1))
    whole = flr.propagate(W, b, given, CLASSES, backend="cuda")
    free = (8.0 * 12 * 40 + given.nbytes * 0.9) / device.SPARED
    monkeypatch.setattr(device, "memory", lambda: device.Memory(free, 2 * free))
    how = {"lambda_": 1.0, "solver": "lbfgs", "iterations": 3, "classes": 3}
    found = flr.propagate(W, b, given, CLASSES, backend="cuda")
    np.testing.assert_allclose(found.dw, whole.dw, rtol=1e-12)
    found = flr.train(given, CLASSES, backend="cuda", **how)
    np.testing.assert_allclose(found.w, flr.train(X, CLASSES, backend="numpy", **how).w, atol=1e-9)


def test_a_file_is_read_in_place(tmp_path):
    mapped = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.float32, (40, 4))
    mapped[:] = X.T
    how = {"lambda_": 1.0, "solver": "lbfgs", "tol": 1e-9, "iterations": 50}
    plain = np.asarray(X, np.float32, order="F")
    close(flr.train(mapped.T, Y, backend="cuda", **how), flr.train(plain, Y, backend="cuda", **how))


def test_a_run_goes_on_from_its_checkpoint_to_the_same_bits(tmp_path):
    how = {"lambda_": 1.0, "solver": "lbfgs", "backend": "cuda", "checkpoint": tmp_path / "run"}
    flr.train(X, Y, iterations=2, **how)
    found = flr.train(X, Y, iterations=5, resume=True, **how)
    whole = flr.train(X, Y, iterations=5, lambda_=1.0, solver="lbfgs", backend="cuda")
    assert found.w.tobytes() == whole.w.tobytes()
    assert found.costs.tobytes() == whole.costs.tobytes()


def test_the_estimator():
    pytest.importorskip("sklearn")
    rows, y = np.ascontiguousarray(X.T), np.array(["no", "yes"])[Y[0]]
    cpu = flr.LogisticRegression().fit(rows, y)
    for given in (rows, Foreign(rows), Foreign(np.asarray(rows, order="F"))):
        model = flr.LogisticRegression(device="cuda").fit(given, y)
        np.testing.assert_allclose(model.coef_, cpu.coef_, atol=1e-7)
        assert model.stop_reason_ == "converged"
        np.testing.assert_allclose(model.predict_proba(given), cpu.predict_proba(rows), atol=1e-7)
        assert model.predict(given).tolist() == cpu.predict(rows).tolist()
    several = flr.LogisticRegression(device="cuda").fit(Foreign(rows), Foreign(CLASSES[0]))
    wanted = flr.LogisticRegression().fit(rows, CLASSES[0])
    np.testing.assert_allclose(several.coef_, wanted.coef_, atol=1e-6)
    np.testing.assert_allclose(
        several.predict_proba(Foreign(rows)), wanted.predict_proba(rows), atol=1e-6
    )
    flr.LogisticRegression(device="cuda", standardize=True).fit(Foreign(rows), y)
    with pytest.raises(ValueError, match="computes on the CPU, and X lies on a GPU"):
        flr.LogisticRegression().fit(Foreign(rows), y)
    with pytest.raises(ValueError, match="y must have a label for each of the 40 rows"):
        flr.LogisticRegression(device="cuda").fit(Foreign(rows), y[:-1])
    with pytest.raises(ValueError, match="device must be one of 'cpu', 'cuda'; got 'gpu'"):
        flr.LogisticRegression(device="gpu").fit(rows, y)


def test_predictions_of_the_functions():
    given = np.asarray(X, np.float32)
    w = np.arange(4.0)[:, None]
    np.testing.assert_allclose(
        flr.predict_proba(w, 0.5, Foreign(given)), flr.predict_proba(w, 0.5, given), rtol=1e-12
    )
    W, b = RNG.standard_normal((4, 3)), np.zeros((3, 1))
    assert (flr.predict(W, b, Foreign(given)) == flr.predict(W, b, given)).all()


def test_the_gpu_is_described():
    found = device.found()
    assert found.name
    assert found.memory.free > 0
    assert device.multiprocessors() >= 1
