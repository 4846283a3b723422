"""train: the lectures' iterates, why a run stops, what is kept, what it warns of, and the two real
results."""

from __future__ import annotations

import gzip
import math
import signal
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

import fastlogreg as flr
from benchmarks.runs.train import PUBLISHED
from fastlogreg.maths import logistic, reference
from fastlogreg.solvers import compiled as ways
from fastlogreg.solvers.result import STOP_REASONS, Progress, TrainingResult, TrainingWarning
from fastlogreg.training import run
from tests.helpers.comparison import ON_CPU, WITHOUT_JIT
from tests.helpers.limits import HANG

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3)).T
Y = (rng.random((1, 40)) < logistic.sigmoid(np.array([[1.0, -2.0, 0.5]]) @ X)).astype(np.uint8)


@pytest.fixture(autouse=True)
def _pythons_own_handler_of_ctrl_c():
    """Also where the tests run in the background, where Ctrl-C is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def descent(X, Y, alpha, iterations, lambda_=0.0):
    w, b, costs = np.zeros((len(X), 1)), 0.0, []
    for _ in range(iterations):
        J, dw, db = reference.propagate(w, b, X, Y, lambda_)
        costs.append(J)
        w, b = reference.gradient_descent_step(w, b, dw, db, alpha)
    return w, b, costs


@pytest.mark.parametrize("backend", ON_CPU)
def test_the_lectures_iterates(backend):
    result = flr.train(X, Y, alpha=0.3, iterations=30, lambda_=0.7, backend=backend)
    w, b, costs = descent(X, Y, 0.3, 30, 0.7)
    np.testing.assert_allclose(result.w, w, rtol=1e-12)
    assert result.b == pytest.approx(b, rel=1e-12)
    np.testing.assert_allclose(result.costs, costs, rtol=1e-13)
    assert (result.iterations, result.stop_reason, result.alpha) == (30, "iterations", 0.3)
    at_the_end = reference.propagate(result.w, result.b, X, Y, 0.7)
    assert result.cost == pytest.approx(at_the_end.cost, rel=1e-13)
    assert result.gradient_norm == pytest.approx(
        max(np.abs(at_the_end.dw).max(), abs(at_the_end.db)), rel=1e-9
    )
    assert (result.w.shape, type(result.b), result.costs.dtype) == ((3, 1), float, np.float64)
    assert 0 < result.seconds < 60
    assert "stop_reason='iterations'" in repr(result)


def test_costs_k_is_J_before_update_k():
    assert flr.train(X, Y, iterations=1).costs.tolist() == [pytest.approx(math.log(2), rel=1e-15)]
    start = {"w": np.array([[1.0], [0.0], [-1.0]]), "b": 0.5}
    result = flr.train(X, Y, iterations=5, **start)
    assert result.costs[0] == flr.cost(X=X, Y=Y, **start)
    longer = flr.train(X, Y, iterations=6, **start)
    assert longer.costs[:5].tolist() == result.costs.tolist()
    assert longer.costs[5] == pytest.approx(result.cost, rel=1e-14)


def test_no_iterations_at_all():
    w = np.array([[1.0], [2.0], [3.0]])
    result = flr.train(X, Y, iterations=0, w=w, b=0.25)
    np.testing.assert_array_equal(result.w, w)
    assert (result.b, result.costs.size, result.iterations, result.stop_reason) == (
        0.25,
        0,
        0,
        "iterations",
    )
    assert result.cost == flr.cost(w, 0.25, X, Y)


def test_the_start_is_not_written_to():
    w = np.ones((3, 1))
    flr.train(X, Y, iterations=10, w=w)
    np.testing.assert_array_equal(w, np.ones((3, 1)))


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_scale_and_shift_are_folded(dtype):
    pixels = (rng.random((30, 4)).T * 255).astype(dtype)
    labels = (rng.random((1, 30)) < 0.5).astype(np.uint8)
    scale, shift = (
        np.array([[1 / 255], [2 / 255], [0.01], [0.0]]),
        np.array([[-0.5], [0.0], [1.0], [1.0]]),
    )
    result = flr.train(pixels, labels, alpha=0.1, iterations=40, scale=scale, shift=shift)
    w, b, costs = descent(scale * pixels.astype(float) + shift, labels, 0.1, 40)
    np.testing.assert_allclose(result.w, w, rtol=1e-11, atol=1e-13)
    assert result.b == pytest.approx(b, rel=1e-11)
    np.testing.assert_allclose(result.costs, costs, rtol=1e-12)


# ---------------------------------------------------------------- alpha


@pytest.mark.parametrize("lambda_", [0.0, 3.0])
@pytest.mark.parametrize("shape", [(3, 40), (40, 3), (400, 12)])
def test_alpha_auto_is_one_over_L(shape, lambda_):
    """L from the eigenvalues themselves; the power iterations stop a little below."""
    X = rng.normal(size=shape) + 0.3
    Y = (np.arange(shape[1])[None, :] % 2).astype(np.uint8)
    X1, m = np.vstack([X, np.ones((1, shape[1]))]), shape[1]
    L = np.linalg.eigvalsh(X1 @ X1.T).max() / (4 * m) + lambda_ / m
    for backend in ("fused", "numpy"):
        alpha = flr.train(X, Y, lambda_=lambda_, iterations=200, backend=backend).alpha
        assert alpha * (1 + 1e-12) >= 1 / L
        assert alpha < 1.1 / L


@pytest.mark.parametrize("shape", [(2, 60), (100, 20)])
def test_alpha_auto_where_the_leading_direction_is_orthogonal_to_all_ones(shape):
    """Centred features beside their negatives: X.T 1 = 0 and X 1 = 0, and power iterations from all
    ones would see nothing of X at all."""
    half = 50 * rng.normal(size=(shape[0] // 2, shape[1]))
    half -= half.mean(axis=1, keepdims=True)
    X = np.vstack([half, -half])
    L = np.linalg.eigvalsh(X @ X.T).max() / (4 * shape[1])
    result = flr.train(X, (half[:1] > 0).astype(np.uint8), iterations=500)
    assert result.alpha == pytest.approx(1 / L, rel=0.1)
    assert np.all(np.diff(result.costs) < 0)


def test_an_alpha_above_2_over_L_is_warned_of_with_the_largest_safe_value():
    L = 1 / flr.train(X, Y, iterations=2000).alpha
    with pytest.warns(
        TrainingWarning, match=r"alpha = .* is above 2/L = .*alpha=\"auto\" takes 1/L"
    ) as caught:
        result = flr.train(X, Y, alpha=2.3 / L, iterations=400)
    assert result.stop_reason == "iterations"
    named = float(str(caught[0].message).split("2/L = ")[1].split(",")[0])
    assert named == pytest.approx(2 / L, rel=0.02)
    assert caught[0].filename == __file__
    flr.train(X, Y, alpha=1.9 / L, iterations=400)  # warns of nothing


@pytest.mark.parametrize("backend", ["fused", "numpy"])
@pytest.mark.parametrize("wide", [False, True])
def test_divergence_keeps_the_best(backend, wide):
    if WITHOUT_JIT and backend == "fused" and wide:
        pytest.skip("interpreted, the Gram domain warns of its overflow by itself")
    big = 1e4 * (rng.normal(size=(60, 20)) if wide else X)
    labels = Y[:, : big.shape[1]]
    with pytest.warns(
        TrainingWarning, match="the cost grew without end after .* is too large for this data"
    ):
        result = flr.train(big, labels, alpha=1e3, iterations=500, lambda_=1e6, backend=backend)
    assert result.stop_reason == "diverged"
    assert result.iterations < 500
    assert len(result.costs) == result.iterations
    assert result.cost <= result.costs.min()
    assert result.cost == pytest.approx(
        flr.cost(result.w, result.b, big, labels, lambda_=1e6), rel=1e-12
    )


# ---------------------------------------------------------------- stopping


@pytest.mark.parametrize("backend", ["fused", "loops", "numpy"])
def test_tol(backend):
    for lambda_, measure in ((0.0, "gradient_norm"), (1.0, "suboptimality_bound")):
        options = {"tol": 1e-3, "lambda_": lambda_, "backend": backend}
        result = flr.train(X, Y, iterations=100_000, **options)
        assert result.stop_reason == "converged"
        assert 0 < result.iterations == len(result.costs) < 100_000
        assert getattr(result, measure) <= 1e-3 * (1 + 1e-9)
        # A proof may come some iterations late, and is also made at the end.
        enough = result.iterations - 1 if lambda_ == 0.0 else result.iterations // 4
        with pytest.warns(TrainingWarning, match=r"not converged after .* tol asks for 0.001"):
            before = flr.train(X, Y, iterations=enough, alpha=result.alpha, **options)
        assert (before.stop_reason, getattr(before, measure) > 1e-3) == ("iterations", True)


def test_tol_on_wide_data():
    result = flr.train(
        rng.normal(size=(200, 20)), Y[:, :20], iterations=100_000, tol=1e-2, lambda_=1.0
    )
    assert (result.stop_reason, result.suboptimality_bound <= 1e-2 * (1 + 1e-9)) == (
        "converged",
        True,
    )


@pytest.mark.parametrize("backend", ON_CPU)
def test_max_seconds(backend):
    result = flr.train(X, Y, iterations=10**9, max_seconds=0.05, backend=backend)
    assert result.stop_reason == "max_seconds"
    assert 0 < result.iterations == len(result.costs) < 10**9
    assert (
        result.seconds > 0.0
    )  # it may end a pass early: the last one, of cost and gradient, counts as well


def test_max_seconds_of_zero_still_returns_something():
    result = flr.train(X, Y, iterations=10**9, max_seconds=0)
    assert result.stop_reason == "max_seconds"
    assert np.isfinite(result.cost)


@pytest.mark.parametrize("backend", ["fused", "numpy"])
def test_callback(backend):
    seen = []
    result = flr.train(
        X, Y, iterations=10**9, backend=backend, callback=lambda p: seen.append(p) or len(seen) == 3
    )
    assert result.stop_reason == "callback"
    assert all(type(p) is Progress for p in seen)
    assert len(seen) == 4  # the one that asked to stop, and the one at the end
    iterations = [p.iteration for p in seen]
    assert iterations == sorted(iterations)
    assert iterations[-1] == result.iterations
    assert seen[-1].cost == result.cost
    assert seen[-1].gradient_norm == result.gradient_norm
    np.testing.assert_array_equal(seen[-1].w, result.w)
    assert seen[-1].b == result.b
    assert [p.seconds for p in seen] == sorted(p.seconds for p in seen)
    for p in seen[:-1]:  # the cost is that of the last iteration recorded, or of the point itself
        assert p.w.shape == (3, 1)
        assert p.cost in (
            pytest.approx(result.costs[p.iteration - 1]),
            pytest.approx(flr.cost(p.w, p.b, X, Y)),
        )


def test_callback_of_a_short_run_is_called_at_the_end():
    seen = []
    result = flr.train(X, Y, iterations=3, callback=seen.append)
    assert seen[-1].iteration == result.iterations == 3


def test_what_a_callback_is_given_is_its_own():
    def spoil(progress):
        progress.w[:] = np.nan

    result = flr.train(X, Y, iterations=50, callback=spoil)
    assert np.isfinite(result.w).all()


def test_an_error_in_a_callback_comes_through_and_leaves_the_handler():
    def fail(progress):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        flr.train(X, Y, iterations=10**9, callback=fail)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_every_reason_has_its_words():
    assert set(STOP_REASONS) >= {
        "iterations",
        "converged",
        "max_seconds",
        "interrupted",
        "callback",
        "diverged",
    }
    assert all(STOP_REASONS.values())


# ---------------------------------------------------------------- Ctrl-C


def test_ctrl_c_keeps_the_result():
    seen = []

    def once(progress):
        seen.append(progress)
        if len(seen) == 1:
            signal.raise_signal(signal.SIGINT)

    with pytest.warns(TrainingWarning, match=r"interrupted by Ctrl-C after \d+ iterations"):
        result = flr.train(X, Y, iterations=10**9, callback=once)
    assert result.stop_reason == "interrupted"
    assert 0 < result.iterations == len(result.costs)
    assert result.cost < result.costs[0]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_that_comes_too_late_to_stop_anything_is_told():
    """A loop that looks at stop_reason ends, though this run itself was at its end."""

    seen = []

    def at_the_end(progress):
        seen.append(progress.iteration)
        if seen.count(3) == 2:  # the last call, when the run has ended
            signal.raise_signal(signal.SIGINT)

    with pytest.warns(TrainingWarning, match="interrupted by Ctrl-C after 3 iterations"):
        result = flr.train(X, Y, iterations=3, callback=at_the_end)
    assert (result.stop_reason, result.iterations) == ("interrupted", 3)


def test_a_second_ctrl_c_stops_at_once():
    def twice(progress):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        flr.train(X, Y, iterations=10**9, callback=twice)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_another_handler_is_left_alone():
    got = []
    signal.signal(signal.SIGINT, lambda number, frame: got.append(number))
    seen = []

    def once(progress):
        seen.append(progress)
        if len(seen) == 1:
            signal.raise_signal(signal.SIGINT)
        return len(seen) == 3

    assert flr.train(X, Y, iterations=10**9, callback=once).stop_reason == "callback"
    assert got == [signal.SIGINT]


def test_interruptions_in_another_thread_do_nothing():
    import threading

    results = []
    thread = threading.Thread(target=lambda: results.append(flr.train(X, Y, iterations=5)))
    thread.start()
    thread.join()
    assert results[0].stop_reason == "iterations"


CTRL_C = """
import signal, sys, warnings, numpy as np
signal.signal(signal.SIGINT, signal.default_int_handler)
import fastlogreg as flr
n_x, m, backend = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
rng = np.random.default_rng(0)
X, Y = rng.normal(size=(m, n_x)).T, (np.arange(m) % 2)[None, :]
first = []
def ready(progress):
    if not first:
        first.append(progress)
        print("ready", flush=True)
with warnings.catch_warnings(record=True) as caught:
    result = flr.train(X, Y, iterations=10**9, backend=backend, callback=ready)
assert "interrupted by Ctrl-C" in str(caught[0].message), caught
assert result.iterations == len(result.costs) and result.cost < result.costs[0], result
print(result.stop_reason, flush=True)
"""


@pytest.mark.parametrize(
    ("n_x", "m", "backend"),
    [
        pytest.param(5, 60, "fused", id="compiled stretches"),
        pytest.param(
            40,
            30_000,
            "fused",
            id="passes",
            marks=pytest.mark.skipif(WITHOUT_JIT, reason="1 min a pass"),
        ),
        pytest.param(300, 20, "fused", id="Gram matrix"),
        pytest.param(5, 60, "numpy", id="numpy"),
    ],
)
def test_ctrl_c_in_a_process_of_its_own(n_x, m, backend):
    process = subprocess.Popen(
        [sys.executable, "-c", CTRL_C, str(n_x), str(m), backend],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        ready = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=HANG)
    finally:
        process.kill()
    assert (ready, out, err) == (b"ready\n", b"interrupted\n", b"")
    assert process.returncode == 0


# ---------------------------------------------------------------- the Gram domain


def direct(monkeypatch):
    monkeypatch.setattr(ways, "gram_pays", lambda objective, iterations: False)


@pytest.mark.parametrize("lambda_", [0.0, 2.0])
@pytest.mark.parametrize("case", ["random", "duplicates", "constant", "started elsewhere"])
def test_the_gram_domain_makes_the_same_iterates(monkeypatch, case, lambda_):
    """To 1e-10 over 2000 iterations, and it is really taken; with duplicated examples K is
    singular."""
    iterations = 60 if WITHOUT_JIT else 2000
    m, n_x = 24, 700
    wide = rng.normal(size=(m, n_x)).T
    if case == "duplicates":
        wide[:, 5:20] = wide[:, :1]
    if case == "constant":
        wide[:] = wide[:, :1]
    start = {"w": 0.1 * rng.normal(size=(n_x, 1)), "b": 0.3} if case == "started elsewhere" else {}
    labels = (np.arange(m) % 3 == 0).astype(np.uint8)[None, :]
    taken = []
    honest = ways.by_gram
    monkeypatch.setattr(ways, "by_gram", lambda *a: taken.append(True) or honest(*a))
    monkeypatch.setattr(ways, "gram_pays", lambda objective, iterations: True)
    gram = flr.train(
        wide, labels, iterations=iterations, lambda_=lambda_, scale=0.5, shift=0.1, **start
    )
    assert taken
    direct(monkeypatch)
    alpha = gram.alpha
    plain = flr.train(
        wide,
        labels,
        alpha=alpha,
        iterations=iterations,
        lambda_=lambda_,
        scale=0.5,
        shift=0.1,
        **start,
    )
    np.testing.assert_allclose(gram.costs, plain.costs, rtol=1e-10)
    np.testing.assert_allclose(gram.w, plain.w, rtol=0, atol=1e-10 * np.abs(plain.w).max())
    assert gram.b == pytest.approx(plain.b, rel=1e-10, abs=1e-10)
    assert gram.iterations == plain.iterations == iterations


# ---------------------------------------------------------------- real data


def read_idx(path):
    with gzip.open(path) as file:
        content = file.read()
    rank = content[3]
    shape = np.frombuffer(content, ">i4", rank, 4)
    return np.frombuffer(content, np.uint8, -1, 4 + 4 * rank).reshape(shape)


@pytest.mark.parametrize(
    "backend",
    [
        pytest.param(
            "loops", marks=pytest.mark.skipif(WITHOUT_JIT, reason="hours without compilation")
        ),
        "numpy",
        pytest.param(
            "fused", marks=pytest.mark.skipif(WITHOUT_JIT, reason="10 minutes without compilation")
        ),
        pytest.param(
            "fused, pass by pass",
            marks=pytest.mark.skipif(WITHOUT_JIT, reason="hours without compilation"),
        ),
    ],
)
def test_the_published_cat_result(shared_data, backend, monkeypatch):
    h5py = pytest.importorskip("h5py")
    folder = shared_data / "catvnoncat"
    with (
        h5py.File(folder / "train_catvnoncat.h5") as train,
        h5py.File(folder / "test_catvnoncat.h5") as test,
    ):
        X, Y = flr.flatten_images(train["train_set_x"][:]), train["train_set_y"][:].reshape(1, -1)
        X_test, Y_test = (
            flr.flatten_images(test["test_set_x"][:]),
            test["test_set_y"][:].reshape(1, -1),
        )
    assert X.dtype == np.uint8
    if backend == "fused, pass by pass":
        direct(monkeypatch)
    options = {"scale": 1 / 255, "backend": backend.split(",")[0]}
    # The command line's test makes all 2000 with the loops, too, and leaves NumPy to this one.
    iterations = 200 if backend == "loops" or WITHOUT_JIT else 2000
    with pytest.warns(TrainingWarning, match="above 2/L"):  # and it does rise at first
        result = flr.train(X, Y, alpha=0.005, iterations=iterations, **options)
    assert [f"{cost:.6f}" for cost in result.costs[::100]] == [
        f"{cost:.6f}" for cost in PUBLISHED[: iterations // 100]
    ]
    if iterations < 2000:
        return
    accuracies = [
        100
        - np.mean(np.abs(flr.predict(result.w, result.b, A, scale=1 / 255).astype(int) - B)) * 100
        for A, B in ((X, Y), (X_test, Y_test))
    ]
    assert accuracies == [
        pytest.approx(99.04306220095694, abs=1e-12),
        pytest.approx(70.0, abs=1e-12),
    ]
    assert np.linalg.norm(result.w) == pytest.approx(1.8863092965544, rel=1e-12)
    assert result.b == pytest.approx(-0.0159062439997, abs=1e-12)


@pytest.mark.skipif(WITHOUT_JIT, reason="hours without compilation")
def test_mnist_zeros_against_the_rest_as_uint8(shared_data):
    """Above 99 % on the test images, and no copy of X: all that is allocated on the way is a
    twentieth of it."""
    folder = shared_data / "mnist"
    X = flr.flatten_images(read_idx(folder / "train-images-idx3-ubyte.gz"))
    Y = (read_idx(folder / "train-labels-idx1-ubyte.gz") == 0).reshape(1, -1)
    X_test = flr.flatten_images(read_idx(folder / "t10k-images-idx3-ubyte.gz"))
    Y_test = (read_idx(folder / "t10k-labels-idx1-ubyte.gz") == 0).reshape(1, -1)
    assert (X.shape, X.dtype, X.nbytes) == ((784, 60_000), np.uint8, 47_040_000)
    flr.train(X[:, :100], Y[:, :100], iterations=1)  # compiles
    tracemalloc.start()
    result = flr.train(X, Y, alpha=0.2, iterations=400, scale=1 / 255)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < X.nbytes / 20 + 4e6
    assert np.mean(flr.predict(result.w, result.b, X_test, scale=1 / 255) == Y_test) > 0.99


def test_the_type_of_the_result():
    assert type(flr.train(X, Y, iterations=1)) is TrainingResult is flr.TrainingResult
    assert run.STRETCH_SECONDS <= 0.2
