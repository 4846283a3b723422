"""LIBSVM text into a sparse X: the fast way and the careful way agree, every mistake has its line;
the command line."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastlogreg.files import common, read_data
from fastlogreg.files import libsvm as reader

sparse = pytest.importorskip("scipy.sparse")
WITHOUT_JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**6), 10**6).map(str),
    st.sampled_from(["+1", "-0", "1e5", "1E-300", ".5", "5.", "0.1", "123456789.123456789"]),
)


@st.composite
def lines(draw):
    columns = sorted(draw(st.sets(st.integers(1, 2**40) | st.integers(1, 20), max_size=6)))
    space = st.sampled_from([" ", "  ", "\t"])
    pairs = "".join(f"{draw(space)}{column}:{draw(NUMBERS)}" for column in columns)
    return draw(NUMBERS) + pairs + draw(st.sampled_from(["", " ", "\r"]))


@given(
    st.lists(lines() | st.just(""), min_size=1, max_size=8).map("\n".join),
    st.sampled_from(["", "\n"]),
)
def test_both_ways_agree(text, end):
    text = (text + end).encode()
    fast, careful = reader._plain(text), reader._careful(Path("f"), 1, text)
    assert (fast is None) == (not text.strip())
    for one, other in zip(fast or careful, careful):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype


@pytest.mark.parametrize(
    "line",
    [
        "1 1:2 x",
        "1 1:2 3",
        "1 :2",
        "1 1:",
        "1 1:2:3",
        "1 1 :2",
        "1 -1:2",
        "1 1.5:2",
        "1 1e1:2",
        "1 2:1 1:1",
        "1 1:1 1:1",
        "1 0:1",
        "1 +1:2",
        "1:2",
        "1-2 1:1",
        "1 1:2-3",
        "1 1:1.2.3",
        "1 1:--1",
        "1 1:1e",
        "1 99999999999999999999999:1",
        "1 9007199254740993:1",
        "one 1:1",
        "\xb2 1:1",
        "1 1:\x00",
        "1 \u0661\u0661:1 2:1",
    ],
)
@pytest.mark.parametrize("before", [0, 3])
def test_every_mistake_has_its_line(line, before, tmp_path):
    path = tmp_path / "f.svm"
    path.write_text("1 1:1 2:2.5\n" * before + "-1 2:3\n" + line + "\n1 1:1\n")
    with pytest.raises(ValueError, match=f"line {before + 2}: ") as caught:
        read_data(path)
    assert len(str(caught.value)) < 400
    assert reader._plain(path.read_bytes()) is None


def test_blocks_are_cut_at_lines_and_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "_BLOCK", 64)
    monkeypatch.setattr(common, "available_memory", lambda: 1 << 40)  # nothing large is made
    path = tmp_path / "f.svm"
    lines = (f"{k % 2} {k + 1}:{k}.5 {k + 900 + 2**31 * (k == 90)}:1" for k in range(100))
    good = "".join(line + (" # odd\n" if k % 3 else "\n\n") for k, line in enumerate(lines))
    path.write_text(good)
    X, y = read_data(path)[:2]
    whole = reader._careful(path, 1, good.encode())
    assert X.indices.dtype == np.int64  # one index does not fit into 32 bits
    np.testing.assert_array_equal(X.indices, whole.columns)
    np.testing.assert_array_equal(X.data, whole.values)
    np.testing.assert_array_equal(y, whole.labels)
    path.write_text(good + "1 1:x\n")
    with pytest.raises(ValueError, match=f"line {good.count(chr(10)) + 1}: '1:x'"):
        read_data(path)


def test_nan_and_comments_go_the_careful_way(tmp_path):
    path = tmp_path / "f.svm"
    path.write_text("# made by hand\n1 1:nan\n0 # nothing\n1 3:inf\n")
    X = read_data(path).X
    assert X.shape == (3, 3)
    assert X.dtype == np.float64
    assert np.isnan(X.data[0])


def test_examples_without_entries(tmp_path):
    path = tmp_path / "f.svm"
    path.write_text("1\n-1\n")
    assert read_data(path, n_features=2).X.shape == (2, 2)
    with pytest.raises(ValueError, match="X is empty"):
        read_data(path)


def test_scipy_is_asked_for(tmp_path, monkeypatch):
    path = tmp_path / "f.svm"
    path.write_text("1 1:1\n")
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    with pytest.raises(
        ModuleNotFoundError,
        match=r'needs scipy, which is not installed: pip install "fastlogreg\[cli\]"',
    ):
        read_data(path)


def test_train_predict_evaluate_and_plot(tmp_path, capsys):
    app = pytest.importorskip("fastlogreg.cli.app", reason="the command line needs the cli extra")
    rng = np.random.default_rng(0)
    rows = (rng.random((200, 30)) < 0.1) * rng.normal(size=(200, 30))
    y = (rows @ rng.normal(size=30) > 0).astype(int)
    text = [
        f"{2 * t - 1} " + " ".join(f"{j + 1}:{v!r}" for j, v in enumerate(row.tolist()) if v)
        for row, t in zip(rows, y)
    ]
    (tmp_path / "a").write_text("\n".join(text) + "\n")
    model, figure = str(tmp_path / "m.npz"), str(tmp_path / "f.png")
    arguments = ["--iterations", "50", "--out", model]
    assert (
        app.run(["train", str(tmp_path / "a"), "--n-features", "30", *arguments, "--plot", figure])
        == 0
    )
    assert "200 examples of 30 features" in capsys.readouterr().out
    assert Path(figure).stat().st_size > 1000
    assert app.run(["evaluate", model, str(tmp_path / "a")]) == 0
    assert "accuracy" in capsys.readouterr().out
    assert app.run(["predict", model, str(tmp_path / "a")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 201
    assert app.run(["train", str(tmp_path / "a"), "--backend", "loops"]) != 0
    assert "reads a dense X only" in capsys.readouterr().err


@pytest.mark.skipif(WITHOUT_JIT, reason="a million columns, one by one")
def test_the_page_on_hashed_features_runs():
    docs = Path(__file__).resolve().parents[2] / "docs"
    page = (docs / "how-to" / "hashed_features.md").read_text(encoding="utf-8")
    pytest.importorskip("sklearn")
    blocks = page.split("```python\n")[1:]
    assert len(blocks) == 1
    names: dict = {}
    exec(compile(blocks[0].split("```")[0], "hashed_features.md", "exec"), names)
    assert names["rows"].shape == (20_000, 1 << 20)


def test_a_file_that_counts_from_zero(tmp_path):
    path = tmp_path / "z.svm"
    path.write_text("1 0:2.5 3:1\n0 1:-1\n")
    with pytest.raises(ValueError, match="rising from 1; --zero-based reads"):
        read_data(path)
    data = read_data(path, zero_based=True)
    assert data.X.toarray().T.tolist() == [[2.5, 0, 0, 1], [0, -1, 0, 0]]
    path.write_text("1 0:2.5 3:1 # a comment\n0 1:-1\n")  # line by line
    assert (read_data(path, zero_based=True).X.toarray() == data.X.toarray()).all()
