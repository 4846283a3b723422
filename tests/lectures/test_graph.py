"""The computation graph: the lectures' example, every operation against nudging, gradients against
all backends."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastlogreg as flr
from fastlogreg import Variable
from fastlogreg.lectures.graph import (
    _operands,
    expressions,
    figure,
    names_of,
    order,
    shown_of,
    text,
)
from fastlogreg.lectures.graph_drawing import arrows, places
from fastlogreg.lectures.logistic_graph import logistic_cost
from tests.helpers.comparison import ON_CPU


def lectures_graph():
    a, b, c = Variable(5, "a"), Variable(3, "b"), Variable(2, "c")
    u = (b * c).named("u")
    v = (a + u).named("v")
    return (3 * v).named("J")


def test_the_lectures_example():
    J = lectures_graph()
    assert J.value == 33
    assert J.backward() == {"dJ": 1, "dv": 3, "du": 3, "da": 3, "db": 6, "dc": 9}
    assert {node.name: node.grad for node in order(J)} == {
        "J": 1,
        "v": 3,
        "u": 3,
        "a": 3,
        "b": 6,
        "c": 9,
    }


def test_forward_left_to_right_backward_right_to_left():
    J = lectures_graph()
    assert [node.name for node in order(J)] == ["a", "b", "c", "u", "v", "J"]
    assert list(J.backward()) == ["dJ", "dv", "du", "dc", "db", "da"]


def test_nudging_the_lectures_example():
    """Nudging b from 3 to 3.001 moves J from 33 to 33.006."""
    assert flr.nudge(lambda b: 3 * (5 + b * 2), 3).nudged == pytest.approx(33.006)
    assert flr.derivative(lambda b: 3 * (5 + b * 2), 3) == pytest.approx(6, rel=1e-12)


def test_text(capsys):
    J = lectures_graph()
    J.backward()
    J.show()
    lines = capsys.readouterr().out.splitlines()
    assert [" ".join(line.split()) for line in lines] == [
        "a = 5 dJ/da = 3",
        "b = 3 dJ/db = 6",
        "c = 2 dJ/dc = 9",
        "u = b * c = 6 dJ/du = 3",
        "v = a + u = 11 dJ/dv = 3",
        "J = 3 * v = 33 dJ/dJ = 1",
    ]


def test_the_derivatives_shown_are_those_of_the_node_shown(capsys):
    """Before `backward`, and of a node in the middle after it; `grad` stays what it is."""
    J = lectures_graph()
    J.show()
    before = capsys.readouterr().out
    assert "dJ/dJ = 1" in before
    J.backward()
    J.show()
    assert capsys.readouterr().out == before
    u = J.operands[1].operands[1]
    u.show()
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == ["b = 3 du/db = 2", "c = 2 du/dc = 3", "u = b * c = 6 du/du = 1"]
    assert u.grad == 3


def test_nodes_without_names_get_free_ones(capsys):
    y = Variable(2, "t1") * 3 + 1
    y.backward()
    y.show()
    out = capsys.readouterr().out
    assert "t2 = t1 * 3 = 6" in out
    assert "doutput/dt1 = 3" in out
    assert repr(y) == "Variable(7, name='', grad=1)"


ONE = {
    "-a": (lambda a: -a, (-3, 3)),
    "2 - a": (lambda a: 2 - a, (-3, 3)),
    "a - 2.5": (lambda a: a - 2.5, (-3, 3)),
    "7 / a": (lambda a: 7 / a, (0.1, 5)),
    "a / 7": (lambda a: a / 7, (-3, 3)),
    "a**3": (lambda a: a**3, (-3, 3)),
    "a**-1.5": (lambda a: a**-1.5, (0.1, 5)),
    "2**a": (lambda a: 2**a, (-3, 3)),
    "exp": (np.exp, (-3, 3)),
    "log": (np.log, (0.1, 5)),
    "sigmoid": (flr.sigmoid, (-30, 30)),
    "maximum": (lambda a: np.maximum(a, 0) * a + np.maximum(1.0, a), (0.1, 0.9)),
    "np.float64 first": (lambda a: np.float64(3) * a + np.float32(2) - np.int64(1), (-3, 3)),
    "shared": (lambda a: (a * a + a) * np.exp(a * a), (-1.5, 1.5)),
}


@pytest.mark.parametrize("name", ONE)
@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_operations_against_values_and_nudging(name, data):
    f, (low, high) = ONE[name]
    a = data.draw(st.floats(low, high))
    x = Variable(a, "x")
    y = f(x)
    y.backward()
    assert y.value == pytest.approx(float(f(np.float64(a))), rel=1e-15)
    assert x.grad == pytest.approx(flr.derivative(f, a), rel=1e-9, abs=1e-9)


@settings(deadline=None)
@given(a=st.floats(0.2, 3), b=st.floats(-2, 2), c=st.floats(0.5, 2))
def test_several_variables_and_shared_subexpressions(a, b, c):
    def f(a, b, c):
        u = a**c - b / c
        return np.maximum(u * u, b) + flr.sigmoid(u + b) * np.log(a) - a * b

    x, y, z = Variable(a, "a"), Variable(b, "b"), Variable(c, "c")
    J = f(x, y, z)
    J.backward()
    u = a**c - b / c
    if abs(u * u - b) > 0.05:  # not at the kink of max
        assert x.grad == pytest.approx(flr.derivative(lambda t: f(t, b, c), a), rel=1e-7, abs=1e-7)
        assert y.grad == pytest.approx(flr.derivative(lambda t: f(a, t, c), b), rel=1e-7, abs=1e-7)
        assert z.grad == pytest.approx(flr.derivative(lambda t: f(a, b, t), c), rel=1e-7, abs=1e-7)


def test_backward_again_starts_from_zero():
    x = Variable(3, "x")
    y, z = x * x, 5 * x
    assert (y.backward(), x.grad) == ({"dx": 6.0}, 6.0)
    y.backward()
    assert x.grad == 6.0
    z.backward()
    assert x.grad == 5.0


def test_the_same_operand_twice():
    x = Variable(3.0, "x")
    (x + x).backward()
    assert x.grad == 2
    (x**x).backward()
    assert x.grad == pytest.approx(27 * (1 + math.log(3)), rel=1e-14)


def test_powers_at_zero():
    x = Variable(0.0, "x")
    (x**2 + x**1 + x**0).backward()
    assert x.grad == 1.0
    n = Variable(2.0, "n")
    (x**n).backward()
    assert (x.grad, n.grad) == (0.0, 0.0)


def test_maximum_at_a_tie_goes_to_the_second():
    a, b = Variable(2.0, "a"), Variable(2.0, "b")
    np.maximum(a, b).backward()
    assert (a.grad, b.grad) == (0.0, 1.0)


def test_a_chain_of_100000_nodes():
    x = Variable(1.0, "x")
    y = x
    for _ in range(100_000):
        y = y + x
    y.backward()
    assert x.grad == 100_001
    assert len(order(y)) == 100_001
    del y  # freeing it must not recurse either


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32), n_x=st.integers(1, 4), m=st.integers(1, 5))
def test_three_ways_to_a_gradient(seed, n_x, m):
    """Nudging, the graph and every backend: 1e-6, 1e-12, 1e-12."""
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(n_x, m)), rng.integers(0, 2, size=(1, m))
    w, b = rng.normal(size=(n_x, 1)), float(rng.normal())
    J = logistic_cost(w, b, X, Y)
    d = J.backward()
    A = flr.predict_proba(w, b, X)
    for i in range(m):
        assert d[f"dz_{i + 1}"] * m == pytest.approx(A[0, i] - Y[0, i], rel=1e-12, abs=1e-12)
        assert d[f"da_{i + 1}"] * m == pytest.approx(
            (A[0, i] - Y[0, i]) / (A[0, i] * (1 - A[0, i])), rel=1e-11
        )
    for backend in ON_CPU:
        cost, dw, db = flr.propagate(w, b, X, Y, backend=backend)
        assert J.value == pytest.approx(cost, rel=1e-12)
        assert db == pytest.approx(d["db"], rel=1e-12, abs=1e-12)
        for j in range(n_x):
            assert dw[j, 0] == pytest.approx(d[f"dw_{j + 1}"], rel=1e-12, abs=1e-12)
    for j in range(n_x):

        def along(t, j=j):
            moved = w.copy()
            moved[j, 0] = t
            return flr.cost(moved, b, X, Y)

        assert flr.nudge(along, w[j, 0], eps=1e-7).slope == pytest.approx(
            d[f"dw_{j + 1}"], abs=1e-6
        )
    assert flr.nudge(lambda t: flr.cost(w, t, X, Y), b, eps=1e-7).slope == pytest.approx(
        d["db"], abs=1e-6
    )


def test_log_of_zero_and_below_as_numpy_gives_it():
    x = Variable(0.0, "x")
    with pytest.warns(RuntimeWarning, match="divide by zero encountered in log"):
        y = np.log(x)
    assert y.value == -math.inf
    y.backward()
    assert x.grad == math.inf
    with pytest.warns(RuntimeWarning, match="invalid value encountered in log"):
        assert math.isnan(np.log(Variable(-1.0)).value)
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert (1 / Variable(0.0)).value == math.inf
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert np.exp(Variable(1000.0)).value == math.inf


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda x: np.sin(x),
            "np.sin is not an operation of the computation graph; it has add.*exp, log, sigmoid",
        ),
        (lambda x: np.add.reduce(x), "np.add reduce"),
        (lambda x: np.multiply(x, 2, where=True), "np.multiply where is not an operation"),
        (lambda x: x + "2", "real scalars and Variables, not str '2'"),
        (lambda x: x * np.ones(3), r"not array of shape \(3,\): use one Variable per number"),
        (lambda x: np.ones((2, 1)) * x, r"not array of shape \(2, 1\)"),
        (lambda x: x + 1j, "complex"),
        (lambda x: Variable([1.0]), "list"),
        (lambda x: Variable(x), "Variable"),
    ],
)
def test_what_is_no_scalar_is_refused(make, text):
    with pytest.raises(TypeError, match=text):
        make(Variable(1.0, "x"))


def test_a_cycle_is_found():
    x = Variable(1.0, "x")
    y = x + 1
    z = (y * 2).named("z")
    y.operands = (z, 1.0)
    with pytest.raises(
        ValueError, match=r"cycle through .*make a new Variable instead of changing one"
    ):
        z.backward()


def test_a_foreign_object_is_found():
    y = Variable(1.0, "x") + 1
    y.operands = ("x", 1.0)
    with pytest.raises(TypeError, match="a node of the graph must be a Variable, and one is 'x'"):
        y.backward()


def test_a_name_used_twice_is_found():
    y = Variable(1.0, "x") * Variable(2.0, "x")
    with pytest.raises(ValueError, match="two nodes of the graph are named 'x'"):
        y.backward()


def test_drawing(tmp_path):
    J = logistic_cost([[0.5], [-0.2]], 0.3, [[1.0, 2.0], [2.0, 0.5]], [[1, 0]])
    J.backward()
    J.show(tmp_path / "graph.svg")
    svg = (tmp_path / "graph.svg").read_text()
    for words in ("a_1 = sigmoid(z_1)", "value 0.5987", "dz_1 = -0.2007", "stands for dJ/db"):
        assert words in svg
    J.show(tmp_path / "graph.png")
    assert (tmp_path / "graph.png").read_bytes().startswith(b"\x89PNG")
    Variable(1.0).show(tmp_path / "one.png")
    with pytest.raises(ValueError, match=r".png, .svg or .pdf"):
        J.show(tmp_path / "graph.txt")


def test_no_arrow_of_a_drawing_crosses_a_box():
    J = logistic_cost([[0.5], [-0.2]], 0.3, [[1.0, 2.0], [2.0, 0.5]], [[1, 0]])
    for only_named in (False, True):
        operands = _operands(shown_of(order(J), only_named))
        place = places(operands)
        assert len(set(place.values())) == len(place)
        assert all(place[end][0] - place[start][0] == 1 for start, end in arrows(operands, place))


def test_the_loss_of_one_example_by_the_lectures_names_alone(capsys):
    """z, a and L, with dz, da and what they are made of; the unnamed steps are written out."""
    L = logistic_cost([[0.5], [-0.2]], 0.3, [[1.0], [2.0]], [[1]]).operands[0]
    L.show(only_named=True)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert [line.split(" = ")[0] for line in lines] == ["b", "w_1", "w_2", "z_1", "a_1", "L_1"]
    assert lines[3] == "z_1 = b + w_1 * 1 + w_2 * 2 = 0.4 dL_1/dz_1 = -0.401312"
    assert lines[4].startswith("a_1 = sigmoid(z_1) = 0.598688 ")
    assert lines[5].startswith("L_1 = -(1 * log(a_1) + 0 * log(1 - a_1)) = 0.513015 ")
    words = [text.get_text() for text in figure(L, only_named=True).axes[0].texts]
    assert "a_1 = sigmoid(z_1)\nvalue 0.5987\nda_1 = -1.67" in words


x, y = Variable(3.0, "x"), Variable(4.0, "y")


@pytest.mark.parametrize(
    ("node", "written"),
    [
        ((x + 1) * y, "(x + 1) * y"),
        (x - (y - 1), "x - (y - 1)"),
        (x - 1 - y, "x - 1 - y"),
        (x / (y * 2), "x / (y * 2)"),
        (x / y / 2, "x / y / 2"),
        ((x * y) ** 2, "(x * y) ** 2"),
        ((x**2) ** y, "(x ** 2) ** y"),
        (-(x + y), "-(x + y)"),
        (-x * y, "-x * y"),
        ((-x) ** 2, "(-x) ** 2"),
        (np.exp(x + y) + np.maximum(x - y, 0), "exp(x + y) + max(x - y, 0)"),
    ],
)
def test_what_is_written_out_means_what_was_computed(node, written):
    nodes = order(node)
    made = expressions(nodes, names_of(shown_of(nodes, True)))[id(node)]
    assert made == written
    names = {"x": 3.0, "y": 4.0, "exp": math.exp, "max": max}
    assert eval(made, names) == pytest.approx(node.value, rel=1e-14)


def test_a_step_that_is_used_twice_is_never_written_out():
    """Else 60 doublings would be written as 2^60 names."""
    node = Variable(1.0, "x")
    for _ in range(60):
        node = node + node
    assert len(text(node, only_named=True).splitlines()) == 61


def test_a_graph_too_large_to_draw_says_so(tmp_path):
    y = Variable(0.0, "x")
    for _ in range(200):
        y = y + 1
    with pytest.raises(ValueError, match="room for 150 nodes and this graph has 201"):
        y.show(tmp_path / "graph.png")
