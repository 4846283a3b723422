"""Computation graph: scalars forward, derivatives backward (reverse-mode differentiation).

    a, b, c = Variable(5, "a"), Variable(3, "b"), Variable(2, "c")
    u = (b * c).named("u");  v = (a + u).named("v");  J = (3 * v).named("J")  # J = 3 (a + b c) = 33
    J.backward()  # {"dJ": 1, "dv": 3, "du": 3, "dc": 9, "db": 6, "da": 3}

Left to right, each operation stores its value and its partial derivatives by its operands. Right to
left, each node hands grad * partial to its operands: the chain rule, one node at a time, so that a
node used twice collects both. Both passes are loops, not recursion. Values are float64 and follow
NumPy: log of 0 is -inf, with NumPy's warning. Scalars only, and no second derivatives.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..maths.logistic import sigmoid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Partials = Callable[[Any, Any, Any], tuple[Any, ...]]

# operation: (how it is written, its partials from the operands a, b and the result r)
OPERATIONS: dict[Callable[..., Any], tuple[str, Partials]] = {
    np.add: ("{} + {}", lambda a, b, r: (1, 1)),
    np.subtract: ("{} - {}", lambda a, b, r: (1, -1)),
    np.multiply: ("{} * {}", lambda a, b, r: (b, a)),
    np.divide: ("{} / {}", lambda a, b, r: (1 / b, -r / b)),
    np.power: (
        "{} ** {}",
        lambda a, b, r: (b * a ** (b - 1) if b else 0, r * np.log(a) if r else 0),
    ),
    np.maximum: (
        "max({}, {})",
        lambda a, b, r: (a > b, b >= a),
    ),  # at a tie the derivative goes to b
    np.negative: ("-{}", lambda a, b, r: (-1,)),
    np.exp: ("exp({})", lambda a, b, r: (r,)),
    np.log: ("log({})", lambda a, b, r: (1 / a,)),
    sigmoid: ("sigmoid({})", lambda a, b, r: (r * sigmoid(-a),)),
}


class Variable:
    """Be a scalar in a computation graph.

    Parameters
    ----------
    value : float
        Its value.
    name : str, default=""
        Its name, by which `backward` returns its derivative.

    Attributes
    ----------
    value : float
        Its value.
    name : str
        Its name.
    grad : float
        d output / d this, after `output.backward()`.

    References
    ----------
    Lectures "Computation graph" and "Derivatives with a computation graph".

    Examples
    --------
    >>> from fastlogreg import Variable
    >>> a, b, c = Variable(5, "a"), Variable(3, "b"), Variable(2, "c")
    >>> J = (3 * (a + (b * c).named("u")).named("v")).named("J")
    >>> J.value
    33.0
    >>> J.backward()
    {'dJ': 1.0, 'dv': 3.0, 'du': 3.0, 'dc': 9.0, 'db': 6.0, 'da': 3.0}
    """

    __slots__ = ("_partials", "grad", "name", "operands", "operation", "value")

    def __init__(self, value: float, name: str = "") -> None:
        self.value = _number(value)
        self.name, self.grad = name, 0.0
        self.operation: Callable[..., Any] | None = None
        self.operands: tuple[Variable | float, ...] = ()
        self._partials: tuple[float, ...] = ()

    def named(self, name: str) -> Variable:
        """Name this node and return it: `u = (b * c).named("u")`.

        Parameters
        ----------
        name : str
            The name.

        Returns
        -------
        Variable
            This node.
        """
        self.name = name
        return self

    def backward(self) -> dict[str, float]:
        """Set `grad` of every node to d self / d node.

        Returns
        -------
        dict
            The derivatives by the lectures' names: "dv" for the node named v.

        Raises
        ------
        ValueError
            Where two nodes have one name, or the graph has a cycle.
        """
        nodes = order(self)
        for node, grad in zip(nodes, derivatives(nodes)):
            node.grad = grad
        named = [node for node in reversed(nodes) if node.name]
        found = {f"d{node.name}": node.grad for node in named}
        if len(found) < len(named):
            names = [node.name for node in named]
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(
                f"two nodes of the graph are named {twice!r}: give each node a name of its own, "
                "or none"
            )
        return found

    def show(self, path: str | Path | None = None) -> None:
        """Print the graph as text, or draw it, with values and with derivatives of this node.

        The derivatives are computed for it; `backward` need not have been called.

        Parameters
        ----------
        path : path or None, default=None
            An SVG or PNG file to draw into (needs matplotlib); None to print.
        """
        if path is None:
            print(text(self))
        else:
            draw(self, path)

    def sigmoid(self) -> Variable:
        """Return 1 / (1 + exp(-z)), which `fastlogreg.sigmoid` calls on Variables."""
        return apply(sigmoid, self)

    def __array_ufunc__(self, ufunc: Any, method: str, *operands: Any, **options: Any) -> Variable:
        if method != "__call__" or options or ufunc not in OPERATIONS:
            known, word = (
                ", ".join(f.__name__ for f in OPERATIONS),
                " ".join((ufunc.__name__, method, *options)),
            )
            word = word.replace(" __call__", "")
            raise TypeError(
                f"np.{word} is not an operation of the computation graph; it has {known}"
            )
        return apply(ufunc, *operands)

    # fmt: off
    def __add__(self, other: Any) -> Variable: return apply(np.add, self, other)
    def __radd__(self, other: Any) -> Variable: return apply(np.add, other, self)
    def __sub__(self, other: Any) -> Variable: return apply(np.subtract, self, other)
    def __rsub__(self, other: Any) -> Variable: return apply(np.subtract, other, self)
    def __mul__(self, other: Any) -> Variable: return apply(np.multiply, self, other)
    def __rmul__(self, other: Any) -> Variable: return apply(np.multiply, other, self)
    def __truediv__(self, other: Any) -> Variable: return apply(np.divide, self, other)
    def __rtruediv__(self, other: Any) -> Variable: return apply(np.divide, other, self)
    def __pow__(self, other: Any) -> Variable: return apply(np.power, self, other)
    def __rpow__(self, other: Any) -> Variable: return apply(np.power, other, self)
    def __neg__(self) -> Variable: return apply(np.negative, self)
    # fmt: on

    def __repr__(self) -> str:
        return f"Variable({self.value:.6g}, name={self.name!r}, grad={self.grad:.6g})"


def apply(operation: Callable[..., Any], *operands: Any) -> Variable:
    """Make one step forward: the value of an operation on Variables and numbers.

    Its partial derivatives there are kept in the node.
    """
    kept = tuple(x if isinstance(x, Variable) else _number(x) for x in operands)
    a, b = (*(np.float64(x.value if isinstance(x, Variable) else x) for x in kept), None)[:2]
    result = operation(a) if b is None else operation(a, b)
    node = Variable(float(result))
    with np.errstate(all="ignore"):
        node._partials = tuple(map(float, OPERATIONS[operation][1](a, b, np.float64(result))))
    node.operation, node.operands = operation, kept
    return node


def order(output: Variable) -> list[Variable]:
    """List every node the output depends on, each after its operands (topological order)."""
    done: dict[int, bool] = {}  # id: False while its operands are being visited, True after
    nodes, stack = [], [output]
    while stack:
        node = stack[-1]
        if not isinstance(node, Variable):
            raise TypeError(
                f"a node of the graph must be a Variable, and one is {node!r}: wrap it, "
                "Variable(x, name)"
            )
        if id(node) in done:
            stack.pop()
            if not done[id(node)]:
                done[id(node)] = True
                nodes.append(node)
            continue
        done[id(node)] = False
        for x in reversed(node.operands):
            if done.get(id(x), True) is False:
                raise ValueError(
                    f"the graph has a cycle through {node!r}: make a new Variable instead of "
                    "changing one"
                )
            if not isinstance(x, float) and id(x) not in done:
                stack.append(x)
    return nodes


def derivatives(nodes: list[Variable]) -> list[float]:
    """Compute d output / d node for each node, the output being the last; no node is changed."""
    place = {id(node): k for k, node in enumerate(nodes)}
    grads = [0.0] * (len(nodes) - 1) + [1.0]
    with np.errstate(all="ignore"):  # infinite partials were warned of on the way forward
        for node, grad in zip(reversed(nodes), (grads[k] for k in range(len(nodes) - 1, -1, -1))):
            for operand, partial in zip(node.operands, node._partials):
                if isinstance(operand, Variable):
                    grads[place[id(operand)]] += grad * partial
    return grads


def _number(x: Any) -> float:
    if isinstance(x, (Real, np.bool_)) or (
        isinstance(x, np.ndarray) and x.ndim == 0 and x.dtype.kind in "buif"
    ):
        return float(x)
    what = f"array of shape {x.shape}" if isinstance(x, np.ndarray) else f"{type(x).__name__} {x!r}"
    raise TypeError(
        f"the computation graph holds real scalars and Variables, not {what}: use one Variable "
        "per number"
    )


# The graph drawn, as text and as a figure.

_LARGEST_DRAWING = 150  # nodes; beyond that boxes are too small to read


def names_of(nodes: list[Variable]) -> dict[int, str]:
    """Name each node, by id: its own name, or t1, t2, ... from left to right.

    Names that are taken are passed over.
    """
    taken = {node.name for node in nodes}
    free = (name for k in range(1, 2 * len(nodes) + 2) if (name := f"t{k}") not in taken)
    return {id(node): node.name or next(free) for node in nodes}


def expression(node: Variable, names: dict[int, str]) -> str:
    """Write how a node was made, such as "b * c"; empty for an input."""
    if node.operation is None:
        return ""
    words = (names[id(x)] if isinstance(x, Variable) else f"{x:.6g}" for x in node.operands)
    return OPERATIONS[node.operation][0].format(*words)


def text(output: Variable) -> str:
    """Write the graph from left to right, a line for each node.

    A line is name = expression = value, and d output / d node.
    """
    nodes = order(output)
    names, J = names_of(nodes), output.name or "output"
    left = [
        " = ".join(filter(None, (names[id(n)], expression(n, names), f"{n.value:.6g}")))
        for n in nodes
    ]
    width = max(map(len, left))
    return "\n".join(
        f"{line:<{width}}   d{J}/d{names[id(node)]} = {grad:.6g}"
        for line, node, grad in zip(left, nodes, derivatives(nodes))
    )


def figure(output: Variable) -> Figure:
    """Draw inputs left, output right.

    On each node stand its name, how it was made, its value and d output / d node. ValueError for
    more than 150 nodes.
    """
    from ..figures.base import new_figure

    nodes = order(output)
    if len(nodes) > _LARGEST_DRAWING:
        raise ValueError(
            f"a drawing has room for {_LARGEST_DRAWING} nodes and this graph has {len(nodes)}: "
            "print it with show(), "
            "or draw the graph of one example"
        )
    names, J = names_of(nodes), output.name or "output"
    place = _places(nodes)
    columns, rows = (max(place.values())[0] + 1, max(y for _, y in place.values()) + 1)
    fig, axes = new_figure(width=max(1.85 * columns + 0.2, 5.6), height=max(1.15 * rows, 1.6) + 0.5)
    boxes: dict[Any, Any] = {}
    for node, grad in zip(nodes, derivatives(nodes)):
        made = expression(node, names)
        title = f"{names[id(node)]} = {made}" if made else names[id(node)]
        boxes[id(node)] = axes.text(
            *place[id(node)],
            f"{title}\nvalue {node.value:.4g}\nd{J}/d{names[id(node)]} = {grad:.4g}",
            ha="center",
            va="center",
            fontsize=9,
            linespacing=1.4,
            zorder=3,
            bbox={
                "boxstyle": "round,pad=0.35",
                "facecolor": "white" if made else "0.88",
                "edgecolor": "black",
            },
        ).get_bbox_patch()
    for start, end in _arrows(nodes, place):
        head = "-|>" if end in boxes else "-"
        ends = {"patchA": boxes.get(start), "patchB": boxes.get(end), "shrinkA": 0, "shrinkB": 0}
        # Above the boxes, so that it is drawn after them: they have their final size only then.
        style = {"arrowstyle": head, "color": "0.35", **ends}
        axes.annotate("", xy=place[end], xytext=place[start], arrowprops=style, zorder=4)
    axes.set(xlim=(-0.55, columns - 0.45), ylim=(-0.6, rows - 0.4))
    axes.axis("off")
    axes.set_title(
        f"Values from left to right, derivatives of {J} from right to left; inputs are grey",
        fontsize=9,
    )
    return fig


def draw(output: Variable, path: str | Path) -> None:
    """Write the figure of the graph to a PNG, SVG or PDF file."""
    from ..figures.base import save

    save(figure(output), path)


def _places(nodes: list[Variable]) -> dict[Any, tuple[float, float]]:
    """Place each node by id at (column, row), just left of its first use.

    The corners of the arrows that pass columns have places too. A corner has the key (id of
    operand, id of node, column) and a row of its own, so that no arrow crosses a box.
    """
    number = {id(node): k for k, node in enumerate(nodes)}
    back = dict.fromkeys(number, 0)  # columns left of the output
    for node in reversed(nodes):
        for x in _variables(node):
            back[id(x)] = max(back[id(x)], back[id(node)] + 1)
    columns: list[list[tuple[int, Any]]] = [[] for _ in range(max(back.values()) + 1)]
    for node in nodes:
        columns[back[id(node)]].append((number[id(node)], id(node)))
        for x in _variables(node):
            for k in range(back[id(node)] + 1, back[id(x)]):
                columns[k].append((number[id(node)], (id(x), id(node), k)))
    tallest = max(map(len, columns))
    return {
        key: (float(len(columns) - 1 - k), (tallest - len(keys)) / 2 + (len(keys) - 1 - row))
        for k, keys in enumerate(columns)
        for row, (_, key) in enumerate(sorted(keys, key=lambda entry: entry[0]))
    }


def _arrows(nodes: list[Variable], place: dict[Any, tuple[float, float]]) -> list[tuple[Any, Any]]:
    """Pairs of keys of places: from each operand, by way of its corners, to the node."""
    pairs: list[tuple[Any, Any]] = []
    for node in nodes:
        for x in _variables(node):
            corners = sorted(
                (key for key in place if isinstance(key, tuple) and key[:2] == (id(x), id(node))),
                key=lambda key: -key[2],
            )
            way = [id(x), *corners, id(node)]
            pairs += pairwise(way)
    return pairs


def _variables(node: Variable) -> list[Variable]:
    """Return the operands that are nodes, each once."""
    return list({id(x): x for x in node.operands if isinstance(x, Variable)}.values())
