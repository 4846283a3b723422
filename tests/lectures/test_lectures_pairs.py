"""Every loop of the lectures, interpreted and compiled, against its vectorized twin; and `compare`,
which shows it."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastlogreg as flr
from fastlogreg.lectures import loops
from fastlogreg.lectures.compare import compare, comparisons, markdown
from fastlogreg.lectures.comparison import Comparison, against
from fastlogreg.lectures.pairs import PAIRS, find

TOLERANCE = 1e-12
ANY = st.floats(
    width=64
)  # negative zero, subnormals, the largest numbers, infinities and NaN among them
MODERATE = st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-120, -1e-120, 1e150, -1e150, math.nan])
# where each operation is defined, for plain Python: math.exp and math.log raise elsewhere
VALUES = {
    "exp": st.floats(max_value=709.7) | st.just(math.nan),
    "log": st.floats(min_value=0, exclude_min=True) | st.just(math.nan),
    "abs": ANY,
    "maximum": ANY,
    "square": ANY,
    "reciprocal": ANY,
    "matrix+row": ANY,
    "matrix+column": ANY,
    "matrix+scalar": ANY,
    "percentages": st.sampled_from([0.0, 1e-120, 1e150, math.nan, math.inf]),
    # A huge feature makes w leap by 1e149 and come back: then no digit of the two runs need agree.
    "descent": st.sampled_from([0.0, -0.0, 1e-120, math.nan]),
}


def assert_agree(pair, inputs):
    with np.errstate(all="ignore"):
        for form in (pair.loop, pair.compiled):
            error = pair.disagreement(form(*inputs), inputs)
            assert error <= (0.0 if pair.exact else TOLERANCE), f"{pair.name}: {error}"


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_interpreted_compiled_and_vectorized_agree(pair, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    size = data.draw(
        st.sampled_from([2, 6] if pair.name == "descent" else [0, 1, 2, 9, 50]), label="size"
    )
    inputs = list(pair.inputs(size, rng))
    if data.draw(st.booleans(), label="one element is special"):
        k = data.draw(
            st.sampled_from([k for k, x in enumerate(inputs) if np.ndim(x) and not is_labels(x)])
        )
        if inputs[k].size:
            place = data.draw(st.integers(0, inputs[k].size - 1))
            inputs[k][np.unravel_index(place, inputs[k].shape)] = data.draw(
                VALUES.get(pair.name, MODERATE)
            )
    assert_agree(pair, tuple(inputs))


def is_labels(x):
    return x.shape[0] == 1 and bool(np.isin(x, range(10)).all()) and x.size > 0


def test_compiled_exp_and_log_follow_numpy_where_plain_python_raises():
    from numba import config

    if config.DISABLE_JIT:
        pytest.skip("the compiled loops run as plain Python with NUMBA_DISABLE_JIT=1")
    v = np.array([[710.0], [1e308], [np.inf]])
    np.testing.assert_array_equal(find("exp").compiled(v), np.full((3, 1), np.inf))
    np.testing.assert_array_equal(
        find("log").compiled(np.array([[0.0], [-1.0]])), [[-np.inf], [np.nan]]
    )


@pytest.mark.parametrize("name", ["exp", "log"])
@settings(deadline=None, max_examples=100)
@given(values=st.lists(ANY | MODERATE | st.floats(-800, 800) | st.floats(0.5, 2), max_size=20))
def test_the_forms_in_lanes_are_numpys_for_every_number(name, values):
    """From subnormals to infinity, at every place of a vector of eight; nothing but a few ulp."""
    pair, v = find(name), np.array(values).reshape(-1, 1)
    before = v.copy()
    with np.errstate(all="ignore"):
        found, expected = pair.lanes(v), pair.vectorized(v)
    assert found.shape == expected.shape
    np.testing.assert_array_equal(v, before)
    np.testing.assert_allclose(found, expected, rtol=1e-15, atol=5e-324)


def test_the_forms_in_lanes_at_the_ends_of_float64():
    with np.errstate(all="ignore"):
        for name, values in (
            ("exp", [709.78, 709.79, 750, 1e308, np.inf, -745.1, -745.2, -751, -np.inf, np.nan, 0]),
            ("log", [0, -0.0, -1, -np.inf, np.inf, np.nan, 5e-324, 2.3e-308, 1.8e308, 1, 2**0.5]),
        ):
            pair, v = find(name), np.array(values)
            np.testing.assert_allclose(pair.lanes(v), pair.vectorized(v), rtol=1e-15)


def test_the_lectures_calories():
    A = np.array([[56.0, 0.0, 4.4, 68.0], [1.2, 104.0, 52.0, 8.0], [1.8, 135.0, 99.0, 0.9]])
    expected = [  # as the lecture prints it
        [94.91525424, 0.0, 2.83140283, 88.42652796],
        [2.03389831, 43.51464435, 33.46203346, 10.40312094],
        [3.05084746, 56.48535565, 63.70656371, 1.17035111],
    ]
    pair = find("percentages")
    for form in (pair.loop, pair.compiled, pair.vectorized):
        np.testing.assert_allclose(form(A), expected, rtol=0, atol=5.1e-9)
    np.testing.assert_allclose(
        find("column-sums").compiled(A), [[59.0, 239.0, 155.4, 76.9]], rtol=1e-15
    )


def test_names_are_unique_and_every_pair_says_where_it_is_from():
    assert len({pair.name for pair in PAIRS}) == len(PAIRS) == 21
    assert all(pair.lecture and pair.formula for pair in PAIRS)


def wrong_square(v):
    return np.array([[x * x * (1 + 1e-11)] for x in v[:, 0]])


def test_a_wrong_loop_is_noticed():
    pair, v = find("square"), np.array([[1.0], [2.0]])
    assert replace(pair, loop=wrong_square).disagreement(wrong_square(v), (v,)) == pytest.approx(
        1e-11, rel=1e-3
    )
    assert pair.disagreement(np.array([[1.0], [np.nan]]), (v,)) == np.inf
    with pytest.raises(ValueError, match=r"\(2,\).*\(2, 1\)"):
        pair.disagreement(np.array([1.0, 4.0]), (v,))
    with pytest.raises(AssertionError, match="square"):
        assert_agree(replace(pair, loop=wrong_square), (v,))


def test_importing_and_interpreting_needs_no_numba():
    code = (
        "import sys; sys.modules['numba'] = None; import numpy as np\n"
        "from fastlogreg.lectures import pairs, compare, graph, losses, derivatives, figures\n"
        "print(pairs.find('dot').loop(np.ones((3, 1)), np.ones((3, 1)), 0.5)); assert "
        "'matplotlib' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "3.5"


def test_compare_measures_one_pair():
    (row,) = flr.compare("gradient-scalars", size=400)
    assert (row.name, row.elements, row.interpreted_elements, row.extrapolated) == (
        "gradient-scalars",
        400,
        400,
        False,
    )
    assert row.disagreement <= TOLERANCE
    assert row.speedup == row.interpreted / row.compiled
    assert row.against_numpy == row.numpy / row.compiled


def test_compare_extrapolates_what_does_not_fit_and_says_so():
    (row,) = compare("descent", size=3000, seconds=1e-6)
    assert row.extrapolated
    assert row.interpreted_elements == 1000 < row.elements == 3000
    (whole,) = compare("dot", size=3000, seconds=60)  # grows from the probe to all elements
    assert not whole.extrapolated


def test_compare_of_every_pair(tmp_path):
    """From the table to the figure and the README's Markdown, on few elements."""
    rows = compare(size=4, seconds=0.01, plot=str(tmp_path / "bars.png"))
    assert [row.name for row in rows] == [pair.name for pair in PAIRS]
    assert max(row.disagreement for row in rows) <= TOLERANCE
    assert (tmp_path / "bars.png").stat().st_size > 0
    text = markdown(rows)
    own = [row.name for row in rows if row.has_lanes]
    assert own == ["exp", "log"]
    assert len(text.splitlines()) == len(PAIRS) + 2 + len(own)
    assert all(line.count("|") == 10 for line in text.splitlines())


def test_markdown_marks_extrapolated_times():
    row = Comparison("dot", "z = w.T x + b", 2000, 1000, 0.5, 0.001, 0.002, 0.3, 1e-16)
    assert "| ~500 | 1 | 2 | 500 x | 2 x faster | 1.0e-16 |" in markdown([row])
    own = row._replace(lanes=0.004)
    assert "| dot in lanes | `z = w.T x + b` | 2,000 | - | 4 | 2 | - | 2 x slower |" in markdown(
        [own]
    )


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (2.0, "2 x faster"),
        (1.0, "as fast"),
        (0.98, "as fast"),
        (1.1, "1.1 x faster"),
        (0.125, "8 x slower"),
        (1234.0, "1,234 x faster"),
        (0.04, "25 x slower"),
    ],
)
def test_a_ratio_is_said_in_words(ratio, text):
    assert against(ratio) == text


def test_every_form_is_timed_on_one_thread(monkeypatch):
    """NumPy's threads are set to one before the first call that is timed, and put back."""
    from contextlib import contextmanager

    from fastlogreg.lectures import compare as module

    inside, seen = [], []

    @contextmanager
    def one_thread():
        inside.append(True)
        yield
        inside.pop()

    def warm(function, inputs):
        seen.append(bool(inside))
        return 1.0

    monkeypatch.setattr(module, "one_thread", one_thread)
    monkeypatch.setattr(module, "_warm", warm)
    compare("dot", size=10)
    assert seen == [True, True]
    compare("exp", size=10)
    assert seen == [True] * 5  # that in lanes, too
    assert inside == []


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"name": "dott"}, "name must be one of dot, matrix-vector.*got 'dott'"),
        ({"size": 0}, "size must be at least 1"),
        ({"size": 2.5}, "size must be a whole number"),
        ({"seconds": 0}, "seconds must be above 0"),
        ({"plot": "bars.bmp"}, "png, .svg or .pdf"),
        ({"plot": "nowhere/bars.png"}, "does not exist"),
    ],
)
def test_compare_names_what_is_wrong_before_measuring(arguments, text):
    with pytest.raises(ValueError, match=text):
        flr.compare(**arguments)
    if "plot" not in arguments:
        with pytest.raises(ValueError, match=text):
            comparisons(
                arguments.get("name"), **{k: v for k, v in arguments.items() if k != "name"}
            )


def test_command(tmp_path, capsys):
    from fastlogreg.cli.compare import compare as command

    command("dot", size=1000, plot=tmp_path / "bars.svg")
    out = capsys.readouterr().out
    assert "dot" in out
    assert "z = w.T x + b" in out
    assert "extrapolated" not in out
    assert (tmp_path / "bars.svg").read_text().startswith("<?xml")
    with pytest.raises(ValueError, match="png"):
        command("dot", plot=tmp_path / "bars.txt")


def test_command_says_what_is_extrapolated(monkeypatch, capsys):
    from fastlogreg.cli.compare import compare as command
    from fastlogreg.lectures import compare as module

    row = Comparison("dot", "z = w.T x + b", 2000, 1000, 0.5, 0.001, 0.002, 0.3, 1e-16)
    monkeypatch.setattr(module, "comparisons", lambda name, size: iter([row]))
    command("dot")
    out = capsys.readouterr().out
    assert "~500" in out
    assert "In lanes" not in out
    assert (
        "~ extrapolated: the interpreted loop ran on as many elements as one second allows" in out
    )


def test_descent_is_the_lectures_thousand_iterations():
    assert (loops.ITERATIONS, loops.ALPHA) == (1000, 0.1)
