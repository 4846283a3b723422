"""A run that was cut off, wherever and however, goes on to the bits that it would have reached; and
only the same run."""

from __future__ import annotations

import random
import signal
import warnings
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastlogreg as flr
from fastlogreg.data.inputs import design_of
from fastlogreg.objective import working_columns
from fastlogreg.objective.columns import SharedColumns
from fastlogreg.objective.objective import Objective
from fastlogreg.solvers import auto, compiled, compiled_penalised, newton
from fastlogreg.solvers.result import TrainingWarning
from fastlogreg.training import checkpoint, run


def problem(m, n_x, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, n_x)).T
    X[-1] = 30.0 * X[-1] + 5.0
    Y = (rng.random((1, m)) < 1 / (1 + np.exp(-X[0] - 0.05 * X[-1]))).astype(np.uint8)
    return X, Y


SHAPES = {"gram": (20, 90), "tall": (900, 4)}  # (m, n_x); of the others (120, 5)
# arguments of train; iterations are such that every solver stops for its own reason, or is in full
# course
CASES = {
    "passes": {"backend": "numpy", "iterations": 25},
    "loops": {"backend": "loops", "iterations": 25, "lambda_": 0.0},
    "compiled": {"iterations": 60, "tol": 1e-9},
    "gram": {"iterations": 60},
    "nesterov": {"solver": "nesterov", "tol": 1e-9, "iterations": 60},
    "lbfgs": {"solver": "lbfgs", "tol": 1e-12, "iterations": 100},
    "cholesky": {"solver": "newton", "tol": 1e-13, "iterations": 100},
    "conjugate gradients": {"solver": "newton", "tol": 1e-13, "iterations": 100},
    "small": {"solver": "auto", "tol": 1e-13, "iterations": 100},
    "tall": {"solver": "auto", "tol": 1e-13, "iterations": 100},
    "misled": {"solver": "auto", "tol": 1e-13, "iterations": 100},
    "spread": {"solver": "auto", "tol": 1e-13, "iterations": 100},
    "no precision left": {"solver": "lbfgs", "tol": 0.0, "iterations": 100},
    "separable": {
        "solver": "lbfgs",
        "tol": 1e-12,
        "lambda_": 0.0,
        "iterations": 100,
        "separable": True,
    },
    "lasso": {"solver": "prox_newton", "tol": 1e-13, "iterations": 100, "l1_ratio": 1.0},
    "lasso on columns": {
        "solver": "prox_newton",
        "tol": 1e-13,
        "iterations": 100,
        "lambda_": 0.1,
        "l1_ratio": 1.0,
    },
    "bounds": {
        "solver": "prox_newton",
        "tol": 0.0,
        "iterations": 100,
        "lambda_": 0.01,
        "l1_ratio": 0.5,
        "bounds": (-0.3, 0.5),
        "offset": np.linspace(-3.0, 1.0, 120)[None, :],
    },
    "diverging": {"backend": "numpy", "alpha": 0.026, "iterations": 500, "lambda_": 1e4},
    "diverging, compiled": {"alpha": 0.026, "iterations": 500, "lambda_": 1e4},
}
CHANGES = {  # so that the data may be small
    "gram": {(compiled, "gram_pays"): lambda objective, iterations: True},  # as for many iterations
    "conjugate gradients": {(newton, "LARGEST_CHOLESKY"): 2},
    "tall": {(auto, "SMALL"): 0, (auto, "LEAST_ROWS"): 100},
    # New inner matrices from 25 and 100 rows, then Newton's method: each after one iteration.
    "misled": {
        (auto, "SMALL"): 0,
        (auto, "LEAST_ROWS"): 6,
        (auto, "ROWS_PER_FEATURE"): 1,
        (auto, "PATIENCE"): 1,
        (auto, "PROGRESS"): 1e-30,
        (auto, "SLOW_PROGRESS"): 1e-30,
    },
    "spread": {(auto, "SMALL"): 0, (auto, "LARGEST_INNER"): 2},
    # One compiled call for all of it is for runs that nobody watches.
    "lasso": {(compiled_penalised, "MOST_NUMBERS"): 0},
    "lasso on columns": {(compiled_penalised, "MOST_NUMBERS"): 0, (working_columns, "WIDE"): 0},
    "bounds": {(compiled_penalised, "MOST_NUMBERS"): 0},
}


@contextmanager
def case(name):
    """X, Y and the arguments of train, all warnings of results aside."""
    m, n_x = SHAPES.get(name, (120, 5))
    options = {"lambda_": 1.0, **CASES[name]}
    X, Y = problem(m, n_x)
    if options.pop("separable", False):
        Y = (X[:1] + 0.9 * X[1:2] - 0.5 * X[2:3] > 0.3).astype(np.uint8)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        for (module, attribute), value in CHANGES.get(name, {}).items():
            patch.setattr(module, attribute, value)
        yield X, Y, options


def same(one, other, clocked=False):
    """clocked: the number of passes, and of rows of history, follows the clock where iterations are
    made in stretches."""
    np.testing.assert_array_equal(one.w, other.w)
    np.testing.assert_array_equal(one.costs, other.costs)
    names = ["b", "cost", "gradient_norm", "suboptimality_bound", "iterations", "stop_reason"]
    if not clocked:
        names.append("passes")
        np.testing.assert_array_equal(np.delete(one.history, 1, 1), np.delete(other.history, 1, 1))
    assert [getattr(one, name) for name in names] == [getattr(other, name) for name in names]
    assert one.alpha == other.alpha or (np.isnan(one.alpha) and np.isnan(other.alpha))


def clocked(options):
    return options.get("solver", "gd") == "gd"


@pytest.mark.parametrize("name", CASES)
def test_cut_after_any_iteration_and_resumed(name, tmp_path):
    with case(name) as (X, Y, options):
        path = tmp_path / "run"
        whole = flr.train(X, Y, **options)
        assert whole.iterations >= 5
        for cut in sorted(
            {*range(5), whole.iterations // 2, whole.iterations - 1, whole.iterations}
        ):
            begun = flr.train(X, Y, **{**options, "iterations": cut}, checkpoint=path)
            assert begun.iterations == cut
            seconds = checkpoint.load(path).values["seconds"]
            again = flr.train(X, Y, **options, checkpoint=path, resume=True)
            same(again, whole, clocked(options))
            assert again.seconds > seconds
            assert (np.diff(again.history[:, 1]) >= 0).all()
        saved = checkpoint.load(path)
        assert saved.values["iteration"] == whole.iterations
        assert (
            sum(a.size for a in saved.values.values() if isinstance(a, np.ndarray))
            < 2000 + 5 * whole.iterations
        )


def test_the_case_of_misleading_samples_is_what_it_says(tmp_path):
    """Otherwise the test above would not see samples taken anew."""
    methods = set()
    with case("misled") as (X, Y, options):
        for k in range(8):
            flr.train(X, Y, **{**options, "iterations": k}, checkpoint=tmp_path / "run")
            saved = checkpoint.load(tmp_path / "run").values
            methods.add((saved["method"], saved["rows"]))
    anew = {("auto lbfgs sample anew", rows) for rows in (12, 24, 48, 96)}
    assert {("auto lbfgs sample", 6), *anew, ("auto newton", 192)} == methods


@pytest.mark.parametrize("name", CASES)
def test_ctrl_c_at_any_pass_and_resumed(name, tmp_path, monkeypatch):
    """Within iterations, line searches and preparations: the result so far is returned, and nothing
    is made twice."""
    passes = []

    def counted(real):
        def begin_pass(self):
            passes.append(None)
            if len(passes) == stop_at:
                signal.raise_signal(signal.SIGINT)
            real(self)

        return begin_pass

    for reader in (Objective, SharedColumns):
        monkeypatch.setattr(reader, "begin_pass", counted(reader.begin_pass))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with case(name) as (X, Y, options):
            path, stop_at = tmp_path / "run", 0
            whole = flr.train(X, Y, **options)
            total = len(passes)
            for stop_at in sorted(
                {*range(1, 12), *random.Random(0).sample(range(1, total), min(8, total - 1))}
            ):
                path.unlink(missing_ok=True)
                passes.clear()
                begun = flr.train(X, Y, **options, checkpoint=path)
                assert begun.stop_reason in ("interrupted", whole.stop_reason)
                assert np.isfinite(begun.cost)
                assert len(begun.costs) == begun.iterations <= whole.iterations
                np.testing.assert_array_equal(begun.costs, whole.costs[: begun.iterations])
                assert path.exists() or begun.iterations == 0
                passes.extend([None] * (stop_at + 1))  # no more of it
                same(
                    flr.train(X, Y, **options, checkpoint=path, resume=True),
                    whole,
                    clocked(options),
                )
    finally:
        signal.signal(signal.SIGINT, before)


@settings(max_examples=15)
@given(
    name=st.sampled_from(sorted(CASES)),
    stretch=st.sampled_from([1e-9, 1e-4, 1e-3, 1.0]),
    cut=st.integers(0, 12),
)
def test_the_length_of_stretches_changes_no_bit(name, stretch, cut):
    with case(name) as (X, Y, options), pytest.MonkeyPatch.context() as patch:
        whole = flr.train(X, Y, **options)
        patch.setattr(run, "STRETCH_SECONDS", stretch)
        seen = []
        same(flr.train(X, Y, **options), whole, clocked=True)
        stopped = flr.train(
            X, Y, **options, callback=lambda progress: seen.append(progress) or len(seen) > cut
        )
        np.testing.assert_array_equal(stopped.costs, whole.costs[: stopped.iterations])


def test_a_chain_of_resumes_on_any_number_of_threads(tmp_path):
    X, Y = problem(2000, 30)
    options = {"solver": "lbfgs", "tol": 1e-11, "lambda_": 1.0}
    whole = flr.train(X, Y, **options, n_threads=2)
    for k in range(whole.iterations):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TrainingWarning)
            flr.train(
                X,
                Y,
                **options,
                iterations=k,
                checkpoint=tmp_path / "run",
                resume=True,
                n_threads=1 + k % 3,
                max_seconds=60,
            )
    same(flr.train(X, Y, **options, checkpoint=tmp_path / "run", resume=True), whole)


def test_a_smaller_tol_goes_on_and_a_finished_run_does_not(tmp_path, monkeypatch):
    X, Y = problem(120, 5)
    options = {"solver": "lbfgs", "lambda_": 1.0}
    whole = flr.train(X, Y, tol=1e-10, **options)
    first = flr.train(X, Y, tol=1e-3, checkpoint=tmp_path / "run", **options)
    assert first.iterations < whole.iterations
    same(flr.train(X, Y, tol=1e-10, checkpoint=tmp_path / "run", resume=True, **options), whole)
    monkeypatch.setattr(
        Objective, "begin_pass", lambda self: pytest.fail("a finished run needs no read of X")
    )
    for tol in (1e-10, 1e-3):
        same(flr.train(X, Y, tol=tol, checkpoint=tmp_path / "run", resume=True, **options), whole)


def test_a_second_ctrl_c_stops_at_once_and_leaves_the_file(tmp_path):
    X, Y = problem(120, 5)
    path, seen = tmp_path / "run", []

    def twice(progress):
        seen.append(progress)
        if len(seen) == 3:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            flr.train(X, Y, iterations=10**9, callback=twice, checkpoint=path, checkpoint_every=0)
    finally:
        signal.signal(signal.SIGINT, before)
    assert checkpoint.load(path).values["iteration"] == seen[1].iteration
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_an_error_in_a_callback_costs_none_of_the_work(tmp_path):
    X, Y = problem(120, 5)
    seen = []

    def fail(progress):
        seen.append(progress)
        if len(seen) == 3:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        flr.train(X, Y, iterations=10**9, callback=fail, checkpoint=tmp_path / "run")
    assert checkpoint.load(tmp_path / "run").values["iteration"] == seen[-1].iteration


# ---------------------------------------------------------------- the same run, and no other


DIFFERENT = {
    "X": ({"X": problem(120, 5, seed=1)[0]}, r"differs: the values in X\. Name another"),
    "one X": ({"X": problem(120, 5)[0] * (1 + 1e-15)}, "the values in X"),
    "Y": ({"Y": 1 - problem(120, 5)[1]}, r"differs: Y\. Name another"),
    "m": (
        {"X": problem(119, 5)[0], "Y": problem(119, 5)[1]},
        r"the form of X \(5 x 120 .* there, 5 x 119 .* now\)",
    ),
    "order": ({"X": np.ascontiguousarray(problem(120, 5)[0])}, "example-major.* feature-major"),
    "dtype": ({"X": problem(120, 5)[0].astype(np.float32)}, "<f8 .* <f4"),
    "lambda_": ({"lambda_": 2.0}, r"differs: lambda_ \(1.0 there, 2.0 now\)"),
    "alpha": ({"alpha": 0.5}, r"alpha \(auto there, 0.5 now\)"),
    "solver": ({"solver": "lbfgs"}, r"solver \(gd there, lbfgs now\)"),
    "tol": ({"tol": 1e-3}, r"tol \(none there, a number now\)"),
    "backend": ({"backend": "loops"}, "backend"),
    "l1_ratio": ({"solver": "prox_newton", "l1_ratio": 0.5}, "solver"),
    "scale": ({"scale": 2.0}, "differs: scale"),
    "shift": ({"shift": np.arange(5.0)[:, None]}, "differs: shift"),
    "w": ({"w": np.ones((5, 1))}, "w and b at the start"),
    "b": ({"b": 1.0}, "w and b at the start"),
    "fewer iterations": (
        {"iterations": 4},
        "already made 5 iterations, and 4 are asked for; ask for at least 5",
    ),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_another_run_is_refused_before_any_work(name, tmp_path, monkeypatch):
    X, Y = problem(120, 5)
    changes, text = DIFFERENT[name]
    arguments = {"X": X, "Y": Y, "lambda_": 1.0, "iterations": 5, "checkpoint": tmp_path / "run"}
    flr.train(**arguments)
    content = (tmp_path / "run").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(Objective, "begin_pass", lambda self: pytest.fail("a read of X"))
        with pytest.raises(ValueError, match=text):
            flr.train(**{**arguments, **changes}, resume=True)
    assert (tmp_path / "run").read_bytes() == content
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        flr.train(**{**arguments, **changes})  # without resume it is overwritten
    assert (tmp_path / "run").read_bytes() != content


def test_the_digest_is_of_the_values_in_a_bounded_sample():
    X = np.arange(-6, 6).reshape(3, 4)
    digests = {
        design_of(form(X.astype(dtype)), scale, 7.0).digest()
        for dtype in (
            "int8",
            "int16",
            "int32",
            "float16",
            "float32",
            "float64",
            ">f4",
            "int64",
            "longdouble",
        )
        for form in (np.ascontiguousarray, np.asfortranarray, lambda x: np.repeat(x, 2, 1)[:, ::2])
        for scale in (1.0, 3.0)
    }
    assert digests != {design_of(np.abs(X)).digest()}
    assert len(digests) == 1
    forms = [
        design_of(x).form
        for x in (X * 1.0, X.T.copy().T * 1.0, X.astype(np.float32), X[:, :3] * 1.0)
    ]
    assert len(set(forms)) == 4
    wide = np.zeros(
        (1 << 20, 5), np.uint8
    )  # 8 MiB an example as float64: the first and the last one
    before = design_of(wide).digest()
    wide[0, 1] = 1
    assert design_of(wide).digest() == before
    wide[-1, -1] = 1
    assert design_of(wide).digest() != before


def test_another_version_is_refused(tmp_path, monkeypatch):
    X, Y = problem(120, 5)
    flr.train(X, Y, iterations=3, checkpoint=tmp_path / "run")
    monkeypatch.setattr(checkpoint, "__version__", "99.0")
    with pytest.raises(ValueError, match=r"version \(.* there, 99.0 now\)"):
        flr.train(X, Y, iterations=3, checkpoint=tmp_path / "run", resume=True)


def test_arguments(tmp_path):
    X, Y = problem(30, 3)
    (tmp_path / "mine").write_text("dear diary")
    for arguments, error, text in (
        (
            {"checkpoint": tmp_path / "mine"},
            ValueError,
            "no checkpoint, and it is left as it is.*cannot be read as",
        ),
        ({"checkpoint": tmp_path / "mine", "resume": True}, ValueError, "left as it is"),
        ({"checkpoint": tmp_path}, ValueError, "it is a folder"),
        ({"checkpoint": tmp_path / "no" / "run"}, ValueError, "its folder is missing"),
        ({"checkpoint": 3}, TypeError, "checkpoint must be a path, or None"),
        (
            {"checkpoint": tmp_path / "run", "checkpoint_every": -1},
            ValueError,
            "checkpoint_every must be at least 0",
        ),
        (
            {"checkpoint": tmp_path / "run", "resume": "yes"},
            TypeError,
            "resume must be True or False; got 'yes'",
        ),
        ({"resume": True}, ValueError, "resume=True needs checkpoint=PATH"),
    ):
        with pytest.raises(error, match=text):
            flr.train(X, Y, iterations=3, **arguments)
    assert (tmp_path / "mine").read_text() == "dear diary"
    flr.train(
        X, Y, iterations=3, checkpoint=str(tmp_path / "run"), resume=True
    )  # begins where there is none
    (tmp_path / "link").symlink_to(tmp_path / "run")
    flr.train(X, Y, iterations=6, checkpoint=tmp_path / "link", resume=True)
    assert (tmp_path / "link").is_symlink()
    assert checkpoint.load(tmp_path / "run").values["iteration"] == 6


# ---------------------------------------------------------------- the estimator


@pytest.mark.parametrize(
    "changes", [{}, {"standardize": True, "class_weight": "balanced"}, {"fit_intercept": False}]
)
def test_the_estimator(changes, tmp_path):
    base = pytest.importorskip("sklearn.base")
    X, Y = problem(400, 6)
    options = {"solver": "lbfgs", "tol": 1e-10, **changes}
    weight = np.arange(400) % 3
    whole = flr.LogisticRegression(**options).fit(X.T, Y[0], weight)
    model = base.clone(
        flr.LogisticRegression(
            **options, checkpoint=tmp_path / "run", checkpoint_every=1, resume=True
        )
    )
    with pytest.warns(TrainingWarning, match="not converged after 3"):
        model.set_params(max_iter=3).fit(X.T, Y[0], weight)
    for warm_start in (False, True):  # it would begin from coef_ now: the checkpoint goes before
        model.set_params(max_iter=1000, warm_start=warm_start).fit(X.T, Y[0], weight)
        np.testing.assert_array_equal(model.coef_, whole.coef_)
        assert (model.intercept_, model.n_iter_, model.stop_reason_) == (
            whole.intercept_,
            whole.n_iter_,
            "converged",
        )
    with pytest.raises(ValueError, match="what differs: the weights"):
        model.fit(X.T, Y[0])
    with pytest.raises(ValueError, match="what differs: lambda_"):
        model.set_params(C=2.0).fit(X.T, Y[0], weight)
    with pytest.raises(TypeError, match="resume must be True or False"):
        model.set_params(resume=1).fit(X.T, Y[0], weight)
