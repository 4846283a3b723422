"""The commands do the main job, and everything that can be wrong with it is one line and exit
status 2."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
import signal
import subprocess
import sys
import warnings

import numpy as np
import pytest
import typer

import fastlogreg
from benchmarks.runs.train import PUBLISHED
from fastlogreg import __main__
from fastlogreg.cli import app, report
from fastlogreg.models.model import Model

WITHOUT_JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
SEED = 7


def points(m=30, n_x=3):
    """Two overlapping clouds, (m, n_x), and their labels."""
    rng = np.random.default_rng(SEED)
    y = np.arange(m) % 2
    return rng.normal(size=(m, n_x)) + y[:, np.newaxis], y


@pytest.fixture
def data(tmp_path):
    X, y = points()
    np.savez(tmp_path / "data.npz", x=X, y=y)
    return tmp_path / "data.npz"


@pytest.fixture
def images(tmp_path):
    rng = np.random.default_rng(SEED)
    y = np.arange(12) % 2
    x = rng.integers(0, 200, size=(12, 4, 4, 3)).astype(np.uint8) + (
        40 * y[:, None, None, None]
    ).astype(np.uint8)
    np.savez(tmp_path / "images.npz", train_x=x, train_y=y)
    np.savez(tmp_path / "others.npz", test_x=x[::-1], test_y=1 - y)
    return tmp_path / "images.npz"


def run(*arguments):
    return app.run([str(argument) for argument in arguments])


def failing(capsys, *arguments, status=2):
    """The one line of a command that must fail."""
    assert run(*arguments) == status
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("error: ")
    assert "Traceback" not in captured.out + captured.err
    return lines[0]


# ---------------------------------------------------------------- the main job


@pytest.mark.parametrize("backend", ["loops", "numpy", "fused"])
def test_the_published_result_on_the_cat_images(backend, shared_data, capsys):
    if WITHOUT_JIT:
        pytest.skip(
            "2000 iterations on 12288 features are for compiled loops; the run with JIT does all "
            "three"
        )
    folder = shared_data / "catvnoncat"
    status = run(
        *("train", folder / "train_catvnoncat.h5", "--test", folder / "test_catvnoncat.h5"),
        *("--alpha", "0.005", "--iterations", "2000", "--backend", backend),
    )
    out = capsys.readouterr().out
    assert status == 0
    assert re.findall(r"Cost after iteration (\d+): (\S+)", out) == [
        (str(100 * k), f"{cost:.6f}") for k, cost in enumerate(PUBLISHED)
    ]
    assert "train accuracy: 99.04306220095694 %" in out
    assert "test accuracy: 70.0 %" in out


def test_train_predict_evaluate_agree_with_the_functions(data, tmp_path, capsys):
    X, y = points()
    model = tmp_path / "model.npz"
    options = (
        "--alpha",
        "0.5",
        "--iterations",
        "40",
        "--lambda",
        "2",
        "--scale",
        "0.5",
        "--threads",
        "1",
    )
    assert run("train", data, *options, "--out", model) == 0
    trained = capsys.readouterr().out
    expected = fastlogreg.train(
        X.T, y.reshape(1, -1), alpha=0.5, iterations=40, lambda_=2.0, scale=0.5
    )
    loaded = Model.load(model)
    np.testing.assert_array_equal(loaded.w, expected.w)
    assert (loaded.b, loaded.scale, loaded.labels) == (expected.b, 0.5, (0, 1))
    assert loaded.settings["lambda_"] == 2
    assert loaded.settings["stop_reason"] == "iterations"
    assert [f"{cost:.6f}" for cost in expected.costs[::2]] == re.findall(
        r"Cost after iteration \d+: (\S+)", trained
    )

    assert run("evaluate", model, data) == 0
    evaluated = capsys.readouterr().out
    (accuracy,) = re.findall(r"train accuracy: (\S+) %", trained)
    (log_loss,) = re.findall(r"train log-loss: (\S+)", trained)
    assert f"data accuracy: {float(accuracy):.4g} % (50 % by always saying" in evaluated
    assert f"data log-loss: {float(log_loss):.4g}, Brier score" in evaluated

    assert run("predict", model, data) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    A = fastlogreg.predict_proba(expected.w, expected.b, X.T, scale=0.5)
    assert [float(row["P(1)"]) for row in rows] == A[0].tolist()
    assert [int(row["label"]) for row in rows] == (A[0] > 0.5).astype(int).tolist()

    assert run("predict", model, data, "--out", tmp_path / "p.csv") == 0
    assert list(csv.DictReader(io.StringIO((tmp_path / "p.csv").read_text()))) == rows
    assert "30 predictions written" in capsys.readouterr().out


def test_images_are_scaled_tested_and_drawn(images, tmp_path, capsys):
    arguments = (
        "train",
        images,
        "--test",
        tmp_path / "others.npz",
        "--x",
        "train_x",
        "--y",
        "train_y",
    )
    run_options = ("--iterations", "10", "--plot", tmp_path / "figure.png", "--out", tmp_path / "m")
    assert run(*arguments, *run_options) == 0
    out = capsys.readouterr().out
    assert "(4 x 4 x 3), uint8" in out
    assert "scaled by 1/255" in out
    assert "test counts:" in out
    assert (tmp_path / "figure.png").read_bytes()[1:4] == b"PNG"
    loaded = Model.load(tmp_path / "m")
    assert (loaded.scale, loaded.image_shape) == (1 / 255, (4, 4, 3))

    assert (
        run("train", images, "--iterations", "3", "--scale", "0.01", "--plot", tmp_path / "f.SVG")
        == 0
    )
    assert "X is scaled by 0.01" in capsys.readouterr().out
    assert b"<svg" in (tmp_path / "f.SVG").read_bytes()


def test_a_table_with_text_labels(tmp_path, capsys):
    X, y = points()
    words = np.array(["<=50K", ">50K"])[y]
    lines = [f"{a},{b},{c},{word}" for (a, b, c), word in zip(X, words)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,c,income", *lines]))
    other = [f"{word},{c},{a},{b}" for (a, b, c), word in zip(X, words)]
    (tmp_path / "o.csv").write_text(
        "\n".join(["income,c,a,b", *other])
    )  # the same, in another order
    arguments = ("--target", "income", "--iterations", "5", "--out", tmp_path / "m")
    assert run("train", tmp_path / "t.csv", "--test", tmp_path / "o.csv", *arguments) == 0
    out = capsys.readouterr().out
    train, test = (re.findall(rf"{name} log-loss: (\S+)", out) for name in ("train", "test"))
    assert train == test
    assert "15 are <=50K, 15 are >50K (y = 1)" in out
    assert "predicted >50K" in out
    assert run("predict", tmp_path / "m", tmp_path / "o.csv") == 0
    assert {row["label"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))} <= {
        "<=50K",
        ">50K",
    }
    assert run("evaluate", tmp_path / "m", tmp_path / "o.csv", "--target", "0") == 0
    assert f"log-loss: {train[0]}" in capsys.readouterr().out
    assert "no column 'd'" in failing(
        capsys, "evaluate", tmp_path / "m", tmp_path / "o.csv", "--x", "a,b,d"
    )
    (tmp_path / "short.csv").write_text("a,b,income\n1,2,>50K\n")
    line = failing(
        capsys, "train", tmp_path / "t.csv", "--test", tmp_path / "short.csv", "--target", "income"
    )
    assert "short.csv has no column 'c'" in line


def test_a_libsvm_test_set_with_fewer_features(tmp_path, capsys):
    (tmp_path / "a").write_text("+1 1:1 3:2\n-1 2:1\n")
    (tmp_path / "a.t").write_text("+1 1:1\n")
    assert (
        run(
            "train",
            tmp_path / "a",
            "--test",
            tmp_path / "a.t",
            "--n-features",
            "4",
            "--iterations",
            "3",
        )
        == 0
    )
    assert "2 examples of 4 features" in capsys.readouterr().out


def test_arrays_in_npy_files(tmp_path, capsys):
    X, y = points()
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", y)
    assert (
        run(
            "train",
            tmp_path / "x.npy",
            "--y",
            tmp_path / "y.npy",
            "--out",
            tmp_path / "m",
        )
        == 0
    )
    assert run("predict", tmp_path / "m", tmp_path / "x.npy") == 0
    assert "--y FILE.npy for .npy" in failing(
        capsys, "evaluate", tmp_path / "m", tmp_path / "x.npy"
    )


# ---------------------------------------------------------------- report


@pytest.mark.parametrize(
    ("iterations", "step"), [(2000, 100), (1000, 50), (20, 1), (7, 1), (30, 2), (1, 1)]
)
def test_the_cost_table_has_at_most_20_lines(iterations, step):
    lines = list(report.cost_lines(np.arange(iterations) + 0.5, iterations))
    assert lines == [f"Cost after iteration {k}: {k}.500000" for k in range(0, iterations, step)]
    assert len(lines) <= 20


def test_metrics():
    Y, predicted = np.array([[0, 0, 0, 1, 1]]), np.array([[0, 0, 1, 0, 1]], dtype=np.uint8)
    metrics = report.Metrics.of(Y, predicted, 0.25)
    assert metrics.accuracy == 60.0
    assert metrics.confusion == ((2, 1), (1, 1))
    assert "\n".join(metrics.lines("test", ("no", "yes"))) == (
        "test accuracy: 60.0 %\n"
        "test log-loss: 0.250000\n"
        "test counts:          predicted no  predicted yes\n"
        "              is no              2              1\n"
        "              is yes             1              1"
    )


def test_a_progress_bar_on_a_terminal_and_none_elsewhere(data, monkeypatch, capsys):
    options = ("--alpha", "auto", "--iterations", "3")
    assert run("train", data, *options) == 0
    assert capsys.readouterr().err == ""
    ours, theirs = os.openpty()
    with open(theirs, "w") as terminal:
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr(sys, "stderr", terminal)
        assert run("train", data, *options) == 0
    seen = b""
    with contextlib.suppress(
        OSError
    ):  # EIO: the other end is closed and all it wrote has been read
        while part := os.read(
            ours, 1 << 16
        ):  # one read gives what the kernel has passed on so far, not all of it
            seen += part
    os.close(ours)
    assert re.search(rb"3/3.*cost 0\.\d{6}.*iterations/s", seen, re.DOTALL)


# ---------------------------------------------------------------- what bad input gets

BAD_DATA = {
    "NaN": (
        lambda X, y: (np.where(np.arange(X.size).reshape(X.shape) == 7, np.nan, X), y),
        "nan in row 2 .*column 1",
    ),
    "infinity": (
        lambda X, y: (np.where(np.arange(X.size).reshape(X.shape) == 7, np.inf, X), y),
        "inf in row 2",
    ),
    "no classes": (
        lambda X, y: (X, np.arange(len(y)) / 4),
        r"whole numbers or text, not numbers to regress on; got 0, 0.25, 0.5",
    ),
    "one class": (lambda X, y: (X, 0 * y), r"two classes or more.* got 1 \(0\)"),
    "no examples": (lambda X, y: (X[:0], y[:0]), "X is empty"),
    "no features": (lambda X, y: (X[:, :0], y), "X is empty"),
    "shapes": (lambda X, y: (X, y[:-1]), r"30 examples, and the labels have shape \(29,\)"),
    "rank 1": (lambda X, y: (X[:, 0], y), r"reshape\(-1, 1\)"),
    "object dtype": (lambda X, y: (X.astype(object), y), "never unpickled"),
    "complex dtype": (lambda X, y: (X + 1j, y), "X must be numbers"),
    "text": (lambda X, y: (X.astype(str), y), "X must be numbers"),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data(case, tmp_path, capsys):
    make, text = BAD_DATA[case]
    X, y = make(*points())
    np.savez(tmp_path / "bad.npz", x=X, y=y)
    line = failing(
        capsys, "train", tmp_path / "bad.npz", "--x", "x", "--y", "y", "--out", tmp_path / "m"
    )
    assert re.search(text, line), line
    assert not (tmp_path / "m").exists()


def test_infinity_names_row_and_column(tmp_path, capsys):
    (tmp_path / "t.csv").write_text("age,fare,y\n1,2,0\n2,inf,1\n")
    line = failing(capsys, "train", tmp_path / "t.csv", "--target", "y")
    assert re.search("inf in row 1 .*'fare'", line)


BAD_OPTIONS = {
    "lambda": (("--lambda", "-1"), "lambda.*at least 0"),
    "alpha 0": (("--alpha", "0"), "alpha.*above 0"),
    "alpha negative": (("--alpha", "-0.1"), "alpha.*above 0"),
    "alpha NaN": (("--alpha", "nan"), "alpha.*finite"),
    "alpha text": (("--alpha", "fast"), "alpha must be a number or \"auto\"; got 'fast'"),
    "iterations": (("--iterations", "-1"), "iterations"),
    "iterations text": (("--iterations", "many"), "Invalid value for '--iterations'"),
    "backend": (("--backend", "gpu"), "backend must be one of 'fused'.*got 'gpu'"),
    "threads": (("--threads", "0"), "thread"),
    "scale": (("--scale", "inf"), "scale must be finite"),
    "x": (("--x", "z"), "no dataset 'z'"),
    "target": (("--target", "y"), "--target names a column of a table"),
    "plot": (("--plot", "figure.gif"), "must end in .png, .pdf, .svg; got figure.gif"),
    "plot folder": (
        ("--plot", "nowhere/figure.png"),
        "cannot write nowhere/figure.png: its folder does not exist",
    ),
    "out folder": (("--out", "/"), "cannot write /: it is a folder"),
    "out and plot": (("--out", "f.png", "--plot", "./f.png"), "it is another file of this command"),
    "features": (("--n-features", "5"), "--n-features is 5, and .* has 3 features"),
    "test": (("--test", "nowhere.npz"), "nowhere.npz: no such file"),
    "option": (("--speed", "1"), "No such option"),
}


@pytest.mark.parametrize("case", BAD_OPTIONS)
def test_bad_options(case, data, capsys):
    arguments, text = BAD_OPTIONS[case]
    line = failing(capsys, "train", data, *arguments)
    assert re.search(text, line), line


def test_bad_usage(data, tmp_path, capsys):
    assert "see fastlogreg train --help" in failing(capsys, "train")
    assert "No such command 'fly'" in failing(capsys, "fly")
    assert "no such file" in failing(capsys, "train", tmp_path / "no.npz")
    assert "no such model file" in failing(capsys, "predict", tmp_path / "no.npz", data)
    assert f"{tmp_path} is not a file" in failing(capsys, "evaluate", tmp_path, data)
    assert f"{tmp_path} is not a file" in failing(capsys, "train", tmp_path)
    assert f"cannot write into {data}: it is not a folder" in failing(capsys, "demo", "--out", data)
    assert "not a fastlogreg model: it holds x, y" in failing(capsys, "evaluate", data, data)


def test_what_is_read_is_never_written_over(data, tmp_path, capsys):
    run("train", data, "--iterations", "1", "--out", tmp_path / "m")
    capsys.readouterr()
    (tmp_path / "link").symlink_to(data)
    (tmp_path / "f.png").symlink_to(data)
    before = data.read_bytes()
    for arguments in (
        ("train", data, "--out", data),
        ("train", data, "--out", tmp_path / "link"),
        ("train", data, "--plot", tmp_path / "f.png"),
        ("predict", tmp_path / "m", data, "--out", data),
        ("predict", tmp_path / "m", data, "--out", tmp_path / "m"),
    ):
        assert "it is another file of this command" in failing(capsys, *arguments)
    assert data.read_bytes() == before
    Model.load(tmp_path / "m")


def test_a_folder_that_cannot_be_written_is_found_before_training(data, monkeypatch, capsys):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)  # root may write anywhere
    assert (
        failing(capsys, "train", data, "--out", "m.npz")
        == "error: cannot write m.npz: Permission denied"
    )


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="/proc is Linux's")
def test_a_folder_of_the_system_too(data, capsys):
    assert "cannot write /proc/m.npz: No such file" in failing(
        capsys, "train", data, "--out", "/proc/m.npz"
    )


def test_data_that_does_not_fit_the_model(data, tmp_path, capsys):
    run("train", data, "--iterations", "1", "--out", tmp_path / "m")
    capsys.readouterr()
    np.savez(tmp_path / "wide.npz", x=np.ones((2, 5)), y=[0, 1])
    np.savez(tmp_path / "words.npz", x=np.ones((2, 3)), y=["a", "b"])
    np.savez(tmp_path / "bare.npz", x=np.ones((2, 3)))
    assert "3 features, as in training; " in failing(
        capsys, "predict", tmp_path / "m", tmp_path / "wide.npz"
    )
    assert "labels must be 0 or 1" in failing(
        capsys, "evaluate", tmp_path / "m", tmp_path / "words.npz"
    )
    assert "no labels found" in failing(capsys, "evaluate", tmp_path / "m", tmp_path / "bare.npz")
    assert "3 features" in failing(capsys, "train", data, "--test", tmp_path / "wide.npz")


def test_a_single_example_can_be_evaluated(data, tmp_path, capsys):
    run("train", data, "--iterations", "1", "--out", tmp_path / "m")
    np.savez(tmp_path / "one.npz", x=np.ones((1, 3)), y=[1])
    assert run("evaluate", tmp_path / "m", tmp_path / "one.npz") == 0


# ---------------------------------------------------------------- the way out


def test_version_and_help(capsys):
    assert run("--version") == 0
    assert capsys.readouterr().out == f"fastlogreg {fastlogreg.__version__}\n"
    assert run() == 0
    out = capsys.readouterr().out
    assert all(name in out for name in app.COMMANDS)
    assert run("train", "--help") == 0
    assert "--iterations" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [("--debug", "train", "no.npz"), ("train", "no.npz", "--debug")]
)
def test_debug_shows_the_traceback(arguments, capsys):
    assert run(*arguments) == 2
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "no.npz: no such file" in err


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (KeyboardInterrupt(), 130, "error: interrupted"),
        (typer.Abort(), 130, "error: interrupted"),
        (
            OSError(28, "No space left on device", "m.npz"),
            2,
            "error: m.npz: No space left on device",
        ),
        (OSError(28, "No space left on device"), 2, "error: No space left on device"),
        (OSError("odd"), 2, "error: odd"),
        (MemoryError("8 GiB"), 2, "error: not enough memory: 8 GiB"),
        (ValueError("two\nlines"), 2, "error: two lines"),
        (
            ZeroDivisionError("oh"),
            2,
            "error: unexpected ZeroDivisionError: oh (run again with --debug to see where)",
        ),
    ],
)
def test_every_error_is_one_line(error, status, line, monkeypatch, capsys):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(app, "app", fail)
    assert failing(capsys, "train", status=status) == line


def test_warnings_are_one_line(monkeypatch, capsys):
    monkeypatch.setattr(app, "app", lambda *_, **__: warnings.warn("alpha is\nlarge", stacklevel=1))
    assert run("train") == 0
    assert capsys.readouterr().err == "warning: alpha is large\n"


def test_an_interrupted_run_keeps_its_work(data, tmp_path, monkeypatch, capsys):
    seen = []

    def interrupt(_, progress):
        if not seen:
            os.kill(os.getpid(), signal.SIGINT)  # Ctrl-C while training
        seen.append(progress.iteration)

    monkeypatch.setattr(report.ProgressBar, "__call__", interrupt)
    assert (
        run(
            *("train", data, "--backend", "numpy", "--alpha", "auto"),
            *("--iterations", "1000000", "--out", tmp_path / "m"),
        )
        == 130
    )
    captured = capsys.readouterr()
    warning, error = captured.err.splitlines()
    assert warning.startswith(f"warning: interrupted by Ctrl-C after {seen[-1]} iterations: ")
    assert error == "error: interrupted"
    assert "Ctrl-C" in captured.out
    assert Model.load(tmp_path / "m").settings["iterations"] == seen[-1] < 1000000


def test_a_run_is_resumed(data, tmp_path, capsys):
    arguments = ("train", data, "--solver", "lbfgs", "--lambda", "1", "--tol", "1e-12")
    file = ("--checkpoint", tmp_path / "run", "--checkpoint-every", "5")
    assert run(*arguments, "--out", tmp_path / "whole") == 0
    assert "alpha" not in capsys.readouterr().out
    assert run(*arguments, *file, "--iterations", "3", "--out", tmp_path / "m") == 0
    captured = capsys.readouterr()
    assert f"--checkpoint {tmp_path / 'run'} --resume goes on from here" in captured.out
    assert captured.err.startswith("warning: not converged after 3 iterations")
    assert (
        run(*arguments, *file, "--resume", "--out", tmp_path / "m", "--plot", tmp_path / "f.svg")
        == 0
    )
    assert "goes on" not in capsys.readouterr().out
    np.testing.assert_array_equal(Model.load(tmp_path / "m").w, Model.load(tmp_path / "whole").w)
    assert Model.load(tmp_path / "m").settings["solver"] == "lbfgs"
    assert "another run" in failing(capsys, *arguments, *file, "--resume", "--scale", "2")
    assert "needs checkpoint=PATH" in failing(capsys, *arguments, "--resume")
    assert "no checkpoint" in failing(capsys, *arguments, "--checkpoint", tmp_path / "m")
    assert "must be two files" in failing(
        capsys, *arguments, "--checkpoint", tmp_path / "x", "--out", tmp_path / "x"
    )


def test_the_console_script(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["fastlogreg", "--version"])
    assert __main__.main() == 0
    assert capsys.readouterr().out.startswith("fastlogreg ")
    command = [sys.executable, "-m", "fastlogreg", "train", "no.npz"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "error: no.npz: no such file\n")


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra_the_command_names_it(missing, monkeypatch, capsys):
    for name in [name for name in sys.modules if name.startswith("fastlogreg.cli")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(fastlogreg, "cli")
    monkeypatch.setitem(sys.modules, missing, None)
    assert __main__.main() == 2
    needs = (
        f"error: the command line needs {missing}, which is not installed: pip install "
        '"fastlogreg[cli]"\n'
    )
    assert capsys.readouterr().err == needs


def test_another_missing_module_is_a_bug_and_is_shown(monkeypatch):
    monkeypatch.delitem(sys.modules, "fastlogreg.cli.app")
    monkeypatch.delattr(fastlogreg.cli, "app")
    monkeypatch.setitem(sys.modules, "fastlogreg.cli.train", None)
    with pytest.raises(ModuleNotFoundError):
        __main__.main()


@pytest.mark.parametrize(
    ("missing", "arguments", "extra"),
    [
        ("h5py", ("train", "d.h5"), "cli"),
        ("pyarrow", ("train", "d.csv", "--target", "y"), "cli"),
        ("matplotlib", ("train", "d.csv", "--plot", "f.png"), "plots"),
        ("matplotlib", ("demo",), "all"),
        ("sklearn", ("demo",), "all"),
    ],
)
def test_a_missing_library_names_its_extra(
    missing, arguments, extra, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    for name in ("d.h5", "d.csv"):
        (tmp_path / name).write_text("x")
    for name in [name for name in sys.modules if name.startswith(f"{missing}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    line = failing(capsys, *arguments)
    assert f'needs {missing}, which is not installed: pip install "fastlogreg[{extra}]"' in line
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d.csv", "d.h5"]
